"""A night of files, one job each: snakemake survey --config images='night/*.fits' out=denoised

Also in --config: ratio=3 network=network1 exptime=700 options='--clean-cosmic-rays' threads=2. Of many cores with
little memory as many are used as --resources mem_mb=32000 allows. On a cluster: --workflow-profile profiles/slurm.
"""

from workflow import survey

NIGHT = survey.choose(config, "survey" in sys.argv)


localrules: survey


rule survey:
    "Every image that matches, denoised."
    input:
        lambda wildcards: [NIGHT.output(name) for name in NIGHT.images],


rule denoise:
    "One file; made again when its size, its time, the network or the options change."
    input:
        lambda wildcards: NIGHT.images[wildcards.image],
    output:
        f"{NIGHT.out}/{{image}}_denoised.fits",
    log:
        f"{NIGHT.out}/logs/{{image}}.log",
    params:
        state=lambda wildcards: NIGHT.state(wildcards.image),
        arguments=NIGHT.arguments,
    wildcard_constraints:
        image="[^/]+",
    message:
        "denoise {wildcards.image}"
    threads: int(config.get("threads", 1))
    resources:
        mem_mb=lambda wildcards, input: 3000 + int(20 * input.size_mb),
        runtime=60,
    shell:
        "OMP_NUM_THREADS={threads} {PYTHON} -m astrounet_core.cli denoise {input:q} -o {output:q} --overwrite"
        " {params.arguments} > {log:q} 2>&1"

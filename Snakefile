"""Every artefact of the book as a rule: fields -> training -> evaluation -> pages -> book.

    snakemake --config profile=quick            the book
    snakemake page --config page=noise_model    one page
    snakemake survey --config images='night/*.fits' out=denoised    files of one's own, see workflow/survey.smk

Rules compare the content of what they are made from (the `digest` parameters), not file times.
"""

import sys
import time

sys.path.insert(0, workflow.basedir)
from workflow import plan

STARTED = time.time()
PROFILE = plan.choose("profile", config.get("profile", "quick"), plan.profile_names())
SETTINGS = plan.read_profile(PROFILE)
PAGES = plan.page_names() + plan.lab_names()
RESULTS = f"_build/results/{PROFILE}"
PYTHON = sys.executable
SEED = int(config.get("seed", 0))

SCORING = (
    f"--profile {PROFILE} --fields {SETTINGS['fields']} --noise-seeds {SETTINGS['noise_seeds']}"
    f" --ratios {' '.join(map(str, SETTINGS['exposure_ratios']))}"
)
SEEDS = SETTINGS["training_seeds"]
TRAINED = [f"{name}/seed{k}" for name in SETTINGS["train"] for k in range(SEEDS.get(name, SEEDS["default"]))]
EVALUATED = [f"{RESULTS}/{run}/metrics.json" for run in TRAINED]
SCORECARD = f"{RESULTS}/scorecard.json"
FREE = [f"{RESULTS}/{name}/seed0/metrics.json" for name in SETTINGS["evaluate"]]


wildcard_constraints:
    experiment="[a-z0-9_]+",
    k="[0-9]+",
    page="[a-z0-9_]+",


localrules: all, page


rule all:
    input:
        "_build/html/index.html",


rule page:
    "One executed page: --config page=NAME."
    input:
        f"_build/pages/{PROFILE}/{plan.choose('page', config['page'], PAGES)}.ipynb" if "page" in config else [],


if PROFILE == "smoke":

    rule train_and_evaluate_all:
        "Every experiment for a few steps at toy size, in one process each: it proves the plumbing."
        output:
            EVALUATED,
        params:
            digest=plan.training_digest(PROFILE) + plan.evaluation_digest(),
        benchmark:
            "_build/timings/train_and_evaluate_all.tsv"
        message:
            "every experiment, for a few steps"
        threads: workflow.cores
        shell:
            "{PYTHON} -m astrounet_core.cli train {SETTINGS[train]} --profile smoke --quiet"
            " && {PYTHON} -m astrounet_core.cli evaluate {SETTINGS[train]} {SCORING} --quiet"

else:

    rule train:
        "One experiment, one seed; goes on from its last checkpoint if it was stopped."
        input:
            lambda wildcards: plan.starts_from(f"{RESULTS}/{{}}/seed{wildcards.k}/run.json", wildcards.experiment),
        output:
            f"{RESULTS}/{{experiment}}/seed{{k}}/run.json",
        params:
            digest=lambda wildcards: plan.training_digest(PROFILE),
        benchmark:
            "_build/timings/train-{experiment}-{k}.tsv"
        message:
            "train {wildcards.experiment}, seed {wildcards.k}"
        threads: workflow.cores
        resources:
            runtime=720,
            gpus=1 if PROFILE == "paper" else 0,
        shell:
            "{PYTHON} -m astrounet_core.cli train {wildcards.experiment} --profile {PROFILE}"
            " --seed {wildcards.k} --resume"

    rule evaluate_trained:
        "Score a network trained here."
        input:
            f"{RESULTS}/{{experiment}}/seed{{k}}/run.json",
        output:
            f"{RESULTS}/{{experiment}}/seed{{k}}/metrics.json",
        params:
            digest=plan.evaluation_digest(),
        wildcard_constraints:
            experiment="|".join(SETTINGS["train"]) or "-",
        benchmark:
            "_build/timings/evaluate-{experiment}-{k}.tsv"
        message:
            "evaluate {wildcards.experiment}, seed {wildcards.k}"
        threads: workflow.cores
        shell:
            "{PYTHON} -m astrounet_core.cli evaluate {wildcards.experiment} {SCORING} --seed {wildcards.k}"


rule evaluate:
    "Score the published networks and the methods that need no training."
    output:
        FREE,
    params:
        digest=plan.evaluation_digest() + str(SETTINGS),
    benchmark:
        "_build/timings/evaluate.tsv"
    message:
        "evaluate " + ", ".join(SETTINGS["evaluate"])
    threads: workflow.cores
    shell:
        "{PYTHON} -m astrounet_core.cli evaluate {SETTINGS[evaluate]} {SCORING}"


rule scorecard:
    "The profile's methods and sections of the scorecard; parts that are there are kept."
    output:
        SCORECARD,
    params:
        digest=plan.scorecard_digest() + str(SETTINGS["scorecard"]),
    benchmark:
        "_build/timings/scorecard.tsv"
    message:
        "scorecard of " + ", ".join(SETTINGS["scorecard"]["methods"])
    threads: 1
    shell:
        "OMP_NUM_THREADS={threads} {PYTHON} -m astrounet_core.cli evaluate --profile {PROFILE} --quiet"
        " --methods {SETTINGS[scorecard][methods]} --sections {SETTINGS[scorecard][sections]}"


rule execute:
    "One notebook, by papermill."
    input:
        lambda wildcards: EVALUATED + FREE if plan.reads_results(wildcards.page) else [],
        lambda wildcards: SCORECARD if plan.reads_scorecard(wildcards.page) else [],
    output:
        f"_build/pages/{PROFILE}/{{page}}.ipynb",
    params:
        digest=lambda wildcards: plan.page_digest(wildcards.page, PROFILE) + str(SEED),
        notebook=lambda wildcards: plan.notebook(wildcards.page).relative_to(plan.ROOT),
    benchmark:
        "_build/timings/page-{page}.tsv"
    message:
        "page {wildcards.page}"
    threads: 1
    shell:
        "OMP_NUM_THREADS={threads} {PYTHON} -m workflow.execute_page {params.notebook} {output}"
        " --profile {PROFILE} --seed {SEED}"


rule book:
    "The book, from its executed pages, with every warning an error."
    input:
        expand("_build/pages/{profile}/{page}.ipynb", profile=PROFILE, page=PAGES),
    output:
        "_build/html/index.html",
    params:
        digest=plan.book_digest(PROFILE) + PROFILE,
    benchmark:
        "_build/timings/book.tsv"
    message:
        "the book"
    shell:
        "{PYTHON} -m workflow.build_book --profile {PROFILE}"


include: "workflow/survey.smk"


onsuccess:
    plan.print_timings(STARTED)
    print(*survey.report(NIGHT), sep="\n", file=sys.stderr)


onerror:
    print(*survey.report(NIGHT), sep="\n", file=sys.stderr)

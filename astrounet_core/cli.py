"""The command ``astrounet``: denoise | check | train | evaluate | data | publish | doctor | receipt.

Heavy imports stay inside the commands, so that ``--help`` and bad arguments answer at once.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from . import __version__, check, cli_data, cli_denoise
from .experiments import KNOWN, PRESETS, SCHEDULES

TRAIN_EPILOG = """
--from WEIGHTS goes on from a trained network (transfer learning, section 4.4.1), at a tenth of the preset's learning
rate. EXPERIMENT must be one whose network is of the same kind; width and slope are the file's.

--data DIR trains on your own exposures instead of simulated fields. DIR holds two registered FITS files of every field,
in electrons or electrons/s, with EXPTIME; NaN marks pixels without data:
  NAME_short.fits, NAME_long.fits   the input and what it should become
  NAME_a.fits, NAME_b.fits          two exposures of one kind, each the other's target (Noise2Noise)
The last field by name, or the last quarter of the rows of a single one, is kept for validation.

--data hla trains presets paper and code on the archive files of the paper, found in ASTROUNET_DATA_DIR.

--at-once 3 trains three of the experiments side by side, where one alone leaves a GPU half idle.
torchrun --nproc-per-node 2 -m astrounet_core.cli train ... trains each on two GPUs, or by two processes on CPUs; every
process takes its share of the crops of an update, see --batch.

example: astrounet train modern --from modern --data my_pairs --updates 300
"""

EVALUATE_EPILOG = """
astrounet evaluate modern network1 --profile quick
  scores networks by the measures of Table 1 and writes _build/results/PROFILE/NAME/seed0/metrics.json.

astrounet evaluate --methods all --profile quick
  puts every method on the scorecard, _build/results/PROFILE/scorecard.json and .csv. --profile quick is a look of
  minutes, retrain the whole of it. What is finished is kept; the same command goes on.

astrounet evaluate --method my_module:my_function --profile quick
  adds your own: my_function(image, exposure_time, exposure_ratio) -> image, 2-d arrays of e-/s, sky-subtracted, and the
  seconds of the exposure. my_module.py lies in this folder, or is installed.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command. 0 on success; 2 and one sentence on bad input; 130 where it was interrupted."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options) or 0
    except (ValueError, OSError) as error:
        print(f"astrounet: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        remedy = getattr(options, "interrupted", "what was finished is whole, the rest was not begun")
        print(f"astrounet: interrupted; {remedy}.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="astrounet", description="Denoise astronomical images with a U-net.")
    parser.add_argument("--version", action="version", version=f"astrounet {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (cli_denoise.add_parser, check.add_parser):
        add(commands)
    for add in (_add_train, _add_evaluate, cli_data.add_parser, _add_publish, _add_doctor, _add_receipt):
        add(commands)
    return parser


def _command(commands, name: str, run: Callable, summary: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=summary)
    parser.set_defaults(command=run)
    return parser


def _add_train(commands) -> None:
    parser = _command(commands, "train", _train, "Train experiments of the paper by name, or on pairs of your own.")
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, TRAIN_EPILOG
    parser.set_defaults(interrupted="the last checkpoint is kept, --resume goes on from it")
    parser.add_argument("experiments", nargs="+", metavar="EXPERIMENT", help=", ".join(KNOWN))
    parser.add_argument("--profile", default="retrain", help=f"how much compute: {', '.join(SCHEDULES)}")
    parser.add_argument("--preset", help=f"recipe: {', '.join(PRESETS)} (default: the experiment's own)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--updates", type=_positive, help="fewer or more weight updates than the profile's")
    parser.add_argument("--batch", type=_positive, help="crops an update, in place of the profile's")
    parser.add_argument("--at-once", type=_positive, default=1, metavar="N", help="experiments side by side")
    features = ("scenes", "vgg16")
    parser.add_argument("--features", choices=features, default="scenes", help="what a perceptual loss compares")
    parser.add_argument("--from", dest="start", metavar="WEIGHTS", help="a published network, or a .safetensors file")
    parser.add_argument("--data", metavar="DIR", help="folder of FITS pairs, or hla: the paper's own files")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--out", type=Path, help="folder of results (default: _build/results)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too few, give 1 or more")
    return number


def _train(options) -> None:
    from .runs import train_many

    folders = train_many(
        options.experiments,
        options.profile,
        options.at_once,
        preset=options.preset,
        seed=options.seed,
        updates=options.updates,
        batch=options.batch,
        features=options.features,
        start=options.start,
        data=options.data,
        device=options.device,
        resume=options.resume,
        out=options.out,
        progress=not options.quiet,
    )
    for name, folder in zip(options.experiments, folders, strict=True):
        print(f"{name}: {folder / 'weights.safetensors'}")


def _add_evaluate(commands) -> None:
    parser = _command(commands, "evaluate", _evaluate, "Score networks and free methods on the test fields.")
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EVALUATE_EPILOG
    parser.set_defaults(interrupted="the parts of the scorecard that are finished are kept, the same command goes on")
    parser.add_argument("names", nargs="*", metavar="METHOD", help="an experiment, or a method without training")
    scorecard = parser.add_argument_group("scorecard")
    scorecard.add_argument("--methods", nargs="+", metavar="METHOD", help="put these, or all, on the scorecard")
    scorecard.add_argument("--method", action="append", metavar="MODULE:FUNCTION", help="and a denoiser of your own")
    scorecard.add_argument("--sections", nargs="+", metavar="SECTION", help="some of its sections only")
    parser.add_argument("--profile", default="quick", help="smoke, quick, retrain or paper")
    parser.add_argument("--seed", type=int, default=0, help="training seed of the networks to score")
    parser.add_argument("--fields", type=int, default=6, help="how many of the test fields (default 6)")
    parser.add_argument("--noise-seeds", type=int, default=1)
    parser.add_argument("--ratios", type=float, nargs="+", default=[2, 3, 4, 5], help="exposure ratios")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _evaluate(options) -> None:
    if options.methods or options.method:
        return _score(options)
    if not options.names:
        raise ValueError("no method is named; give an experiment, or --methods all for the scorecard.")
    from .scoring import evaluate

    paths = evaluate(
        options.names,
        options.profile,
        seed=options.seed,
        count=options.fields,
        noise_seeds=options.noise_seeds,
        exposure_ratios=options.ratios,
        progress=not options.quiet,
    )
    print(*paths, sep="\n")


def _score(options) -> None:
    from . import score_methods, scorecard

    methods = score_methods.methods([*(options.methods or []), *(options.method or [])])
    say = (lambda text: None) if options.quiet else (lambda text: print(text, file=sys.stderr, flush=True))
    path = scorecard.run(methods, options.profile, options.sections or scorecard.DEFAULT, say)
    print(path, path.with_suffix(".csv"), sep="\n")


def _add_publish(commands) -> None:
    parser = _command(commands, "publish", _publish, "Copy finished runs to results/ and weights to weights/.")
    parser.add_argument("runs", nargs="*", metavar="RUN")
    parser.add_argument("--profile", required=True)
    parser.add_argument("--weights", nargs="*", default=[], metavar="EXPERIMENT")
    parser.add_argument("--to", metavar="FOLDER", help="of results/ (default: the profile's; table1: equal compute)")


def _publish(options) -> None:
    from .records import publish

    for path in publish(options.profile, options.runs, options.weights, options.to):
        print(path)


def _add_doctor(commands) -> None:
    parser = _command(commands, "doctor", _doctor, "Say what is installed, on which device, and what data is there.")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def _doctor(options) -> int:
    from .doctor import examine, report

    found = examine()
    print(json.dumps(found, indent=1) if options.json else report(found))
    return 0 if found["healthy"] else 1


def _add_receipt(commands) -> None:
    summary = "Check files, versions, records and claims, and write a receipt.md to attach to an issue."
    parser = _command(commands, "receipt", _receipt, summary)
    parser.add_argument("--out-dir", type=Path, default=Path("."), metavar="DIR", help="default: this folder")


def _receipt(options) -> int:
    from . import receipt

    made = receipt.make(options.out_dir)
    print(receipt.text(made), options.out_dir / "receipt.md", sep="\n")
    return 0 if made["good"] else 1


if __name__ == "__main__":
    sys.exit(main())

"""The command ``astrounet data``: list | fetch | verify | find."""

import argparse
import json
import sys
from collections.abc import Callable

LIST = "List what can be fetched, and whether it is here."
FETCH = "Fetch files of the manifest and print where they are."
VERIFY = "Check the files that are here by their sha256."
FIND = "Ask the archive, MAST, for Hubble images of a field: by default that of SN 2014J, section 4.4."
NAMES = """
NAME is one that `astrounet data list` shows, or a file's:
  hla                     all 149 files that the paper names, large mosaics
  hla:test                one of the paper's lists: training, validation or test
  hla:leak-free-test      one part of the division in which no proposal is in two; training reads this one
No NAME: all real images, 15 MB together.
"""
FETCH_EPILOG = (
    NAMES
    + """
A file that is here already is only checked. One that came in part is gone on with. Those that fail are reported at the
end, with exit code 2; all others are kept. Nobody publishes hashes of the paper's files: what comes first is noted in
hla.lock.json in the cache, and another file of that name is refused later.

examples:
  astrounet data fetch
  astrounet data fetch horseshoe_f606w cosmos_100018
  astrounet data fetch hla:leak-free-training hla:leak-free-validation --at-once 8
"""
)
VERIFY_EPILOG = (
    NAMES.replace("all real images, 15 MB together", "all that is here")
    + """
Exit code 2 where a file is not the one that is listed, or one that is named is missing.

examples:
  astrounet data verify
  astrounet data verify hla:test
"""
)


def add_parser(commands) -> None:
    """Add the command to the parsers of ``astrounet``."""
    summary = "List, fetch or check the files of the manifest, or find others in the archive."
    parser = commands.add_parser("data", help=summary, description=summary)
    parser.set_defaults(interrupted="what has come is kept, the same command goes on from there")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    _action(actions, "list", _list, LIST, "")
    fetch = _action(actions, "fetch", _fetch, FETCH, FETCH_EPILOG)
    fetch.add_argument("names", nargs="*", metavar="NAME")
    fetch.add_argument("--at-once", type=int, choices=range(1, 17), default=4, metavar="N", help="files, default 4")
    fetch.add_argument("--quiet", action="store_true", help="no progress bar, no paths")
    _action(actions, "verify", _verify, VERIFY, VERIFY_EPILOG).add_argument("names", nargs="*", metavar="NAME")
    _add_find(actions)


def _action(actions, name: str, run: Callable, summary: str, epilog: str) -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = actions.add_parser(name, help=summary, description=summary, epilog=epilog, formatter_class=plain)
    parser.set_defaults(command=run)
    return parser


def _list(options) -> None:
    from . import manifest

    for each in [*manifest.entries(), *manifest.classifiers()]:
        what = f"{each.instrument} {each.filter}" if isinstance(each, manifest.Entry) else each.licence.split(",")[0]
        here = "here" if manifest.find_local(each.file) else "-"
        print(f"{each.name:48s} {here:>10s} {each.bytes / 1e6:7.2f} MB  {what}")
    for name in manifest.hla_names():
        files = manifest.hla_downloads(name)
        here = f"{sum(manifest.find_local(each.file) is not None for each in files)} here"
        print(f"{name:48s} {here:>10s} {len(files):4d} files  WFC3/UVIS F555W and F606W")


def _fetch(options) -> int:
    """Fetch all; 0, or 2 where at least one failed."""
    from tqdm import tqdm

    from . import manifest
    from .downloads import Progress, parallel

    wanted = manifest.select(options.names)
    failures = []
    with Progress(shown=not options.quiet and sys.stderr.isatty()) as progress:
        for _, outcome in parallel(
            lambda each: manifest.obtain(each, progress=progress), wanted, options.at_once, progress
        ):
            if isinstance(outcome, Exception):
                failures.append(outcome)
            elif not options.quiet:
                tqdm.write(str(outcome), sys.stdout)
    for failure in failures:
        print(f"astrounet: {failure}", file=sys.stderr)
    if failures and len(wanted) > 1:
        print(f"astrounet: {len(failures)} of {len(wanted)} files failed.", file=sys.stderr)
    return 2 if failures else 0


def _verify(options) -> int:
    """Check files; 0, or 2 where one is not as listed, or is named and missing."""
    from . import manifest

    bad = 0
    for name, state, sentence in manifest.verify(options.names):
        if state != "missing" or options.names:
            print(f"{state:8s} {name}")
        if state == "corrupt" or (state == "missing" and options.names):
            bad += 1
            print(f"astrounet: {sentence}", file=sys.stderr)
    return 2 if bad else 0


def _add_find(actions) -> None:
    example = "\nexample: astrounet data find --ra 10.68 --dec 41.27 --filter F606W --exptime 30 600\n"
    parser = _action(actions, "find", _find, FIND, example)
    number = {"type": float, "default": argparse.SUPPRESS}
    parser.add_argument("--ra", help="right ascension, degrees (default 148.9256)", **number)
    parser.add_argument("--dec", help="declination, degrees (default 69.6739)", **number)
    parser.add_argument("--radius", help="arcsec around it (default 30)", **number)
    parser.add_argument("--instrument", default=argparse.SUPPRESS, help="as the archive writes it (default WFC3/UVIS)")
    parser.add_argument("--filter", default=argparse.SUPPRESS, help="such as F555W (default: any)")
    times = {"dest": "exposure_times", "nargs": "+", "metavar": "SECONDS"}
    parser.add_argument("--exptime", help="only these exposure times, to 1 s (default: any)", **number, **times)
    parser.add_argument("--json", action="store_true", help="machine-readable")


def _find(options) -> int:
    from .archive import Query, find, listing

    wanted = {name: value for name, value in vars(options).items() if name in Query.__dataclass_fields__}
    rows = find(Query(**wanted))
    print(json.dumps(rows, indent=1) if options.json else listing(rows))
    return 0 if rows else 1

"""The book as a zip, and all that a release holds in `_build/release/`: it is collected there and published nowhere."""

import argparse
import json
import re
import shutil
import sys
import zipfile
from pathlib import Path

import yaml

from astrounet_core import __version__
from astrounet_core.provenance import replacing, sha256
from workflow.build_book import BUILD, ROOT

NAME = f"astrounet-book-{__version__}"
ZIP, PDF = BUILD / f"{NAME}.zip", BUILD / f"{NAME}.pdf"
RELEASE = BUILD / "release"
CITATION = ROOT / "CITATION.cff"
REQUIRED = ("cff-version", "message", "title", "authors", "version", "license", "date-released")
MANIFEST = "data_manifest"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["zip", "collect"])
    try:
        if parser.parse_args(arguments).what == "zip":
            zip_book(BUILD / "html", ZIP)
            print(f"{ZIP.relative_to(ROOT)}: {ZIP.stat().st_size / 1e6:.1f} MB; unpack it and open index.html.")
        else:
            files = collect([ZIP, PDF], RELEASE)
            print("A release would publish these, and nothing was published:", *map(_line, files), sep="\n")
    except (ValueError, OSError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    return 0


def zip_book(html: Path, target: Path) -> None:
    """The built book as one zip with one folder in it, which reads without a network. FileNotFoundError without it."""
    if not (html / "index.html").exists():
        raise FileNotFoundError(f"there is no built book at {html}; run `make book` first.")
    files = sorted(path for path in html.rglob("*") if path.is_file() and path.name != ".buildinfo")
    with replacing(target) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, f"{target.stem}/{file.relative_to(html)}")


def collect(books: list[Path], folder: Path) -> list[Path]:
    """Fill a fresh folder with what a release holds, checksums last. FileNotFoundError where a book isn't made yet."""
    missing = [path.name for path in books if not path.exists()]
    if missing:
        raise FileNotFoundError(f"{', '.join(missing)} is missing; run `make zip pdf` first.")
    metadata = zenodo(yaml.safe_load(CITATION.read_text()))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in [*books, CITATION]:
        shutil.copyfile(path, folder / path.name)
    shutil.make_archive(str(folder / f"{MANIFEST}-{__version__}"), "zip", ROOT, MANIFEST)
    (folder / ".zenodo.json").write_text(json.dumps(metadata, indent=1, ensure_ascii=False) + "\n")
    files = sorted(folder.iterdir())
    sums = folder / "SHA256SUMS"
    sums.write_text("".join(f"{sha256(path)}  {path.name}\n" for path in files))
    return [*files, sums]


def zenodo(citation: dict) -> dict:
    """Zenodo's metadata from the content of CITATION.cff. Raises ValueError as `validate` does."""
    validate(citation)
    paper = citation["preferred-citation"]
    return {
        "title": citation["title"],
        "upload_type": "software",
        "version": citation["version"],
        "publication_date": str(citation["date-released"]),
        "description": f"<p>{citation['abstract']}</p>",
        "creators": [{"name": _name(author)} for author in citation["authors"]],
        "license": citation["license"],
        "keywords": citation["keywords"],
        "access_right": "open",
        "related_identifiers": [{"identifier": paper["doi"], "relation": "isSupplementTo", "scheme": "doi"}],
    }


def _name(author: dict) -> str:
    family, given = author.get("family-names"), author.get("given-names")
    return f"{family}, {given}" if family else author["name"]


def validate(citation: dict) -> None:
    """Raise ValueError for what is missing or malformed in the content of a CITATION.cff, by its schema 1.2.0."""
    for key in REQUIRED:
        if not citation.get(key):
            raise ValueError(f"CITATION.cff has no {key}; add it.")
    forms = {"cff-version": r"1\.2\.0", "date-released": r"\d{4}-\d\d-\d\d", "version": re.escape(__version__)}
    for key, form in forms.items():
        if not re.fullmatch(form, str(citation[key])):
            raise ValueError(f"CITATION.cff has {key} {str(citation[key])!r}, which isn't of the form {form}; mend it.")
    for author in citation["authors"]:
        if not author.get("name") and not (author.get("family-names") and author.get("given-names")):
            raise ValueError("CITATION.cff has an author without a name; give name, or family-names and given-names.")
    for one in citation.get("identifiers", []):
        if one.get("type") not in ("doi", "url", "swh", "other") or not one.get("value"):
            raise ValueError(
                "CITATION.cff has an identifier without a type (doi, url, swh, other) or a value; mend it."
            )


def _line(path: Path) -> str:
    return f"  {path.stat().st_size / 1e6:8.1f} MB  {path.relative_to(ROOT)}"


if __name__ == "__main__":
    sys.exit(main())

"""What a page shows: figures, tables, notes and numbers, each with caption, label, alternative text and provenance.

Every output carries two forms. The book reads the MyST one: a numbered, labelled ``{figure}`` or ``{table}``.
JupyterLab prefers the HTML one: the same, self-contained, so that a downloaded notebook shows it anywhere.
"""

import base64
import html
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from . import figure_data, interactive
from ._paths import BUILD_DIR
from .provenance import Stopwatch, commit, replacing
from .style import STYLE
from .tables import Column, html_table, number, pipe_table

DPI = 160
MIN_WORDS = 4
"""Fewer words than this describe no figure."""

VIEWS = {"compare": interactive.slider, "explore": interactive.explorer}
"""Before and after under a slider; points with their values."""

NOTES = ("note", "tip", "important", "warning", "caution")


@dataclass(frozen=True)
class Output:
    """Something to display: MyST for the book, HTML for notebooks, text for a terminal."""

    markdown: str
    html: str
    text: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/markdown": self.markdown, "text/html": self.html, "text/plain": self.text}


class Page:
    """One page of the book while it is computed. ``folder`` is where its notebook will lie; figures go beside it."""

    def __init__(self, name: str, profile: str, seed: int, folder: Path):
        self.name, self.profile, self.seed, self.folder = name, profile, seed, Path(folder)
        self.commit, self.dirty = commit()
        self._since_last = Stopwatch()

    def figure(self, fig: Figure, *, name: str, caption: str, alt: str, record=None, view: str = "") -> Output:
        """Save a figure as ``figures/<page>-<name>.png`` and return it as a numbered figure with the label ``name``.

        caption: MyST inline text. alt: what the figure shows, in words, for those who cannot see it. record: the
        run.json content that the figure rests on, or a list of them, or `records.Record`; without one the strip shows
        this page's own profile and seed. The numbers drawn are saved beside it, and the book's strip links to them.
        view: what the book's scripts make of the picture, one of `VIEWS`. Raises ValueError for a caption or alt of
        fewer than four words, a name that cannot be a label, and a figure that the view cannot show.
        """
        self._claim(name, caption)
        _require_words("alternative text", alt, name)
        stem = f"figures/{self.name}-{name}"
        png, more, link = _draw(fig, self.folder, stem, view)
        strip = self._strip(record, fig.get_label())
        width = round(int.from_bytes(png[16:20]) * 96 / DPI)  # a PNG file names its width in bytes 16 to 19
        source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        picture = f'<img src="{source}" alt="{html.escape(_one_line(alt))}" style="width:{width}px">'
        options = {"name": name, "alt": _one_line(alt), "width": f"{width}px", "class": "dark-light"}
        body = f"{_one_line(caption)}\n\n{_strip_block(strip + link)}{more}"
        return Output(
            _directive("figure", f"{stem}.png", options, body),
            f"<figure>{picture}{_html_caption(caption, strip)}</figure>",
            f"{name}: {_plain(caption)}",
        )

    def table(self, rows: list[dict], *, name: str, caption: str, columns: list[Column], record=None) -> Output:
        """Rows as a numbered table with the label ``name``; a value that is None or missing reads *not run*.

        Raises ValueError for no rows, no columns, a caption of fewer than four words or a bad label.
        """
        self._claim(name, caption)
        if not rows or not columns:
            raise ValueError(f"table {name!r} of page {self.name!r} has no rows or no columns; give it some.")
        strip = self._strip(record)
        table = _directive("table", _one_line(caption), {"name": name}, pipe_table(rows, columns))
        return Output(
            f"{table}\n{_strip_block(strip)}",
            f"<figure>{html_table(rows, columns)}{_html_caption(caption, strip)}</figure>",
            f"{name}: {_plain(caption)}",
        )

    def note(self, text: str, kind: str = "note", title: str | None = None) -> Output:
        """A visible box; kind is one of note, tip, important, warning, caution."""
        if kind not in NOTES:
            raise ValueError(f"unknown kind of note {kind!r}; choose one of {', '.join(NOTES)}.")
        heading = title or kind.capitalize()
        markdown = _directive("admonition", heading, {"class": kind}, text)
        return Output(markdown, f"<blockquote><b>{html.escape(heading)}.</b> {_rich(text)}</blockquote>", _plain(text))

    def text(self, markdown: str) -> Output:
        """Prose with computed numbers in it (see `value`), MyST inline text."""
        return Output(markdown, f"<p>{_rich(markdown)}</p>", _plain(markdown))

    def definitions(self, terms: dict[str, list[str]]) -> Output:
        """A definition list, {term: paragraphs}, MyST inline text. Raises ValueError for no terms."""
        if not terms:
            raise ValueError(f"a list of page {self.name!r} has no terms; give it some.")
        lines = [
            f"**{term}**\n: " + "\n\n  ".join(map(_one_line, paragraphs)) + "\n" for term, paragraphs in terms.items()
        ]
        parts = (
            f"<dt><b>{_rich(term)}</b></dt><dd>{''.join(f'<p>{_rich(one)}</p>' for one in paragraphs)}</dd>"
            for term, paragraphs in terms.items()
        )
        plain = "\n".join(f"{_plain(term)}: {_plain(' '.join(paragraphs))}" for term, paragraphs in terms.items())
        return Output("\n".join(lines), f"<dl>{''.join(parts)}</dl>", plain)

    @staticmethod
    def value(x, fmt: str = ".3g", unit: str = "", spread=None, interval=None) -> str:
        """A number for prose: ``2.26 ± 0.18 %``; None and NaN read *not run*."""
        return number(x, fmt, unit, spread, interval)

    def _strip(self, record=None, function: str = "") -> str:
        """The line of provenance below an output; without a record, with the seconds since the page's last output."""
        seconds, self._since_last = self._since_last.seconds, Stopwatch()
        page = {
            "profile": self.profile,
            "seed": self.seed,
            "commit": self.commit,
            "dirty": self.dirty,
            "seconds": seconds,
        }
        records = record if isinstance(record, list) else [record]
        return provenance_strip([getattr(one, "run", one) for one in records if one] or [page], function)

    def _claim(self, name: str, caption: str) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            raise ValueError(f"{name!r} cannot be a label; use lower-case letters, digits and hyphens, as in fig-1.")
        _require_words("caption", caption, name)


def open_page(name: str, *, profile: str = "quick", seed: int = 0) -> Page:
    """Start a page: its figures go to ``$ASTROUNET_PAGE_DIR``, by default ``_build/pages/<profile>``."""
    return Page(name, profile, seed, Path(os.environ.get("ASTROUNET_PAGE_DIR") or BUILD_DIR / "pages" / profile))


def provenance_strip(runs: list[dict], function: str = "") -> str:
    """One line saying what made a result, from the content of one or several ``run.json``.

    Values that differ between the runs are listed, more than three are counted; seconds add up. The share of the
    paper's schedule is named where a network had less than all of it.
    """
    parts = [f"`{function}`"] if function else []
    for key, (label, show) in STRIP.items():
        texts = list(dict.fromkeys(filter(None, (show(run) for run in runs if run.get(key) is not None))))
        if texts:
            parts.append(label + (", ".join(texts) if len(texts) <= 3 else f"{len(texts)} different"))
    seconds = sum(run.get("seconds") or 0 for run in runs)
    return " · ".join([*parts, f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.1f} s"])


def _schedule(run: dict) -> str:
    share = run["updates"] / run.get("paper_updates", run["updates"])
    return "" if share >= 1 else f"{100 * share:.2g} % of the paper's schedule"


def _weights(sha256: str | dict[str, str]) -> str:
    """The first eight digits of a hash; of several networks' hashes, with their names."""
    named = {"": sha256} if isinstance(sha256, str) else sha256
    return ", ".join(f"{name} {digits[:8]}".strip() for name, digits in named.items())


STRIP = {
    "experiment": ("", lambda run: run["experiment"]),
    "profile": ("profile ", lambda run: run["profile"]),
    "preset": ("preset ", lambda run: run["preset"]),
    "seed": ("seed ", lambda run: str(run["seed"])),
    "data": ("data ", lambda run: run["data"]),
    "weights_sha256": ("weights ", lambda run: _weights(run["weights_sha256"])),
    "updates": ("", _schedule),
    "commit": ("commit ", lambda run: run["commit"] + (" with changes" if run.get("dirty") else "")),
    "device": ("", lambda run: run["device"]),
}
"""What a provenance strip says, in order: key of run.json, label, and how the value is shown."""


def _draw(fig: Figure, folder: Path, stem: str, view: str) -> tuple[bytes, str, str]:
    """Save picture and numbers; returns the picture, the block that a view's script reads, the link to the numbers."""
    if view and view not in VIEWS:
        raise ValueError(f"unknown view {view!r}; choose one of {', '.join(VIEWS)}.")
    with replacing(folder / f"{stem}.png") as beside, mpl.rc_context(STYLE):
        box = interactive.frame(fig)
        script = interactive.script(view, VIEWS[view](fig, box)) if view else ""
        fig.savefig(beside, dpi=DPI, facecolor="white", format="png", bbox_inches=box)
        data = figure_data.save(fig, folder / stem)
    plt.close(fig)
    more = f"\n\n{_directive('raw', 'html', {}, script)}" if view else ""
    link = f" {{download}}`data ({data.suffix[1:].upper()}) <figures/{data.name}>`" if data else ""
    return (folder / f"{stem}.png").read_bytes(), more, link


def _require_words(what: str, text: str, name: str) -> None:
    if len(text.split()) < MIN_WORDS:
        raise ValueError(f"{name!r} has no proper {what}; describe it in at least {MIN_WORDS} words.")


def _directive(kind: str, argument: str, options: dict[str, str], body: str) -> str:
    """A MyST directive whose fence is longer than any fence inside it; options are quoted, so any character will do.

    An argument with code in it needs a fence of tildes: backticks there would close the directive's own.
    """
    mark = "~" if "`" in argument else "`"
    fence = mark * (1 + max(map(len, re.findall(r"^[`~]{3,}", body, re.MULTILINE)), default=2))
    lines = [f":{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in options.items()]
    return "\n".join([f"{fence}{{{kind}}} {argument}", *lines, "", body, fence])


def _strip_block(strip: str) -> str:
    return _directive("container", "provenance", {}, strip)


def _html_caption(caption: str, strip: str) -> str:
    return f"<figcaption>{_rich(caption)}<br><small>{_rich(strip)}</small></figcaption>"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _plain(text: str) -> str:
    """MyST inline text without its roles and code marks."""
    return re.sub(r"(\{[^}\s]+\})?`([^`]*)`", r"\2", _one_line(text))


def _rich(text: str) -> str:
    """MyST inline text as HTML: code, bold, and roles by their content; math is left to the notebook's MathJax."""
    text = re.sub(r"\{[^}\s]+\}`([^`]*)`", r"\1", html.escape(_one_line(text), quote=False))
    text = re.sub(r"`([^`]*)`", r"<code>\1</code>", text)
    return re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", text)

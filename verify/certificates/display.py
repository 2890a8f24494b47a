"""A certificate in a terminal (Rich) and in a notebook (HTML fragment); both print the rows of :mod:`verify.certificates.wording`."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from verify.certificates.sentences import sentence
from verify.certificates.wording import TRUST, chain, facts, observed_text
from verify.colours import INK
from verify.errors import extra

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["as_html", "as_rich", "as_text", "html_table", "typeset"]

_COLOUR = {"PROVED": "green", "REFUTED": "red", "INCONCLUSIVE": "yellow"}

_EXPONENT = re.compile(r"(?<=\d)e([-−+]?\d+)")
_POWER = re.compile(r"\^([A-Za-z0-9]+)")
# A single letter with an index; names such as ntk_positive or file names are none.
_INDEX = re.compile(
    r"(?<![A-Za-z0-9_])([sη]?[λμσρΦΔΘθδLRJehzxyWr∫]|θ̂|min|max)_(min|max|\{[^}]+\}|[0-9A-Za-zΘ](?![A-Za-z0-9]))"
)


def typeset(text: Any) -> str:
    """Escape `text` for HTML and set powers and indices.

    >>> typeset("Φ_k ≥ 1.5e-7 < 0.9^k, ntk_positive")
    'Φ<sub>k</sub> ≥ 1.5·10<sup>−7</sup> &lt; 0.9<sup>k</sup>, ntk_positive'
    """
    escaped = html.escape(str(text))
    escaped = _EXPONENT.sub(lambda m: f"·10<sup>{str(int(m[1].replace('−', '-'))).replace('-', '−')}</sup>", escaped)
    escaped = _INDEX.sub(lambda m: f"{m[1]}<sub>{m[2].strip('{}')}</sub>", escaped)
    return _POWER.sub(r"<sup>\1</sup>", escaped)


def html_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], numeric: Iterable[int] = (), name: str = ""
) -> str:
    """Return an HTML table whose cells carry their column's name, so that a phone can show one row as a card.

    Args:
        columns: headings. rows: one sequence of cells per row, any objects. numeric: indices of right-aligned columns.
        name: CSS class of the table.
    """
    right = set(numeric)

    def kind(index: int) -> str:
        return ' class="num"' if index in right else ""

    head = "".join(f'<th scope="col"{kind(i)}>{typeset(c)}</th>' for i, c in enumerate(columns))
    body = []
    for row in rows:
        # The span keeps text and superscripts together where the phone's layout makes the cell a grid.
        cells = "".join(
            f'<td{kind(i)} data-label="{html.escape(columns[i], quote=True)}"><span>{typeset(cell)}</span></td>'
            if str(cell) not in ("", "–")
            else f'<td class="none">{cell}</td>'
            for i, cell in enumerate(row)
        )
        body.append(f"<tr>{cells}</tr>")
    kind_of_table = f' class="{html.escape(name, quote=True)}"' if name else ""
    return f"<table{kind_of_table}><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def as_rich(certificate: Any) -> RenderableType:
    """Return a Rich renderable: verdict, sentence, constants, inequality chain, trust base."""
    with extra("cli"):
        from rich.console import Group
        from rich.panel import Panel
        from rich.table import Table
        from rich.text import Text

    colour = _COLOUR.get(certificate.verdict, "white")
    parts: list[RenderableType] = [Text(sentence(certificate))]
    rows = facts(certificate)
    if rows:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for column in ("constant", "value", "meaning"):
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(Text(row.symbol), Text(row.value), Text(row.meaning, style="dim"))
        parts += [Text(), table]
    steps = chain(certificate)
    if steps:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        table.add_column("inequality", overflow="fold")
        table.add_column("proved", overflow="fold")
        table.add_column("margin", justify="right", overflow="fold")
        for step in steps:
            proof = f"{step.left} {step.relation} {step.right}"
            text = Text(proof) if step.certain else Text(f"{proof}  not certain", style="yellow")
            table.add_row(Text(f"{step.name} ({step.source})"), text, Text(step.margin))
        parts += [Text(), table]
    if certificate.observed:
        parts += [Text(), Text(f"observed, not proved: {observed_text(certificate)}", style="dim")]
    parts += [Text(), Text(TRUST, style="dim")]
    title = Text(f"{certificate.verdict} (scope {certificate.scope})", style=f"bold {colour}")
    return Panel(Group(*parts), title=title, title_align="left", border_style=colour)


def as_text(certificate: Any, width: int = 110) -> str:
    """Return the terminal rendering as plain text, `width` columns wide."""
    with extra("cli"):
        from rich.console import Console

    console = Console(markup=False, width=width, no_color=True, force_terminal=False, highlight=False)
    with console.capture() as capture:
        console.print(as_rich(certificate))
    return capture.get()


def as_html(certificate: Any) -> str:
    """Return an HTML fragment for a notebook; self-contained, inherits the page's colours, light or dark, escapes every text."""
    ink = INK[certificate.verdict]
    constants = html_table(
        ["constant", "value", "meaning"], [(f.symbol, f.value, f.meaning) for f in facts(certificate)]
    )
    steps = chain(certificate)
    proof = ""
    if steps:
        table = html_table(
            ["step", "inequality", "proved", "margin", "claim"],
            [
                (
                    s.name,
                    s.source,
                    f"{s.left} {s.relation} {s.right}{'' if s.certain else ' (not certain)'}",
                    s.margin,
                    s.claim,
                )
                for s in steps
            ],
            numeric=(3,),
        )
        proof = f"<details><summary>inequality chain ({len(steps)} steps)</summary>{table}</details>"
    return (
        f'<div class="lplr-certificate" style="border-left:4px solid {ink};padding:.3em 0 .3em .9em;max-width:60em">'
        f'<p style="margin:.2em 0"><strong style="background:{ink};color:#fff;padding:.1em .45em;border-radius:3px">{html.escape(certificate.verdict)}</strong>'
        f" (scope {html.escape(certificate.scope)}). {typeset(sentence(certificate))}</p>"
        f"<details open><summary>constants</summary>{constants}</details>{proof}"
        f'<p style="margin:.4em 0;font-size:85%">{typeset(TRUST)}</p></div>'
    )

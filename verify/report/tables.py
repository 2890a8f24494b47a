"""The report's tables as plain data, and as LaTeX and Markdown for a paper or a review."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verify.certificates.wording import chain
from verify.decimals import at_least, at_most, below_one, bounds, plain

__all__ = [
    "Table",
    "chain_table",
    "latex_document",
    "ledger_tables",
    "looseness_table",
    "records",
    "slug_of",
    "slugs_of",
    "summary_table",
    "to_latex",
    "to_markdown",
    "undecided_table",
]


@dataclass(frozen=True)
class Table:
    """A titled table of texts; `numeric` are the indices of right-aligned columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...] = ()


def slug_of(text: str) -> str:
    """Return a name as part of an id or a file's name: letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower() or "unnamed"


def slugs_of(names: Iterable[str]) -> dict[str, str]:
    """Return a slug for each name, no two alike: ids of one page, files of one folder."""
    found: dict[str, str] = {}
    for name in names:
        slug, number = slug_of(name), 1
        while slug in found.values():
            number += 1
            slug = f"{slug_of(name)}-{number}"
        found[name] = slug
    return found


def records(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Return each row as a dict; rows may be mappings or dataclasses."""
    return [dict(row) if isinstance(row, Mapping) else dataclasses.asdict(row) for row in rows]


def _cell(certificate: Any, key: str, show: Callable[[Any], str]) -> str:
    """A constant of a PROVED certificate as text; scope `region` states its own."""
    constants = certificate.constants
    value = constants.get(f"region_{key}" if certificate.scope == "region" else key, constants.get(key))
    return show(value) if certificate.verdict == "PROVED" and value is not None else "–"


def _scope(certificate: Any) -> str:
    """The scope, and which descent, where it is not gradient descent: its rate is another quantity's."""
    descent = certificate.problem.descent
    return str(certificate.scope) if descent is None else f"{certificate.scope}, {descent.describe()}"


def summary_table(certificates: Mapping[str, Any]) -> Table:
    """One line per certificate, numbered: what it is about, its verdict and its main constants, safely rounded."""
    rows = [
        (
            str(number),
            name,
            certificate.problem.network.describe(),
            str(certificate.problem.data.n),
            _scope(certificate),
            certificate.verdict,
            _cell(certificate, "lr", lambda v: plain(bounds(v)[0])),
            _cell(certificate, "radius", lambda v: at_most(bounds(v)[1])),
            _cell(certificate, "mu", lambda v: at_least(bounds(v)[0])),
            _cell(certificate, "rate", lambda v: below_one(bounds(v)[1]) if bounds(v)[1] < 1 else "none below 1"),
        )
        for number, (name, certificate) in enumerate(certificates.items(), start=1)
    ]
    columns = ("", "certificate", "network", "n", "scope", "verdict", "η ≈", "R ≤", "μ ≥", "rate ≤")
    return Table("Certificates", columns, tuple(rows), (0, 3, 6, 7, 8, 9))


_SHORT_BY = re.compile(r"short by a factor ([0-9.e+]+)")


def undecided_table(certificates: Mapping[str, Any]) -> Table:
    """One line per certificate that proves nothing, with the factor that it lacks where its reason names one."""
    rows = []
    for name, certificate in certificates.items():
        lacks = _SHORT_BY.search(certificate.reason)
        problem = certificate.problem
        size = (problem.network.describe(), str(problem.data.n), certificate.scope)
        rows.append((name, *size, certificate.verdict, f"{lacks[1]}×" if lacks else "–"))
    return Table(
        "What is not proved", ("certificate", "network", "n", "scope", "verdict", "short by"), tuple(rows), (2, 5)
    )


def chain_table(name: str, certificate: Any) -> Table:
    """The inequality chain: per step the two facing ends of the enclosures, and the certified margin."""
    rows = tuple(
        (
            s.name,
            s.source,
            f"{s.left} {s.relation} {s.right}" + ("" if s.certain else " (not certain)"),
            s.margin,
            s.claim,
        )
        for s in chain(certificate)
    )
    return Table(f"Inequality chain: {name}", ("step", "inequality", "proved", "margin", "claim"), rows, (3,))


def looseness_table(name: str, rows: Iterable[Any]) -> Table:
    """Certified beside observed; `rows` have quantity, certified, observed and factor (or ratio)."""
    lines = []
    for row in records(rows):
        factor = row.get("factor", row.get("ratio"))
        lines.append(
            (
                str(row["quantity"]),
                plain(float(row["certified"]), 5),
                plain(float(row["observed"]), 5),
                "–" if factor is None or math.isnan(float(factor)) else f"{plain(float(factor), 3)}×",
            )
        )
    return Table(f"Looseness: {name}", ("quantity", "certified", "observed", "looseness"), tuple(lines), (1, 2, 3))


def _listed(label: str, names: Any) -> str:
    return f"{label}: {', '.join(str(n) for n in names)}" if names else ""


def _basis(row: Mapping[str, Any]) -> str:
    """What decides a claim: its proof and what that rests on, its counterexample, or what is missing."""
    parts = [str(row.get("refutation") or "")]
    if row.get("steps"):
        parts.append(f"{row['steps']} steps discharged, {row.get('confirmed', 0)} confirmed independently")
    parts += [
        _listed("assumed from the literature", row.get("lemmas")),
        _listed("rests on", row.get("claims")),
        _listed("in Coq", row.get("formal")),
        _listed("holds instead", row.get("repaired_by")),
        "; ".join(str(d) for d in row.get("detail") or ()),
    ]
    return "; ".join(part for part in parts if part)


def ledger_tables(rows: Iterable[Any]) -> list[Table]:
    """Claim, statement, source, verdict and what decides it; one table per group of the ledger.

    Args:
        rows: of :func:`proofs.ledger.compute`, or their dicts.
    """
    groups: dict[str, list[tuple[str, ...]]] = {}
    for row in records(rows):
        line = (str(row["id"]), str(row["verdict"]), str(row["statement"]), str(row.get("source", "")), _basis(row))
        groups.setdefault(str(row.get("group") or "Claims"), []).append(line)
    columns = ("claim", "verdict", "statement", "source", "decided by")
    return [Table(group, columns, tuple(lines)) for group, lines in groups.items()]


_LATEX = {
    **{g: rf"\ensuremath{{\{n}}}" for g, n in {
        "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "η": "eta", "θ": "theta", "κ": "kappa",
        "λ": "lambda", "μ": "mu", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "varphi", "ω": "omega", "Δ": "Delta", "Θ": "Theta",
        "Λ": "Lambda", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega", "∇": "nabla", "∂": "partial", "∫": "int", "∞": "infty",
        "≤": "le", "≥": "ge", "≠": "ne", "≈": "approx", "∈": "in", "∉": "notin", "→": "to", "⇒": "Rightarrow", "⇔": "Leftrightarrow",
        "×": "times", "·": "cdot", "±": "pm", "‖": "Vert", "√": "surd", "∩": "cap", "∪": "cup", "⊥": "perp", "⊂": "subset",
        "⪰": "succeq", "⪯": "preceq", "≻": "succ", "∘": "circ", "⊗": "otimes", "ℓ": "ell", "∀": "forall", "∃": "exists", "¬": "neg",
        "∏": "prod", "∑": "sum", "↦": "mapsto", "↔": "leftrightarrow", "≪": "ll", "≫": "gg", "∝": "propto", "⟨": "langle", "⟩": "rangle",
    }.items()},
    **{c: rf"\ensuremath{{^{{{d}}}}}" for c, d in zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀᵏ", [*"0123456789", "-", "T", "k"], strict=True)},
    **{c: rf"\ensuremath{{_{{{d}}}}}" for c, d in zip("₀₁₂₃₄₅₆₇₈₉ᵢⱼₖ", [*"0123456789", "i", "j", "k"], strict=True)},
    "−": r"\ensuremath{-}", "–": "--", "—": "---", "…": r"\ldots{}", "½": r"\ensuremath{\frac12}", "¼": r"\ensuremath{\frac14}",
    "ℝ": r"\ensuremath{\mathbb{R}}", "“": "``", "”": "''", "’": "'", "‘": "`", "*": r"\ensuremath{*}",
    "\u0302": "", "\u0304": "", "ē": r"\=e", "ż": r"\.z", "ḣ": r"\.h", "\xa0": "~", "§": r"\S{}", "ö": r"\"o", "é": r"\'e", "Ł": r"\L{}",
    "ó": r"\'o", "ś": r"\'s",
}  # fmt: skip
_ASCII = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}", "<": r"\ensuremath{<}", ">": r"\ensuremath{>}", "|": r"\ensuremath{|}",
}  # fmt: skip
_SCIENTIFIC = re.compile(r"(?<=\d)e([-−+]?\d+)\b")


def latex(text: str) -> str:
    r"""Escape `text` for LaTeX; mathematical signs become math, the result is ASCII.

    >>> latex("μ ≥ 1.5e−7 & 50 %")
    '\\ensuremath{\\mu} \\ensuremath{\\ge} 1.5\\ensuremath{\\cdot10^{-7}} \\& 50 \\%'
    """
    pieces, position = [], 0
    for match in _SCIENTIFIC.finditer(text):
        pieces.append("".join(_sign(c) for c in text[position : match.start()]))
        pieces.append(rf"\ensuremath{{\cdot10^{{{int(match[1].replace('−', '-'))}}}}}")
        position = match.end()
    return "".join(pieces) + "".join(_sign(c) for c in text[position:])


def _sign(character: str) -> str:
    known = _ASCII.get(character) or _LATEX.get(character)
    if known is not None or character in _LATEX:
        return known or ""
    if character.isspace():
        # Two ends of a line would end the paragraph, and with it a caption.
        return " "
    # pdfLaTeX would stop at a letter it does not know, and at a control character.
    return character if character.isascii() and character.isprintable() else f"[U+{ord(character):04X}]"


def _latex_row(cells: Iterable[str]) -> str:
    row = " & ".join(latex(cell) for cell in cells)
    # After the \\ of the row before, "[" would begin that command's argument.
    return ("{}" if row.startswith("[") else "") + row + r" \\"


def to_latex(table: Table, label: str) -> str:
    """Return one table as a longtable with caption and label, to be ``\\input``; no package beyond longtable."""
    texts = [i for i in range(len(table.columns)) if i not in table.numeric]
    share = (0.6 if table.numeric else 0.9) / max(len(texts), 1)
    columns = "".join("r" if i in table.numeric else f"p{{{share:.2f}\\linewidth}}" for i in range(len(table.columns)))
    head = _latex_row(table.columns) + r" \hline"
    body = "\n".join(map(_latex_row, table.rows))
    return (
        f"{{\\small\\raggedright\n\\begin{{longtable}}{{{columns}}}\n\\caption{{{latex(table.title)}}}\\label{{tab:{label}}}\\\\\n"
        f"{head}\n\\endhead\n{body}\n\\end{{longtable}}}}\n"
    )


def latex_document(labels: Sequence[str]) -> str:
    """Return a document that inputs ``tables/<label>.tex`` for each label: compile it, or copy its two lines of preamble."""
    inputs = "\n".join(f"\\input{{tables/{label}}}" for label in labels)
    return f"\\documentclass{{article}}\n\\usepackage{{longtable}}\n\\begin{{document}}\n{inputs}\n\\end{{document}}\n"


def to_markdown(tables: Sequence[Table]) -> str:
    """Return all tables as GitHub-flavoured Markdown."""

    def cell(text: str) -> str:
        return re.sub(r"([|\\`*_<\[\]])", r"\\\1", " ".join(text.splitlines()))

    parts = []
    for table in tables:
        rule = ["---:" if i in table.numeric else "---" for i in range(len(table.columns))]
        lines = [table.columns, rule, *table.rows]
        grid = "\n".join("| " + " | ".join(c if line is rule else cell(c) for c in line) + " |" for line in lines)
        parts.append(f"## {cell(table.title)}\n\n{grid}\n")
    return "\n".join(parts)

"""Write the report: one self-contained HTML page, and its tables as LaTeX and Markdown."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from verify.certificates.display import html_table, typeset
from verify.certificates.plots import Plot, Series, absorbed_residual, kernel_on_ball, plots_of_certificate
from verify.certificates.sentences import sentence
from verify.certificates.wording import TRUST, facts, observed_text
from verify.decimals import bounds
from verify.errors import InputError
from verify.files import parse_json, write_whole
from verify.report.experiments import (
    basin_tables,
    experiment_rows,
    experiment_tables,
    reason_table,
    related_tables,
    row_plots,
    width_plot,
)
from verify.report.figures import draw
from verify.report.growth import growth_plots, growth_table
from verify.report.tables import (
    Table,
    chain_table,
    latex_document,
    ledger_tables,
    looseness_table,
    slug_of,
    slugs_of,
    summary_table,
    to_latex,
    to_markdown,
    undecided_table,
)

__all__ = ["Origin", "closing_lines", "report_from_directory", "results_of", "write_report"]

_TRUST_BASE = (
    "IEEE-754 binary64: + − × ÷ and √ correctly rounded (the prover); matrix products that are sums of products in some"
    " order, fused or not. A probe refuses to run where that visibly fails.",
    "The checker's arithmetic: Arb (FLINT), in the python-flint build installed.",
    "The step from the inequalities to convergence: the theorem of proofs/, formalised in Coq.",
    "No tolerance anywhere: an inequality is PROVED only when two enclosures do not meet.",
)


# What says most comes first: a whole run from its initialisation, then what speaks of a descent, last of a point.
_STRENGTH = ("exact", "region", "run", "basin", "ball", "point")


@dataclass(frozen=True)
class Origin:
    """Where a certificate comes from.

    Attributes:
        file: its path, relative to the report. sha256: of that file, '' for a folder.
        commit, date: of the checkout and the day that made it, '' where nothing recorded them.
    """

    file: str
    sha256: str = ""
    commit: str = ""
    date: str = ""

    @property
    def command(self) -> str:
        """What checks it, in the report's folder; a file may be called anything."""
        return f"verify check {shlex.quote(self.file)}"

    def __str__(self) -> str:
        """One line for the card."""
        made = f"made on {self.date or 'a day that was not recorded'}, at commit {self.commit or 'not recorded'}"
        return f"{self.file}, SHA-256 {self.sha256}; {made}" if self.sha256 else f"{self.file}; {made}"


def _html(table: Table) -> Markup:
    return Markup(html_table(table.columns, table.rows, table.numeric))


def _figures(plots: Sequence[Plot | None]) -> list[dict[str, Any]]:
    drawn = [(plot, draw(plot)) for plot in plots if plot is not None]
    return [{"svg": Markup(svg), "caption": plot.caption} for plot, svg in drawn if svg is not None]


def _certificate(
    name: str, slug: str, certificate: Any, origin: Origin | None, row: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What the template shows of one certificate; the experiment's row, where there is one, adds the observed curve to its figures."""
    rows = [(f.symbol, f.value, f.meaning) for f in facts(certificate)]
    table = chain_table(name, certificate)
    run = row_plots(row, slug) if row is not None and row.get("curve") else plots_of_certificate(certificate, slug)
    return {
        "id": slug,
        "name": name,
        "about": str(row.get("about") or "") if row is not None else "",
        "verdict": certificate.verdict,
        "scope": certificate.scope,
        "sentence": Markup(typeset(sentence(certificate))),
        "constants": Markup(html_table(("constant", "value", "meaning"), rows, name="constants")) if rows else None,
        "chain": _html(table) if table.rows else None,
        "observed": observed_text(certificate),
        "figures": _figures([*run, kernel_on_ball(certificate, slug), absorbed_residual(certificate, slug)]),
        "origin": origin,
    }


def _order(certificates: Mapping[str, Any]) -> dict[str, Any]:
    """PROVED first, by scope; then REFUTED; then the rest; by name among equals."""
    verdicts = {"PROVED": 0, "REFUTED": 1}

    def rank(item: tuple[str, Any]) -> tuple[int, int, str]:
        name, certificate = item
        return verdicts.get(certificate.verdict, 2), _STRENGTH.index(certificate.scope), name

    return dict(sorted(certificates.items(), key=rank))


def _summary(certificates: Mapping[str, Any]) -> str:
    if not certificates:
        return "No certificate was given to this report."
    verdicts = [certificate.verdict for certificate in certificates.values()]
    parts = ", ".join(f"{verdicts.count(v)} {v}" for v in ("PROVED", "REFUTED", "INCONCLUSIVE") if v in verdicts)
    many = len(certificates) > 1
    return f"{len(certificates)} certificate{'s' if many else ''} about concrete networks and data: {parts}."


def _speed(certificates: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> Plot | None:
    """The figure at the top: by how much each step lowers the loss, proved beside observed, one line per certificate of gradient descent."""
    lines: list[str] = []
    series: dict[str, tuple[list[float], list[float]]] = {"proved": ([], []), "observed": ([], [])}
    for number, (name, certificate) in enumerate(certificates.items(), start=1):
        rate = certificate.constants.get("region_rate" if certificate.scope == "region" else "rate")
        other = certificate.problem.descent is not None
        if certificate.verdict != "PROVED" or other or rate is None or not bounds(rate)[1] < 1:
            # What falls by the rate of another descent is no loss.
            continue
        lines.append(f"{number}: {certificate.scope}")
        seen = rows.get(name, {}).get("observed_rate")
        for key, factor in (("proved", float(bounds(rate)[1])), ("observed", seen)):
            if factor is not None and factor < 1.0:
                series[key][0].append(1.0 - factor)
                series[key][1].append(float(len(lines)))
    if not lines:
        return None
    curves = [
        Series("at least", *series["proved"], quantity="contraction", isolated=True),
        Series("float64", *series["observed"], "observed", isolated=True),
    ]
    return Plot(
        "summary",
        "By how much each step lowers the loss",
        "1 − Φ(k + 1)/Φ(k)",
        "certificate (number in the table)",
        [curve for curve in curves if len(curve.x)],
        log_x=True,
        rows=lines,
        caption="Every certificate of gradient descent. Proved: every step in real arithmetic in its ball. Observed: mean over steps in float64.",
    )


def _quickest(certificates: Mapping[str, Any]) -> str | None:
    """Return the PROVED certificate of a descent that is checked soonest: the smallest network times data."""
    proved = {n: c for n, c in certificates.items() if c.verdict == "PROVED" and c.scope != "point"}
    return min(proved, key=lambda n: proved[n].problem.network.parameters * proved[n].problem.data.n, default=None)


def _experiments(experiments: Any, shown: Mapping[str, Any]) -> dict[str, Any]:
    """The section on experiments: two tables, and the figures of those that have no card of their own."""
    rows, reasons = experiment_rows(experiments), reason_table(experiments)
    others = [row for row in rows if str(row.get("name")) not in shown]
    headed = [
        {
            "name": str(row.get("name") or f"experiment {index}"),
            "reason": Markup(typeset(str(row.get("reason") or row.get("about") or ""))),
            "figures": _figures(row_plots(row, f"experiment-{index}-" + slug_of(str(row.get("name"))))),
        }
        for index, row in enumerate(others)
    ]
    return {
        "tables": [(table.title, _html(table)) for table in experiment_tables(experiments)],
        "headed": [entry for entry in headed if entry["figures"]],
        "reasons": _html(reasons) if reasons else None,
        "width": _figures([width_plot(rows)]),
    }


def _tables(certificates: Mapping[str, Any], groups: Mapping[str, Sequence[Table]]) -> dict[str, Table]:
    """Every table of the report by its label, unique and safe as a file name."""
    found = {"certificates": summary_table(certificates)} if certificates else {}
    slugs = slugs_of(certificates)
    found |= {f"chain-{slugs[name]}": chain_table(name, c) for name, c in certificates.items() if c.steps}
    for group, tables in groups.items():
        titles = slugs_of(table.title for table in tables)
        found |= {f"{group}-{titles[table.title]}": table for table in tables}
    return found


def _write_tables(directory: Path, tables: Mapping[str, Table]) -> None:
    """``tables.md``, ``tables.tex`` and, for it to input, ``tables/<label>.tex``."""
    (directory / "tables").mkdir(exist_ok=True)
    for label, table in tables.items():
        write_whole(directory / "tables" / f"{label}.tex", to_latex(table, label))
    write_whole(directory / "tables.tex", latex_document(list(tables)))
    write_whole(directory / "tables.md", to_markdown(list(tables.values())))


def _commands(certificates: Mapping[str, Any], origins: Mapping[str, Origin]) -> list[str]:
    """What checks the certificates, the quickest first."""
    first = _quickest(certificates)
    names = [*([first] if first else []), *(name for name in certificates if name != first)]
    return [origins[name].command for name in names if name in origins] or ["verify check CERTIFICATE"]


def _resource(name: str) -> str:
    return resources.files("verify.report").joinpath(f"templates/{name}").read_text(encoding="utf-8")


def write_report(
    directory: Path,
    *,
    certificates: Mapping[str, Any],
    looseness: Mapping[str, Sequence[Any]] | None = None,
    experiments: Any = None,
    ordinary: Any = None,
    stochastic: Any = None,
    related: Any = None,
    ledger: Sequence[Any] | None = None,
    bench: Sequence[Mapping[str, Any]] | None = None,
    growth: Sequence[Mapping[str, Any]] | None = None,
    origins: Mapping[str, Origin] | None = None,
) -> Path:
    """Write ``report.html``, ``tables.md``, ``tables.tex`` and ``tables/*.tex`` into `directory`; each file appears whole or not at all.

    Args:
        directory: created if missing.
        certificates: name → :class:`verify.Certificate`; shown PROVED first, the strongest statements before the others.
        looseness: certificate name → rows with quantity, certified, observed, factor.
        experiments: what :mod:`verify.experiments.runs` returns; a row whose name is a certificate's adds its observed curve to the card.
        ordinary: rows of :func:`verify.experiments.ordinary.run_grid`. stochastic: of :func:`verify.experiments.stochastic.run_cases`.
        related: rows of :func:`verify.experiments.related.catalogue.run_entries`.
        ledger: rows of :func:`proofs.ledger.compute`, or their dicts.
        bench: rows of :func:`verify.bench.run_all`.
        growth: rows of :func:`verify.experiments.growth.measure`.
        origins: certificate name → where its file lies and what made it.

    Returns:
        the path of ``report.html``. A part that is None or empty appears as "not computed".
    """
    from verify import __version__

    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    origins, certificates = origins or {}, _order(certificates)
    rows, slugs = {str(row.get("name")): row for row in experiment_rows(experiments)}, slugs_of(certificates)
    shown = {name: c for name, c in certificates.items() if c.verdict != "INCONCLUSIVE"}
    undecided = {name: c for name, c in certificates.items() if c.verdict == "INCONCLUSIVE"}
    reasons = reason_table(experiments)
    groups = {
        "undecided": [undecided_table(undecided)] if undecided else [],
        "looseness": [looseness_table(name, rows) for name, rows in (looseness or {}).items() if rows],
        "experiments": [*experiment_tables(experiments), *([reasons] if reasons else [])],
        "ordinary": basin_tables(ordinary, "Ordinary problems"),
        "stochastic": basin_tables(stochastic, "Stochastic descent"),
        "growth": [growth_table(growth)] if growth else [],
        "related": related_tables(related),
        "ledger": ledger_tables(ledger) if ledger else [],
        "bench": [],
    }
    if bench:
        from verify.bench.table import bench_tables

        groups["bench"] = bench_tables(bench)
    sections = [
        ("claims", "What was proved"),
        *([("undecided", "What is not proved")] if undecided else []),
        ("looseness", "Looseness"),
        ("experiments", "Experiments"),
        *([("growth", "Growth")] if growth else []),
        ("related", "Related systems"),
        ("ledger", "Ledger of claims"),
        *([("bench", "Beside other tools")] if bench else []),
        ("check", "Check it yourself"),
    ]
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string(_resource("report.html.j2")).render(
        title="Certified convergence of gradient descent",
        style=Markup(_resource("style.css")),
        summary=_summary(certificates),
        trust=TRUST,
        sections=sections,
        overview=_html(summary_table(shown)) if shown else None,
        speed=_figures([_speed(shown, rows)]),
        certificates=[
            _certificate(name, slugs[name], c, origins.get(name), rows.get(name)) for name, c in shown.items()
        ],
        undecided=[(slugs[name], name, Markup(typeset(sentence(c)))) for name, c in undecided.items()],
        experiments=_experiments(experiments, shown),
        growth_figures=_figures(growth_plots(growth or [])),
        shown={group: [(table.title, _html(table)) for table in tables] for group, tables in groups.items()},
        commands=_commands(shown, origins),
        trust_base=_TRUST_BASE,
        version=__version__,
    )
    write_whole(directory / "report.html", page)
    _write_tables(directory, _tables(certificates, groups))
    return directory / "report.html"


def _json(path: Path) -> Any:
    if not path.exists():
        return None
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: no valid JSON ({error}); run `verify reproduce` again") from error


_FOLDERS = ("", "experiments", "larger", "around_initialisation", "stochastic")
"""Where a results folder holds certificates that get a card; those of the ordinary problems are rows of a table."""


def _origins(directory: Path) -> dict[str, Origin]:
    """Certificate name → file, hash, and who made it when, as ``provenance/<SHA-256>.json`` beside it records."""
    found: dict[str, Origin] = {}
    for folder in _FOLDERS:
        here = directory / folder
        for path in sorted(here.iterdir()) if here.is_dir() else []:
            packed = path.suffix == ".zip"
            if packed or (path.is_dir() and (path / "certificate.json").exists()):
                digest = hashlib.sha256(path.read_bytes()).hexdigest() if packed else ""
                made = _json(here / "provenance" / f"{digest}.json") or {}
                name = path.stem if packed else path.name
                file = path.relative_to(directory).as_posix()
                found.setdefault(name, Origin(file, digest, str(made.get("commit", "")), str(made.get("date", ""))))
    return found


def results_of(directory: Path) -> dict[str, Any]:
    """Read a results folder: the arguments of :func:`write_report` but the folder.

    Args:
        directory: with certificates (``*.zip``, or folders saved by ``Certificate.save``), also below ``experiments``, ``larger``,
            ``around_initialisation`` and ``stochastic``, and, where they were computed, ``looseness.json``, ``experiments.json``, ``ordinary.json``,
            ``stochastic.json``, ``growth.json``, ``related.json``, ``ledger.json``, ``bench.json``, and ``provenance/`` beside the certificates.

    Raises:
        InputError: no such directory, nothing in it, or a broken JSON file. Whatever ``Certificate.load`` raises for a broken certificate.
    """
    from verify.certificates import Certificate

    directory = Path(directory)
    if not directory.is_dir():
        raise InputError(f"directory={str(directory)!r}: no such folder; `verify reproduce --out DIR` makes one")
    origins = _origins(directory)
    certificates = {name: Certificate.load(directory / origin.file) for name, origin in origins.items()}
    parts = ("looseness", "experiments", "ordinary", "stochastic", "related", "ledger", "bench", "growth")
    results = {part: _json(directory / f"{part}.json") for part in parts}
    if not certificates and all(found is None for found in results.values()):
        raise InputError(f"directory={str(directory)!r}: holds no certificate (*.zip, or a folder) and no results")
    return {"certificates": certificates, "origins": origins} | results


def report_from_directory(directory: Path) -> Path:
    """Write the report of a results folder, from what it holds (:func:`results_of`); return the path of ``report.html``."""
    return write_report(Path(directory), **results_of(directory))


def closing_lines(directory: Path, certificates: Mapping[str, Any], origins: Mapping[str, Origin]) -> list[str]:
    """Say what was PROVED, the strongest statements first, and which certificate is checked in seconds."""
    ordered = _order(certificates)
    lines = [_summary(ordered)]
    for scope in _STRENGTH:
        names = [name for name, c in ordered.items() if c.verdict == "PROVED" and c.scope == scope]
        if names:
            lines.append(f"  PROVED, scope {scope}: {', '.join(names)}")
    first = _quickest(ordered)
    if first is not None and first in origins:
        lines.append(f"Check one in seconds: verify check {shlex.quote(str(directory / origins[first].file))}")
    return lines

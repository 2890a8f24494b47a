"""Write the report: one self-contained HTML page, and its tables as LaTeX and Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from verify.certificates.display import html_table, typeset
from verify.certificates.wording import TRUST, facts, observed_text, sentence
from verify.errors import InputError
from verify.files import write_whole
from verify.report.experiments import experiment_plots, experiment_table, reason_table, related_tables
from verify.report.figures import Plot, absorbed_residual, draw, kernel_on_ball
from verify.report.tables import (
    Table,
    chain_table,
    ledger_tables,
    looseness_table,
    summary_table,
    to_latex,
    to_markdown,
)
from verify.report.trajectories import plots_of_certificate

__all__ = ["report_from_directory", "write_report"]

_TRUST_BASE = (
    "IEEE-754 binary64: + − × ÷ and √ correctly rounded (the prover); matrix products that are sums of products in some"
    " order, fused or not. A probe refuses to run where that visibly fails.",
    "The checker's arithmetic: Arb (FLINT), in the python-flint build installed.",
    "The step from the inequalities to convergence: the theorem of proofs/, formalised in Coq.",
    "No tolerance anywhere: an inequality is PROVED only when two enclosures do not meet.",
)


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower() or "unnamed"


def _html(table: Table) -> Markup:
    return Markup(html_table(table.columns, table.rows, table.numeric))


def _figures(plots: Sequence[Plot | None]) -> list[dict[str, Any]]:
    drawn = [(plot, draw(plot)) for plot in plots if plot is not None]
    return [{"svg": Markup(svg), "caption": plot.caption} for plot, svg in drawn if svg is not None]


def _certificate(name: str, certificate: Any, file: str | None) -> dict[str, Any]:
    slug = _slug(name)
    rows = [(f.symbol, f.value, f.meaning) for f in facts(certificate)]
    table = chain_table(name, certificate)
    observed = observed_text(certificate)
    plots = [
        kernel_on_ball(certificate, slug),
        absorbed_residual(certificate, slug),
        *plots_of_certificate(certificate, slug),
    ]
    return {
        "id": slug,
        "name": name,
        "verdict": certificate.verdict,
        "scope": certificate.scope,
        "sentence": Markup(typeset(sentence(certificate))),
        "constants": Markup(html_table(("constant", "value", "meaning"), rows, name="constants")) if rows else None,
        "chain": _html(table) if table.rows else None,
        "observed": observed,
        "figures": _figures(plots),
        "file": file,
    }


def _summary(certificates: Mapping[str, Any]) -> str:
    if not certificates:
        return "No certificate was given to this report."
    counts: dict[str, int] = {}
    for certificate in certificates.values():
        counts[certificate.verdict] = counts.get(certificate.verdict, 0) + 1
    parts = ", ".join(f"{counts[v]} {v}" for v in ("PROVED", "REFUTED", "INCONCLUSIVE") if v in counts)
    return f"{len(certificates)} certificate{'s' if len(certificates) > 1 else ''} about concrete networks and data: {parts}."


def write_report(
    directory: Path,
    *,
    certificates: Mapping[str, Any],
    looseness: Mapping[str, Sequence[Any]] | None = None,
    experiments: Any = None,
    related: Any = None,
    ledger: Sequence[Any] | None = None,
    bench: Sequence[Mapping[str, Any]] | None = None,
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write ``report.html``, ``tables.tex`` and ``tables.md`` into `directory`; each appears whole or not at all.

    Args:
        directory: created if missing.
        certificates: name → :class:`verify.Certificate`, in reading order.
        looseness: certificate name → rows with quantity, certified, observed, factor.
        experiments: what :mod:`verify.experiments.runs` returns.
        related: rows of :func:`verify.experiments.related.catalogue.run_entries`.
        ledger: rows of :func:`proofs.ledger.compute`, or their dicts.
        bench: rows of :func:`verify.bench.run_all`.
        files: certificate name → file name, for the commands that check it.

    Returns:
        the path of ``report.html``. A part that is None or empty appears as "not computed".
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    files = files or {}
    tables = [summary_table(certificates)] if certificates else []
    tables += [chain_table(name, c) for name, c in certificates.items() if c.steps]
    loose = [looseness_table(name, rows) for name, rows in (looseness or {}).items() if rows]
    experiment, reasons = experiment_table(experiments), reason_table(experiments)
    others, claims = related_tables(related), ledger_tables(ledger) if ledger else []
    tables += [*loose, *([experiment] if experiment else []), *([reasons] if reasons else []), *others, *claims]
    bench_html = None
    if bench:
        from verify.bench.table import bench_tables

        bench_list = bench_tables(bench)
        tables += bench_list
        bench_html = Markup("").join(Markup("<h3>{}</h3>").format(t.title) + _html(t) for t in bench_list)
    template_text = resources.files("verify.report").joinpath("templates/report.html.j2").read_text(encoding="utf-8")
    style = resources.files("verify.report").joinpath("templates/style.css").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    from verify import __version__

    sections = [
        ("claims", "What was proved"), ("looseness", "Looseness"), ("experiments", "Experiments"),
        ("related", "Related systems"), ("ledger", "Ledger of claims"),
        *([("bench", "Beside other tools")] if bench_html else []), ("check", "Check it yourself"),
    ]  # fmt: skip
    page = environment.from_string(template_text).render(
        title="Certified convergence of gradient descent",
        style=Markup(style),
        summary=_summary(certificates),
        trust=TRUST,
        sections=sections,
        overview=_html(tables[0]) if len(certificates) > 1 else None,
        certificates=[_certificate(name, c, files.get(name)) for name, c in certificates.items()],
        looseness=[(name, _html(t)) for (name, rows), t in zip(_nonempty(looseness), loose, strict=True)],
        experiments={
            "table": _html(experiment) if experiment else None,
            "reasons": _html(reasons) if reasons else None,
            "figures": _figures(experiment_plots(experiments)),
        },
        related=[(t.title, _html(t)) for t in others],
        ledger=[(t.title, _html(t)) for t in claims],
        bench=bench_html,
        commands=[f"verify check {files[n]}" for n in certificates if n in files] or ["verify check CERTIFICATE"],
        trust_base=_TRUST_BASE,
        version=__version__,
    )
    write_whole(directory / "report.html", page)
    write_whole(directory / "tables.tex", to_latex(tables))
    write_whole(directory / "tables.md", to_markdown(tables))
    return directory / "report.html"


def _nonempty(looseness: Mapping[str, Sequence[Any]] | None) -> list[tuple[str, Sequence[Any]]]:
    return [(name, rows) for name, rows in (looseness or {}).items() if rows]


def _json(path: Path) -> Any:
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: no valid JSON ({error}); run `verify reproduce` again") from error


def report_from_directory(directory: Path) -> Path:
    """Write the report of a results folder, from what it holds.

    Args:
        directory: with certificates (``*.zip``, or folders saved by ``Certificate.save``) and, where they were
            computed, ``looseness.json``, ``experiments.json``, ``related.json``, ``ledger.json``, ``bench.json``.

    Returns:
        the path of ``report.html``.

    Raises:
        InputError: no such directory, or a broken JSON file. Whatever ``Certificate.load`` raises for a broken certificate.
    """
    from verify.certificates import Certificate

    directory = Path(directory)
    if not directory.is_dir():
        raise InputError(f"directory={str(directory)!r}: no such folder; `verify reproduce --out DIR` makes one")
    found, files = {}, {}
    for path in sorted(directory.iterdir()):
        if path.suffix == ".zip" or (path.is_dir() and (path / "certificate.json").exists()):
            name = path.stem if path.suffix == ".zip" else path.name
            found[name] = Certificate.load(path)
            files[name] = path.name
    order = {"PROVED": 0, "REFUTED": 1}
    certificates = dict(sorted(found.items(), key=lambda item: (order.get(item[1].verdict, 2), item[0])))
    return write_report(
        directory,
        certificates=certificates,
        looseness=_json(directory / "looseness.json"),
        experiments=_json(directory / "experiments.json"),
        related=_json(directory / "related.json"),
        ledger=_json(directory / "ledger.json"),
        bench=_json(directory / "bench.json"),
        files=files,
    )

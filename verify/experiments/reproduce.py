"""`verify reproduce`: the main job, from networks and data to certificates, tables and one report.

Parts, in order: regions proved at initialisation; what the ball scope says of practical widths on real digits; the looseness of each certified
ball; the recorded and exact runs (verify.experiments.runs) and, in the full job, the other experiments; the related systems
(verify.experiments.related); the growth of cost; the ledger; the report.
Everything lands in one folder, each file written under a temporary name and renamed.
"""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from verify import datasets, nn
from verify.certificates import Certificate
from verify.decimals import at_least, at_most, below_one, bounds
from verify.errors import InputError, UnsoundArithmeticError
from verify.experiments import growth, networks, runs, stochastic
from verify.experiments.files import save, write_json
from verify.experiments.looseness import looseness_table
from verify.experiments.related import catalogue
from verify.regions import certify

__all__ = ["Size", "reproduce", "reproduce_one"]

Size = Literal["smoke", "standard", "full"]


@dataclass(frozen=True)
class Job:
    """One certificate to make: a file name, and the call that makes it."""

    name: str
    make: Callable[[], Certificate]


def _at_initialisation(n: int, d: int, width: int, norm: float, lr: str) -> Certificate:
    X, y = datasets.sphere(n, d, norm)
    return certify(nn.antisymmetric_two_layer(d, width, seed=0), X, y, lr=lr, scope="ball")


def _jobs(size: Size) -> list[Job]:
    jobs = [Job("sphere_n10_d10_width16384", lambda: _at_initialisation(10, 10, 2**14, 9.0, "1/500"))]
    if size == "smoke":
        jobs.append(
            Job("digits_n50_width256", lambda: certify(runs.mlp((64, 256, 1)), *datasets.digits(50), scope="ball"))
        )
        return jobs
    jobs += [
        Job("sphere_n20_d20_width32768", lambda: _at_initialisation(20, 20, 2**15, 10.0, "1/500")),
        Job("digits_n100_64-1024-1", lambda: certify(runs.mlp((64, 1024, 1)), *datasets.digits(100), scope="ball")),
        Job(
            "digits_n100_64-512-512-1",
            lambda: certify(runs.mlp((64, 512, 512, 1)), *datasets.digits(100), scope="ball"),
        ),
        Job(
            "mnist38_n500_784-1024-1",
            lambda: certify(runs.mlp((784, 1024, 1)), *datasets.mnist(500, classes=(3, 8)), scope="ball"),
        ),
    ]
    return jobs


@contextmanager
def _timed(console: Console, what: str) -> Iterator[None]:
    start = time.monotonic()
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        yield
    console.print(f"{what}: {time.monotonic() - start:.1f} s")


def _looseness(certificates: dict[str, Certificate], console: Console, effort: int) -> dict[str, list[dict[str, Any]]]:
    tables: dict[str, list[dict[str, Any]]] = {}
    for name, certificate in certificates.items():
        if certificate.scope != "ball" or certificate.verdict != "PROVED":
            continue
        with _timed(console, f"adversary against {name}"):
            rows = looseness_table(certificate, steps=effort, starts=1 + effort // 10)
        table = Table("quantity", "certified", "observed", "looseness", title=name)
        for row in rows:
            table.add_row(row.quantity, f"{row.certified:.6g}", f"{row.observed:.6g}", f"{row.factor:.3g}×")
        console.print(table)
        # Observed values carry float64 rounding: where a bound is attained the factor is 1 up to that. No bound is accepted by this.
        broken = [row.quantity for row in rows if row.factor < 1.0 - 1e-6]
        if broken:
            raise UnsoundArithmeticError(
                f"{name}: the adversary found a point that violates {broken}: report this as a bug"
            )
        tables[name] = [row.as_dict() for row in rows]
    return tables


def reproduce(directory: Path, size: Size = "standard", console: Console | None = None) -> dict[str, Certificate]:
    """Run the main job and leave its results in `directory`.

    Args:
        directory: created if missing; receives certificates (``*.zip``), ``looseness.json``, ``experiments.json``,
            ``related.json``, ``growth.json``, ``ledger.json`` and ``report.html``.
        size: 'smoke' (under a minute), 'standard' (under five minutes on two cores), 'full' (hours, resumable).
        console: where progress and tables go; quiet progress when it is no terminal.

    Returns:
        name → certificate, in the order made.
    """
    console = console or Console(markup=False)
    directory.mkdir(parents=True, exist_ok=True)
    certificates: dict[str, Certificate] = {}
    for job in _jobs(size):
        with _timed(console, job.name):
            certificate = job.make()
        save(certificate, directory / f"{job.name}.zip")
        certificates[job.name] = certificate
        console.print(f"  {certificate.verdict}: {certificate.reason}", highlight=False, soft_wrap=True)
    write_json(directory / "looseness.json", _looseness(certificates, console, 5 if size == "smoke" else 20))
    _experiments(directory, size, console)
    _ledger(directory, console)
    from verify.report import closing_lines, results_of, write_report

    with _timed(console, "report"):
        results = results_of(directory)
        report = write_report(directory, **results)
    for line in closing_lines(directory, results["certificates"], results["origins"]):
        console.print(line, highlight=False, soft_wrap=True)
    console.print(f"Report: {report}", highlight=False, soft_wrap=True)
    return certificates


def numbers_line(certificate: Certificate) -> str:
    """Return the numbers that the tables of the READMEs give of a PROVED certificate, in their digits, each rounded to the safe side."""
    constants = certificate.constants
    shown: list[tuple[str, str, Callable[[Any], str]]] = [
        ("handover_step", "T = {}", lambda v: f"{int(v):,}"),
        ("basin_radius", "ρ ≥ {}", lambda v: at_least(bounds(v)[0], 4)),
        ("mu", "μ ≥ {}", lambda v: at_least(bounds(v)[0], 4)),
        ("radius", "R ≤ {}", lambda v: at_most(bounds(v)[1], 3)),
        ("rate", "rate ≤ {}", lambda v: below_one(bounds(v)[1])),
    ]
    parts = [text.format(show(constants[key])) for key, text, show in shown if constants.get(key) is not None]
    return f"{certificate.verdict}: {', '.join(parts)}" if certificate.verdict == "PROVED" else certificate.verdict


def reproduce_one(directory: Path, name: str, console: Console | None = None) -> str:
    """Make one row of the main job again, by the name that the report gives it, and save its certificate in `directory`.

    Returns:
        its verdict. A related system's row is ``<name>.json``, with the certificates it rests on.

    Raises:
        InputError: no certificate or experiment of that name; the message lists them.
    """
    console = console or Console(markup=False)
    jobs = {job.name: job for job in (*_jobs("smoke"), *_jobs("standard"))}
    experiments = {experiment.name: experiment for experiment in runs.EXPERIMENTS}
    related = {entry.name: entry for entry in catalogue.ENTRIES}
    names = [*jobs, *experiments, *related]
    if name not in names:
        raise InputError(f"only={name!r}: no such row; expected one of {', '.join(names)}")
    directory.mkdir(parents=True, exist_ok=True)
    if name in related:
        with _timed(console, name):
            row = catalogue.run_entry(related[name], directory / f"{name}.zip")
        write_json(directory / f"{name}.json", row)
        console.print(f"  {row['verdict']}: {row['reason']}", highlight=False, soft_wrap=True)
        return str(row["verdict"])
    with _timed(console, name):
        certificate = jobs[name].make() if name in jobs else runs.run_experiment(experiments[name])[1]
    path = save(certificate, directory / f"{name}.zip")
    for line in (
        f"  {certificate.verdict}: {certificate.reason}",
        numbers_line(certificate),
        f"saved: {path} (check it: verify check {shlex.quote(str(path))})",
    ):
        console.print(line, highlight=False, soft_wrap=True)
    return certificate.verdict


def _experiments(directory: Path, size: Size, console: Console) -> None:
    """The experiments of that size, on one worker process per core; what is finished is read, not repeated."""
    if size == "smoke":
        return
    workers = os.cpu_count() or 1
    with _timed(console, "recorded and exact runs"):
        rows = runs.full_experiments(directory, None if size == "full" else runs.QUICK, workers=workers)
    if size == "full":
        rows += _long(directory, console, workers)
    write_json(directory / "experiments.json", rows)
    with _timed(console, "related systems"):
        related = catalogue.run_entries(directory / "related")
    write_json(directory / "related.json", related)
    console.print(
        f"  {sum(row['verdict'] == 'PROVED' for row in related)} of {len(related)} demonstrations PROVED",
        highlight=False,
    )
    with _timed(console, "growth of cost"):
        sizes = growth.FULL if size == "full" and datasets.has_fashion_mnist() else growth.QUICK
        write_json(directory / "growth.json", growth.measure(directory / "growth", sizes))
    with _timed(console, "stochastic descent"):
        drawn = stochastic.run_cases(directory / "stochastic", stochastic.CASES if size == "full" else stochastic.SHORT)
    write_json(directory / "stochastic.json", drawn)
    console.print(f"  {sum(row['verdict'] == 'PROVED' for row in drawn)} of {len(drawn)} PROVED", highlight=False)
    with _timed(console, "the paper's networks"):
        cases = networks.CASES if size == "full" else networks.SHORT
        practical = networks.run_cases(directory / "networks", cases, workers=workers)
    write_json(directory / "networks.json", practical)
    console.print(
        f"  {sum(row['verdict'] == 'PROVED' for row in practical)} of {len(practical)} PROVED", highlight=False
    )


def _long(directory: Path, console: Console, workers: int) -> list[dict[str, Any]]:
    """What `make reproduce-full` adds; returns the rows that join the table of runs."""
    from verify.experiments import around_initialisation, larger, ordinary, width
    from verify.sweeps import sweep
    from verify.sweeps.diagnostics import write_diagnostics

    with _timed(console, "regions about an initialisation"):
        regions = around_initialisation.run_cases(directory / "around_initialisation", workers=workers)
    write_json(directory / "around_initialisation.json", regions)
    proved = [row for row in regions if row["verdict"] == "PROVED"]
    accepted = sum(row["check"]["verdict"] == "ACCEPTED" for row in proved)
    console.print(f"  {len(proved)} of {len(regions)} regions PROVED, {accepted} ACCEPTED", highlight=False)
    with _timed(console, "width needed"):
        width.run_cases(directory / "width", workers=workers)
    with _timed(console, "ordinary problems"):
        grid = ordinary.run_grid(directory / "ordinary", workers=workers)
    write_json(directory / "ordinary.json", grid)
    console.print(f"  {ordinary.summary(grid)}", highlight=False)
    with _timed(console, "larger data"):
        rows = larger.run_cases(directory / "larger")
    for row in rows:
        console.print(f"  {row['name']}: {row['verdict']}. {row['reason']}", highlight=False)
    with _timed(console, "width ablation"):
        ablation = sweep(Path(__file__).with_name("width_ablation.toml"), directory / "width_ablation", workers=workers)
        drawn = write_diagnostics(directory / "width_ablation", ablation.rows)
    console.print(f"  {ablation}; {drawn[0]}", highlight=False)
    return rows


def _ledger(directory: Path, console: Console) -> None:
    from proofs import ledger

    with _timed(console, "ledger of claims"):
        rows = ledger.compute()
    write_json(directory / "ledger.json", json.loads(ledger.to_json(rows))["claims"])
    console.print(f"  {', '.join(f'{count} {verdict}' for verdict, count in ledger.counts(rows).items())}")

"""The command line: each verb a thin call into the package.

Exit codes: 0 PROVED or ACCEPTED, 1 REFUTED or REJECTED, 2 INCONCLUSIVE or UNDECIDED, 3 every error.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from verify.answers import ERROR, EXIT, guarded, numbers, print_json
from verify.choices import LossName, OrderName, ScopeName, descent_options
from verify.errors import InputError

app = typer.Typer(
    name="verify",
    help="Prove that gradient descent on a concrete network converges linearly, and check such proofs.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _program(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        from verify import __version__

        print(f"lplr-verify {__version__}")
        raise typer.Exit(0)
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(ERROR)


JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


@app.command()
def certify(
    model: Annotated[str, typer.Argument(help="package.module:function, or weights.safetensors with --architecture")],
    data: Annotated[Path, typer.Option(help=".npz with arrays X and y, or .csv (targets last)")],
    architecture: Annotated[Path | None, typer.Option(help="JSON architecture of safetensors weights")] = None,
    targets: Annotated[int, typer.Option(help="number of target columns of a .csv")] = 1,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="whether a .csv begins with names")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="what separates the cells of a .csv: , ; | or tab")] = None,
    rows: Annotated[int | None, typer.Option(help="number of data rows that a .csv must have")] = None,
    lr: Annotated[
        str | None, typer.Option(help="step size, exact: 0.1 means 1/10; default: chosen by the scope")
    ] = None,
    scope: Annotated[ScopeName, typer.Option(help="auto: ball where PROVED, else basin")] = ScopeName.auto,
    loss: Annotated[LossName, typer.Option()] = LossName.sum,
    radius: Annotated[float | None, typer.Option(help="prescribed radius of the ball")] = None,
    steps: Annotated[int | None, typer.Option(help="step budget of scopes run, exact and region")] = None,
    seconds: Annotated[float | None, typer.Option(help="time allowed to scopes run and basin")] = None,
    resume: Annotated[Path | None, typer.Option(help="certificate of an earlier run to go on from (scope run)")] = None,
    directory: Annotated[
        Path | None, typer.Option(help="keeps the state of an interruptible run (scopes run and exact)")
    ] = None,
    centre: Annotated[
        str | None, typer.Option(help="of the ball of scope region: midpoint (of the run's path) or initialisation")
    ] = None,
    start_radius: Annotated[
        float | None, typer.Option(help="the statement is for every start so near (scope region)")
    ] = None,
    data_radius: Annotated[
        float | None, typer.Option(help="the statement is for all data with inputs so near (scopes ball and region)")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="auto, shadow, shadow-arb or arb (scopes exact and region)")
    ] = None,
    bits: Annotated[int | None, typer.Option(help="precision that the methods in Arb start from")] = None,
    batch_size: Annotated[int | None, typer.Option(help="mini-batches of so many samples; default: all")] = None,
    order: Annotated[
        OrderName, typer.Option(help="any: every reshuffling; fixed: as without shuffling")
    ] = OrderName.any,
    momentum: Annotated[str | None, typer.Option(help="momentum β, exact: 0.9 means 9/10; full batch only")] = None,
    nesterov: Annotated[bool, typer.Option("--nesterov", help="Nesterov's momentum, as torch has it")] = False,
    drop_last: Annotated[bool, typer.Option("--drop-last", help="as in DataLoader")] = False,
    out: Annotated[Path | None, typer.Option(help="save the certificate here (.zip or a directory)")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Prove convergence for a network and a data set, and save the certificate."""
    from verify.certificates.storage import require_writable
    from verify.networks.reading.files import load_data, load_model
    from verify.regions import certify as run

    if centre is not None and scope is not ScopeName.region:
        raise InputError(
            f"centre={centre!r}: an option of scope 'region' here; for a ball about another centre call verify.certify(…, centre=…) from Python"
        )
    console = Console(stderr=as_json, markup=False)
    if out is not None:
        require_writable(out)
    read = load_data(data, targets, header=header, delimiter=delimiter, rows=rows)
    if not as_json:
        console.print(f"read {read.description}", highlight=False, soft_wrap=True)
    network = load_model(model, architecture)
    given: dict[str, Any] = {
        "seconds": seconds,
        "resume": resume,
        "directory": directory,
        "centre": centre,
        "start_radius": start_radius,
        "data_radius": data_radius,
        "method": method,
        "bits": bits,
    }
    options = {name: value for name, value in given.items() if value is not None}
    options |= descent_options(batch_size, order, momentum, nesterov, drop_last)
    # A run shows its own progress, and two live displays do not fit one terminal.
    with nullcontext() if scope in (ScopeName.run, ScopeName.exact, ScopeName.region) else console.status("certifying"):
        certificate = run(
            network, read.X, read.y, lr=lr, scope=scope.value, loss=loss.value, radius=radius, steps=steps, **options
        )
    certificate = dataclasses.replace(
        certificate, observed=dict(certificate.observed) | {"data_file": read.description}
    )
    if out is not None:
        certificate.save(out)
    if as_json:
        print_json(
            {
                "data": read.description,
                "verdict": certificate.verdict,
                "reason": certificate.reason,
                "scope": certificate.scope,
                "constants": numbers(certificate.constants),
                "margins": numbers(certificate.margins),
                "saved": None if out is None else str(out),
            }
        )
    else:
        console.print(certificate)
        if out is not None:
            console.print(
                f"saved: {out} (check it: verify check {shlex.quote(str(out))})", highlight=False, soft_wrap=True
            )
    raise typer.Exit(EXIT[certificate.verdict])


@app.command()
def check(
    certificate: Path,
    weights: Annotated[
        str | None, typer.Option(help="demand that the certificate is about these: as the model of `verify certify`")
    ] = None,
    architecture: Annotated[Path | None, typer.Option(help="JSON architecture of safetensors weights")] = None,
    data: Annotated[Path | None, typer.Option(help="demand that the certificate is about these data")] = None,
    targets: Annotated[int, typer.Option(help="number of target columns of a .csv")] = 1,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="whether a .csv begins with names")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="what separates the cells of a .csv: , ; | or tab")] = None,
    seconds: Annotated[float, typer.Option(help="end UNDECIDED after so long")] = 7200.0,
    show_all: Annotated[bool, typer.Option("--all", help="Also list every inequality and stored interval.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Re-verify a certificate with the stand-alone checker, and that it is about the network and data given."""
    from verify.arguments import positive_float
    from verify.checker import check as run

    if weights is None and architecture is not None:
        raise InputError(f"architecture={architecture}: names the layers of --weights; pass both, or neither")
    if data is None and (targets != 1 or header is not None or delimiter is not None):
        raise InputError("targets, header and delimiter describe --data; pass it too, or leave them out")
    others = None
    if weights is not None or data is not None:
        from verify.certificates import Certificate
        from verify.networks.reading.files import load_data, load_model

        stored = Certificate.load(certificate)
        read = None if data is None else load_data(data, targets, header=header, delimiter=delimiter)
        network = None if weights is None else load_model(weights, architecture)
        others = stored.mismatch(network, *((None, None) if read is None else (read.X, read.y)))
    result = run(certificate, positive_float(seconds, "seconds"))
    verdict = result.verdict if others is None else "REJECTED"
    if as_json:
        print_json(
            {
                "verdict": verdict,
                "failures": [*([others] if others else []), *result.failures],
                "claims": list(result.claims),
                "seconds": result.seconds,
                "bits": result.bits,
            }
        )
    else:
        print(f"{verdict} in {result.seconds:.1f} s at {result.bits} bits")
        if others is not None:
            print(f"  {others}. Of the network and data that it is about, the file is {result.verdict}:")
        for line in (*result.failures, *result.claims):
            print(f"  {line}")
        if show_all:
            table = Table("step", "left", "", "right", "margin", "from")
            for row in result.steps:
                table.add_row(*(Text(str(cell)) for cell in row))
            Console(markup=False).print(table)
        elif result.steps:
            print(f"  {len(result.steps)} inequalities and stored intervals were checked (--all lists them)")
    raise typer.Exit(EXIT[verdict])


@app.command()
def formal(
    certificate: Path,
    out: Annotated[Path | None, typer.Option(help="the .v file; default: the certificate's name")] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="multiply with 63-bit machine integers: faster, more axioms")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Let the checker that is proved correct in Coq accept a certificate: a theorem about its own doubles."""
    from verify.formal.accept import accept

    if not certificate.exists():
        raise InputError(f"certificate={certificate}: no such file or directory")
    result = accept(certificate, out or certificate.with_suffix(".v"), vectors="fast" if fast else "slow")
    if as_json:
        print_json(dataclasses.asdict(result))
    else:
        print(result.report)
    raise typer.Exit(EXIT[result.verdict])


@app.command()
def reproduce(
    out: Annotated[Path, typer.Option(help="results folder")] = Path("results"),
    smoke: Annotated[bool, typer.Option("--smoke", help="the smallest job, under a minute")] = False,
    full: Annotated[bool, typer.Option("--full", help="all experiments, hours; resumable")] = False,
    only: Annotated[
        str | None, typer.Option(help="make one row again: the name of a certificate or experiment")
    ] = None,
) -> None:
    """Run the main job: certificates, experiments, ledger and report."""
    from verify.experiments import reproduce as job

    console = Console(markup=False)
    if only is not None:
        raise typer.Exit(EXIT[job.reproduce_one(out, only, console)])
    job.reproduce(out, "smoke" if smoke else "full" if full else "standard", console)


@app.command()
def ledger(
    claim: Annotated[str | None, typer.Argument(help="show this claim alone, with the lemmas it cites")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Print what became of each claim: statement, source, verdict, what proves or refutes it."""
    from proofs import ledger as claims

    if claim is not None and claim not in claims.claims():
        near = difflib.get_close_matches(claim, claims.claims(), 3, 0.4)
        raise InputError(f"claim={claim!r}: no such id" + (f"; near it: {', '.join(near)}" if near else ""))
    console = Console(stderr=True, markup=False)
    with console.status("checking proofs") if console.is_terminal else nullcontext():
        rows = claims.compute(claim)
    if claim is not None:
        rows = [row for row in rows if row.id == claim]
    if as_json:
        print(claims.to_json(rows))
    else:
        print(claims.render_text(rows) if claim is None else claims.render_claim(rows[0]))


@app.command()
def width(
    n: Annotated[int, typer.Option(help="number of inputs")] = 10,
    d: Annotated[int, typer.Option(help="input dimension")] = 10,
    norm: Annotated[float, typer.Option(help="norm of the inputs")] = 9.0,
    lr: Annotated[str, typer.Option(help="step size of the criteria about the start, exact")] = "1/500",
    run_lr: Annotated[str, typer.Option(help="step size of the run that a ball encloses, exact")] = "1/10",
    smallest: Annotated[int, typer.Option(help="log2 of the first width tried")] = 5,
    largest: Annotated[int, typer.Option(help="log2 of the last width tried")] = 18,
    seed: Annotated[int, typer.Option()] = 0,
    criterion: Annotated[
        list[str] | None,
        typer.Option(
            help="paper, classical, residual, neurons, displacement, start, midpoint, adversary; default: all"
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Find the smallest power-of-two width at which each criterion proves a region around an initialisation (v1's existence claim)."""
    from verify.experiments.width import CRITERIA, Widths, search

    def told(name: str, width: int) -> None:
        print(f"{name}: {'observed' if name == 'adversary' else 'PROVED'} at width {width}", flush=True)

    case = Widths(n, d, norm, seed, lr, run_lr, smallest, largest)
    rows = search(case, tuple(criterion or CRITERIA), None if as_json else told)
    if as_json:
        print_json(rows)
    missing = [row for row in rows if row["width"] is None]
    for row in [] if as_json else missing:
        about = "" if row["estimate"] is None else f"; about {row['estimate']:.2g} by scaling (estimate)"
        print(f"{row['criterion']}: not up to width {2**largest}{about}")
    raise typer.Exit(EXIT["INCONCLUSIVE" if missing else "PROVED"])


@app.command()
def sweep(
    spec: Annotated[
        Path, typer.Argument(help="TOML file: [grid] of lists and [[case]] tables (verify/sweeps/README.md)")
    ],
    out: Annotated[Path, typer.Option(help="folder of the sweep; a killed sweep continues there")] = Path("sweep"),
    scheduler: Annotated[
        str | None, typer.Option(help="address of a running Dask scheduler; default: this machine")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="worker processes on this machine, 1 or more; default: one per core")
    ] = None,
    only: Annotated[str | None, typer.Option(help="run one case, by its id")] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="run cases again that FAILED")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Certify every case of a specification, resumably, and write one table (Parquet and JSON) with figures."""
    from verify.sweeps import sweep as run

    def shown(done: int, total: int, row: Mapping[str, Any]) -> None:
        print(f"{done}/{total} {row['id']} {row['verdict']} ({row['seconds']:.1f} s): {row['reason']}", flush=True)

    result = run(
        spec,
        out,
        scheduler=scheduler,
        workers=workers,
        only=only,
        retry_failed=retry_failed,
        progress=None if as_json else shown,
    )
    if as_json:
        print_json({"sweep": result.name, "verdicts": result.verdicts, "table": str(out / "sweep.parquet")})
    else:
        print(f"{result!r}\ntable: {out / 'sweep.parquet'}, {out / 'sweep.json'}")


@app.command()
def report(directory: Path) -> None:
    """Write report.html and LaTeX/Markdown tables from the results in DIRECTORY."""
    from verify.report import report_from_directory

    print(report_from_directory(directory))


@app.command()
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="small sizes")] = False,
    only: Annotated[list[str] | None, typer.Option(help="names of the comparisons to run")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Time this package beside its peers, as ratios of medians in one process."""
    from verify.bench import as_table, run_all

    rows = run_all(quick=quick, only=only)
    if as_json:
        print_json(rows)
    else:
        Console(markup=False).print(as_table(rows))


@functools.cache
def _command() -> Any:
    """The verbs as one command, made once per process: a program may call :func:`main` many times."""
    command: Any = typer.main.get_command(app)
    for verb in (command, *command.commands.values()):
        # Help is printed as rich markup, in which "[grid]" is a style and vanishes.
        for text in (verb, *verb.params):
            text.help = escape(getattr(text, "help", None) or "")
    return command


def _run(arguments: Sequence[str]) -> Any:
    return _command()(args=list(arguments), prog_name="verify", standalone_mode=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code. Whatever is refused or goes wrong is one clear line and exit code 3, never a traceback."""
    return guarded(_run, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())

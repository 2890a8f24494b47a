"""``python -m property_tests.soak --minutes 30``: the properties for as long as you like, a fresh seed each time.

Every failure is saved as a Python file that reproduces it (Hypothesis has shrunk it), and the run goes on. At the end every
twin is refuted anew, the floors are required, and the table is printed and written beside the failures. Exit code 1 if anything failed.
"""

from __future__ import annotations

import argparse
import json
import math
import secrets
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from hypothesis import Verbosity, given, seed as with_seed, settings

from property_tests.profiles import for_weight
from property_tests.properties import EFFORT, PROPERTIES, Property
from property_tests.tally import TALLY, Tally
from property_tests.twins import TWINS, refute
from verify.sweeps.workers import Lost, on_workers

__all__ = ["main", "reproducer", "soak"]

# More than a soak run gets through; once the time is over the rest returns at once.
_ROUNDS = 200
DESCENT = 300
"""Enclosed steps of descent for each PROVED draw of a ball."""

_HEADER = '''"""{message}

Property {name!r}, found by a soak run with seed {seed}. Run it: python {path}
"""
{imports}
from property_tests.properties import PROPERTIES

PROPERTIES[{name!r}].body(
    {draw}
)
'''


def _imports(draw: Any) -> str:
    """Import what the repr of a draw names: the classes of dataclasses and exact numbers, however deep."""
    found, left = {(math, "inf"), (math, "nan")}, [draw]
    while left:
        value = left.pop()
        if is_dataclass(value) or isinstance(value, Fraction):
            found.add((sys.modules[type(value).__module__], type(value).__name__))
        if is_dataclass(value):
            left += [getattr(value, f.name) for f in fields(value)]
        elif isinstance(value, Mapping):
            left += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set | frozenset):
            left += value
    return "\n".join(sorted(f"from {module.__name__} import {name}" for module, name in found))


def reproducer(prop: Property, seed: int, path: Path, message: str, draw: Any) -> str:
    """Return a Python file that runs a property's body on one draw."""
    return _HEADER.format(
        message=message, name=prop.name, seed=seed, path=path, draw=repr(draw), imports=_imports(draw)
    )


def _attempt(prop: Property, seed: int, out: Path) -> Path | None:
    """Run one chunk of a property; return the file that reproduces its failure, if it failed."""
    failing: list[Any] = []

    def body(draw: Any) -> None:
        try:
            prop.body(draw)
        except Exception:
            failing.append(draw)
            raise

    chunk = settings(
        for_weight("property-soak", prop.weight), database=None, verbosity=Verbosity.quiet, report_multiple_bugs=False
    )
    try:
        with_seed(seed)(chunk(given(prop.strategy())(body)))()
    except Exception as error:
        stem = f"failure_{prop.name}_{seed}".replace(": ", "_").replace(" ", "_")
        path = out / f"{stem}.py"
        message = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}".replace('"', "'")
        # None: the strategy itself failed.
        path.write_text(reproducer(prop, seed, path, message, failing[-1] if failing else None))
        (out / f"{stem}.txt").write_text(traceback.format_exc())
        print(f"FAILED {prop.name} (seed {seed}): {message}\n  reproduce: python {path}", flush=True)
        return path
    return None


def _chunk(name: str, seed: int, out: Path, deadline: float, descent: int) -> tuple[int, dict[str, Any]] | None:
    """Run one chunk of a property, by itself countable; return failures and what was counted, None once the deadline (time.time()) is over."""
    if time.time() >= deadline:
        return None
    torch.set_num_threads(1)
    TALLY.clear()
    EFFORT.descent = descent
    failed = _attempt(PROPERTIES[name], seed, out) is not None
    return int(failed), TALLY.to_json()


def _rounds(minutes: float, seed: int, out: Path, chosen: list[Property], workers: int, descent: int) -> int:
    """Run chunks until the time is over, on worker processes if there are several; merge their tallies, return the failures."""
    deadline, failures, total = time.time() + 60.0 * minutes, 0, Tally()
    tasks = {f"{p.name} {seed + k}": (p.name, seed + k, out, deadline, descent) for k in range(_ROUNDS) for p in chosen}
    local = ((name, _chunk(*arguments)) for name, arguments in tasks.items())
    for name, result in local if workers == 1 else on_workers(_chunk, tasks, workers=workers):
        if isinstance(result, Lost):
            failures += 1
            print(f"FAILED {name}: {result.reason}", flush=True)
        elif result is not None:
            failures += result[0]
            total.merge(Tally.from_json(result[1]))
            proved, draws = total.share(tasks[name][0])
            print(
                f"  {name}: {proved} of {draws} PROVED so far, {max(0.0, (deadline - time.time()) / 60.0):.1f} min left",
                flush=True,
            )
    TALLY.clear()
    TALLY.merge(total)
    return failures


def soak(
    minutes: float, seed: int, out: Path, only: list[str] | None = None, workers: int = 1, descent: int = DESCENT
) -> int:
    """Run for `minutes`; return the number of failures (violations, floors missed, twins that survived, chunks that killed four workers)."""
    out.mkdir(parents=True, exist_ok=True)
    chosen = [p for p in PROPERTIES.values() if only is None or p.name in only]
    failures = _rounds(minutes, seed, out.resolve(), chosen, workers, descent)
    for twin in TWINS.values():
        try:
            refute(twin, derandomize=False)
        except Exception as error:
            failures += 1
            print(f"TWIN {error}", flush=True)
    for prop in chosen:
        for kind, floor in (prop.floors or {}).items():
            try:
                TALLY.require(prop.name, floor, scope=prop.scope, kind=kind)
            except AssertionError as error:
                failures += 1
                print(f"FLOOR {error}", flush=True)
    (out / "tally.json").write_text(
        json.dumps({"seed": seed, "minutes": minutes, "failures": failures, **TALLY.to_json()}, indent=1)
    )
    print("\n".join(TALLY.lines()))
    print(f"seed {seed}: {TALLY.draws.total()} draws, {failures} failures")
    return failures


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m property_tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=None, help="default: a fresh one, printed")
    parser.add_argument("--out", type=Path, default=Path("results/soak"), help="folder for failures and the tally")
    parser.add_argument("--only", nargs="+", choices=sorted(PROPERTIES), help="some properties")
    parser.add_argument("--workers", type=int, default=1, help="worker processes (verify.sweeps.workers)")
    parser.add_argument("--descent", type=int, default=DESCENT, help="enclosed steps of a PROVED ball's descent")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    seed = secrets.randbits(31) if options.seed is None else options.seed
    print(f"soak: {options.minutes} minutes, seed {seed}", flush=True)
    return 1 if soak(options.minutes, seed, options.out, options.only, options.workers, options.descent) else 0


if __name__ == "__main__":
    # As the module that workers import: what __main__ holds is copied to them, and their copy of the tally counts only what is copied with it.
    from property_tests import soak as imported

    sys.exit(imported.main())

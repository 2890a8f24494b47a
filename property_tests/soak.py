"""``python -m property_tests.soak --minutes 30``: the properties for as long as you like, a fresh seed each time.

Every failure is saved as a Python file that reproduces it (Hypothesis has shrunk it), and the run goes on. At the end every
twin is refuted anew, the floors are required, and the table is printed and written beside the failures. Exit code 1 if anything failed.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import torch
from hypothesis import Verbosity, given, settings
from hypothesis import seed as with_seed

from property_tests.profiles import for_weight
from property_tests.properties import PROPERTIES, Property
from property_tests.tally import TALLY
from property_tests.twins import TWINS, refute

__all__ = ["main", "soak"]

_HEADER = '''"""{message}

Property {name!r}, found by a soak run with seed {seed}. Run it: python {path}
"""
from fractions import Fraction

from property_tests.families import *
from property_tests.properties import PROPERTIES, StepDraw
from property_tests.scaling import ScalingDraw
from property_tests.strategies import *

PROPERTIES[{name!r}].body(
    {draw}
)
'''


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
        draw = repr(failing[-1]) if failing else "None  # the strategy itself failed"
        message = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}".replace('"', "'")
        path.write_text(_HEADER.format(message=message, name=prop.name, seed=seed, path=path, draw=draw))
        (out / f"{stem}.txt").write_text(traceback.format_exc())
        print(f"FAILED {prop.name} (seed {seed}): {message}\n  reproduce: python {path}", flush=True)
        return path
    return None


def soak(minutes: float, seed: int, out: Path, only: list[str] | None = None) -> int:
    """Run for `minutes`; return the number of failures (violations, floors missed, twins that survived)."""
    out.mkdir(parents=True, exist_ok=True)
    chosen = [p for p in PROPERTIES.values() if only is None or p.name in only]
    end, failures, rounds = time.monotonic() + 60.0 * minutes, 0, 0
    while time.monotonic() < end:
        for prop in chosen:
            if time.monotonic() >= end:
                break
            begin = time.monotonic()
            failures += _attempt(prop, seed + rounds, out) is not None
            proved, total = TALLY.share(prop.name)
            print(f"  {prop.name}: {proved} of {total} PROVED so far, {time.monotonic() - begin:.0f} s", flush=True)
        rounds += 1
        proved = sum(c for (*_, verdict), c in TALLY.draws.items() if verdict == "PROVED")
        left = max(0.0, (end - time.monotonic()) / 60.0)
        print(
            f"round {rounds}: {TALLY.draws.total()} draws, {proved} PROVED, {failures} failures, {left:.1f} min left",
            flush=True,
        )
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
    print(f"seed {seed}: {TALLY.draws.total()} draws in {rounds} rounds, {failures} failures")
    return failures


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m property_tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=None, help="default: a fresh one, printed")
    parser.add_argument("--out", type=Path, default=Path("results/soak"), help="folder for failures and the tally")
    parser.add_argument("--only", nargs="+", choices=sorted(PROPERTIES), help="some properties")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    seed = secrets.randbits(31) if options.seed is None else options.seed
    print(f"soak: {options.minutes} minutes, seed {seed}", flush=True)
    return 1 if soak(options.minutes, seed, options.out, options.only) else 0


if __name__ == "__main__":
    sys.exit(main())

"""``python -m property_tests.fuzzing --inputs 100000``: damaged and hostile files at every entry point that reads one.

Each input ends in data, or in one typed error of one line; what is accepted is compared with a second, naive reading. Hypothesis draws
the files, seeds of :func:`property_tests.damaged_files.damaged` then edit each many times: cheaper than a draw an input, and as
reproducible. Inputs are counted once: what an edit left as it was, or made before, is not read again. A failure is saved with its
bytes. Exit code 1 if anything failed.
"""

from __future__ import annotations

import argparse
import itertools
import random
import secrets
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed as with_seed, settings, strategies as st

from property_tests.damaged_files import ENTRIES, Entry
from verify.errors import VerifyError

__all__ = ["Tally", "fuzz", "main"]

_PER_DRAW = 25
# Most draws of one round; each round has a seed of its own.
_DRAWS = 400
_LONGEST_MESSAGE = 3000


@dataclass
class Tally:
    """What became of the different inputs of one entry: accepted, or the kind of error."""

    counts: Counter[str] = field(default_factory=Counter)
    seen: set[int] = field(default_factory=set, repr=False)

    @property
    def inputs(self) -> int:
        """Number of different inputs so far."""
        return self.counts.total()

    def is_new(self, content: Any) -> bool:
        """Whether no such input was read before; remembers it."""
        key = hash(content if isinstance(content, bytes) else repr(content))
        known = key in self.seen
        self.seen.add(key)
        return not known

    def read(self, entry: Entry, content: Any, folder: Path) -> None:
        """Read one input; any end but data or one typed line raises."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                # Python's own parser warns of invalid escapes in a factory's source.
                warnings.filterwarnings("ignore", category=SyntaxWarning)
                warnings.filterwarnings("ignore", category=DeprecationWarning)
                entry.read(content, folder)
        except VerifyError as error:
            text = str(error)
            assert 0 < len(text) <= _LONGEST_MESSAGE, f"a message of {len(text)} characters"
            assert text.isprintable(), f"a message of several lines or with control characters: {text!r}"
            self.counts[type(error).__name__] += 1
        else:
            self.counts["accepted"] += 1


def fuzz(entry: Entry, inputs: int, seed: int, failures: Path | None = None) -> Tally:
    """Read `inputs` inputs drawn from `seed`; the first failure is saved in `failures` and raised."""
    tally = Tally()
    profile = settings(
        max_examples=min(_DRAWS, 1 + inputs // _PER_DRAW),
        deadline=None,
        database=None,
        verbosity=Verbosity.quiet,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def body(content: Any, edits: int) -> None:
            rng = random.Random(edits)
            for _ in range(_PER_DRAW):
                edited = entry.damage(content, rng)
                if tally.inputs >= inputs or not tally.is_new(edited):
                    continue
                try:
                    tally.read(entry, edited, folder)
                except Exception:
                    if failures is not None:
                        failures.mkdir(parents=True, exist_ok=True)
                        kept = edited if isinstance(edited, bytes) else repr(edited).encode()
                        (failures / f"{entry.name}_{seed}.input").write_bytes(kept)
                    raise

        sys.path.insert(0, name)
        keep, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            rounds = itertools.count(seed)
            while tally.inputs < inputs:
                with_seed(next(rounds))(profile(given(entry.files, st.integers(0, 2**62))(body)))()
        finally:
            sys.path.remove(name)
            sys.dont_write_bytecode = keep
    return tally


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m property_tests.fuzzing", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="inputs at each entry point")
    parser.add_argument("--seed", type=int, default=None, help="default: a fresh one, printed")
    parser.add_argument("--out", type=Path, default=Path("results/fuzzing"), help="folder for failures")
    parser.add_argument("--only", nargs="+", choices=sorted(ENTRIES), help="some entry points")
    options = parser.parse_args(arguments)
    seed = secrets.randbits(31) if options.seed is None else options.seed
    failed = 0
    for name in options.only or ENTRIES:
        try:
            tally = fuzz(ENTRIES[name], options.inputs, seed, options.out)
        except Exception:
            failed += 1
            print(f"FAILED {name} (seed {seed}; input in {options.out})\n{traceback.format_exc()}", flush=True)
        else:
            print(f"{name}: {tally.inputs} inputs, {dict(tally.counts)}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

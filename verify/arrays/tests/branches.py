"""Every branch of every elementary function against Arb: as many enclosures in each as you ask for.

    python -m verify.arrays.tests.branches [COUNT] [SEED] [NAME …]

A branch is a function, a derivative and an interval of |x| between two of its cuts: where the code takes another path, a result
leaves the normal doubles, or a limit is reached. COUNT (10^5 by default) balls are drawn in each, both signs where the function has
them, points, balls a few ulp wide and balls as wide as the interval, a fifth of them at the cuts; an exact point of each is
evaluated by Arb and must lie in the enclosure, with no tolerance. Exit code 1 on a violation.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from verify.arrays import Ball
from verify.arrays.tests import reference
from verify.arrays.tests.campaign import function
from verify.arrays.tests.campaign_inputs import MAX, Rng, Tally, inside
from verify.arrays.tests.reference import exact

TINY, NORMAL, LAST = 2.0**-1074, 2.0**-1022, 1e300
_CELU = (TINY, NORMAL, 0.3466, 60.0, 708.4, 745.2, 800.0, LAST)
_LOGISTIC = (TINY, NORMAL, 1e-8, 0.3466, 37.0, 708.4, 745.2, 800.0, LAST)
# Cuts in |x|; for log in x, for log1p in |x| of both signs above −1.
CUTS: dict[str, tuple[float, ...]] = {
    "exp": (TINY, NORMAL, 0.3466, 60.0, 708.4, 709.79, 745.2, 746.0, LAST),
    "expm1": (TINY, NORMAL, 0.3466, 60.0, 709.79, LAST),
    "log": (TINY, NORMAL, 0.7071067811865476, 1.4142135623730951, 2.0**53, LAST),
    "log1p": (TINY, NORMAL, 0.29, 0.41, 1.0, 2.0**53, LAST),
    "sqrt": (TINY, NORMAL, 1.0, 4.0, LAST),
    "tanh": (TINY, NORMAL, 1.0 / 512.0, 0.6584789484624084, 1.1462158347805889, 20.0, 373.0, 800.0, LAST),
    "sigmoid": _LOGISTIC,
    "softplus": _LOGISTIC,
    "silu": _LOGISTIC,
    "erf": (TINY, NORMAL, 2.0**-400, 1.5, 5.9, 27.3, 40.0, 60.0, LAST),
    "gelu": (TINY, NORMAL, 2.0**-400, 2.1213203435596424, 8.3, 38.6, 45.0, 56.0, 60.0, LAST),
    "gelu_tanh": (TINY, NORMAL, 1e-8, 2.5, 10.0, 21.5, 45.0, 60.0, LAST),
    "sin": (TINY, NORMAL, 0.7853981633974483, 6.283185307179586, 2.0**19, 1e22, LAST),
    "cos": (TINY, NORMAL, 0.7853981633974483, 6.283185307179586, 2.0**19, 1e22, LAST),
    "celu": _CELU,
    "celu_0.3": tuple(0.3 * cut if cut > NORMAL else cut for cut in _CELU),
    "celu_2.5": tuple(2.5 * cut if cut > NORMAL else cut for cut in _CELU),
    "softsign": (TINY, NORMAL, 1.0, 2.0**53, 1e100, 1.5e100, LAST),
}


def derivatives(name: str) -> range:
    """Of which order; the second of CELU and Softsign jumps at 0."""
    return range(3 if name in reference.LIPSCHITZ else 4)


_ABOVE = {"log": 0.0, "sqrt": 0.0, "log1p": -1.0}


def _points(rng: Rng, count: int, low: float, high: float) -> np.ndarray:
    """Doubles of [low, high], evenly in their logarithm or in themselves, and some within a few ulp of the ends."""
    by_size = 2.0 ** rng.uniform(np.log2(low), np.log2(high), count)
    x = np.where(rng.random(count) < 0.5, by_size, rng.uniform(low, high, count))
    end = np.where(rng.random(count) < 0.5, low, high)
    near = np.maximum(end + rng.integers(-3, 4, count) * np.spacing(end), TINY)
    return np.asarray(np.where(rng.random(count) < 0.2, near, np.clip(x, low, high)))


def branch(rng: Rng, count: int, name: str, k: int, low: float, high: float) -> Tally:
    """Enclosures of the k-th derivative of a function on balls about points with |x| in [low, high]."""
    tally = Tally()
    x = _points(rng, count, low, high)
    above = _ABOVE.get(name, -MAX)
    if above < 0.0:
        x = np.where((rng.random(count) < 0.5) & (-x > above), -x, x)
    thin = np.spacing(np.abs(x)) * rng.integers(1, 8, count)
    wide = np.minimum((high - low) * rng.random(count), np.abs(x) * 10.0 ** rng.uniform(-12, 0.5, count))
    rad = np.choose(rng.integers(0, 3, count), [np.zeros(count), thin, wide])
    rad = np.where(Ball(x, rad).lower() > above, rad, 0.0)
    out = function(name, k)(Ball(x, rad))
    f = (reference.FUNCTIONS | reference.LIPSCHITZ)[name]
    for i, (m, r) in enumerate(zip(x.tolist(), rad.tolist(), strict=True)):
        at, offset = inside(rng, m, r)
        tally.add(
            float(out.mid[i]),
            float(out.rad[i]),
            lambda at=at, offset=offset: f(exact(at) + exact(offset), k),  # type: ignore[misc]
            lambda m=m, r=r, offset=offset: f"{name}^({k}) mid={m.hex()} rad={r.hex()} offset={offset.hex()}",  # type: ignore[misc]
        )
    return tally


def plan() -> Iterator[tuple[str, Callable[[Rng, int], Tally]]]:
    """(description, run) of every branch."""
    for name, cuts in CUTS.items():
        for k in derivatives(name):
            for low, high in itertools.pairwise(cuts):
                arguments: Any = (name, k, low, high)
                yield (
                    f"{name}^({k}) on [{low:.3g}, {high:.3g}]",
                    lambda rng, count, a=arguments: branch(rng, count, *a),  # type: ignore[misc]
                )


def main() -> None:
    """Command line: optional count, seed, and names of functions (all of them otherwise)."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20261126
    only = tuple(f"{name}^" for name in sys.argv[3:])
    made = checked = violations = 0
    fewest = count
    for index, (name, run) in enumerate(plan()):
        if only and not name.startswith(only):
            continue
        made += 1
        tally = run(np.random.default_rng([seed, index]), count)
        checked, violations = checked + tally.checked, violations + tally.violations
        fewest = min(fewest, tally.checked)
        print(
            f"{name:50s} checked {tally.checked:7d} violations {tally.violations} infinite radius {tally.unbounded}"
            f" not evaluated by Arb {tally.unevaluated}",
            *tally.examples,
            flush=True,
        )
    print(f"{made} branches, {checked} enclosures, {violations} violations; at least {fewest} in each")
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()

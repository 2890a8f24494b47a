"""Containment campaign against Arb: every operation, all magnitudes, zero tolerance.

    python -m verify.arrays.tests.campaign [SCALE] [SEED]

prints one line per operation (cases checked, violations, cases Arb could not evaluate) and the totals; exit
code 1 on a violation. SCALE 1 checks more than 10^6 cases. Each case is an exact real input inside the input
balls (ends included) whose exact image must lie in the output ball, compared exactly.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import flint
import numpy as np

import verify.arrays as va
from verify.arrays import Ball
from verify.arrays.tests import reference
from verify.arrays.tests.campaign_inputs import MAX, Rng, Tally, _value, inside, points, radii
from verify.errors import DomainError

BINARY: dict[str, tuple[Callable[[Ball, Ball], Ball], Callable[[Any, Any], Any]]] = {
    "+": (lambda a, b: a + b, lambda x, y: x + y),
    "-": (lambda a, b: a - b, lambda x, y: x - y),
    "*": (lambda a, b: a * b, lambda x, y: x * y),
    "/": (lambda a, b: a / b, lambda x, y: x / y),
    "maximum": (va.maximum, lambda x, y: x.max(y)),
    "hull": (Ball.hull, lambda x, y: x),
}


def binary(rng: Rng, n: int, name: str, point: bool = False) -> Tally:
    tally = Tally()
    f, g = BINARY[name]
    a, b = points(rng, n), points(rng, n)
    near = rng.random(n) < 0.15  # cancellation and ties
    with np.errstate(over="ignore"):
        b = np.where(near, np.nextafter(-a, rng.choice([-np.inf, np.inf], n)), b)
    b = np.where(np.isfinite(b), b, 1.0)
    b = np.where(rng.random(n) < 0.05, np.ldexp(a, -53), b)
    ra, rb = radii(rng, a), radii(rng, b)
    if point:
        ra, rb = 0.0 * ra, 0.0 * rb
    if name == "/":
        b = np.where(b == 0, 1.0, b)
        rb = np.where(rb < np.abs(b), rb, np.abs(b) * rng.choice([0.0, 0.5, 1 - 2.0**-52, 1e-9], n))
        rb = np.where((rb < np.abs(b)) & (not point), rb, 0.0)
    out = f(Ball(a, ra), Ball(b, rb))
    for i in range(n):
        x, y = inside(rng, a[i], ra[i]), inside(rng, b[i], rb[i])
        tally.add(
            float(out.mid[i]),
            float(out.rad[i]),
            lambda x=x, y=y: g(_value(x), _value(y)),  # type: ignore[misc]
            lambda i=i: f"{name} {float(a[i]).hex()} {float(ra[i]).hex()} {float(b[i]).hex()} {float(rb[i]).hex()}",  # type: ignore[misc]
        )
    return tally


def unary(rng: Rng, n: int, name: str) -> Tally:
    """Powers and absolute value."""
    tally = Tally()
    a = points(rng, n)
    ra = radii(rng, a)
    k = 0
    if name != "abs":
        k = int(name[3:])
        if k < 0:
            a = np.where(a == 0, 1.0, a)
            ra = np.where(ra < np.abs(a) / 2, ra, 0.0)
    ball = Ball(a, ra)
    if k < 0:
        with np.errstate(all="ignore"):
            ok = ((ball ** (-k)).mignitude() > 0) & (np.abs(a) > 1e-100)
        a, ra = a[ok], ra[ok]
        ball = Ball(a, ra)
    out = abs(ball) if name == "abs" else ball**k
    for i in range(a.size):
        x = inside(rng, a[i], ra[i])
        tally.add(
            float(out.mid[i]),
            float(out.rad[i]),
            lambda x=x: abs(_value(x)) if name == "abs" else _value(x) ** k,  # type: ignore[misc]
            lambda i=i: f"{name} {float(a[i]).hex()} {float(ra[i]).hex()}",  # type: ignore[misc]
        )
    return tally


def function(name: str, k: int) -> Callable[..., Ball]:
    if name == "gelu_tanh":
        return lambda x: va.gelu(x, k, approximate="tanh")
    if name.startswith("celu_"):
        return lambda x: va.celu(x, k, float(name.removeprefix("celu_")))
    f = getattr(va, name)
    return lambda x: f(x, k)


def elementary(rng: Rng, n: int, name: str, k: int, point: bool = False) -> Tally:
    tally = Tally()
    a = points(rng, n)
    if name in ("log", "sqrt"):
        a = np.abs(a)
        a = np.where(a == 0, 1.0, a)
    if name == "log1p":
        a = np.where(a <= -1, -a, a)
    ra = radii(rng, a) * (0.0 if point else 1.0)
    floor = {"log": 0.0, "sqrt": 0.0, "log1p": -1.0}.get(name)
    if floor is not None:
        ra = np.where(Ball(a, ra).lower() > floor, ra, 0.0)
    if (
        k == 0
        and not point
        and name not in ("log", "log1p", "sqrt", "exp", "expm1", "softplus", "gelu", "gelu_tanh", "silu")
    ):
        ra = np.where(rng.random(n) < 0.02, np.inf, ra)
    ball = Ball(a, ra)
    out = function(name, k)(ball)
    f = reference.FUNCTIONS[name]
    for i in range(n):
        x = inside(rng, a[i], ra[i]) if ra[i] < np.inf else (points(rng, 1)[0], 0.0)
        tally.add(
            float(out.mid[i]),
            float(out.rad[i]),
            lambda x=x: f(_value(x), k),  # type: ignore[misc]
            lambda i=i, x=x: f"{name}^({k}) mid={float(a[i]).hex()} rad={float(ra[i]).hex()} at {x}",  # type: ignore[misc]
        )
    return tally


def _matrix(rng: Rng, m: int, n: int) -> tuple[Any, Any]:
    kind = rng.integers(0, 7)
    a = rng.standard_normal((m, n))
    if kind == 1:
        a = points(rng, m * n).reshape(m, n)
    elif kind == 2:
        a = a * 10.0 ** rng.uniform(-170, -150, (m, n))
    elif kind == 3:
        a = a * 5e-324 * 2.0 ** rng.integers(0, 60, (m, n))
    elif kind == 4:
        a = a * 1e154
    elif kind == 5:
        a = np.sign(a) * 2.0 ** rng.integers(-40, 40, (m, n)) + rng.integers(0, 2, (m, n))
    elif kind == 6:
        a = a * 10.0 ** rng.uniform(-12, 12, (m, 1)) * 10.0 ** rng.uniform(-12, 12, (1, n))
    r = radii(rng, a.ravel()).reshape(m, n) if rng.random() < 0.5 else np.zeros((m, n))
    if kind != 1:
        r = np.minimum(r, np.abs(a) * 10.0 ** rng.uniform(-16, 0))
    return a, r


def products(rng: Rng, n: int, method: str) -> Tally:
    tally = Tally()
    while tally.checked + tally.unbounded < n:
        m, k, p = (int(v) for v in rng.integers(1, (6, 9, 6)))
        a, ra = _matrix(rng, m, k)
        b, rb = _matrix(rng, k, p)
        if rng.random() < 0.1:
            b, rb = -a.T, ra.T.copy()
            p = m
        A, B = Ball(a, ra), Ball(b, rb)
        if rng.random() < 0.3:  # other memory layouts
            A, B = Ball(np.asfortranarray(a), ra), Ball(b[:, ::-1], rb[:, ::-1])[:, ::-1]
        out = va.matmul(A, B, method)
        _check_products(rng, tally, a, ra, b, rb, out)
    return tally


def _check_products(rng: Rng, tally: Tally, a: Any, ra: Any, b: Any, rb: Any, out: Ball) -> None:
    xs = [[inside(rng, a[i, t], ra[i, t]) for t in range(a.shape[1])] for i in range(a.shape[0])]
    ys = [[inside(rng, b[t, j], rb[t, j]) for j in range(b.shape[1])] for t in range(b.shape[0])]
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            pairs = [(xs[i][t], ys[t][j]) for t in range(a.shape[1])]
            tally.add(
                float(out.mid[i, j]),
                float(out.rad[i, j]),
                lambda pairs=pairs: sum((_value(x) * _value(y) for x, y in pairs), flint.arb(0)),  # type: ignore[misc]
                lambda a=a, b=b: f"matmul {a.tolist()} {b.tolist()}",  # type: ignore[misc]
            )


def reductions(rng: Rng, n: int, name: str) -> Tally:
    tally = Tally()
    while tally.checked + tally.unbounded < n:
        m, k = int(rng.integers(2, 9)), int(rng.integers(1, 40))
        a, ra = _matrix(rng, m, k)
        if rng.random() < 0.3:
            with np.errstate(all="ignore"):
                a[:, -1] = -a[:, :-1].sum(axis=1) if k > 1 else 0.0
            a = np.where(np.isfinite(a), a, 1.0)
        ball = Ball(a, ra)
        out = ball.sum(axis=1) if name == "sum" else ball.norm(axis=1)
        for i in range(m):
            xs = [inside(rng, a[i, t], ra[i, t]) for t in range(k)]

            def truth(xs: Any = xs) -> Any:
                if name == "sum":
                    return sum((_value(x) for x in xs), flint.arb(0))
                return sum((_value(x) ** 2 for x in xs), flint.arb(0)).sqrt()

            tally.add(float(out.mid[i]), float(out.rad[i]), truth, lambda a=a, i=i: f"{name} {a[i].tolist()}")  # type: ignore[misc]
    return tally


def spectra(rng: Rng, n: int, name: str) -> Tally:
    """λ_min, λ_max, σ_max, σ_min of small matrices, decided exactly over the rationals (inertia)."""
    tally = Tally()
    while tally.checked < n:
        m = int(rng.integers(1, 6))
        k = m + int(rng.integers(0, 4))
        g = rng.integers(-20, 21, (m, k)).astype(np.float64)
        kind = int(rng.integers(0, 5))
        if kind == 1:
            g[-1] = g[0]  # exactly singular Gram matrix
        elif kind == 2:
            g = g * 2.0 ** rng.integers(-12, 12, (m, 1))
        elif kind == 3:
            g = rng.standard_normal((m, k))
        scale = 2.0 ** float(rng.choice([0, 0, 0, -400, 400, -520, 500]))
        if name in ("smallest_eigenvalue", "largest_eigenvalue"):
            a = g @ g.T if kind != 4 else g[:, :m] + g[:, :m].T
            a = np.tril(a) + np.tril(a, -1).T
            a = a * scale
            rad = np.zeros_like(a)
            if rng.random() < 0.4:
                rad = np.abs(rng.standard_normal((m, m))) * 1e-3 * scale
                rad = np.tril(rad) + np.tril(rad, -1).T
            out = getattr(va, name)(Ball(a, rad))
            t = rng.choice([-1.0, 1.0, 0.5], (m, m))
            t = np.tril(t) + np.tril(t, -1).T
            sample = [[Fraction(a[i, j]) + Fraction(rad[i, j]) * Fraction(t[i, j]) for j in range(m)] for i in range(m)]
            if name == "largest_eigenvalue":
                sample, out = [[-v for v in row] for row in sample], -out
            good = reference.smallest_eigenvalue_enclosed(sample, out)
        else:
            a = g * scale
            if rng.random() < 0.5:
                a = a.T
            out = getattr(va, name)(a)
            wide = a if a.shape[0] <= a.shape[1] else a.T
            q = [[Fraction(v) for v in row] for row in wide.tolist()]
            gram = [[sum((x * y for x, y in zip(r, s, strict=True)), Fraction(0)) for s in q] for r in q]
            lo = max(Fraction(float(out.mid)) - Fraction(float(out.rad)), Fraction(0))
            hi = Fraction(float(out.mid)) + Fraction(float(out.rad))
            if name == "spectral_norm":
                gram = [[-v for v in row] for row in gram]
                good = reference.negative_pivots(gram, -hi * hi) == 0 and not reference.positive_definite(
                    gram, -lo * lo
                )
            else:
                good = reference.negative_pivots(gram, lo * lo) == 0 and not reference.positive_definite(gram, hi * hi)
        tally.checked += 1
        if not good:
            tally.violations += 1
            tally.examples.append(f"{name} {a.tolist()} -> {out!r}")
    return tally


def conversions(rng: Rng, n: int) -> Tally:
    """Decimal strings and fractions of all magnitudes."""
    tally = Tally()
    for _ in range(n):
        digits = "".join(str(d) for d in rng.integers(0, 10, rng.integers(1, 30)))
        text = f"{rng.choice(['-', ''])}{digits[0]}.{digits}e{rng.integers(-330, 310)}"
        value = Fraction(text)
        if abs(value) > Fraction(MAX):
            continue
        ball = Ball(text)
        tally.checked += 1
        good = ball.contains(value) and abs(Fraction(float(ball.mid)) - value) <= Fraction(float(ball.rad))
        if not good:
            tally.violations += 1
            tally.examples.append(text)
    return tally


def plan(scale: float) -> Iterator[tuple[str, Callable[[Rng], Tally]]]:
    """(name, run) for every operation; scale 1 is the full campaign."""

    def size(n: int) -> int:
        return max(1, int(n * scale))

    for op in BINARY:
        yield op, lambda rng, op=op: binary(rng, size(60_000), op)  # type: ignore[misc]
        yield f"{op} points", lambda rng, op=op: binary(rng, size(40_000), op, point=True)  # type: ignore[misc]
    for op in ("abs", "pow2", "pow3", "pow6", "pow-2"):
        yield op, lambda rng, op=op: unary(rng, size(20_000), op)  # type: ignore[misc]
    for name in reference.FUNCTIONS:
        for k in range(4):
            count = size(13_000 if k == 0 else 7_000)
            for point in (False, True):
                yield (
                    f"{name}^({k})" + " points" * point,
                    lambda rng, a=(count, name, k, point): elementary(rng, *a),  # type: ignore[misc]
                )
    for method in ("fast", "sharp", "auto"):
        yield f"matmul {method}", lambda rng, m=method: products(rng, size(50_000), m)  # type: ignore[misc]
    for name in ("sum", "norm"):
        yield name, lambda rng, name=name: reductions(rng, size(25_000), name)  # type: ignore[misc]
    for name in ("smallest_eigenvalue", "largest_eigenvalue", "spectral_norm", "smallest_singular_value"):
        yield name, lambda rng, name=name: spectra(rng, size(2_500), name)  # type: ignore[misc]
    yield "conversion", lambda rng: conversions(rng, size(20_000))


def run(scale: float, seed: int, report: Callable[[str], None]) -> Tally:
    """Run the campaign; returns the totals."""
    total = Tally()
    for index, (name, job) in enumerate(plan(scale)):
        start = time.perf_counter()
        try:
            tally = job(np.random.default_rng([seed, index]))
        except DomainError as exc:
            raise AssertionError(f"{name}: generator left the domain: {exc}") from exc
        total.checked += tally.checked
        total.violations += tally.violations
        total.unevaluated += tally.unevaluated
        total.unbounded += tally.unbounded
        total.examples += tally.examples
        report(
            f"{name:28s} checked {tally.checked:8d}  violations {tally.violations}  infinite radius {tally.unbounded:6d}"
            f"  not evaluated by Arb {tally.unevaluated:4d}  {time.perf_counter() - start:6.1f} s"
        )
        for example in tally.examples[:3]:
            report(f"    {example}")
    report(
        f"total: {total.checked} cases checked, {total.violations} violations; {total.unbounded} infinite radii (trivially true), "
        f"{total.unevaluated} not evaluated by Arb (neither is counted)"
    )
    return total


def main() -> None:
    """Command line: optional scale and seed."""
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20260111
    total = run(scale, seed, lambda line: print(line, flush=True))
    sys.exit(1 if total.violations else 0)


if __name__ == "__main__":
    main()

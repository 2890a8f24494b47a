"""Each mutant of a radius formula must be caught by the campaign's exact containment check; the original must
pass the same cases.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from verify.arrays.tests import campaign
from verify.arrays.tests.mutation import mutant

# (file, old, new, operation of the campaign)
MUTANTS = [
    # ± × ÷: rounding of the midpoint dropped or halved, underflow, second-order term, divisor's radius
    ("formulas.py", "err = U * abs(m)", "err = 0.0 * abs(m)", "+"),
    ("formulas.py", "err = U * abs(m)", "err = 0.5 * U * abs(m)", "*"),
    ("formulas.py", "return m, err + ETA", "return m, err", "* points"),
    ("formulas.py", "return m, err + ETA", "return m, err", "/ points"),
    ("formulas.py", "(abs(b) + rb)", "abs(b)", "*"),
    ("formulas.py", "d = abs(b) - rb", "d = abs(b)", "/"),
    ("formulas.py", "d = abs(b) - rb", "d = abs(b) + rb", "/"),
    ("ball.py", "r = r + self._rad.sum(axis=axis, keepdims=keepdims)", "pass", "sum"),
    ("ball.py", "* gamma(max(k - 1, 0))", "* 0.0", "sum"),
    ("bounds.py", "np.maximum(sum_up(hi, -mid), sum_up(mid, -lo))", "np.maximum(hi - mid, mid - lo)", "hull"),
    ("ball.py", "else np.asarray(sum_up(m, self._rad))", "else m", "pow2"),
    # radii rounded to nearest instead of up; directed rounding swapped
    ("rounding.py", "INFLATE = 1.0 + 2.0**-49", "INFLATE = 1.0", "+"),
    ("rounding.py", "return _sum_directed(x, y, -np.inf)", "return _sum_directed(x, y, np.inf)", "maximum"),
    ("rounding.py", "return _sum_directed(x, y, np.inf)", "return _sum_directed(x, y, -np.inf)", "hull"),
    # products: underflow term, halved γ, a forgotten radius
    (
        "products.py",
        "gamma(max(n, 1)) * INFLATE, (n + 4) * ETA",
        "gamma(max(n, 1)) * INFLATE, 0.0",
        "matmul fast",
    ),
    ("products.py", "g, eta = gamma(max(n, 1))", "g, eta = 0.5 * gamma(max(n, 1))", "matmul fast"),
    ("products.py", "out += left.rad[..., :, None]", "0.0 * left.rad[..., :, None]", "matmul fast"),
    ("products.py", "out += (2 * n + 4) * ETA", "pass", "matmul sharp"),
    (
        "products.py",
        "g = gamma(max(n, 1))\n    grow",
        "g = 0.5 * gamma(max(n, 1))\n    grow",
        "matmul sharp",
    ),
    ("products.py", "out += np.matmul(x.rad,", "np.matmul(x.rad,", "matmul sharp"),
    (
        "products.py",
        "np.where(np.isfinite(top), back, np.inf)",
        "np.where(np.isfinite(top), 0.0, np.inf)",
        "matmul fast",
    ),
    ("products.py", "err = root * ((0.5 * g * (1.0 + g) + 4.0 * U) * INFLATE)", "err = root * 0.0", "norm"),
    ("products.py", "rad = sum_up(rad, spread)", "rad = sum_up(rad, 0.0)", "norm"),
    # spectra: the radius matrix, the Rayleigh quotient's own radius
    ("spectra.py", "guess.slack), -spread)", "guess.slack), 0.0)", "smallest_eigenvalue"),
    ("spectra.py", "float(quotient.upper())", "float(quotient.mid) * (1.0 - 1e-15)", "smallest_eigenvalue"),
    ("spectra.py", "np.maximum(value.lower(), 0.0)", "np.maximum(value.upper(), 0.0)", "spectral_norm"),
    # elementary functions: kernel errors, critical points, limits, argument reduction
    ("functions/at_points.py", "err = v * (5.0 * U) + ETA", "err = v * (0.2 * U) + ETA", "exp^(0) points"),
    ("functions/at_points.py", "err = v * (5.0 * U) + ETA", "err = v * (5.0 * U)", "exp^(0)"),
    (
        "functions/at_points.py",
        "err = np.abs(v) * (11.0 * U) + 2.0 * ETA",
        "err = np.abs(v) * (0.2 * U) + 2.0 * ETA",
        "expm1^(0)",
    ),
    ("functions/at_points.py", "np.multiply(a, 11.0 * U, out=a)", "np.multiply(a, 0.0, out=a)", "tanh^(0)"),
    ("functions/at_points.py", "np.abs(v) * (7.0 * U)", "np.abs(v) * (0.2 * U)", "log^(0)"),
    ("functions/at_points.py", "_log_ratio((t + t) / (2.0 + t))", "_log_ratio(2.0 * (t / (2.0 + t)))", "log1p^(0)"),
    ("functions/at_points.py", "_factorials(3, 17)", "_factorials(3, 13)", "sin^(0)"),
    ("functions/at_points.py", "_SMALL_ANGLE = 2.0**19", "_SMALL_ANGLE = 2.0**40", "sin^(0)"),
    ("functions/on_balls.py", "for c in critical:", "for c in ():", "tanh^(1)"),
    ("functions/on_balls.py", "for c in critical:", "for c in ():", "gelu^(0)"),
    ("functions/on_balls.py", "for c in critical:", "for c in critical[:1]:", "silu^(3)"),
    ("functions/on_balls.py", "for j in range(6):", "for j in range(1):", "cos^(0)"),
    ("functions/on_thin_balls.py", "GELU_TAIL = 45.0", "GELU_TAIL = 1.0", "gelu^(2)"),
    ("functions/on_balls.py", "a * (1.0 - 2.0 * U), c * (1.0 + 4.0 * U)", "a, c", "sqrt^(0)"),
    ("functions/on_thin_balls.py", "_clip_ball(x, GELU_TAIL)", "_clip_ball(x, 2.0)", "gelu_tanh^(1)"),
    # conversion: nearest instead of enclosing
    ("rounding.py", "while Fraction(hi) < q:", "while False:", "conversion"),
]
SCALE = 0.04
SEED = 7


def _violations(module: campaign.__class__, operation: str) -> int:  # type: ignore[name-defined]
    for index, (name, job) in enumerate(module.plan(SCALE)):
        if name == operation:
            return int(job(np.random.default_rng([SEED, index])).violations)
    raise AssertionError(f"no operation {operation}")


@pytest.mark.parametrize("operation", sorted({m[3] for m in MUTANTS}))
def test_original_passes(operation: str) -> None:
    assert _violations(campaign, operation) == 0


@pytest.mark.parametrize(("file", "old", "new", "operation"), MUTANTS)
def test_mutant_is_caught(tmp_path: Path, file: str, old: str, new: str, operation: str) -> None:
    with mutant(tmp_path, file, old, new) as load:
        try:
            caught = _violations(load("tests.campaign"), operation)
        except (AssertionError, ValueError, ZeroDivisionError):
            caught = 1  # the package's own validation tripped over the mutant
        assert caught > 0

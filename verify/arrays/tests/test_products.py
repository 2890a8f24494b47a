"""Products: every layout, thread count and method encloses the same exact value; choice of method; norms."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

import verify.arrays as va
from verify.arrays import Ball
from verify.arrays.products import AUTO_FACTOR, row_norms_upper
from verify.errors import InputError


def _exact_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Exact product of float matrices as Fractions via integers."""
    ea, eb = (int(np.frexp(np.abs(m).min())[1]) - 60 for m in (a, b))
    ia = np.array([[int(Fraction(v) / Fraction(2) ** ea) for v in row] for row in a.tolist()], dtype=object)
    ib = np.array([[int(Fraction(v) / Fraction(2) ** eb) for v in row] for row in b.tolist()], dtype=object)
    return np.asarray((ia @ ib) * (Fraction(2) ** (ea + eb)))


def _layouts(a: np.ndarray) -> list[np.ndarray]:
    wide = np.zeros((2 * a.shape[0], 3 * a.shape[1]))
    wide[::2, 1::3] = a
    return [a, np.asfortranarray(a), wide[::2, 1::3], a[::-1][::-1], np.ascontiguousarray(a.T).T]


@pytest.mark.parametrize("method", ["fast", "sharp", "auto"])
def test_every_memory_layout_encloses_the_exact_value(method: str) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((37, 53)), rng.standard_normal((53, 29))
    truth = _exact_product(a, b)
    for x in _layouts(a):
        for y in _layouts(b):
            assert va.matmul(x, y, method).contains(truth)
    order = rng.permutation(53)
    assert va.matmul(a[:, order], b[order], method).contains(truth)
    assert va.matmul(b.T, a.T, method).contains(truth.T)
    assert va.matmul(a, b[:, 0], method).contains(truth[:, 0])
    assert va.matmul(a[0], b, method).contains(truth[0])
    assert va.matmul(np.stack([a, a]), b, method)[1].contains(truth)


def test_one_and_two_threads_enclose_the_same_exact_values() -> None:
    code = (
        "import numpy as np, json\nfrom verify.arrays import Ball, matmul, smallest_eigenvalue\n"
        "rng = np.random.default_rng(3)\na = rng.standard_normal((300, 400))\n"
        "out = []\nfor m in ('fast', 'sharp'):\n    c = matmul(a, a.T, m)\n"
        "    out.append([[c.mid[i, j].hex(), c.rad[i, j].hex()] for i, j in ((0, 0), (1, 200), (299, 17), (150, 151))])\n"
        "g = a @ a.T\ng = np.tril(g) + np.tril(g, -1).T\ne = smallest_eigenvalue(np.round(g))\n"
        "print(json.dumps([out, [float(e.lower()), float(e.upper())]]))"
    )
    rng = np.random.default_rng(3)
    a = rng.standard_normal((300, 400))
    entries = [
        sum((Fraction(x) * Fraction(y) for x, y in zip(a[i], a[j], strict=True)), Fraction(0))
        for i, j in ((0, 0), (1, 200), (299, 17), (150, 151))
    ]
    spectra = []
    for threads in ("1", "2"):
        env = os.environ | {k: threads for k in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        out = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=300
        )
        balls, interval = json.loads(out.stdout)
        for per_method in balls:
            for (mid, rad), value in zip(per_method, entries, strict=True):
                assert abs(Fraction(float.fromhex(mid)) - value) <= Fraction(float.fromhex(rad))
        spectra.append(interval)
    assert max(s[0] for s in spectra) <= min(s[1] for s in spectra)


def test_auto_loses_at_most_the_stated_factor() -> None:
    rng = np.random.default_rng(1)
    cases = [(rng.standard_normal((40, 60)), rng.standard_normal((60, 50)))]
    sparse = np.diag(10.0 ** rng.uniform(-8, 8, 50))
    cases += [(sparse, sparse), (sparse, rng.standard_normal((50, 50))), (np.eye(64), np.eye(64))]
    for a, b in cases:
        for ra, rb in ((0.0, 0.0), (1e-8, 0.0), (1e-8, 1e-9)):
            x, y = Ball(a, ra), Ball(b, rb)
            auto, sharp = va.matmul(x, y).rad.sum(), va.matmul(x, y, "sharp").rad.sum()
            assert auto <= 1.001 * AUTO_FACTOR * sharp
    assert va.matmul(np.eye(64), np.eye(64)).rad.max() < 1e-13
    with pytest.raises(InputError):
        va.matmul(np.eye(2), np.eye(2), "quick")


def test_products_are_tight() -> None:
    rng = np.random.default_rng(2)
    n = 200
    a, b = rng.standard_normal((n, n)), rng.standard_normal((n, n))
    size = np.abs(a) @ np.abs(b)
    sharp = va.matmul(a, b, "sharp").rad
    assert (sharp <= 1.001 * n * 2.0**-53 * size).all()
    assert (va.matmul(a, b, "fast").rad <= 2.5 * sharp).all()
    r = 1e-6
    wide = va.matmul(Ball(a, r), Ball(b, r), "sharp").rad
    reach = r * np.abs(a).sum(axis=1)[:, None] + r * np.abs(b).sum(axis=0)[None, :] + n * r * r
    assert (wide <= 1.0001 * reach).all()
    assert (va.matmul(Ball(a, r), Ball(b, r), "fast").rad <= 1.6 * reach).all()


def test_row_norms_bound_exact_norms_at_all_magnitudes() -> None:
    rng = np.random.default_rng(4)
    for scale in (1.0, 1e-300, 5e-324 * 2**20, 1e300, 1e-160, 1e154, 0.0):
        a = rng.standard_normal((20, 9)) * scale
        a[3] = 0.0
        for row, bound in zip(a.tolist(), row_norms_upper(a).tolist(), strict=True):
            square = sum((Fraction(v) ** 2 for v in row), Fraction(0))
            assert Fraction(bound) ** 2 >= square
            assert Fraction(bound) ** 2 <= square * Fraction(101, 100) or bound < 1e-321
    assert np.isinf(row_norms_upper(np.array([[np.inf, 1.0]]))[0])


def test_gram_matches_the_product() -> None:
    rng = np.random.default_rng(6)
    a = Ball(rng.standard_normal((15, 7)), 1e-9)
    g = va.gram(a)
    assert np.array_equal(g.mid, g.mid.T)
    assert np.array_equal(g.rad, g.rad.T)
    assert g.contains(_exact_product(a.mid, a.mid.T))


def test_empty_products() -> None:
    assert va.matmul(np.ones((2, 0)), np.ones((0, 3))).contains(np.zeros((2, 3)))
    assert Ball(np.zeros((0, 3))).sum(axis=0).contains(np.zeros(3))

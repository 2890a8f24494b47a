"""The seventeen measured traps of floating-point verification, by number: contain the truth or refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction

import flint
import mpmath
import numpy as np
import pytest
import torch

import verify.arrays as va
from verify.arrays import Ball
from verify.arrays.tests.reference import (
    FUNCTIONS,
    arb,
    exact,
    negative_pivots,
    positive_definite,
    precision,
    smallest_eigenvalue_enclosed,
    verdict,
)
from verify.errors import DtypeError, InputError, NonFiniteError, UnsoundArithmeticError


def _contains(ball: Ball, name: str, x: float, k: int = 0) -> bool:
    return bool(verdict(float(ball.mid), float(ball.rad), lambda: FUNCTIONS[name](exact(x), k)))


def test_01_square_roots_of_inputs_that_torch_misrounds() -> None:
    x = np.random.default_rng(1).uniform(0.5, 2.0, 20_000)
    wrong = np.flatnonzero(torch.sqrt(torch.from_numpy(x)).numpy() != np.sqrt(x))
    sample = np.concatenate([x[wrong[:200]], x[:200]])
    roots = va.sqrt(torch.from_numpy(sample))
    for v, m, r in zip(sample.tolist(), roots.mid.tolist(), roots.rad.tolist(), strict=True):
        assert (Fraction(m) - Fraction(r)) ** 2 <= Fraction(v) <= (Fraction(m) + Fraction(r)) ** 2


@pytest.mark.parametrize(("name", "x"), [("softplus", 20.5), ("gelu", -10.0), ("gelu", -8.0), ("sigmoid", -710.0)])
def test_02_activations_where_torch_is_far_off(name: str, x: float) -> None:
    ball = getattr(va, name)(x)
    assert _contains(ball, name, x)
    torch_value = float(getattr(torch.nn.functional, name)(torch.tensor(x, dtype=torch.float64)))
    assert not ball.contains(torch_value)
    assert ball.rad < 1e-9 * abs(ball.mid)


def test_03_tanh_encloses_where_libraries_differ_and_is_monotone_in_inclusion() -> None:
    x = np.random.default_rng(3).standard_normal(2000) * 3
    ball = va.tanh(x)
    for i in range(0, 2000, 10):
        assert _contains(ball[i], "tanh", float(x[i]))
    strided = va.tanh(np.repeat(x, 2)[::2])
    assert np.array_equal(strided.mid, ball.mid)
    assert np.array_equal(strided.rad, ball.rad)
    inner, outer = va.sigmoid(Ball(x, 1e-3)), va.sigmoid(Ball(x, 2e-3))
    assert (outer.lower() <= inner.lower()).all()
    assert (outer.upper() >= inner.upper()).all()


def test_04_sine_of_huge_arguments() -> None:
    for x in (
        2.3e8,
        float.fromhex("0x1.4c96c11134d36p+578"),
        6381956970095103 * 2.0**797,
        1.7976931348623157e308,
    ):
        for name in ("sin", "cos"):
            ball = getattr(va, name)(x)
            assert _contains(ball, name, x)
            assert ball.rad < 1e-15
    values = np.array([[1.0, 2.3e8, 1e300], [0.5, 1e22, -1e5]])
    turned = va.sin(values.T)
    assert np.array_equal(turned.mid, va.sin(values).mid.T)
    for i, j in np.ndindex(3, 2):
        assert _contains(turned[i, j], "sin", float(values[j, i]))


def test_05_no_ulp_tables_of_libm_in_the_source() -> None:
    """numpy's transcendental functions do not occur in the rigorous modules."""
    from pathlib import Path

    text = "".join(p.read_text() for p in Path(va.__file__).parent.glob("*.py") if p.name not in ("guesses.py",))
    for name in (
        "exp",
        "expm1",
        "log",
        "log1p",
        "tanh",
        "sinh",
        "cosh",
        "sin",
        "cos",
        "hypot",
        "power",
        "cbrt",
    ):
        assert f"np.{name}(" not in text
        assert f"math.{name}(" not in text
    assert "np.linalg" not in text


def test_06_underflow_of_products() -> None:
    rng = np.random.default_rng(6)
    a, b = rng.standard_normal((9, 7)) * 1e-160, rng.standard_normal((7, 8)) * 1e-163
    for method in ("fast", "sharp", "auto"):
        out = va.matmul(a, b, method)
        for i in range(9):
            for j in range(8):
                exact_value = sum(Fraction(a[i, k]) * Fraction(b[k, j]) for k in range(7))
                assert out[i, j].contains(exact_value)


def test_07_norms_of_tiny_and_of_awkward_matrices() -> None:
    norm = Ball([3e-200, 4e-200]).norm()
    q = Fraction(3e-200) ** 2 + Fraction(4e-200) ** 2
    assert Fraction(float(norm.lower())) ** 2 <= q <= Fraction(float(norm.upper())) ** 2
    assert norm.rad < 1e-14 * norm.mid
    rng = np.random.default_rng(7)
    for _ in range(20):
        a = rng.standard_normal((4, 6))
        ball = va.spectral_norm(a)
        square = [
            [sum((Fraction(x) * Fraction(y) for x, y in zip(r, s, strict=True)), Fraction(0)) for s in a] for r in a
        ]
        lo, hi = Fraction(float(ball.lower())) ** 2, Fraction(float(ball.upper())) ** 2
        negative = [[-v for v in row] for row in square]
        assert negative_pivots(negative, -hi) == 0
        assert not positive_definite(negative, -lo)
        assert smallest_eigenvalue_enclosed(square, va.smallest_eigenvalue(va.gram(a)))


def test_08_cholesky_on_nan_asymmetric_and_singular_input() -> None:
    with pytest.raises(NonFiniteError):
        va.smallest_eigenvalue([[1.0, float("nan")], [float("nan"), 1.0]])
    with pytest.raises(NonFiniteError):
        va.smallest_eigenvalue([[float("inf"), 0.0], [0.0, 1.0]])
    skew = np.array([[2.0, 1.0], [0.0, 2.0]])
    with pytest.raises(InputError, match=r"no symmetric matrix.*Ball\.hull\(K, K\.T\)"):
        va.smallest_eigenvalue(skew)
    assert va.smallest_eigenvalue(Ball.hull(skew, skew.T)).lower() > 0.9
    rng = np.random.default_rng(8)
    for _ in range(30):
        g = rng.integers(-9, 10, (4, 3)).astype(float)
        ball = va.smallest_eigenvalue(g @ g.T)  # rank 3: exactly singular
        assert ball.lower() <= 0 <= ball.upper()
        with pytest.raises(ValueError, match="no certain sign"):
            va.is_positive_definite(g @ g.T)


def test_09_a_product_with_its_transpose_is_symmetric_as_an_enclosure() -> None:
    a = torch.randn(60, 41, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    g = va.gram(a)
    assert np.array_equal(g.mid, g.mid.T)
    assert np.array_equal(g.rad, g.rad.T)
    rows = a.numpy()
    for i, j in ((0, 1), (5, 40), (59, 59)):
        assert g[i, j].contains(sum(Fraction(x) * Fraction(y) for x, y in zip(rows[i], rows[j], strict=True)))
    vector = va.matmul(rows, rows[0])  # matrix–vector and matrix–matrix kernels differ: both must enclose
    assert (abs(vector.mid - g.mid[:, 0]) <= vector.rad + g.rad[:, 0]).all()


def test_10_fused_multiply_add_on_and_off_is_covered() -> None:
    """The radius of a 1-term product covers both the fused and the rounded residual −fl(ab) + ab."""
    rng = np.random.default_rng(10)
    for _ in range(50):
        a, b = rng.standard_normal(2)
        p = a * b
        out = va.matmul([[-p, a]], [[1.0], [b]])
        assert out.contains([[Fraction(a) * Fraction(b) - Fraction(p)]])


def test_11_flush_to_zero_is_noticed() -> None:
    va.require_sound_arithmetic()
    code = (
        "import torch, json\nfrom verify.arrays import require_sound_arithmetic\n"
        "from verify.errors import UnsoundArithmeticError\nok = torch.set_flush_denormal(True)\n"
        "try:\n    require_sound_arithmetic(); r = 'passed'\nexcept UnsoundArithmeticError as e:\n    r = str(e)\n"
        "print(json.dumps([ok, r]))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    supported, message = json.loads(out.stdout)
    if not supported:
        pytest.skip("this processor cannot flush subnormals")
    assert "flush" in message


def test_12_reduced_precision_products_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A product in TF32-like, bfloat16-like or Strassen arithmetic fails the exact probe."""
    from verify.arrays import arithmetic_probe

    def half(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.asarray(a.astype(np.float32) @ b.astype(np.float32), dtype=np.float64)

    arithmetic_probe.check_product(np.matmul)
    with pytest.raises(UnsoundArithmeticError):
        arithmetic_probe.check_product(half)
    with pytest.raises(UnsoundArithmeticError):
        arithmetic_probe.check_product(_strassen)
    with pytest.raises(UnsoundArithmeticError):
        arithmetic_probe.check_product(lambda a, b: np.matmul(a, b) * (1 + 2.0**-52))
    monkeypatch.setattr(np, "matmul", half)
    with pytest.raises(UnsoundArithmeticError):
        va.require_sound_arithmetic()


def _strassen(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    n = len(a)
    if n % 2 or n < 4:
        return np.asarray(a @ b)
    h = n // 2
    p, q, r, s = a[:h, :h], a[:h, h:], a[h:, :h], a[h:, h:]
    e, f, g, i = b[:h, :h], b[:h, h:], b[h:, :h], b[h:, h:]
    m1, m2, m3, m4 = (p + s) @ (e + i), (r + s) @ e, p @ (f - i), s @ (g - e)
    m5, m6, m7 = (p + q) @ i, (r - p) @ (e + f), (q - s) @ (g + i)
    return np.block([[m1 + m4 - m5 + m7, m3 + m5], [m2 + m4, m1 - m2 + m3 + m6]])


def test_13_inf_minus_inf_gives_an_infinite_radius() -> None:
    for method in ("fast", "sharp", "auto"):
        out = va.matmul([[1e160, 1e160]], [[1e160], [-1e160]], method)
        assert np.isinf(out.rad).all()
        assert out.contains([[0.0]])
    assert np.isinf((Ball(1e200) * 1e200).rad)
    assert np.isinf((Ball([1.7e308, 1.7e308, -1.7e308]).sum()).rad)


def test_14_stored_and_meant_numbers() -> None:
    single = torch.tensor([0.1])
    ball = Ball(single)
    assert ball.mid[0] == float(single[0]) != 0.1
    assert ball.is_point
    assert not Ball(0.1).contains(Fraction(1, 10))
    assert Ball("0.1").contains(Fraction(1, 10))
    assert Ball("0.1").rad < 2e-17
    for dtype in (torch.bfloat16, torch.float16):
        assert Ball(torch.tensor([0.1], dtype=dtype)).mid[0] == float(torch.tensor([0.1], dtype=dtype)[0])


def test_15_exp_at_known_failures_of_mpmath_iv() -> None:
    """Random points where mpmath's interval exp is compared too: ours must contain the truth at each."""
    rng = np.random.default_rng(15)
    for x in rng.uniform(-30, 30, 300).tolist():
        assert _contains(va.exp(x), "exp", x)
    assert mpmath.__version__ == "1.3.0"
    with precision(53):
        text = str(arb(1) / 3)
    assert "+/-" in text  # printed decimals are rounded: numbers travel as mantissa and exponent
    assert [int(v) for v in flint.arb(0.1).man_exp()] == [3602879701896397, -55]


def test_16_tiny_radii_contain_the_exact_output() -> None:
    """A two-layer tanh network at radii ≤ 1e-9: the exact output of points in the ball is inside, 30 of 30
    times.
    """
    for trial in range(30):
        rng = np.random.default_rng([16, trial])
        w, v, x = rng.standard_normal((5, 3)), rng.standard_normal((2, 5)), rng.standard_normal(3)
        r = 10.0 ** rng.uniform(-16, -9)
        out = va.matmul(v, va.tanh(va.matmul(w, Ball(x, r))))
        with precision(300):
            for corner in (-1.0, 0.0, 1.0):
                z = [arb(float(t)) + arb(r) * arb(corner) for t in x]
                h = [sum((arb(float(c)) * t for c, t in zip(row, z, strict=True)), arb(0)).tanh() for row in w]
                for k in range(2):
                    value = sum((arb(float(c)) * t for c, t in zip(v[k], h, strict=True)), arb(0))
                    assert abs(value - arb(float(out.mid[k]))) <= arb(float(out.rad[k]))
        assert (out.rad < 100 * r + 1e-13).all()


def test_17_longdouble_and_complex_are_refused() -> None:
    for bad in (
        np.longdouble("0.1"),
        np.array([0.1], dtype=np.longdouble),
        np.array([1j]),
        torch.tensor([1j]),
    ):
        with pytest.raises(DtypeError):
            Ball(bad)
    with pytest.raises(DtypeError):
        Ball(1.0, np.longdouble("0.1"))

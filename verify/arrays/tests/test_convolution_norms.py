"""Norms of convolutions: never below what a vector attains, exactly; within 10 % of the norm on random kernels; the false bounds fall."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from verify.arrays import Ball, convolution_norms, convolutions
from verify.arrays.tests.mutation import mutant
from verify.arrays.tests.test_convolutions import _reads, _windows

BOUNDS = ("overlap_norm", "symbol_norm", "dense_norm")


def _matrix(weight: np.ndarray, windows: Any, groups: int) -> np.ndarray:
    """The map's matrix (C'·P', C·P) by the definition."""
    (before, after), (outputs, c) = windows.positions, weight.shape[:2]
    matrix = np.zeros((outputs, after, c * groups, before))
    for (p, place, at), o, q in itertools.product(_reads(windows), range(outputs), range(c)):
        matrix[o, p, o // (outputs // groups) * c + q, at] = weight[
            o, q, place // windows.kernel[1], place % windows.kernel[1]
        ]
    return matrix.reshape(outputs * after, -1)


def _attained(matrix: np.ndarray, bound: float) -> bool:
    """Whether the top right singular vector, as rational numbers, is stretched by more than the bound."""
    vector = [Fraction(float(v)) for v in np.linalg.svd(matrix)[2][0]]
    entries = [[(j, Fraction(float(v))) for j, v in enumerate(row) if v] for row in matrix]
    image = [sum((v * vector[j] for j, v in row), Fraction(0)) for row in entries]
    return sum(v * v for v in image) > Fraction(bound) ** 2 * sum(v * v for v in vector)


def _cases() -> list[tuple[np.ndarray, Any, int]]:
    """Random kernels, constant ones (the overlap is attained) and differences across the border (the image's own torus fails)."""
    rng = np.random.default_rng(0)
    made: list[tuple[np.ndarray, Any, int]] = []
    for index in range(32):
        windows, groups = _windows(rng, convolutions), int(rng.choice([1, 1, 2]))
        shape = (groups * int(rng.integers(1, 3)), int(rng.integers(1, 3)), *windows.kernel)
        weight = np.ones(shape) if index % 4 == 0 else rng.standard_normal(shape)
        made.append((np.ldexp(weight, int(rng.choice([0, 0, 100, -300]))), windows, groups))
    border = np.array([1.0, 0.0, -1.0])
    made.append((border.reshape(1, 1, 1, 3), convolutions.Windows((1, 2), (1, 3), padding=(0, 1)), 1))
    made.append((np.outer(border, border).reshape(1, 1, 3, 3), convolutions.Windows((2, 2), (3, 3), padding=(1, 1)), 1))
    # |1 − e^{2iω}| in either direction and |1 + e^{i(ω + ω')}|: largest together at (π/2, −π/2) only.
    oblique = np.zeros((3, 1, 3, 3))
    oblique[0, 0, 0, [0, 2]] = oblique[1, 0, [0, 2], 0] = 1.0, -1.0
    oblique[2, 0, [0, 1], [0, 1]] = 1.0
    made.append((oblique, convolutions.Windows((7, 7), (3, 3), padding=(1, 1)), 1))
    return made


def _violations(module: Any, name: str, wrap: Any = Ball) -> int:
    return sum(_attained(_matrix(w, v, g), getattr(module, name)(wrap(w), v, g)) for w, v, g in _cases())


@pytest.mark.parametrize("name", BOUNDS)
def test_no_vector_is_stretched_by_more_than_the_bound(name: str) -> None:
    assert _violations(convolution_norms, name) == 0


def test_the_bound_is_within_ten_percent_on_random_kernels() -> None:
    rng = np.random.default_rng(1)
    for image, stride, c, outputs in itertools.product((5, 9), (1, 2), (1, 6), (6,)):
        windows = convolutions.Windows((image, image), (3, 3), (stride, stride), (1, 1))
        weight = rng.standard_normal((outputs, c, 3, 3))
        norm = np.linalg.norm(_matrix(weight, windows, 1), 2)
        bound = convolution_norms.convolution_norm(weight, windows)
        assert norm * (1.0 - 1e-12) <= bound <= 1.1 * norm, (image, stride, c, bound / norm)
        assert convolution_norms.overlap_norm(Ball(weight), windows) > bound


def test_the_least_bound_is_taken() -> None:
    rng = np.random.default_rng(2)
    weight = rng.standard_normal((6, 3, 3, 3))
    small, large = (convolutions.Windows((n, n), (3, 3), padding=(1, 1)) for n in (5, 20))
    assert convolution_norms.convolution_norm(weight, small) == convolution_norms.dense_norm(Ball(weight), small)
    assert convolution_norms.convolution_norm(weight, large) == convolution_norms.symbol_norm(Ball(weight), large)


def test_a_ball_of_kernels_is_covered() -> None:
    """The bound for W ± r holds for the members at the corners."""
    rng = np.random.default_rng(3)
    windows = convolutions.Windows((5, 4), (3, 2), (1, 2), (1, 0))
    weight = rng.standard_normal((2, 2, 3, 2))
    for name in BOUNDS:
        bound = getattr(convolution_norms, name)(Ball(weight, np.full(weight.shape, 0.25)), windows)
        for _ in range(20):
            assert (
                np.linalg.norm(_matrix(weight + 0.25 * rng.choice([-1.0, 1.0], weight.shape), windows, 1), 2) <= bound
            )


def test_pi_is_enclosed() -> None:
    """By Machin's formula with the alternating series' first terms on either side."""

    def arctan(q: int, terms: int) -> Fraction:
        return sum((Fraction((-1) ** i, (2 * i + 1) * q ** (2 * i + 1)) for i in range(terms)), Fraction(0))

    below, above = (16 * arctan(5, 20 + one) - 4 * arctan(239, 21 - one) for one in (0, 1))
    lower, upper = (Fraction(float(end)) for end in (convolution_norms._PI.lower(), convolution_norms._PI.upper()))
    assert lower < below < above < upper


MUTANTS = [
    ("math.ceil((image + 2 * min(padding, extent - 1)) / stride)", "math.ceil(image / stride)", "symbol_norm"),
    ("Ball(float(windows.overlap))", "Ball(1.0)", "overlap_norm"),
    ("range(down // 2 + 1)", "range(1)", "symbol_norm"),
    ("range(across)", "range(across // 2 + 1)", "symbol_norm"),
    (": eh : windows.dilation[0]", ": eh : 1", "symbol_norm"),
    ("gram(concatenate([top, bottom], axis=1))", "gram(real)", "symbol_norm"),
    ("best = max(best, _largest_norm", "best = min(best or math.inf, _largest_norm", "symbol_norm"),
    (
        "found.append(float(spectral_norm(Ball(*matrices)).upper()))\n    return max(found)",
        "found.append(float(spectral_norm(Ball(*matrices)).upper()))\n    return min(found)",
        "dense_norm",
    ),
]


@pytest.mark.parametrize(("old", "new", "name"), MUTANTS)
def test_false_bounds_are_caught(tmp_path: Path, old: str, new: str, name: str) -> None:
    """The image's own torus, the kernel's own norm, half of the frequencies, one of the groups."""
    with mutant(tmp_path, "convolution_norms.py", old, new) as load:
        try:
            found = _violations(load("convolution_norms"), name, load("ball").Ball)
        except ValueError:
            return  # arrays that do not fit any more
        assert found > 0

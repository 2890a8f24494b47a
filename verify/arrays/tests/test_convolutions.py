"""Patches, convolutions, their adjoints and the gradient's sums against the index definition in rational arithmetic; mutants."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import verify.errors
from verify.arrays import convolutions, rows
from verify.arrays.tests.mutation import mutant
from verify.arrays.tests.test_rows import Matrix, _contained, _draw, _fractions, _member

CASES = 60


def _windows(rng: np.random.Generator, module: Any) -> Any:
    while True:
        image, kernel, stride, dilation = (tuple(int(v) for v in rng.integers(1, top, 2)) for top in (6, 4, 4, 3))
        padding = tuple(int(v) for v in rng.integers(0, 4, 2))
        try:
            return module.Windows(image, kernel, stride, padding, dilation)
        except (verify.errors.ShapeError, ValueError):
            continue


def _reads(windows: Any) -> list[tuple[int, int, int]]:
    """(output position, place in the window, image position) of everything read inside the image, by the definition."""
    (height, width), (kh, kw), (_, across) = windows.image, windows.kernel, windows.output
    found = []
    for p, (i, j) in itertools.product(range(windows.positions[1]), itertools.product(range(kh), range(kw))):
        y = windows.stride[0] * (p // across) + windows.dilation[0] * i - windows.padding[0]
        x = windows.stride[1] * (p % across) + windows.dilation[1] * j - windows.padding[1]
        if 0 <= y < height and 0 <= x < width:
            found.append((p, i * kw + j, y * width + x))
    return found


def _kernel(rng: np.random.Generator, module: Any) -> tuple[Any, list[Any]]:
    groups = int(rng.choice([1, 1, 2, 3]))
    windows = _windows(rng, module)
    shape = (groups * int(rng.integers(1, 3)), int(rng.integers(1, 3)), *windows.kernel)
    weight = np.ldexp(rng.standard_normal(shape), int(rng.choice([0, 0, 0, 480, -480, -530])))
    return module.Kernel(weight, windows, groups), [
        [[[Fraction(float(v)) for v in r] for r in c] for c in o] for o in weight
    ]


def _apply(rng: np.random.Generator, module: Any, made: Any) -> tuple[Any, Matrix]:
    kernel, exact = _kernel(rng, module)
    windows, n, c = kernel.windows, 2, kernel.weight.shape[1]
    (before, after), outputs = windows.positions, kernel.weight.shape[0]
    h = _draw(rng, made, n * before, c * kernel.groups)
    true = _member(rng, h)
    z = [[Fraction(0)] * outputs for _ in range(n * after)]
    for (p, place, at), i, o in itertools.product(_reads(windows), range(n), range(outputs)):
        first = o // (outputs // kernel.groups) * c
        z[i * after + p][o] += sum(
            exact[o][q][place // windows.kernel[1]][place % windows.kernel[1]] * true[i * before + at][first + q]
            for q in range(c)
        )
    read = [
        module.patches(made.Rows(np.ascontiguousarray(h.mid[:, j * c : (j + 1) * c]), h.err), windows)
        for j in range(kernel.groups)
    ]
    return kernel.apply(h, read if rng.integers(2) else None), z


def _adjoint(rng: np.random.Generator, module: Any, made: Any) -> tuple[Any, Matrix]:
    kernel, exact = _kernel(rng, module)
    windows, n, c = kernel.windows, 2, kernel.weight.shape[1]
    (before, after), outputs = windows.positions, kernel.weight.shape[0]
    b = _draw(rng, made, n * after, outputs)
    true = _member(rng, b)
    g = [[Fraction(0)] * (c * kernel.groups) for _ in range(n * before)]
    for (p, place, at), i, o, q in itertools.product(_reads(windows), range(n), range(outputs), range(c)):
        first = o // (outputs // kernel.groups) * c
        g[i * before + at][first + q] += (
            exact[o][q][place // windows.kernel[1]][place % windows.kernel[1]] * true[i * after + p][o]
        )
    return kernel.adjoint(b), g


def _patches(rng: np.random.Generator, module: Any, made: Any) -> tuple[Any, Matrix]:
    windows, n, c = _windows(rng, module), 2, 2
    before, after = windows.positions
    h = _draw(rng, made, n * before, c)
    true = _member(rng, h)
    found = [[Fraction(0)] * (windows.size * c) for _ in range(n * after)]
    for (p, place, at), i in itertools.product(_reads(windows), range(n)):
        found[i * after + p][place * c : (place + 1) * c] = true[i * before + at]
    return module.patches(h, windows), found


def _sums(rng: np.random.Generator, module: Any, made: Any) -> tuple[Any, Matrix]:
    n, k, positions, outputs, q = 2, int(rng.integers(1, 3)), int(rng.integers(1, 5)), 3, 2
    b, a = _draw(rng, made, n * k * positions, outputs), _draw(rng, made, n * positions, q)
    tb, ta = _member(rng, b), _member(rng, a)
    first, bias = int(rng.integers(0, 2)), bool(rng.integers(2))
    if bias:
        ta = [[*row, Fraction(1)] for row in ta]
    truth = [
        [
            sum((tb[(i * k + j) * positions + p][o] * ta[i * positions + p][r] for p in range(positions)), Fraction(0))
            for o in range(first, outputs)
            for r in range(q + bias)
        ]
        for i in range(n)
        for j in range(k)
    ]
    return module.position_sums(b, a, positions, slice(first, outputs), bias=bias), truth


OPERATIONS = {"apply": _apply, "adjoint": _adjoint, "patches": _patches, "sums": _sums}


def _violations(operation: str, module: Any, made: Any) -> int:
    rng, bad = np.random.default_rng(list(OPERATIONS).index(operation)), 0
    with np.errstate(all="ignore"):
        for _ in range(CASES):
            found, truth = OPERATIONS[operation](rng, module, made)
            norms = [
                Fraction(float(v)) ** 2 >= sum((x * x for x in row), Fraction(0))
                for v, row in zip(found.norms, _fractions(found.mid), strict=True)
                if np.isfinite(v)
            ]
            bad += not (_contained(found, truth) and all(norms))
    return bad


@pytest.mark.parametrize("operation", list(OPERATIONS))
def test_operations_contain_every_member(operation: str) -> None:
    assert _violations(operation, convolutions, rows) == 0


def test_the_overlap_is_the_largest_number_of_readers() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        windows = _windows(rng, convolutions)
        counts = np.bincount([at for _, _, at in _reads(windows)], minlength=windows.positions[0])
        assert windows.overlap == counts.max()


def test_errors_are_small() -> None:
    """Exact maps: the error is rounding's alone; an error of one position moves the result by at most √overlap·‖W_mat‖ of it."""
    rng = np.random.default_rng(6)
    kernel = convolutions.Kernel(
        rng.standard_normal((8, 4, 3, 3)), convolutions.Windows((7, 7), (3, 3), padding=(1, 1))
    )
    h = rows.Rows(rng.standard_normal((2 * 49, 4)))
    assert (kernel.apply(h).err <= 40 * 2.0**-53 * 6 * h.norms.max() * kernel.forward_matrices[0].frobenius).all()
    single = np.zeros(2 * 49)
    single[24] = 1e-3
    moved = kernel.apply(rows.Rows(h.mid, single)).err
    assert np.count_nonzero(moved > 1e-9) == 9
    assert np.sqrt((moved**2).sum()) <= 1.0001 * 3.0 * 1e-3 * kernel.forward_norm
    back = kernel.adjoint(rows.Rows(rng.standard_normal((2 * 49, 8)), single)).err
    assert np.count_nonzero(back > 1e-9) == 9
    assert back.max() <= 1.0001e-3 * kernel.adjoint_norm


def test_large_maps_are_gathered_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    kernel = convolutions.Kernel(rng.standard_normal((4, 2, 2, 2)), convolutions.Windows((5, 5), (2, 2)), 2)
    h = rows.Rows(rng.standard_normal((7 * 25, 4)))
    whole = kernel.apply(h).mid
    monkeypatch.setattr(convolutions, "_CHUNK", 300)
    assert np.allclose(kernel.apply(h).mid, whole, rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"kernel": (4, 3)}, verify.errors.ShapeError),
        ({"stride": (0, 1)}, verify.errors.InputError),
        ({"padding": (-1, 0)}, verify.errors.InputError),
        ({"dilation": (1, 1.0)}, verify.errors.InputError),
        ({"image": [3, 3]}, verify.errors.InputError),
    ],
)
def test_windows_that_are_none_are_refused(change: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        convolutions.Windows(**({"image": (3, 3), "kernel": (2, 2)} | change))


def test_maps_that_do_not_fit_are_refused() -> None:
    windows = convolutions.Windows((3, 3), (2, 2))
    kernel = convolutions.Kernel(np.ones((4, 2, 2, 2)), windows, 2)
    for wrong in (np.ones((9, 2)), np.ones((10, 4))):
        with pytest.raises(verify.errors.ShapeError):
            kernel.apply(rows.Rows(wrong))
    with pytest.raises(verify.errors.ShapeError):
        kernel.adjoint(rows.Rows(np.ones((9, 4))))
    for weight, groups in ((np.ones((4, 2, 3, 3)), 2), (np.ones((4, 2, 2, 2)), 3), (np.ones((4, 2, 2)), 1)):
        with pytest.raises(verify.errors.ShapeError):
            convolutions.Kernel(weight, windows, groups)


def test_what_no_window_reads_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows side by side leave the image's last row and column out; where they leave nothing out no entry is forgotten."""
    monkeypatch.setattr(np, "empty", lambda shape: np.full(shape, np.nan))
    for image, kernel in (((5, 5), (2, 2)), ((4, 6), (2, 3))):
        windows = convolutions.Windows(image, kernel, kernel)
        expected = np.zeros(image)
        expected[:4, : 4 if image == (5, 5) else 6] = 1.0
        found = windows.scatter([np.ones((1, windows.positions[1], 1))] * windows.size)
        assert np.array_equal(found.reshape(image), expected)


MUTANTS = [
    ("moved * self.forward_norm", "moved * 0.5 * self.forward_norm", "apply"),
    (
        "moved = _gathered_norms(h.err, self.windows)",
        "moved = self.windows.gather(h.err.reshape(n, before, 1))[:, :, 0, 0].ravel()",
        "apply",
    ),
    ("gamma(q) * INFLATE) + ETA", "2.0**-55 * INFLATE) + ETA", "apply"),
    ("(own + moved) * INFLATE * entry", "own * INFLATE * entry", "apply"),
    ("padded[(slice(None), *self._inside)] =", "padded[:, : self.image[0], : self.image[1]] =", "apply"),
    ("slice(dw * j, dw * j + sw * (width - 1) + 1, sw)", "slice(dw * j, dw * j + width, 1)", "apply"),
    ("j * c : (j + 1) * c]", ": c]", "apply"),
    (
        "max(float(spectral_norm(np.ascontiguousarray(m)).upper()) for m in turned)",
        "self.forward_norm / 4.0",
        "adjoint",
    ),
    ("(rounded * INFLATE + moved)", "rounded", "adjoint"),
    ("(rounded * INFLATE + moved)", "moved", "adjoint"),
    ("0.0 if tiled else there, given", "0.0, given", "adjoint"),
    ("self.stride == self.kernel", "True", "adjoint"),
    (
        "err, norms = (_gathered_norms(v, windows) for v in (h.err, h.norms))",
        "err, norms = _gathered_norms(h.err, windows), _gathered_norms(h.err, windows)",
        "patches",
    ),
    ("windows.most(h.sup)", "0.5 * windows.most(h.sup)", "patches"),
    ("np.maximum(found, padded[(slice(None), *place)], out=found)", "found = padded[(slice(None), *place)]", "patches"),
    ("(alpha * gamma(positions) + epsilon + 2.0 * ETA)", "(alpha * gamma(positions))", "sums"),
    ("+ delta * (alpha + epsilon)", "", "sums"),
    ("terms.sum(axis=2)", "terms.max(axis=2)", "sums"),
    ("mid[..., q] = turned.sum(axis=2)", "mid[..., q] = 1.0", "sums"),
    ("np.sqrt(alpha * alpha * INFLATE + 1.0)", "np.sqrt(alpha * alpha * INFLATE)", "sums"),
    (
        "np.asarray(root_upper(windows.sums(squares).ravel(), windows.size))",
        "0.5 * root_upper(windows.sums(squares).ravel(), windows.size)",
        "apply",
    ),
]


@pytest.mark.parametrize(("old", "new", "operation"), MUTANTS)
def test_mutants_are_caught(
    tmp_path: Path, old: str, new: str, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a mutant leaves unwritten is told from what it wrote; memory that is fresh happens to hold zeros.
    def unwritten(shape: Any, dtype: Any = np.float64) -> np.ndarray:
        return np.full(shape, 1e3, dtype)

    monkeypatch.setattr(np, "empty", unwritten)
    with mutant(tmp_path, "convolutions.py", old, new) as load:
        try:
            found = _violations(operation, load("convolutions"), load("rows"))
        except ValueError:
            return  # arrays that do not fit any more
        assert found > 0

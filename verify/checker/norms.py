"""Norms at a point: of sensitivities, of data, and of a layer of weights as a map of values (claim convolution_norm)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

from flint import arb, arb_mat

from verify.checker.enclosures import gram, is_below, length, norm, psd_norm, root, tick, zips
from verify.checker.layers import Trained, Window, columns

__all__ = ["block_norms", "column_norms", "data_norms", "largest", "overlap", "weight_norm"]

# Sides of a layer's matrix up to which it is written out for its norm.
_WRITTEN = 400


def largest(values: Iterable[Any]) -> Any:
    """Enclose the maximum of numbers ≥ 0; 0 if there are none."""
    result = arb(0)
    for value in values:
        result = result.max(value)
    return result


def block_norms(sensitivity: Any, k: int) -> list[Any]:
    """Enclose the spectral norm of each sample's k rows of a sensitivity (nk, m): n numbers."""
    rows = sensitivity.tolist()
    if k == 1:
        return list(map(length, rows))
    return [norm(arb_mat(rows[i : i + k])) for i in range(0, len(rows), k)]


def column_norms(sensitivity: Any, k: int) -> list[list[Any]]:
    """Enclose the Euclidean norm of each column of each sample's k rows of a sensitivity (nk, m): n lists of m numbers."""
    rows, result = sensitivity.tolist(), []
    for i in range(0, len(rows), k):
        tick()
        result.append([abs(x) for x in rows[i]] if k == 1 else list(map(length, zips(*rows[i : i + k]))))
    return result


def data_norms(layer: Trained, h: Any) -> tuple[Any, list[Any]]:
    """Enclose the norms of (U, q) ↦ U∗h + q over the moving parts, for all samples and for each: the largest of the groups'.

    An output channel's values are its own row of [U q] times the rows A_p, so that the norm is that of the matrix of these rows; a sample's by a bound.
    """
    moved, P, whole, single = layer.moved(), layer.positions, [], []
    if moved.start == moved.stop:
        return arb(0), [arb(0)] * h.nrows()
    h = h if layer.dense else h.tolist()
    for g, _ in layer.groups():
        data = columns(layer.data(h, g), moved.start, moved.stop)
        rows = data.tolist()
        whole.append(_spectral(data))
        single.append(
            [_one_sample(arb_mat(rows[i : i + P])) if P > 1 else length(rows[i]) for i in range(0, len(rows), P)]
        )
    return largest(whole), [largest(group) for group in zips(*single)]


def _spectral(matrix: Any) -> Any:
    """Enclose the spectral norm; of two rows or columns by λ_max of (a b; b c), (a + c)/2 + √(((a − c)/2)² + b²)."""
    if min(matrix.nrows(), matrix.ncols()) != 2:
        return norm(matrix)
    (a, b), (_, c) = gram(matrix if matrix.nrows() == 2 else matrix.transpose()).tolist()
    return root((a + c) / 2 + length(((a - c) / 2, b)))


def _one_sample(matrix: Any) -> Any:
    """Enclose a bound of the spectral norm: itself for two rows or columns, else (Σσ⁸)^⅛ = ‖(MMᵀ)²‖_F^¼, within a factor min(rows, columns)^⅛."""
    if min(matrix.nrows(), matrix.ncols()) <= 2:
        return _spectral(matrix)
    square = gram(matrix if matrix.nrows() <= matrix.ncols() else matrix.transpose())
    tick(square.nrows() ** 3)
    return root(root(length((square * square).entries())))


def _readers(layer: Trained, g: int) -> int:
    """Count by how many positions of the output an entry of the input is read at most."""
    count: dict[int, int] = {}
    for read in layer.reads[g]:
        for index in read:
            if index >= 0:
                count[index] = count.get(index, 0) + 1
    return max(count.values(), default=0)


def overlap(layer: Trained) -> Any:
    """Enclose κ with ‖U∗h‖ ≤ κ‖U‖_F‖h‖ for a change U of the weights; 0 where they do not move.

    The rows A_p of one sample hold each entry of h (times s) as often as it is read, so their Frobenius norm is at most s√ov·‖h‖.
    """
    scales = (layer.scale(g) * arb(_readers(layer, g)).sqrt() for g, _ in layer.groups())
    return largest(scales) if layer.moving[0] else arb(0)


def weight_norm(layer: Trained, scaled: Any) -> Any:
    """Enclose a bound of ‖h ↦ sW∗h‖ for one sample, the least of three; groups have their own inputs and outputs, so the largest of theirs counts."""
    rows, found = scaled.tolist(), []
    for g, part in layer.groups():
        matrix, readers = arb_mat(rows[part]), _readers(layer, g)
        bound = norm(matrix) * arb(readers).sqrt()
        padded = any(index < 0 for read in layer.reads[g] for index in read)
        if layer.window is not None and (readers > 1 or padded):
            inputs = {index for read in layer.reads[g] for index in read if index >= 0}
            small = max(len(inputs), layer.positions * matrix.nrows()) <= _WRITTEN
            bound = bound.min(_written(layer, g, rows[part]) if small else _symbol(layer.window, rows[part]))
        found.append(bound)
    return largest(found)


def _written(layer: Trained, g: int, rows: list[list[Any]]) -> Any:
    """Enclose the norm of a group's map, written out as one matrix: W_{c,t} stands in row (c, p) and column reads(p, t)."""
    place = {i: at for at, i in enumerate(sorted({i for read in layer.reads[g] for i in read if i >= 0}))}
    result = []
    for row, read in product(rows, layer.reads[g]):
        line = [arb(0)] * len(place)
        for weight, index in zips(row, read):
            if index >= 0:
                line[place[index]] += weight
        result.append(line)
    return norm(arb_mat(result))


def _symbol(window: Window, rows: list[list[Any]]) -> Any:
    """Enclose max_ω‖Σ_α W_α e^{iω·α}‖ over the frequencies of a torus: a bound of the convolution's norm.

    Number the padded map from its first padding row and column and split it into phases, m = s·a + b with stride s and phase b < s. The kernel's
    tap i lies at i·d = s·α + β (dilation d), so output j reads there the phase β at j + α: a correlation of stride 1 with s_h·s_w times the channels.
    All that is read, by windows that reach the map at all, spans at most N = ⌈(H + 2 min(p, e − 1))/s⌉ places a direction, e = d(kernel − 1) + 1 the window's
    extent. On the torus of N places it is a part of a circular correlation in which nothing read wraps around, after an embedding by zeros; that
    is block diagonal in the Fourier basis, with these symbols as blocks. On a torus of the map's own size the bound is false. ω and −ω: conjugates.
    """
    extent = [d * (k - 1) + 1 for d, k in zips(window.dilation, window.kernel)]
    padded = [size + 2 * min(p, e - 1) for size, p, e in zips(window.image, window.padding, extent)]
    down, across = (-(-size // s) for size, s in zips(padded, window.stride))
    (sy, sx), (dy, dx), (kh, kw) = window.stride, window.dilation, window.kernel
    taps, phases = list(product(range(kh), range(kw))), sy * sx
    share, frequencies = len(rows[0]) // len(taps), list(product(range(down // 2 + 1), range(across)))
    # One product for all frequencies: the kernels (c, t) × taps with taps × (cos, sin; frequency, phase), a tap in its own phase alone.
    waves = [[[arb(0)] * (len(frequencies) * phases) for _ in taps] for _ in range(2)]
    for tap, (i, j) in enumerate(taps):
        for number, (u, v) in enumerate(frequencies):
            turn = arb(2 * (u * (i * dy // sy) * across + v * (j * dx // sx) * down)) / (down * across)
            at = number * phases + (i * dy % sy) * sx + j * dx % sx
            waves[0][tap][at], waves[1][tap][at] = turn.cos_pi(), turn.sin_pi()
    kernels = arb_mat([row[t * len(taps) : (t + 1) * len(taps)] for row in rows for t in range(share)])
    symbols = [(kernels * arb_mat(wave)).tolist() for wave in waves]
    best = arb(0)
    for number in range(len(frequencies)):
        tick()
        own = slice(number * phases, (number + 1) * phases)
        real_part, imaginary = (
            arb_mat([[x for line in table[c * share : (c + 1) * share] for x in line[own]] for c in range(len(rows))])
            for table in symbols
        )
        best = best.max(_complex_square(real_part, imaginary, best))
    return best.sqrt()


def _complex_square(real_part: Any, imaginary: Any, known: Any) -> Any:
    """Enclose ‖A + iB‖², the norm's square of the real matrix [[A, −B], [B, A]]; or `known`, if that is certainly no less."""
    if real_part.nrows() > real_part.ncols():
        real_part, imaginary = real_part.transpose(), imaginary.transpose()
    a, b = real_part.tolist(), imaginary.tolist()
    top = [[*x, *(-v for v in y)] for x, y in zips(a, b)]
    square = gram(arb_mat([*top, *([*y, *x] for x, y in zips(a, b))]))
    rough = largest(sum(map(abs, row), arb(0)) for row in square.tolist())
    return known if rough <= known or (known > 0 and is_below(square, known)) else psd_norm(square)

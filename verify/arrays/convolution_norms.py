"""Certified upper bounds of a convolution's operator norm, image to image.

Claim id: convolution_norm. Three bounds of ‖h ↦ W∗h‖ for one image, hence for a batch in the Frobenius norm; the least is taken.

(a) √ov·‖W_mat‖₂, ov the largest number of windows that read one position.
(b) The symbol. Split the padded image x into its phases: with m = s·a + b (position m, stride s, phase b < s) and dilation·δ = s·α + β, output j reads
    at place δ the phase β at j + α. That is a stride-1 convolution of s_h·s_w·c channels without padding, whose kernel has ⌊(extent − 1)/s⌋ + 1 places; its
    outputs are among those of the circular correlation on a torus of N ≥ ⌈(H + 2p)/s⌉ positions in each direction, in which nothing that is
    read wraps around, and embedding and restriction have norm 1. So the norm is at most the largest over the torus's frequencies ω of
    ‖Σ_α W_α e^{iω·α}‖₂. Padding beyond a window's extent − 1 adds windows that read zeros only; it is left out. On a torus of the image's own
    size H instead of the padded one the bound is false.
(c) Small maps: the matrix itself, norm certified.

The kernel's own norm ‖W_mat‖₂, without √ov, is no bound: windows overlap.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from verify.arrays.ball import Ball, as_ball
from verify.arrays.combine import concatenate
from verify.arrays.convolutions import Windows
from verify.arrays.functions.on_balls import cos, sin, sqrt_of_nonnegative
from verify.arrays.guesses import cholesky_of_stack, largest_of_stack
from verify.arrays.products import gram, matmul, row_norms_upper
from verify.arrays.rounding import ETA, INFLATE
from verify.arrays.spectra import spectral_norm

__all__ = ["convolution_norm", "dense_norm", "overlap_norm", "symbol_norm"]

# Sides of the matrix up to which it is formed, and entries of the symbol at all frequencies.
_DENSE, _SYMBOL = 400, 2**23
# Doubles of the symbol held at once.
_CHUNK = 2**21
# π = 0x3.243F6A8885A308D3…, between two numbers of 62 bits after the point.
_PI = Ball.hull(Fraction(0xC90FDAA22168C234, 2**62), Fraction(0xC90FDAA22168C235, 2**62))


def convolution_norm(weight: Any, windows: Windows, groups: int = 1) -> float:
    """Upper bound of ‖h ↦ W∗h‖₂ over maps of one sample.

    Args:
        weight: (C', c, kh, kw) Ball or array, c channels of the C = c·groups for each output channel. windows: where it is read.

    Returns:
        a double; within 10 % of the norm on random kernels, unless the symbol is too large to be formed (more than 2²³ entries).
    """
    w = as_ball(weight)
    (before, after), c, outputs = windows.positions, w.shape[1], w.shape[0] // groups
    if max(before * c, after * outputs) <= _DENSE:
        return dense_norm(w, windows, groups)
    bounds = [overlap_norm(w, windows, groups)]
    if math.prod(_torus(windows)) * outputs * c * math.prod(windows.stride) <= _SYMBOL:
        bounds.append(symbol_norm(w, windows, groups))
    return min(bounds)


def overlap_norm(w: Ball, windows: Windows, groups: int = 1) -> float:
    """Bound ‖W∗‖ by (a): √overlap times the largest spectral norm of a group's matrix (out, in·kernel); `w` has the shape (out, in/groups, *kernel)."""
    split = w.reshape(groups, w.shape[0] // groups, -1)
    largest = max(float(spectral_norm(split[j]).upper()) for j in range(groups))
    return float((sqrt_of_nonnegative(Ball(float(windows.overlap))) * Ball(largest)).upper())


def dense_norm(w: Ball, windows: Windows, groups: int = 1) -> float:
    """Bound (c): of each group's matrix (C'·P', c·P), in which a kernel entry stands where a window reads a position at its place."""
    (before, after), c, outputs = windows.positions, w.shape[1], w.shape[0] // groups
    read, window, place = np.nonzero(windows.gather(np.eye(before)[:, :, None])[..., 0])
    found = []
    for j in range(groups):
        kernel = w[j * outputs : (j + 1) * outputs].reshape(outputs, c, windows.size)
        matrices = []
        for part in (kernel.mid, kernel.rad):
            matrix = np.zeros((outputs, after, c, before))
            matrix[:, window, :, read] = part[:, :, place].transpose(2, 0, 1)
            matrices.append(matrix.reshape(outputs * after, c * before))
        found.append(float(spectral_norm(Ball(*matrices)).upper()))
    return max(found)


def symbol_norm(w: Ball, windows: Windows, groups: int = 1) -> float:
    """Bound (b), every frequency of the torus enclosed; ω and −ω give conjugate symbols, so half of them."""
    outputs = w.shape[0] // groups
    down, across = _torus(windows)
    phases, kernel = _phases(w, windows)
    places = np.array(list(np.ndindex(*kernel)))
    frequencies = np.array([(u, v) for u in range(down // 2 + 1) for v in range(across)])
    block = max(1, _CHUNK // (4 * outputs * phases.shape[1]))
    best = 0.0
    for start in range(0, len(frequencies), block):
        chosen = frequencies[start : start + block]
        # Turns modulo one, as integers over down·across: exact.
        turns = (places[:, :1] * chosen[:, 0] * across + places[:, 1:] * chosen[:, 1] * down) % (down * across)
        angles = Ball(turns.astype(np.float64)) * (_PI * 2.0 / Ball(float(down * across)))
        for j in range(groups):
            flat = phases[j * outputs : (j + 1) * outputs].reshape(-1, len(places))
            real, imaginary = (
                matmul(flat, part).reshape(outputs, -1, len(chosen)).swapaxes(1, 2).swapaxes(0, 1)
                for part in (cos(angles), sin(angles))
            )
            best = max(best, _largest_norm(real, imaginary))
    return best


def _torus(windows: Windows) -> tuple[int, int]:
    """Positions down and across: the padded image's phases, padding counted up to a window's extent − 1."""
    sizes = [
        math.ceil((image + 2 * min(padding, extent - 1)) / stride)
        for image, padding, extent, stride in zip(
            windows.image, windows.padding, windows.extent, windows.stride, strict=True
        )
    ]
    return sizes[0], sizes[1]


def _phases(w: Ball, windows: Windows) -> tuple[Ball, tuple[int, int]]:
    """The kernel (C', c·s_h·s_w, α_h, α_w) of the stride-1 convolution of the phases, flat in α, and its size."""
    (sh, sw), (eh, ew) = windows.stride, windows.extent
    kernel = ((eh - 1) // sh + 1, (ew - 1) // sw + 1)
    parts = []
    for part in (w.mid, w.rad):
        spread = np.zeros((*w.shape[:2], kernel[0] * sh, kernel[1] * sw))
        spread[:, :, : eh : windows.dilation[0], : ew : windows.dilation[1]] = part
        split = spread.reshape(*w.shape[:2], kernel[0], sh, kernel[1], sw).transpose(0, 1, 3, 5, 2, 4)
        parts.append(split.reshape(w.shape[0], w.shape[1] * sh * sw, -1))
    return Ball(*parts), kernel


def _largest_norm(real: Ball, imaginary: Ball) -> float:
    """Upper bound of the largest of the spectral norms of the complex matrices in a stack (f, m, m').

    ‖A + iB‖ is the norm of the real matrix [[A, −B], [B, A]]. Its Gram matrix G = M ± R is at most t + ‖tI − M − LLᵀ‖_F + ‖R‖_F for any
    real L: a Cholesky factor of tI − M, with t just above the largest eigenvalue found. Infinite where no factor was found.
    """
    if real.shape[1] > real.shape[2]:
        real, imaginary = real.swapaxes(1, 2), imaginary.swapaxes(1, 2)
    top, bottom = concatenate([real, -imaginary], axis=2), concatenate([imaginary, real], axis=2)
    squares = gram(concatenate([top, bottom], axis=1))
    if not np.isfinite(squares.rad).all():
        return math.inf
    spread = float(row_norms_upper(squares.rad.reshape(squares.shape[0], -1)).max())
    eye, middle = np.eye(squares.shape[1]), Ball(squares.mid)
    trace = float(np.trace(squares.mid, axis1=1, axis2=2).max())
    guess = largest_of_stack(squares.mid)
    if not math.isfinite(guess):
        return math.inf
    for margin in (2.0**-40, 2.0**-30, 2.0**-20):
        shift = guess + margin * trace + ETA
        factor = cholesky_of_stack(shift * eye - squares.mid)
        if factor is None:
            continue
        gap = Ball(shift) * Ball(eye) - middle - gram(factor)
        rest = row_norms_upper((np.abs(gap.mid) + gap.rad).reshape(len(factor), -1) * INFLATE)
        bound = sqrt_of_nonnegative(Ball(shift) + Ball(float(rest.max())) + Ball(spread)).upper()
        if np.isfinite(bound):
            return float(bound)
    return math.inf

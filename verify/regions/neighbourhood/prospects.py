"""What the data and the parameters say: whether a region can exist, which samples lie close together or are dead, why λ_min(Θ) is not positive."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from verify.arrays import Ball
from verify.arrays.upper import Upper
from verify.decimals import at_most
from verify.networks import DataSet, Problem, kernel_of, linearise
from verify.networks.layers import Trained
from verify.networks.layers.norms import sensitivity_norms
from verify.networks.linearisation import Linearisation

__all__ = [
    "closest_samples",
    "contrary_samples",
    "dead_sample",
    "equal_samples",
    "no_region",
    "unequal_columns",
    "why_not_positive",
]

_PAIRS = 4096
# A kernel of more rows is not made again for a text.
_ROWS = 1024
# A gradient below this share of the largest is the rounding of one that vanishes, or of a sample so much smaller; below the second its square underflows.
_DEAD, _NOTHING = 1e-10, 2.0**-530
# Samples nearer than this, relative to their norm, are said to repeat nearly; where no fit is found, and targets differ, nearer than the second.
_NEAR, _CONTRARY = 1e-5, 1e-2
# Squared distances of gradients, relative, that are rounding; columns whose sizes are in this ratio are said to differ.
_SAME, _UNEQUAL = 1e-12, 1e3


def equal_samples(data: DataSet) -> list[tuple[int, int]]:
    """Return pairs (first row with these inputs, a later one), exact comparison."""
    # Adding 0.0 turns −0.0 into +0.0: equal numbers must compare equal as rows.
    _, first, inverse = np.unique(data.X + 0.0, axis=0, return_index=True, return_inverse=True)
    representative = first[inverse.reshape(-1)]
    return [(int(representative[j]), int(j)) for j in np.flatnonzero(representative != np.arange(data.n))]


def no_region(problem: Problem) -> str | None:
    """Say why λ_min(Θ) = 0 for every θ, so that no training helps: too few parameters, or equal inputs; None where neither is seen."""
    network, data = problem.network, problem.data
    size = data.n * data.k
    if size > network.parameters:
        return (
            f"n·k = {size} residuals depend on p = {network.parameters} parameters, so the NTK has rank at most {network.parameters} and λ_min = 0"
            " for every θ: no region of this kind exists. Widen the network, or use fewer samples"
        )
    pairs = equal_samples(data)
    if not pairs:
        return None
    i, j = pairs[0]
    more = f" ({len(pairs)} rows repeat earlier ones)" if len(pairs) > 1 else ""
    return (
        f"rows {i} and {j} of X are equal{more}: the network's outputs there agree for every θ, so λ_min(Θ) = 0 for every θ and no region of this"
        " kind exists. Drop the repetitions: numpy.unique(X, axis=0, return_index=True) finds the rows to keep"
    )


def dead_sample(problem: Problem, state: Linearisation | None = None) -> str | None:
    """Say which sample no parameter moves, by more than next to nothing, at the parameters given; None where none is seen.

    ‖∂F_i/∂θ‖² ≤ Σ_v(α_{v,i}b_{v,i})² over the layers that train: the data operator times the sensitivity. λ_min(Θ) is at most its square.
    `state`: the linearisation there, in float64, where it is at hand.
    """
    network, data = problem.network, problem.data
    k = network.outputs
    if state is None:
        state = linearise(network, data.X)
    squares = Upper(np.zeros(data.n))
    for index in network.trained:
        layer = network.layers[index]
        assert isinstance(layer, Trained)
        # Only the norms of single samples are used; those for all samples need not be known.
        _, rows = layer.data_norms(state.saved[index], data.n, lambda _: Ball(0.0))
        own = rows * sensitivity_norms(state.reached(index).rows, data.n, k)
        squares = squares + own * own
    sizes = squares.root().value
    least_alive = max(_DEAD * float(sizes.max()), _NOTHING)
    if not np.isfinite(sizes).all() or not sizes.min() <= least_alive:
        return None
    dead = np.flatnonzero(sizes <= least_alive).tolist()
    names = ", ".join(map(str, dead[:6])) + (f" and {len(dead) - 6} more" if len(dead) > 6 else "")
    least = float(sizes[dead[0]])
    remedy = (
        "initialise again, rescale the sample or remove it"
        if data.X[dead[0]].any()
        else "or remove the sample, whose inputs are all 0"
    )
    return (
        f"sample{'s' if len(dead) > 1 else ''} {names}: every path to the output is dead, or next to dead, at the parameters given: ‖∂F_{dead[0]}/∂θ‖ ≤"
        f" {at_most(least, 2)} by enclosure, so λ0 = λ_min(Θ) ≤ {at_most(Fraction(least) ** 2, 2)} there, and gradient descent hardly moves that output."
        f" Give the last layer a bias, {remedy}"
    )


def closest_samples(data: DataSet) -> tuple[int, int, float] | None:
    """Return the two samples nearest to each other with their distance over the larger norm (approximate); None for many or one."""
    if not 1 < data.n <= _PAIRS:
        return None
    with np.errstate(all="ignore"):
        size = float(np.abs(data.X).max()) or 1.0
        X = data.X.reshape(data.n, -1) / size
        squares = (X * X).sum(axis=1)
        apart = np.maximum(squares[:, None] + squares[None, :] - 2.0 * (X @ X.T), 0.0)
    apart[np.diag_indices(data.n)] = np.inf
    i, j = np.unravel_index(int(np.argmin(apart)), apart.shape)
    largest = float(np.sqrt(max(squares[i], squares[j]))) or 1.0
    return int(i), int(j), float(np.linalg.norm(X[i] - X[j])) / largest


def _equal_gradients(problem: Problem) -> str | None:
    """Say at which two samples the first output has the same gradient, up to rounding, at the parameters given; None where none is seen (approximate)."""
    n, k = problem.data.n, problem.data.k
    if n < 2 or n * k > _ROWS:
        return None
    theta = kernel_of(linearise(problem.network, problem.data.X)).mid[::k, ::k]
    sizes = np.diagonal(theta)
    if not (np.isfinite(theta).all() and sizes.min() > 0.0):
        return None
    with np.errstate(all="ignore"):
        apart = (sizes[:, None] + sizes[None, :] - 2.0 * theta) / np.maximum(sizes[:, None], sizes[None, :])
    apart[np.diag_indices(n)] = np.inf
    i, j = np.unravel_index(int(np.argmin(apart)), apart.shape)
    if not apart[i, j] <= _SAME:
        return None
    return (
        f"At the start the output has the same gradient at samples {i} and {j}, up to rounding, though their inputs differ: units are dead, saturated or zero."
        " Initialise again"
    )


def unequal_columns(data: DataSet) -> str | None:
    """Say that the inputs' columns are of very different size; None where they are not."""
    if data.X.ndim != 2:
        return None
    sizes = np.abs(data.X).max(axis=0)
    sizes = sizes[sizes > 0.0]
    if not (sizes.size and sizes.max() > _UNEQUAL * sizes.min()):
        return None
    return f"the columns of X reach from {sizes.min():.2g} to {sizes.max():.2g}: standardise them"


def contrary_samples(data: DataSet) -> str | None:
    """Say which samples, close together, ask for different outputs; None where the closest do not."""
    pair = closest_samples(data)
    if pair is None or pair[2] > _CONTRARY:
        return None
    i, j, distance = pair
    gap = float(np.linalg.norm(data.y[i] - data.y[j]))
    if not gap > distance * float(np.linalg.norm(data.y[i])):
        return None
    return f"samples {i} and {j} are equal up to {distance:.1e} of their norm, and their targets differ by {gap:.2g}. Remove one of them"


def why_not_positive(lambda_min: Ball, lambda_max: Ball, problem: Problem, elsewhere: str) -> str:
    """Say why λ_min(Θ) is not certified positive at a point: too few parameters, equal or nearly equal samples, overflow, kinks, or else.

    Args:
        lambda_min, lambda_max: enclosures at the point. problem: what is minimised.
        elsewhere: a clause without a full stop that names what else may be tried; used where the data show no fault.
    """
    hopeless = no_region(problem)
    if hopeless is not None:
        return hopeless
    low, high, largest = float(lambda_min.lower()), float(lambda_min.upper()), float(lambda_max.upper())
    if not np.isfinite([low, high, largest]).all():
        return "the NTK overflows float64, or cannot be enclosed: rescale the data or the weights"
    what = f"λ_min(Θ) ∈ [{low:.3e}, {high:.3e}] is not separated from 0 (λ_max ≈ {largest:.3g})"
    pair = closest_samples(problem.data)
    if pair is not None and pair[2] < _NEAR:
        i, j, distance = pair
        return f"{what}: samples {i} and {j} are equal up to {distance:.1e} of their norm. Remove one of them"
    dead = dead_sample(problem)
    if dead is not None:
        return f"{what}. At the start {dead}"
    columns, equal = unequal_columns(problem.data), _equal_gradients(problem)
    if equal is not None:
        return f"{what}. {equal}"
    if columns is not None:
        elsewhere = f"Of the inputs, {columns}. Else {elsewhere}"
    if not problem.network.is_smooth:
        return (
            f"{what}: either to rounding {problem.network.at_a_kink}, where every slope counts, or too many units are dead, or Θ is nearly singular for"
            f" another reason, or this enclosure, {high - low:.1e} wide, is too coarse for it. {elsewhere}"
        )
    nearest = "" if pair is None else f" (the closest, {pair[0]} and {pair[1]}, differ by {pair[2]:.2g} of their norm)"
    return (
        f"{what}: no two samples nearly repeat{nearest}, so either Θ is singular for another reason, such as units that are all saturated or"
        f" inputs in a plane, or this enclosure, {high - low:.1e} wide, is too coarse for it. {elsewhere}"
    )

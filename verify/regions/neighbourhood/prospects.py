"""What the data alone say, before anything is computed: whether a region of this kind can exist, and which samples lie close together."""

from __future__ import annotations

import numpy as np

from verify.networks import DataSet, Network

__all__ = ["closest_samples", "equal_samples", "no_region"]

_PAIRS = 4096


def equal_samples(data: DataSet) -> list[tuple[int, int]]:
    """Return pairs (first row with these inputs, a later one), exact comparison."""
    # Adding 0.0 turns −0.0 into +0.0: equal numbers must compare equal as rows.
    _, first, inverse = np.unique(data.X + 0.0, axis=0, return_index=True, return_inverse=True)
    representative = first[inverse.reshape(-1)]
    return [(int(representative[j]), int(j)) for j in np.flatnonzero(representative != np.arange(data.n))]


def no_region(network: Network, data: DataSet) -> str | None:
    """Say why λ_min(Θ) = 0 for every θ, so that no training helps: too few parameters, or equal inputs; None where neither is seen."""
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

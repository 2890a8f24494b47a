"""The experiments on the paper's networks: what they train on, what a row says, and that it is proved and accepted."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from verify.certificates import Certificate
from verify.experiments import networks
from verify.networks import read_network


def test_names_are_unique_and_every_kind_has_three_seeds() -> None:
    names = [case.name for case in (*networks.CASES, *networks.cifar10_cases(Path("x")))]
    assert len(set(names)) == len(names)
    kinds = {dataclasses.replace(case, seed=0) for case in networks.CASES}
    assert all(dataclasses.replace(kind, seed=seed) in networks.CASES for kind in kinds for seed in range(3))
    assert {case.network for case in networks.CASES} >= {
        "mlp-64",
        "mlp-1024",
        "cnn-12",
        "resnet",
        "resnet-4",
        "normed-256",
    }


def test_a_residual_network_has_three_blocks_one_projection_and_frozen_statistics() -> None:
    case = networks.Case("resnet", "tanh", "digits", 5, 1)
    X, y = networks.load(case)
    assert X.shape == (5, 1, 8, 8)
    assert y.shape == (5, 1)
    network = read_network(networks.build(case, X), (1, 8, 8))
    kinds = [layer.kind for layer in network.layers]
    assert (kinds.count("sum"), kinds.count("batch_norm"), kinds.count("convolution")) == (3, 7, 8)
    assert network.parameters == 37_905


def test_training_stops_at_the_goal() -> None:
    case = networks.Case("cnn", "relu", "digits", 4, 0)
    X, y = networks.load(case)
    net = networks.build(case, X)
    assert 0 < networks.train(net, X, y) < 20_000
    with torch.no_grad():
        assert float(((net(torch.from_numpy(X)) - torch.from_numpy(y)) ** 2).sum()) < 0.25


def test_cifar10_is_read_where_its_files_are(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    labels = draw.permutation(np.arange(120) % 10)
    records = np.concatenate([labels[:, None], draw.integers(0, 256, (120, 3072))], axis=1)
    (tmp_path / "data_batch_1.bin").write_bytes(records.astype(np.uint8).tobytes())
    X, y = networks.load(networks.cifar10_cases(tmp_path)[0])
    assert X.shape == (100, 3, 32, 32)
    assert set(y.ravel()) == {-1.0, 1.0}


@pytest.mark.parametrize("scope", ["basin", "run"])
def test_a_row_holds_what_is_proved(tmp_path: Path, scope: str) -> None:
    case = networks.Case("mlp-64", "tanh", "digits", 8, 0, scope)  # type: ignore[arg-type]
    (row,) = networks.run_cases(tmp_path, [case])
    assert (row["verdict"], row["checker"], row["scope"]) == ("PROVED", "ACCEPTED", scope)
    certificate = Certificate.load(tmp_path / f"{case.name}.zip")
    assert certificate.proved
    assert row["rate"] >= float(certificate.constants["rate"].upper())
    first, last = row["diagnostics"][0], row["diagnostics"][-1]
    assert first["drift"] == [0.0, 0.0]
    assert last["drift"][0] > 0.0
    assert last["loss"][1] < first["loss"][0]
    assert all(found["lambda_min"][0] > 0.0 for found in row["diagnostics"])
    assert networks.run_cases(tmp_path, [case]) == [row]

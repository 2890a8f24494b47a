"""A partition of one's own (`verify.SGD(batches=…)`): bounded, stated and checked as the batches that it is; whatever is none is refused."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify.certificates import Certificate
from verify.certificates.sentences import sentence
from verify.errors import InputError
from verify.networks.parameters import flatten
from verify.networks.sgd import SGD
from verify.regions.descent.minibatch import Epochs, read_orders
from verify.regions.neighbourhood.point_facts import examine

PARTITION = [[4, 0], [2], [1, 5, 3]]


def _problem() -> tuple[torch.nn.Sequential, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 48), torch.nn.Tanh(), torch.nn.Linear(48, 1)).double()
    return net, torch.randn(6, 4).double(), torch.randn(6, 1).double()


@pytest.fixture(scope="module", name="given")
def _given() -> Certificate:
    return verify.certify(*_problem(), scope="basin", loss="mse", descent=SGD(batches=PARTITION))


def test_a_basin_is_proved_accepted_and_read_back(tmp_path: Path, given: Certificate) -> None:
    assert given.verdict == "PROVED", given.reason
    path = given.save(tmp_path / "c.zip")
    back = Certificate.load(path)
    assert back.problem.descent == given.problem.descent
    assert sentence(back) == sentence(given)
    found = verify.check(path)
    assert found.accepted, found.failures
    assert "on the 3 stored batches of 1 to 3 samples" in found.claims[0]


def test_the_batches_given_are_the_ones_that_are_bounded_and_stated(given: Certificate) -> None:
    certificate = given
    descent, centre = certificate.problem.descent, np.asarray(certificate.witness["centre"])
    assert descent is not None
    assert descent.parts(6) == PARTITION
    here = examine(certificate.problem.at(centre))
    theta, stated = here.theta.mid, dict(map(tuple, certificate.witness["batches"]))
    for part in PARTITION:
        true = float(np.linalg.eigvalsh(theta[np.ix_(part, part)])[-1]) ** 0.5
        assert true <= stated[len(part)] <= true * (1.0 + 1e-9)
    assert "3 given batches of 1 to 3 samples" in sentence(certificate)


def test_no_order_of_the_batches_given_breaks_the_factor(given: Certificate) -> None:
    certificate = given
    c, problem = certificate.constants, certificate.problem
    assert problem.lr is not None
    assert problem.descent is not None
    A, rate, R, rho = (float(c[name].upper()) for name in ("loss_bound", "rate", "radius", "basin_radius"))
    epochs = Epochs(problem)
    centre, rng = np.asarray(certificate.witness["centre"]), np.random.default_rng(0)
    for order in itertools.permutations(PARTITION):
        away = rng.standard_normal(centre.size)
        theta, flat = centre + 0.999 * rho * away / np.linalg.norm(away), [i for part in order for i in part]
        for epoch in range(20):
            assert 0.5 * float(problem.scale) * epochs.residual(theta) ** 2 <= A * rate**epoch + 1e-26
            assert np.linalg.norm(theta - centre) <= R
            theta = epochs.run(theta, flat)


@pytest.mark.parametrize(
    ("batches", "why"),
    [
        ([[0, 1, 2], [3, 4]], "sample 5 is in none"),
        ([[0, 1, 2], [3, 4, 5, 5]], "sample 5 comes 2 times"),
        ([[0, 1, 2], [3, 4, 6]], "sample 6; there are 6"),
        ([[0, 1, 2], [], [3, 4, 5]], "empty"),
        ([], "empty"),
        ([[0, 1, 2], [3, 4, -1]], "whole number"),
        ([[0, 1, 2.5]], "whole number"),
        ([0, 1, 2], "expected a list"),
        ("012", "list of"),
    ],
)
def test_a_partition_that_is_none_is_refused_with_the_sample(batches: Any, why: str) -> None:
    with pytest.raises(InputError, match=why):
        verify.certify(*_problem(), scope="ball", descent=SGD(batches=batches))


@pytest.mark.parametrize(
    "options", [{"batch_size": 2}, {"drop_last": True}, {"order": "with_replacement"}, {"momentum": 0.5}]
)
def test_a_partition_takes_no_other_sizes_orders_or_momentum(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        SGD(batches=PARTITION, **options)


def test_a_partition_into_one_batch_is_gradient_descent_and_one_in_rows_the_fixed_one() -> None:
    assert SGD(batches=[[1, 0, 2]]).on(3) is None
    rows = [[0, 1, 2], [3, 4, 5]]
    one, other = (
        verify.certify(*_problem(), scope="basin", loss="mse", descent=d) for d in (SGD(batches=rows), SGD(3, "fixed"))
    )
    assert one.proved
    assert other.proved
    assert one.witness["batches"] == other.witness["batches"]
    assert float(one.constants["rate"].mid) == float(other.constants["rate"].mid)


def test_recorded_orders_must_run_through_the_batches_given() -> None:
    descent = SGD(batches=PARTITION).on(6)
    assert descent is not None
    assert [o.tolist() for o in read_orders([[2, 3, 1, 5, 0, 4]], descent, 6)] == [[2, 3, 1, 5, 0, 4]]
    with pytest.raises(InputError, match="none of the batches"):
        list(read_orders([[2, 3, 1, 0, 5, 4]], descent, 6))


def test_an_epoch_is_the_loop_that_torch_makes_of_a_batch_sampler(given: Certificate) -> None:
    net, X, y = _problem()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, y), batch_sampler=PARTITION)
    lr = float(given.problem.eta)
    optimiser = torch.optim.SGD(net.parameters(), lr=lr)
    ours = Epochs(given.problem).run(flatten(given.problem.network), [i for part in PARTITION for i in part])
    for inputs, targets in loader:
        optimiser.zero_grad()
        torch.nn.MSELoss()(net(inputs), targets).backward()
        optimiser.step()
    theirs = torch.nn.utils.parameters_to_vector(net.parameters()).detach().numpy()
    assert np.abs(ours - theirs).max() < 1e-13
    assert np.abs(theirs - flatten(given.problem.network)).max() > 1e-3

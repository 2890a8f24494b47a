"""Stochastic descent, end to end: what is proved is accepted, holds along simulated runs, and says what is missing where it is not proved."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify.arrays import Ball
from verify.certificates import Certificate
from verify.certificates.sentences import sentence
from verify.errors import InputError
from verify.networks.parameters import Vector, flatten, with_parameters
from verify.networks.sgd import SGD
from verify.regions.descent.minibatch import Epochs
from verify.regions.neighbourhood.batches import gather_batches, triangle_norm
from verify.regions.neighbourhood.momentum import holds_on, powers

DESCENTS = {
    "any": SGD(batch_size=2),
    "uneven": SGD(batch_size=4),
    "fixed": SGD(batch_size=3, order="fixed"),
    "single": SGD(batch_size=1),
    "drawn": SGD(batch_size=2, order="with_replacement"),
    "heavy": SGD(momentum=0.5),
    "nesterov": SGD(momentum="9/10", nesterov=True),
}


def _problem(k: int = 1, seed: int = 0) -> tuple[torch.nn.Sequential, torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    net = torch.nn.Sequential(torch.nn.Linear(4, 48), torch.nn.Tanh(), torch.nn.Linear(48, k)).double()
    return net, torch.randn(6, 4).double(), torch.randn(6, k).double()


@pytest.fixture(scope="module")
def basins() -> dict[str, Certificate]:
    return {name: verify.certify(*_problem(), scope="basin", loss="mse", descent=d) for name, d in DESCENTS.items()}


@pytest.mark.parametrize("name", DESCENTS)
def test_a_basin_is_proved_accepted_and_read_back(tmp_path: Path, name: str, basins: dict[str, Certificate]) -> None:
    certificate = basins[name]
    assert certificate.verdict == "PROVED", certificate.reason
    assert all(step.certain for step in certificate.steps)
    path = certificate.save(tmp_path / "c.zip")
    back = Certificate.load(path)
    assert back.problem.descent == certificate.problem.descent
    assert back.claim == certificate.claim == DESCENTS[name].claim
    assert sentence(back) == sentence(certificate)
    found = verify.check(path)
    assert found.accepted, found.failures
    assert float(certificate.constants["lr_largest"]) >= float(certificate.constants["lr"])
    # R, μ and the factor stated are those of the step itself.
    assert "in a ball and by a factor of its own" in certificate.reason


def _convolutional() -> tuple[torch.nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 3, padding=1),
        torch.nn.BatchNorm2d(6),
        torch.nn.Tanh(),
        torch.nn.AvgPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(24, 1),
    )
    return net.double().eval(), torch.randn(5, 1, 4, 4).double()


def _kinked() -> tuple[torch.nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 48), torch.nn.ReLU(), torch.nn.Linear(48, 1))
    return net.double(), torch.randn(5, 4).double()


@pytest.mark.parametrize("network", [_convolutional, _kinked])
def test_maps_and_kinks_with_a_smaller_last_batch_are_proved_accepted_and_obeyed(tmp_path: Path, network: Any) -> None:
    net, X = network()
    y = torch.randn(5, 1).double()
    certificate = verify.certify(net, X, y, scope="basin", loss="mse", descent=SGD(batch_size=2))
    assert certificate.verdict == "PROVED", certificate.reason
    assert float(certificate.constants["batch_fraction"].upper()) <= 0.9 + 1e-9
    found = verify.check(certificate.save(tmp_path / "c.zip"))
    assert found.accepted, found.failures
    # torch's own loop, its batches of 2, 2 and 1.
    c, centre = certificate.constants, torch.from_numpy(np.asarray(certificate.witness["centre"]))
    A, rate, R = (float(c[name].upper()) for name in ("loss_bound", "rate", "radius"))
    away = torch.randn(centre.shape).double()
    start = centre + away / away.norm() * 0.999 * float(c["basin_radius"].mid)
    torch.nn.utils.vector_to_parameters(start, net.parameters())
    optimiser, loss = torch.optim.SGD(net.parameters(), lr=float(c["lr"])), torch.nn.MSELoss()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, y), batch_size=2, shuffle=True)
    for epoch in range(30):
        assert loss(net(X), y).item() <= A * rate**epoch + 1e-28
        for inputs, targets in loader:
            optimiser.zero_grad()
            loss(net(inputs), targets).backward()
            optimiser.step()
        away = torch.nn.utils.parameters_to_vector(net.parameters()).detach() - centre
        assert float(away.norm()) <= R


@pytest.mark.parametrize("name", ["any", "drawn", "heavy"])
def test_a_ball_about_a_fitted_network_is_proved_and_accepted(
    tmp_path: Path, name: str, basins: dict[str, Certificate]
) -> None:
    net, X, y = _problem(k=2, seed=1)
    near = verify.certify(net, X, y, scope="basin")
    fitted = with_parameters(near.problem.network, near.witness["centre"])
    theta = torch.from_numpy(np.asarray(near.witness["centre"]))
    torch.nn.utils.vector_to_parameters(theta, net.parameters())
    certificate = verify.certify(net, X, y, scope="ball", loss="mean", descent=DESCENTS[name])
    assert certificate.verdict == "PROVED", certificate.reason
    assert certificate.matches(net, X, y)
    assert fitted.parameters == certificate.problem.network.parameters
    assert verify.check(certificate.save(tmp_path / "c.zip")).accepted


def _edge(certificate: Certificate, seed: int) -> Vector:
    """A start on the edge of the basin, in the row space of J: where the distance to the fits is the distance to c."""
    problem, centre = certificate.problem, np.asarray(certificate.witness["centre"])
    step = Epochs(replace(problem, lr=Fraction(1), descent=SGD(momentum=0.5).on(6)))
    rng = np.random.default_rng(seed)
    away = centre + 1e-3 * rng.standard_normal(centre.size)
    direction = step.run(away, []) - away  # a combination of the gradients of all samples
    return np.asarray(
        centre + direction / np.linalg.norm(direction) * float(certificate.constants["basin_radius"].mid) * (1 - 1e-9)
    )


@pytest.mark.parametrize("name", DESCENTS)
@pytest.mark.parametrize("seed", [0])
def test_simulated_runs_obey_the_certified_bounds(name: str, seed: int, basins: dict[str, Certificate]) -> None:
    certificate = basins[name]
    problem, c = certificate.problem, certificate.constants
    assert problem.lr is not None
    assert problem.descent is not None
    epochs = Epochs(problem, seed)
    theta, centre = _edge(certificate, seed), np.asarray(certificate.witness["centre"])
    A, rate, per = (
        float(c["loss_bound"].upper()),
        float(c["rate"].upper()),
        len(problem.descent.sizes(6)) if name == "drawn" else 1,
    )
    for epoch in range(200):
        loss = 0.5 * float(problem.scale) * epochs.residual(theta) ** 2
        assert loss <= A * rate ** (per * epoch) + 1e-28
        assert np.linalg.norm(theta - centre) <= float(c["radius"].upper())
        theta = epochs.run(theta, epochs.order(epoch))


def test_a_step_beyond_the_bound_is_inconclusive_with_the_number() -> None:
    certificate = verify.certify(*_problem(), scope="basin", descent=SGD(batch_size=2, lr=50))
    assert certificate.verdict == "INCONCLUSIVE"
    assert "beyond the certified bound" in certificate.reason
    for descent in (SGD(batch_size=1, lr=5e-324), SGD(batch_size=1, lr="1e-400"), SGD(momentum=0.5, lr=5e-324)):
        small = verify.certify(*_problem(), scope="basin", descent=descent)
        assert small.verdict == "INCONCLUSIVE"
        assert "rounds to 1" in small.reason
        assert len(small.reason) < 400
    heavy = verify.certify(*_problem(), scope="basin", descent=SGD(momentum=0.5, lr=50))
    assert heavy.verdict == "INCONCLUSIVE"
    assert "beyond the certified bound" in heavy.reason


def test_an_untrained_network_is_inconclusive_and_says_what_it_lacks() -> None:
    certificate = verify.certify(*_problem(), scope="ball", descent=SGD(batch_size=2))
    assert certificate.verdict == "INCONCLUSIVE"
    assert "is not certain" in certificate.reason


def _trained(epochs: int) -> tuple[torch.nn.Sequential, torch.Tensor, torch.Tensor, list[Vector], list[list[int]]]:
    net, X, y = _problem(seed=3)
    data, sampled = torch.utils.data.TensorDataset(X, y, torch.arange(6)), []
    loader = torch.utils.data.DataLoader(data, batch_size=4, shuffle=True)
    optimiser, kept = torch.optim.SGD(net.parameters(), lr=0.02), []
    for _ in range(epochs):
        kept.append(torch.nn.utils.parameters_to_vector(net.parameters()).detach().numpy().copy())
        order: list[int] = []
        for inputs, targets, rows in loader:
            optimiser.zero_grad()
            torch.nn.MSELoss()(net(inputs), targets).backward()
            optimiser.step()
            order += rows.tolist()
        sampled.append(order)
    return net, X, y, kept, sampled


def test_a_dataloader_loop_with_its_orders_is_replayed_and_ends_proved(tmp_path: Path) -> None:
    net, X, y, kept, sampled = _trained(2501)
    descent = SGD(batch_size=4, lr=0.02)
    wanted = [0, 1, 2, 2500]
    certificate = verify.certify(
        net,
        X,
        y,
        scope="run",
        loss="mse",
        descent=descent,
        iterates=[kept[i] for i in wanted],
        iterate_steps=wanted,
        orders=sampled,
    )
    assert certificate.verdict == "PROVED", certificate.reason
    assert (certificate.observed["epochs_compared"], certificate.observed["epochs_apart"]) == (2, 0)
    assert "in the order recorded" in certificate.reason
    assert certificate.constants["handover_step"] == 2500
    found = verify.check(certificate.save(tmp_path / "c.zip"))
    assert found.accepted, found.failures
    other = verify.certify(
        net,
        X,
        y,
        scope="run",
        loss="mse",
        descent=descent,
        iterates=[kept[i] for i in wanted],
        iterate_steps=wanted,
        orders=sampled[::-1],
    )
    assert other.observed["epochs_apart"] > 0
    assert "are not all" in other.reason


@pytest.mark.parametrize(
    ("order", "words"),
    [([0, 1, 2], "3 indices; expected the 6"), ([0, 1, 2, 3, 4, 4], "comes twice"), ([0, 1, 2, 3, 4, 6], "index 6")],
)
def test_orders_that_are_none_are_refused(order: list[int], words: str) -> None:
    net, X, y, kept, _ = _trained(2)
    with pytest.raises(InputError, match=words):
        verify.certify(net, X, y, scope="run", descent=SGD(batch_size=4, lr=0.02), iterates=kept, orders=[order])


def test_a_run_made_here_by_reshuffled_batches_is_handed_over(tmp_path: Path) -> None:
    net, X, y = _problem(seed=3)
    certificate = verify.certify(net, X, y, scope="run", loss="mse", descent=SGD(batch_size=2), steps=20_000)
    assert certificate.verdict == "PROVED", certificate.reason
    assert verify.check(certificate.save(tmp_path / "c.zip")).accepted
    short = verify.certify(net, X, y, scope="run", loss="mse", descent=SGD(batch_size=2), steps=3)
    assert short.verdict == "INCONCLUSIVE"
    assert "the budget of epochs ended" in short.reason
    again = verify.certify(
        net,
        X,
        y,
        scope="run",
        loss="mse",
        descent=SGD(batch_size=2),
        steps=20_000,
        resume=short.save(tmp_path / "short.zip"),
    )
    assert again.verdict == "PROVED", again.reason
    assert "up to 3 taken from a certificate" in again.reason
    assert verify.check(again.save(tmp_path / "again.zip")).accepted
    # The same orders as in one go.
    problem, theta = certificate.problem, flatten(certificate.problem.network)
    assert problem.lr is not None
    assert problem.descent is not None
    epochs = Epochs(problem)
    for epoch in range(again.constants["handover_step"]):
        theta = epochs.run(theta, epochs.order(epoch))
    assert np.array_equal(theta, again.witness["checkpoints"][-1]["parameters"])
    for asked, words in (
        ({"descent": SGD(batch_size=3)}, "the certificate is about descent"),
        ({"descent": SGD(batch_size=2), "lr": 1e-3}, "the certificate is about lr"),
        ({"descent": SGD(momentum=0.5)}, "holds no buffer"),
        ({"descent": None}, "the certificate is about descent"),
    ):
        with pytest.raises(InputError, match=words):
            verify.certify(net, X, y, scope="run", loss="mse", resume=short, **asked)
    late = verify.certify(net, X, y, scope="run", loss="mse", descent=SGD(batch_size=2), seconds=1e-9)
    assert "the seconds allowed ended" in late.reason


def _gram(n: int, k: int, seed: int) -> np.ndarray:
    J = np.random.default_rng(seed).standard_normal((n * k, n * k + 2))
    J *= np.exp(np.random.default_rng(seed + 1).uniform(-1, 1, (n * k, 1)))
    return np.asarray(J @ J.T)


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_batch_norms_bound_every_subset(k: int, seed: int) -> None:
    n, theta = 6, _gram(6, k, seed)
    top = Ball(float(np.linalg.eigvalsh(theta)[-1]) * (1 + 1e-12))
    for descent in (
        SGD(batch_size=2),
        SGD(batch_size=4),
        SGD(batch_size=2, order="fixed"),
        SGD(batch_size=3, order="with_replacement"),
    ):
        bound = descent.on(n)
        assert bound is not None
        batches = gather_batches(bound, Ball(theta), top, n, k, "sum")
        for size, norm in batches.norms.items():
            choose = (
                itertools.combinations_with_replacement if bound.order == "with_replacement" else itertools.combinations
            )
            subsets = list(choose(range(n), size))
            if bound.order == "fixed":
                subsets = [tuple(range(i, i + size)) for i in range(0, n, size)]
            for subset in subsets:
                rows = [i * k + a for i in subset for a in range(k)]
                assert np.linalg.eigvalsh(theta[np.ix_(rows, rows)])[-1] <= norm**2 * (1 + 1e-12)


@pytest.mark.parametrize("order", ["any", "fixed", "with_replacement"])
def test_batch_norms_hold_on_a_ball_where_one_sample_may_be_drawn_often(order: Any) -> None:
    """The change of J within Δ_J that hurts most: all in the strongest sample. Drawn b times it counts √b times."""
    n, size, change = 4, 4 if order == "with_replacement" else 2, 0.5
    J = np.random.default_rng(0).standard_normal((n, n + 2))
    strongest = int((J * J).sum(axis=1).argmax())
    moved = J.copy()
    moved[strongest] *= 1.0 + change / np.linalg.norm(J[strongest])
    descent = SGD(batch_size=size, order=order).on(n)
    assert descent is not None
    top = Ball(float(np.linalg.norm(J, 2)) ** 2 * (1 + 1e-12))
    batches = gather_batches(descent, Ball(J @ J.T), top, n, 1, "mean")
    subset = [strongest] * size if order == "with_replacement" else [strongest, (strongest + 2) % n]
    largest = float(np.linalg.norm(moved[subset], 2))
    assert largest <= float(batches.jacobian(change).upper()) * (1 + 1e-12)
    assert largest**2 / size <= float(batches.fraction(Fraction(1), change).upper()) * (1 + 1e-12)


@pytest.mark.parametrize("m", [1, 2, 3, 10, 100, 1000])
def test_the_triangle_of_ones(m: int) -> None:
    true = float(np.linalg.norm(np.tril(np.ones((m, m)), -1), 2))
    assert true <= triangle_norm(m) * (1 + 1e-12)
    assert triangle_norm(m) <= true * 1.001 + 1e-12


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize(("beta", "top"), [("1/2", "9/10"), ("9/10", "1/20"), ("9/10", "13/10")])
def test_powers_of_the_frozen_iteration_obey_the_bound_and_no_smaller_one(nesterov: bool, beta: str, top: str) -> None:
    descent = SGD(momentum=beta, nesterov=nesterov)
    low, high = Fraction(top) / 100, Fraction(top)
    found = powers(low, high, descent)
    assert found is not None
    b, largest = float(descent.beta), 0.0
    for x in np.geomspace(float(low), float(high), 60):
        T = np.array([[1 - x - b * x, b * b], [-x, b]] if nesterov else [[1 - x, b], [-x, b]]) / found.rate
        # T, T², …, T^64 and their squares: every power of two and a dense beginning.
        powers_of_T = np.stack(list(itertools.accumulate([T] * 64, np.matmul)))
        for _ in range(4):
            largest = max(largest, float(np.linalg.norm(powers_of_T, 2, axis=(1, 2)).max()))
            powers_of_T = powers_of_T @ powers_of_T
    assert largest <= found.bound * (1 + 1e-9)
    assert found.bound <= 4.0 * largest
    for wrong in (
        {"bound": 0.99 * found.bound},
        {"rate": 1.0 - 1.05 * (1.0 - found.rate) / 0.7},
        {"edges": found.edges[1:]},
        {"forms": found.forms[::-1] if len(found.forms) > 3 else found.forms[1:]},
    ):
        assert not holds_on(_replaced(found, wrong), low, high, descent), wrong
    assert not holds_on(found, low, high * 2, descent)
    assert not holds_on(found, low / 2, high, descent)


def _replaced(found: Any, changes: dict[str, Any]) -> Any:
    return replace(found, **changes)


def test_no_powers_beyond_the_stable_range() -> None:
    assert powers(Fraction(1, 10), Fraction(31, 10), SGD(momentum="1/2")) is None
    assert powers(Fraction(1, 10), Fraction(16, 10), SGD(momentum="1/2", nesterov=True)) is None


@pytest.mark.parametrize("descent", [verify.SGD(1), verify.SGD(1, "with_replacement"), verify.SGD(momentum=0.9)])
def test_a_unit_exactly_at_its_kink_leaves_no_ball_and_is_inconclusive(descent: verify.SGD) -> None:
    """Its outgoing weight is 0, so that λ_min > 0 is certain whatever its slope; but every ball is crossed."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 6), torch.nn.ReLU(), torch.nn.Linear(6, 1)).double()
    with torch.no_grad():
        for entry in (net[0].weight[0], net[0].bias[:1], net[2].weight[:, :1]):  # type: ignore[index]
            entry.zero_()
    X, y = np.array([[1.0, 0.5], [-0.5, 1.0], [0.3, -1.0]]), np.array([1.0, -1.0, 1.0])
    certificate = verify.certify(net, X, y, loss="mse", scope="ball", descent=descent)
    assert certificate.verdict == "INCONCLUSIVE"
    assert "no radius with λ(R) > 0" in certificate.reason

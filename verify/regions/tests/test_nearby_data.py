"""`data_radius`: one certificate for every data set whose inputs lie nearby. The bounds are attacked, and each is forgotten once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify import datasets, nn
from verify.arrays import Ball
from verify.certificates import Certificate
from verify.certificates.sentences import sentence
from verify.checker import check
from verify.errors import InputError, UnsupportedLayerError
from verify.networks import DataSet, kernel_of, linearise, read_network
from verify.networks.curvature import Curvature
from verify.networks.feature_kernel import FeatureBound
from verify.networks.inputs import over_inputs, with_exact_ends
from verify.networks.linearisation import Linearisation
from verify.networks.neurons import NeuronBudget
from verify.networks.parameters import flatten
from verify.networks.spread import Spread
from verify.regions.descent.float64 import Descent


def _network(seed: int, depth: int) -> tuple[Any, np.ndarray, np.ndarray]:
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    widths = [4, *rng.integers(5, 9, size=depth).tolist(), 1 + seed % 2]
    activation = [torch.nn.Tanh, torch.nn.Sigmoid, torch.nn.SiLU][seed % 3]
    layers: list[torch.nn.Module] = []
    for i, (a, b) in enumerate(itertools.pairwise(widths)):
        layers += [activation()] if i else []
        layers.append(nn.NTKLinear(a, b, generator=generator))
    network = read_network(torch.nn.Sequential(*layers))
    return network, 2.0 * rng.standard_normal((3, 4)), rng.standard_normal((3, network.outputs))


def _others(state: Linearisation, X: np.ndarray, radius: float, seed: int) -> Iterator[np.ndarray]:
    """Inputs on the boundary: random ones, towards and away from 0, and along what moves the outputs and the features most."""
    rng = np.random.default_rng(seed)
    steepest = np.linalg.svd((state.B[0] @ state.V[0]).mid.reshape(state.n, -1, X.shape[1]))[2][:, 0]
    widest = np.linalg.svd(state.V[0].mid)[2][0]
    for direction in (X, -X, steepest, -steepest, np.tile(widest, (state.n, 1)), *rng.standard_normal((2, *X.shape))):
        yield X + radius * direction / np.linalg.norm(direction, axis=1, keepdims=True) * (1.0 - 1e-12)


def _jacobian(state: Linearisation) -> np.ndarray:
    """J (N, p) in float64."""
    n = state.n * state.network.outputs
    return np.stack([np.concatenate([g.mid.ravel() for g in state.gradient(Ball(row))]) for row in np.eye(n)])


def _exceeded(near: Linearisation, here: Linearisation, y: np.ndarray) -> set[str]:
    """Which bounds of a spread the inputs of `here` exceed; `near` is the linearisation that carries it."""
    spread, k = near.spread, near.network.outputs
    assert spread is not None
    J, J1 = _jacobian(near), _jacobian(here)
    e, e1 = (near.F.mid - y).ravel(), (here.F.mid - y).ravel()
    gap = {
        "jacobian": (np.linalg.norm(J1 - J, 2), float(spread.jacobian.mid)),
        "residual": (np.linalg.norm(e1 - e), float(spread.residual.mid)),
        "step": (
            np.linalg.norm(0.1 * (J1.T @ e1 - J.T @ e)),
            float(spread.step(Ball(0.1), Ball(float(np.linalg.norm(J, 2))), Ball(float(np.linalg.norm(e)))).mid),
        ),
    }
    found = {name for name, (size, bound) in gap.items() if size > bound}
    for index in range(near.depth):
        moved = np.linalg.norm(here.A[index].mid - near.A[index].mid, axis=1)
        found |= {"data"} if (moved > spread.data[index].mid).any() else set()
        for name, rows, other, bound in (
            ("blocks", near.B[index].mid, here.B[index].mid, spread.blocks[index]),
            ("columns", near.G[index].mid, here.G[index].mid, spread.columns[index]),
        ):
            blocks = (other - rows).reshape(near.n, k, -1)
            found |= {name} if (np.linalg.norm(blocks, 2, axis=(1, 2)) > bound.mid + 1e-14).any() else set()
    if (Curvature(here)(np.array([0.0, 0.5])) > Curvature(near)(np.array([0.0, 0.5])) * (1.0 + 1e-12)).any():
        found.add("L_H")
    if FeatureBound(near)(0.01) > FeatureBound(here)(0.01) * (1.0 + 1e-12):
        found.add("features")
    if NeuronBudget.applies(near):
        ours, theirs = NeuronBudget(near), NeuronBudget(here)
        if ours.parabola(1.0).intercept > theirs.parabola(1.0).intercept * (1.0 + 1e-12):
            found.add("neurons")
        weight = 2.0 * float(ours.omega_upper.max())
        if theirs.parabola_above(weight).intercept > ours.parabola_above(weight).intercept * (1.0 + 1e-12):
            found.add("neurons above")
    return found


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("radius", [1e-3, 0.3])
def test_no_inputs_nearby_exceed_a_bound(seed: int, radius: float) -> None:
    network, X, y = _network(seed, 1 + seed % 3)
    near = over_inputs(linearise(network, X), radius)
    for other in _others(near, X, radius, seed):
        assert not _exceeded(near, linearise(network, other), y)


@pytest.mark.parametrize("name", [f.name for f in fields(Spread) if f.name != "radius"])
def test_a_bound_that_is_forgotten_is_exceeded(name: str) -> None:
    """The radius left out of one term: inputs nearby refute it."""
    # One hidden layer, where the neuron budget rests on ‖ΔJ‖; two for the rest, so that what is sent back counts.
    seed = 0 if name == "jacobian" else 1
    network, X, y = _network(seed, 1 + seed)
    near = over_inputs(linearise(network, X), 0.05)
    assert near.spread is not None
    value = getattr(near.spread, name)
    changed: dict[str, Any] = {name: tuple(v * 0.0 for v in value) if isinstance(value, tuple) else value * 0.0}
    forgotten = replace(near, spread=replace(near.spread, **changed))
    found: set[str] = set()
    for other in _others(near, X, 0.05, seed):
        found |= _exceeded(forgotten, linearise(network, other), y)
    assert {name, {"jacobian": "neurons", "data": "features"}.get(name, name)} <= found


def test_the_change_of_the_outputs_and_of_the_jacobian_is_attained() -> None:
    """F = w·x at w = 4, one sample: J = x moves by ε, F by 4ε."""
    model = torch.nn.Sequential(nn.NTKLinear(1, 1)).double()
    with torch.no_grad():
        model[0].weight.fill_(4.0)  # type: ignore[operator]
    spread = over_inputs(linearise(read_network(model), np.array([[1.0]])), 0.5).spread
    assert spread is not None
    assert 2.0 <= float(spread.residual.mid) <= 2.0 * (1.0 + 1e-12)
    assert 0.5 <= float(spread.jacobian.mid) <= 0.5 * (1.0 + 1e-12)


def _shallow(**options: Any) -> Certificate:
    X, y = datasets.sphere(2, 6, norm=6.0)
    return verify.certify(nn.antisymmetric_two_layer(6, 128, seed=0), X, y, lr="1/3", scope="region", **options)


@pytest.fixture(scope="module", name="nearby")
def _nearby() -> Certificate:
    return _shallow(data_radius=1e-3, start_radius=1e-4)


def test_one_ball_holds_the_runs_on_every_data_set_nearby(tmp_path: Path, nearby: Certificate) -> None:
    certificate = nearby
    assert certificate.verdict == "PROVED", certificate.reason
    found = verify.check(certificate.save(tmp_path / "nearby.zip"))
    assert found.accepted, found.failures
    assert "each data set whose inputs lie within 0.001" in found.claims[0]
    assert "every data set with each input within 0.001" in sentence(certificate)
    c, problem = certificate.constants, certificate.problem
    assert problem.lr is not None
    centre, radius = np.asarray(certificate.witness["region"]["centre"]), float(c["region_radius"].mid)
    rate, lam = float(c["region_rate"].upper()), float(c["region_lambda"].lower())
    X, origin = problem.data.X, flatten(problem.network)
    for other in _others(linearise(problem.network, X), X, 1e-3, 0):
        descent = Descent(problem.network, DataSet(other, problem.data.y), problem.scale, problem.lr)
        theta, losses = origin + 1e-4 * (origin - centre) / np.linalg.norm(origin - centre), []
        for _ in range(100):
            assert float(np.linalg.norm(theta - centre)) <= radius
            theta, norm = descent.step(theta)
            losses.append(descent.loss(norm))
        assert all(after <= rate * before for before, after in itertools.pairwise(losses) if after > 1e-20)
        assert float(np.linalg.eigvalsh(kernel_of(linearise(problem.network, other)).mid)[0]) >= lam


def test_data_too_far_away_are_not_proved() -> None:
    certificate = _shallow(data_radius=0.3)
    assert certificate.verdict == "INCONCLUSIVE"
    assert "data_radius = 0.3" in certificate.reason


def test_forged_data_are_rejected(tmp_path: Path, nearby: Certificate) -> None:
    certificate, witness = nearby, nearby.witness
    handover = witness["handover"]
    without = {key: value for key, value in witness.items() if key != "data_radius"}
    forgeries: dict[str, dict[str, Any]] = {
        "more data": {**witness, "data_radius": 2e-3},
        "stored data alone": without,
        "smaller offset": {**witness, "handover": {**handover, "offset": 0.99 * handover["offset"]}},
        "larger λ": {**witness, "lambda_lower": 1.001 * np.asarray(witness["lambda_lower"])},
        "larger intercept": {
            **witness,
            "region": {**witness["region"], "intercept": 1.001 * witness["region"]["intercept"]},
        },
        "local": {**witness, "region": {**witness["region"], "by": "local", "reach": 0.4}},
    }
    for name, changed in forgeries.items():
        found = verify.check(replace(certificate, witness=changed).save(tmp_path / "forged.zip"))
        assert not found.accepted, name
    constants = {**certificate.constants, "data_radius": Ball(2e-3)}
    assert not verify.check(replace(certificate, constants=constants).save(tmp_path / "constant.zip")).accepted


@pytest.mark.parametrize("name", ["jacobian", "data"])
def test_the_checker_rejects_what_an_engine_that_forgets_a_term_proves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    whole = Spread.__init__

    def forgetful(self: Spread, *arguments: Any) -> None:
        whole(self, *arguments)
        value = getattr(self, name)
        object.__setattr__(self, name, tuple(v * 0.0 for v in value) if isinstance(value, tuple) else value * 0.0)

    monkeypatch.setattr(Spread, "__init__", forgetful)
    certificate = _shallow(data_radius=1e-3)
    monkeypatch.undo()
    assert certificate.verdict == "PROVED"
    assert verify.check(certificate.save(tmp_path / "forgetful.zip")).verdict == "REJECTED"


@pytest.mark.parametrize("scope", ["region", "ball"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), "0.1", True, [0.1]])
def test_a_data_radius_is_a_finite_double(scope: str, value: Any) -> None:
    X, y = datasets.sphere(2, 3, norm=3.0)
    with pytest.raises(InputError, match="data_radius"):
        verify.certify(nn.antisymmetric_two_layer(3, 8, seed=0), X, y, scope=scope, data_radius=value)  # type: ignore[arg-type]


def test_kinks_and_graphs_are_refused_with_the_reason() -> None:
    X, y = np.eye(2), np.array([1.0, -1.0])
    for model in (
        torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)).double(),
        torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(2, 8), torch.nn.BatchNorm1d(8).eval(), torch.nn.Linear(8, 1)
        )
        .double()
        .eval(),
    ):
        with pytest.raises(UnsupportedLayerError, match="data_radius"):
            verify.certify(model, X, y, scope="ball", data_radius=1e-3)


def test_a_ball_is_certified_for_data_nearby_and_no_step_leaves_it(tmp_path: Path) -> None:
    X, y = datasets.sphere(2, 3, norm=3.0)
    model = nn.antisymmetric_two_layer(3, 2048, seed=0)
    certificate = verify.certify(model, X, y, scope="ball", lr="1/20", data_radius=1e-4)
    assert certificate.verdict == "PROVED", certificate.reason
    assert "each input within 0.0001" in sentence(certificate)
    assert verify.check(certificate.save(tmp_path / "ball.zip")).accepted
    problem, radius = certificate.problem, float(certificate.constants["radius"].mid)
    assert problem.lr is not None
    rate = float(certificate.constants["rate"].upper())
    for other in _others(linearise(problem.network, problem.data.X), problem.data.X, 1e-4, 1):
        descent = Descent(problem.network, DataSet(other, problem.data.y), problem.scale, problem.lr)
        theta, before = flatten(problem.network), np.inf
        origin = theta
        for _ in range(40):
            theta, norm = descent.step(theta)
            assert descent.loss(norm) <= max(rate * before, 1e-20)
            before = descent.loss(norm)
            assert float(np.linalg.norm(theta - origin)) <= radius
    forged = replace(certificate, witness={**certificate.witness, "data_radius": 1e-2})
    assert not verify.check(forged.save(tmp_path / "forged.zip")).accepted


def test_two_hidden_layers_are_proved_by_the_features_for_data_nearby(tmp_path: Path) -> None:
    X, y = datasets.sphere(1, 10, norm=3.0)
    generator = torch.Generator().manual_seed(0)
    layers: list[torch.nn.Module] = []
    for a, b in ((10, 64), (64, 64)):
        layers += [nn.NTKLinear(a, b, generator=generator), torch.nn.Tanh()]
    model = torch.nn.Sequential(*layers, nn.NTKLinear(64, 1, generator=generator))
    certificate = verify.certify(model, X, y, lr="1/4", scope="region", data_radius=1e-4)
    assert certificate.verdict == "PROVED", certificate.reason
    assert certificate.witness["region"]["by"] == "features"
    assert verify.check(certificate.save(tmp_path / "deep.zip")).accepted


def test_the_ends_of_what_is_stated_of_data_nearby_are_doubles() -> None:
    """Found by the soak: ‖e‖ about 2^-4, whose upper end rounded up lay half a unit outside of the interval stored with it."""
    rng = np.random.default_rng(0)
    for exponent in (-1074, -1030, -300, 0, 300, 1000, 1022):
        for _ in range(20):
            mid, rad = (float(x) for x in np.ldexp(rng.uniform(0.5, 1.0, 2), exponent) * (1.0, rng.choice([1e-9, 0.3])))
            ball = Ball(mid, min(rad, mid))
            wide = with_exact_ends(ball)
            low, high = (Fraction(float(wide.mid)) + side * Fraction(float(wide.rad)) for side in (-1, 1))
            assert low == Fraction(float(wide.lower())) >= 0
            assert high == Fraction(float(wide.upper()))
            assert low <= Fraction(float(ball.lower()))
            assert (
                Fraction(float(ball.upper()))
                <= high
                <= Fraction(float(ball.upper())) * (1 + Fraction(1, 2**49)) + Fraction(1, 2**1073)
            )
    assert np.isinf(float(with_exact_ends(Ball(1.0, np.inf)).rad))


def test_a_residual_beside_a_power_of_two_is_accepted(tmp_path: Path) -> None:
    layer = torch.nn.Linear(3, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.078125, -0.078125, 0.375]]))
    model = torch.nn.Sequential(layer)
    X = np.array(
        [
            [0.321586931061481, -3.0623660133940884, -2.5531345921786532],
            [-1.790687250154439, -1.0007728193040244, 3.4339325759654353],
        ]
    )
    y = np.array([[-0.7392300484478307], [1.2681319607081833]])
    certificate = verify.certify(model, X, y, data_radius=2.0**-12)
    assert certificate.proved
    result = check(certificate.save(tmp_path / "certificate.zip"))
    assert result.accepted, result.failures

"""Scope `region`: one convex ball about the whole run; its bound of λ from the last layer's features is attacked."""

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
from verify import datasets, nn
from verify.arrays import Ball
from verify.certificates import Certificate
from verify.errors import InputError
from verify.networks import Network, kernel_of, linearise, read_data, read_network
from verify.networks.feature_kernel import FeatureBound
from verify.networks.neurons import NeuronBudget
from verify.networks.neurons_local import LocalBudget
from verify.networks.parameters import flatten, with_parameters
from verify.regions.descent.float64 import Descent
from verify.regions.scopes.convex_ball import Reach


def _shallow(width: int = 256, n: int = 4, **options: Any) -> Certificate:
    X, y = datasets.sphere(n, 6, norm=6.0)
    model = nn.antisymmetric_two_layer(6, width, seed=0)
    return verify.certify(model, X, y, lr="1/10", scope="region", **options)


def _two_hidden(width: int = 256, n: int = 3) -> Certificate:
    X, y = datasets.sphere(n, 60, norm=23.0)
    generator = torch.Generator().manual_seed(0)
    layers: list[torch.nn.Module] = []
    for a, b in ((60, width), (width, width)):
        layers += [nn.NTKLinear(a, b, generator=generator), torch.nn.Tanh()]
    model = torch.nn.Sequential(*layers, nn.NTKLinear(width, 1, generator=generator))
    return verify.certify(model, X, y, lr="1/4", scope="region")


@pytest.mark.parametrize("centre", ["midpoint", "initialisation"])
def test_a_ball_about_the_run_is_proved_and_accepted(tmp_path: Path, centre: str) -> None:
    certificate = _shallow(1024 if centre == "initialisation" else 256, centre=centre)
    assert certificate.verdict == "PROVED", certificate.reason
    assert certificate.claim == "enclosing_ball"
    assert all(step.certain for step in certificate.steps)
    found = verify.check(certificate.save(tmp_path / "region.zip"))
    assert found.accepted, found.failures
    assert "the convex ball" in found.claims[0]
    start = flatten(certificate.problem.network)
    offset = float(np.linalg.norm(start - np.asarray(certificate.witness["region"]["centre"])))
    assert (offset == 0.0) == (centre == "initialisation")


def test_two_hidden_layers_are_proved_by_the_features_and_accepted(tmp_path: Path) -> None:
    certificate = _two_hidden()
    assert certificate.verdict == "PROVED", certificate.reason
    assert certificate.witness["region"]["by"] == "features"
    assert verify.check(certificate.save(tmp_path / "deep.zip")).accepted


def test_float64_descent_stays_in_the_ball_and_falls_at_the_rate() -> None:
    certificate = _shallow()
    c, problem = certificate.constants, certificate.problem
    radius, rate = float(c["region_radius"].mid), float(c["region_rate"].upper())
    centre = np.asarray(certificate.witness["region"]["centre"])
    assert problem.lr is not None
    descent, theta = Descent.of(problem), flatten(problem.network)
    losses = []
    for _ in range(200):
        assert float(np.linalg.norm(theta - centre)) <= radius
        theta, norm = descent.step(theta)
        losses.append(descent.loss(norm))
    assert all(after <= rate * before for before, after in itertools.pairwise(losses) if after > 1e-20)


def test_no_point_of_the_ball_that_an_attack_finds_has_a_smaller_eigenvalue() -> None:
    for certificate in (_shallow(), _two_hidden()):
        centre = np.asarray(certificate.witness["region"]["centre"])
        network = with_parameters(certificate.problem.network, centre)
        radius = float(certificate.constants["region_radius"].mid)
        found = _smallest_found(network, certificate.problem.data.X, radius, np.random.default_rng(0))
        assert found >= float(certificate.constants["region_lambda"].lower())


def _smallest_found(network: Network, X: np.ndarray, radius: float, rng: np.random.Generator) -> float:
    """Smallest λ_min (float64) met at the centre's image under shrinking to 0, and in random and sparse directions."""
    centre = flatten(network)
    directions = [-centre, centre, *rng.standard_normal((12, centre.size))]
    sparse = rng.standard_normal((6, centre.size)) * (rng.random((6, centre.size)) < 0.02)
    values = []
    for direction in [*directions, *sparse]:
        moved = centre + radius * direction / max(float(np.linalg.norm(direction)), 1e-300)
        values.append(float(np.linalg.eigvalsh(kernel_of(linearise(with_parameters(network, moved), X)).mid)[0]))
    return min(values)


@pytest.mark.parametrize("seed", range(12))
def test_the_features_bound_holds_at_radii_where_the_inflation_matters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    depth, d, n = 2 + seed % 3, 8, 3
    generator = torch.Generator().manual_seed(seed)
    widths = [d, *rng.integers(6, 20, size=depth - 1).tolist(), 1]
    layers: list[torch.nn.Module] = []
    for i, (a, b) in enumerate(itertools.pairwise(widths)):
        layers += [torch.nn.Tanh()] if i else []
        layers.append(nn.NTKLinear(a, b, generator=generator))
    network = read_network(torch.nn.Sequential(*layers))
    X = 3.0 * rng.standard_normal((n, d))
    state = linearise(network, X)
    for radius in (0.01, 0.1, 0.3):
        assert FeatureBound(state)(radius) <= _smallest_found(network, X, radius, rng)


def test_the_features_bound_is_attained_by_a_product_and_needs_the_inflated_norm() -> None:
    """F = v·w, x = 1 at (v, w) = (0, 1): λ = (1 − R)² at (0, 1 − R)."""
    model = torch.nn.Sequential(nn.NTKLinear(1, 1), nn.NTKLinear(1, 1)).double()
    with torch.no_grad():
        model[0].weight.fill_(1.0)  # type: ignore[operator]
        model[1].weight.fill_(0.0)  # type: ignore[operator]
    bound = FeatureBound(linearise(read_network(model), np.array([[1.0]])))(0.25)
    assert 0.5625 * (1.0 - 1e-12) <= bound <= 0.5625
    # F = w3(1 + w2w1) with a bias instead of the 1: all norms at the centre vanish but the radius does not.
    deep = torch.nn.Sequential(
        torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1), torch.nn.Linear(1, 1, bias=False)
    ).double()
    with torch.no_grad():
        for parameter in deep.parameters():
            parameter.zero_()
        deep[1].bias.fill_(1.0)  # type: ignore[operator]
    assert FeatureBound(linearise(read_network(deep), np.array([[1.0]])))(1.5) == 0.0


def test_the_features_bound_is_attained_where_the_slope_is_largest() -> None:
    """F = v·tanh(w), v = 0: λ = tanh(w)², and moving w from 1/5 to 1/10 leaves tanh(1/10)²: any slope below sup|tanh'| = 1 would claim more."""
    model = torch.nn.Sequential(nn.NTKLinear(1, 1), torch.nn.Tanh(), nn.NTKLinear(1, 1)).double()
    with torch.no_grad():
        model[0].weight.fill_(0.2)  # type: ignore[operator]
        model[2].weight.fill_(0.0)  # type: ignore[operator]
    state = linearise(read_network(model), np.array([[1.0]]))
    least = float(np.tanh(0.1)) ** 2
    assert 0.95 * least <= FeatureBound(state)(0.1) <= least


def test_one_affine_layer_and_an_activated_output_get_no_features_bound() -> None:
    X = np.array([[1.0, 0.5]])
    for model in (
        torch.nn.Sequential(torch.nn.Linear(2, 1)),
        torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1), torch.nn.Tanh()),
    ):
        assert FeatureBound(linearise(read_network(model), X))(0.01) == 0.0


def test_the_features_bound_at_many_radii_is_that_at_each_and_0_where_a_norm_overflows() -> None:
    generator = torch.Generator().manual_seed(0)
    layers = [nn.NTKLinear(2, 8, generator=generator), torch.nn.Tanh(), nn.NTKLinear(8, 8, generator=generator)]
    model = torch.nn.Sequential(*layers, torch.nn.Tanh(), nn.NTKLinear(8, 1, generator=generator))
    bound = FeatureBound(linearise(read_network(model), np.array([[1.0, 0.5], [-1.0, 2.0]])))
    radii = np.array([1e-9, 1e-3, 0.01, 1.0, 1e200, 1e300])
    found = bound(radii)
    assert found[1] > 0.0 == found[-1]
    assert found.tolist() == [bound(radius) for radius in radii.tolist()]


def test_a_forged_region_is_rejected(tmp_path: Path) -> None:
    certificate = _shallow()
    region = certificate.witness["region"]
    assert certificate.verdict == "PROVED"
    forgeries = {
        "smaller ball": {"radius": 0.999 * region["radius"]},
        "moved centre": {"centre": np.asarray(region["centre"]) + 0.1 / np.sqrt(np.asarray(region["centre"]).size)},
        "λ": {"lambda": 1.01 * region["lambda"]},
        "intercept": {"intercept": 1.01 * region["intercept"]},
        "by the other bound": {"by": "features", "lambda": 2.0 * region["lambda"]},
    }
    for name, change in forgeries.items():
        forged = replace(certificate, witness={**certificate.witness, "region": {**region, **change}})
        assert verify.check(forged.save(tmp_path / f"{name}.zip")).verdict == "REJECTED", name
    for name, factor in (("region_mu", 1.01), ("region_lambda", 1.01), ("region_radius", 0.99), ("region_rate", 0.99)):
        constants = {**certificate.constants, name: certificate.constants[name] * Ball(factor)}
        forged = replace(certificate, constants=constants)
        assert verify.check(forged.save(tmp_path / f"{name}.zip")).verdict == "REJECTED", name


def test_a_last_ball_that_is_forgotten_is_missed_by_the_checker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def enough(self: Reach, theta: np.ndarray, _: Any) -> bool:
        self.last = float(self._distance(theta).upper())
        return True

    monkeypatch.setattr(Reach, "enough", enough)
    certificate = _shallow()
    assert certificate.verdict == "PROVED"
    found = verify.check(certificate.save(tmp_path / "without.zip"))
    assert found.verdict == "REJECTED"
    assert any("run inside the ball" in failure for failure in found.failures)


def test_the_suprema_near_the_centre_carry_width_512_where_the_global_ones_do_not() -> None:
    """n = 10, seed 0, about the midpoint of its path, at the radius that its run needs."""
    X, y = datasets.sphere(10, 10, norm=9.0, seed=0)
    network = read_network(nn.antisymmetric_two_layer(10, 512, seed=0))
    descent, start = Descent(network, read_data(network, X, y), Fraction(1), Fraction(1, 10)), flatten(network)
    end = start
    for _ in range(60):
        end = descent.step(end)[0]
    centre = 0.5 * (start + end)
    radius = 1.02 * float(np.linalg.norm(start - centre))
    state = linearise(with_parameters(network, centre), X)
    everywhere, near = (budget.parabolas(radius) for budget in (NeuronBudget(state), LocalBudget(state, 0.55)))
    assert max((float(p(Ball(radius)).lower()) for p in everywhere), default=0.0) < 0.001
    assert max(float(p(Ball(radius)).lower()) for p in near) > 0.005


def test_a_ball_too_wide_for_its_network_is_inconclusive_with_the_reason() -> None:
    certificate = _shallow(width=16)
    assert certificate.verdict == "INCONCLUSIVE"
    assert "not certified positive on that ball" in certificate.reason
    assert certificate.claim == "none"


def test_the_parabola_of_the_certificate_is_the_engines() -> None:
    certificate = _shallow()
    region = certificate.witness["region"]
    state = linearise(
        with_parameters(certificate.problem.network, np.asarray(region["centre"])), certificate.problem.data.X
    )
    again = NeuronBudget(state).parabola(region["weight"])
    assert again.intercept == region["intercept"]
    assert float((Ball(again.intercept) - Ball(again.weight) * Ball(region["radius"]) ** 2).lower()) >= region["lambda"]


@pytest.mark.parametrize("options", [{"centre": "end"}, {"directory": "x"}, {"radius": 1.0}, {"method": "fast"}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(verify.errors.InputError):
        _shallow(16, **options)


def test_one_ball_holds_the_runs_from_every_start_in_a_ball(tmp_path: Path) -> None:
    certificate = _shallow(start_radius=1e-3)
    assert certificate.verdict == "PROVED", certificate.reason
    assert "every start within 0.001 of" in certificate.reason
    found = verify.check(certificate.save(tmp_path / "starts.zip"))
    assert found.accepted, found.failures
    assert "contains every start within 0.001 of the stored parameters" in found.claims[0]
    c, problem = certificate.constants, certificate.problem
    centre, radius = np.asarray(certificate.witness["region"]["centre"]), float(c["region_radius"].mid)
    assert problem.lr is not None
    descent, rng = Descent.of(problem), np.random.default_rng(0)
    origin = flatten(problem.network)
    for direction in (centre - origin, origin - centre, *rng.standard_normal((6, origin.size))):
        theta, losses = origin + 1e-3 * direction / np.linalg.norm(direction), []
        for _ in range(150):
            assert float(np.linalg.norm(theta - centre)) <= radius
            theta, norm = descent.step(theta)
            losses.append(descent.loss(norm))
        rate = float(c["region_rate"].upper())
        assert all(after <= rate * before for before, after in itertools.pairwise(losses) if after > 1e-20)


def test_a_ball_of_starts_that_is_too_large_is_not_proved() -> None:
    certificate = _shallow(start_radius=0.5)
    assert certificate.verdict == "INCONCLUSIVE"
    assert "start_radius = 0.5" in certificate.reason


def test_forged_starts_are_rejected(tmp_path: Path) -> None:
    certificate = _shallow(start_radius=1e-3)
    witness = certificate.witness
    handover = witness["handover"]
    forgeries: dict[str, dict[str, Any]] = {
        "more starts": {"start_radius": 3e-3},
        "smaller offset": {"handover": {**handover, "offset": 0.99 * handover["offset"]}},
        "larger λ": {"lambda_lower": 1.01 * np.asarray(witness["lambda_lower"])},
        "fewer steps": {"steps": witness["steps"] - 1, "lambda_lower": np.asarray(witness["lambda_lower"])[:-1]},
        "smaller ball": {"region": {**witness["region"], "radius": 0.999 * witness["region"]["radius"]}},
    }
    for name, change in forgeries.items():
        forged = replace(certificate, witness={**witness, **change})
        assert verify.check(forged.save(tmp_path / f"{name}.zip")).verdict == "REJECTED", name
    for name, factor in (("start_radius", 1.01), ("region_rate", 0.99), ("handover_offset", 0.99)):
        constants = {**certificate.constants, name: certificate.constants[name] * Ball(factor)}
        forged = replace(certificate, constants=constants)
        assert verify.check(forged.save(tmp_path / f"{name}.zip")).verdict == "REJECTED", name


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), "0.1", True, [0.1]])
def test_a_start_radius_is_a_finite_double(value: Any) -> None:
    with pytest.raises(InputError, match="start_radius"):
        _shallow(start_radius=value)

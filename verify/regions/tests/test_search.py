"""Scope `ball`: sharp families where every constant is known exactly, refusals, and the adversary."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify import datasets
from verify.arrays import Ball
from verify.errors import InputError, NonFiniteError
from verify.experiments.adversary import attack
from verify.experiments.looseness import looseness_table
from verify.networks import Problem, read_data, read_network
from verify.regions import certification
from verify.regions.neighbourhood import search
from verify.regions.neighbourhood.criteria import Form, classical, residual
from verify.regions.neighbourhood.ingredients import RadiusTable, gather, tabulate
from verify.regions.neighbourhood.search import search_ball


def scalar_model(weight: float) -> torch.nn.Sequential:
    """F(x) = w·x: the quadratic Φ = ½ Σ (w x_i − y_i)² on which every bound of the theorem is attained."""
    layer = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    layer.weight.data[:] = weight
    return torch.nn.Sequential(layer)


def wide(n: int = 4, width: int = 4096, seed: int = 0) -> tuple[torch.nn.Sequential, np.ndarray, np.ndarray]:
    X, y = datasets.sphere(n, 10, 6.0, seed)
    return verify.nn.antisymmetric_two_layer(10, width, seed=seed), X, y


def value(ball: Ball) -> float:
    return float(ball.mid)


@pytest.mark.parametrize(("scope", "centred"), [("ball", False), ("point", False), ("ball", True)])
def test_what_the_comparison_linearised_is_what_the_certificate_rests_on(
    scope: Any, centred: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not at another centre than the parameters compared; beyond the rows that are compared each linearises for itself."""
    X, y = datasets.sphere(6, 4, 3.0)
    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Linear(4, 12), torch.nn.Tanh(), torch.nn.Linear(12, 1)).double()
    moved = deepcopy(net)
    with torch.no_grad():
        list(moved.parameters())[-1].add_(0.25)
    options: dict[str, Any] = {"centre": moved} if centred else {}
    shared = verify.certify(net, X, y, scope=scope, **options).save(tmp_path / "shared.zip")
    monkeypatch.setattr(certification, "MOST_ROWS", 0)
    alone = verify.certify(net, X, y, scope=scope, **options).save(tmp_path / "alone.zip")
    assert shared.read_bytes() == alone.read_bytes()


def test_constants_are_exact_on_the_sharp_quadratic() -> None:
    # J = 2, Θ = 4, e0 = 2·1 − 8 = −6; all doubles, so every enclosure must contain the exact value.
    cert = verify.certify(scalar_model(1.0), [[2.0]], [8.0], lr=0.125)
    assert cert.verdict == "PROVED"
    for name, exact in {"lambda0": 4.0, "residual0": 6.0, "loss0": 18.0, "jacobian_norm0": 2.0}.items():
        assert cert.constants[name].contains(exact), name
    # λ and ‖J‖ enter the constants through their safe end points: bounds on the right side, and sharp.
    assert 4.0 - 1e-9 <= float(cert.constants["mu"].lower()) <= 4.0
    assert 4.0 <= float(cert.constants["smoothness"].upper()) <= 4.0 + 1e-9
    assert 0.5 - 1e-9 <= float(cert.constants["step_bound"].lower()) <= 0.5
    # |θ − θ*| = 3 is the distance to the only minimiser: no smaller radius can be certified.
    assert value(cert.constants["radius"]) >= 3.0
    assert value(cert.constants["radius"]) <= 3.3


def test_no_radius_below_the_distance_to_the_only_minimiser() -> None:
    for radius in (0.5, 2.0, 2.999):
        cert = verify.certify(scalar_model(1.0), [[2.0]], [8.0], lr=0.125, radius=radius)
        assert cert.verdict == "INCONCLUSIVE"
    assert verify.certify(scalar_model(1.0), [[2.0]], [8.0], lr=0.125, radius=3.5).verdict == "PROVED"


@pytest.mark.parametrize("lr", [0.5, 0.500001, 0.6, 1.0, 100.0])
def test_steps_at_or_beyond_two_over_beta_are_never_proved(lr: float) -> None:
    """On this family η = 2/β = ½ leaves Φ unchanged and larger steps diverge."""
    cert = verify.certify(scalar_model(1.0), [[2.0]], [8.0], lr=lr)
    assert cert.verdict == "INCONCLUSIVE"
    assert "lr" in cert.reason


def test_a_step_between_one_and_two_over_beta_needs_the_classical_form() -> None:
    cert = verify.certify(scalar_model(1.0), [[2.0]], [8.0], lr=0.375)
    assert cert.verdict == "PROVED"
    assert cert.witness["certified_by"] == "classical"


def test_default_step_is_one_over_beta_rounded_down() -> None:
    cert = verify.certify(scalar_model(1.0), [[2.0]], [8.0])
    assert cert.verdict == "PROVED"
    step, beta = cert.problem.lr, cert.constants["smoothness"]
    assert step is not None
    assert step * Fraction(float(beta.upper())) <= 1 + Fraction(1, 10**12)
    assert step * Fraction(float(beta.lower())) >= 1 - Fraction(1, 10**12)


def test_wide_network_is_proved_at_initialisation_and_survives_the_adversary() -> None:
    model, X, y = wide()
    cert = verify.certify(model, X, y, lr=0.01)
    assert cert.verdict == "PROVED"
    assert all(step.certain for step in cert.steps)
    rows = looseness_table(cert, steps=10)
    assert all(row.factor >= 1.0 for row in rows), rows


def test_adversary_refutes_constants_raised_beyond_the_truth() -> None:
    """On the sharp quadratic λ, μ and β are attained: one per cent beyond them must be refuted."""
    network = read_network(scalar_model(1.0))
    found = attack(Problem(network, read_data(network, [[2.0]], [8.0])), 3.5)
    assert found.lambda_min < 1.01 * 4.0
    assert found.pl_ratio < 1.01 * 4.0
    assert found.curvature > 0.99 * 4.0
    # And on a curved network, λ0 itself does not survive on a ball of visible size.
    model, X, y = wide(width=64)
    network = read_network(model)
    data = read_data(network, X, y)
    lambda0 = float(gather(Problem(network, data)).lambda0.lower())
    assert attack(Problem(network, data), 0.5, steps=15).lambda_min < 0.9 * lambda0


def test_mean_loss_scales_the_constants() -> None:
    model, X, y = wide()
    n = len(y)
    total = verify.certify(model, X, y, lr=0.01, loss="sum", radius=4.0)
    mean = verify.certify(model, X, y, lr=0.01 * n, loss="mean", radius=4.0)
    assert total.verdict == mean.verdict
    for name, factor in {
        "mu": n,
        "smoothness": n,
        "loss0": n,
        "lambda0": 1,
        "residual0": 1,
        "jacobian_norm0": 1,
    }.items():
        gap = total.constants[name] - mean.constants[name] * Ball(float(factor))
        assert abs(value(gap)) <= 1e-9 * abs(value(total.constants[name]))


def test_both_criteria_are_reported() -> None:
    cert = verify.certify(scalar_model(1.0), [[2.0]], [8.0], lr=0.0625)
    assert set(cert.margins) == {"classical containment", "residual containment"}
    model, X, y = wide()
    cert = verify.certify(model, X, y, lr=0.01)
    assert set(cert.margins) == {"residual containment"}
    assert cert.observed["classical containment falls short by"] > 0.0


def test_duplicate_inputs_with_different_labels_are_refuted() -> None:
    model, X, y = wide(width=64)
    X[2] = X[1]
    cert = verify.certify(model, X, y, lr=0.01)
    assert cert.verdict == "REFUTED"
    assert "samples 1 and 2" in cert.reason
    signed = np.array([[0.0, 1.0], [-0.0, 1.0]])
    assert verify.certify(torch.nn.Sequential(verify.nn.NTKLinear(2, 1)), signed, [0.0, 1.0]).verdict == "REFUTED"


def test_duplicate_inputs_with_equal_labels_and_near_duplicates_are_inconclusive() -> None:
    model, X, y = wide(width=64)
    X[3] = X[1]
    cert = verify.certify(model, X, y, lr=0.01)
    assert cert.verdict == "INCONCLUSIVE"
    assert "λ_min" in cert.reason
    X[3] = X[1] * (1 + 1e-12)
    assert verify.certify(model, X, y, lr=0.01).verdict == "INCONCLUSIVE"


def test_more_outputs_than_parameters_is_inconclusive() -> None:
    cert = verify.certify(scalar_model(1.0), [[2.0], [1.0]], [8.0, 1.0], lr=0.01)
    assert cert.verdict == "INCONCLUSIVE"


def test_practical_width_is_inconclusive_with_reason_margin_and_width_estimate() -> None:
    X, y = datasets.digits(30)
    generator = torch.Generator().manual_seed(0)
    model = torch.nn.Sequential(
        verify.nn.NTKLinear(64, 64, generator=generator),
        torch.nn.Tanh(),
        verify.nn.NTKLinear(64, 1, generator=generator),
    )
    cert = verify.certify(model, X, y)
    assert cert.verdict == "INCONCLUSIVE"
    assert "short by a factor" in cert.reason
    assert cert.observed["approx_width_needed"] > 64
    assert cert.margins


@pytest.mark.parametrize("lr", [0, -0.1, "0", "-1/3"])
def test_nonpositive_steps_are_refused(lr: float | str) -> None:
    with pytest.raises(InputError, match="lr"):
        verify.certify(scalar_model(1.0), [[2.0]], [8.0], lr=lr)


@pytest.mark.parametrize("lr", [float("nan"), float("inf")])
def test_non_finite_steps_are_refused(lr: float) -> None:
    with pytest.raises(NonFiniteError, match="lr"):
        verify.certify(scalar_model(1.0), [[2.0]], [8.0], lr=lr)


@pytest.mark.parametrize("lr", ["fast", "1/0", [0.1]])
def test_steps_that_are_no_number_are_refused(lr: object) -> None:
    with pytest.raises(InputError, match="lr"):
        verify.certify(scalar_model(1.0), [[2.0]], [8.0], lr=lr)  # type: ignore[arg-type]


def test_a_string_step_is_exact() -> None:
    cert = verify.certify(scalar_model(1.0), [[2.0]], [8.0], lr="1/10")
    assert cert.problem.lr == Fraction(1, 10)


@pytest.mark.parametrize("radius", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_radius_is_refused(radius: float) -> None:
    with pytest.raises(InputError, match="radius"):
        verify.certify(scalar_model(1.0), [[2.0]], [8.0], lr=0.1, radius=radius)


def test_unknown_scope_loss_and_options_are_refused() -> None:
    for kwargs in ({"scope": "global"}, {"loss": "max"}, {"steps": 3}, {"checkpoints": 3}):
        with pytest.raises(InputError):
            verify.certify(scalar_model(1.0), [[2.0]], [8.0], **kwargs)


def test_point_scope_encloses_the_pl_ratio() -> None:
    cert = verify.certify(scalar_model(1.0), [[2.0]], [8.0], scope="point")
    assert cert.verdict == "PROVED"
    assert cert.constants["pl_ratio"].contains(4.0)
    assert cert.constants["loss0"].contains(18.0)
    assert cert.constants["gradient_norm_squared"].contains(144.0)


def test_a_table_that_claims_too_much_is_the_only_way_to_a_false_verdict() -> None:
    """Mutant: an understated Δ_J flips the verdict, so the criteria do depend on every column."""
    model, X, y = wide(width=256)
    network = read_network(model)
    ingredients = gather(Problem(network, read_data(network, X, y)))
    table = tabulate(ingredients, [0.5 * j for j in range(1, 13)])
    lr = Fraction(1, 100)
    assert not any(residual(ingredients, table, j, lr).holds for j in range(len(table)))
    lied = RadiusTable(table.radii, table.curvature, np.zeros(12), np.full(12, float(ingredients.lambda0.lower())))
    assert any(residual(ingredients, lied, j, lr).holds for j in range(12))
    assert any(classical(ingredients, lied, j, lr).holds for j in range(12))


def test_the_smallest_certifying_radius_is_found_to_a_few_percent() -> None:
    model, X, y = wide()
    network = read_network(model)
    ingredients = gather(Problem(network, read_data(network, X, y)))
    result = search_ball(ingredients, Fraction(1, 100))
    assert result.certified_by == "residual"
    assert result.outcome is not None
    assert result.table is not None
    radius = float(result.table.radii[result.outcome.index])
    assert search_ball(ingredients, Fraction(1, 100), 1.01 * radius).certified_by is not None
    assert search_ball(ingredients, Fraction(1, 100), 0.9 * radius).certified_by is None
    assert result.largest_radius["residual"] > radius


@pytest.mark.parametrize("size", [1e-160, 0.05, 1e150, 1e200])
def test_extreme_scales_end_in_a_verdict(size: float) -> None:
    layer = torch.nn.Linear(2, 1, bias=False, dtype=torch.float64)
    torch.nn.init.zeros_(layer.weight)
    cert = verify.certify(torch.nn.Sequential(layer), size * np.eye(2), [1.0, 1.0])
    assert cert.verdict in {"PROVED", "INCONCLUSIVE"}
    if size == 0.05:
        assert cert.verdict == "PROVED"


def test_a_huge_prescribed_radius_ends_in_a_verdict() -> None:
    model, X, y = wide(width=16)
    assert verify.certify(model, X, y, lr=0.01, radius=1e308).verdict == "INCONCLUSIVE"


def test_the_floor_in_words_is_a_bound() -> None:
    """With MSELoss the smallest loss of these six samples is 1/3, and is attained."""
    cert = verify.certify(scalar_model(1.0), [[2.0]] * 2 + [[0.0]] * 4, [1.0, -1.0, 0.0, 0.0, 0.0, 0.0], loss="mse")
    [floor] = re.findall(r"Φ\(θ\) ≥ (\S+) for every θ", cert.reason)
    assert Fraction(33, 100) < Fraction(floor) <= Fraction(1, 3)


def test_zero_kernel_is_inconclusive() -> None:
    cert = verify.certify(scalar_model(1.0), [[0.0]], [1.0])
    assert cert.verdict == "INCONCLUSIVE"


def test_an_exact_fit_is_proved_with_a_visible_ball() -> None:
    cert = verify.certify(scalar_model(4.0), [[2.0]], [8.0], lr=0.125)
    assert cert.verdict == "PROVED"
    assert value(cert.constants["radius"]) > 1e-12


@pytest.mark.parametrize("targets", [(1e-320, 2e-320), (1e308, -1e308), (0.0, 5e-324)])
def test_refutation_is_certain_at_every_scale(targets: tuple[float, float]) -> None:
    cert = verify.certify(scalar_model(1.0), [[2.0], [2.0]], list(targets))
    assert cert.verdict == "REFUTED"
    assert all(step.certain for step in cert.steps)


@pytest.mark.parametrize("radius", ["1", 10**400, Fraction(1, 3), 2**53 + 1])
def test_a_radius_that_is_no_double_is_refused(radius: object) -> None:
    with pytest.raises(InputError, match="radius"):
        verify.certify(scalar_model(1.0), [[2.0]], [8.0], lr=0.125, radius=radius)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["classical", "residual"])
@pytest.mark.parametrize("lr", [None, Fraction(1, 500), Fraction(1, 20_000)])
@pytest.mark.parametrize("width", [16, 4096, 65536])
def test_guesses_decide_only_where_the_criterion_is_evaluated(width: int, lr: Fraction | None, form: Form) -> None:
    """First and largest radius, and the outcome nearest to holding, are those of evaluating the criterion at every radius."""
    model, X, y = wide(n=4, width=width)
    network = read_network(model)
    ingredients = gather(Problem(network, read_data(network, X, y)))
    table = tabulate(ingredients, search._coarse_grid(ingredients))
    sweep = search._sweep(ingredients, table, form, range(len(table)), lr)
    every = [sweep.outcome(i) for i in range(len(table)) if table.lam[i] > 0.0 and np.isfinite(table.delta_j[i])]
    holding = [o for o in every if o.holds]
    first, largest = sweep.first(), sweep.largest_radius()
    assert first is not None
    expected = holding[0] if holding else max(every, key=lambda o: o.ratio)
    assert (first.index, first.holds, first.ratio) == (expected.index, expected.holds, expected.ratio)
    assert search._sweep(ingredients, table, form, range(len(table)), lr).first_index() == first.index
    assert largest == (float(table.radii[holding[-1].index]) if holding else None)


def test_a_wrong_guess_certifies_nothing() -> None:
    model, X, y = wide(n=4, width=16)
    network = read_network(model)
    ingredients = gather(Problem(network, read_data(network, X, y)))
    table = tabulate(ingredients, search._coarse_grid(ingredients))
    sweep = search._sweep(ingredients, table, "residual", range(len(table)), Fraction(1, 500))
    bold = replace(sweep, approx_ratio=np.full_like(sweep.approx_ratio, 2.0), approx_rest=sweep.approx_rest | True)
    found = bold.first()
    assert found is not None
    assert not found.holds
    assert bold.largest_radius() is None


def test_a_form_that_falls_short_of_nothing_at_every_radius_has_a_nearest_outcome() -> None:
    # One sample far out: the residual form's supply is below 0 at all radii of the coarse grid (found by fuzzing: max() of nothing).
    model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).double()
    values = (
        [[0.125, -0.132], [0.64, 0.105], [-0.536, 0.362], [1.304, 0.947]],
        [-0.704, -1.265, -0.623, 0.041],
        [[-2.325, -0.219, -1.246, -0.732]],
        [-0.544],
    )
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), values, strict=True):
            parameter.copy_(torch.tensor(value))
    certificate = verify.certify(model, [[1.0, 20.0]], [1.0], loss="mse")
    assert certificate.verdict == "INCONCLUSIVE"
    assert "short by a factor" in certificate.reason

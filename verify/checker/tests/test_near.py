"""Starts, data and centres nearby, line by line: the recursions and formulas of the checker's docstrings, in float64."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx

from verify.checker import starts
from verify.checker.network import Point
from verify.checker.reading import Claimed
from verify.checker.region import region
from verify.checker.tests.near_cases import (
    AT,
    EPSILON,
    LAMBDA,
    LAST,
    OFFSET,
    STATED,
    TABLE,
    Case,
    Recorded,
    case_of,
    jacobian_of,
    region_witness,
    require_close,
    told,
)
from verify.networks import linearise
from verify.networks.curvature import Curvature
from verify.networks.feature_kernel import FeatureBound
from verify.networks.inputs import over_inputs
from verify.networks.neurons import NeuronBudget
from verify.networks.neurons_local import LocalBudget
from verify.networks.parameters import flatten, with_parameters

RHO = 0.05


def _followed(case: Case, rho: float, epsilon: float) -> tuple[dict[str, Any], float, np.ndarray, list[np.ndarray]]:
    """The recursion of starts.py: sides of its inequalities, the bound of the residual at the end, δ and θ of every step."""
    h, theta, delta, known = 2.0 * float(case.lr), flatten(case.network), rho, np.inf
    sides: dict[str, list[tuple[float, float]]] = {"low": [], "size": [], "room": []}
    deltas, path, factors = [], [], []
    for k in range(LAST + 1):
        state = over_inputs(linearise(with_parameters(case.network, theta), case.X), epsilon)
        J, e, turning = jacobian_of(state), (state.F.mid - case.y).ravel(), Curvature(state)
        D_J, D_e = (
            (0.0, 0.0)
            if state.spread is None
            else (float(b.mid) for b in (state.spread.jacobian, state.spread.residual))
        )
        values, near, L = np.linalg.svd(J)[1], float(np.linalg.norm(e)) + D_e, turning(delta)
        K, sigma = values[0] + D_J + L * delta, values[-1] - D_J - L * delta
        anywhere = near + K * delta
        E = min(anywhere, known)
        sides["low"].append((STATED[k], max(sigma, 0.0) ** 2))
        deltas.append(delta)
        path.append(theta)
        if k == LAST:
            break
        S, step = min(anywhere, max(E, near) + L * delta**2 / 8), h * K * E
        d = turning(delta + step) * step / 2
        sides["size"].append((h * K**2, 1.0))
        sides["room"].append((sigma, d))
        factors.append(1 - h * sigma * (sigma - d))
        known = factors[-1] * E
        apart = h * (values[0] * D_e + D_J * near)
        delta = max(1 + h * S * L, h * (K**2 + S * L) - 1) * delta + apart
        theta = theta - h * (J.T @ e)
    return sides, min(anywhere, known), np.array(factors), [np.array(deltas), *path]


def _require_said(truth: Any, case: Case, rate: float, rho: float, epsilon: float | None) -> None:
    """The statement's numbers, the chain's ends and the constants of a region of starts."""
    start = case.problem
    expected = {
        "path_lambda_min": min(STATED),
        "handover_offset": OFFSET,
        "start_radius": rho,
        "handover_radius": 0.1,
        "region_radius": AT["radius"],
        "region_lambda": LAMBDA,
        "region_mu": 2.0 * LAMBDA,
        "initial_loss": float(Point(start, start.parameters()).loss.mid()),
        "initial_lambda_min": np.linalg.svd(jacobian_of(linearise(case.network, case.X)))[1][-1] ** 2,
    } | ({} if epsilon is None else {"data_radius": epsilon})
    words = truth.statement
    assert told("μ ≥", words) == pytest.approx(2.0 * LAMBDA, rel=1e-3)
    assert told("radius R ≤", words) == pytest.approx(AT["radius"], rel=1e-3)
    assert told("Φ_k ≤", words) == pytest.approx(min(rate, 1.0), rel=1e-3)
    if rho > 0.0:
        assert told("every start within", words) == pytest.approx(rho, rel=1e-3)
    if epsilon is not None:
        assert told("inputs lie within", words) == pytest.approx(epsilon, rel=1e-3)
    assert [float(value) for value in truth.steps["NTK positive on the ball about c"][2:]] == [0.0]
    stated = {name: sides[1:] for name, sides in truth.steps.items()}
    assert [float(side) for side in stated["NTK positive for every start"][1:]] == [0.0]
    assert stated["NTK positive for every start"][0] == stated["NTK positive on the ball about c"][0] == ">"
    assert (stated["residual falls for every start"][0], float(stated["residual falls for every start"][1])) == (
        "<",
        1.0,
    )
    assert (stated["run inside the ball"][0], float(stated["run inside the ball"][1])) == ("<=", AT["radius"])
    require_close(truth.steps["NTK positive for every start"][0], min(STATED))
    require_close(truth.steps["NTK positive on the ball about c"][0], LAMBDA)
    for name, value in expected.items():
        if name != "initial_loss" or epsilon is None:
            require_close(truth.constants[name], value, 1e-8)
    assert truth.constants["handover_step"] == LAST
    assert ("data_radius" in truth.constants) == (epsilon is not None)
    assert ("every start within" in truth.statement) == (rho > 0.0)
    assert ("each data set" in truth.statement) == (epsilon is not None)


@pytest.mark.parametrize("by", ["neurons", "features", "local"])
@pytest.mark.parametrize(("rho", "epsilon"), [(RHO, None), (RHO, EPSILON), (0.0, EPSILON)])
@pytest.mark.parametrize("lr", [Fraction(1, 64), Fraction(1, 2)])
def test_a_region_of_starts_is_the_recursion_of_its_docstring(
    lr: Fraction, rho: float, epsilon: float | None, by: str
) -> None:
    """Steps that contract and steps beyond 2/‖J‖²; starts, data, or both nearby; each bound of λ on the ball."""
    if by == "local" and epsilon is not None:
        return
    case = case_of(4, 12, 1)
    case.lr = lr
    theta = flatten(case.network)
    end, c, audit = theta + 0.01, theta + 0.002, Recorded()
    witness = region_witness(end, c, rho, epsilon, by)
    sides, known, factors, (deltas, *path) = _followed(case, rho, epsilon or 0.0)
    with ctx.workprec(128):
        truth = region(audit, case.problem, witness)
        for name, chain in (
            ("residual falls for every start", factors),
            ("region_rate", None),
            ("run inside the ball", None),
        ):
            check = truth.constants[name] if name == "region_rate" else truth.steps[name][0]
            check(f"told {name}", Claimed(0.5, 0.25))
            if chain is not None:
                audit.like(f"told {name}", [(f, 0.75) for f in chain])
    audit.like("NTK for every start", sides["low"])
    audit.like("ηΘ below the identity for every start", sides["size"])
    audit.like("σ above the step's drift for every start", sides["room"], relation=">")
    audit.like("NTK positive for every start", [(v, 0.0) for v in STATED], relation=">")
    audit.like("starts from the last centre", [(np.linalg.norm(path[-1] - end) + deltas[-1], OFFSET)])
    audit.like("residual at the start", [(known, TABLE["residual0_upper"])])
    away = [np.linalg.norm(point - c) + delta for point, delta in zip(path, deltas, strict=True)]
    away.append(np.linalg.norm(end - c) + TABLE["radii"][2])
    audit.like("run inside the ball", [(d, AT["radius"]) for d in away])
    audit.like("told run inside the ball", [(d, 0.75) for d in away])
    about_c = over_inputs(linearise(with_parameters(case.network, c), case.X), epsilon or 0.0)
    bound = AT["intercept"] - AT["weight"] * AT["radius"] ** 2
    if by == "features":
        bound = FeatureBound(about_c)(AT["radius"])
    else:
        budget = NeuronBudget(about_c) if by == "neurons" else LocalBudget(about_c, 0.3)
        audit.like("neuron budget", [(AT["intercept"], budget.parabola(AT["weight"]).intercept)])
    audit.like("λ on the ball about c", [(LAMBDA, bound)], 1e-6)
    audit.like("NTK positive on the ball about c", [(LAMBDA, 0.0)], relation=">")
    rate = max(float(truth.constants["rate"].mid()), *factors**2)
    audit.like("Φ falls at every step", [(rate, 1.0)], relation="<")
    audit.like("told region_rate", [(rate, 0.75)])
    _require_said(truth, case, rate, rho, epsilon)


def test_what_is_not_exact_is_rounded_up_from_step_to_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A curvature known within a third: δ and the length of a step are taken at its upper end."""
    case, asked = case_of(4, 12, 1), list[Any]()
    theta = flatten(case.network)
    state, h, L = linearise(case.network, case.X), 2.0 * float(case.lr), 1.25
    J, e = jacobian_of(state), (state.F.mid - case.y).ravel()
    K, size = np.linalg.svd(J)[1][0] + L * RHO, np.linalg.norm(e)
    E = size + K * RHO
    growth = 1 + h * min(E, E + L * RHO**2 / 8) * L

    def turning(here: Any) -> Any:
        return lambda r: asked.append(r) or arb(1.0, 0.25)  # type: ignore[func-returns-value]

    monkeypatch.setattr(starts, "curvature", turning)
    audit = Recorded()
    with ctx.workprec(128):
        region(audit, case.problem, region_witness(theta, theta, RHO, None, "neurons"))
    delta = audit.sides["run inside the ball"][1][0] - h * np.linalg.norm(J.T @ e)
    assert growth * RHO * (1 - 1e-9) <= delta <= growth * RHO * 1.01
    assert float(asked[1].lower()) >= (RHO + h * K * E) * (1 - 1e-9)


def test_a_region_about_one_run_holds_its_iterates_and_its_last_ball() -> None:
    case, audit = case_of(4, 12, 1), Recorded()
    theta, h = flatten(case.network), 2.0 * float(case.lr)
    c, end, path = theta + 0.002, theta + 0.01, [theta]
    for _ in range(LAST):
        state = linearise(with_parameters(case.network, path[-1]), case.X)
        path.append(path[-1] - h * (jacobian_of(state).T @ (state.F.mid - case.y).ravel()))
    witness = region_witness(end, c, RHO, None, "neurons")
    losses = {name: [1.0] * (LAST + 1) for name in ("loss_lower", "loss_upper", "growth", "rounding")}
    del witness["start_radius"]
    witness |= losses | {"method": "arb", "bits": 53, "delta": [0.0] * LAST + [OFFSET]}
    with ctx.workprec(128):
        truth = region(audit, case.problem, witness)
    away = [np.linalg.norm(point - c) for point in path] + [np.linalg.norm(end - c) + TABLE["radii"][2]]
    audit.like("run inside the ball", [(float(d), AT["radius"]) for d in away])
    factors = [1.0 - h * value for value in STATED[:-1]]
    audit.like("Φ falls at every step", [(max(float(truth.constants["rate"].mid()), *factors), 1.0)], relation="<")
    assert "every start within" not in truth.statement

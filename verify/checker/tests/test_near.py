"""Starts, data and centres nearby, line by line: the recursions and formulas of the checker's docstrings, in float64."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb, ctx

from verify.checker import starts
from verify.checker.about import about
from verify.checker.audit import Audit
from verify.checker.basin import basin
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
    ball_witness,
    basin_witness,
    case_of,
    jacobian_of,
    region_witness,
    require_close,
)
from verify.networks import linearise
from verify.networks.curvature import Curvature
from verify.networks.feature_kernel import FeatureBound
from verify.networks.inputs import over_inputs
from verify.networks.neurons import NeuronBudget
from verify.networks.neurons_local import LocalBudget
from verify.networks.parameters import flatten, with_parameters

RHO = 0.05


class Recorded(Audit):
    """Keeps the two sides of every inequality as doubles."""

    def __init__(self) -> None:
        super().__init__()
        self.sides: dict[str, list[tuple[float, float]]] = {}
        self.relations: dict[str, str] = {}

    def every(self, name: str, pairs: list[tuple[Any, Any]], relation: str, source: str) -> None:
        self.sides[name] = [(float(low.mid()), float(high.mid())) for low, high in pairs]
        self.relations[name] = relation
        super().every(name, pairs, relation, source)

    def like(self, name: str, expected: list[tuple[float, float]], room: float = 1e-8, relation: str = "<=") -> None:
        """Demand the sides of an inequality, and which one it is."""
        assert self.relations[name] == relation, name
        assert np.asarray(self.sides[name]) == pytest.approx(np.asarray(expected), rel=room, abs=1e-13), name


def _near(by: str, lr: Fraction) -> list[str]:
    """What descent from the centre itself has to meet on B(c, r_0), beside its supply: a long step there has claims of its own."""
    long = by == "displacement" and 2.0 * float(lr) * 2.01**2 > 1.0
    return (
        ["ηΘ below twice the identity", "γσ(R) above the step's drift"]
        if long
        else ["ηΘ below the identity", "σ(R) above the step's drift"]
    )


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
    assert _told("μ ≥", words) == pytest.approx(2.0 * LAMBDA, rel=1e-3)
    assert _told("radius R ≤", words) == pytest.approx(AT["radius"], rel=1e-3)
    assert _told("Φ_k ≤", words) == pytest.approx(min(rate, 1.0), rel=1e-3)
    if rho > 0.0:
        assert _told("every start within", words) == pytest.approx(rho, rel=1e-3)
    if epsilon is not None:
        assert _told("inputs lie within", words) == pytest.approx(epsilon, rel=1e-3)
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


def _told(pattern: str, text: str) -> float:
    """The number that a statement gives behind some words."""
    found = re.search(pattern + r" ?(\d[\d.]*(?:e-?\d+)?)", text)
    assert found, (pattern, text)
    return float(found[1])


def _chain(case: Case, by: str, bend: float) -> tuple[dict[str, list[tuple[float, float]]], dict[str, float]]:
    """The sides of basin.py's inequalities and its constants, from the table alone."""
    columns = (TABLE[name] for name in ("radii", "curvature", "delta_j", "lambda"))
    radii, curved, drifts, lam = (np.array(column) for column in columns)
    curved = bend * curved
    a, e, rho, J = 2.0 * float(case.lr), 0.004, radii[1], 2.0
    K, D, sigma, L = J + drifts[3], drifts[3], np.sqrt(lam[3]), curved[3]
    b, low = a * K**2, a * lam[:4].max()
    start, own, long = e + (J + drifts[1]) * rho, {}, b > 1.0
    share = np.sqrt(max(b * (2 - low - b) / (1 - low * b), 0.0)) if long else 1.0
    head = (L * rho**2 + 2 * e) / (2 - b if long else 1.0)
    tail, drift = (min(a * L * K * size / 2, 2 * D) for size in (head, start))
    if by == "residual_relu":
        head, tail, drift = start, 2 * D, 2 * D
    widths = np.diff(radii)[1:3]
    supply = float((widths * (share * np.sqrt(lam[2:4]) - tail)).sum())
    short = 1 - a * lam[3] * (sigma - drift) / sigma
    bend = max(drift / sigma - (2 - a * lam[3] - b) / (1 - a * lam[3]), 0.0) * (b - a * lam[3]) / 2
    rate = min(short + bend, 1 - a * lam[3] * (share * sigma - drift) / sigma) if long else short
    mark = "γσ(R)" if long else "σ(R)"
    sides = {
        "NTK stays positive on the ball": [(lam[3], 0.0)],
        f"{mark} above the step's drift": [(share * sigma, drift)],
        "residual pays for the tail": [(supply, head)],
        **({"ηΘ below twice the identity": [(low + b, 2.0)]} if long else {"ηΘ below the identity": [(b, 1.0)]}),
        **({f"{mark} above the tail's drift": [(share * sigma, tail)]} if by == "displacement" else {}),
        "NTK positive within r_0": [(lam[0], 0.0)],
        "factor of Φ per step": [(rate**2, 1.0)],
    }
    own = {"smoothness": 2.0 * (K**2 + start * L), "basin_threshold": head, "L_H": L} if by == "displacement" else {}
    own |= {"path_share": share} if long else {}
    constants = {
        "radius": radii[3],
        "basin_radius": rho,
        "zero_loss_distance": radii[0],
        "lambda_region": lam[3],
        "Delta_J": D,
        "mu": 2.0 * lam[3],
    }
    constants |= {"residual_rate": rate, "rate": rate**2, "step_drift": drift, "basin_residual": start, **own}
    return sides, constants | {"margin": supply - head}


@pytest.mark.parametrize(
    ("by", "lr", "bend"),
    [
        ("displacement", Fraction(1, 16), 1.0),
        ("displacement", Fraction(1, 16), 40.0),
        ("displacement", Fraction(1, 8), 1.0),
        ("displacement", Fraction(4, 25), 1.0),
        ("displacement", Fraction(4, 25), 8.0),
        ("displacement", Fraction(37, 200), 1.0),
        ("residual_relu", Fraction(1, 16), 1.0),
    ],
)
def test_a_basin_is_the_formulas_of_its_docstring(by: str, lr: Fraction, bend: float) -> None:
    """Short steps, also where the drift is 2Δ, and long ones, whose rate is the tangent's or γ's; across kinks."""
    case = case_of(4, 12, 1, act=torch.nn.Tanh if by == "displacement" else torch.nn.ReLU)
    case.lr = lr
    theta, audit = flatten(case.network), Recorded()
    c = theta + (0.05 if bend == 40.0 else 0.002)  # outside the basin, or inside
    witness = basin_witness(by, c)
    if by == "displacement":
        witness["curvature"] = [bend * value for value in TABLE["curvature"]]
    sides, constants = _chain(case, by, bend)
    with ctx.workprec(128):
        truth = basin(audit, case.problem, witness)
    near = {name for name in audit.sides if name.startswith("zero loss near the centre")}
    assert near == {"zero loss near the centre", *(f"zero loss near the centre: {name}" for name in _near(by, lr))}
    assert set(truth.steps) - {"parameters inside the basin"} == near | set(sides) - {
        "NTK positive within r_0",
        "factor of Φ per step",
    } | {"NTK positive at the centre" if by == "displacement" else "J_c has full rank"}
    for name, pairs in sides.items():
        relation = "<=" if name == "ηΘ below the identity" else "<" if name.startswith(("ηΘ", "factor")) else ">"
        audit.like(name, pairs, 1e-12, relation)
    away = float(np.linalg.norm(theta - c))
    constants |= {"distance": away, "distance_over_radius": away / constants["basin_radius"], "residual0": float("nan")}
    margin = constants.pop("margin")
    require_close(truth.margins[f"{by} containment"], margin, 1e-12)
    for name, value in constants.items():
        if name != "residual0":
            require_close(truth.constants[name], value, 1e-10)
    words = truth.statement
    assert _told("μ ≥", words) == pytest.approx(constants["mu"], rel=1e-3)
    assert _told("within R ≤", words) == pytest.approx(constants["radius"], rel=1e-3)
    assert _told("such point lies within", words) == pytest.approx(constants["zero_loss_distance"], rel=1e-3)
    assert _told("Φ_k ≤", words) == pytest.approx(min(constants["rate"], 1.0), rel=1e-3)
    # The point's own facts, not the witness' bounds.
    state = linearise(with_parameters(case.network, c), case.X)
    require_close(truth.constants["residual0"], np.linalg.norm(state.F.mid - case.y))
    require_close(truth.constants["loss0"], np.linalg.norm(state.F.mid - case.y) ** 2)
    assert truth.constants["lr"] == lr
    inside = away <= constants["basin_radius"]
    if not inside:
        assert _told("lie at ≤", words) == pytest.approx(away / constants["basin_radius"], rel=1e-3)
    assert ("lie inside it" in truth.statement) == inside
    assert ("parameters inside the basin" in truth.steps) == inside
    if inside:
        left, relation, right = truth.steps["parameters inside the basin"]
        assert relation == "<="
        require_close(left, away)
        require_close(right, constants["basin_radius"])


@pytest.mark.parametrize("epsilon", [None, EPSILON])
@pytest.mark.parametrize("beside", [False, True])
def test_a_ball_about_a_centre_begins_where_the_parameters_lie(beside: bool, epsilon: float | None) -> None:
    case = case_of(4, 12, 1)
    theta, audit = flatten(case.network), Recorded()
    c = theta + 0.002 if beside else theta
    witness = ball_witness(c if beside else None, epsilon)
    state = over_inputs(linearise(case.network, case.X), epsilon or 0.0)
    residual = float(np.linalg.norm(state.F.mid - case.y)) + (
        0.0 if state.spread is None else float(state.spread.residual.mid)
    )
    with ctx.workprec(128):
        truth = about(audit, case.problem, witness)
    audit.like("residual at the start", [(residual, TABLE["residual0_upper"])])
    if beside:
        audit.like("parameters from the centre", [(float(np.linalg.norm(theta - c)), OFFSET)])
        require_close(truth.constants["distance"], np.linalg.norm(theta - c))
    assert ("distance" in truth.constants) == beside == ("the centre is a stored point c" in truth.statement)
    assert ("data_radius" in truth.constants) == (epsilon is not None) == ("each data set" in truth.statement)
    if beside:
        assert _told("‖θ0 − c‖ ≤", truth.statement) == pytest.approx(float(np.linalg.norm(theta - c)), rel=1e-3)
    if epsilon is not None:
        assert _told("inputs lie within", truth.statement) == pytest.approx(epsilon, rel=1e-3)
    D, sigma = TABLE["delta_j"][2], np.sqrt(TABLE["lambda"][2])
    step = min(2.0 * float(case.lr) * TABLE["curvature"][2] * (2.0 + D) * 0.004 / 2, 2 * D)
    start = OFFSET if beside else 0.0
    widths = np.diff(np.maximum([0.0, *TABLE["radii"][:3]], start))
    supply = float((widths * (np.sqrt(TABLE["lambda"][:3]) - step)).sum())
    audit.like("residual pays for the path", [(supply, 0.004)], 1e-12, relation=">")
    audit.like("σ(R) above the step's drift", [(sigma, step)], 1e-12, relation=">")

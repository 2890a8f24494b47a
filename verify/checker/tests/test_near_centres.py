"""Basins and balls about a centre: the formulas of the checker's docstrings, in float64."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from flint import ctx

from verify.checker.about import about
from verify.checker.basin import basin
from verify.checker.tests.near_cases import (
    EPSILON,
    OFFSET,
    TABLE,
    Case,
    Recorded,
    ball_witness,
    basin_witness,
    case_of,
    require_close,
    told,
)
from verify.networks import linearise
from verify.networks.inputs import over_inputs
from verify.networks.parameters import flatten, with_parameters


def _near(by: str, lr: Fraction) -> list[str]:
    """What descent from the centre itself has to meet on B(c, r_0), beside its supply: a long step there has claims of its own."""
    long = by == "displacement" and 2.0 * float(lr) * 2.01**2 > 1.0
    return (
        ["ηΘ below twice the identity", "γσ(R) above the step's drift"]
        if long
        else ["ηΘ below the identity", "σ(R) above the step's drift"]
    )


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
    assert told("μ ≥", words) == pytest.approx(constants["mu"], rel=1e-3)
    assert told("within R ≤", words) == pytest.approx(constants["radius"], rel=1e-3)
    assert told("such point lies within", words) == pytest.approx(constants["zero_loss_distance"], rel=1e-3)
    assert told("Φ_k ≤", words) == pytest.approx(min(constants["rate"], 1.0), rel=1e-3)
    # The point's own facts, not the witness' bounds.
    state = linearise(with_parameters(case.network, c), case.X)
    require_close(truth.constants["residual0"], np.linalg.norm(state.F.mid - case.y))
    require_close(truth.constants["loss0"], np.linalg.norm(state.F.mid - case.y) ** 2)
    assert truth.constants["lr"] == lr
    inside = away <= constants["basin_radius"]
    if not inside:
        assert told("lie at ≤", words) == pytest.approx(away / constants["basin_radius"], rel=1e-3)
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
        assert told("‖θ0 − c‖ ≤", truth.statement) == pytest.approx(float(np.linalg.norm(theta - c)), rel=1e-3)
    if epsilon is not None:
        assert told("inputs lie within", truth.statement) == pytest.approx(epsilon, rel=1e-3)
    D, sigma = TABLE["delta_j"][2], np.sqrt(TABLE["lambda"][2])
    step = min(2.0 * float(case.lr) * TABLE["curvature"][2] * (2.0 + D) * 0.004 / 2, 2 * D)
    start = OFFSET if beside else 0.0
    widths = np.diff(np.maximum([0.0, *TABLE["radii"][:3]], start))
    supply = float((widths * (np.sqrt(TABLE["lambda"][:3]) - step)).sum())
    audit.like("residual pays for the path", [(supply, 0.004)], 1e-12, relation=">")
    audit.like("σ(R) above the step's drift", [(sigma, step)], 1e-12, relation=">")

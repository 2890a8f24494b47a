"""Balls that kinks cross: the example of claim containment_residual_relu by hand, a graph by the checker's own bounds, and forgeries."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from flint import arb, ctx

from verify.checker import check, enclosures
from verify.checker.__main__ import main
from verify.checker.enclosures import psd_norm
from verify.checker.movement import Movement
from verify.checker.network import Point
from verify.checker.problem import Problem
from verify.checker.reading import Array
from verify.checker.tests.drafts import all_drafts
from verify.checker.tests.graph_drafts import shell
from verify.checker.tests.graphs import Builder, Document, chosen
from verify.checker.tests.mp_network import ball, flt, mpf, up
from verify.checker.tests.sealing import Draft, step


def _across() -> Document:
    """F = relu(w1) + relu(w2)/100 with fixed outer weights, x = 1, y = ½, about (1, 0)."""
    b = Builder((1,), 0)
    b.linear(b.activation(b.linear(-1, 2, bias=False), "relu"), 1, bias=False, frozen=("weight",), square=10000)
    document = b.document(1, lr=Fraction(1, 2))
    document["data"] = {"X": Array((1, 1), array("d", [1.0])), "y": Array((1, 1), array("d", [0.5]))}
    document["network"]["layers"][0]["weight"] = Array((2, 1), array("d", [1.0, 0.0]))
    document["network"]["layers"][2]["weight"] = Array((1, 2), array("d", [100.0, 1.0]))
    return document


def _wide(value: Any) -> dict[str, Any]:
    """An interval with room for what is exact here and enclosed by the checker."""
    mid, rad = map(float.fromhex, ball(value)["$ball"])
    return {"$ball": [mid.hex(), (rad + 2.0**-40).hex()]}


def _by_hand(midpoints: list[list[int]] | None = None, drift: str = "0.01") -> Draft:
    """λ0 = 1, ‖J‖ = 1, ‖e‖ = ½, R = ¾, Δ_J = 1/100: with σ = 99/100 and δ = 1/50 the supply is 0.7275 > ½."""
    found = shell(_across(), "ball", "containment_residual_relu")
    D, lam0 = mpf(drift), mpf(1) if not midpoints else 1 + mpf("0.005") ** 2
    D = mpf(up(D))
    low = float(lam0 - mpf(2) ** -40)
    sigma = mpf(low) ** mpf("0.5") - D - mpf(2) ** -40
    lam = float(sigma**2)
    numbers = {
        "lambda0_lower": low,
        "jacobian_norm0_upper": up(lam0 + mpf(2) ** -40),
        "residual0_upper": 0.5 + 2.0**-40,
    }
    found.document["witness"] = {
        "certified_by": "residual_relu",
        **{name: flt(value) for name, value in numbers.items()},
        "parabolas": [],
        "radii": [flt(0.75)],
        "curvature": None,
        "delta_j": [flt(float(D))],
        "lambda": [flt(lam)],
        "classical": None,
        "residual": None,
        "residual_relu": {"index": 0, "midpoints": midpoints or []},
    }
    root, J = mpf(lam) ** mpf("0.5"), mpf(numbers["jacobian_norm0_upper"])
    rate, supply = 1 - root * (root - 2 * D) / 2, mpf("0.75") * (root - 2 * D)
    constants = {
        "lambda0": lam0,
        "jacobian_norm0": lam0 ** mpf("0.5"),
        "residual0": mpf("0.5"),
        "loss0": mpf("0.125"),
        "radius": mpf("0.75"),
        "Delta_J": D,
        "lambda_region": mpf(lam),
        "mu": mpf(lam),
        "path_length": mpf("0.75"),
        "residual_rate": rate,
        "rate": rate**2,
        "step_drift": 2 * D,
    }
    found.document["constants"] = {name: _wide(value) for name, value in constants.items()}
    found.document["constants"] |= {name: ball(mpf("0.75")) for name in ("radius", "radius_largest_residual_relu")}
    found.document["margins"] = {"residual_relu containment": ball(supply - mpf(numbers["residual0_upper"]))}
    found.document["steps"] = [
        step("J_c has full rank", "containment_residual_relu", mpf(low), ">", mpf(0)),
        step("NTK stays positive on the ball", "ntk_stability", mpf(lam), ">", mpf(0)),
        step("ηΘ below the identity", "containment_residual_relu", (J + D) ** 2 / 2, "<=", mpf(1)),
        step("σ(R) above the step's drift", "containment_residual_relu", root, ">", 2 * D),
        step("residual pays for the path", "containment_residual_relu", supply, ">", mpf(numbers["residual0_upper"])),
    ]
    return found


def test_a_ball_with_a_kink_in_it_is_accepted(tmp_path: Path) -> None:
    found = check(_by_hand().save(tmp_path / "c.zip"))
    assert found.accepted, found.failures
    assert found.claims[0].startswith("containment_residual_relu: ")
    assert "(residual_relu criterion, a kink having the slope of its left side at 0)" in found.claims[0]
    assert "R ≤ 0.75 of the centre" in found.claims[0]


def test_with_the_midpoint_slope_the_jump_is_half(tmp_path: Path) -> None:
    assert check(_by_hand([[1, 0, 1]], "0.005").save(tmp_path / "c.zip")).accepted
    # A hair less is not implied, and without the midpoint neither is half of it.
    assert check(_by_hand([[1, 0, 1]], "0.0049999").save(tmp_path / "c.zip")).verdict == "REJECTED"
    assert check(_by_hand(None, "0.005").save(tmp_path / "c.zip")).verdict == "REJECTED"


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w["delta_j"].__setitem__(0, flt(0.00999)),
        lambda w: w["lambda"].__setitem__(0, flt(1.0)),
        lambda w: w.update(lambda0_lower=flt(1.0 + 2.0**-40)),
        lambda w: w.update(residual0_upper=flt(0.4999)),
        lambda w: w["radii"].__setitem__(0, flt(0.5)),
        lambda w: w["radii"].__setitem__(0, flt(1.5)),
        lambda w: w.update(curvature=[flt(0.0)]),
        lambda w: w.update(residual={"index": 0}),
        lambda w: w.update(certified_by="residual"),
        lambda w: w.update(parabolas=[[flt(1.0), flt(0.0)]]),
        lambda w: w["residual_relu"].update(index=1),
        lambda w: w["residual_relu"].update(midpoints=None),
        lambda w: w["residual_relu"].update(midpoints=[[0, 0, 0]]),
        lambda w: w["residual_relu"].update(midpoints=[[1, 1, 0]]),
        lambda w: w["residual_relu"].update(midpoints=[[1, 0, 2]]),
        lambda w: w["residual_relu"].update(midpoints=[[1, 0, -1]]),
        lambda w: w["residual_relu"].update(midpoints=[[3, 0, 0]]),
        lambda w: w["residual_relu"].update(midpoints=[[1, 0]]),
        lambda w: w["residual_relu"].update(midpoints=[[1, 0, True]]),
        lambda w: w["residual_relu"].update(midpoints=[[1, 0, 0]] * 3),
    ],
)
def test_no_tampering_with_the_witness_is_accepted(tmp_path: Path, change: Callable[[Any], None]) -> None:
    draft = _by_hand()
    change(draft.document["witness"])
    draft.document |= {"margins": {}, "steps": []}
    wide = {"radius": [5.0, 5.0], "mu": [0.0, 10.0], "rate": [0.0, 1.0 - 2.0**-20]}
    draft.document["constants"] = {name: {"$ball": [mid.hex(), rad.hex()]} for name, (mid, rad) in wide.items()}
    assert check(draft.save(tmp_path / "c.zip")).verdict == "REJECTED"


@pytest.mark.parametrize(
    "name", ["L_H", "smoothness", "step_bound", "stability_radius", "L_theta", "mu_paper", "radius_largest_residual"]
)
def test_what_needs_a_derivative_of_the_jacobian_is_not_stated(tmp_path: Path, name: str) -> None:
    draft = _by_hand()
    draft.document["constants"][name] = {"$ball": [(1.0).hex(), (1e9).hex()]}
    assert "not implied" in check(draft.save(tmp_path / "c.zip")).failures[-1]


def test_a_step_too_long_and_another_claim_are_rejected(tmp_path: Path) -> None:
    draft = _by_hand()
    draft.document["lr"] = {"$rational": ["2", "1"]}
    assert check(draft.save(tmp_path / "c.zip")).verdict == "REJECTED"
    draft = _by_hand()
    draft.document["claim"] = "containment_residual"
    assert check(draft.save(tmp_path / "c.zip")).verdict == "REJECTED"


def _own_bounds(document: Document, radii: list[float], gap: float, lr: Fraction) -> Draft:
    """A convolutional network with targets at a small distance and the table that the checker itself computes: only the narrow side is a lie."""
    problem = Problem(document)
    with ctx.workprec(128):
        here = Point(problem, problem.parameters())
        F = [f + y for f, y in zip(here.residual.entries(), document["data"]["y"].data, strict=True)]
        document["data"]["y"] = Array((problem.n, problem.k), array("d", [float(f) + gap for f in F]))
        problem = Problem(document | {"lr": lr})
        here = Point(problem, problem.parameters())
        drift = [up(mpf(Movement(here).jacobian(arb(r)).upper().str(40, radius=False))) for r in radii]
        low, top = (
            float(here.smallest(0.0).lower()) * (1 - 1e-12),
            float(psd_norm(here.kernel()).upper().sqrt()) * (1 + 1e-12),
        )
        e = float(here.e.upper()) * (1 + 1e-12)
    lam = [max(low**0.5 - d, 0.0) ** 2 * (1 - 1e-12) for d in drift]
    draft = shell(document | {"lr": lr}, "ball", "containment_residual_relu")
    draft.document["witness"] = {
        "certified_by": "residual_relu",
        "lambda0_lower": flt(low),
        "jacobian_norm0_upper": flt(top),
        "residual0_upper": flt(e),
        "parabolas": [],
        "radii": [flt(r) for r in radii],
        "curvature": None,
        "delta_j": [flt(d) for d in drift],
        "lambda": [flt(v) for v in lam],
        "classical": None,
        "residual": None,
        "residual_relu": {"index": len(radii) - 1, "midpoints": []},
    }
    wide = {"radius": [radii[-1], 0.0], "mu": [0.0, 100.0], "rate": [0.5, 0.5 - 2.0**-40]}
    draft.document["constants"] = {name: {"$ball": [mid.hex(), rad.hex()]} for name, (mid, rad) in wide.items()}
    return draft


def test_a_convolutional_network_with_kinks_in_the_ball(tmp_path: Path) -> None:
    document = chosen(41, "relu", n=2)
    honest = _own_bounds(document, [1e-5, 1e-4], 1e-7, Fraction(1, 1000))
    found = check(honest.save(tmp_path / "c.zip"))
    assert found.accepted, found.failures
    for row, factor in ((0, 0.999), (1, 0.999)):
        forged = honest.copy()
        old = float.fromhex(forged.document["witness"]["delta_j"][row]["$float"])
        forged.document["witness"]["delta_j"][row] = flt(old * factor)
        assert check(forged.save(tmp_path / "c.zip")).verdict == "REJECTED"


def test_a_long_check_says_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, told = _by_hand().save(tmp_path / "c.zip"), list[str]()
    assert check(path, progress=told.append).accepted
    assert told == []
    monkeypatch.setattr(enclosures, "_EVERY", 0.0)
    assert check(path, progress=told.append).accepted
    for line in (
        "values of the layers, 1 of 3",
        "NTK, layer by layer, 3 of 3",
        "norms at the centre, 2 of 3",
        "radii of the table, 1 of 1",
    ):
        assert any(text.endswith(line) for text in told)
    assert main([str(path)]) == 0
    assert f"{path}: NTK, layer by layer, 1 of 3" in capsys.readouterr().err
    assert enclosures._told[0] is None
    told.clear()
    assert check(all_drafts()["run"].save(tmp_path / "run.zip"), progress=told.append).accepted
    # Which checkpoint, and what of it.
    assert told[0].startswith("checkpoints, 1 of ")
    assert "; values of the layers, 1 of " in told[1]
    assert enclosures._within == []

"""What the checker says: a statement made of checked numbers, a chain, a reason for each refusal."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from flint import arb, ctx

from verify.checker import check, wording
from verify.checker.claims import Audit
from verify.checker.tests.drafts import all_drafts

DRAFTS = all_drafts()


def test_the_statement_is_made_of_checked_numbers_and_the_chain_is_complete(tmp_path: Path) -> None:
    draft = DRAFTS["ball_classical"].copy()
    draft.document["reason"] = "λ ≥ 10^9"
    draft.document["observed"] = {"lambda0": {"$float": (1e9).hex()}}
    found = check(draft.save(tmp_path / "c.zip"))
    assert found.accepted
    assert "10^9" not in found.claims[0]
    assert "η = 1/4" in found.claims[0]
    names = [row.step for row in found.steps]
    for step in draft.document["steps"]:
        assert step["name"] in names
    for name in (
        "λ_min at the centre",
        "‖J‖ at the centre",
        "residual at the start",
        "neuron budget",
        "curvature L_H(ρ)",
    ):
        assert name in names


@pytest.mark.parametrize(
    ("draft", "name"),
    [
        ("ball_residual", "mu"),
        ("ball_residual", "rate"),
        ("ball_residual", "radius"),
        ("run", "handover_step"),
        ("exact", "mu"),
        ("refuted", "loss_floor"),
    ],
)
@pytest.mark.parametrize("absent", [True, False])
def test_the_constants_of_the_statement_must_be_there(tmp_path: Path, draft: str, name: str, absent: bool) -> None:
    """A report composes its sentence from them: a file without them would be ACCEPTED and say nothing that was checked."""
    copy = DRAFTS[draft].copy()
    if absent:
        del copy.document["constants"][name]
    else:
        copy.document["constants"][name] = None
    found = check(copy.save(tmp_path / "c.zip"))
    assert found.verdict == "REJECTED"
    assert f"constants: {name} is missing" in found.failures[0]


def test_a_stated_rate_that_is_not_below_one_is_rejected(tmp_path: Path) -> None:
    draft = DRAFTS["ball_residual"].copy()
    draft.document["constants"]["rate"] = {"$ball": [(0.75).hex(), (0.25).hex()]}
    found = check(draft.save(tmp_path / "c.zip"))
    assert found.verdict == "REJECTED"
    assert "the stated rate is below 1" in found.failures[0]


def test_a_refutation_names_its_samples(tmp_path: Path) -> None:
    [claim] = check(DRAFTS["refuted"].save(tmp_path / "c.zip")).claims
    assert "samples 0 and 2 contradict each other" in claim


def test_the_statement_word_for_word(tmp_path: Path) -> None:
    assert check(DRAFTS["ball_residual"].save(tmp_path / "c.zip")).claims == (
        "containment_residual: F(x) = h_2, h_0 = x ∈ ℝ^2; h_1 = softplus(β = 3/2)(W_1 h_0 + b_1) ∈ ℝ^4; h_2 = W_2 h_1/√3 + b_2 ∈ ℝ^1;"
        " all 17 parameters trained; n = 2 samples; Φ = (s/2)Σ‖F(x_i) − y_i‖² with s = 1/2. It is proved: for real-arithmetic gradient"
        " descent from the stored parameters: with step η = 1/4 it stays within R ≤ 0.080000001 of the centre, a Locally PL Region with"
        " ½‖∇Φ‖² ≥ μΦ for μ ≥ 0.30197973, and Φ_k ≤ 0.85588225^k·Φ_0 (residual criterion); it converges to a point of zero loss",
    )


def test_what_a_chain_displays() -> None:
    audit = Audit()
    with ctx.workprec(128):
        audit.require("x", arb(2) / 3, "<=", arb(1) / 3, "here")
    assert audit.failures == [
        "x: [0.666666666667 +/- 3.34e-13] <= [0.333333333333 +/- 3.34e-13] fails by [0.333333 +/- 3.34e-7] (here)"
    ]
    assert audit.rows[0][1:5] == (
        "[0.66666667 +/- 3.34e-9]",
        "<=",
        "[0.33333333 +/- 3.34e-9]",
        "[-0.33333333 +/- 3.34e-9]",
    )
    audit.every("equal gaps: the first", [(arb(1), arb(3)), (arb(2), arb(4))], "<=", "here")
    assert audit.rows[1].left == arb(1).str(8)


@pytest.mark.parametrize(
    ("name", "path", "value", "message"),
    [
        ("run", "witness handover checkpoint", 2, "hand-over at one of its checkpoints"),
        ("run", "witness handover checkpoint", -1, "hand-over at one of its checkpoints"),
        ("run", "witness handover checkpoint", True, "hand-over at one of its checkpoints"),
        ("run", "witness checkpoints", [], "hand-over at one of its checkpoints"),
        ("run", "witness checkpoints", {}, "needs checkpoints"),
        ("run", "lr", None, "needs checkpoints, a hand-over and a step"),
        ("run", "witness handover step", 1, "hand-over's step"),
        ("run", "witness checkpoints 0 step", 2, "out of order"),
        ("run", "witness checkpoints 0 step", -1, "out of order"),
        ("run", "witness checkpoints 0 step", False, "out of order"),
        ("run", "witness checkpoints 0 decrease", "yes", "truth value"),
        ("run", "witness checkpoints 0 next", None, "without the neighbour"),
        ("run_single", "witness checkpoints 0 next", None, "without the neighbour"),
        ("exact", "witness steps", -1, "number of steps"),
        ("exact", "witness steps", True, "number of steps"),
        ("exact", "lr", None, "needs a step size"),
        ("exact", "witness steps", 3, "wrong length"),
        ("exact", "witness handover offset", {"$float": (-1.0).hex()}, "offset"),
        ("exact", "witness handover offset", 0, "expected doubles"),
        ("ball_linear", "lr", None, "there is no step"),
        ("ball_linear", "witness classical index", 2, "no such row"),
        ("ball_linear", "witness classical index", -1, "no such row"),
        ("ball_linear", "witness classical index", True, "no such row"),
        ("ball_linear", "witness parabolas", {}, "expected a list"),
        ("ball_linear", "witness parabolas", [[{"$float": (1.0).hex()}] * 2], "one hidden layer"),
        ("ball_classical", "witness parabolas", [[{"$float": (0.0).hex()}] * 2], "weight"),
        ("ball_classical", "witness parabolas", [[{"$float": (1.0).hex()}]], "wrong length"),
        ("ball_classical", "witness radii", "0x1p+0", "wrong length"),
        ("refuted", "witness duplicate_pair", [0, 3], "pair of samples"),
        ("refuted", "witness duplicate_pair", [0, True], "pair of samples"),
        ("refuted", "witness duplicate_pair", [0, 2, 1], "pair of samples"),
        ("refuted", "witness duplicate_pair", {"a": 1, "b": 2}, "pair of samples"),
        ("point", "constants mu", {"$float": (1.0).hex()}, "1.0 is not"),
        ("run", "constants handover_step", {"$float": (2.0).hex()}, "2.0 is not 2"),
        ("point", "scope", "line", "unknown scope"),
        ("point", "verdict", "TRUE", "unknown scope or verdict"),
        ("point", "reason", 5, "format version"),
    ],
)
def test_each_refusal_says_why(tmp_path: Path, name: str, path: str, value: Any, message: str) -> None:
    draft = DRAFTS[name].copy()
    node: Any = draft.document
    *parents, last = (int(key) if key.isdigit() else key for key in path.split())
    for key in parents:
        node = node[key]
    node[last] = value
    draft.arrays = {array: content for array, content in draft.arrays.items() if array in str(draft.document)}
    found = check(draft.save(tmp_path / "c.zip"))
    assert found.verdict == "REJECTED"
    assert message in found.failures[-1]


def test_no_factor_is_printed_as_one(tmp_path: Path) -> None:
    """A step of 10⁻¹⁸ gives a rate that no double, and eight digits, tell from 1."""
    with ctx.workprec(256):
        rate = 1 - arb(10) ** -30
        assert wording.below_one(rate).startswith("0." + "9" * 30)
        assert Fraction(wording.below_one(rate)) < 1
    assert (wording.at_least(arb(2).sqrt(), 3), wording.at_most(arb(2).sqrt(), 3)) == ("1.41", "1.42")
    assert (wording.at_least(-arb(2).sqrt(), 3), wording.at_most(Fraction(1, 3), 3)) == ("-1.42", "0.334")
    assert wording.at_most(arb("inf")) == "∞"
    draft = DRAFTS["ball_linear"].copy()
    wide = {"mu": [0.0, 1e3], "rate": [1.0, 2.0**-53]}
    constants = {name: {"$ball": [mid.hex(), rad.hex()]} for name, (mid, rad) in wide.items()}
    constants["radius"] = draft.document["constants"]["radius"]
    draft.document |= {"lr": {"$rational": ["1", str(10**60)]}, "constants": constants, "margins": {}, "steps": []}
    witness = draft.document["witness"]
    witness |= {"classical": None} if witness["certified_by"] == "residual" else {"residual": None}
    found = check(draft.save(tmp_path / "c.zip"))
    # The rate is below 1, but the interval that would be printed is not.
    assert found.verdict == "REJECTED"
    assert all("the stated rate is below 1" in failure for failure in found.failures), found.failures

"""True certificates are accepted, false ones rejected, whoever made them; one ulp is enough."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flint import arb, ctx

from verify.checker import check, claims, reading, wording
from verify.checker.__main__ import main
from verify.checker.claims import Audit
from verify.checker.problem import Problem
from verify.checker.tests import tampering
from verify.checker.tests.build import Net, all_drafts, point

DRAFTS = all_drafts()


@pytest.mark.parametrize("name", DRAFTS)
def test_true_certificates_are_accepted(tmp_path: Path, name: str) -> None:
    found = check(DRAFTS[name].save(tmp_path / "c.zip"))
    assert (found.verdict, found.failures) == ("ACCEPTED", ())
    assert found.accepted
    assert found.claims[0].startswith(DRAFTS[name].document["claim"])
    assert all(len(row) == 6 for row in found.steps)


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


@pytest.mark.parametrize("name", [name for name in DRAFTS if name != "refuted"])
def test_no_tampering_is_accepted(tmp_path: Path, name: str) -> None:
    path, verdicts, accepted = tmp_path / "c.zip", Counter[str](), []
    for label, draft in tampering.tamperings(DRAFTS[name]):
        found = check(draft.save(path))
        verdicts[found.verdict] += 1
        if found.verdict != "REJECTED":
            accepted.append((label, found.verdict, found.failures))
        assert found.accepted == (not found.failures)
    assert accepted == []
    assert verdicts["REJECTED"] >= 150


def test_no_mixture_of_certificates_is_accepted(tmp_path: Path) -> None:
    path, count = tmp_path / "c.zip", 0
    for label, draft in tampering.swaps(DRAFTS):
        assert check(draft.save(path)).verdict == "REJECTED", label
        count += 1
    assert count >= 200


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.document["witness"].update(duplicate_pair=[0, 1]),
        lambda d: d.document["witness"].update(duplicate_pair=[0]),
        lambda d: d.document["witness"].update(duplicate_pair=[0, 3]),
        lambda d: d.document["witness"].update(duplicate_pair=[0, -1]),
        lambda d: d.document["witness"].update(duplicate_pair=[0, 0]),
        lambda d: d.document["witness"].update(duplicate_pair="02"),
        lambda d: d.arrays["arrays/x.npy"][1].__setitem__(1, 2.0000000000000004),
        lambda d: d.arrays["arrays/y.npy"][1].__setitem__(2, 1.0),
        lambda d: d.arrays["arrays/y.npy"][1].__setitem__(2, 3.5000000000000004),
        lambda d: d.document["constants"].update(lambda0={"$ball": [(1e-300).hex(), (0.0).hex()]}),
        lambda d: d.document["constants"].update(loss_floor={"$ball": [(0.6).hex(), (0.0).hex()]}),
        lambda d: d.document.update(verdict="PROVED"),
        lambda d: d.document.update(claim="containment_classical"),
    ],
)
def test_false_refutations_are_rejected(tmp_path: Path, change: Any) -> None:
    draft = DRAFTS["refuted"].copy()
    change(draft)
    assert check(draft.save(tmp_path / "c.zip")).verdict == "REJECTED"


def test_weaker_claims_are_still_accepted(tmp_path: Path) -> None:
    """The checker asks for implication, not for equality: a wider interval or an absent constant claims less."""
    draft = DRAFTS["ball_residual"].copy()
    draft.document["constants"]["mu"] = {"$ball": [(0.0).hex(), (1.0).hex()]}
    del draft.document["constants"]["path_length"]
    mid, _ = draft.document["constants"]["smoothness"]["$ball"]
    draft.document["constants"]["smoothness"] = {"$ball": [mid, (1e-3).hex()]}
    draft.document["constants"]["stability_radius"] = {"$ball": [(-1.0).hex(), (0.0).hex()]}
    draft.document["steps"] = draft.document["steps"][:1]
    assert check(draft.save(tmp_path / "c.zip")).accepted


@pytest.mark.parametrize(
    ("draft", "name"),
    [("ball_residual", "mu"), ("ball_residual", "rate"), ("ball_residual", "radius"), ("run", "handover_step"), ("exact", "mu"),
     ("refuted", "loss_floor")],
)  # fmt: skip
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


def test_a_decrease_that_is_not_claimed_is_no_objection(tmp_path: Path) -> None:
    draft = DRAFTS["run"].copy()
    draft.document["witness"]["checkpoints"][0]["decrease"] = False
    assert check(draft.save(tmp_path / "c.zip")).accepted


def test_the_statement_word_for_word(tmp_path: Path) -> None:
    assert check(DRAFTS["ball_residual"].save(tmp_path / "c.zip")).claims == (
        "containment_residual: F(x) = h_2, h_0 = x ∈ ℝ^2; h_1 = softplus(β = 3/2)(W_1 h_0 + b_1) ∈ ℝ^4; h_2 = W_2 h_1/√3 + b_2 ∈ ℝ^1;"
        " all 17 parameters trained; n = 2 samples; Φ = (s/2)Σ‖F(x_i) − y_i‖² with s = 1/2. It is proved: for real-arithmetic gradient"
        " descent from the stored parameters: with step η = 1/4 it stays within R ≤ 0.080000001 of the centre, a Locally PL Region with"
        " ½‖∇Φ‖² ≥ μΦ for μ ≥ 0.30197973, and Φ_k ≤ 0.85588225^k·Φ_0 (residual criterion); it converges to a point of zero loss",
    )


@pytest.mark.parametrize("key", ["stability_radius", "stability_radius_paper"])
def test_stability_radii_are_sharp(tmp_path: Path, key: str) -> None:
    """What the run states is the largest radius that is implied: a ten-thousandth more is refused (λ0 = 0.78 there)."""
    draft = DRAFTS["run"].copy()
    mid, rad = (float.fromhex(text) for text in draft.document["constants"][key]["$ball"])
    for factor in (1.0001, 1.1, 2.0):
        draft.document["constants"][key] = {"$ball": [((mid - rad) * factor).hex(), (0.0).hex()]}
        assert check(draft.save(tmp_path / "c.zip")).verdict == "REJECTED"


@pytest.mark.parametrize(
    ("name", "implied", "too_large"), [("ball_classical", 0.296, 0.298), ("ball_parabola", 0.575, 0.577)]
)
def test_one_bound_on_the_stability_radius_suffices(
    tmp_path: Path, name: str, implied: float, too_large: float
) -> None:
    """There the curvature's bound and the parabola's reach to different radii; the larger one counts."""
    draft = DRAFTS[name].copy()
    for radius, verdict in ((implied, "ACCEPTED"), (too_large, "REJECTED")):
        draft.document["constants"]["stability_radius"] = {"$ball": [radius.hex(), (0.0).hex()]}
        assert check(draft.save(tmp_path / "c.zip")).verdict == verdict


def test_a_criterion_may_stand_at_any_row(tmp_path: Path) -> None:
    """The residual pays for the path within the second ball already, within the first not yet."""
    draft = DRAFTS["ball_residual"].copy()
    wide = {"mu": [0.0, 10.0], "rate": [0.0, 1.0 - 2.0**-20]}
    constants = {name: {"$ball": [mid.hex(), rad.hex()]} for name, (mid, rad) in wide.items()}
    draft.document |= {"constants": constants, "margins": {}, "steps": []}
    radii = draft.document["witness"]["radii"]
    del draft.document["witness"]["classical"]
    for index, verdict in ((1, "ACCEPTED"), (0, "REJECTED")):
        draft.document["witness"]["residual"] = {"index": index}
        constants["radius"] = {"$ball": [radii[index]["$float"], (0.0).hex()]}
        found = check(draft.save(tmp_path / "c.zip"))
        assert found.verdict == verdict
    assert "residual pays for the path" in found.failures[0]


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


def test_memory_of_an_exact_run_counts_samples_and_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """3 parameters + 6·n·k·width numbers of 2·128 bits, no step: one bit less is refused before anything is computed."""
    layer = SimpleNamespace(size=5)
    problem: Any = SimpleNamespace(start=[0.0] * 3, n=7, k=2, layers=[layer], parameters=list)
    need = 256 * (3 + 6 * 7 * 2 * 5)
    with ctx.workprec(128):
        monkeypatch.setattr(claims, "MAX_MEMORY", need - 1)
        with pytest.raises(reading.Limit, match="256 bits"):
            claims._descend(problem, [1.0], 3)
        monkeypatch.setattr(claims, "MAX_MEMORY", need)
        with pytest.raises(AttributeError):  # it goes on to read the data
            claims._descend(problem, [1.0], 3)


@pytest.mark.parametrize("scope", ["run", "exact"])
def test_hand_over_to_a_ball_elsewhere_is_rejected(tmp_path: Path, scope: str) -> None:
    draft = DRAFTS[scope].copy()
    handover = draft.document["witness"]["handover"]
    if scope == "run":
        handover["checkpoint"] = 0
    else:
        handover["offset"] = {"$float": (0.0).hex()}
    assert check(draft.save(tmp_path / "c.zip")).verdict == "REJECTED"


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
        ("exact", "witness steps", -1, "needs a step size"),
        ("exact", "witness steps", True, "needs a step size"),
        ("exact", "witness steps", 100_001, "needs a step size"),
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


@pytest.mark.parametrize(
    ("relation", "below", "equal", "above"),
    [("<", "", "f", "f"), ("<=", "", "", "f"), (">", "f", "f", ""), (">=", "f", "", "")],
)
def test_decisions(relation: str, below: str, equal: str, above: str) -> None:
    """1 ∘ 2, 1 ∘ 1, 2 ∘ 1 exactly, and an overlap that decides nothing."""
    for (left, right), expected in zip(((1, 2), (1, 1), (2, 1)), (below, equal, above), strict=True):
        audit = Audit()
        audit.require("x", arb(left), relation, arb(right), "here")
        assert (bool(audit.failures), audit.doubts) == (expected == "f", [])
    audit = Audit()
    audit.require("x", arb(1, 1), relation, arb(1), "here")
    assert (audit.failures, len(audit.doubts)) == ([], 1)
    # An interval touches its own ends: that decides ≤ and ≥, not < and >.
    audit = Audit()
    wide = arb(1, 1)
    audit.require("x", wide, relation, wide.upper() if "<" in relation else wide.lower(), "here")
    assert (audit.failures, len(audit.doubts)) == ([], len(relation) % 2)
    audit.every("y", [(arb(1), arb(9)), (arb(1), arb(3)), (arb(1), arb(5))], "<=", "here")
    assert (audit.rows[-1].right, audit.rows[-1].margin) == (arb(3).str(8), arb(2).str(8))


def test_descent_gives_up_when_bits_run_out(tmp_path: Path) -> None:
    document = reading.read(str(DRAFTS["exact"].save(tmp_path / "c.zip")))
    problem, guesses = Problem(document), [1.0] * 3
    with ctx.workprec(128):
        assert claims._descend(problem, guesses, -120) is None  # 16 bits at the first step
        last, lows, losses, away = claims._descend(problem, guesses, 3)
    assert ([part is None for part in last], len(lows), len(losses), away) == ([False, True, False], 3, 3, [])
    assert all(loss.rad() < loss.mid() * 2.0**-100 for loss in losses)
    assert losses[0] > losses[1] > losses[2]


def test_inconclusive_certificates_claim_nothing(tmp_path: Path) -> None:
    draft = DRAFTS["ball_linear"].copy()
    draft.document |= {"verdict": "INCONCLUSIVE", "claim": "none"}
    found = check(draft.save(tmp_path / "c.zip"))
    assert (found.verdict, found.claims) == ("UNDECIDED", ())


def test_a_tie_ends_undecided_at_the_highest_precision(tmp_path: Path) -> None:
    """Θ = I: λ_min ≥ 1 is true, but enclosures only ever say 1 ± ε."""
    tie = point(Net([[1.0, 0.0], [0.0, 1.0]], [[0.5], [0.25]], [[0.5, 0.5]], None))
    assert tie.document["witness"]["lambda0_lower"] == {"$float": (1.0).hex()}
    found = check(tie.save(tmp_path / "c.zip"))
    assert (found.verdict, found.bits) == ("UNDECIDED", 1024)
    assert "not certain at 1024 bits" in found.failures[0]
    tie.document["witness"]["lambda0_lower"] = {"$float": (1.0 + 2.0**-52).hex()}
    assert check(tie.save(tmp_path / "c.zip")).verdict == "REJECTED"


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = DRAFTS["point"].save(tmp_path / "good.zip")
    wrong = DRAFTS["point"].copy()
    wrong.document["scope"] = "ball"
    bad = wrong.save(tmp_path / "bad.zip")
    open_claim = DRAFTS["point"].copy()
    open_claim.document |= {"verdict": "INCONCLUSIVE"}
    undecided = open_claim.save(tmp_path / "undecided.zip")
    assert main([str(good)]) == 0
    assert "ACCEPTED" in capsys.readouterr().out
    assert main([str(good), str(bad), str(undecided)]) == 1
    assert main([str(good), str(undecided)]) == 2
    capsys.readouterr()
    assert main(["--all", str(good)]) == 0
    assert "margin" in capsys.readouterr().out


def test_a_result_is_no_truth_value(tmp_path: Path) -> None:
    found = check(DRAFTS["point"].save(tmp_path / "c.zip"))
    with pytest.raises(TypeError, match="accepted"):
        bool(found)


@pytest.mark.parametrize("name", DRAFTS)
def test_a_step_cites_a_claim_that_it_belongs_to(tmp_path: Path, name: str) -> None:
    """Neither an unknown id nor another claim's: the report prints it beside "proved"."""
    for cited in ("zero_loss_from_anywhere", "chatterjee_limit", "", ["ntk_positive"]):
        draft = DRAFTS[name].copy()
        if not draft.document["steps"]:
            continue
        draft.document["steps"][-1]["claim"] = cited
        found = check(draft.save(tmp_path / "c.zip"))
        assert found.verdict == "REJECTED"
        assert "belongs to no claim" in found.failures[-1]


@pytest.mark.parametrize("name", DRAFTS)
def test_a_chosen_number_is_no_interval(tmp_path: Path, name: str) -> None:
    """A radius stored as [0, 2R] contains the true one, but figures and `numbers` quote one end of it, or its middle."""
    constants = DRAFTS[name].document["constants"]
    for constant in set(wording.EXACT) & set(constants):
        stored = constants[constant]
        if not isinstance(stored, dict) or "$ball" not in stored:
            continue
        draft = DRAFTS[name].copy()
        middle = stored["$ball"][0]
        draft.document["constants"][constant] = {"$ball": [middle, middle.lstrip("-")]}
        found = check(draft.save(tmp_path / "c.zip"))
        assert found.verdict == "REJECTED", constant
        assert "is one number" in found.failures[-1]


def test_a_refutation_holds_no_descent_that_was_not_read(tmp_path: Path) -> None:
    draft = DRAFTS["refuted"].copy()
    draft.document |= {"scope": "ball", "descent": {"batch_size": 10**9, "order": "any"}}
    assert check(draft.save(tmp_path / "c.zip")).verdict == "REJECTED"


def test_only_the_start_stands_at_the_networks_own_parameters(tmp_path: Path) -> None:
    """A checkpoint without parameters is the start; called step 10^9 it would read as the end of a run that nobody made."""
    draft = DRAFTS["run"].copy()
    first = draft.document["witness"]["checkpoints"][0]
    assert first["step"] == 0
    del draft.arrays[first["parameters"]["$array"]]
    first["parameters"] = None
    assert check(draft.save(tmp_path / "c.zip")).accepted
    for row in draft.document["witness"]["checkpoints"]:
        row["step"] += 1
    draft.document["witness"]["handover"]["step"] += 1
    assert "only step 0" in check(draft.save(tmp_path / "c.zip")).failures[-1]


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


def test_it_runs_alone(tmp_path: Path) -> None:
    """Importing and running the checker loads neither the engine nor its dependencies."""
    path = DRAFTS["ball_linear"].save(tmp_path / "c.zip")
    script = (
        "import sys; sys.argv = ['x', sys.argv[1]]\n"
        "from verify.checker.__main__ import main\n"
        "code = main(sys.argv[1:])\n"
        "mine = {m for m in sys.modules if m.startswith(('verify', 'proofs'))}\n"
        "parts = {'', '.__main__', '.audit', '.basin', '.budgets', '.claims', '.crossing', '.curvature', '.descent', '.enclosures', '.examination'}\n"
        "parts |= {'.kinds', '.kinks', '.layers', '.movement', '.network', '.norms', '.problem', '.reading', '.recorded', '.refutation'}\n"
        "parts |= {'.region', '.starts', '.strides', '.wording'}\n"
        "assert mine == {'verify'} | {'verify.checker' + p for p in parts}, mine\n"
        "assert not {'numpy', 'torch', 'sympy', 'mpmath', 'scipy'} & set(sys.modules)\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "ACCEPTED" in done.stdout

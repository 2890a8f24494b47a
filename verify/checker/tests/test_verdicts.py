"""True certificates are accepted, false ones rejected, whoever made them; one ulp is enough."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
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
from verify.checker.tests.drafts import all_drafts, point
from verify.checker.tests.mp_network import Net

DRAFTS = all_drafts()


@pytest.mark.parametrize("name", DRAFTS)
def test_true_certificates_are_accepted(tmp_path: Path, name: str) -> None:
    found = check(DRAFTS[name].save(tmp_path / "c.zip"))
    assert (found.verdict, found.failures) == ("ACCEPTED", ())
    assert found.accepted
    assert found.claims[0].startswith(DRAFTS[name].document["claim"])
    assert all(len(row) == 6 for row in found.steps)


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


def test_a_decrease_that_is_not_claimed_is_no_objection(tmp_path: Path) -> None:
    draft = DRAFTS["run"].copy()
    draft.document["witness"]["checkpoints"][0]["decrease"] = False
    assert check(draft.save(tmp_path / "c.zip")).accepted


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


def test_memory_of_an_exact_run_counts_samples_and_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """3 parameters + 6·n·k·width numbers of 2·128 bits, no step: one bit less is refused before anything is computed."""
    layer = SimpleNamespace(size=5)
    problem: Any = SimpleNamespace(start=[0.0] * 3, n=7, k=2, layers=[layer], parameters=list)
    need = 256 * (3 + 6 * 7 * 2 * 5)
    with ctx.workprec(128):
        monkeypatch.setattr(claims, "MAX_MEMORY", need - 1)
        with pytest.raises(reading.Limit, match=f"423 numbers.*: {need:,}, "):
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
    # Printed, it leaves out the chain.
    assert len(repr(found)) < 1000
    assert found.claims[0] in repr(found)


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


def test_nothing_in_the_place_of_a_vector_is_not_the_start(tmp_path: Path) -> None:
    """An end point or centre that is null, where the network's own parameters would do: no certificate of this format, whose readers refuse it."""
    draft = DRAFTS["ball_classical"].copy()
    start = draft.arrays["arrays/w1.npy"][1] + draft.arrays["arrays/w2.npy"][1]
    zero = {"$float": (0.0).hex()}
    draft.document["witness"] |= {"centre": draft.add("centre", (len(start),), start), "offset": zero}
    draft.document["constants"]["distance"] = {"$ball": [(0.0).hex(), (0.0).hex()]}
    assert check(draft.save(tmp_path / "c.zip")).accepted
    del draft.arrays["arrays/centre.npy"]
    draft.document["witness"]["centre"] = None
    found = check(draft.save(tmp_path / "c.zip"))
    assert found.failures == ("expected a vector of all parameters",)


@pytest.mark.parametrize(("field", "value"), [("loss_scale", 1), ("loss_scale", True), ("margins", None)])
def test_a_value_of_another_type_is_refused_though_it_is_equal_or_empty(
    tmp_path: Path, field: str, value: object
) -> None:
    """A number for a rational, null for an interval: no certificate of this format."""
    draft = DRAFTS["ball_classical"].copy()
    if value is None:
        name = next(iter(draft.document["margins"]))
        draft.document[field] = draft.document[field] | {name: value}
    else:
        draft.document[field] = value
    assert not check(draft.save(tmp_path / "c.zip")).accepted


def test_it_runs_alone(tmp_path: Path) -> None:
    """Importing and running the checker loads neither the engine nor its dependencies."""
    path = DRAFTS["ball_linear"].save(tmp_path / "c.zip")
    script = (
        "import sys; sys.argv = ['x', sys.argv[1]]\n"
        "from verify.checker.__main__ import main\n"
        "code = main(sys.argv[1:])\n"
        "mine = {m for m in sys.modules if m.startswith(('verify', 'proofs'))}\n"
        "parts = {'', '.__main__', '.about', '.audit', '.basin', '.batches', '.budgets', '.claims', '.crossing', '.curvature', '.descent'}\n"
        "parts |= {'.enclosures', '.examination', '.kinds', '.kinks', '.layers', '.movement', '.nearby', '.network', '.normalising'}\n"
        "parts |= {'.norms', '.pooling', '.problem'}\n"
        "parts |= {'.reading', '.recorded', '.refutation', '.region', '.starts', '.strides', '.tables', '.wording'}\n"
        "assert mine == {'verify'} | {'verify.checker' + p for p in parts}, mine\n"
        "assert not {'numpy', 'torch', 'sympy', 'mpmath', 'scipy'} & set(sys.modules)\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "ACCEPTED" in done.stdout

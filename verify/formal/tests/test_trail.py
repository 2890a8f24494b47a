"""Descent from an initialisation inside Coq: the file says what was computed, forgeries compute to false, the rest is refused.

Budget: 15 s on one core after ``make proofs``, most of it Coq's.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from proofs.coq_check import build_library
from proofs.coq_export import COQ_DIRECTORY
from proofs.coq_integers import exact_integers
from proofs.tests.test_coq_build import needs_coq
from verify import datasets
from verify.errors import InputError, NotCertainError
from verify.formal.accept import Formal
from verify.formal.examples import compare, ntk
from verify.formal.problem import FormalProblem
from verify.formal.text import matrix
from verify.formal.trail import Steps, find_trail

_FILE = COQ_DIRECTORY / "Start4.v"
_LAST = 1
_TRAIL = ("x_bits", "gain40", "inner_most", "outer_sum", "outer_most", "outer_bound", "root_n", "root_p", "trail_ell", "trail_lip",
          "first", "steps")  # fmt: skip


@pytest.fixture(scope="module")
def text() -> str:
    return _FILE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def start() -> FormalProblem:
    """The problem of ``examples.start4``, without its certificate."""
    X, y = datasets.sphere(4, 4, 3.0)
    hidden, output = (weight.detach().numpy() for weight in ntk(4, 36).parameters())
    (outers, inners, none), bits = exact_integers([output, hidden, np.zeros(0)], 30)
    (inputs,), input_bits = exact_integers([np.array(X)], 30)
    (targets,), target_bits = exact_integers([np.array(y).ravel()], 0)
    scales = (inputs, input_bits, targets, target_bits, outers, inners, none, bits, 4, False, "tanh", 4, 36)
    return FormalProblem(*scales, loss_scale=Fraction(1), lr=Fraction(1, 8))


def _steps(text: str) -> int:
    found = re.search(r"fits_from network initialisation (\d+)", text)
    assert found
    return int(found[1])


def test_the_file_states_the_initialisation_and_where_its_steps_lead(text: str, start: FormalProblem) -> None:
    steps = _steps(text)
    *_, last = islice(Steps(start).points(), steps + 1)
    network, rest = text.split("Definition numbers")
    initialisation = rest.split("Definition initialisation")[1]
    assert f"p_outers := {matrix(start.outers)};\n  p_inners := {matrix(start.inners)};" in initialisation
    assert f"p_bits := {start.weight_bits}" in initialisation
    assert f"outers := {matrix(last.a[None])};\n  inners := {matrix(last.W)};" in network
    assert len(re.findall(r"\bstep \(", rest)) == steps


def _trails(x: str) -> dict[str, str]:
    """Records that differ from the last steps' in one number; `x` is the first of these."""
    fields = ("b_jac", "b_neg", "b_pos", "b_gain", "b_err", "b_next")

    def changed(name: str, value: str) -> str:
        return (
            "(Build_trail " + " ".join(f"({value})" if field == name else f"({field} late)" for field in _TRAIL) + ")"
        )

    def bound(name: str, value: str) -> str:
        x_ = "(Build_bounds " + " ".join(f"({value})" if field == name else f"({field} {x})" for field in fields) + ")"
        return changed("steps", f"match steps late with _ :: l => {x_} :: l | l => l end")

    return {
        "fewer bits of the inputs": changed("x_bits", "x_bits late - 1"),
        "the step": changed("gain40", "gain40 late + 2"),
        "the hidden weights' sum": changed("inner_most", "1"),
        "the output weights' sum": changed("outer_sum", "1"),
        "the largest output weight": changed("outer_most", "1"),
        "its bound": changed("outer_bound", "outer_bound late * (99 # 100)"),
        "a root": changed("root_n", "root_n late * (99 # 100)"),
        "the other root": changed("root_p", "root_p late * (99 # 100)"),
        "l": changed("trail_ell", "trail_ell late * (99 # 100)"),
        "L_H": changed("trail_lip", "trail_lip late * (99 # 100)"),
        "the first distance": changed("first", "first late * (1 # 1000000)"),
        "a step less": changed("steps", "tl (steps late)"),
        "|J|": bound("b_jac", f"b_jac {x} * (99 # 100)"),
        "the curvature from below": bound("b_neg", f"b_neg {x} - 2"),
        "the curvature from above": bound("b_pos", f"b_pos {x} - 2"),
        "the gain": bound("b_gain", f"b_gain {x} * (99999 # 100000)"),
        "the step's error": bound("b_err", f"b_err {x} * (99 # 100)"),
        "the next distance": bound("b_next", f"b_next {x} * (99 # 100)"),
    }  # fmt: skip


@needs_coq
def test_forged_steps_compute_to_false(text: str, start: FormalProblem, tmp_path: Path) -> None:
    """Of the last steps, begun where the file's own steps arrive: these run in a moment."""
    steps = _steps(text)
    *_, begin = islice(Steps(start).points(), steps - _LAST + 1)
    rho = re.search(r"followed initialisation (\(.*?\))\)", text)
    assert rho
    heavier = begin.a.copy()
    heavier[0] += 1 << 5  # a change of 2^-25, far below what the bounds of a step can see
    follows = "trail_follows network numbers {1} slow {0} " + rho[1]
    starts = {
        name: f"(Build_parameters ({matrix(a[None])}) ({matrix(begin.W)}) [] 30)"
        for name, a in (("late_start", begin.a), ("heavy_start", heavier))
    }
    with_network = "trail_follows {0} numbers late slow late_start " + rho[1]
    tests = {
        "nothing": follows.format("late_start", "late"),
        **{name: follows.format("late_start", record) for name, record in _trails("x").items()},
        "a weight of the start": follows.format("heavy_start", "late"),
        "the distance at the end": follows.format("late_start", "late").replace(rho[1], "(1 # 100000000)"),
        "a target": with_network.format("(with_targets (0 :: tl (targets network))%Z)"),
        "another step": "trail_follows (with_lr (lr network * (2 # 1))) numbers late slow late_start " + rho[1],
        "a basin that does not hold it": f"accepted_trail network numbers late slow late_start {rho[1]} (1 # 1000) (1 # 2) (1 # 1000)",
    }
    problem = ("inputs", "input_bits", "targets", "target_bits", "outers", "inners", "output_biases", "weight_bits", "dim", "hidden_bias",
               "hidden", "hidden_scale", "output_scale", "loss_scale", "lr")  # fmt: skip

    def with_field(name: str) -> str:
        return "Build_problem " + " ".join("v" if field == name else f"({field} network)" for field in problem)

    late = "Build_trail " + " ".join(f"({field} followed)" for field in _TRAIL[:-2])
    build_library(tmp_path)
    source = tmp_path / "Forged.v"
    source.write_text(
        text[: text.index("Theorem converges")]
        + f"Definition with_targets v := {with_field('targets')}.\nDefinition with_lr v := {with_field('lr')}.\n"
        + "".join(f"Definition {name} := {value}.\n" for name, value in starts.items())
        + f"Definition late := {late} (b_next (nth {steps - _LAST - 1} (steps followed) (step 0 0 0 0 0 0))) (skipn {steps - _LAST} (steps followed)).\n"
        + "Definition x := hd (step 0 0 0 0 0 0) (steps late).\n"
        + "".join(f"Eval vm_compute in {test}.\n" for test in tests.values()),
        encoding="utf-8",
    )
    command = ["coqc", "-q", "-R", str(tmp_path), "LPLR", "-w", "-ambiguous-paths", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    answers = dict(zip(tests, re.findall(r"= (true|false)", done.stdout), strict=True))
    assert answers == {name: "true" if name == "nothing" else "false" for name in tests}


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"hidden": "sigmoid"}, "activation 'sigmoid'"),
        ({"hidden_bias": True}, "biases"),
        ({"output_biases": np.array([1], dtype=object)}, "biases"),
        ({"outers": np.ones((2, 36), dtype=object)}, "2 outputs"),
    ],
)
def test_other_networks_are_refused(start: FormalProblem, changed: dict[str, object], what: str) -> None:
    with pytest.raises(InputError, match=f"{what}: the steps from an initialisation are covered for tanh"):
        find_trail(replace(start, **changed))  # type: ignore[arg-type]


def test_a_trail_that_reaches_no_basin_says_so(start: FormalProblem) -> None:
    with pytest.raises(
        NotCertainError, match="no basin about the first 5 points of descent: the residual stays too large"
    ):
        find_trail(start, most_steps=5)
    with pytest.raises(NotCertainError, match="a pre-activation on the way is not below 16"):
        find_trail(replace(start, inners=start.inners * 64), most_steps=5)


def test_a_trail_weaker_than_recorded_is_refused() -> None:
    record = json.loads((COQ_DIRECTORY / "start20.json").read_text(encoding="utf-8"))
    text = f"of the network {record['network']}, converges\nTheorem: fits_from network initialisation 188 "
    result = Formal("ACCEPTED", f"{text}(1 # 3) (994 # 1000) (28 # 1000)", tuple(record["axioms"]), "", "", None, 0.0)
    compare(result, record)
    for numbers in (
        "(2 # 5) (994 # 1000) (28 # 1000)",
        "(1 # 3) (995 # 1000) (28 # 1000)",
        "(1 # 3) (994 # 1000) (26 # 1000)",
    ):
        with pytest.raises(InputError, match="weaker than recorded"):
            compare(replace(result, statement=text + numbers), record)

"""ReLU in the proved checker: accepted on balls where no unit changes its sign, false or refused on others.

Budget: 10 s on one core after ``make proofs``.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from proofs.coq_check import ALLOWED
from proofs.coq_integers import exact_integers
from proofs.tests.test_coq_build import needs_coq
from verify.certificates import Certificate
from verify.errors import NotCertainError
from verify.formal import accept as coq_accept
from verify.formal.problem import FormalProblem, formal_problem
from verify.formal.rounding import Rounding, Signs
from verify.formal.tests.test_forgeries import answers, changed_problem, changed_witness, stated
from verify.formal.witness import FormalWitness, find_witness


def _with_targets(problem: FormalProblem, targets: np.ndarray) -> FormalProblem:
    """The ball about the stored parameters, with other targets (n·k,)."""
    (integers,), bits = exact_integers([targets], 0)
    return replace(problem, targets=integers, target_bits=bits, rho=None)


def _outputs(c: FormalProblem) -> np.ndarray:
    """F (n·k,) in float64."""
    X, A = (v.astype(float) / 2.0**bits for v, bits in ((c.inputs, c.input_bits), (c.outers, c.weight_bits)))
    W, b = (v.astype(float) / 2.0**c.weight_bits for v in (c.inners, c.output_biases))
    if c.hidden_bias:
        X = np.column_stack([X, np.ones(len(X))])
    return np.asarray((np.maximum(X @ W.T, 0.0) @ A.T + b).ravel())


_ON_ITS_KINK = "(match inners network with r :: l => map (fun _ => 0%Z) r :: l | l => l end)"


def _smooth(self: Rounding) -> Signs:
    return Signs(np.full((self.n, self.m), math.inf, dtype=object))


@needs_coq
def test_a_relu_network_is_accepted_by_coq(kinked: Certificate, tmp_path: Path) -> None:
    result = coq_accept.accept(kinked.save(tmp_path / "kinked.zip"), tmp_path / "kinked.v")
    assert result.verdict == "ACCEPTED", result.statement
    assert set(result.axioms) == ALLOWED
    assert "4-8-1 relu" in result.statement
    assert "attracts network" in result.statement


def _forgeries(problem: FormalProblem) -> dict[str, dict[str, str]]:
    unit = 1 << (problem.weight_bits - 3)
    return {
        "nothing": {},
        "a hidden weight": {"inners": f"(map (fun r => match r with v :: r => (v + {unit})%Z :: r | r => r end) (inners network))"},
        "a unit on its kink": {"inners": _ON_ITS_KINK},
        "the signs of a unit": {"inners": "(match inners network with r :: l => map Z.opp r :: l | l => l end)"},
        "an output weight": {"outers": f"(match outers network with (v :: r) :: l => ((v + {unit})%Z :: r) :: l | l => l end)"},
        "a target": {
            "targets": f"(match targets network with v :: l => (v + {1 << max(problem.target_bits - 3, 0)})%Z :: l | l => l end)"
        },
        "no hidden biases": {"hidden_bias": "false"},
        "another activation": {"hidden": "Tanh"},
        "the step": {"lr": "(lr network * 40)%Q"},
        # changes nothing of what is stated, and is true
        "a weight of a unit that is off on all samples": {
            "inners": f"(match inners network with (v :: r) :: l => ((v + {unit})%Z :: r) :: l | l => l end)"
        },
    }  # fmt: skip


def _kink_crossed(base: FormalProblem) -> tuple[FormalProblem, FormalWitness, dict[str, str]]:
    """A ball on which units change their signs, with numbers for which everything else holds."""
    far = replace(_with_targets(base, _outputs(base) + 0.1), lr=Fraction(1, 40))
    with pytest.raises(NotCertainError, match=r"of 8 units may change their sign on a sample on every ball .*R ≥ 0\.0"):
        find_witness(far)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rounding, "signs", _smooth)
        numbers = find_witness(far)
    conclusion = " ".join(stated(far, numbers))
    rest = f"concludes network numbers (res0 numbers) {conclusion} && pays network numbers (res0 numbers)"
    return far, numbers, {
        "a ball that a kink crosses": f"accepted network numbers fast {conclusion}",
        "the other inequalities of that ball": f"({rest} && check_scalars network numbers && check_stairs numbers)%bool",
    }  # fmt: skip


def _zero_sample(base: FormalProblem) -> tuple[FormalProblem, FormalWitness, dict[str, str]]:
    """Without hidden biases the sample zero leaves all units on their kinks, where they stay."""
    inputs = base.inputs.copy()
    inputs[0] = 0
    biased = replace(base, inputs=inputs)
    problem = replace(biased, inners=base.inners[:, :4], hidden_bias=False)
    problem = _with_targets(problem, _outputs(problem))
    assert all(math.isinf(v) for v in Rounding(problem, 28, 27, 1).signs().squares[0])
    assert not any(math.isinf(v) for v in Rounding(biased, 28, 27, 1).signs().squares[0])
    numbers = find_witness(problem)
    rest = f"numbers fast {' '.join(stated(problem, numbers))}"
    return problem, numbers, {
        "the sample zero": f"accepted network {rest}",
        "the sample zero, and a unit on its kink on others": f"accepted {changed_problem({'inners': _ON_ITS_KINK})} {rest}",
    }  # fmt: skip


@needs_coq
def test_forged_relu_certificates_compute_to_false(kinked: Certificate, tmp_path: Path) -> None:
    problem = formal_problem(kinked)
    numbers = find_witness(problem)
    rho, radius, rate, mu = stated(problem, numbers)
    assert (Rounding(problem, 28, 27, 1).pre[:, 0] < 0).all()
    tests = {
        name: f"accepted_basin {changed_problem(changed)} numbers fast {rho} {radius} {rate} {mu}"
        for name, changed in _forgeries(problem).items()
    } | {
        "L_H": f"accepted_basin network {changed_witness({'lip': '(lip numbers * (99 # 100))%Q'})} fast {rho} {radius} {rate} {mu}",
        "rho": f"accepted_basin network numbers fast (1 # 10) {radius} {rate} {mu}",
        "radius": f"accepted_basin network numbers fast {rho} (1 # 10) {rate} {mu}",
        "rate": f"accepted_basin network numbers fast {rho} {radius} (1 # 2) {mu}",
    }
    found = answers(tmp_path, (problem, numbers, tests), _kink_crossed(problem), _zero_sample(problem))
    assert {name for name, value in found.items() if value == "true"} == {
        "nothing",
        "a weight of a unit that is off on all samples",
        "the other inequalities of that ball",
        "the sample zero",
    }
    assert len(found) == 18


def test_no_unit_changes_its_sign_within_the_radius_found(kinked: Certificate) -> None:
    problem = formal_problem(kinked)
    squares = Rounding(problem, 28, 27, 1).signs().squares
    for i, x in enumerate(problem.inputs):
        point = [Fraction(int(v), 1 << problem.input_bits) for v in x] + [Fraction(1)]
        for r, w in enumerate(problem.inners):
            pre = sum(Fraction(int(a), 1 << problem.weight_bits) * b for a, b in zip(w, point, strict=True))
            exact = pre**2 / sum(b * b for b in point)  # a change of w by √exact reaches the kink
            assert squares[i, r] < exact
            assert squares[i, r] > exact * Fraction(999, 1000)


def test_the_smallest_radius_to_a_kink_bounds_the_ball(kinked: Certificate) -> None:
    problem = formal_problem(kinked)
    numbers: FormalWitness = find_witness(problem)
    signs = Rounding(problem, 28, 27, 1).signs()
    assert signs.changing(numbers.radius) == 0
    assert signs.changing(Fraction(1.001 * signs.radius)) == 1
    assert signs.changing(Fraction(100)) == 8

"""ReLU in the proved checker, on balls that kinks cross and on others.

Budget: 12 s on one core after ``make proofs``.
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
from verify.formal import accept as coq_accept
from verify.formal.kinks import Signs
from verify.formal.problem import FormalProblem, formal_problem
from verify.formal.rounding import Rounding
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


def _as_at_the_centre(self: Rounding) -> Signs:
    return Signs(np.full((self.n, self.m), math.inf, dtype=object), self.pre > 0)


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


def _crossed(base: FormalProblem) -> FormalProblem:
    """A ball that a kink crosses: the unit nearest to its kink with an output weight of a sixteenth, and a residual."""
    outers = base.outers.copy()
    outers[:, int(np.argmin(Rounding(base, 28, 27, 1).signs.squares.min(axis=0)))] //= 16
    problem = replace(base, outers=outers, lr=Fraction(1, 40))
    return _with_targets(problem, _outputs(problem) + 0.02)


def _kink_crossed(base: FormalProblem) -> tuple[FormalProblem, FormalWitness, dict[str, str]]:
    """The same, and numbers for it that are wrong."""
    problem = _crossed(base)
    numbers = find_witness(problem)
    assert Rounding(problem, 28, 27, 1).signs.changing(numbers.radius) == 1
    rest = f"fast {' '.join(stated(problem, numbers))}"
    half = numbers.facts.kink / 2
    changes = {
        "the jump of the slopes": {"kink": "(kink numbers * (99 # 100))%Q"},
        "the jump of a step": {"jump": "(jump numbers * (99 # 100))%Q"},
        "no jump of a step": {"jump": "0%Q"},
        "no jumps": {"kink": "0%Q", "jump": "0%Q"},
        "a table without the jumps": {"stairs": f"(map (fun row => (fst row, snd row + {math.floor(half * 2**40)})%Z) (stairs numbers))"},
        "a radius to which another unit may change sides": {"stairs": f"(stairs numbers ++ [({1 << 37}, 0)])%Z"},
    }  # fmt: skip
    return problem, numbers, {"a ball that a kink crosses": f"accepted network numbers {rest}"} | {
        name: f"accepted network {changed_witness(changed)} {rest}" for name, changed in changes.items()
    }  # fmt: skip


def _kink_ignored(base: FormalProblem) -> tuple[FormalProblem, FormalWitness, dict[str, str]]:
    """The same with the slopes of the centre, and numbers for which everything else holds."""
    problem = _crossed(base)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rounding, "_signs", _as_at_the_centre)
        numbers = find_witness(problem)
    assert numbers.facts.kink == numbers.jump == 0
    conclusion = " ".join(stated(problem, numbers))
    rest = f"concludes network numbers (res0 numbers) {conclusion} && pays network numbers (res0 numbers)"
    return problem, numbers, {
        "a kink that is not counted": f"accepted network numbers fast {conclusion}",
        "the other inequalities of that ball": f"({rest} && check_scalars network numbers && check_stairs network numbers)%bool",
    }  # fmt: skip


def _zero_sample(base: FormalProblem) -> tuple[FormalProblem, FormalWitness, dict[str, str]]:
    """Without hidden biases the sample zero leaves all units on their kinks, where they stay."""
    inputs = base.inputs.copy()
    inputs[0] = 0
    biased = replace(base, inputs=inputs)
    problem = replace(biased, inners=base.inners[:, :4], hidden_bias=False)
    problem = _with_targets(problem, _outputs(problem))
    assert all(math.isinf(v) for v in Rounding(problem, 28, 27, 1).signs.squares[0])
    assert not any(math.isinf(v) for v in Rounding(biased, 28, 27, 1).signs.squares[0])
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
    found = answers(
        tmp_path, (problem, numbers, tests), _kink_crossed(problem), _kink_ignored(problem), _zero_sample(problem)
    )
    assert {name for name, value in found.items() if value == "true"} == {
        "nothing",
        "a weight of a unit that is off on all samples",
        "a ball that a kink crosses",
        "the other inequalities of that ball",
        "the sample zero",
    }
    assert len(found) == 25


def test_no_unit_changes_its_sign_within_the_radius_found(kinked: Certificate) -> None:
    problem = formal_problem(kinked)
    squares = Rounding(problem, 28, 27, 1).signs.squares
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
    signs = Rounding(problem, 28, 27, 1).signs
    assert signs.changing(numbers.radius) == 0
    assert signs.changing(Fraction(1.001 * signs.radius)) == 1
    assert signs.changing(Fraction(100)) == 8


def _jacobian(c: FormalProblem, A: np.ndarray, W: np.ndarray, slopes: np.ndarray | None = None) -> np.ndarray:
    """The Jacobian (n, parameters) in float64 at output weights A (m,) and hidden weights W (m, d + 1); one output, its bias left out."""
    X = np.column_stack([c.inputs.astype(float) / 2.0**c.input_bits, np.ones(len(c.inputs))])
    pre = X @ W.T
    slopes = (pre > 0).astype(float) if slopes is None else slopes
    return np.hstack([np.maximum(pre, 0.0), np.einsum("ir,r,ij->irj", slopes, A, X).reshape(len(X), -1)])


def test_the_jacobian_moves_and_jumps_by_no_more_than_the_numbers_say(kinked: Certificate) -> None:
    problem = _crossed(formal_problem(kinked))
    numbers, z = find_witness(problem), Rounding(problem, 28, 27, 1)
    f, R = numbers.facts, float(numbers.radius)
    A, W = (v.astype(float) / 2.0**problem.weight_bits for v in (problem.outers[0], problem.inners))
    reference = _jacobian(problem, A, W, z.signs.sides(numbers.radius).astype(float) / 2)
    i, r = np.unravel_index(np.argmin(z.signs.squares), z.signs.squares.shape)
    across = np.zeros_like(W)
    across[r] = -np.sign(float(z.pre[i, r])) * np.append(problem.inputs[i].astype(float) / 2.0**problem.input_bits, 1.0)
    random = np.random.default_rng(0)
    last, tightest = (A, W), 0.0
    for trial in range(60):
        a, w = (
            random.standard_normal(A.shape) * (trial % 3),
            random.standard_normal(W.shape) * (trial % 3) + 20 * across * (trial % 2),
        )
        length = math.hypot(np.linalg.norm(a), np.linalg.norm(w)) or 1.0
        here = A + R * a / length, W + R * w / length
        J, distance = (
            _jacobian(problem, *here),
            math.hypot(*(np.linalg.norm(v - v0) for v, v0 in zip(here, (A, W), strict=True))),
        )
        assert np.linalg.norm(J - reference, 2) <= float(f.drop) * distance + float(f.kink) / 2
        step = math.hypot(*(np.linalg.norm(v - v0) for v, v0 in zip(here, last, strict=True)))
        change = float(np.linalg.norm(J - _jacobian(problem, *last), 2))
        assert change <= float(numbers.lip) * step + float(numbers.jump)
        tightest, last = max(tightest, change / float(f.kink)), here
    assert tightest > 0.9  # a kink was crossed

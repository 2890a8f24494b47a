from __future__ import annotations

import sys
from fractions import Fraction as Q
from typing import Any

import flint
import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given, settings, strategies as st

from proofs.constants import CONSTANTS, Constant
from proofs.errors import EvaluationError, MissingSymbolError, UnknownNodeError
from proofs.evaluation import Arithmetic, arithmetic_for, evaluate, evaluate_expression, register
from verify.arrays import Ball
from verify.errors import DomainError

_positive = st.fractions(min_value=Q(1, 50), max_value=50, max_denominator=50)


def _exact_arb(x: Q) -> Any:
    return flint.arb(flint.fmpq(x.numerator, x.denominator))


@settings(max_examples=4, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("constant", CONSTANTS.values(), ids=lambda c: c.name)
def test_ball_encloses_the_formula(constant: Constant, data: st.DataObject) -> None:
    """The Ball result meets the Arb result at 200 bits, and has a small radius."""
    values = {symbol.name: data.draw(_positive, label=symbol.name) for symbol in constant.symbols}
    if "rate" in values:
        values["rate"] = values["rate"] / 51
    with flint.ctx.workprec(200):
        try:
            truth = evaluate(constant, {name: _exact_arb(v) for name, v in values.items()})
        except ZeroDivisionError:
            assume(False)
        assume(truth.is_finite())
        try:
            ball = evaluate(constant, {name: Ball(v) for name, v in values.items()})
        except DomainError:
            assume(False)
        lower, upper = float(ball.lower()), float(ball.upper())
        assert lower <= upper
        assert bool(truth >= flint.arb(lower))
        assert bool(truth <= flint.arb(upper))
        # Tight: the radius is far below the size of the terms involved.
        size = max(1.0, abs(lower), abs(upper))
        assert upper - lower <= 1e-6 * size * max(1.0, *(float(v) for v in values.values())) ** 4


@pytest.mark.parametrize("constant", CONSTANTS.values(), ids=lambda c: c.name)
def test_sympy_route_agrees_with_substitution(constant: Constant) -> None:
    values = {symbol.name: sp.Rational(3 + i, 7 + 2 * i) for i, symbol in enumerate(sorted(constant.symbols, key=str))}
    direct = constant.expression.subs({symbol: values[symbol.name] for symbol in constant.symbols})
    assert sp.simplify(evaluate(constant, values) - direct) == 0


def test_fractions_are_exact() -> None:
    assert evaluate("path_classical", {"e0": Q(3), "c": Q(1, 2), "lambda_R": Q(4, 9)}) == 9
    assert evaluate("descent_fraction", {"eta": Q(1, 3), "beta": Q(1)}) == Q(5, 6)
    assert evaluate("lambda_region_sharp", {"lambda0": Q(4), "Delta_J": Q(3)}) == 0
    assert evaluate("stability_radius_paper", {"R": 1, "kappa": Q(1, 2), "lambda0": 3, "L_Theta": 2}) == Q(3, 4)


def test_a_third_is_never_rounded() -> None:
    third = evaluate_expression(sp.Rational(1, 3) * sp.Symbol("x"), {"x": Ball(1)})
    assert third.contains(Q(1, 3))
    assert not Ball(1 / 3).contains(Q(1, 3))


def test_arrays_are_evaluated_entry_by_entry() -> None:
    panels = evaluate(
        "residual_panel", {"sigma": Ball(np.array([2.0, 1.5])), "delta": Ball(0.5), "width": Ball(np.ones(2))}
    )
    assert panels.shape == (2,)
    assert panels[0].contains(Q(3, 2))
    assert panels[1].contains(Q(1))


def test_exact_numbers_mix_with_balls() -> None:
    value = evaluate("mu", {"s": Q(2, 3), "lambda_R": Ball(3.0)})
    assert isinstance(value, Ball)
    assert value.contains(Q(2))


def test_unused_values_are_ignored() -> None:
    assert evaluate("step_default", {"beta": Q(2), "nonsense": Q(1)}) == Q(1, 2)


def test_missing_symbol() -> None:
    with pytest.raises(MissingSymbolError, match="no value for lambda_R"):
        evaluate("mu", {"s": Q(1)})


def test_unknown_constant() -> None:
    with pytest.raises(UnknownNodeError, match="constant='nonsense'"):
        evaluate("nonsense", {"s": Q(1)})


@pytest.mark.parametrize("bad", [0.5, np.float64(0.5), True])
def test_rounding_arithmetic_is_refused(bad: Any) -> None:
    with pytest.raises(UnknownNodeError):
        evaluate("mu", {"s": bad, "lambda_R": Q(1)})
    with pytest.raises(UnknownNodeError):
        evaluate("mu", {"s": bad, "lambda_R": bad})


def test_sympy_float_is_refused() -> None:
    with pytest.raises(UnknownNodeError, match="rounded Float"):
        evaluate("mu", {"s": sp.Float("0.5"), "lambda_R": sp.Integer(1)})


def test_unknown_node() -> None:
    x = sp.Symbol("x", positive=True)
    for expression in (sp.exp(x), x ** sp.Rational(1, 3), sp.Function("f")(x), x**x):
        with pytest.raises(UnknownNodeError):
            evaluate_expression(expression, {"x": Q(1)})


def test_irrational_root_over_fractions() -> None:
    with pytest.raises(EvaluationError, match="irrational"):
        evaluate("sigma_sharp", {"lambda0": Q(2), "Delta_J": Q(0)})
    with pytest.raises(EvaluationError, match="log"):
        evaluate("iterations", {"Phi0": Q(2), "epsilon": Q(1), "rate": Q(1, 2)})


def test_division_by_zero() -> None:
    with pytest.raises(EvaluationError, match="division by zero"):
        evaluate("step_default", {"beta": Q(0)})
    with pytest.raises(DomainError):
        evaluate("step_default", {"beta": Ball(0.0, 1.0)})


def test_nothing_given() -> None:
    with pytest.raises(UnknownNodeError):
        arithmetic_for()
    with pytest.raises(UnknownNodeError):
        evaluate_expression(sp.Integer(3), {})


def test_a_new_number_type_can_be_registered() -> None:
    class Tracked:
        def __init__(self, value: Q) -> None:
            self.value = value

        def __mul__(self, other: Tracked) -> Tracked:
            return Tracked(self.value * other.value)

    def coerce(x: Any) -> Tracked:
        return x if isinstance(x, Tracked) else Tracked(Q(x))

    made = Arithmetic("Tracked", coerce, lambda p, q: Tracked(Q(p, q)), coerce, coerce, max, min)
    register(Tracked.__module__, "Tracked", lambda: made)
    result = evaluate("mu", {"s": Tracked(Q(2)), "lambda_R": Tracked(Q(5))})
    assert isinstance(result, Tracked)
    assert result.value == 10


def test_importing_proofs_does_not_import_verify() -> None:
    import subprocess

    code = "import sys, proofs.constants, proofs.evaluation; sys.exit(any(m.split('.')[0] == 'verify' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

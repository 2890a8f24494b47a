from __future__ import annotations

import random
from fractions import Fraction

import pytest
import sympy as sp

from proofs.constants import CONSTANTS, Constant
from proofs.evaluation import evaluate_expression
from proofs.symbols import SYMBOLS

# Dimensionless numbers at which both sides of a homogeneity check are rational: squares, so that roots are exact.
_SCALES = {"s": Fraction(4), "y": Fraction(9), "theta": Fraction(25)}


def _unit(text: str) -> Fraction:
    value = sp.sympify(text).subs({sp.Symbol(name): scale for name, scale in _SCALES.items()})
    return Fraction(int(value.p), int(value.q))


def _point_of_domain(constant: Constant) -> dict[str, sp.Rational]:
    """Draw rationals inside the constant's domain; sorted names, since a set's order differs from process to process."""
    draw = random.Random(constant.name)
    symbols = set(constant.symbols).union(*(condition.free_symbols for condition in constant.domain))
    ordered = sorted(symbols, key=lambda symbol: symbol.name)
    for _ in range(10_000):
        point = {symbol: sp.Rational(draw.randint(1, 9), draw.randint(2, 9)) for symbol in ordered}
        if all(condition.subs(point) == sp.true for condition in constant.domain):
            return {symbol.name: value for symbol, value in point.items() if symbol in constant.symbols}
    raise AssertionError(f"no point of the domain of {constant.name} was drawn")


@pytest.mark.parametrize("constant", CONSTANTS.values(), ids=lambda c: c.name)
def test_formula_is_homogeneous_in_its_units(constant: Constant) -> None:
    """Changing the units of s, y and theta changes the value by the constant's unit: exact, over SymPy numbers."""
    values = _point_of_domain(constant)
    if "rate" in values:
        values["rate"] = sp.Rational(1, 3)
    scaled = {}
    for name, value in values.items():
        unit = _unit(SYMBOLS[name].unit)
        scaled[name] = value * sp.Rational(unit.numerator, unit.denominator)
    unit = _unit(constant.unit)
    before = evaluate_expression(constant.expression, values)
    after = evaluate_expression(constant.expression, scaled)
    assert sp.simplify(after - before * sp.Rational(unit.numerator, unit.denominator)) == 0


def test_sympy_would_simplify_no_maximum_or_minimum() -> None:
    """They are written unevaluated: evaluation gives the same expression, arguments in the same order."""
    nodes = [
        n for c in CONSTANTS.values() for n in sp.preorder_traversal(c.expression) if isinstance(n, sp.Max | sp.Min)
    ]
    assert len(nodes) >= 10
    for node in nodes:
        assert node.func(*node.args).args == node.args


def test_wrong_unit_would_be_noticed() -> None:
    values = {name: Fraction(3) for name in ("s", "lambda_R")}
    scaled = {name: value * _unit(SYMBOLS[name].unit) for name, value in values.items()}
    mu = CONSTANTS["mu"].expression
    ratio = evaluate_expression(mu, scaled) / evaluate_expression(mu, values)
    assert ratio == _unit("s*y**2/theta**2") != _unit("y**2/theta**2")


@pytest.mark.parametrize("constant", CONSTANTS.values(), ids=lambda c: c.name)
def test_constant_is_documented_and_exact(constant: Constant) -> None:
    assert constant.name.isidentifier()
    assert constant.statement
    assert constant.source
    assert constant.symbols <= {quantity.symbol for quantity in SYMBOLS.values()}
    assert not constant.expression.has(sp.Float)
    for relation in constant.domain:
        assert relation.free_symbols <= constant.symbols | {SYMBOLS[n].symbol for n in ("eta", "beta", "beta_bar", "s")}


def test_names_are_unique() -> None:
    names = [quantity.symbol.name for quantity in SYMBOLS.values()]
    assert len(names) == len(set(names))
    assert all(name == constant.name for name, constant in CONSTANTS.items())
    assert set(SYMBOLS) == set(names)


def test_tables_are_read_only() -> None:
    with pytest.raises(TypeError):
        CONSTANTS["mu"] = CONSTANTS["mu_paper"]  # type: ignore[index]

"""The single route from a formula of :mod:`proofs.constants` to a number.

:func:`evaluate` performs the operations of the SymPy tree, compiled once per formula, over any arithmetic: rigorous arrays, Arb
balls, exact fractions, SymPy itself. Nothing is rounded here: a rational of the formula enters as the exact quotient
of two integers in the target type, and what the operations round is the business of that type. So the result
encloses the formula's value whenever the type's operations enclose theirs.

>>> from fractions import Fraction
>>> evaluate("rate_simple", {"eta": Fraction(1, 10), "mu": Fraction(2)})
Fraction(4, 5)
"""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import sympy as sp

from proofs.constants import CONSTANTS, Constant
from proofs.errors import EvaluationError, MissingSymbolError, UnknownNodeError

__all__ = ["Arithmetic", "arithmetic_for", "evaluate", "evaluate_expression", "register"]

T = TypeVar("T")
Unary = Callable[[Any], Any]
Binary = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Arithmetic:
    """What a number type supplies besides the operators + − * / and integer powers.

    Attributes:
        name: for messages.
        coerce: turns a value of the caller (this type, or an exact int/Fraction) into this type, exactly.
        rational: (p, q) -> the quotient p/q of two integers in this type, an enclosure where it is not exact.
        sqrt, log, maximum, minimum: the functions that formulas use.
    """

    name: str
    coerce: Unary
    rational: Callable[[int, int], Any]
    sqrt: Unary
    log: Unary
    maximum: Binary
    minimum: Binary


def _fraction_sqrt(x: Fraction) -> Fraction:
    if x < 0:
        raise EvaluationError(f"sqrt of {x}: expected a number >= 0")
    p, q = math.isqrt(x.numerator), math.isqrt(x.denominator)
    if p * p != x.numerator or q * q != x.denominator:
        raise EvaluationError(f"sqrt of {x} is irrational; evaluate with Ball, arb or sympy numbers instead")
    return Fraction(p, q)


def _fraction_log(x: Fraction) -> Fraction:
    if x == 1:
        return Fraction(0)
    raise EvaluationError(f"log of {x} is not rational; evaluate with Ball, arb or sympy numbers instead")


def _fraction(value: Any) -> Fraction:
    if isinstance(value, bool | float):
        raise UnknownNodeError(
            f"value={value!r} of type {type(value).__name__}: expected int or Fraction, or an interval type;"
            " wrap a double as Ball(x) or Fraction(x)"
        )
    return Fraction(value)


def _exact_arithmetic() -> Arithmetic:
    return Arithmetic("fractions.Fraction", _fraction, Fraction, _fraction_sqrt, _fraction_log, max, min)


def _sympy_arithmetic() -> Arithmetic:
    def coerce(value: Any) -> Any:
        if isinstance(value, sp.Basic):
            if value.has(sp.Float):
                raise UnknownNodeError(f"value={value} holds a rounded Float; expected exact SymPy numbers or symbols")
            return value
        exact = _fraction(value)
        return sp.Rational(exact.numerator, exact.denominator)

    return Arithmetic("sympy", coerce, sp.Rational, sp.sqrt, sp.log, sp.Max, sp.Min)


def _arb_arithmetic() -> Arithmetic:
    flint = importlib.import_module("flint")

    def coerce(value: Any) -> Any:
        if isinstance(value, flint.arb):
            return value
        if isinstance(value, flint.fmpq | flint.fmpz):
            return flint.arb(value)
        exact = _fraction(value)
        return flint.arb(flint.fmpq(exact.numerator, exact.denominator))

    def rational(p: int, q: int) -> Any:
        return flint.arb(p) / flint.arb(q)

    arb = flint.arb
    return Arithmetic("flint.arb", coerce, rational, arb.sqrt, arb.log, arb.max, arb.min)


def _ball_arithmetic() -> Arithmetic:
    arrays = importlib.import_module("verify.arrays")

    def coerce(value: Any) -> Any:
        return value if isinstance(value, arrays.Ball) else arrays.Ball(_fraction(value))

    @functools.cache
    def rational(p: int, q: int) -> Any:
        return arrays.Ball(p) if q == 1 else arrays.Ball(p) / arrays.Ball(q)

    return Arithmetic("verify.Ball", coerce, rational, arrays.sqrt, arrays.log, arrays.maximum, arrays.minimum)


# Module and class name of a value -> its arithmetic; looked up by name so that nothing is imported before it is used.
# Where values of several kinds meet, the first entry wins and coerces the others, which must be exact.
_REGISTRY: dict[tuple[str, str], Callable[[], Arithmetic]] = {
    ("verify.arrays", "Ball"): functools.cache(_ball_arithmetic),
    ("flint", "arb"): functools.cache(_arb_arithmetic),
    ("sympy", "Basic"): functools.cache(_sympy_arithmetic),
    ("fractions", "Fraction"): functools.cache(_exact_arithmetic),
    ("builtins", "int"): functools.cache(_exact_arithmetic),
}


def register(module: str, class_name: str, arithmetic: Callable[[], Arithmetic]) -> None:
    """Teach :func:`evaluate` one more number type, by the package and name of its class; it takes precedence."""
    entries = {(module, class_name): arithmetic, **_REGISTRY}
    _REGISTRY.clear()
    _REGISTRY.update(entries)
    _arithmetic_of_types.cache_clear()


def arithmetic_for(*values: Any) -> Arithmetic:
    """Return the arithmetic in which the given values can all be combined.

    Raises:
        UnknownNodeError: no registered type among them (a float, say: its operations round).
    """
    return _arithmetic_of_types(frozenset(type(value) for value in values))()


@functools.lru_cache(maxsize=256)
def _arithmetic_of_types(types: frozenset[type]) -> Callable[[], Arithmetic]:
    for (module, name), make in _REGISTRY.items():
        for kind in types:
            for cls in kind.__mro__:
                home = cls.__module__
                if cls.__name__ == name and (home == module or home.startswith(module + ".")):
                    return make
    kinds = sorted(kind.__name__ for kind in types) or ["nothing"]
    known = ", ".join(f"{module}.{name}" for module, name in _REGISTRY)
    raise UnknownNodeError(f"values of type {', '.join(kinds)}: expected one of {known}")


def _power(base: Any, exponent: Any, arithmetic: Arithmetic) -> Any:
    """base**(m/2) for a positive integer m, through one square root and an integer power."""
    if not (exponent.is_Rational and exponent.q in (1, 2) and exponent.p > 0):
        raise UnknownNodeError(f"power {exponent}: expected an integer or half-integer exponent")
    root = arithmetic.sqrt(base) if exponent.q == 2 else base
    return root if exponent.p == 1 else root ** int(exponent.p)


def _is_divisor(node: Any) -> bool:
    return bool(node.is_Pow and node.exp.is_Rational and node.exp < 0)


# A formula's operations, fixed once: (values by name, arithmetic) -> number.
Program = Callable[[Mapping[str, Any], Arithmetic], Any]


def _add(terms: tuple[Any, ...]) -> Program:
    # -x is subtracted rather than multiplied by -1 and added: same value, one operation fewer.
    head, *tail = sorted(terms, key=lambda term: bool(term.could_extract_minus_sign()))
    first = _compiled(head)
    rest = [(minus := bool(t.could_extract_minus_sign()), _compiled(-t if minus else t)) for t in tail]

    def run(values: Mapping[str, Any], arithmetic: Arithmetic) -> Any:
        total = first(values, arithmetic)
        for minus, term in rest:
            total = total - term(values, arithmetic) if minus else total + term(values, arithmetic)
        return total

    return run


def _multiply(factors: tuple[Any, ...]) -> Program:
    # One quotient of two products; a rational factor p/q contributes p above and q below.
    above, below = [], []
    for factor in factors:
        if _is_divisor(factor):
            below.append(_compiled(factor.base**-factor.exp))
        elif factor.is_Rational and factor.q != 1:
            below.append(_compiled(sp.Integer(factor.q)))
            if factor.p != 1:
                above.append(_compiled(sp.Integer(factor.p)))
        else:
            above.append(_compiled(factor))
    above = above or [_compiled(sp.Integer(1))]

    def run(values: Mapping[str, Any], arithmetic: Arithmetic) -> Any:
        numerator = functools.reduce(lambda x, y: x * y, (f(values, arithmetic) for f in above))
        if not below:
            return numerator
        return numerator / functools.reduce(lambda x, y: x * y, (f(values, arithmetic) for f in below))

    return run


@functools.lru_cache(maxsize=1024, typed=True)
def _compiled(node: Any) -> Program:
    """Turn a formula into a program, once: walking the tree costs SymPy more than most operations cost the arithmetic."""
    if node.is_Symbol:
        name = node.name
        return lambda values, _: values[name]
    if node.is_Rational:
        p, q = int(node.p), int(node.q)
        return lambda _, arithmetic: arithmetic.rational(p, q)
    if node.is_Add:
        return _add(node.args)
    if node.is_Mul:
        return _multiply(node.args)
    if node.is_Pow:
        if _is_divisor(node):
            divisor = _compiled(node.base**-node.exp)
            return lambda values, arithmetic: arithmetic.rational(1, 1) / divisor(values, arithmetic)
        base, exponent = _compiled(node.base), node.exp
        return lambda values, arithmetic: _power(base(values, arithmetic), exponent, arithmetic)
    if isinstance(node, sp.log):
        argument = _compiled(node.args[0])
        return lambda values, arithmetic: arithmetic.log(argument(values, arithmetic))
    if isinstance(node, sp.Max | sp.Min):
        largest, arguments = isinstance(node, sp.Max), [_compiled(a) for a in node.args]
        return lambda values, arithmetic: functools.reduce(
            arithmetic.maximum if largest else arithmetic.minimum, [a(values, arithmetic) for a in arguments]
        )
    raise UnknownNodeError(
        f"node={sp.srepr(node)}: expected +, *, powers, sqrt, log, Max, Min of symbols and rationals"
    )


@functools.lru_cache(maxsize=1024, typed=True)
def _names(expression: Any) -> tuple[str, ...]:
    return tuple(sorted(symbol.name for symbol in expression.free_symbols))


def evaluate_expression(expression: Any, values: Mapping[str, T]) -> T:
    """Evaluate a SymPy expression at named values (symbol name → float, Fraction or Ball), in their arithmetic; see :func:`evaluate`.

    Raises:
        MissingSymbolError: a symbol without a value. EvaluationError: a division by zero.
    """
    names = _names(expression)
    missing = [name for name in names if name not in values]
    if missing:
        raise MissingSymbolError(f"no value for {', '.join(missing)}; expected values for {', '.join(names)}")
    used = {name: values[name] for name in names}
    arithmetic = arithmetic_for(*used.values())
    try:
        return _compiled(expression)({name: arithmetic.coerce(v) for name, v in used.items()}, arithmetic)  # type: ignore[no-any-return]
    except ZeroDivisionError as error:
        raise EvaluationError(f"division by zero in {expression} at {used}") from error


def evaluate(constant: Constant | str, values: Mapping[str, T]) -> T:
    """Evaluate a constant of the theorem at named values, in the arithmetic of those values.

    Args:
        constant: a :class:`~proofs.constants.Constant` or its name in CONSTANTS.
        values: symbol name -> number: verify.Ball (any shape, broadcast), flint.arb, a SymPy number or symbol,
            Fraction or int. Exact ints and Fractions may be mixed with any of them. Unused names are ignored.

    Returns:
        A number of that type enclosing the formula's value for all reals in the given values. For Fraction: exact.

    Raises:
        MissingSymbolError: a symbol of the formula has no value.
        UnknownNodeError: an unknown constant, an unsupported node, or a value whose arithmetic is not exact or
            enclosing, such as a Python float.
        EvaluationError: division by zero, or an irrational root over Fraction.
        verify.errors.DomainError: over Ball, a divisor or a logarithm's argument that meets 0.
    """
    if isinstance(constant, str):
        if constant not in CONSTANTS:
            raise UnknownNodeError(f"constant={constant!r}: expected one of {', '.join(CONSTANTS)}")
        constant = CONSTANTS[constant]
    return evaluate_expression(constant.expression, values)

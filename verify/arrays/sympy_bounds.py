"""Enclosures of real sympy constants such as ``sqrt(2)/3`` or ``exp(-pi)``, by Arb balls (python-flint)."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from verify.arguments import shown
from verify.arrays.rounding import fraction_bounds
from verify.errors import DtypeError

_PRECISION = 256
# Powers of two beyond which an end is beyond all doubles, or between 0 and the least of them: written out, it could fill the memory.
_LARGEST, _SMALLEST = 1100, -1200


def enclose(x: Any) -> tuple[float, float]:
    """Doubles lo ≤ x ≤ hi for a real sympy number built from + × powers and elementary functions of numbers.

    Evaluated in Arb at 256 bits, whose balls are rigorous; sympy's own evalf carries no guarantee.

    >>> import sympy
    >>> lo, hi = enclose(sympy.sqrt(2))
    >>> Fraction(lo) ** 2 < 2 < Fraction(hi) ** 2
    True
    """
    import flint

    with flint.ctx.workprec(_PRECISION):
        ball = _arb(x)
        if not ball.is_finite():
            raise DtypeError(
                f"value={shown(x)}: no finite enclosure at {_PRECISION} bits; pass a Fraction enclosure instead"
            )
        lo, hi = _end(ball.lower(), -1), _end(ball.upper(), 1)
    a, b = -math.inf if lo is None else fraction_bounds(lo)[0], math.inf if hi is None else fraction_bounds(hi)[1]
    if math.isinf(a) or math.isinf(b):
        raise DtypeError(f"value={shown(x)} is beyond the range of doubles")
    return a, b


def _end(endpoint: Any, towards: int) -> Fraction | None:
    """An end of a ball as a Fraction, one next to 0 moved outwards (`towards` ±1); None where it is far beyond all doubles."""
    man, exp = (int(part) for part in endpoint.man_exp())
    size = abs(man).bit_length() + exp
    if man and size > _LARGEST:
        return None
    if man and size < _SMALLEST:
        return Fraction(towards, 2**-_SMALLEST) if man * towards > 0 else Fraction(0)
    return Fraction(man) * Fraction(2) ** exp


def _arb(x: Any) -> Any:
    import flint
    import sympy

    if x.is_Rational:
        return flint.arb(flint.fmpq(int(x.p), int(x.q)))
    if isinstance(x, sympy.Float):
        sign, man, exp, _ = x._mpf_
        return flint.arb(flint.fmpz(-int(man) if sign else int(man))) * flint.arb(2) ** int(exp)
    if x is sympy.pi:
        return flint.arb.pi()
    if x is sympy.E:
        return flint.arb.const_e()
    if isinstance(x, sympy.Add):
        return sum((_arb(a) for a in x.args[1:]), _arb(x.args[0]))
    if isinstance(x, sympy.Mul):
        out = _arb(x.args[0])
        for a in x.args[1:]:
            out = out * _arb(a)
        return out
    if isinstance(x, sympy.Pow):
        base, exponent = x.args
        if exponent == sympy.Rational(1, 2):
            return _arb(base).sqrt()
        if exponent.is_Integer:
            return _arb(base) ** int(exponent)
        return _arb(base) ** _arb(exponent)
    unary = {
        "exp": "exp",
        "log": "log",
        "sin": "sin",
        "cos": "cos",
        "tanh": "tanh",
        "erf": "erf",
        "sinh": "sinh",
    }
    unary |= {"cosh": "cosh", "tan": "tan", "atan": "atan", "Abs": "__abs__"}
    name = type(x).__name__
    if name in unary and len(x.args) == 1:
        return getattr(_arb(x.args[0]), unary[name])()
    raise DtypeError(f"sympy expression {shown(x)}: cannot enclose {name}; pass a Fraction, a str or a Ball")

"""Export of the theorem's SymPy constants to Coq definitions: the fourth reader of one formula.

``python -m proofs.coq_export`` rewrites ``proofs/coq/Constants.v``; a test fails when the file differs from what this
module generates. ``proofs/coq/Main.v`` states the theorem's hypotheses with these definitions and proves them equal
to what the proof uses, so that a changed formula breaks either the test or the proof.

>>> print(definition(CONSTANTS["mu"]))
(* ½‖∇Φ‖² ≥ μΦ on B(θ0, R) *)
Definition mu (lambda_R s : R) : R :=
  lambda_R * s.
>>> print(definition(CONSTANTS["path_classical"]).splitlines()[-1])
  e0 / (c * sqrt lambda_R).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sympy as sp

from proofs.constants import CONSTANTS, Constant
from proofs.errors import UnknownNodeError

__all__ = ["CONSTANTS_FILE", "COQ_DIRECTORY", "definition", "generate", "to_coq", "write"]

COQ_DIRECTORY = Path(__file__).resolve().parent / "coq"
CONSTANTS_FILE = COQ_DIRECTORY / "Constants.v"

_RENAMED = {"R": "Rad"}  # R is Coq's type of the reals
_SUM, _PRODUCT, _FACTOR, _ATOM = 0, 1, 2, 3
_FUNCTIONS = {sp.Max: "Rmax", sp.Min: "Rmin"}


def _name(symbol: Any) -> str:
    return _RENAMED.get(symbol.name, str(symbol.name))


def _wrap(text: str, level: int, needed: int) -> str:
    return text if level >= needed else f"({text})"


def _power(base: Any, exponent: int) -> str:
    """A positive integer power: Coq's ``pow`` on a natural exponent."""
    text = to_coq(base, _ATOM)
    return text if exponent == 1 else f"{text} ^ {exponent}"


def _product(expression: Any, needed: int) -> str:
    """Factors over the denominator's factors; a numeric coefficient p/q is split between them."""
    coefficient, rest = expression.as_coeff_Mul()
    if coefficient.is_negative:
        return _wrap(f"- ({_product_text(-coefficient, rest)})", _SUM, needed)
    return _wrap(_product_text(coefficient, rest), _PRODUCT, needed)


def _product_text(coefficient: Any, rest: Any) -> str:
    above = [str(coefficient.p)] if coefficient.p != 1 else []
    below = [str(coefficient.q)] if coefficient.q != 1 else []
    for factor in rest.as_ordered_factors():
        base, exponent = factor.as_base_exp()
        if exponent.is_Rational and exponent.is_negative:
            below.append(to_coq(base ** (-exponent), _FACTOR))
        elif factor != 1:
            above.append(to_coq(factor, _FACTOR))
    numerator = " * ".join(above) or "1"
    if not below:
        return numerator
    return f"{numerator} / {below[0]}" if len(below) == 1 else f"{numerator} / ({' * '.join(below)})"


def to_coq(expression: Any, needed: int = _SUM) -> str:
    """Return a SymPy expression over the reals as a Coq term in ``R_scope``.

    Args:
        expression: sums, products, rational powers with exponent k or k/2, Max, Min, log, rationals, symbols.
        needed: the loosest form that may stand without parentheses: 0 a sum, 1 a product, 2 a power or application,
            3 an atom.

    Raises:
        UnknownNodeError: a head that has no translation here; add it, with its meaning in Coq's standard library.

    Example:
        >>> x, y = sp.symbols("x y", positive=True)
        >>> to_coq(sp.sqrt(x) / (1 - y) ** 2)
        'sqrt x / (1 - y) ^ 2'
    """
    if expression.is_Symbol:
        return _name(expression)
    if expression.is_Integer:
        return str(expression) if expression >= 0 else f"({expression})"
    if expression.is_Rational:
        return _wrap(f"{expression.p} / {expression.q}", _PRODUCT if expression.p > 0 else _SUM, needed)
    if expression.is_Add:
        text = ""
        # Terms with a plus sign first: 1 - eta * mu.
        for term in sorted(expression.as_ordered_terms(), key=lambda t: bool(t.could_extract_minus_sign())):
            if text and term.could_extract_minus_sign():
                text += f" - {to_coq(-term, _PRODUCT)}"
            else:
                text += f" + {to_coq(term, _SUM)}" if text else to_coq(term, _SUM)
        return _wrap(text, _SUM, needed)
    if expression.is_Pow:
        base, exponent = expression.as_base_exp()
        if exponent == sp.Rational(1, 2):
            return _wrap(f"sqrt {to_coq(base, _ATOM)}", _FACTOR, needed)
        if exponent.is_Integer and exponent > 0:
            return _wrap(_power(base, int(exponent)), _FACTOR, needed)
        if exponent.is_Rational and exponent.is_negative:
            return _wrap(f"1 / {to_coq(base ** (-exponent), _FACTOR)}", _PRODUCT, needed)
    if expression.is_Mul:
        return _product(expression, needed)
    if expression.func in _FUNCTIONS:
        head = _FUNCTIONS[expression.func]
        arguments = sorted(expression.args, key=sp.default_sort_key)
        text = to_coq(arguments[-1], _ATOM)
        for argument in reversed(arguments[:-1]):
            text = f"({head} {to_coq(argument, _ATOM)} {text})"
        return text if needed >= _ATOM else text[1:-1]
    if expression.func is sp.log:
        return _wrap(f"ln {to_coq(expression.args[0], _ATOM)}", _FACTOR, needed)
    raise UnknownNodeError(
        f"expression={expression}: no Coq translation of {expression.func}; extend proofs.coq_export.to_coq"
    )


def definition(constant: Constant) -> str:
    """Return the Coq definition of one constant; its arguments are its symbols in alphabetical order."""
    names = sorted(_name(symbol) for symbol in constant.symbols)
    statement = constant.statement.replace("*)", "* )")
    return f"(* {statement} *)\nDefinition {constant.name} ({' '.join(names)} : R) : R :=\n  {to_coq(constant.expression)}."


def generate() -> str:
    """Return the text of ``Constants.v``."""
    head = (
        "(** * The theorem's constants, exported from proofs/constants.py\n\n"
        "    Generated by [python -m proofs.coq_export]; do not edit.  A test regenerates and compares. *)\n\n"
        "From Coq Require Import Reals.\nOpen Scope R_scope.\n\n"
    )
    return head + "\n\n".join(definition(constant) for constant in CONSTANTS.values()) + "\n"


def write(path: Path = CONSTANTS_FILE) -> None:
    """Write ``Constants.v``."""
    path.write_text(generate(), encoding="utf-8")


if __name__ == "__main__":
    write()

"""Printed decimals never overstate what is proved."""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from verify.arrays import Ball
from verify.decimals import at_least, at_most, below_one, bounds, enclosure, exact, plain, separated

finite = st.floats(allow_nan=False, allow_infinity=False)


def read(text: str) -> Fraction:
    return Fraction(text.replace("−", "-"))


@given(finite, st.integers(1, 17))
def test_decimals_bracket_the_exact_value_within_one_digit(x: float, digits: int) -> None:
    low, high = read(at_least(x, digits)), read(at_most(x, digits))
    assert low <= Fraction(x) <= high
    if x:
        unit = Fraction(10) ** (math.floor(math.log10(abs(x)) if abs(x) > 1e-300 else -330) - digits + 2)
        assert high - low <= max(unit, Fraction(abs(x)) * Fraction(10) ** (2 - digits))


@given(st.fractions(min_value=-(10**9), max_value=10**9))
def test_fractions_are_bracketed_too(x: Fraction) -> None:
    assert read(at_least(x)) <= x <= read(at_most(x))


def test_rounding_to_nearest_would_overstate() -> None:
    # The property above bites: the mutant that rounds to nearest breaks it.
    assert read(plain(0.23307_56, 4)) > Fraction(0.2330756)
    assert read(at_least(0.23307_56, 4)) <= Fraction(0.2330756)


@given(st.floats(min_value=0.0, max_value=1.0, exclude_min=True, exclude_max=True))
@settings(max_examples=200)
def test_a_rate_stays_below_one_and_is_not_understated(x: float) -> None:
    shown = read(below_one(x))
    assert Fraction(x) <= shown < 1


@given(finite, finite)
def test_separated_sides_keep_their_inequality(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    left, right = read(separated(low, high)[0]), read(separated(low, high)[1])
    assert Fraction(low) <= left
    assert right <= Fraction(high)


def test_close_sides_get_the_digits_they_need() -> None:
    assert separated(1.0, 1.0 + 2.0**-40) == ("1", "1.0000000000009")


@pytest.mark.parametrize(
    ("value", "text"), [(Fraction(1, 3), "1/3"), (0.5, "1/2"), (Fraction(0.1), "0.1 (as a double)"), (3, "3")]
)
def test_exact_numbers_are_named_in_full(value: object, text: str) -> None:
    assert exact(value) == text


def test_enclosures_are_rounded_outwards() -> None:
    ball = Ball(1.0, 1e-9)
    low, high = enclosure(ball).strip("[]").split(", ")
    assert read(low) <= Fraction(float(ball.lower()))
    assert read(high) >= Fraction(float(ball.upper()))
    assert bounds(Ball([1.0, 2.0], 0.5)) == (0.5, 2.5)


def test_infinities_and_nan_are_words() -> None:
    assert [at_most(math.inf), at_least(-math.inf), plain(math.nan)] == ["∞", "−∞", "not a number"]


@pytest.mark.parametrize("rounding", [decimal.ROUND_DOWN, decimal.ROUND_UP, decimal.ROUND_HALF_EVEN])
def test_the_callers_decimal_context_decides_no_digit(rounding: str) -> None:
    """A context of two digits cut at_most(1.2111e-9) to 1.2e-9."""
    values = [1.2111e-9, 1.2999e-9, -1.2999e-9, 1.2345e12, 0.12345, Fraction(1, 3), 0.99998765]
    asked: list[Callable[[Any], str]] = [
        at_least,
        at_most,
        plain,
        enclosure,
        below_one,
        lambda x: str(Ball(float(x), 1e-20)),
    ]
    before = [[text(x) for text in asked] for x in values]
    with decimal.localcontext() as context:
        context.prec, context.rounding, context.Emax, context.Emin = 2, rounding, 3, -3
        for signal in context.traps:
            context.traps[signal] = True
        assert [[text(x) for text in asked] for x in values] == before

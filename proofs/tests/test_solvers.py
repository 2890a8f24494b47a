from __future__ import annotations

import pytest
import sympy as sp

from proofs.errors import ProofError
from proofs.solvers import consistent, entails

x, y, z = sp.symbols("x y z", real=True)
p, q = sp.symbols("p q", positive=True)
n = sp.Symbol("n", nonnegative=True)


@pytest.mark.parametrize(
    ("premises", "goal"),
    [
        ([], x**2 + y**2 >= 2 * x * y),
        ([], sp.Max(x, y) >= (x + y) / 2),
        ([], sp.Min(x, y) <= (x + y) / 2),
        ([x >= 2], sp.sqrt(x) >= 1),
        ([x > 1], 1 / x < 1),
        ([n <= 1], sp.sqrt(n) >= n),
        ([sp.log(p) <= sp.log(q)], sp.log(p / q) <= 0),
        ([sp.Implies(x > 0, y > 0), x > 1], y > 0),
        ([sp.Or(x > 1, y > 1), x <= 0], y > 1),
        ([sp.Abs(x) <= 1], x >= -1),
        ([sp.Ne(x, 0)], x**2 > 0),
    ],
)
def test_true_statements_are_proved_by_both_solvers(premises: list[sp.Basic], goal: sp.Basic) -> None:
    verdict = entails(premises, goal)
    assert verdict.proved
    assert verdict.confirmed


@pytest.mark.parametrize(
    ("premises", "goal"),
    [
        ([], x**2 + y**2 > 2 * x * y),
        ([], sp.Max(x, y) > (x + y) / 2),
        ([n <= 1], sp.sqrt(n) > n),
        ([sp.log(p) <= sp.log(q)], sp.log(p / q) < 0),
        ([sp.Implies(x > 0, y > 0)], y > 0),
        ([x >= 0], x > 0),
    ],
)
def test_false_statements_are_refuted_with_a_model(premises: list[sp.Basic], goal: sp.Basic) -> None:
    verdict = entails(premises, goal)
    assert not verdict.proved
    assert verdict.detail.startswith("refuted:")


@pytest.mark.parametrize(
    "goal",
    [
        sp.sqrt(x) >= 0,  # undefined for x < 0
        1 / x**2 > 0,  # undefined at 0
        sp.sqrt(1 - x**2) <= 1,
        1 / (1 + x) < 2,
    ],
)
def test_partial_terms_must_be_defined(goal: sp.Basic) -> None:
    verdict = entails([], goal)
    assert not verdict.proved
    assert "not proved defined" in verdict.detail or verdict.detail.startswith("refuted")


def test_a_premise_cannot_define_its_own_quotient() -> None:
    """1/x <= 1 as a premise must not smuggle in x != 0."""
    verdict = entails([1 / x <= 1], sp.Ne(x, 0))
    assert not verdict.proved
    assert "not proved defined" in verdict.detail


def test_definedness_may_use_the_other_premises() -> None:
    assert entails([x >= 1, 1 / x <= y], y > 0).proved
    assert entails([x >= 1, sp.sqrt(x - 1) + 1 <= y], y >= 1).proved
    assert entails([p * q >= 1, 1 / (sp.sqrt(p) * q) <= n], n > 0).proved


def test_signs_of_symbols_are_used_and_only_those() -> None:
    assert entails([], p > 0).proved
    assert entails([], n >= 0).proved
    assert not entails([], z >= 0).proved
    assert not entails([n * 1 >= 0], n > 0).proved


def test_unsatisfiable_premises_are_seen() -> None:
    assert not consistent((x > 1, x < 0))
    assert consistent((x > 1, y < 0))
    assert not consistent((sp.Eq(x**2, -1),))
    assert entails([x > 1, x < 0], y > 5).proved  # vacuously: hence the consistency check of every proof


def test_untranslatable() -> None:
    for goal in (sp.exp(x) > y, sp.Symbol("w") > 0, p ** sp.Rational(1, 3) > q):
        with pytest.raises(ProofError):
            entails([], goal)
    with pytest.raises(ProofError):
        entails([], x + 1)

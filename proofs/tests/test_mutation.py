"""A constant whose formula is altered turns a proof red: a factor 2, each numeric literal, a dropped root, Max for Min."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from proofs import ledger
from proofs.claim import Formulas
from proofs.constants import CONSTANTS

# A condition "> 0" is unchanged by a positive factor; its literals are mutated below.
SIGN_CONDITIONS = {"margin_flow"}

CLAIMS = {claim.id: claim.proof for claim in ledger.claims().values() if claim.proof is not None}


def _users() -> dict[str, list[str]]:
    users: dict[str, list[str]] = {name: [] for name in CONSTANTS}
    for claim_id, prove in CLAIMS.items():
        formulas = Formulas()
        prove(formulas)
        for name in formulas.used:
            users[name].append(claim_id)
    return users


USERS = _users()


def _red(name: str, expression: Any) -> bool:
    """Whether some claim that uses the constant is no longer proved; only lines that differ are solved anew."""
    return any(
        not CLAIMS[claim_id](Formulas(**{name: expression})).check(confirm=False).complete for claim_id in USERS[name]
    )


def _literals(expression: Any) -> list[Any]:
    found = {node for node in sp.preorder_traversal(expression) if node.is_Rational and node not in (-1, 0, 1)}
    return sorted(found, key=str)


def _mutants(expression: Any) -> list[tuple[str, list[Any]]]:
    """Groups of altered formulas; in each group at least one alteration is on the unsafe side."""
    groups = [("the whole, times 2 or 1/2", [expression / 2, expression * 2])]
    for literal in _literals(expression):
        if any(node.is_Pow and node.exp == literal and literal.q != 1 for node in sp.preorder_traversal(expression)):
            root = _without_root(expression, literal)
            groups.append((f"root {literal} dropped", [root]))
            factor = any(node.is_Mul and literal in node.args for node in sp.preorder_traversal(expression))
            if not factor:
                continue
        halved = [expression.xreplace({literal: new}) for new in (literal / 2, literal * 2)]
        groups.append((f"{literal} halved or doubled", [m for m in halved if _roots_stay(expression, m)]))
    if expression.has(sp.Min):
        groups.append(("Max for Min", [expression.replace(sp.Min, sp.Max)]))
    if expression.has(sp.Max):
        groups.append(("Min for Max", [expression.replace(sp.Max, sp.Min)]))
    return [(name, group) for name, group in groups if group]


def _without_root(expression: Any, exponent: Any) -> Any:
    return expression.replace(lambda node: bool(node.is_Pow and node.exp == exponent), lambda node: node.base)


def _roots_stay(before: Any, after: Any) -> bool:
    def exponents(e: Any) -> set[Any]:
        return {abs(n.exp) for n in sp.preorder_traversal(e) if n.is_Pow and n.exp.is_Rational and n.exp.q != 1}

    return exponents(after) <= exponents(before)


@pytest.mark.parametrize("name", CONSTANTS)
def test_altered_constant_turns_a_proof_red(name: str) -> None:
    assert USERS[name], f"no proof uses {name}"
    expression = CONSTANTS[name].expression
    for description, mutants in _mutants(expression):
        if name in SIGN_CONDITIONS and description.startswith("the whole"):
            continue
        assert any(_red(name, mutant) for mutant in mutants), f"{name}: {description} goes unnoticed"


def test_the_unaltered_constants_are_green() -> None:
    assert not any(_red(name, CONSTANTS[name].expression) for name in ("mu", "step_bound", "residual_rate"))

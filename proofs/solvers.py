"""Inequalities over the reals, decided by z3 and confirmed by cvc5: no floating point, no sampling.

A goal follows from its premises when the premises together with the goal's negation are unsatisfiable over the reals.
Only the solver's answer "unsat" counts; "unknown" and an exhausted resource limit do not.

SymPy relations are translated to polynomial constraints. A square root sqrt(x) becomes a new variable r with r >= 0 and
r**2 = x, a quotient 1/x a new variable v with v*x = 1. Both would silently restrict the reals considered to those where
x >= 0, respectively x != 0, so these two facts are proved first, from the premises that do not mention the new variable.
A logarithm of a symbol is an unconstrained real variable; what is used about it must be given as a premise.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from proofs.errors import ProofError

__all__ = ["Verdict", "consistent", "entails"]

# z3 counts elementary operations, so that success does not depend on how busy the machine is.
_RESOURCES = 4_000_000
_CVC5_RESOURCES = 200_000


@dataclass(frozen=True)
class Verdict:
    """What the solvers say about one goal.

    Attributes:
        proved: z3 found premises and negated goal unsatisfiable (and every root and quotient was proved defined).
        confirmed: cvc5 found the same.
        detail: "proved", "refuted: …" with z3's counter-model, or "undecided: …".
    """

    proved: bool
    confirmed: bool
    detail: str


@dataclass
class _Translation:
    """SymPy -> z3, with the new variables that stand for roots and quotients."""

    variables: dict[Any, Any] = field(default_factory=dict)
    signs: list[Any] = field(default_factory=list)
    # per partial term: (z3 obligation that it is defined, z3 constraints that define it, terms it is built from)
    partial: dict[Any, tuple[Any, list[Any], frozenset[Any]]] = field(default_factory=dict)

    def variable(self, symbol: Any) -> Any:
        z3 = _z3()
        if symbol not in self.variables:
            if symbol.is_Symbol and not symbol.is_real:
                raise ProofError(f"symbol={symbol} is not real")
            new = z3.Real(f"x_{symbol.name}" if symbol.is_Symbol else f"log_{symbol.args[0].name}")
            self.variables[symbol] = new
            if symbol.is_positive:
                self.signs.append(new > 0)
            elif symbol.is_nonnegative:
                self.signs.append(new >= 0)
        return self.variables[symbol]

    def partial_variable(self, term: Any, kind: str, inner: Any) -> Any:
        z3 = _z3()
        name = z3.Real(f"{kind}_{len(self.partial)}") if term not in self.variables else self.variables[term]
        if term not in self.variables:
            self.variables[term] = name
            below = frozenset(self.terms(inner))
            argument = self.real(inner)
            if kind == "root":
                entry = (argument >= 0, [name >= 0, name * name == argument], below)
            else:
                entry = (argument != 0, [name * argument == 1], below)
            self.partial[term] = entry
        return name

    @staticmethod
    def terms(expression: Any) -> set[Any]:
        """The partial terms inside an expression: half-integer and negative powers."""
        found: set[Any] = set()
        for node in sp.preorder_traversal(expression):
            if node.is_Pow:
                if node.exp.is_Rational and node.exp.q == 2:
                    found.add(("root", node.base))
                if node.exp.is_negative:
                    positive = node.base ** (-node.exp)
                    found.add(("inverse", positive))
        return found

    def real(self, node: Any) -> Any:
        z3 = _z3()
        if node.is_Symbol:
            return self.variable(node)
        if node.is_Rational:
            return z3.Q(int(node.p), int(node.q))
        if node.is_Add:
            return functools.reduce(lambda x, y: x + y, map(self.real, node.args))
        if node.is_Mul:
            return functools.reduce(lambda x, y: x * y, map(self.real, node.args))
        if node.is_Pow and node.exp.is_Rational:
            if node.exp.is_negative:
                positive = node.base ** (-node.exp)
                return self.partial_variable(("inverse", positive), "inverse", positive)
            if node.exp.q == 2:
                root = self.partial_variable(("root", node.base), "root", node.base)
                return functools.reduce(lambda x, y: x * y, [root] * int(node.exp.p))
            if node.exp.q == 1:
                base = self.real(node.base)
                return functools.reduce(lambda x, y: x * y, [base] * int(node.exp.p))
        if isinstance(node, sp.Max | sp.Min):
            greater = isinstance(node, sp.Max)
            return functools.reduce(lambda x, y: z3.If(x >= y if greater else x <= y, x, y), map(self.real, node.args))
        if isinstance(node, sp.Abs):
            inner = self.real(node.args[0])
            return z3.If(inner >= 0, inner, -inner)
        if isinstance(node, sp.log):
            expanded = sp.expand_log(node, force=True)
            if expanded == node:
                if not node.args[0].is_Symbol:
                    raise ProofError(f"log of {node.args[0]}: expected a product or quotient of symbols")
                return self.variable(node)
            return self.real(expanded)
        raise ProofError(f"cannot translate {sp.srepr(node)} to real arithmetic")

    def boolean(self, relation: Any) -> Any:
        z3 = _z3()
        if relation in (sp.true, sp.false, True, False):
            return z3.BoolVal(bool(relation))
        if isinstance(relation, sp.And):
            return z3.And(*map(self.boolean, relation.args))
        if isinstance(relation, sp.Or):
            return z3.Or(*map(self.boolean, relation.args))
        if isinstance(relation, sp.Not):
            return z3.Not(self.boolean(relation.args[0]))
        if isinstance(relation, sp.Implies):
            return z3.Implies(*map(self.boolean, relation.args))
        if not isinstance(relation, sp.core.relational.Relational):
            raise ProofError(f"expected a relation, given {relation!r}")
        left, right = self.real(relation.lhs), self.real(relation.rhs)
        if isinstance(relation, sp.Equality):
            return left == right
        if isinstance(relation, sp.Unequality):
            return left != right
        return {">=": left >= right, ">": left > right, "<=": left <= right, "<": left < right}[relation.rel_op]


def _z3() -> Any:
    import z3

    return z3


def _solver() -> Any:
    z3 = _z3()
    solver = z3.SolverFor("QF_NRA")
    solver.set("rlimit", _RESOURCES)
    return solver


@functools.cache
def _cvc5_unsat(problem: str) -> bool:
    """Whether cvc5 finds the SMT-LIB problem unsatisfiable within its resource limit."""
    import cvc5

    solver = cvc5.Solver(cvc5.TermManager())
    solver.setOption("rlimit-per", str(_CVC5_RESOURCES))
    solver.setOption("tlimit-per", "2000")
    solver.setLogic("QF_NRA")
    parser = cvc5.InputParser(solver)
    symbols = parser.getSymbolManager()
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, problem, "goal")
    answer = ""
    while not (command := parser.nextCommand()).isNull():
        answer = str(command.invoke(solver, symbols)).strip() or answer
    return answer == "unsat"


def _check(constraints: Sequence[Any]) -> tuple[str, Any, str]:
    solver = _solver()
    solver.add(*constraints)
    answer = str(solver.check())
    return answer, (solver.model() if answer == "sat" else None), solver.to_smt2()


def _define(translation: _Translation, facts: Sequence[tuple[Any, frozenset[Any]]]) -> tuple[list[Any], list[str]]:
    """Prove that every root and quotient is defined, innermost first; return their definitions and what failed."""
    established: set[Any] = set()
    constraints: list[Any] = []
    pending = dict(translation.partial)
    z3 = _z3()
    while pending:
        usable = [fact for fact, terms in facts if terms <= established]
        progress = False
        for term, (obligation, definition, below) in list(pending.items()):
            if not below <= established:
                continue
            argument = term[1]
            evident = argument.is_nonnegative if term[0] == "root" else argument.is_positive
            if not evident:
                answer, _, _ = _check([*translation.signs, *usable, *constraints, z3.Not(obligation)])
                evident = answer == "unsat"
            if evident:
                established.add(term)
                constraints += definition
                del pending[term]
                progress = True
        if not progress:
            return constraints, [f"{kind} of {argument} not proved defined" for kind, argument in pending]
    return constraints, []


def entails(premises: Iterable[Any], goal: Any, *, confirm: bool = True) -> Verdict:
    """Decide whether the goal holds for all reals that satisfy the premises and the signs of the symbols.

    Args:
        premises: SymPy relations (or And, Or, Implies, Not of such).
        goal: likewise.
        confirm: ask cvc5 too.

    >>> x, y = sp.symbols("x y", real=True)
    >>> entails([], x**2 + y**2 >= 2 * x * y).proved
    True
    >>> entails([], x**2 + y**2 > 2 * x * y).proved
    False
    """
    premises = tuple(premises)
    return _entails(premises, goal, confirm)


@functools.cache
def _entails(premises: tuple[Any, ...], goal: Any, confirm: bool) -> Verdict:
    if goal in (sp.true, True):
        return Verdict(True, True, "proved by the signs of the symbols")
    z3 = _z3()
    translation = _Translation()
    facts = [(translation.boolean(premise), frozenset(translation.terms(premise))) for premise in premises]
    target = translation.boolean(goal)
    definitions, undefined = _define(translation, facts)
    if undefined:
        return Verdict(False, False, "undecided: " + "; ".join(undefined))
    constraints = [*translation.signs, *(fact for fact, _ in facts), *definitions, z3.Not(target)]
    answer, model, problem = _check(constraints)
    if answer == "unsat":
        return Verdict(True, confirm and _cvc5_unsat(problem), "proved")
    if answer == "sat":
        values = ", ".join(sorted(f"{d.name()} = {model[d]}" for d in model.decls()))
        return Verdict(False, False, f"refuted: {values}")
    return Verdict(False, False, "undecided: the resource limit was reached")


@functools.cache
def consistent(premises: tuple[Any, ...]) -> bool:
    """Whether z3 finds reals that satisfy all the premises: a proof from them is then not vacuous."""
    translation = _Translation()
    facts = [translation.boolean(premise) for premise in premises]
    definitions = [constraint for _, defining, _ in translation.partial.values() for constraint in defining]
    answer, _, _ = _check([*translation.signs, *facts, *definitions])
    return answer == "sat"

"""What a claim and its proof are: data that a machine checks, no free text that counts.

A proof is a chain. Its *givens* are hypotheses of the claim, definitions, and instances of lemmas cited from the
literature; every further line is *derived* from named earlier lines, by z3 (negation unsatisfiable over the reals) or by
SymPy (an identity whose difference cancels to 0 over the rationals). The last lines are the claim's conclusion. A
supposition (an inductive hypothesis, the assumption of a proof by contradiction) must be discharged by a lemma, such as
the principle of induction, whose premises are earlier lines.

The formulas come from :class:`Formulas`, so that a test can hand a proof an altered constant and see it fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy as sp

from proofs.constants import CONSTANTS, Constant
from proofs.errors import ProofError
from proofs.solvers import Verdict, consistent, entails
from proofs.symbols import SYMBOLS

__all__ = [
    "Claim",
    "Counterexample",
    "Fact",
    "Formulas",
    "Hypothesis",
    "Needless",
    "Outcome",
    "Proof",
    "sym",
]


def sym(names: str, **assumptions: bool) -> Any:
    """Return symbols: those of proofs.symbols by their name, others new (nonnegative unless told otherwise)."""
    made = [
        SYMBOLS[name].symbol if name in SYMBOLS else sp.Symbol(name, **(assumptions or {"nonnegative": True}))
        for name in names.replace(",", " ").split()
    ]
    return made[0] if len(made) == 1 else tuple(made)


class Formulas:
    """The constants by name, with those that were asked for recorded.

    >>> formulas = Formulas()
    >>> formulas("mu", lambda_R=sp.Symbol("x"))
    s*x
    >>> formulas.used
    {'mu': None}
    """

    def __init__(self, constants: Mapping[str, Constant] = CONSTANTS, **altered: Any) -> None:
        """Take the constants, replacing the expressions of those named in `altered`."""
        self._constants = dict(constants)
        for name, expression in altered.items():
            self._constants[name] = replace(self._constants[name], expression=expression)
        self.used: dict[str, None] = {}

    def __call__(self, name: str, **values: Any) -> Any:
        """Return the expression of a constant with symbols replaced by the given expressions, all at once."""
        if name not in self._constants:
            raise ProofError(f"constant={name!r}: expected one of {', '.join(self._constants)}")
        self.used[name] = None
        expression = self._constants[name].expression
        unknown = set(values) - {symbol.name for symbol in CONSTANTS[name].symbols}
        if unknown:
            raise ProofError(f"{name} has no symbol {', '.join(sorted(unknown))}")
        return expression.subs({SYMBOLS[key].symbol: value for key, value in values.items()}, simultaneous=True)


@dataclass(frozen=True)
class _Line:
    name: str
    relation: Any
    kind: str  # hypothesis | definition | lemma | supposition | derived | identity
    text: str
    using: tuple[str, ...] = ()
    lemma: str = ""
    discharges: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """The result of checking a proof.

    Attributes:
        complete: every derived line is discharged, every supposition too, and the hypotheses are consistent.
        failures: what is not, in words.
        lemmas: ids of the cited lemmas, in order of use.
        steps: number of derived lines.
        confirmed: number of those that cvc5 or SymPy's exact algebra confirms independently of z3.
    """

    complete: bool
    failures: tuple[str, ...]
    lemmas: tuple[str, ...]
    steps: int
    confirmed: int


@dataclass
class Proof:
    """A chain of lines under construction; the methods add one line each."""

    lines: dict[str, _Line] = field(default_factory=dict)
    conclusion: tuple[str, ...] = ()

    def _add(self, line: _Line) -> Any:
        if line.name in self.lines:
            raise ProofError(f"line={line.name!r} occurs twice")
        for earlier in (*line.using, *line.discharges):
            if earlier not in self.lines:
                raise ProofError(f"line={line.name!r} uses {earlier!r}, which is not an earlier line")
        self.lines[line.name] = line
        return line.relation

    def hypothesis(self, name: str, relation: Any, text: str = "") -> Any:
        """Add a hypothesis of the claim, a SymPy relation, and return it; its necessity is a matter of the claim's `hypotheses`."""
        return self._add(_Line(name, relation, "hypothesis", text))

    def define(self, name: str, relation: Any, text: str = "") -> Any:
        """Add a definition: a relation that holds since it says what one of its symbols means (`text`: in words); return it."""
        return self._add(_Line(name, relation, "definition", text))

    def lemma(
        self,
        name: str,
        lemma: str,
        relation: Any,
        text: str = "",
        *,
        premises: Iterable[str] = (),
        discharges: Iterable[str] = (),
    ) -> Any:
        """Add an instance of a lemma: an id of proofs.lemmas, or "claim:ID" for another claim of this ledger.

        Its premises are earlier lines; the suppositions it discharges must be among those made before.
        """
        return self._add(_Line(name, relation, "lemma", text, tuple(premises), lemma, tuple(discharges)))

    def suppose(self, name: str, relation: Any, text: str = "") -> Any:
        """Add a supposition, as an induction hypothesis is: open until a lemma names it in `discharges`; return it."""
        return self._add(_Line(name, relation, "supposition", text))

    def derive(self, name: str, relation: Any, using: str = "", text: str = "") -> Any:
        """Add a line that z3 must derive from the lines named in `using` (all earlier ones when empty)."""
        names = tuple(using.split()) if using else tuple(self.lines)
        return self._add(_Line(name, relation, "derived", text, names))

    def identity(self, name: str, left: Any, right: Any, text: str = "") -> Any:
        """Add an identity that must cancel to 0 exactly, by SymPy over the rationals."""
        return self._add(_Line(name, sp.Eq(left, right, evaluate=False), "identity", text))

    def conclude(self, names: str) -> Proof:
        """State which lines are the claim's conclusion."""
        self.conclusion = tuple(names.split())
        for name in self.conclusion:
            if name not in self.lines:
                raise ProofError(f"conclusion {name!r} is not a line of the proof")
        return self

    def without(self, dropped: str) -> Proof:
        """Return the proof with one line dropped, and every lemma instance that has it among its premises."""
        gone = {dropped}
        kept: dict[str, _Line] = {}
        for name, line in self.lines.items():
            if name in gone or (line.kind == "lemma" and gone & set(line.using)):
                gone.add(name)
            else:
                kept[name] = replace(line, using=tuple(used for used in line.using if used not in gone))
        return Proof(kept, self.conclusion)

    def hypotheses(self) -> tuple[str, ...]:
        """Names of the hypotheses."""
        return tuple(name for name, line in self.lines.items() if line.kind == "hypothesis")

    def granted(self) -> tuple[str, ...]:
        """Names of the symbols that are positive by declaration: "> 0" of each is granted, whether a hypothesis says so or not."""
        symbols = {symbol for line in self.lines.values() for symbol in getattr(line.relation, "free_symbols", ())}
        return tuple(sorted(symbol.name for symbol in symbols if symbol.is_positive))

    def check_line(self, name: str, *, confirm: bool = True) -> Verdict:
        """Discharge one derived line from the lines it uses, or one identity by expansion; `confirm`: by a second solver as well."""
        line = self.lines[name]
        if line.kind == "identity":
            difference = sp.cancel(sp.expand(line.relation.lhs - line.relation.rhs))
            zero = difference == 0 or sp.simplify(difference) == 0
            return Verdict(zero, zero, "proved" if zero else f"refuted: the difference is {difference}")
        return entails([self.lines[used].relation for used in line.using], line.relation, confirm=confirm)

    def check(self, *, confirm: bool = True) -> Outcome:
        """Check every line. Identical questions to the solvers are asked once per process."""
        failures, lemmas, steps, confirmed = [], [], 0, 0
        open_suppositions = [name for name, line in self.lines.items() if line.kind == "supposition"]
        if not self.conclusion:
            failures.append("no conclusion is stated")
        failures += [f"{name}: the conclusion is not reached" for name in self.conclusion if name not in self.lines]
        for name, line in self.lines.items():
            if line.kind == "lemma":
                lemmas.append(line.lemma)
                open_suppositions = [s for s in open_suppositions if s not in line.discharges]
            if line.kind in ("derived", "identity"):
                steps += 1
                verdict = self.check_line(name, confirm=confirm)
                confirmed += verdict.confirmed
                if not verdict.proved:
                    failures.append(f"{name}: {verdict.detail}")
            elif line.relation in (sp.false, False):
                failures.append(f"{name}: the {line.kind} is false outright")
            elif line.kind == "hypothesis" and line.relation in (sp.true, True):
                failures.append(f"{name}: granted by the signs of its symbols, so dropping it would go unnoticed")
        failures += [f"{name}: the supposition is never discharged" for name in open_suppositions]
        givens = tuple(
            line.relation for line in self.lines.values() if line.kind in ("hypothesis", "definition", "lemma")
        )
        if not consistent(givens):
            failures.append("the givens were not shown consistent: the proof might be vacuous")
        return Outcome(not failures, tuple(failures), tuple(dict.fromkeys(lemmas)), steps, confirmed)


@dataclass(frozen=True)
class Fact:
    """An exactly decided statement of a counterexample: what was checked, and whether it is true."""

    text: str
    true: bool


@dataclass(frozen=True)
class Counterexample:
    """A concrete instance, decided in exact rational or interval arithmetic.

    Attributes:
        text: the instance.
        facts: computes the facts; the counterexample stands when all are true and there is at least one.
    """

    text: str
    facts: Callable[[], list[Fact]]

    def failures(self) -> tuple[str, ...]:
        """What does not hold; empty when the counterexample stands."""
        facts = self.facts()
        if not facts:
            return ("no fact was checked",)
        return tuple(fact.text for fact in facts if not fact.true)


@dataclass(frozen=True)
class Needless:
    """A hypothesis that the conclusion does not need; `claim` is the id of a proved claim without it."""

    claim: str
    text: str


@dataclass(frozen=True)
class Hypothesis:
    """A hypothesis of a claim, and what becomes of the conclusion without it.

    Attributes:
        name: short id, unique within the claim.
        text: the hypothesis.
        necessity: a counterexample when it is dropped, or the claim that does without it.
    """

    name: str
    text: str
    necessity: Counterexample | Needless


@dataclass(frozen=True)
class Claim:
    """One claim: statement, provenance, and either a proof, a refutation, or what is missing.

    Attributes:
        id: canonical; the module's name.
        title: a few words.
        statement: the claim, in full.
        source: "as in the abstract of v1/v2/v3", "our formulation", or a reference.
        hypotheses: each with its necessity.
        proof: builds the chain from the constants; None if there is none.
        refutation: a counterexample to the statement; None if there is none.
        witnesses: concrete instances that the statement asserts to exist; each must stand.
        remarks: what a reader should know besides; the paper proof where the chain alone is terse.
        missing: for an open claim, what a proof lacks.
        repaired_by: for a refuted claim, the ids of claims that hold instead.
        refuted_with: for a refuted claim, the ids of proved claims that the refutation needs besides the counterexample.
    """

    id: str
    title: str
    statement: str
    source: str
    hypotheses: tuple[Hypothesis, ...] = ()
    proof: Callable[[Formulas], Proof] | None = None
    refutation: Counterexample | None = None
    witnesses: tuple[Counterexample, ...] = ()
    remarks: str = ""
    missing: str = ""
    repaired_by: tuple[str, ...] = ()
    refuted_with: tuple[str, ...] = ()

"""Every claim: its proof checks, each hypothesis is used, a turned conclusion is not proved, each counterexample stands."""

from __future__ import annotations

import pkgutil
from dataclasses import replace

import pytest
import sympy as sp

import proofs.claims
from proofs import ledger
from proofs.claim import Claim, Counterexample, Fact, Formulas, Needless, Proof, sym
from proofs.errors import ProofError
from proofs.lemmas import LEMMAS
from proofs.symbols import SYMBOLS

CLAIMS = ledger.claims()
WITH_PROOF = [claim for claim in CLAIMS.values() if claim.proof is not None]


def _proof(claim: Claim) -> Proof:
    assert claim.proof is not None
    return claim.proof(Formulas())


def test_every_module_is_in_the_ledger_once() -> None:
    modules = sorted(module.name for module in pkgutil.iter_modules(proofs.claims.__path__))
    listed = [claim_id for group in ledger.ORDER.values() for claim_id in group]
    assert sorted(listed) == modules
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("claim", WITH_PROOF, ids=lambda c: c.id)
def test_every_hypothesis_of_the_proof_is_used(claim: Claim) -> None:
    proof = _proof(claim)
    for name in proof.hypotheses():
        assert not proof.without(name).check(confirm=False).complete, f"{claim.id} is provable without {name}"


@pytest.mark.parametrize("claim", WITH_PROOF, ids=lambda c: c.id)
def test_turned_conclusions_are_not_proved(claim: Claim) -> None:
    """Replace each derived conclusion by its negation: the line must fail."""
    proof = _proof(claim)
    derived = [name for name in proof.conclusion if proof.lines[name].kind == "derived"]
    for name in derived:
        relation = proof.lines[name].relation
        if relation in (sp.true, True):
            continue
        turned = Proof({**proof.lines, name: replace(proof.lines[name], relation=sp.Not(relation))}, (name,))
        assert not turned.check_line(name, confirm=False).proved


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda c: c.id)
def test_claim_is_complete_as_a_document(claim: Claim) -> None:
    assert claim.title
    assert claim.statement
    assert claim.source
    assert (claim.proof is not None) + (claim.refutation is not None) + bool(claim.missing) == 1
    assert claim.hypotheses or claim.refutation or claim.missing or claim.witnesses
    names = [hypothesis.name for hypothesis in claim.hypotheses]
    assert len(names) == len(set(names))
    for hypothesis in claim.hypotheses:
        if isinstance(hypothesis.necessity, Needless):
            assert hypothesis.necessity.claim in CLAIMS
    assert set(claim.repaired_by) | set(claim.refuted_with) <= set(CLAIMS)
    if claim.proof is not None:
        for line in _proof(claim).lines.values():
            if line.kind == "lemma":
                known = line.lemma in LEMMAS or line.lemma.removeprefix("claim:") in CLAIMS
                assert known, line.lemma


def test_a_false_counterexample_is_reported() -> None:
    wrong = Counterexample("1 = 2", lambda: [Fact("1 = 2", sp.Integer(1) == sp.Integer(2)), Fact("1 = 1", True)])
    assert wrong.failures() == ("1 = 2",)
    assert Counterexample("nothing", list).failures() == ("no fact was checked",)


def test_a_proof_may_only_use_earlier_lines() -> None:
    x = sp.Symbol("x", real=True)
    proof = Proof()
    with pytest.raises(ProofError, match="not an earlier line"):
        proof.derive("a", x >= 0, "b")
    proof.hypothesis("b", x >= 1)
    with pytest.raises(ProofError, match="twice"):
        proof.hypothesis("b", x >= 2)
    with pytest.raises(ProofError, match="not a line"):
        proof.conclude("c")


def test_vacuous_undischarged_and_unconcluded_proofs_fail() -> None:
    x = sp.Symbol("x", real=True)
    vacuous = Proof()
    vacuous.hypothesis("a", x >= 1)
    vacuous.hypothesis("b", x <= 0)
    vacuous.derive("c", x >= 7, "a b")
    assert any("vacuous" in failure for failure in vacuous.conclude("c").check().failures)
    supposed = Proof()
    supposed.suppose("a", x >= 1)
    supposed.derive("c", x >= 0, "a")
    assert any("never discharged" in failure for failure in supposed.conclude("c").check().failures)
    assert any("no conclusion" in failure for failure in Proof().check().failures)


def test_a_hypothesis_that_the_signs_grant_is_refused_and_the_grant_is_shown() -> None:
    """sym("c") and sym("kappa") are positive by declaration: "c > 0" is no line that dropping could miss."""
    c, x, most = sym("c x most")
    granted = Proof()
    granted.hypothesis("c", c > 0)
    granted.hypothesis("most", x <= most)
    granted.derive("grows", x * c <= most * c, "c most")
    outcome = granted.conclude("grows").check()
    assert any("granted by the signs" in failure for failure in outcome.failures)
    assert granted.granted() == ("c",)
    stated = Proof()
    stated.hypothesis("kept", sym("kept_") > 0)
    assert stated.granted() == ()


# Positive symbols that a proof defines for itself: roots and quotients of positive quantities, or a quantifier's variable.
LOCAL_GRANTS = {
    "R_end",
    "T",
    "m",
    "one_over_b",
    "other_step",
    "root",
    "root_kappa",
    "root_two",
    "sqrt_two",
    "start_rho",
    "t",
    "tau",
    "v",
}


@pytest.mark.parametrize("claim", WITH_PROOF, ids=lambda c: c.id)
def test_no_proof_grants_the_sign_of_an_undocumented_symbol(claim: Claim) -> None:
    assert set(_proof(claim).granted()) <= {name for name in SYMBOLS if SYMBOLS[name].symbol.is_positive} | LOCAL_GRANTS


def test_a_wrong_identity_fails() -> None:
    x = sp.Symbol("x", real=True)
    proof = Proof()
    proof.identity("square", (x + 1) ** 2, x**2 + 2 * x + 2)
    assert not proof.conclude("square").check().complete
    right = Proof()
    right.identity("square", (x + 1) ** 2, x**2 + 2 * x + 1)
    assert right.conclude("square").check().complete


def test_formulas_refuse_unknown_names() -> None:
    with pytest.raises(ProofError, match="nonsense"):
        Formulas()("nonsense")
    with pytest.raises(ProofError, match="no symbol"):
        Formulas()("mu", beta=sp.Integer(1))

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import sympy as sp

from proofs import ledger, pytest_ledger
from proofs.claim import Claim, Counterexample, Fact, Formulas, Hypothesis, Proof
from proofs.constants import CONSTANTS
from proofs.coq_check import THEOREMS


def test_no_claim_with_a_proof_or_counterexample_is_open(rows: dict[str, ledger.Row]) -> None:
    broken = {
        row.id: row.detail for row in rows.values() if row.verdict == ledger.OPEN and not ledger.claim(row.id).missing
    }
    assert broken == {}


def test_every_proof_step_is_confirmed_independently(rows: dict[str, ledger.Row]) -> None:
    steps = sum(row.steps for row in rows.values())
    confirmed = sum(row.confirmed for row in rows.values())
    assert steps >= 200
    # cvc5 runs under a time limit, so a busy machine may lose one or two.
    assert confirmed >= 0.95 * steps


@pytest.mark.parametrize("name", ["handover", "v2_pl_any_scale"])
def test_one_claim_is_checked_with_those_it_rests_on_and_no_others(name: str, rows: dict[str, ledger.Row]) -> None:
    found = {row.id: replace(row, seconds=0.0) for row in ledger.compute(name)}
    assert found == {key: replace(rows[key], seconds=0.0) for key in found}
    needed = {name}.union(*({*row.claims, *row.repaired_by} for row in found.values()))
    assert set(found) == needed
    assert 1 < len(found) < 10


def test_every_constant_is_used_by_a_proved_claim(rows: dict[str, ledger.Row]) -> None:
    used = {name for row in rows.values() if row.verdict in (ledger.PROVED, ledger.CITED) for name in row.constants}
    assert used == set(CONSTANTS)


def test_checking_all_proofs_is_fast(rows: dict[str, ledger.Row]) -> None:
    assert sum(row.seconds for row in rows.values()) < 60


def test_theorem_map_is_up_to_date(rows: dict[str, ledger.Row]) -> None:
    assert ledger.THEOREM_MAP.read_text() == ledger.render_map(list(rows.values())), (
        "run python -m proofs.ledger --write and read the difference"
    )


def test_the_map_shows_what_the_signs_of_symbols_grant(rows: dict[str, ledger.Row]) -> None:
    text = ledger.render_map(list(rows.values()))
    for row in rows.values():
        prove = ledger.claim(row.id).proof
        assert row.granted == (prove(Formulas()).granted() if prove else ())
    assert "kappa" in rows["stability_radius_positive"].granted
    assert text.count("Granted, as signs of the symbols") == sum(bool(row.granted) for row in rows.values()) >= 20


def test_json_round_trip(rows: dict[str, ledger.Row]) -> None:
    data = json.loads(ledger.to_json(list(rows.values())))
    assert sum(data["counts"].values()) == len(rows) == len(data["claims"])
    assert {entry["id"] for entry in data["claims"]} == set(rows)
    assert all(lemma in data["lemmas"] for entry in data["claims"] for lemma in entry["lemmas"])


def test_text_shows_every_claim_and_the_counts(rows: dict[str, ledger.Row]) -> None:
    text = ledger.render_text(list(rows.values()))
    assert all(row.id in text for row in rows.values())
    assert f"{len(rows)} claims" in text


def test_formal_counterparts_belong_to_claims(rows: dict[str, ledger.Row]) -> None:
    assert set(THEOREMS) <= set(rows)
    assert all(rows[claim_id].verdict in (ledger.PROVED, ledger.CITED) for claim_id in THEOREMS)
    assert rows["pl_from_ntk"].formal == THEOREMS["pl_from_ntk"]


def _claim(**fields: Any) -> Claim:
    return Claim(id="x", title="t", statement="s", source="our formulation", **fields)


def _proved(formulas: Formulas) -> Proof:
    x = sp.Symbol("x", real=True)
    proof = Proof()
    proof.hypothesis("h", x >= 1)
    proof.derive("c", x >= 0, "h")
    return proof.conclude("c")


def _wrong(formulas: Formulas) -> Proof:
    x = sp.Symbol("x", real=True)
    proof = Proof()
    proof.hypothesis("h", x >= 0)
    proof.derive("c", x >= 1, "h")
    return proof.conclude("c")


def _citing(formulas: Formulas) -> Proof:
    x = sp.Symbol("x", real=True)
    proof = Proof()
    proof.lemma("h", "rayleigh", x >= 1)
    proof.derive("c", x >= 0, "h")
    return proof.conclude("c")


TRUE = Counterexample("1 = 1", lambda: [Fact("1 = 1", 1 == 1)])
FALSE = Counterexample("1 = 2", lambda: [Fact("1 = 2", sp.Integer(1) == sp.Integer(2))])


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (_claim(proof=_proved), ledger.PROVED),
        (_claim(proof=_citing), ledger.CITED),
        (_claim(proof=_wrong), ledger.OPEN),
        (_claim(refutation=TRUE), ledger.REFUTED),
        (_claim(refutation=FALSE), ledger.OPEN),
        (_claim(missing="everything"), ledger.OPEN),
        (_claim(), ledger.OPEN),
        (_claim(proof=_proved, witnesses=(FALSE,)), ledger.OPEN),
        (_claim(proof=_proved, hypotheses=(Hypothesis("h", "x ≥ 1", FALSE),)), ledger.OPEN),
        (_claim(proof=_proved, hypotheses=(Hypothesis("h", "x ≥ 1", TRUE),)), ledger.PROVED),
    ],
)
def test_verdicts_are_computed(claim: Claim, verdict: str) -> None:
    row = ledger._row(claim, "group")
    assert row.verdict == verdict
    assert bool(row.detail) == (verdict == ledger.OPEN)


def test_a_claim_falls_with_the_claim_it_rests_on() -> None:
    base = ledger._row(_claim(proof=_proved), "g")
    above = replace(base, id="y", claims=("x",))
    assert ledger._settle({"x": base, "y": above})["y"].verdict == ledger.PROVED
    fallen = replace(base, verdict=ledger.OPEN, detail=("no",))
    assert ledger._settle({"x": fallen, "y": above})["y"].verdict == ledger.OPEN
    circular = {"x": replace(base, claims=("y",)), "y": above}
    assert {row.verdict for row in ledger._settle(circular).values()} == {ledger.OPEN}
    refuted = replace(base, id="z", verdict=ledger.REFUTED, claims=("x",))
    assert ledger._settle({"x": base, "z": refuted})["z"].verdict == ledger.REFUTED
    assert ledger._settle({"x": fallen, "z": refuted})["z"].verdict == ledger.OPEN


def test_terminal_summary_shows_the_table(rows: dict[str, ledger.Row]) -> None:
    lines: list[str] = []
    cache: dict[str, Any] = {}
    config: Any = SimpleNamespace(
        getoption=lambda name: False,
        cache=SimpleNamespace(get=lambda key, default: cache.get(key, default), set=cache.__setitem__),
    )
    reporter = SimpleNamespace(section=lines.append, write_line=lines.append)
    pytest_ledger.remember(config, list(rows.values()))
    pytest_ledger.pytest_terminal_summary(reporter, 0, config)
    assert lines == ["ledger of claims", ledger.render_text(list(rows.values()))]


def test_a_stale_table_is_not_shown() -> None:
    lines: list[str] = []
    stale = SimpleNamespace(get=lambda key, default: {"digest": "old", "table": "stale"})
    config: Any = SimpleNamespace(getoption=lambda name: False, cache=stale)
    reporter = SimpleNamespace(section=lines.append, write_line=lines.append)
    pytest_ledger.pytest_terminal_summary(reporter, 0, config)
    assert len(lines) == 2
    assert "not computed" in lines[1]

"""No single alteration of a certificate makes the checker accept something false; drawn here, complete in ``python -m property_tests.altered``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from property_tests.alterations import alterations
from property_tests.altered import Tally, forged, judge, try_kind
from property_tests.claims import Violation
from property_tests.small_certificates import KINDS, small
from property_tests.statement_attack import Said
from verify.certificates import Certificate
from verify.certificates.sentences import sentence
from verify.checker import check
from verify.checker.audit import Audit
from verify.checker.tests.mp_network import flt

SAMPLED = ("Nesterov", "with replacement", "region of data", "ball beside a centre", "basin across kinks")


@pytest.mark.parametrize("kind", SAMPLED)
def test_what_is_accepted_is_true_and_reports_say_no_more(kind: str) -> None:
    for thorough in (False, True):
        assert try_kind(kind, thorough, count=4, seed=3).verdicts.total() == 4


def test_alterations_reach_every_part(tmp_path: Path) -> None:
    """Every field is altered, also by what leaves it out; an altered copy leaves the original as it was."""
    draft = small("ball beside a centre")
    found = alterations(draft)
    assert {a.place.split("/")[0] for a in found} >= {*draft.document} | {"arrays"}
    assert {a.place for a in found if a.way == "gone"} >= {
        *draft.document,
        *(f"witness/{key}" for key in draft.document["witness"]),
    }
    assert len({(a.place, a.way) for a in found}) == len(found) > 3000
    before = draft.save(tmp_path / "before.zip").read_bytes()
    assert all(a.on(draft).document != draft.document for a in found[::97] if not a.place.startswith("arrays/"))
    assert draft.save(tmp_path / "after.zip").read_bytes() == before


def test_it_sees_a_checker_that_forgets_a_demand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """λ on the ball is demanded no more: a forger doubles it, and points of the ball show that μ is false."""
    every = Audit.every

    def forgetful(self: Audit, name: str, *arguments: Any) -> None:
        if name != "λ on the ball":
            every(self, name, *arguments)

    lie = small("ball beside a centre").copy()
    column = lie.document["witness"]["lambda"]
    column[:] = [flt(2.0 * float.fromhex(value["$float"])) for value in column]
    path, tally = tmp_path / "c.zip", Tally()
    honest = forged(lie, path)
    assert honest is not None
    judge(honest, path, tally, "λ", set())
    assert tally.verdicts == {"REJECTED": 1}
    monkeypatch.setattr(Audit, "every", forgetful)
    with pytest.raises(Violation, match=r"factor|μ"):
        judge(honest, path, tally, "λ", set())


@pytest.mark.parametrize(
    ("demand", "where"),
    [
        ("NTK for every start", "lambda_lower"),
        ("starts from the last centre", "handover/offset"),
        ("run inside the ball", "region/radius"),
    ],
)
def test_each_demand_on_a_region_of_starts_refuses_by_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, demand: str, where: str
) -> None:
    """A forger alters one number and stores what follows from it: one demand refuses, and without it nothing does."""
    every, lie = Audit.every, small("region of data").copy()
    *path, last = where.split("/")
    node = lie.document["witness"]
    for key in path:
        node = node[key]
    value, factor = node[last], 1.01 if where == "lambda_lower" else 0.99
    if "$array" in value:
        shape, numbers = lie.arrays[value["$array"]]
        lie.arrays[value["$array"]] = (shape, [factor * x for x in numbers])
    else:
        node[last] = flt(factor * float.fromhex(value["$float"]))
    honest = forged(lie, tmp_path / "c.zip")
    assert honest is not None
    found = check(honest.save(tmp_path / "c.zip"))
    assert found.verdict == "REJECTED"
    assert all(failure.startswith(demand) for failure in found.failures), found.failures

    def forgetful(self: Audit, name: str, *arguments: Any) -> None:
        if name != demand:
            every(self, name, *arguments)

    monkeypatch.setattr(Audit, "every", forgetful)
    assert check(honest.save(tmp_path / "c.zip")).accepted


def test_every_statement_is_read_with_its_numbers(tmp_path: Path) -> None:
    """A pattern that finds nothing would attack nothing."""
    for kind in SAMPLED:
        path = small(kind).save(tmp_path / "c.zip")
        for text in (check(path).claims[0], sentence(Certificate.load(path))):
            said = Said.of(text)
            assert 0.0 < said.radius < 1.0, text
            assert said.mu > 0.0, text
            assert 0.0 < said.factor < 1.0, text
            assert (said.starts > 0.0) == (kind != "ball beside a centre"), text
            assert (said.data > 0.0) == (kind in ("region of data", "ball beside a centre")), text
    assert set(SAMPLED) <= set(KINDS)

"""Certificates of stochastic descent that claim a little more than is true are rejected, whatever was altered."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch

import verify
from verify.checker import check
from verify.checker.tests.mp_network import flt, rational
from verify.checker.tests.sealing import Draft
from verify.checker.tests.tampering import variants

DESCENTS = {
    "any": verify.SGD(batch_size=3),
    "fixed": verify.SGD(batch_size=2, order="fixed"),
    "given": verify.SGD(batches=[[3, 0], [1], [2]]),
    "drawn": verify.SGD(batch_size=2, order="with_replacement"),
    "heavy": verify.SGD(momentum="1/2"),
    "nesterov": verify.SGD(momentum="1/2", nesterov=True),
}


@pytest.fixture(scope="module")
def drafts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Draft]:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 12), torch.nn.Tanh(), torch.nn.Linear(12, 1)).double()
    X, y = torch.randn(4, 2).double(), torch.randn(4, 1).double()
    found = {}
    for name, descent in DESCENTS.items():
        certificate = verify.certify(net, X, y, scope="basin", loss="mse", descent=descent)
        assert certificate.verdict == "PROVED", certificate.reason
        found[name] = Draft.of(certificate.save(tmp_path_factory.mktemp("certificates") / f"{name}.zip"))
    return found


@pytest.mark.parametrize("name", DESCENTS)
def test_the_true_certificate_is_accepted_with_its_statement(
    tmp_path: Path, name: str, drafts: dict[str, Draft]
) -> None:
    found = check(drafts[name].save(tmp_path / "c.zip"))
    assert found.accepted, found.failures
    words = {
        "any": "each epoch running through the data once, in any order whatever",
        "fixed": "rows 1 to b, b + 1 to 2b",
        "given": "on the 3 stored batches of 1 to 2 samples",
        "drawn": "with probability at least 1 −",
        "heavy": "with heavy-ball momentum β = 1/2, buffer 0 at first",
        "nesterov": "with Nesterov's momentum β = 1/2, buffer 0 at first",
    }
    assert words[name] in found.claims[0]
    assert "every real-arithmetic descent started within ρ" in found.claims[0]


def _scaled(*path: Any, factor: float) -> Callable[[Any], None]:
    """Multiply the double at a path of the document."""

    def change(document: Any) -> None:
        node = document
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = flt(float.fromhex(node[path[-1]]["$float"]) * factor)

    return change


def _constant(name: str, factor: float) -> Callable[[Any], None]:
    """Multiply a stored constant, its radius as well."""

    def change(document: Any) -> None:
        mid, rad = document["constants"][name]["$ball"]
        document["constants"][name]["$ball"] = [(float.fromhex(mid) * factor).hex(), rad]

    return change


def _row(key: str, step: int) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        document["witness"]["criterion"][key] += step

    return change


def _batches(value: Any) -> Callable[[Any], None]:
    return _set(value, "descent", "batches")


def _set(value: Any, *path: str) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        node = document
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = value

    return change


def _step(factor: Fraction) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        lr = Fraction(*map(int, document["lr"]["$rational"])) * factor
        document["lr"] = document["constants"]["lr"] = rational(lr)

    return change


def _powers_negated(document: Any) -> None:
    """C_1 < 0 with nothing stored that depends on it: C_1Γ < ρ̃ − ρ and a path ≤ R would hold however large the ball."""
    for key in ("criterion", "largest"):
        row = document["witness"][key]
        row["power_bound"] = flt(-float.fromhex(row["power_bound"]["$float"]))
    kept = ("radius", "mu", "rate", "lr_largest", "basin_radius", "distance_over_radius")
    constants = {name: document["constants"][name] for name in kept}
    document |= {
        "constants": constants | {"loss_bound": {"$ball": [(0.0).hex(), (1e9).hex()]}},
        "margins": {},
        "steps": [],
    }


COMMON = {
    "step a little larger": _step(Fraction(1001, 1000)),
    "step doubled": _step(Fraction(2)),
    "another largest step": lambda d: (
        d["witness"]["largest"].update(lr=rational(Fraction(100))),
        d["constants"].update(lr_largest=rational(Fraction(100))),
    ),
    "largest step only in the constants": _set(rational(Fraction(100)), "constants", "lr_largest"),
    "larger basin": _row("start", 1),
    "start at the centre": _set(None, "witness", "criterion", "start"),
    "smaller ball": _row("region", -1),
    "no such row": _row("region", 4096),
    "smaller rate": _constant("rate", 0.999),
    "smaller bound of the loss": _constant("loss_bound", 0.999),
    "smaller radius": _constant("radius", 0.999),
    "larger PL constant": _constant("mu", 1.001),
    "smaller sample smoothness": _constant("sample_smoothness", 0.999),
    "smaller batch Jacobian": _constant("batch_jacobian", 0.999),
    "rate missing": lambda d: d["constants"].pop("rate"),
    "largest step missing": lambda d: d["constants"].pop("lr_largest"),
    "bound of ‖J_b‖ too small": lambda d: [
        _scaled("witness", "batches", i, 1, factor=0.99)(d) for i in range(len(d["witness"]["batches"]))
    ],
    "bound of ‖J_i‖ too small": _scaled("witness", "sample", factor=0.99),
    "a batch size twice": lambda d: d["witness"]["batches"].append(d["witness"]["batches"][0]),
    "another claim": _set("containment_residual", "claim"),
    "another order": lambda d: d["descent"].update(order="shuffled"),
    "drop_last is no truth value": lambda d: d["descent"].update(drop_last=1),
    "batch size 0": lambda d: d["descent"].update(batch_size=0),
    "batch larger than n": lambda d: d["descent"].update(batch_size=5),
    "without descent": lambda d: d.pop("descent"),
    "descent of another scope": _set("exact", "scope"),
    "scope ball": _set("ball", "scope"),
}
OWN: dict[str, dict[str, Any]] = {
    "any": {
        "smaller batches": lambda d: d["descent"].update(batch_size=2),
        "drawn": lambda d: d["descent"].update(order="with_replacement"),
        "samples left out": lambda d: d["descent"].update(drop_last=True),
        "momentum": lambda d: d["descent"].update(momentum=rational(Fraction(1, 2))),
        "growth 1": _set(flt(1.0), "witness", "criterion", "growth"),
        "growth below 1": _set(flt(0.5), "witness", "criterion", "growth"),
        "triangle too small": _scaled("witness", "criterion", "triangle", factor=0.99),
        "smaller fraction": _constant("batch_fraction", 0.999),
        "shorter path": _constant("path_length", 0.999),
    },
    "fixed": {
        "any order": lambda d: d["descent"].update(order="any"),
        "single samples": lambda d: d["descent"].update(batch_size=1),
        "smaller distance": _constant("fit_distance", 0.999),
    },
    "given": {
        "any order": lambda d: d["descent"].update(order="any"),
        "single samples": _batches([[3], [0], [1], [2]]),
        "a larger batch": _batches([[3, 0, 1], [2]]),
        "a sample missing": _batches([[3, 0], [1]]),
        "a sample twice": _batches([[3, 0], [1], [2], [2]]),
        "a sample out of range": _batches([[3, 0], [1], [4]]),
        "a truth value": _batches([[3, 0], [True], [2]]),
        "an empty batch": _batches([[3, 0], [], [1], [2]]),
        "one batch": _batches([[3, 0, 1, 2]]),
        "no lists": _batches("0123"),
        "rows": lambda d: (d["descent"].pop("batches"), d["descent"].update(batch_size=2)),
        "a size of their own": lambda d: d["descent"].update(batch_size=2),
    },
    "drawn": {
        "any order": lambda d: d["descent"].update(order="any"),
        "inner ball larger": _row("inner", 1),
        "inner ball out of range": _row("inner", 10**6),
        "many more steps in which none leaves": lambda d: d["witness"]["criterion"].update(half_steps=2**51),
        "less probable exit": _constant("exit_probability", 0.999),
        "smaller outer ball": _constant("outer_radius", 0.999),
        "one sample's change counted once": lambda d: _as_of_one_sample(d, "batch_jacobian"),
    },
    "heavy": {
        "mini-batches": lambda d: d["descent"].update(batch_size=2),
        "Nesterov": lambda d: d["descent"].update(nesterov=True),
        "more momentum": lambda d: d["descent"].update(momentum=rational(Fraction(6, 10))),
        "momentum 1": lambda d: d["descent"].update(momentum=rational(Fraction(1))),
        "faster frozen rate": lambda d: _nearer_zero(d, "frozen_rate"),
        "faster rate": lambda d: _nearer_zero(d, "momentum_rate"),
        "smaller powers": _scaled("witness", "criterion", "power_bound", factor=0.99),
        "negative powers": _powers_negated,
        "a cell fewer": lambda d: (d["witness"]["criterion"]["edges"].pop(), d["witness"]["criterion"]["forms"].pop()),
        "edges out of order": lambda d: d["witness"]["criterion"]["edges"].reverse(),
        "a form negated": lambda d: d["witness"]["criterion"]["forms"][0].__setitem__(0, flt(-1.0)),
        "the first form everywhere": lambda d: d["witness"]["criterion"].update(
            forms=[d["witness"]["criterion"]["forms"][0]] * len(d["witness"]["criterion"]["forms"])
        ),
        "smaller C_1": _constant("power_bound", 0.999),
    },
    "nesterov": {
        "heavy ball": lambda d: d["descent"].update(nesterov=False),
        "negative powers": _powers_negated,
        "smaller powers": _scaled("witness", "criterion", "power_bound", factor=0.99),
    },
}


def _as_of_one_sample(document: Any, name: str) -> None:
    """max‖J_b‖ with Δ_J in place of √b·Δ_J."""
    (_, norm), delta = document["witness"]["batches"][0], float.fromhex(document["constants"]["Delta_J"]["$ball"][0])
    document["constants"][name]["$ball"][0] = (float.fromhex(norm["$float"]) + delta).hex()


def _nearer_zero(document: Any, key: str) -> None:
    """A rate whose distance from 1 is larger by half."""
    record = document["witness"]["criterion"]
    record[key] = flt(1.0 - 1.5 * (1.0 - float.fromhex(record[key]["$float"])))


@pytest.mark.parametrize("name", DESCENTS)
def test_no_tampering_is_accepted(tmp_path: Path, name: str, drafts: dict[str, Draft]) -> None:
    accepted, count = [], 0
    for label, change in {**COMMON, **OWN[name]}.items():
        draft = drafts[name].copy()
        change(draft.document)
        if draft.document == drafts[name].document:
            continue
        count += 1
        found = check(draft.save(tmp_path / "c.zip"))
        if found.verdict != "REJECTED":
            accepted.append((label, found.verdict, found.failures))
    assert accepted == []
    assert count >= 27


def test_a_weaker_claim_is_accepted(tmp_path: Path, drafts: dict[str, Draft]) -> None:
    """What holds for every order holds for a fixed partition."""
    draft = drafts["any"].copy()
    draft.document["descent"]["order"] = "fixed"
    assert check(draft.save(tmp_path / "c.zip")).accepted


@pytest.mark.parametrize("name", DESCENTS)
def test_steps_of_the_chain_cannot_be_altered(tmp_path: Path, name: str, drafts: dict[str, Draft]) -> None:
    for index, row in enumerate(drafts[name].document["steps"]):
        for side in ("left", "right"):
            mid, rad = row[side]["$ball"]
            for label, value in variants(float.fromhex(mid))[2:]:
                draft = drafts[name].copy()
                draft.document["steps"][index][side]["$ball"] = [value.hex(), rad]
                assert check(draft.save(tmp_path / "c.zip")).verdict == "REJECTED", (row["name"], side, label)
                break

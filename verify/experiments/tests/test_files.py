"""Rows are made once, on workers as in this process, and a case that fails says why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import verify
from verify import datasets, nn
from verify.experiments import networks
from verify.experiments.files import chosen, command_line, run_resumably, save


@dataclass(frozen=True)
class Tiny:
    """A point certificate of a tiny network."""

    seed: int

    @property
    def name(self) -> str:
        return f"tiny-{self.seed}"


def make(case: Tiny, path: Path) -> dict[str, Any]:
    if case.seed < 0:
        raise ValueError("no such seed")
    certificate = verify.certify(
        nn.fully_connected([4, 8, 1], seed=case.seed, ntk=True), *datasets.sphere(3, 4, 2.0), scope="point"
    )
    save(certificate, path)
    return {"name": case.name, "verdict": certificate.verdict, "process": os.getpid()}


def test_workers_make_the_same_certificates_and_a_failure_is_a_row_that_is_tried_again(tmp_path: Path) -> None:
    cases = [Tiny(0), Tiny(-1), Tiny(1)]
    here = run_resumably(tmp_path / "here", [Tiny(0), Tiny(1)], make)
    rows = run_resumably(tmp_path / "there", cases, make, workers=2)
    assert [row["verdict"] for row in rows] == ["PROVED", "FAILED", "PROVED"]
    assert "no such seed" in rows[1]["reason"]
    assert {row["process"] for row in here} == {os.getpid()}
    assert os.getpid() not in {row.get("process") for row in rows}
    for case in (Tiny(0), Tiny(1)):
        assert (tmp_path / "here" / f"{case.name}.zip").read_bytes() == (
            tmp_path / "there" / f"{case.name}.zip"
        ).read_bytes()
    assert not (tmp_path / "there" / "tiny--1.json").exists()
    assert run_resumably(tmp_path / "there", [Tiny(0), Tiny(1)], make) == [rows[0], rows[2]]
    assert len(list((tmp_path / "there" / "provenance").iterdir())) == 2


def test_cases_are_chosen_by_name_in_the_tables_order_and_an_unknown_name_says_which_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parser = command_line(None)
    assert chosen(parser, networks.CASES, []) == list(networks.CASES)
    second, first = networks.CASES[1], networks.CASES[0]
    assert chosen(parser, networks.CASES, [second.name, first.name]) == [first, second]
    with pytest.raises(SystemExit):
        chosen(parser, networks.CASES, [first.name, "none-such"])
    assert f"no such case: none-such; there are {first.name}, " in capsys.readouterr().err

"""What a specification means, and what it refuses."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from verify.errors import InputError
from verify.sweeps.specification import Case, Specification

SPHERE = {"name": "sphere", "n": 4, "d": 5, "norm": 2.0}


def test_a_grid_is_the_product_of_its_lists_and_repeated_cases_are_run_once() -> None:
    spec = Specification.read(
        {
            "grid": {"data": [SPHERE], "width": [8, 16], "seed": [0, 1, 2], "scope": "point"},
            "case": [{"data": SPHERE, "width": 8, "scope": "point"}],
        }
    )
    assert [(case.width, case.seed) for case in spec.cases] == [(w, s) for w in (8, 16) for s in (0, 1, 2)]


def test_a_toml_file_and_its_mapping_give_the_same_ids(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_text('[grid]\ndata = [{name = "sphere", n = 4, d = 5, norm = 2.0}]\nwidth = [8, 16]\n')
    from_file = Specification.read(path)
    from_mapping = Specification.read({"grid": {"data": [SPHERE], "width": [8, 16]}})
    assert [case.id for case in from_file.cases] == [case.id for case in from_mapping.cases]
    assert len({case.id for case in from_file.cases}) == 2


def test_every_field_of_a_case_changes_its_id() -> None:
    base = Case(data=SPHERE)
    others: list[dict[str, Any]] = [
        {"data": SPHERE | {"n": 5}},
        {"model": "a:b"},
        {"width": 8},
        {"depth": 2},
        {"activation": "SiLU"},
        {"parametrisation": "pytorch"},
        {"seed": 1},
        {"scope": "run"},
        {"loss": "mean"},
        {"lr": "1/2"},
        {"steps": 3},
        {"radius": 0.5},
        {"options": {"shown": False}},
    ]
    ids = {Case(**({"data": SPHERE} | other)).id for other in others}
    assert len(ids) == len(others)
    assert base.id not in ids


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({}, "no case"),
        ({"grid": {"data": [SPHERE], "widht": [8]}}, "widht"),
        ({"grid": {"width": [8]}}, "data"),
        ({"grid": {"data": [SPHERE], "width": []}}, "empty list"),
        ({"grid": 3}, "expected a table of lists"),
        ({"grid": {"data": [SPHERE], "parametrisation": [["ntk"]]}}, "expected one of ntk"),
        ({"grid": {"data": [SPHERE], "width": [0]}}, "width=0"),
        ({"grid": {"data": [SPHERE], "width": [True]}}, "width=True"),
        ({"grid": {"data": [SPHERE], "lr": [0.1]}}, "exact"),
        ({"grid": {"data": [SPHERE], "lr": ["a"]}}, "lr='a'"),
        ({"grid": {"data": ["digits"]}}, "name"),
        ({"grid": {"data": [SPHERE], "parametrisation": ["mup"]}}, "mup"),
        ({"grid": {"data": [SPHERE], "parametrisation": ["antisymmetric"], "depth": [2]}}, "depth=2"),
        # A date of a TOML file was an unexpected TypeError.
        (
            {"case": [{"data": {"name": "sphere", "d": datetime.date(2020, 1, 1)}}]},
            "not JSON serializable; expected numbers",
        ),
        ({"case": [{"data": SPHERE, "options": {"radius": float("nan")}}]}, "expected numbers"),
        # Silently without effect, or a raw error, before.
        ({"case": [{"data": SPHERE, "options": {"scope": "run"}}]}, "options: scope is a field of the case"),
        ({"case": [{"data": SPHERE, "options": 3}]}, "options=3: expected a table"),
        ({"case": [{"data": SPHERE, "model": 5}]}, "model=5: expected text"),
        ({"case": [{"data": SPHERE, "activation": 5}]}, "activation=5: expected text"),
        ({"keep": "some", "case": [{"data": SPHERE}]}, "keep"),
        ({"cases": [{"data": SPHERE}]}, "cases"),
        ({"case": {"data": SPHERE}}, r"\[\[case\]\]"),
    ],
)
def test_what_no_case_can_mean_is_refused_with_the_word_that_is_wrong(document: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        Specification.read(document)


def test_a_file_that_is_missing_or_no_toml_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        Specification.read(tmp_path / "none.toml")
    with pytest.raises(InputError, match="spec: a int; expected the path"):
        Specification.read(5)  # type: ignore[arg-type]
    bad = tmp_path / "bad.toml"
    bad.write_text("grid = ")
    with pytest.raises(InputError, match="not a TOML"):
        Specification.read(bad)

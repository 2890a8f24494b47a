"""Coq accepts the development from the standard library's axioms alone. Skips loudly where Coq is missing.

Budget: 120 s from scratch on two cores; about a second when ``make proofs`` ran before.
"""

from __future__ import annotations

import importlib
import re
import shutil
from pathlib import Path

import pytest

from proofs.coq_check import (
    ALLOWED,
    CLASSICAL,
    CLASSICAL_THEOREMS,
    NETWORKS,
    PACKAGES,
    THEOREMS,
    CoqStatus,
    build,
    parse_assumptions,
    printed_theorems,
    sources,
)
from proofs.coq_export import COQ_DIRECTORY

needs_coq = pytest.mark.skipif(
    shutil.which("coqc") is None,
    reason=f"FORMAL PART NOT CHECKED: coqc is not installed (apt-get install {' '.join(PACKAGES)})",
)


def _code(name: str) -> str:
    """A source without its comments (Coq's nest; ours do not)."""
    return re.sub(r"\(\*.*?\*\)", "", (COQ_DIRECTORY / name).read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.fixture(scope="module")
def built() -> CoqStatus:
    return build()


@needs_coq
def test_builds_and_rests_on_standard_axioms_only(built: CoqStatus) -> None:
    assert built.checked, built.line
    assert set(built.assumptions["core"]) == ALLOWED
    assert set(built.assumptions["Main.ball_certificate_Rn"]) <= ALLOWED
    for name in CLASSICAL_THEOREMS:
        assert set(built.assumptions[name]) <= ALLOWED | {CLASSICAL}


@needs_coq
def test_every_mapped_theorem_is_printed_and_exists(built: CoqStatus) -> None:
    mapped = {theorem for theorems in THEOREMS.values() for theorem in theorems} | set(NETWORKS)
    assert mapped <= printed_theorems()  # Coq itself has resolved the printed names
    assert built.built


@pytest.mark.parametrize("name", [*sources(), "Assumptions.v"])
def test_no_admitted_no_axiom(name: str) -> None:
    found = re.findall(
        r"\b(Admitted|admit|Axioms?|Parameters?|Conjecture|Abort|give_up|bypass_check|Unset\s+Guard\s+Checking)\b",
        _code(name),
    )
    assert not found, f"{name}: {found}"


@pytest.mark.parametrize("name", sources())
def test_hypotheses_and_variables_stand_in_sections(name: str) -> None:
    # Outside a section, Variable and Hypothesis declare axioms.
    depth = 0
    for line in _code(name).splitlines():
        if re.match(r"\s*Section\b", line):
            depth += 1
        elif re.match(r"\s*End\b", line):
            depth -= 1
        elif re.match(r"\s*(Variables?|Hypothes[ie]s|Context)\b", line):
            assert depth > 0, f"{name}: {line}"


def test_all_sources_are_built() -> None:
    present = {path.name for path in Path(COQ_DIRECTORY).glob("*.v")}
    assert present == set(sources()) | {"Assumptions.v"}


def test_claims_of_the_map_exist() -> None:
    for claim in THEOREMS:
        module = importlib.import_module(f"proofs.claims.{claim}") if _is_module(claim) else None
        assert module is not None, f"no claim {claim!r}"


def _is_module(claim: str) -> bool:
    return (Path(COQ_DIRECTORY).parent / "claims" / f"{claim}.py").exists()


def test_forbidden_axiom_is_noticed() -> None:
    output = "Axioms:\nMine.cheat : False\nFunctionalExtensionality.functional_extensionality_dep\n  : forall A, A\n"
    parsed = parse_assumptions("Print Assumptions core.", output)
    assert parsed == {"core": ("Mine.cheat", "FunctionalExtensionality.functional_extensionality_dep")}
    assert parse_assumptions("Print Assumptions a. \nPrint Assumptions b.", output) == {}

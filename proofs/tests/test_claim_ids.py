"""Every claim id that the engine cites is in the ledger: steps of certificates, "Claim id:" in docstrings, statements."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import verify
from proofs import ledger
from verify.regions.neighbourhood.criteria import Form

ENGINE = Path(verify.__file__).parent
LISTED = {claim_id for group in ledger.ORDER.values() for claim_id in group}
# What the engine is known to rest on: a scan that finds less has stopped looking.
EXPECTED = {
    "containment_classical",
    "containment_residual",
    "descent_step",
    "layered_curvature",
    "neuron_budget",
    "ntk_layer_sum",
    "ntk_positive",
    "ntk_stability",
    "pl_from_ntk",
    "recorded_decrease",
    "shadow_growth",
    "zero_loss_unreachable",
}


def _step_claims(tree: ast.AST) -> list[ast.expr]:
    """The `claim` argument of every Step(…) and Step.listed(…)."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Step", "Step.listed"):
            named = [keyword.value for keyword in node.keywords if keyword.arg == "claim"]
            found += named or node.args[1:2]
    return found


def _literals(node: ast.AST) -> set[str]:
    return {leaf.value for leaf in ast.walk(node) if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)}


def _cited() -> dict[str, set[str]]:
    """Claim id -> the engine's files that cite it."""
    cited: dict[str, set[str]] = {}
    for path in sorted(ENGINE.rglob("*.py")):
        if "tests" in path.parts:
            continue
        tree, name = ast.parse(path.read_text()), str(path.relative_to(ENGINE))
        ids = {arg.value for arg in _step_claims(tree) if isinstance(arg, ast.Constant)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                ids |= set(re.findall(r"Claim id: *`*([a-z0-9_]+)", ast.get_docstring(node) or ""))
            # The statement of a certificate: Certificate.claim, and the checker's own word for it.
            if isinstance(node, ast.FunctionDef) and node.name == "claim" and node.returns is not None:
                ids |= {text for text in _literals(node) if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", text)}
        # Keys of the witness and of the constants that decide the form.
        for claim_id in ids - {"certified_by", "path_share"}:
            cited.setdefault(str(claim_id), set()).add(name)
    return cited


def test_every_claim_id_of_the_engine_is_in_the_ledger() -> None:
    cited = _cited()
    assert set(cited) >= EXPECTED
    assert {claim_id: files for claim_id, files in cited.items() if claim_id not in LISTED} == {}


def test_every_step_names_its_claim_as_a_literal() -> None:
    """Apart from reading a certificate back and copying a step, no claim id is computed; tables of experiments, no certificates, may loop over claims."""
    computed = set()
    for path in sorted(ENGINE.rglob("*.py")):
        if not {"tests", "experiments"} & set(path.parts):
            for arg in _step_claims(ast.parse(path.read_text())):
                if not isinstance(arg, ast.Constant):
                    computed.add((str(path.relative_to(ENGINE)), ast.unparse(arg)))
    # The form of a basin, and that of a long step, are parts of the claim's name.
    forms = {
        ("regions/neighbourhood/basins.py", "claim"),
        ("regions/neighbourhood/basins.py", "f'containment_{found.form}'"),
    }
    forms |= {("regions/neighbourhood/criteria.py", "claim"), ("regions/neighbourhood/criteria.py", "f'{claim}_long'")}
    assert computed == {("certificates/certificate.py", "row['claim']")} | forms


def test_every_form_of_containment_is_a_claim() -> None:
    """Certificate.claim is containment_{form}, with _long for the forms that have long steps."""
    forms = get_args(Form)
    assert forms
    assert {f"containment_{form}" for form in forms} <= LISTED
    assert {f"containment_{form}_long" for form in ("residual", "displacement")} <= LISTED

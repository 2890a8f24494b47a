"""One certificate from its document to the statement it makes: scope by scope, then every stored number against what was recomputed."""

from __future__ import annotations

from typing import Any

from flint import arb

from verify.checker.about import about
from verify.checker.audit import Audit, ends
from verify.checker.basin import basin
from verify.checker.claims import exact, point
from verify.checker.descent import moving
from verify.checker.problem import Problem
from verify.checker.reading import Claimed, expect, take
from verify.checker.recorded import run
from verify.checker.refutation import refuted
from verify.checker.region import region
from verify.checker.wording import EXACT, stated, step_claims, subject

__all__ = ["examine"]


def examine(audit: Audit, document: dict[str, Any]) -> str:
    """Check one certificate at the present precision and return what it claims, in words made from checked numbers."""
    fields = "format version claim scope verdict reason network data loss loss_scale lr constants margins steps witness"
    format_, version, claim, scope, verdict, reason, *_ = found = take(document, f"{fields} observed tools", "descent")
    known = (
        format_ == "lplr-verify certificate" and type(version) is int and version in (1, 2) and isinstance(reason, str)
    )
    expect(known and ("input_shape" in document["network"]) == (version == 2), "not format version 1 or 2")
    scopes = {"point": point, "ball": about, "run": run, "exact": exact, "basin": basin, "region": region}
    expect(scope in scopes and verdict in ("PROVED", "REFUTED"), "unknown scope or verdict")
    witness, rule = document["witness"], scopes[scope] if verdict == "PROVED" else refuted
    centre = witness.get("handover") if scope in ("run", "exact") else witness
    named = {"point": "pl_from_ntk", "region": "enclosing_ball"}
    form = named.get(scope) or f"containment_{(centre or {}).get('certified_by')}"
    problem, stochastic = Problem(document), found[-1]
    if stochastic is not None:
        form, moved = moving(stochastic, document["loss"], problem, scope)
        rule = moved if verdict == "PROVED" else rule
    if scope == "region":
        problem.require_smooth(scope)
    truth = rule(audit, problem, witness)
    # γ belongs to steps beyond 1/λ_max, which have claims of their own.
    form += "_long" if form.startswith("containment_") and "path_share" in truth.constants else ""
    form = form if verdict == "PROVED" else "zero_loss_unreachable"
    expect(claim == form, "the claim is not the one that the witness supports")
    # What a report says of a certificate it takes from these constants: they must be there.
    needed = stated(scope, claim) if verdict == "PROVED" else "loss_floor"
    elsewhere = isinstance(witness, dict) and scope == "ball" and stochastic is None
    needed += " distance" * (elsewhere and "centre" in witness) + " basin_radius" * (elsewhere and "basin" in witness)
    for name in needed.split():
        expect(document["constants"].get(name) is not None, f"constants: {name} is missing, which the statement needs")
        if name in ("rate", "region_rate"):
            top = ends(document["constants"][name])[1]
            audit.require(f"the stated {name} is below 1", top, "<", arb(1), "stored interval")
    for group, values in (("constants", truth.constants), ("margins", truth.margins)):
        for name, value in document[group].items():
            expect(name in values, f"{group}: {name} is not implied by anything checked")
            expect(group != "margins" or value is not None, f"{group}: {name} is null")
            whole = name in EXACT and isinstance(value, Claimed) and value.rad != 0.0
            expect(not whole, f"{group}: {name} is one number, not an interval")
            audit.matches(f"{group}: {name}", value, values[name])
    for row in document["steps"]:
        name, cited, left, relation, right, _ = take(row, "name claim left relation right source")
        expect(isinstance(name, str) and cited in step_claims(name), f"steps: {name!r} belongs to no claim {cited!r}")
        true_left, expected, true_right = truth.steps.get(name, (None, None, None))
        expect(expected and relation == expected, f"steps: {name!r} is not implied by anything checked")
        audit.matches(f"steps: {name}, left", left, true_left)
        audit.matches(f"steps: {name}, right", right, true_right)
        # The stored intervals contain the true values; let the inequality hold between whole intervals.
        (low, high), (bottom, top) = ends(left), ends(right)
        far = (high, bottom) if relation in ("<", "<=") else (low, top)
        audit.require(f"steps: {name}", far[0], relation, far[1], "stored interval")
    return f"{claim}: {subject(problem)}. It is proved: {truth.statement}"

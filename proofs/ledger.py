"""The ledger of claims: what became of each, computed from its proof or counterexample, never typed in.

    python -m proofs.ledger            print the table
    python -m proofs.ledger --json     print it as JSON
    python -m proofs.ledger --write    rewrite THEOREM_MAP.md

Verdicts. PROVED: every line of the proof is discharged by z3 or SymPy, no lemma is cited, every example stands. PROVED WITH CITED
LEMMAS: the same, resting on named theorems of the literature or on other claims that do. REFUTED: the counterexample's facts are all
true. OPEN: anything else, with what is missing or what failed.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from proofs.claim import Claim, Counterexample, Formulas, Outcome
from proofs.coq_check import THEOREMS, status
from proofs.lemmas import LEMMAS

__all__ = [
    "ORDER",
    "THEOREM_MAP",
    "Row",
    "claim",
    "claims",
    "compute",
    "counts",
    "digest",
    "render_claim",
    "render_map",
    "render_text",
    "to_json",
]

_HERE = Path(__file__).resolve().parent
THEOREM_MAP = _HERE / "THEOREM_MAP.md"

ORDER: dict[str, tuple[str, ...]] = {
    "The paper, version by version": (
        "v1_existence", "v1_lqcr_pl", "v1_lqcr_alone", "v1_lqcr_exists", "v1_linear_convergence", "v2_pl",
        "v2_pl_any_scale", "v2_linear_while_inside", "v3_pl", "v3_rate", "v3_not_necessary", "lqcr_paper_definition",
    ),
    "The PL condition and the NTK on a ball": (
        "pl_from_ntk", "ntk_positive", "ntk_lipschitz", "ntk_stability_paper", "ntk_stability", "neuron_budget",
        "neuron_budget_local", "neuron_budget_upper", "feature_kernel",
        "stability_radius", "stability_radius_positive", "sharp_dominates_paper", "sharp_dominates_any_paper",
    ),
    "Gradient descent stays and converges": (
        "smoothness", "descent_step", "containment_classical", "containment_residual", "containment_residual_long", "residual_covers_classical",
        "residual_covers_classical_linked", "containment_displacement", "containment_displacement_long",
        "containment_displacement_staircase",
        "displacement_improves", "neuron_remainder", "enclosing_ball", "start_ball", "inputs_nearby",
        "linear_rate", "iterates_converge", "iterations", "handover",
        "chatterjee_limit", "known_rates", "known_rates_local",
    ),
    "Stochastic gradient descent, momentum, weight decay": (
        "sgd_second_moment", "sgd_rate", "sgd_exit", "zero_loss_nearby", "minibatch_epoch", "minibatch_any_order",
        "minibatch_with_replacement", "momentum_powers", "momentum_descent", "weight_decay_floor",
    ),
    "Quasi-convexity": ("lqcr_not_needed", "no_lqcr_wide", "no_lqcr_generic", "slqc_in_lplr", "slqc_coarse"),
    "What the enclosures and certificates rest on": (
        "ntk_layer_sum", "layered_curvature", "shadow_growth", "recorded_decrease", "zero_loss_unreachable",
    ),
    "Other networks": (
        "relu_smoothness", "containment_residual_relu", "linear_networks", "network_movement", "network_jacobian_change",
        "unstable_units", "window_choices", "lipschitz_slope", "convolution_norm", "shared_weight_ntk", "layer_norm_derivatives",
    ),
    "Related systems": (
        "linear_imbalance", "linear_imbalance_conserved", "linear_imbalance_weyl", "linear_pl_from_imbalance",
        "linear_norm_from_imbalance", "linear_descent_local", "linear_global_convergence", "linear_constants_at_start",
        "sgd_distance", "sgd_distance_exit", "averaged_sgd", "average_of_iterates",
        "gated_rate", "gated_to_relu", "gated_is_relu_training",
        "jacobian_regularised", "jacobian_curvature", "jacobian_from_ntk",
        "containment_preconditioned", "adam_step_bound", "adam_in_lplr", "adam_crossings_bounded", "adam_relu_global",
        "lookahead_lplr", "lookahead_everywhere", "gd_nonexpansive_in_lplr", "cohypomonotone_resolvent", "km_residual",
        "la_gda_two_steps", "lookahead_bilinear",
        "lure_box", "lure_positive", "aizerman_discrete",
        "performance_difference", "policy_mirror_descent", "ppo_inner_lplr", "ppo_without_support",
        "lp_backprop", "lp_no_spurious", "lp_violation", "lp_plain_gda",
    ),
}  # fmt: skip

PROVED, CITED, REFUTED, OPEN = "PROVED", "PROVED WITH CITED LEMMAS", "REFUTED", "OPEN"


@dataclass(frozen=True)
class Row:
    """One claim's line of the ledger; all fields are JSON values.

    Attributes:
        verdict: PROVED, PROVED WITH CITED LEMMAS, REFUTED or OPEN.
        hypotheses: per hypothesis its name, text, and what becomes of the claim without it.
        constants: names in proofs.constants that the proof uses.
        granted: symbols of the proof that are positive by declaration (proofs.symbols.SYMBOLS): hypotheses that no line states.
        lemmas: ids of the literature's lemmas it rests on (proofs.lemmas).
        claims: ids of other claims it rests on.
        formal: theorems of proofs/coq that state it (whether Coq has checked them: proofs.coq_check.status).
        steps: derived lines of the proof; confirmed: those that a second solver or exact algebra confirms.
        counterexamples: checked instances where a hypothesis is dropped; witnesses: checked instances that the claim asserts.
        detail: why the verdict is OPEN.
        seconds: processor time to check it.
    """

    id: str
    group: str
    title: str
    verdict: str
    statement: str
    source: str
    hypotheses: tuple[dict[str, str], ...]
    constants: tuple[str, ...]
    granted: tuple[str, ...]
    lemmas: tuple[str, ...]
    claims: tuple[str, ...]
    formal: tuple[str, ...]
    steps: int
    confirmed: int
    counterexamples: int
    witnesses: int
    refutation: str
    repaired_by: tuple[str, ...]
    remarks: str
    detail: tuple[str, ...]
    seconds: float


def claim(claim_id: str) -> Claim:
    """Import one claim by its id."""
    found = importlib.import_module(f"proofs.claims.{claim_id}").CLAIM
    if not isinstance(found, Claim) or found.id != claim_id:
        raise ValueError(f"proofs/claims/{claim_id}.py: expected CLAIM with id={claim_id!r}")
    return found


def claims() -> dict[str, Claim]:
    """All claims, in the ledger's order."""
    return {claim_id: claim(claim_id) for group in ORDER.values() for claim_id in group}


def _hypotheses(entry: Claim) -> tuple[tuple[dict[str, str], ...], list[str], int]:
    """Check every hypothesis' necessity; return the JSON form, the failures, and the number of counterexamples."""
    out, failures, number = [], [], 0
    for hypothesis in entry.hypotheses:
        if isinstance(hypothesis.necessity, Counterexample):
            number += 1
            wrong = hypothesis.necessity.failures()
            failures += [f"counterexample for {hypothesis.name!r}: not true: {text}" for text in wrong]
            without = f"fails: {hypothesis.necessity.text}"
        else:
            without = f"not needed: {hypothesis.necessity.text} ({hypothesis.necessity.claim})"
        out.append({"name": hypothesis.name, "text": hypothesis.text, "without": without})
    return tuple(out), failures, number


def _row(entry: Claim, group: str) -> Row:
    """Check one claim by itself; the verdict may still fall when a claim it rests on is not proved."""
    started = time.process_time()
    hypotheses, failures, counterexamples = _hypotheses(entry)
    formulas = Formulas()
    outcome = Outcome(False, (), (), 0, 0)
    granted: tuple[str, ...] = ()
    for witness in entry.witnesses:
        failures += [f"example {witness.text!r}: not true: {text}" for text in witness.failures()]
    if entry.refutation is not None:
        failures += [f"counterexample: not true: {text}" for text in entry.refutation.failures()]
        verdict = OPEN if failures else REFUTED
    elif entry.proof is None:
        failures.append(entry.missing or "no proof and no counterexample")
        verdict = OPEN
    else:
        proof = entry.proof(formulas)
        outcome, granted = proof.check(), proof.granted()
        failures += outcome.failures
        verdict = OPEN if failures else (CITED if outcome.lemmas else PROVED)
    used = [lemma for lemma in outcome.lemmas if not lemma.startswith("claim:")]
    failures += [f"unknown lemma {lemma}" for lemma in used if lemma not in LEMMAS]
    return Row(
        id=entry.id,
        group=group,
        title=entry.title,
        verdict=OPEN if failures and verdict != OPEN else verdict,
        statement=entry.statement,
        source=entry.source,
        hypotheses=hypotheses,
        constants=tuple(formulas.used),
        granted=granted,
        lemmas=tuple(used),
        claims=tuple(x.removeprefix("claim:") for x in outcome.lemmas if x.startswith("claim:")) + entry.refuted_with,
        formal=THEOREMS.get(entry.id, ()),
        steps=outcome.steps,
        confirmed=outcome.confirmed,
        counterexamples=counterexamples,
        witnesses=len(entry.witnesses),
        refutation=entry.refutation.text if entry.refutation else "",
        repaired_by=entry.repaired_by,
        remarks=entry.remarks,
        detail=tuple(failures),
        seconds=round(time.process_time() - started, 3),
    )


def _settle(rows: dict[str, Row]) -> dict[str, Row]:
    """Let verdicts follow the claims they rest on: an unproved or cyclic dependency makes a claim OPEN."""
    proved = {row.id for row in rows.values() if row.verdict in (PROVED, CITED) and not row.claims}
    grew = True
    while grew:
        more = {r.id for r in rows.values() if r.verdict in (PROVED, CITED) and set(r.claims) <= proved} - proved
        proved |= more
        grew = bool(more)
    out = {}
    for row in rows.values():
        if row.verdict in (PROVED, CITED) and row.id not in proved:
            missing = ", ".join(c for c in row.claims if c not in proved)
            row = Row(**{**asdict(row), "verdict": OPEN, "detail": (f"rests on {missing}, which is not proved",)})
        elif row.verdict == REFUTED:
            lost = [c for c in row.repaired_by if c not in rows] + [c for c in row.claims if c not in proved]
            if lost:
                row = Row(**{**asdict(row), "verdict": OPEN, "detail": (f"rests on {', '.join(lost)}, not proved",)})
        out[row.id] = row
    return out


def compute(only: str | None = None) -> list[Row]:
    """Check every claim, or one and those that it rests on, and return their rows in the ledger's order."""
    groups = {claim_id: group for group, ids in ORDER.items() for claim_id in ids}
    rows: dict[str, Row] = {}
    wanted = list(groups) if only is None else [only]
    for claim_id in wanted:
        if claim_id in groups and claim_id not in rows:
            rows[claim_id] = row = _row(claim(claim_id), groups[claim_id])
            wanted += [*row.claims, *row.repaired_by]
    settled = _settle(rows)
    return [settled[claim_id] for claim_id in groups if claim_id in settled]


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """Number of claims by verdict."""
    found = Counter(row.verdict for row in rows)
    return {verdict: found[verdict] for verdict in (PROVED, CITED, REFUTED, OPEN)}


def to_json(rows: Sequence[Row]) -> str:
    """The ledger as JSON: counts, rows, and the lemmas with their statements."""
    lemmas = {x.id: {"statement": x.statement, "reference": x.reference} for x in LEMMAS.values()}
    return json.dumps(
        {"counts": counts(rows), "claims": [asdict(row) for row in rows], "lemmas": lemmas},
        ensure_ascii=False,
        indent=1,
    )


def render_text(rows: Sequence[Row]) -> str:
    """The ledger as a table of plain text, one line per claim."""
    width = max(len(row.id) for row in rows)
    lines, group = [], ""
    coq = "  [Coq]" if status().checked else "  [Coq, not built]"
    for row in rows:
        if row.group != group:
            group = row.group
            lines += ["", group]
        basis = ", ".join([*row.lemmas, *row.claims]) if row.verdict == CITED else ""
        if row.verdict == REFUTED:
            basis = row.refutation
        elif row.verdict == OPEN:
            basis = "; ".join(row.detail)
        formal = coq if row.formal else ""
        text = f"  {row.verdict:<24} {row.id:<{width}}  {row.title}{formal}"
        lines.append(text)
        if basis and row.verdict in (REFUTED, OPEN):
            lines.append(f"  {'':<24} {'':<{width}}  {basis}")
    totals = ", ".join(f"{number} {verdict}" for verdict, number in counts(rows).items())
    steps, confirmed = sum(row.steps for row in rows), sum(row.confirmed for row in rows)
    lines += [
        "",
        f"{len(rows)} claims: {totals}.",
        f"{steps} proof steps discharged, {confirmed} confirmed independently;"
        f" {sum(r.counterexamples + r.witnesses for r in rows)} examples checked;"
        f" {sum(r.seconds for r in rows):.1f} s.",
    ]
    return "\n".join(lines).lstrip("\n")


def _entry(row: Row) -> list[str]:
    """One claim's lines of THEOREM_MAP.md."""
    out = ["", f"### `{row.id}`", "", f"**{row.verdict}.** {row.statement}", "", f"- Source: {row.source}."]
    out += [f"- Hypothesis *{h['name']}*: {h['text']}. Without it: {h['without'].rstrip('.')}." for h in row.hypotheses]
    if row.refutation:
        out.append(f"- Counterexample: {row.refutation.rstrip('.')}.")
    if row.repaired_by:
        out.append("- What holds instead: " + ", ".join(f"`{c}`" for c in row.repaired_by) + ".")
    if row.constants:
        out.append("- Constants: " + ", ".join(f"`{c}`" for c in row.constants) + ".")
    if row.granted:
        out.append("- Granted, as signs of the symbols: " + ", ".join(f"`{name} > 0`" for name in row.granted) + ".")
    if row.verdict in (PROVED, CITED):
        out.append(
            f"- Proof: {row.steps} steps; {row.counterexamples} counterexamples, {row.witnesses} examples checked."
        )
    if row.lemmas:
        out.append("- Assumed from the literature: " + ", ".join(row.lemmas) + ".")
    if row.claims:
        out.append("- Rests on: " + ", ".join(f"`{c}`" for c in row.claims) + ".")
    if row.formal:
        out.append("- Formal counterpart in proofs/coq: " + ", ".join(f"`{c}`" for c in row.formal) + ".")
    if row.detail:
        out.append("- Open: " + "; ".join(row.detail))
    if row.remarks:
        out.append(f"- {row.remarks}")
    return out


def render_claim(row: Row) -> str:
    """One claim in full, with the statements of the lemmas it cites."""
    lemmas = [f"- {x}: {LEMMAS[x].statement} ({LEMMAS[x].reference})" for x in row.lemmas if x in LEMMAS]
    return "\n".join([row.title, *_entry(row)[3:], *(["", "Lemmas cited:", *lemmas] if lemmas else [])])


def render_map(rows: Sequence[Row]) -> str:
    """THEOREM_MAP.md: everything but timings, so that it changes only when a claim does."""
    out = [
        "# Theorem map",
        "",
        "Generated by `python -m proofs.ledger --write`; a test keeps it equal to the computed ledger. Verdicts are computed: PROVED"
        " (every step discharged by z3 or SymPy), PROVED WITH CITED LEMMAS, REFUTED (counterexample checked), OPEN.",
        "",
        " | ".join(f"{number} {verdict}" for verdict, number in counts(rows).items()),
    ]
    group = ""
    for row in rows:
        if row.group != group:
            group = row.group
            out += ["", f"## {group}", "", "| claim | verdict | title |", "|---|---|---|"]
            out += [f"| [`{r.id}`](claims/{r.id}.py) | {r.verdict} | {r.title} |" for r in rows if r.group == group]
        out += _entry(row)
    used = dict.fromkeys(lemma for row in rows for lemma in row.lemmas)
    out += ["", "## Assumed from the literature", "", "| lemma | statement | reference |", "|---|---|---|"]
    out += [f"| {x} | {LEMMAS[x].statement.replace('|', chr(92) + '|')} | {LEMMAS[x].reference} |" for x in used]
    return "\n".join(out) + "\n"


def digest() -> str:
    """SHA-256 of what the ledger is computed from: the sources of proofs/ and the versions of the solvers."""
    state = hashlib.sha256()
    for name in ("z3-solver", "cvc5", "sympy", "python-flint", "numpy"):
        state.update(f"{name}=={version(name)}\n".encode())
    files = sorted(_HERE.rglob("*.py")) + sorted((_HERE / "coq").glob("*.v"))
    for path in files:
        state.update(str(path.relative_to(_HERE)).encode() + b"\0" + path.read_bytes())
    return state.hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the ledger, or rewrite THEOREM_MAP.md; exit code 0 unless a claim with a proof is OPEN."""
    parser = argparse.ArgumentParser(prog="python -m proofs.ledger", description="The ledger of claims.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", action="store_true", help="rewrite THEOREM_MAP.md")
    options = parser.parse_args(arguments)
    rows = compute()
    if options.write:
        THEOREM_MAP.write_text(render_map(rows))
    print(to_json(rows) if options.json else render_text(rows))
    broken = [row.id for row in rows if row.verdict == OPEN and not claim(row.id).missing]
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

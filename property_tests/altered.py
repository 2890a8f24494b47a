"""``python -m property_tests.altered``: single alterations of small certificates of every kind, each behind fitting hashes, at the checker.

Two forgers. The plain one alters one place. The thorough one alters one place that a statement rests on, leaves out all that nothing needs, and stores for the
rest what the checker itself computes from the altered witness: only the theorem's own conditions can refuse that. What is ACCEPTED is attacked
(:mod:`property_tests.statement_attack`), and a report must not say more of it than the checker does. Exit code 1 if anything false was accepted.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from flint import arb, ctx

from property_tests.alterations import Alteration, alterations
from property_tests.claims import Violation
from property_tests.small_certificates import KINDS, small
from property_tests.statement_attack import Said, attack
from verify.certificates import Certificate
from verify.certificates.sentences import sentence
from verify.checker import check, examination
from verify.checker.audit import Audit
from verify.checker.reading import read
from verify.checker.tests.sealing import Draft
from verify.checker.wording import EXACT, stated
from verify.errors import VerifyError

__all__ = ["BORNE", "Tally", "forged", "judge", "main", "try_kind"]

BORNE = ("witness", "descent", "lr", "loss", "loss_scale", "network", "data", "arrays")
"""Fields that a statement rests on."""
_FREE = ("tools", "observed", "reason")


class _Recorder(Audit):
    """Notes what the checker recomputes for each stored constant, and compares nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.truths: dict[str, Any] = {}

    def matches(self, name: str, claimed: Any, truth: Any) -> None:
        self.truths[name.removeprefix("constants: ")] = truth


def _as_stored(name: str, truth: Any) -> Any:
    """What a forger stores for a recomputed value; of a bound that may be any above the truth, the weakest below 1."""
    if callable(truth):
        return {"$ball": [(1.0 - 2.0**-53).hex(), (0.0).hex()]}
    if isinstance(truth, Fraction):
        return {"$rational": [str(truth.numerator), str(truth.denominator)]}
    if isinstance(truth, int):
        return truth
    mid = float(truth.mid())
    radius = 0.0 if name in EXACT else float((2 * abs(truth - arb(mid)) + abs(arb(mid)) / 2**50).upper()) + 5e-324
    return {"$ball": [mid.hex(), radius.hex()]}


def forged(draft: Draft, path: Path) -> Draft | None:
    """Return the certificate with nothing but what its statement needs, as the checker computes it; None where the checker computes nothing."""
    bare, zero = draft.copy(), {"$ball": [(0.0).hex(), (0.0).hex()]}
    document, recorder = bare.document, _Recorder()
    try:
        needed = stated(document["scope"], document["claim"]).split()
        if document["scope"] == "ball":
            needed += [
                {"centre": "distance", "basin": "basin_radius"}[key]
                for key in ("centre", "basin")
                if key in document["witness"]
            ]
        document |= {"margins": {}, "steps": [], "constants": dict.fromkeys(needed, zero)}
        with ctx.workprec(128):
            examination.examine(recorder, read(str(bare.save(path))))
        document["constants"] = {name: _as_stored(name, truth) for name, truth in recorder.truths.items()}
    except Exception:  # no document that the checker computes anything from
        return None
    return bare


@dataclass
class Tally:
    """Files of one kind by verdict, and the places of what was accepted with another statement."""

    verdicts: Counter[str] = field(default_factory=Counter)
    other: Counter[str] = field(default_factory=Counter)


def judge(draft: Draft, path: Path, tally: Tally, place: str, known: set[str]) -> None:
    """Check one file; what is accepted is attacked, and its report compared with the checker's words.

    Raises:
        Violation: something false was accepted, or what cannot be loaded, or a report says more.
    """
    found = check(draft.save(path), seconds=20.0)
    tally.verdicts[found.verdict] += 1
    if not found.accepted:
        return
    words = found.claims[0]
    tally.other[place.split("[")[0]] += words not in known
    try:
        certificate = Certificate.load(path)
    except VerifyError as error:
        if place.startswith(_FREE) or place.endswith("/source"):
            return  # neither checked nor told
        raise Violation(f"ACCEPTED, but it cannot be loaded: {error}") from error
    told, said = Said.of(sentence(certificate)), Said.of(words)
    if not told.no_more_than(said):
        raise Violation(f"the report says {told}, the checker {said}")
    if certificate.scope != "point":
        attack(certificate, said)


def _one(alteration: Alteration, kind: str, path: Path, tally: Tally, thorough: bool, known: set[str]) -> None:
    draft: Draft | None = alteration.on(small(kind))
    if draft is not None and thorough:
        draft = forged(draft, path)
    if draft is None:
        tally.verdicts["REJECTED"] += 1
        return
    try:
        judge(draft, path, tally, alteration.place, known)
    except Violation as violation:
        forger = "thorough" if thorough else "plain"
        raise Violation(f"{kind}, {forger}: {alteration.place} {alteration.way}: {violation}") from violation


def try_kind(kind: str, thorough: bool, count: int | None = None, seed: int = 0) -> Tally:
    """Try all alterations of a kind, or `count` drawn ones, after the unaltered file, which must be accepted.

    Raises:
        Violation: something false was accepted.
    """
    tally, rng = Tally(), random.Random(f"{seed} {kind} {thorough}")
    chosen = alterations(small(kind), BORNE if thorough else None)
    if count is not None:
        chosen = rng.sample(chosen, min(count, len(chosen)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "certificate.zip"
        whole = check(small(kind).save(path))
        if not whole.accepted:
            raise Violation(f"{kind}: the unaltered certificate is {whole.verdict}: {whole.failures}")
        bare = forged(small(kind), path)
        if bare is None or not check(bare.save(path)).accepted:
            raise Violation(f"{kind}: the thorough forger cannot even store the truth")
        for alteration in chosen:
            _one(alteration, kind, path, tally, thorough, set(whole.claims))
    return tally


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and try every kind."""
    parser = argparse.ArgumentParser(prog="python -m property_tests.altered", description=__doc__)
    parser.add_argument(
        "--count", type=int, default=None, help="alterations of each kind and forger, drawn; default: all"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--only", nargs="+", choices=sorted(KINDS), help="some kinds")
    parser.add_argument("--forger", choices=["plain", "thorough"], help="one of the two")
    parser.add_argument("--places", action="store_true", help="print where what was accepted says something else")
    options = parser.parse_args(arguments)
    failed = 0
    for kind in options.only or KINDS:
        for thorough in (False, True) if options.forger is None else (options.forger == "thorough",):
            try:
                tally = try_kind(kind, thorough, options.count, options.seed)
            except Violation as violation:
                failed += 1
                print(f"FALSE {violation}", flush=True)
                continue
            print(f"{kind}, {'thorough' if thorough else 'plain'}: {dict(sorted(tally.verdicts.items()))}", flush=True)
            if options.places:
                print("  " + ", ".join(f"{place} {n}" for place, n in tally.other.most_common() if n), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

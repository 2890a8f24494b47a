"""Scope `ball`: about the stored parameters; or about a stored centre c near them, and for every data set nearby.

Off the centre, ‖θ0 − c‖ ≤ o: a path of length t from θ0 stays within o + t of c, so the integrals of `Ball` begin at o, with the residual at θ0. By the
displacement form every start within ρ of c converges, θ0 among them (basin.py). For data nearby each bound is one for all of them (nearby.py).
"""

from __future__ import annotations

from typing import Any

from flint import arb

from verify.checker.basin import within
from verify.checker.claims import Audit, Ball, Truth, distance
from verify.checker.enclosures import real
from verify.checker.nearby import at
from verify.checker.problem import Problem
from verify.checker.reading import expect
from verify.checker.tables import floats
from verify.checker.wording import at_least, at_most

__all__ = ["about"]


def about(audit: Audit, problem: Problem, witness: Any) -> Truth:
    """Scope `ball`: gradient descent from the stored parameters, in a ball about them or about a stored centre, on the stored data or on all nearby."""
    expect(isinstance(witness, dict), "a ball needs a witness")
    start = problem.parameters()
    if "basin" in witness:
        found = within(audit, problem, witness, start)
        return found._replace(
            statement=f"for real-arithmetic gradient descent from the stored parameters: {found.statement}"
        )
    rest = {key: value for key, value in witness.items() if key not in ("centre", "offset", "data_radius")}
    nearby = witness.get("data_radius")
    radius = arb(0) if nearby is None else real(floats([nearby])[0])
    expect(nearby is None or nearby > 0.0, "data nearby lie within a radius > 0")
    expect(("centre" in witness) == ("offset" in witness), "a centre and an offset belong together")
    every = (
        ""
        if nearby is None
        else f" on each data set whose inputs lie within {at_least(nearby)} of the stored ones (every sample, Euclidean norm, the same targets)"
    )
    more: dict[str, Any] = {} if nearby is None else {"data_radius": radius}
    where = ""
    if "centre" in witness:
        [offset] = floats([witness["offset"]])
        expect(offset >= 0.0, "an offset is ≥ 0")
        centre = problem.parameters(witness["centre"])
        away = distance(start, centre)
        audit.require("parameters from the centre", away, "<=", real(offset), "two stored vectors")
        found = Ball(audit, at(problem, centre, radius), rest, offset, at(problem, start, radius).e).truth()
        more["distance"] = away
        where = f"; the centre is a stored point c, ‖θ0 − c‖ ≤ {at_most(away)}"
    else:
        found = Ball(audit, at(problem, start, radius), rest).truth()
    text = f"for real-arithmetic gradient descent from the stored parameters{every}: {found.statement}{where}"
    return found._replace(constants=found.constants | more, statement=text)

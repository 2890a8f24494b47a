"""Known-false twins: each property with a constant that is slightly wrong, which Hypothesis must refute within its budget.

A twin that survives means that the property it belongs to could not have noticed that error either: the test fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, settings, strategies as st

import verify
from property_tests import families
from property_tests.along_descent import region_certificate
from property_tests.basins import BasinClaims, basin_facts
from property_tests.centres import CentreDraw, centre_certificate, centre_draws, off_centre_facts
from property_tests.certified import certified, facts_of, layers_of
from property_tests.claims import Claims, Violation
from property_tests.properties import StepDraw, step_draws
from property_tests.regions import RegionClaims, RegionDraw, region_draws, region_facts
from property_tests.scaling import check_scaling, scaling_draws
from property_tests.tally import TALLY

__all__ = ["TWINS", "Twin", "refute"]


@dataclass(frozen=True)
class Twin:
    """A false statement.

    Attributes:
        name: what is wrong. refutes: how the Violation that refutes it must begin (the fact's name).
        strategy: where it is false. body: asserts it; raises Violation when it is refuted. budget: draws allowed.
    """

    name: str
    refutes: str
    strategy: Callable[[], st.SearchStrategy[Any]]
    body: Callable[[Any], None]
    budget: int = 60


def _claim(change: Callable[[Claims], Claims]) -> Callable[[Any], None]:
    def body(problem: Any) -> None:
        certificate = certified(problem)
        if certificate.verdict == "PROVED":
            facts_of(problem, change(Claims.of(certificate)), gd_steps=40)

    return body


def _basin(change: Callable[[BasinClaims], BasinClaims]) -> Callable[[Any], None]:
    def body(problem: Any) -> None:
        certificate = verify.certify(problem.model, problem.X, problem.y, scope="basin", loss=problem.loss)
        if certificate.verdict == "PROVED":
            claims = change(BasinClaims.of(certificate))
            for _ in basin_facts(layers_of(problem), problem, claims, steps=30):
                pass

    return body


def _region(change: Callable[[RegionClaims], RegionClaims]) -> Callable[[RegionDraw], None]:
    def body(draw: RegionDraw) -> None:
        certificate = region_certificate(draw)
        if certificate.verdict == "PROVED":
            for _ in region_facts(draw.problem, change(RegionClaims.of(certificate)), steps=20):
                pass

    return body


def _about(change: Callable[[CentreDraw, Claims], dict[str, Any]]) -> Callable[[CentreDraw], None]:
    """Facts of a ball off its centre with the claims, the centre or the data changed."""

    def body(draw: CentreDraw) -> None:
        certificate = centre_certificate(draw)
        if certificate.verdict == "PROVED" and "basin" not in certificate.witness:
            claims = Claims.of(certificate)
            said = {"claims": claims, "start": draw.start, "centre": draw.centre, "data": draw.data_radius}
            for _ in off_centre_facts(draw.problem, **{**said, **change(draw, claims)}):
                pass

    return body


def _loss_alone(claims: Claims) -> Claims:
    """What is claimed of the centre but for λ_min and ‖J‖, which other points may share."""
    return claims.with_(lambda0_lower=0.0, lambda0_upper=float("inf"), jacobian_norm0=float("inf"))


def _beside() -> st.SearchStrategy[CentreDraw]:
    """Networks whose layers are not exchangeable, the centre half the way to a fit, R given."""
    draws = centre_draws().filter(lambda d: {"tanh", "gelu", "silu"} & {*d.problem.architecture.activations})
    return draws.map(lambda d: replace(d, share=0.5, aside=0.1, problem=replace(d.problem, reach=2.0)))


def _slow_linear() -> st.SearchStrategy[Any]:
    """Linear models with steps for which c is close to 1, or the residual criterion certifies: path bounds are tight."""
    return families.linear_models(steps=st.sampled_from([Fraction(1, 10), Fraction(1, 20), Fraction(1, 5)]))


def _mean_linear() -> st.SearchStrategy[Any]:
    return families.linear_models().filter(lambda m: len(m.slopes) > 1).map(lambda m: replace(m, loss="mean"))


def _forgets_labels(problem: Any) -> None:
    """A verdict that drops repeated inputs instead of comparing their targets."""
    model, X, y = problem.model, problem.X[:-1], problem.y[:-1]
    if verify.certify(model, X, y, loss=problem.loss).verdict == "PROVED":
        raise Violation(f"never proved: PROVED although {problem.why}")


def _twice_the_step(draw: StepDraw) -> None:
    """A verdict that believes in 4/β."""
    m = draw.model
    lr = 2 / m.smoothness * draw.multiple
    radius = 8.0 * abs(m.residual) / min(m.slopes)
    verdict = verify.certify(m.model, m.X, m.y, lr=lr / 2, loss=m.loss, radius=radius).verdict
    if verdict == "PROVED" and draw.multiple >= 1:
        raise Violation(f"step limit: PROVED at {draw.multiple}·2/β")


def _larger_step(problem: Any) -> None:
    """PROVED survives a step three times as large."""
    certificate = certified(problem)
    if certificate.verdict != "PROVED":
        return
    lr = Fraction(certificate.constants["lr"]) * 3
    again = verify.certify(problem.model, problem.X, problem.y, lr=lr, loss=problem.loss, radius=problem.radius)
    if again.verdict != "PROVED":
        raise Violation("larger step: no longer PROVED")


def _wrong_law(law: str, exponent: int) -> Twin:
    return Twin(
        f"{law}, exponent {exponent}",
        law,
        lambda: scaling_draws((law,)),
        lambda draw: (check_scaling(replace(draw, exponent=exponent)), None)[1],
    )


_linear, _quadratic = families.linear_models, families.quadratics

TWINS: dict[str, Twin] = {
    t.name: t
    for t in (
        Twin(
            "lambda0 x 1.01",
            "lambda0_below_truth",
            _linear,
            _claim(lambda c: c.with_(lambda0_lower=1.01 * c.lambda0_lower)),
        ),
        Twin(
            "lambda0 upper x 0.99",
            "lambda0_above_truth",
            _linear,
            _claim(lambda c: c.with_(lambda0_upper=0.99 * c.lambda0_upper)),
        ),
        Twin(
            "jacobian_norm0 x 0.99",
            "jacobian_norm0",
            _linear,
            _claim(lambda c: c.with_(jacobian_norm0=0.99 * c.jacobian_norm0)),
        ),
        Twin("residual0 x 0.99", "residual0", _linear, _claim(lambda c: c.with_(residual0=0.99 * c.residual0))),
        Twin("loss0 x 0.99", "loss0_upper", _linear, _claim(lambda c: c.with_(loss0=(0.0, 0.99 * c.loss0[1])))),
        Twin(
            "loss0 lower x 1.01",
            "loss0_lower",
            _linear,
            _claim(lambda c: c.with_(loss0=(1.01 * c.loss0[1], c.loss0[1]))),
        ),
        Twin(
            "lambda_region x 1.01",
            "lambda_region",
            _quadratic,
            _claim(lambda c: c.with_(lambda_region=1.01 * c.lambda_region)),
        ),
        Twin("mu x 1.01", "pl", _linear, _claim(lambda c: c.with_(mu=1.01 * c.mu))),
        Twin("mu with twice the loss scale", "pl", _mean_linear, _claim(lambda c: c.with_(mu=2 * c.mu))),
        Twin("beta x 0.99", "smoothness", _linear, _claim(lambda c: c.with_(smoothness=0.99 * c.smoothness))),
        Twin(
            "beta with half the loss scale",
            "smoothness",
            _mean_linear,
            _claim(lambda c: c.with_(smoothness=c.smoothness / 2)),
        ),
        Twin("drift x 0.99", "jacobian_drift", _quadratic, _claim(lambda c: c.with_(drift=0.99 * c.drift))),
        Twin(
            "curvature x 0.99", "second_derivative", _quadratic, _claim(lambda c: c.with_(curvature=0.99 * c.curvature))
        ),
        Twin("path x 0.9", "path", _slow_linear, _claim(lambda c: c.with_(path=0.9 * c.path))),
        Twin("radius x 0.9 of the path", "containment", _slow_linear, _claim(lambda c: c.with_(radius=0.9 * c.path))),
        Twin("payment x 1.01", "payment", _linear, _claim(lambda c: c.with_(payment=1.01 * c.payment))),
        Twin("limit x 0.99", "limit", _linear, _claim(lambda c: c.with_(arrival=1.01 * c.arrival))),
        Twin("rate with mu x 1.01", "rate", _linear, _claim(lambda c: c.with_(rate=1.0 - 1.01 * (1.0 - c.rate)))),
        Twin(
            "basin: rho larger than R",
            "basin_containment",
            _quadratic,
            _basin(lambda c: replace(c, basin=1.01 * c.radius)),
        ),
        Twin(
            "basin: offset forgotten, R for the path alone",
            "basin_containment",
            _quadratic,
            _basin(lambda c: replace(c, radius=c.radius - c.basin, basin=c.basin * 1.01)),
        ),
        Twin(
            "basin: rate of a larger mu",
            "basin_rate",
            _linear,
            _basin(lambda c: replace(c, rate=1.0 - 1.01 * (1.0 - c.rate))),
        ),
        Twin(
            "basin: residual at the centre for that on the basin",
            "basin_residual",
            _quadratic,
            _basin(lambda c: replace(c, residual=c.ball.residual0)),
        ),
        Twin(
            "region: radius x 0.97",
            "region_containment",
            region_draws,
            _region(lambda c: replace(c, radius=0.97 * c.radius)),
        ),
        Twin(
            "region: starts 1,000 times as far away",
            "region_containment",
            lambda: region_draws().filter(lambda d: d.start_radius == 1e-3),
            _region(lambda c: replace(c, starts=1e3 * c.starts)),
        ),
        Twin(
            "region: data 1,000 times as far away",
            "region_rate",
            lambda: region_draws().filter(lambda d: d.data_radius == 1e-3),
            _region(lambda c: replace(c, data=1e3 * c.data)),
        ),
        Twin(
            "region: rate of the residual for that of the loss",
            "region_rate",
            region_draws,
            _region(lambda c: replace(c, rate=(1.0 - (1.0 - c.rate) * 2.0) ** 2)),
        ),
        Twin(
            "centre: the parameters in its place",
            "loss0",
            _beside,
            _about(lambda d, c: {"claims": _loss_alone(c), "centre": d.start}),
        ),
        Twin(
            "centre: its numbers in another order",
            "loss0",
            _beside,
            _about(lambda d, c: {"claims": _loss_alone(c), "centre": np.asarray(d.centre)[::-1]}),
        ),
        Twin(
            "centre: the offset forgotten, R for the path alone",
            "containment",
            _beside,
            _about(lambda d, c: {"claims": c.with_(radius=0.9 * float(np.linalg.norm(d.start - d.centre)))}),
        ),
        Twin(
            "centre: data 1,000 times as far away",
            "lambda0",
            lambda: _beside().map(lambda d: replace(d, data=2.0**-14)),
            _about(lambda d, _: {"data": 1e3 * d.data_radius}),
        ),
        Twin(
            "contradictory labels ignored",
            "never proved",
            lambda: families.false_problems("contradiction"),
            _forgets_labels,
        ),
        Twin("repeated inputs dropped", "never proved", lambda: families.false_problems("repeated"), _forgets_labels),
        Twin("step bound 4/beta", "step limit", step_draws, _twice_the_step),
        Twin("larger steps stay PROVED", "larger step", _linear, _larger_step),
        _wrong_law("loss scale", 2),
        _wrong_law("duplicated outputs", 2),
        _wrong_law("parametrisation", 2),
    )
}


def refute(twin: Twin, *, derandomize: bool = True) -> str:
    """Let Hypothesis search for a counterexample to a twin; return the (shrunk) draw that refutes it.

    Raises:
        AssertionError: the twin survived its budget, or was refuted for another reason than the one it is about.
    """
    caught: list[tuple[Any, str]] = []

    def body(draw: Any) -> None:
        try:
            twin.body(draw)
        except Violation as violation:
            if str(violation).startswith(twin.refutes):
                caught.append((draw, str(violation)))
            raise

    test = settings(
        max_examples=twin.budget,
        deadline=None,
        database=None,
        derandomize=derandomize,
        phases=(Phase.generate, Phase.target),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
    )(given(twin.strategy())(body))
    try:
        test()
    except Violation as violation:
        if not str(violation).startswith(twin.refutes):
            raise AssertionError(
                f"twin {twin.name!r} was refuted by {violation}, expected {twin.refutes!r}"
            ) from violation
        draw = repr(caught[-1][0])
        TALLY.twins[twin.name] = draw
        return draw
    raise AssertionError(f"twin {twin.name!r} survived {twin.budget} draws: the property cannot see this error")

"""The properties: what must hold for every draw. Test files run them at a small budget, the soak runner for hours.

Each property is a function of one draw that records what it saw in :data:`~property_tests.tally.TALLY`; :data:`PROPERTIES` lists
them with their strategies and the share of draws that must reach PROVED for the property to count as tested at all.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

from hypothesis import given, strategies as st

import verify
from property_tests import families, strategies
from property_tests.along_descent import basin, kinked_trajectories, region, trajectories, trajectory
from property_tests.centres import CentreDraw, centre_certificate, centre_draws, facts_about, forgeries, is_accepted
from property_tests.certified import certified, class_of, facts_of, merge, reference_of
from property_tests.claims import Claims, Violation, centre_facts, pl_facts
from property_tests.draws import TrainingProblem, module_of
from property_tests.regions import region_draws
from property_tests.scaling import LAWS, ScalingDraw, check_scaling, scaling_draws
from property_tests.search import adversarial_points
from property_tests.stochastic import stochastic, stochastic_draws
from property_tests.tally import TALLY
from property_tests.trajectories import round_trip, tampered_copies, with_weights
from verify.networks import Problem, read_data, read_network

__all__ = ["PROPERTIES", "Property", "run"]


@dataclass(frozen=True)
class Property:
    """One property.

    Attributes:
        name: under which it is counted. strategy: of its draws. body: raises on a violation.
        weight: its share of examples (and of a soak run's time), relative to the others.
        floors: (class or None for all) -> share of draws that must be PROVED; empty where the property is about refusals.
    """

    name: str
    strategy: Callable[[], st.SearchStrategy[Any]]
    body: Callable[[Any], None]
    weight: float = 1.0
    floors: Mapping[str | None, float] | None = None
    scope: str = "ball"


# ------------------------------------------------------------------ ball: every fact of a PROVED certificate
_ATTACK_STEPS = 5


@dataclass
class Effort:
    """How long the enclosed descent of a PROVED ball is, in steps; a soak run raises it to some hundred."""

    descent: int = 10


EFFORT = Effort()


def _ball(name: str) -> Callable[[TrainingProblem], None]:
    def ball(problem: TrainingProblem) -> None:
        """Every fact of a PROVED ball certificate holds at attacked points and along enclosed gradient descent."""
        certificate = certified(problem)
        TALLY.drew(name, "ball", class_of(problem), certificate.verdict)
        if certificate.verdict != "PROVED":
            return
        # The attack costs as much as all the rest: it is run on a part of the draws, chosen by the draw itself.
        attacked = problem.architecture.seed % 8 == 1
        facts = facts_of(
            problem, Claims.of(certificate), attack_steps=_ATTACK_STEPS if attacked else 0, gd_steps=EFFORT.descent
        )
        TALLY.checked(name, facts, problem)
        round_trip(certificate, accept=True)

    return ball


def _sharp(name: str) -> Callable[[Any], None]:
    def sharp(problem: Any) -> None:
        """The same facts on families where bounds are attained."""
        certificate = certified(problem)
        TALLY.drew(name, "ball", class_of(problem), certificate.verdict)
        if certificate.verdict == "PROVED":
            TALLY.checked(name, facts_of(problem, Claims.of(certificate), gd_steps=max(20, EFFORT.descent)), problem)
            round_trip(certificate, accept=True)

    return sharp


def centre(draw: CentreDraw) -> None:
    """Every fact of a PROVED ball about another centre, or for data nearby; of forgeries what is accepted is true as well."""
    certificate = centre_certificate(draw)
    TALLY.drew("centre", "ball", draw.kind, certificate.verdict)
    if certificate.verdict != "PROVED":
        return
    attacked = _ATTACK_STEPS if draw.problem.architecture.seed % 8 == 1 else 0
    facts: dict[str, float] = {}
    merge(facts, facts_about(draw.problem, certificate, effort=attacked, steps=EFFORT.descent))
    TALLY.checked("centre", facts, draw)
    round_trip(certificate, accept=True)
    for name, forged in forgeries(draw, certificate):
        try:
            found = facts_about(draw.problem, forged) if is_accepted(forged) else [("rejected", 0.0)]
            TALLY.checked("centre", {f"{name}: {fact}": 0.0 for fact, _ in found}, draw, steer=False)
        except Violation as violation:
            raise Violation(f"forged {name}, and accepted: {violation}") from violation


def _near(depths: tuple[int, int]) -> Callable[[], st.SearchStrategy[TrainingProblem]]:
    return lambda: strategies.near_problems(depths=depths)


def searched(problem: TrainingProblem) -> None:
    """The engine's own choice of radius: the facts, and that a smaller step keeps PROVED PROVED."""
    certificate = certified(problem)
    TALLY.drew("searched", "ball", class_of(problem), certificate.verdict)
    if certificate.verdict != "PROVED":
        return
    TALLY.checked("searched", facts_of(problem, Claims.of(certificate), gd_steps=6), problem)
    round_trip(certificate, accept=True)
    smaller_step_keeps_proved(problem, certificate)


def smaller_step_keeps_proved(problem: TrainingProblem, certificate: Any) -> None:
    """Certify again with a fraction of the step: the verdict must stay PROVED, unless the factor per step rounds to 1 then."""
    gain = 1 - Fraction(float(certificate.constants["rate"].upper()))
    for factor in (Fraction(1, 2), Fraction(1, 10**5)):
        if gain * factor < Fraction(1, 2**48):
            continue
        lr = Fraction(certificate.constants["lr"]) * factor
        again = verify.certify(problem.model, problem.X, problem.y, lr=lr, loss=problem.loss, radius=problem.radius)
        TALLY.drew("smaller_step", "ball", class_of(problem), again.verdict)
        round_trip(again, accept=again.verdict == "PROVED")
        if again.verdict != "PROVED":
            raise Violation(
                f"lr={certificate.constants['lr']} is PROVED but lr={lr} is {again.verdict}: {again.reason}"
            )


def smaller_step(problem: TrainingProblem) -> None:
    """Shrinking lr keeps PROVED PROVED."""
    certificate = certified(problem)
    if certificate.verdict == "PROVED":
        smaller_step_keeps_proved(problem, certificate)


# ------------------------------------------------------------------ point: enclosures at a parameter vector
def point(problem: TrainingProblem) -> None:
    """λ_min, ‖J‖, ‖e‖ and Φ are enclosed at any parameters; the PL ratio where Φ > 0."""
    certificate = verify.certify(problem.model, problem.X, problem.y, scope="point", loss=problem.loss)
    TALLY.drew("point", "point", class_of(problem), certificate.verdict)
    c = certificate.constants
    claims = _point_claims(problem.s, c)
    reference = reference_of(problem)
    facts: dict[str, float] = {}
    merge(facts, centre_facts(reference, claims))
    if c.get("pl_ratio") is not None:
        ratio = replace(claims, mu=float(c["pl_ratio"].lower()))
        merge(facts, pl_facts(reference, ratio, reference.centre))
    TALLY.checked("point", facts, problem)
    round_trip(certificate, accept=certificate.verdict == "PROVED")


def _point_claims(s: Fraction, c: Mapping[str, Any]) -> Claims:
    low = max(float(c["lambda0"].lower()), 0.0)
    return Claims(
        s=s,
        lr=Fraction(1),
        radius=1.0,
        lambda0_lower=float(c["lambda0"].lower()),
        lambda0_upper=float(c["lambda0"].upper()),
        jacobian_norm0=float(c["jacobian_norm0"].upper()),
        residual0=float(c["residual0"].upper()),
        loss0=(float(c["loss0"].lower()), float(c["loss0"].upper())),
        lambda_region=min(float(c["lambda0"].lower()), low),
        mu=0.0,
        smoothness=float("inf"),
        curvature=float("inf"),
        drift=0.0,
        path=float("inf"),
        rate=float("inf"),
        payment=0.0,
        arrival=0.0,
    )


# ------------------------------------------------------------------ files and the checker
def _easily_certified() -> st.SearchStrategy[TrainingProblem]:
    """Problems with a smaller residual: these properties are about what happens after PROVED."""
    draws = strategies.near_problems(depths=(1, 4))
    return draws.map(lambda p: replace(p, targets=replace(p.targets, size=p.targets.size / 4), reach=1.5))


def stored(problem: TrainingProblem) -> None:
    """A certificate survives writing, reading and checking; one that claims more than was proved is not accepted."""
    certificate = certified(problem)
    TALLY.drew("stored", "ball", class_of(problem), certificate.verdict)
    if certificate.verdict == "INCONCLUSIVE":
        round_trip(certificate, accept=False)
        return
    round_trip(certificate, accept=True)
    for what, forged in tampered_copies(certificate):
        try:
            round_trip(forged, accept=False)
        except Violation as violation:
            raise Violation(f"forged {what}: {violation}") from violation
        TALLY.checked("stored", {f"forged {what} refused": 0.0}, problem, steer=False)


# ------------------------------------------------------------------ wide networks at initialisation
def wide(problem: TrainingProblem) -> None:
    """Networks wide enough to be certified where training starts: λ and PL at points of the ball, in rigorous arrays.

    Arb would need minutes per Jacobian here, so the engine's own NTK enclosure (tested against Arb by `point`) decides.
    """
    certificate = certified(problem)
    TALLY.drew("wide", "ball", "wide", certificate.verdict)
    if certificate.verdict != "PROVED":
        return
    claims = Claims.of(certificate)
    network = read_network(problem.model)
    exact = Problem(network, read_data(network, problem.X, problem.y), problem.loss)
    facts: dict[str, float] = {}
    specs = problem.architecture.layers()
    for flat in adversarial_points(exact, claims.radius * (1.0 - 1e-9), seed=problem.architecture.seed, effort=0):
        layers = with_weights(specs, flat)
        offset = verify.Ball(flat) - verify.Ball(reference_of(problem).flat_centre)
        if not float(offset.norm().upper()) <= claims.radius:
            continue
        found = verify.certify(module_of(layers), problem.X, problem.y, scope="point", loss=problem.loss)
        lam = found.constants["lambda0"]
        if not float(lam.lower()) >= claims.lambda_region:
            raise Violation(f"λ_min(Θ(θ)) = {lam} inside the ball, claimed ≥ {claims.lambda_region}")
        ratio = found.constants["pl_ratio"]
        if not float(ratio.lower()) >= claims.mu:
            raise Violation(f"½‖∇Φ‖²/Φ = {ratio} inside the ball, claimed ≥ {claims.mu}")
        merge(
            facts,
            [
                ("lambda_region", float(lam.mid) / claims.lambda_region - 1.0),
                ("pl", float(ratio.mid) / claims.mu - 1.0),
            ],
        )
    if not facts:
        raise Violation("no adversarial point lay inside the ball: nothing was tested")
    TALLY.checked("wide", facts, problem)
    round_trip(certificate, accept=True)


# ------------------------------------------------------------------ truth known by construction
def never_proved(problem: families.FalseProblem) -> None:
    """The verdict is never PROVED where no ball certificate can be true, in any scope that ends with one."""
    scopes: tuple[Literal["ball", "run", "exact", "basin", "region"], ...] = ("ball", "run", "exact", "basin", "region")
    scope = scopes[problem.seed % 5]
    steps = None if scope in ("ball", "basin") else 20
    certificate = verify.certify(problem.model, problem.X, problem.y, scope=scope, loss=problem.loss, steps=steps)
    TALLY.drew(f"never_proved: {problem.why}", scope, class_of(problem), certificate.verdict)
    if certificate.verdict == "PROVED":
        raise Violation(f"PROVED although: {problem.why}")
    if problem.why == "contradiction" and certificate.verdict != "REFUTED":
        raise Violation(f"equal inputs with different targets are {certificate.verdict}, not REFUTED")
    round_trip(certificate, accept=certificate.verdict == "REFUTED")


@dataclass(frozen=True)
class StepDraw:
    """A linear model and a step as an exact multiple of 2/β, its known stability limit."""

    model: families.LinearModel
    multiple: Fraction


def step_limit(draw: StepDraw) -> None:
    """On F = √β·θ a step ≥ 2/β is never PROVED, a step just below is."""
    m = draw.model
    lr = 2 / m.smoothness * draw.multiple
    below = draw.multiple < 1
    # c = 1 − lr·β/2 = 1 − multiple: the classical path is ‖e0‖/(c√λ), so a ball twice as large suffices below the limit.
    reach = 2.0 / float(1 - draw.multiple) if below else 4.0
    radius = reach * abs(m.residual) / min(m.slopes)
    certificate = verify.certify(m.model, m.X, m.y, lr=lr, loss=m.loss, radius=radius)
    TALLY.drew("step_limit", "ball", "below 2/β" if below else "at or above", certificate.verdict)
    if not below and certificate.verdict == "PROVED":
        raise Violation(f"lr = {draw.multiple}·2/β is PROVED, but Φ does not decrease there")
    round_trip(certificate, accept=certificate.verdict == "PROVED")


def step_draws() -> st.SearchStrategy[StepDraw]:
    """Draw steps on both sides of 2/β, as near as 2⁻⁴⁰."""
    offsets = st.tuples(st.sampled_from([1, -1, 0]), st.integers(1, 40)).map(
        lambda t: 1 + t[0] * Fraction(1, 2 ** t[1])
    )
    return st.builds(StepDraw, families.linear_models(max_n=1), offsets)


def scaling(draw: ScalingDraw) -> None:
    """The constants transform under the symmetries of the problem as the mathematics says."""
    verdict = check_scaling(draw)
    TALLY.drew(f"scaling: {draw.law}", "ball", class_of(draw.problem), verdict)


PROPERTIES: dict[str, Property] = {
    p.name: p
    for p in (
        Property("ball_linear", _near((1, 1)), _ball("ball_linear"), 1.0, {None: 0.3}),
        Property("ball_shallow", _near((2, 2)), _ball("ball_shallow"), 2.0, {None: 0.4}),
        Property("ball_deep", _near((3, 5)), _ball("ball_deep"), 2.0, {None: 0.3}),
        Property(
            "centre",
            centre_draws,
            centre,
            0.5,
            dict.fromkeys(("centre, R given", "centre, R searched", "data nearby"), 0.3),
        ),
        Property("sharp_linear", families.linear_models, _sharp("sharp_linear"), 1.0, {None: 0.9}),
        Property("sharp_quadratic", families.quadratics, _sharp("sharp_quadratic"), 1.0, {None: 0.4}),
        Property(
            "searched",
            lambda: strategies.near_problems(max_width=6, max_parameters=60, search=True),
            searched,
            0.3,
            {None: 0.4},
        ),
        Property("smaller_step", _easily_certified, smaller_step, 1.0, {None: 1.0}),
        Property("stored", _easily_certified, stored, 0.5, {None: 0.4}),
        Property("exact", trajectories, trajectory("exact", "exact"), 0.7, {None: 0.3}, "exact"),
        Property("exact_kinks", kinked_trajectories, trajectory("exact_kinks", "exact"), 0.4, {None: 0.1}, "exact"),
        Property("run", trajectories, trajectory("run", "run"), 0.7, {None: 0.3}, "run"),
        Property("basin", trajectories, basin("basin"), 0.7, {None: 0.3}, "basin"),
        Property("region", region_draws, region, 0.4, {"one start": 0.3, "ball of starts": 0.3}, "region"),
        Property("basin_linear", families.linear_models, basin("basin_linear"), 0.5, {None: 0.5}, "basin"),
        Property(
            "point", lambda: strategies.problems(max_width=32, max_parameters=250), point, 1.0, {None: 0.4}, "point"
        ),
        Property("wide", strategies.wide_problems, wide, 0.1, {None: 0.3}),
        *(
            Property(f"never_proved: {why}", functools.partial(families.false_problems, why), never_proved, 0.4, None)
            for why in families.FALSEHOODS
        ),
        *(
            Property(
                f"scaling: {law}",
                functools.partial(scaling_draws, (law,)),
                scaling,
                0.4,
                {None: 0.2} if law in ("permuted samples", "loss scale") else None,
            )
            for law in LAWS
        ),
        Property("stochastic", stochastic_draws, stochastic, 0.2, {None: 0.8}, "basin"),
        Property("step_limit", step_draws, step_limit, 0.5, {"below 2/β": 0.8}),
    )
}


def run(name: str, settings: Any) -> None:
    """Run one property under Hypothesis and then require its floors; any violation propagates."""
    prop = PROPERTIES[name]
    test = settings(given(prop.strategy())(prop.body))
    test()
    for kind, floor in (prop.floors or {}).items():
        TALLY.require(name, floor, scope=prop.scope, kind=kind)

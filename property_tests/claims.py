"""What a ball certificate claims, as exact numbers, and the facts it must obey at points and along gradient descent.

Each fact is decided rigorously by :mod:`property_tests.reference`; it raises :class:`Violation` when the claim is
certainly false, :class:`Undecided` (also a failure) when the precision does not suffice, and else returns how sharp the
claim is there: a relative slack ≥ 0, 0 where the bound is attained. Slacks are floats for the record; no decision uses one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, arb_mat, ctx

from property_tests.reference import (
    Parameters,
    Reference,
    as_arb,
    definiteness,
    float_matrix,
    precision,
    squared_norm,
)

__all__ = [
    "Claims",
    "Facts",
    "Undecided",
    "Violation",
    "at_most",
    "centre_facts",
    "decide",
    "descent_facts",
    "pl_facts",
    "point_facts",
    "require",
    "semidefinite_above",
]

Facts = Iterator[tuple[str, float]]
"""Names of facts with the relative slack at which each held."""
Matrix = Callable[[], arb_mat]
_BITS = (192, 768, 3072)
_LEAST_ACCURACY = 64


class Violation(AssertionError):
    """A certified claim is false at the point shown: proved with Arb balls."""


class Undecided(AssertionError):
    """The reference could not decide at its highest precision; counted as a failure, never as passed."""


@dataclass(frozen=True)
class Claims:
    """The numbers of a PROVED ball certificate, each the end point that makes the claim strongest while still claimed.

    Attributes:
        s, lr: exact. radius: R.
        lambda0_lower, lambda0_upper: enclosure of λ_min(Θ(θ0)). jacobian_norm0, residual0: upper bounds at θ0.
        loss0: enclosure (lower, upper) of Φ(θ0).
        lambda_region, mu: lower bounds on B(θ0, R). smoothness: upper bound of ‖∇²Φ‖ on the sublevel part.
        curvature: L_H(R). drift: Δ_J(R). path: upper bound of Σ‖θ_{k+1} − θ_k‖. rate: Φ_{k+1} ≤ rate·Φ_k.
        payment: lower bound of (‖e_k‖ − ‖e_{k+1}‖)/‖θ_{k+1} − θ_k‖: c√λ (classical), σ(R) − δ or γσ(R) − δ (residual).
        arrival: lower bound of ‖e_k‖/‖θ_k − θ*‖; the same number, a claim of its own.
    """

    s: Fraction
    lr: Fraction
    radius: float
    lambda0_lower: float
    lambda0_upper: float
    jacobian_norm0: float
    residual0: float
    loss0: tuple[float, float]
    lambda_region: float
    mu: float
    smoothness: float
    curvature: float
    drift: float
    path: float
    rate: float
    payment: float
    arrival: float

    @staticmethod
    def of(certificate: Any) -> Claims:
        """Read the claims of a PROVED certificate of scope 'ball'."""
        c = certificate.constants
        low: Callable[[str], float] = lambda name: float(c[name].lower())  # noqa: E731
        up: Callable[[str], float] = lambda name: float(c[name].upper())  # noqa: E731
        root = np.nextafter(np.sqrt(low("lambda_region")), 0.0)
        if certificate.witness["certified_by"] == "classical":
            payment = float(np.nextafter(low("descent_fraction") * root, 0.0))
        else:
            kept = np.nextafter(low("path_share") * root, 0.0) if "path_share" in c else root
            payment = float(np.nextafter(kept - up("step_drift"), 0.0))
        return Claims(
            s=certificate.problem.scale,
            lr=Fraction(c["lr"]),
            radius=up("radius"),
            lambda0_lower=low("lambda0"),
            lambda0_upper=up("lambda0"),
            jacobian_norm0=up("jacobian_norm0"),
            residual0=up("residual0"),
            loss0=(low("loss0"), up("loss0")),
            lambda_region=low("lambda_region"),
            mu=low("mu"),
            smoothness=up("smoothness"),
            curvature=up("L_H"),
            drift=up("Delta_J"),
            path=up("path_length"),
            rate=up("rate"),
            payment=payment,
            arrival=payment,
        )

    def with_(self, **changes: Any) -> Claims:
        """Return a mutated copy (for the known-false twins)."""
        return replace(self, **changes)


def semidefinite_above(matrix: arb_mat, bound: float) -> bool | None:
    """Decide whether matrix ⪰ bound·I; a Gram matrix certainly is for bound ≤ 0."""
    return True if bound <= 0.0 else definiteness(_shifted(matrix, as_arb(bound), 1))


def decide(name: str, question: Callable[[], bool | None]) -> None:
    """Ask at rising precision until the answer is certain; raise unless it is True."""
    for bits in _BITS:
        with precision(bits):
            answer = question()
        if answer is not None:
            break
    if answer is None:
        raise Undecided(f"{name}: undecided at {_BITS[-1]} bits")
    if not answer:
        raise Violation(f"{name}: certainly false")


def at_most(left: arb, right: arb) -> bool | None:
    """Whether left ≤ right: True or False when certain, None otherwise."""
    if left <= right:
        return True
    return False if left > right else None


def _slack(truth: float, claim: float) -> float:
    """Relative distance of a claim from the truth; 0 when both vanish."""
    size = max(abs(truth), abs(claim))
    return abs(truth - claim) / size if size > 0.0 else 0.0


def _shifted(matrix: arb_mat, shift: arb, sign: int) -> arb_mat:
    """Return sign·(matrix − shift·I)."""
    n = matrix.nrows()
    return arb_mat(n, n, [sign * (matrix[i, j] - (shift if i == j else 0)) for i in range(n) for j in range(n)])


def _remembered(compute: Matrix) -> Matrix:
    """Compute a matrix once per working precision."""
    known: dict[int, arb_mat] = {}

    def lookup() -> arb_mat:
        if ctx.prec not in known:
            known[ctx.prec] = compute()
        return known[ctx.prec]

    return lookup


def _gram(compute: Matrix) -> Matrix:
    def product() -> arb_mat:
        j = compute()
        return j * j.transpose()

    return _remembered(product)


def _spectrum(matrix: arb_mat) -> np.ndarray:
    return np.asarray(np.linalg.eigvalsh(float_matrix(matrix)))


def centre_facts(reference: Reference, claims: Claims) -> Facts:
    """Facts at θ0: λ0 enclosed, ‖J0‖ and ‖e0‖ bounded, Φ0 enclosed."""
    theta = reference.centre
    kernel = _gram(reference.centre_jacobian)
    with precision(_BITS[0]):
        spectrum = _spectrum(kernel())
    if kernel().nrows() > len(theta.entries()):
        # More outputs than parameters: Θ is singular whatever θ, and no enclosure of its pivots can say so.
        decide("lambda0_below_truth", lambda: claims.lambda0_lower <= 0.0)
        decide("lambda0_above_truth", lambda: claims.lambda0_upper >= 0.0)
    else:
        # Θ = JJᵀ is semidefinite by construction: only a positive claim needs deciding.
        low_claim, high_claim = as_arb(claims.lambda0_lower), as_arb(claims.lambda0_upper)
        if claims.lambda0_lower > 0.0:
            decide("lambda0_below_truth", lambda: definiteness(_shifted(kernel(), low_claim, 1)))

        def upper_holds() -> bool | None:
            answer = definiteness(_shifted(kernel(), high_claim, 1), strict=True)
            return None if answer is None else not answer

        decide("lambda0_above_truth", upper_holds)
        if spectrum[0] > 0.0:
            yield "lambda0_below_truth", _slack(float(spectrum[0]), max(claims.lambda0_lower, 0.0))
            yield "lambda0_above_truth", _slack(float(spectrum[0]), claims.lambda0_upper)
    bound = claims.jacobian_norm0
    decide("jacobian_norm0", lambda: definiteness(_shifted(kernel(), as_arb(bound) * as_arb(bound), -1)))
    yield "jacobian_norm0", _slack(float(np.sqrt(spectrum[-1])), bound)
    decide(
        "residual0",
        lambda: at_most(squared_norm(reference.residual(theta)), as_arb(claims.residual0) * as_arb(claims.residual0)),
    )
    low, high = claims.loss0
    decide("loss0_lower", lambda: at_most(as_arb(low), reference.loss(theta)))
    decide("loss0_upper", lambda: at_most(reference.loss(theta), as_arb(high)))
    with precision(_BITS[0]):
        yield "residual0", _slack(float(squared_norm(reference.residual(theta)).mid()) ** 0.5, claims.residual0)
        yield "loss0", _slack(float(reference.loss(theta).mid()), high)


def inside(reference: Reference, flat: np.ndarray, radius: float) -> Parameters:
    """Return an exact point on the segment from θ0 to `flat` that is certainly in B(θ0, radius)."""
    centre = reference.flat_centre
    offset = flat - centre
    for _ in range(60):
        theta = reference.centre.at(centre + offset)
        with precision(_BITS[0]):
            distance = squared_norm(theta.minus(reference.centre))
            if distance <= as_arb(radius) * as_arb(radius):
                return theta
            excess = float((distance.sqrt() / as_arb(radius)).mid())
        offset = offset / max(excess, 1.0) * (1.0 - 2.0**-45)
    return reference.centre


def point_facts(reference: Reference, claims: Claims, flat: np.ndarray, directions: dict[str, np.ndarray]) -> Facts:
    """Facts at a point of the ball (moved inside if it is not): λ, PL, ‖J − J0‖, and along `directions` L_H and β.

    Args:
        reference: the truth. claims: to be tested. flat: (p,) float64.
        directions: 'hessian' and 'second' (p,) float64, where the curvatures are thought to be largest (guesses).
    """
    theta, centre = inside(reference, flat, claims.radius), reference.centre
    jacobian = _remembered(lambda: reference.jacobian(theta))
    kernel = _gram(jacobian)
    drift = _gram(lambda: jacobian() - reference.centre_jacobian())
    # Where J does not depend on θ the difference vanishes, which balls of an irrational scale cannot see.
    still = theta is centre or reference.constant_jacobian
    with precision(_BITS[0]):
        lambda_min = max(float(_spectrum(kernel())[0]), 0.0)
        moved = float(np.sqrt(max(float(_spectrum(drift())[-1]), 0.0)))
    decide("lambda_region", lambda: semidefinite_above(kernel(), claims.lambda_region))
    yield "lambda_region", _slack(lambda_min, claims.lambda_region)

    bound = as_arb(claims.drift)
    if still:
        decide("jacobian_drift", lambda: at_most(arb(0), bound))
    else:
        decide("jacobian_drift", lambda: definiteness(_shifted(drift(), bound * bound, -1)))
        yield "jacobian_drift", _slack(moved, claims.drift)
    yield from pl_facts(reference, claims, theta)
    yield from _curvature_facts(reference, claims, theta, directions)


def pl_facts(reference: Reference, claims: Claims, theta: Parameters) -> Facts:
    """½‖∇Φ‖² ≥ μΦ at θ."""

    def pl() -> tuple[arb, arb]:
        error, gradient = reference.residual_and_gradient(theta)
        return as_arb(claims.mu) * as_arb(claims.s) * squared_norm(error), squared_norm(gradient.entries())

    # ½‖∇Φ‖² ≥ μΦ, both sides doubled; where e = 0 both vanish.
    decide("pl", lambda: at_most(*pl()))
    with precision(_BITS[0]):
        left, right = (float(x.mid()) for x in pl())
    if right > 0.0:
        yield "pl", _slack(right, left)


def _curvature_facts(
    reference: Reference, claims: Claims, theta: Parameters, directions: dict[str, np.ndarray]
) -> Facts:
    centre = reference.centre
    second = directions.get("second")
    if second is not None:
        v = centre.at(second)

        def bent() -> tuple[arb, arb]:
            length = squared_norm(v.entries())
            value = squared_norm(reference.directional(theta, v)[2])
            return value, (as_arb(claims.curvature) * length) ** 2

        decide("second_derivative", lambda: at_most(*bent()))
        with precision(_BITS[0]):
            left, right = (float(x.mid()) for x in bent())
        if left > 0.0:
            yield "second_derivative", _slack(float(np.sqrt(left)), float(np.sqrt(right)))
    hessian = directions.get("hessian")
    with precision(_BITS[0]):
        # β is claimed on the sublevel part only, of the start's residual; a point that is not certainly in it says nothing.
        in_sublevel = squared_norm(reference.residual(theta)) <= as_arb(claims.residual0) ** 2
    if hessian is not None and in_sublevel:
        u = centre.at(hessian)

        def curved() -> tuple[arb, arb]:
            return abs(reference.hessian_form(theta, u)), as_arb(claims.smoothness) * squared_norm(u.entries())

        decide("smoothness", lambda: at_most(*curved()))
        with precision(_BITS[0]):
            left, right = (float(x.mid()) for x in curved())
        if left > 0.0:
            yield "smoothness", _slack(left, right)


def descent_facts(reference: Reference, claims: Claims, steps: int, about: Reference | None = None) -> Facts:
    """Facts along real-arithmetic gradient descent, enclosed: containment, path, payment, rate and the limit's distance.

    `about`: whose parameters are the ball's centre; None where descent starts there.

    Raises:
        Violation, Undecided: as for the others; the enclosure is computed at 256 bits or 3 a step, what balls lose there, then at four times that.
    """
    bits = max(256, 3 * steps)
    for attempt in (bits, 4 * bits):
        try:
            with precision(attempt):
                yield from list(_descent(reference, claims, steps, about))
            return
        except Undecided:
            if attempt != bits:
                raise


def require(name: str, left: arb, right: arb) -> None:
    """Raise unless left ≤ right is certain at the present precision."""
    answer = at_most(left, right)
    if answer is None:
        raise Undecided(f"{name}: {left} ≤ {right} is undecided")
    if not answer:
        raise Violation(f"{name}: {left} ≤ {right} is certainly false")


def _descent(reference: Reference, claims: Claims, steps: int, about: Reference | None) -> Facts:
    path, farthest, centre = arb(0), arb(0), (about or reference).centre
    slacks: dict[str, float] = {}

    def smaller(name: str, value: float) -> None:
        slacks[name] = min(slacks.get(name, float("inf")), value)

    visited: list[tuple[Parameters, arb]] = []
    for theta, error in reference.descend(claims.lr, steps):
        squared = squared_norm(error)
        # Gradient descent has arrived (e_k = 0), or e_k is lost in the enclosure at this precision: the facts are
        # decided for the iterates so far.
        if not squared > 0 or squared.rel_accuracy_bits() < _LEAST_ACCURACY:
            break
        norm = squared.sqrt()
        distance = squared_norm(theta.minus(centre)).sqrt() if visited or about else arb(0)
        require("containment", distance, as_arb(claims.radius))
        farthest = farthest.max(distance)
        if visited:
            before, norm_before = visited[-1]
            length = squared_norm(theta.minus(before)).sqrt()
            path += length
            require("path", path, as_arb(claims.path))
            require("payment", as_arb(claims.payment) * length, norm_before - norm)
            require("rate", norm * norm, as_arb(claims.rate) * norm_before * norm_before)
            if length > 0:
                smaller("payment", _slack(float(((norm_before - norm) / length).mid()), claims.payment))
            smaller("rate", _slack(float(((norm / norm_before) ** 2).mid()), claims.rate))
        visited.append((theta, norm))
    if not visited:
        return
    last, norm_last = visited[-1]
    for theta, norm in visited[:-1]:
        # ‖θ_k − θ*‖ ≤ ‖e_k‖/payment, and θ* is that close to the last iterate too.
        gap = squared_norm(theta.minus(last)).sqrt() if theta is not last else arb(0)
        far = gap - norm_last / as_arb(claims.arrival)
        require("limit", far, norm / as_arb(claims.arrival))
        smaller("limit", _slack(max(float(far.mid()), 0.0), float((norm / as_arb(claims.arrival)).mid())))
    if path > 0:
        smaller("path", _slack(float(path.mid()), claims.path))
        smaller("containment", _slack(float(farthest.mid()), claims.radius))
    yield from slacks.items()

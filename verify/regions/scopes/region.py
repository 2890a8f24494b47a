"""Scope `region`: a convex Locally PL Region that holds gradient descent's whole run from the initialisation, its segments and its limit.

Statement (claim enclosing_ball). θ_{k+1} = θ_k − η∇Φ(θ_k) in real arithmetic from the exact θ0. B(c, R) is convex and ½‖∇Φ‖² ≥ μΦ on it with μ = sλ;
it contains θ0, every iterate, every segment between consecutive iterates and the limit, a point of zero loss; Φ_{k+1} ≤ rate·Φ_k from the first step on.
Nothing is said of other starts in B(c, R). With ``start_radius`` > 0 the same for every start within it of θ0, with ``data_radius`` > 0 for every data
set whose inputs lie within it of those given: :mod:`verify.regions.scopes.region_of_starts`.

Derivation. Two things are proved apart. λ_min(Θ) ≥ λ on B(c, R): the neuron budget for one hidden layer (claim neuron_budget; where
that leaves little and the network is small, neuron_budget_local) or the last layer's features at any depth (claim feature_kernel),
whichever is larger. The iterates stay: scope `exact` encloses them, ‖θ_k − θ̂_k‖ ≤ δ_k for k ≤ T, and from T on a ball certificate keeps
them in B(θ̂_T, R_T); so R ≥ max_k(‖θ̂_k − c‖ + δ_k) and R ≥ ‖θ̂_T − c‖ + R_T suffice, and a ball is convex. Its radius is about half the
distance travelled when c is the midpoint of the path (``centre="midpoint"``, the default), and that distance when c = θ0
(``centre="initialisation"``), against ‖e_0‖/√λ and more for the criteria of scope `ball`.
Descent is followed beyond the first hand-over, until B(θ̂_T, R_T) no longer decides R.

Witness: that of scope `exact`, and ``region``: ``centre``, ``radius``, ``lambda``, ``by`` ('neurons', 'local' or 'features'), ``weight`` m',
``reach`` T and
``intercept`` λ_min(Ψ(m')).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from proofs.evaluation import evaluate
from verify.arguments import exact_double, refuse_options
from verify.arrays import Ball
from verify.certificates import Certificate
from verify.decimals import at_least, at_most, below_one
from verify.errors import InputError
from verify.networks import DataSet, Loss, Network, linearise
from verify.networks.parameters import Vector, with_parameters
from verify.regions.neighbourhood.ingredients import approx_float, lower, upper
from verify.regions.scopes import exact
from verify.regions.scopes.convex_ball import (
    CENTRES,
    Reach,
    inside_step,
    lambda_bound,
    path_centre,
    positive_step,
    where_is,
    witness_of,
)
from verify.regions.scopes.enclosing import Task
from verify.regions.scopes.region_of_starts import Around, certificate_of_starts

__all__ = ["OPTIONS", "region_certificate"]

OPTIONS = ("centre", "start_radius", "data_radius", "progress", "method", "bits")


def region_certificate(
    network: Network,
    data: DataSet,
    loss: Loss,
    lr: Fraction | None,
    steps: int | None,
    options: Mapping[str, Any],
) -> Certificate:
    """Certify scope `region` from the network's parameters; statement in the module's docstring.

    Args:
        network: exact parameters θ0. data, loss: the objective. lr, steps: as for scope `exact`.
        options: centre ('midpoint' or 'initialisation'), start_radius (double ≥ 0: the statement is about every start within it of θ0),
            data_radius (double ≥ 0, in the units of the inputs: about every data set with each input within it, in the Euclidean norm, and the same
            targets; chains of fully connected layers), progress, and, where both are 0, method and bits (as for scope `exact`).

    Raises:
        InputError: options out of range.
    """
    refuse_options(set(options) - set(OPTIONS), ("steps", *OPTIONS), "region")
    name = options.get("centre", "midpoint")
    if name not in CENTRES:
        raise InputError(f"centre={name!r}: expected one of {', '.join(CENTRES)}")
    radii = {
        name: 0.0 if options.get(name) is None else exact_double(options[name], name, positive=False)
        for name in ("start_radius", "data_radius")
    }
    around = Around(*radii.values())
    rest = {key: value for key, value in options.items() if key not in ("centre", *radii)}
    if any(radii.values()) and {"method", "bits"} & set(rest):
        raise InputError(
            f"{around} with method or bits: a ball of starts or of data sets is followed in float64; leave them out"
        )
    task, first, chosen = exact.read_task(network, data, loss, lr, steps, rest)
    centre = path_centre(task, name)
    if any(radii.values()):
        return certificate_of_starts(task, first, centre, where_is(task, centre, name), around)
    reach = Reach(centre)
    followed = exact.follow(task, reach)
    if isinstance(followed, str):
        return replace(exact.refused(task, first, followed, chosen), scope="region")
    inner = exact.assemble(task, first, *followed, chosen)
    if inner.verdict != "PROVED":
        return replace(inner, scope="region")
    return _assemble(inner, task, centre, reach, where_is(task, centre, name))


def _assemble(inner: Certificate, task: Task, centre: Vector, reach: Reach, where: str) -> Certificate:
    """Add the convex ball to the certificate of the enclosed run."""
    radius = reach.radius
    bound = lambda_bound(linearise(with_parameters(task.network, centre), task.data.X), radius)
    inside, positive = inside_step(reach), positive_step(bound)
    mu = evaluate("mu", {"s": Ball(task.s), "lambda_R": Ball(bound.value)})
    weakest = Ball(lower(inner.constants["path_lambda_min"]))
    head = evaluate(
        "rate_simple", {"eta": Ball(task.lr), "mu": evaluate("mu", {"s": Ball(task.s), "lambda_R": weakest})}
    )
    tail = inner.constants["rate"]
    rate = head if upper(head) >= upper(tail) else tail
    constants = {
        **inner.constants,
        "region_radius": Ball(radius),
        "region_lambda": Ball(bound.value),
        "region_mu": mu,
        "region_rate": rate,
    }
    witness = {**inner.witness, "region": witness_of(centre, radius, bound)}
    failed = None
    if not positive.certain:
        failed = (
            f"every iterate of gradient descent with η = {approx_float(task.lr):.6g} lies within R = {radius:.6g} of c, {where}, but λ_min(Θ) is not"
            f" certified positive on that ball (neither by the neurons' budget nor by the last layer's features). Widen the network; scope='exact'"
            " proves the union of small balls along the path instead"
        )
    elif not upper(rate) < 1.0:
        failed = (
            f"with this step η = {approx_float(task.lr):.6g} the factor 1 − ημ_k per step rounds to 1 in double precision: no linear rate can be"
            " stated. Use a larger step; lr=None chooses one"
        )
    if failed is not None:
        return replace(
            inner, scope="region", verdict="INCONCLUSIVE", reason=failed, steps=(*inner.steps, inside, positive),
            constants=constants, witness={**inner.witness, "handover": None}, margins={},
        )  # fmt: skip
    T = int(inner.constants["handover_step"])
    reason = (
        f"the convex ball of radius R ≤ {at_most(radius, 6)} about c, {where}, contains these parameters, every iterate of real-arithmetic gradient descent"
        f" from them with η = {approx_float(task.lr):.6g}, every segment between iterates and their limit of zero loss; it is a Locally PL Region with μ ≥"
        f" {at_least(lower(mu), 6)} ({bound.by}), and Φ_k ≤ {below_one(upper(rate))}^k·Φ_0 ({T} iterates enclosed one by one). Nothing is claimed of other"
        " starts in it"
    )
    return replace(
        inner, scope="region", reason=reason, steps=(*inner.steps, inside, positive), constants=constants, witness=witness
    )  # fmt: skip

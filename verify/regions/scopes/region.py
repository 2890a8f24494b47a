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

from dataclasses import replace

from proofs.evaluation import evaluate
from verify.arrays import Ball
from verify.certificates import Certificate
from verify.decimals import at_least, at_most, below_one, equal
from verify.networks import Problem, linearise
from verify.networks.parameters import Vector
from verify.regions.neighbourhood.ingredients import lower, upper
from verify.regions.scopes import exact
from verify.regions.scopes.convex_ball import (
    Reach,
    inside_step,
    lambda_bound,
    path_centre,
    positive_step,
    where_is,
    witness_of,
)
from verify.regions.scopes.enclosing import Task
from verify.regions.scopes.options import RegionOptions
from verify.regions.scopes.region_of_starts import certificate_of_starts

__all__ = ["region_certificate"]


def region_certificate(problem: Problem, options: RegionOptions) -> Certificate:
    """Certify scope `region` from the network's parameters; statement in the module's docstring.

    Args:
        problem: exact parameters θ0; lr None as for scope `exact`. options: see there.
    """
    task, first, chosen = exact.begin(problem, options.enclosing)
    centre = path_centre(task, options.centre)
    where = where_is(task, centre, options.centre)
    if options.around:
        return certificate_of_starts(task, first, centre, where, options)
    reach = Reach(centre)
    followed = exact.follow(task, reach)
    if isinstance(followed, str):
        return replace(exact.refused(task, first, followed, chosen), scope="region")
    inner = exact.assemble(task, first, *followed, chosen)
    if inner.verdict != "PROVED":
        return replace(inner, scope="region")
    return _assemble(inner, task, centre, reach, where)


def _assemble(inner: Certificate, task: Task, centre: Vector, reach: Reach, where: str) -> Certificate:
    """Add the convex ball to the certificate of the enclosed run."""
    radius, step = reach.radius, f"η {equal(task.problem.eta)}"
    bound = lambda_bound(linearise(task.problem.at(centre).network, task.problem.data.X), radius)
    inside, positive = inside_step(reach), positive_step(bound)
    mu = evaluate("mu", {"s": Ball(task.problem.scale), "lambda_R": Ball(bound.value)})
    weakest = Ball(lower(inner.constants["path_lambda_min"]))
    head = evaluate(
        "rate_simple",
        {"eta": Ball(task.problem.eta), "mu": evaluate("mu", {"s": Ball(task.problem.scale), "lambda_R": weakest})},
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
            f"every iterate of gradient descent with {step} lies within R ≤ {at_most(radius, 6)} of c, {where}, but λ_min(Θ) is not"
            f" certified positive on that ball (neither by the neurons' budget nor by the last layer's features). Widen the network; scope='exact'"
            " proves the union of small balls along the path instead"
        )
    elif not upper(rate) < 1.0:
        failed = (
            f"with this step {step} the factor 1 − ημ_k per step rounds to 1 in double precision: no linear rate can be"
            " stated. Use a larger step; lr=None chooses one"
        )
    if failed is not None:
        return replace(
            inner,
            scope="region",
            verdict="INCONCLUSIVE",
            reason=failed,
            steps=(*inner.steps, inside, positive),
            constants=constants,
            witness={**inner.witness, "handover": None},
            margins={},
        )
    T = int(inner.constants["handover_step"])
    reason = (
        f"the convex ball of radius R ≤ {at_most(radius, 6)} about c, {where}, contains these parameters, every iterate of real-arithmetic gradient descent"
        f" from them with {step}, every segment between iterates and their limit of zero loss; it is a Locally PL Region with μ ≥"
        f" {at_least(lower(mu), 6)} ({bound.by}), and Φ_k ≤ {below_one(upper(rate))}^k·Φ_0 ({T} iterates enclosed one by one). Nothing is claimed of other"
        " starts in it"
    )
    return replace(
        inner,
        scope="region",
        reason=reason,
        steps=(*inner.steps, inside, positive),
        constants=constants,
        witness=witness,
    )

"""`verify.certify`: one call from a torch module and a data set to a certificate."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from verify.arguments import exact_step
from verify.arrays import require_sound_arithmetic
from verify.arrays.environment import in_default_environment
from verify.certificates import Certificate
from verify.errors import InputError, UnsupportedLayerError
from verify.networks import Loss, Problem, read_data, read_network
from verify.networks.linearisation import Linearisation, linearise
from verify.networks.reading.comparison import MOST_ROWS, require_agreement
from verify.networks.reading.modules import sample_shape
from verify.networks.sgd import SGD
from verify.regions.neighbourhood.prospects import dead_sample, no_region
from verify.regions.scopes.ball import ball_certificate
from verify.regions.scopes.options import (
    AutoOptions,
    BallOptions,
    BasinOptions,
    EpochOptions,
    ExactOptions,
    Options,
    RegionOptions,
    RunOptions,
    options_of,
)
from verify.regions.scopes.point import point_certificate
from verify.regions.scopes.refuted import contradictory_pair, refuted_certificate

__all__ = ["Scope", "certify"]

Scope = Literal["point", "ball", "run", "exact", "basin", "region"]


@in_default_environment
def certify(
    model: Any,
    X: Any,
    y: Any,
    *,
    lr: float | str | Fraction | Decimal | None = None,
    scope: Scope | Literal["auto"] = "ball",
    loss: Loss = "sum",
    radius: float | None = None,
    steps: int | None = None,
    descent: SGD | None = None,
    **options: Any,
) -> Certificate:
    """Prove that gradient descent on a concrete network converges linearly, or say exactly what is missing.

    The claims in proofs/claims state what is proved under which hypotheses; each constant is an enclosure of its formula in proofs/constants.py.

    Args:
        model: torch.nn.Sequential of Linear or verify.nn.NTKLinear layers and smooth activations; its parameters,
            exact as stored, are the centre θ0.
        X: inputs (n, d), floats, exact as stored.
        y: targets (n, k), or (n,) for one output.
        lr: step size η, exact as given (``"1/10"`` is a tenth, ``0.1`` the double); None chooses one: in scope ball the certified 1/β.
        scope: 'point' (facts at θ), 'ball' (a region around θ that gradient descent cannot leave), 'run' (a recorded
            float64 run up to such a region), 'exact' (real-arithmetic gradient descent enclosed up to such a region), 'basin'
            (every start in a ball around a zero of the residual nearby), 'region' (a convex ball that holds the whole run). 'auto': 'ball' where it is
            PROVED, else 'basin'; the certificate's own scope says which.
        loss: 'sum' for Φ = ½Σ‖F(x_i) − y_i‖², 'mean' for that divided by n; 'mse' for torch.nn.MSELoss() (Σ divided by nk), 'mse_sum' for
            MSELoss(reduction='sum') (Σ). The step belongs to the loss: lr with MSELoss() is 2·lr/k with 'mean'.
        radius: prescribed R for scope 'ball'; None searches for the smallest certifying one.
        steps: step budget of scopes 'run', 'exact' and 'region'.
        descent: a :class:`verify.SGD` for mini-batches (any order, or drawn with replacement) or momentum, in scopes 'ball', 'basin' and the hand-over of
            'run'; None is full-batch gradient descent.
        **options: further options of the scope, see :mod:`verify.regions.scopes.options`.

    Returns:
        Certificate with verdict PROVED, REFUTED or INCONCLUSIVE and its reason. The statement is about
        real-arithmetic gradient descent with the mathematical activations, unless the scope says otherwise.

    Raises:
        VerifyError: a refused input (shapes, dtypes, non-finite numbers, unsupported layers, lr ≤ 0, …), before any
            long computation.

    Example:
        >>> import torch, verify
        >>> net = torch.nn.Sequential(torch.nn.Linear(2, 1, bias=False, dtype=torch.float64))
        >>> _ = torch.nn.init.zeros_(net[0].weight)
        >>> cert = verify.certify(net, [[1.0, 0.0], [0.0, 2.0]], [1.0, 1.0], lr=0.25)
        >>> cert.verdict
        'PROVED'
    """
    require_sound_arithmetic()
    network = read_network(model, sample_shape(X))
    data = read_data(network, X, y)
    # Where the comparison is of every sample anyway, it is of what the certificate begins with.
    shared = (
        isinstance(scope, str)
        and scope in ("auto", "ball", "point")
        and data.n <= MOST_ROWS
        and options.get("centre") is None
    )
    state = linearise(network, data.X) if shared else None
    step, descent = _read_descent(descent, exact_step(lr), data.n)
    require_agreement(model, network, data.X, state, () if descent is None else descent.sizes(data.n))
    problem = Problem(network, data, loss, step, descent)
    given = {name: value for name, value in (("radius", radius), ("steps", steps)) if value is not None}
    told = options_of(scope, full_batch=descent is None).read({**given, **options})
    if descent is not None and (radius is not None or scope not in ("auto", "ball", "basin", "run")):
        what = f"scope={scope!r}" if radius is None else f"radius={radius!r}"
        raise InputError(
            f"descent: {what} is for full-batch gradient descent; use scope 'ball', 'basin' or 'run' without radius=, or descent=None"
        )
    if not isinstance(told, AutoOptions):
        return _certificate(problem, told, state)
    first = _certificate(problem, BallOptions(told.radius), state)
    if first.verdict != "INCONCLUSIVE" or told.radius is not None:
        return first
    second = _certificate(problem, BasinOptions(told.seconds))
    if second.verdict != "INCONCLUSIVE":
        return second
    return replace(second, reason=f"scope 'ball': {first.reason}. Scope 'basin': {second.reason}")


def _read_descent(descent: Any, step: Fraction | None, n: int) -> tuple[Fraction | None, SGD | None]:
    """Return the step and the descent bound to n samples; None for full-batch gradient descent."""
    if descent is None:
        return step, None
    if not isinstance(descent, SGD):
        kind = type(descent).__name__
        adaptive = (
            " Adam and other adaptive methods rescale each coordinate by past gradients: their steps are no gradient steps, and nothing is proved"
            if ("adam" in kind.lower() or "prop" in kind.lower() or "ada" in kind.lower())
            else ""
        )
        raise InputError(
            f"descent: a {kind}; expected verify.SGD(batch_size=…, order=…, momentum=…), or None for gradient descent.{adaptive}"
        )
    own = exact_step(descent.lr)
    if own is not None and step is not None and own != step:
        raise InputError(f"lr={step} and descent.lr={own}: two steps; give one of them")
    return own or step, descent.on(n)


def _certificate(problem: Problem, options: Options, state: Linearisation | None = None) -> Certificate:
    """Certify one scope of what has been read and validated; where that fails, a sample that no parameter moves is named.

    Args:
        state: the problem's linearisation in float64 where it is at hand.
    """
    found = _decided(problem, options, state)
    dead = dead_sample(problem, state) if found.verdict == "INCONCLUSIVE" else None
    return (
        found if dead is None or dead in found.reason else replace(found, reason=f"{found.reason}. At the start {dead}")
    )


def _decided(problem: Problem, options: Options, state: Linearisation | None) -> Certificate:
    """Certify one scope."""
    scope: Any = options.scope
    if scope == "region" and not problem.network.is_smooth:
        raise UnsupportedLayerError(
            "scope='region': the network has kinks (ReLU, max pooling), and a convex ball about its whole path is crossed by them; the bounds on it are proved"
            " for layers of Lipschitz derivative only. Use scope='exact', 'basin', 'run', 'ball' or 'point'"
        )
    if scope in ("exact", "region"):
        # Said before a rehearsal has trained for nothing.
        problem.network.require_chain()
    pair = contradictory_pair(problem.data)
    if scope != "point" and pair is not None:
        return refuted_certificate(problem, scope, pair)
    hopeless = no_region(problem) if scope in ("run", "exact", "basin", "region") else None
    if hopeless is not None:
        # Nothing that training or polishing does can help: said before, not after.
        return Certificate.undecided(scope, hopeless, problem, {"lr": problem.lr})
    if scope == "point":
        return point_certificate(problem, state)
    if problem.descent is not None:
        return _stochastic(problem, options)
    return _of_gradient_descent(problem, options, state)


def _stochastic(problem: Problem, options: Options) -> Certificate:
    """Certify scope ball, basin or run for a descent that is not full-batch gradient descent."""
    from verify.regions.scopes.sgd import sgd_ball_certificate, sgd_basin_certificate

    if isinstance(options, BasinOptions):
        return sgd_basin_certificate(problem, options)
    if isinstance(options, EpochOptions):
        from verify.regions.scopes.sgd_run import sgd_run_certificate

        return sgd_run_certificate(problem, options)
    return sgd_ball_certificate(problem)


def _of_gradient_descent(problem: Problem, options: Options, state: Linearisation | None) -> Certificate:
    """Certify a scope of full-batch gradient descent; those that move away from the parameters given are imported only when asked for."""
    if isinstance(options, RunOptions):
        from verify.regions.scopes.run import run_certificate

        return run_certificate(problem, options)
    if isinstance(options, ExactOptions):
        from verify.regions.scopes.exact import exact_certificate

        return exact_certificate(problem, options)
    if isinstance(options, RegionOptions):
        from verify.regions.scopes.region import region_certificate

        return region_certificate(problem, options)
    if isinstance(options, BasinOptions):
        from verify.regions.scopes.basin import basin_certificate

        return basin_certificate(problem, options)
    assert isinstance(options, BallOptions)
    return ball_certificate(problem, options, state)

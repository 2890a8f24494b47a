"""`verify.certify`: one call from a torch module and a data set to a certificate."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from proofs.evaluation import evaluate
from verify.arrays import Ball, require_sound_arithmetic, sqrt_of_nonnegative
from verify.certificates import Certificate, Problem, Step
from verify.decimals import at_least, at_most, below_one
from verify.errors import InputError, NonFiniteError
from verify.networks import (
    LOSS_WORDS,
    DataSet,
    Loss,
    Network,
    loss_scale,
    read_data,
    read_network,
)
from verify.regions.ball import BallResult, search_ball, stability_radii
from verify.regions.diagnostics import examine
from verify.regions.ingredients import Ingredients, gather, lower, upper

__all__ = ["Scope", "ball_certificate", "certify", "exact_step"]

Scope = Literal["point", "ball", "run", "exact", "basin"]


# Fraction("1e999999999") would take hours.
_EXPONENT = re.compile(r"[^eE]{0,1000}([eE][+-]?\d{1,4}\s*)?")


def exact_step(lr: float | int | str | Fraction | Decimal | None) -> Fraction | None:
    """Return the step size as the exact rational it denotes; ``0.1`` is that double, ``"0.1"`` is 1/10.

    Raises:
        InputError: not a number, or not positive. NonFiniteError: NaN or infinity.
    """
    if lr is None:
        return None
    try:
        # A 0-d array or tensor holds a Python number; float() would round a large integer.
        value = lr.item() if hasattr(lr, "item") else lr
        if isinstance(value, float) and not np.isfinite(value):
            raise NonFiniteError(f"lr={lr!r}: expected a finite number > 0")
        if isinstance(value, bool) or not isinstance(value, int | float | str | Fraction | Decimal):
            raise TypeError("not a number")
        if isinstance(value, str | Decimal) and not _EXPONENT.fullmatch(str(value)):
            raise ValueError("an exponent of five digits or more")
        step = Fraction(value)
    except (ValueError, TypeError, OverflowError, ZeroDivisionError, InvalidOperation) as error:
        if isinstance(error, NonFiniteError):
            raise
        raise InputError(f"lr={lr!r}: expected a finite number > 0, such as 0.1 or '1/10'") from error
    if step <= 0:
        raise InputError(f"lr={lr!r}: gradient descent needs a step > 0; lr=None takes the certified step 1/β")
    return step


def exact_radius(radius: Any) -> float | None:
    """Return a prescribed radius as the double it is, or raise InputError."""
    if radius is None:
        return None
    try:
        value = float(radius)
        exact = not isinstance(radius, str | bool) and Fraction(value) == Fraction(radius)
    except (TypeError, ValueError, OverflowError):
        value, exact = 0.0, False
    if not (exact and value > 0.0):
        raise InputError(f"radius={radius!r}: expected a finite double > 0")
    return value


def contradictory_pair(data: DataSet) -> tuple[int, int] | None:
    """Return two samples with identical inputs and different targets, if there are any (exact comparison)."""
    # Adding 0.0 turns −0.0 into +0.0: equal numbers must compare equal as rows.
    _, first, inverse = np.unique(data.X + 0.0, axis=0, return_index=True, return_inverse=True)
    representative = first[inverse.reshape(-1)]
    clash = np.flatnonzero((data.y != data.y[representative]).any(axis=1))
    return (int(representative[clash[0]]), int(clash[0])) if clash.size else None


def _refuted(problem: Problem, scope: Scope, pair: tuple[int, int]) -> Certificate:
    i, j = pair
    gap = (Ball(problem.data.y[i]) - Ball(problem.data.y[j])).norm()
    s = Ball(problem.scale)
    floor = s * gap * gap * Ball(0.25)
    # The step compares two stored doubles: certain even where the floor itself would under- or overflow.
    coordinate = int(np.flatnonzero(problem.data.y[i] != problem.data.y[j])[0])
    targets = sorted((float(problem.data.y[i][coordinate]), float(problem.data.y[j][coordinate])))
    step = Step(
        "equal inputs, different targets", "zero_loss_unreachable", Ball(targets[1]), ">", Ball(targets[0]),
        "Φ ≥ (s/4)‖y_i − y_j‖² > 0 when x_i = x_j",
    )  # fmt: skip
    reason = (
        f"samples {i} and {j} have identical inputs and different targets, so Φ(θ) ≥ {floor} for every θ: λ0 = 0 and no"
        " region on which gradient descent converges to zero loss can exist. Remove or merge the duplicates"
    )
    return Certificate(
        scope=scope,
        verdict="REFUTED",
        reason=reason,
        problem=problem,
        constants={"lambda0": Ball(0.0), "loss_floor": floor},
        margins={"loss floor": floor},
        steps=(step,),
        witness={"duplicate_pair": [i, j]},
        observed={},
    )


def _describe_shortfall(result: BallResult, ingredients: Ingredients, network: Network) -> tuple[str, float | None]:
    """Say why no ball is certified, by how much it falls short, and what would close the gap."""
    if not np.isfinite([upper(ingredients.jacobian_norm0), upper(ingredients.residual0)]).all():
        return "the kernel or the residual overflows float64: rescale the data or the weights", None
    if result.table is None:
        return (
            f"λ_min(Θ(θ0)) ∈ [{lower(ingredients.lambda0):.3e}, {upper(ingredients.lambda0):.3e}] is not certified positive in"
            " float64: samples (nearly) repeat, or there are more outputs than parameters. Separate or remove the samples",
            None,
        )
    nearest = result.outcome
    if nearest is None:
        return "no radius with λ(R) > 0 and finite curvature bounds was found", None
    width = min(layer.fan_out for layer in network.layers[:-1]) if len(network.layers) > 1 else None
    failed = nearest.failed
    what = (
        "no single step fails"
        if failed is None
        else f"{failed.name} ({failed.source}): {failed.left} {failed.relation} {failed.right} is not certain"
    )
    if failed is not None and not np.isfinite([failed.left.rad, failed.right.rad]).all():
        return f"{what}: a constant over- or underflows float64; rescale the data or the loss", None
    if failed is not None and failed.claim in {"descent_step"}:
        return f"the step lr is beyond the certified bound: {what}. Use a smaller lr, or lr=None", None
    if failed is not None and failed.name == "ηΘ below the identity":
        return f"the step lr is beyond the certified bound: {what}. Use a smaller lr, or lr=None", None
    if nearest.ratio <= 0.0:
        return f"{what}; no radius on the grid comes near", None
    factor = 1.0 / nearest.ratio
    advice = ""
    estimate = None
    if width is not None:
        # The residual the ball can absorb is ∝ λ0/L_H, and L_H ∝ 1/√width at fixed λ0 and ‖e0‖.
        estimate = width * factor * factor
        advice = (
            f" At fixed λ0 and residual a width of about {estimate:.2g} would close it (estimate); scope='run' or 'exact'"
            " certifies the region where training ends instead"
        )
    return (
        f"{what}; short by a factor {factor:.3g} ({nearest.form} criterion, R = {result.table.radii[nearest.index]:.4g}).{advice}",
        estimate,
    )


def ball_constants(ingredients: Ingredients, result: BallResult) -> dict[str, Any]:
    """Assemble the named constants of a ball certificate (DESIGN.md) from a search's result."""
    constants: dict[str, Any] = {
        "lambda0": ingredients.lambda0,
        "jacobian_norm0": ingredients.jacobian_norm0,
        "residual0": ingredients.residual0,
        "loss0": ingredients.loss0,
        "lr": result.lr,
    }
    table, outcome = result.table, result.outcome
    if table is None or outcome is None:
        return constants
    j = outcome.index
    values = {
        **ingredients.at_centre(),
        "R": Ball(float(table.radii[j])),
        "L_H": Ball(float(table.curvature[j])),
        "Delta_J": Ball(float(table.delta_j[j])),
    }
    values["L_Theta"] = evaluate("L_theta", values)
    paper, sharp = stability_radii(ingredients, table)
    constants |= {
        "radius": values["R"],
        "lambda_region": Ball(float(table.lam[j])),
        "L_H": values["L_H"],
        "Delta_J": values["Delta_J"],
        "L_theta": values["L_Theta"],
        "mu_paper": evaluate("mu_paper", values),
        "stability_radius_paper": paper,
        "stability_radius": sharp,
        **outcome.constants,
    }
    for form, radius in result.largest_radius.items():
        constants[f"radius_largest_{form}"] = Ball(radius)
    return constants


def ball_witness(ingredients: Ingredients, result: BallResult) -> dict[str, Any]:
    """Assemble what a checker needs to follow a ball certificate's chain, all exact doubles."""
    if result.table is None:
        return {"certified_by": None}
    table = result.table
    # The table reaches as far as any radius that the certificate names.
    reached = [o.index for o in result.best.values()]
    reached += [int(np.searchsorted(table.radii, radius)) for radius in result.largest_radius.values()]
    last = max(reached, default=len(table) - 1) + 1
    return {
        "certified_by": result.certified_by,
        "lambda0_lower": lower(ingredients.lambda0),
        "jacobian_norm0_upper": upper(ingredients.jacobian_norm0),
        "residual0_upper": upper(ingredients.residual0),
        "parabolas": [[p.weight, p.intercept] for p in ingredients.parabolas],
        "radii": table.radii[:last].tolist(),
        "curvature": table.curvature[:last].tolist(),
        "delta_j": table.delta_j[:last].tolist(),
        "lambda": table.lam[:last].tolist(),
        **{form: {"index": outcome.index} if outcome.holds else None for form, outcome in result.best.items()},
    }


def _show(lr: Fraction | None) -> str:
    """Show a step to six digits; one that no double holds, as its fraction."""
    value = float(lr or 0)
    return f"{value:.6g}" if value > 0.0 else str(lr)


def ball_certificate(
    network: Network, data: DataSet, loss: Loss, lr: Fraction | None, radius: float | None
) -> Certificate:
    """Certify scope `ball` at the network's own parameters; arguments are exact and already validated."""
    ingredients = gather(network, data, loss)
    result = search_ball(ingredients, lr, radius)
    constants = ball_constants(ingredients, result)
    proved = result.certified_by is not None
    # In a proof only what holds is a margin; how far the other form falls short is an observation.
    margins = {
        f"{form} containment": outcome.margin
        for form, outcome in result.best.items()
        if outcome.margin is not None and (outcome.holds or not proved)
    }
    short = {
        f"{form} containment falls short by": -float(outcome.margin.mid)
        for form, outcome in result.best.items()
        if outcome.margin is not None and proved and not outcome.holds
    }
    problem = Problem(network, data, loss, result.lr)
    witness = ball_witness(ingredients, result)
    outcome = result.outcome
    if proved and outcome is not None:
        # The other form's extra steps follow, so that the chain shows both where both hold.
        steps = outcome.steps + tuple(
            step for form, o in result.best.items() if form != outcome.form and o.holds for step in o.steps[2:]
        )
        reason = (
            f"real-arithmetic gradient descent with step {_show(result.lr)} on {LOSS_WORDS[loss]}, from these parameters stays in the"
            f" ball of radius R ≤ {at_most(upper(constants['radius']), 6)}, a Locally PL Region with μ ≥ {at_least(lower(constants['mu']), 6)}, and"
            f" Φ_k ≤ {below_one(upper(constants['rate']))}^k·Φ_0 ({outcome.form} criterion)"
        )
        return Certificate(
            scope="ball", verdict="PROVED", reason=reason, problem=problem, constants=constants, margins=margins,
            steps=steps, witness=witness, observed=short,
        )  # fmt: skip
    reason, estimate = _describe_shortfall(result, ingredients, network)
    return Certificate(
        scope="ball",
        verdict="INCONCLUSIVE",
        reason=reason,
        problem=problem,
        constants=constants,
        margins=margins,
        steps=() if outcome is None else outcome.steps,
        witness=witness,
        observed={} if estimate is None else {"approx_width_needed": estimate},
    )


def point_certificate(network: Network, data: DataSet, loss: Loss, lr: Fraction | None) -> Certificate:
    """Certify scope `point`: enclosures of Φ, λ_min, λ_max, ‖∇Φ‖ and the PL ratio at the parameters given."""
    here = examine(network, data, loss)
    facts, s = here.facts, Ball(here.s)
    gradient_squared = s * s * (here.residual * (here.theta @ here.residual)).sum()
    constants: dict[str, Any] = {
        "lambda0": facts.lambda_min,
        "lambda_max0": facts.lambda_max,
        "jacobian_norm0": sqrt_of_nonnegative(facts.lambda_max),
        "residual0": facts.residual,
        "loss0": facts.loss,
        "gradient_norm_squared": gradient_squared,
        "mu": evaluate("mu", {"s": s, "lambda_R": Ball(max(lower(facts.lambda_min), 0.0))}),
        "lr": lr,
    }
    if facts.pl_ratio is not None:
        constants["pl_ratio"] = Ball(0.5) * gradient_squared / facts.loss
    step = Step("NTK positive", "pl_from_ntk", facts.lambda_min, ">", Ball(0.0), "λ_min(Θ(θ)) by shifted Cholesky")
    proved = step.certain
    reason = (
        f"at these parameters λ_min(Θ) ≥ {at_least(lower(facts.lambda_min), 6)} > 0, so ½‖∇Φ‖² ≥ μΦ with μ ≥ {at_least(lower(constants['mu']), 6)}"
        if proved
        else f"λ_min(Θ) ∈ [{lower(facts.lambda_min):.3e}, {upper(facts.lambda_min):.3e}] is not certified positive"
    )
    return Certificate(
        scope="point",
        verdict="PROVED" if proved else "INCONCLUSIVE",
        reason=reason,
        problem=Problem(network, data, loss, lr),
        constants=constants,
        margins={"lambda0": facts.lambda_min},
        steps=(step,),
        witness={"lambda0_lower": lower(facts.lambda_min)},
        observed={},
    )


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
    **options: Any,
) -> Certificate:
    """Prove that gradient descent on a concrete network converges linearly, or say exactly what is missing.

    Statement and hypotheses: MATH.md §7; each constant is an enclosure of its formula in proofs/constants.py.

    Args:
        model: torch.nn.Sequential of Linear or verify.nn.NTKLinear layers and smooth activations; its parameters,
            exact as stored, are the centre θ0.
        X: inputs (n, d), floats, exact as stored.
        y: targets (n, k), or (n,) for one output.
        lr: step size η, exact as given (``"1/10"`` is a tenth, ``0.1`` the double); None takes the certified 1/β.
        scope: 'point' (facts at θ), 'ball' (a region around θ that gradient descent cannot leave), 'run' (a recorded
            float64 run up to such a region), 'exact' (real-arithmetic gradient descent enclosed up to such a region), 'basin'
            (every start in a ball around a zero of the residual nearby; see verify.regions.basin). 'auto': 'ball' where it is
            PROVED, else 'basin'; the certificate's own scope says which.
        loss: 'sum' for Φ = ½Σ‖F(x_i) − y_i‖², 'mean' for that divided by n; 'mse' for torch.nn.MSELoss() (Σ divided by nk), 'mse_sum' for
            MSELoss(reduction='sum') (Σ). The step belongs to the loss: lr with MSELoss() is 2·lr/k with 'mean'.
        radius: prescribed R for scope 'ball'; None searches for the smallest certifying one.
        steps: step budget of scopes 'run' and 'exact'.
        **options: further options of scopes 'run' and 'exact' (see verify.regions.run and verify.regions.exact); `seconds` of
            scope 'basin', the time allowed to its search for a zero.

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
    network = read_network(model)
    data = read_data(network, X, y)
    loss_scale(loss, data.n, data.k)
    step = exact_step(lr)
    radius = exact_radius(radius)
    if scope in ("run", "exact", "basin") and radius is not None:
        raise InputError(f"radius={radius!r}: scope={scope!r} searches its radius itself; leave it None")
    if scope in ("point", "ball") and (steps is not None or options):
        unexpected = ", ".join(["steps"] * (steps is not None) + list(options))
        raise InputError(f"scope={scope!r} takes no {unexpected}; these belong to scopes 'run' and 'exact'")
    if scope == "auto":
        first = certify(model, X, y, lr=lr, scope="ball", loss=loss, radius=radius)
        if first.verdict != "INCONCLUSIVE" or radius is not None:
            return first
        second = certify(model, X, y, lr=lr, scope="basin", loss=loss, steps=steps, **options)
        if second.verdict != "INCONCLUSIVE":
            return second
        return replace(second, reason=f"scope 'ball': {first.reason}. Scope 'basin': {second.reason}")
    pair = contradictory_pair(data)
    if scope != "point" and pair is not None:
        return _refuted(Problem(network, data, loss, step), scope, pair)
    if scope == "point":
        return point_certificate(network, data, loss, step)
    if scope == "ball":
        return ball_certificate(network, data, loss, step, radius)
    return _trajectory_scope(scope)(network, data, loss, step, steps, options)


def _trajectory_scope(
    scope: str,
) -> Callable[[Network, DataSet, Loss, Fraction | None, int | None, Mapping[str, Any]], Certificate]:
    """Return the implementation of a scope that moves away from the parameters given; imported only when asked for."""
    if scope == "run":
        from verify.regions.run import run_certificate

        return run_certificate
    if scope == "exact":
        from verify.regions.exact import exact_certificate

        return exact_certificate
    if scope == "basin":
        from verify.regions.basin import basin_certificate

        return basin_certificate
    raise InputError(f"scope={scope!r}: expected 'auto', 'point', 'ball', 'run', 'exact' or 'basin'")

"""Certificates laid out by hand, one of each scope, sealed and packed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from verify.checker.tests.mp_network import Json, Net, as_mpf, ball, down, facts, flt, mp, mpf, rational, up
from verify.checker.tests.sealing import Draft, step


def base(net: Net, scope: str, claim: str, lr: Fraction | None) -> Draft:
    """Everything but constants, margins, steps and witness."""
    draft = Draft({})
    n, d, m = len(net.X), len(net.X[0]), len(net.W)
    plain = {"name": "identity", "parameters": {}}
    kind = {"name": net.activation, "parameters": {"beta": flt(net.beta)} if net.activation == "softplus" else {}}
    layers = [
        {
            "weight": draft.add("w1", (m, d), [w for row in net.W for w in row]),
            "bias": None if net.b is None else draft.add("b1", (m,), net.b),
            "inverse_square_scale": net.squares[0],
            "activation": plain if net.v is None else kind,
        }
    ]
    if net.v is not None:
        bias = None if net.c is None else draft.add("b2", (1,), [net.c])
        layers.append(
            {
                "weight": draft.add("w2", (1, m), net.v),
                "bias": bias,
                "inverse_square_scale": net.squares[1],
                "activation": plain,
            }
        )
    k = len(net.y[0])
    draft.document = {
        "format": "lplr-verify certificate",
        "version": 1,
        "claim": claim,
        "scope": scope,
        "verdict": "PROVED",
        "reason": "built by hand",
        "network": {"layers": layers},
        "loss": net.loss,
        "loss_scale": rational(net.s),
        "data": {
            "X": draft.add("x", (n, d), [v for x in net.X for v in x]),
            "y": draft.add("y", (n, k), [v for t in net.y for v in t]),
        },
        "lr": None if lr is None else rational(lr),
        "constants": {},
        "margins": {},
        "steps": [],
        "witness": {},
        "observed": {"seconds": flt(1.5)},
        "tools": {"hand": "1"},
    }
    return draft


def point(net: Net) -> Draft:
    """Scope `point`."""
    draft, true = base(net, "point", "pl_from_ntk", None), facts(net)
    stated = down(true["lambda_min"])
    constants = {
        "lambda0": true["lambda_min"],
        "lambda_max0": true["lambda_max"],
        "jacobian_norm0": mp.sqrt(true["lambda_max"]),
        "residual0": true["residual"],
        "loss0": true["loss"],
        "gradient_norm_squared": true["gradient_norm"] ** 2,
        "mu": as_mpf(net.s) * stated,
        "pl_ratio": true["pl_ratio"],
    }
    draft.document["constants"] = {name: ball(value) for name, value in constants.items()}
    draft.document["margins"] = {"lambda0": ball(true["lambda_min"])}
    draft.document["steps"] = [step("NTK positive", "pl_from_ntk", true["lambda_min"], ">", mpf(0))]
    draft.document["witness"] = {"lambda0_lower": flt(stated)}
    return draft


@dataclass
class Region:
    """A ball's witness, constants, margins and steps."""

    witness: Json
    constants: Json
    margins: Json
    steps: list[Json]


def _crossing(f: Any, level: Any) -> Any:
    """The largest double r with f(r) ≤ level, f increasing."""
    low, high = mpf(0), mpf(1)
    while f(high) <= level:
        high *= 2
    for _ in range(150):
        middle = (low + high) / 2
        low, high = (middle, high) if f(middle) <= level else (low, middle)
    return mpf(down(low))


def region(
    net: Net,
    lr: Fraction,
    radii: Sequence[float],
    by: str,
    weights: Sequence[float] = (),
    offset: float = 0.0,
    start: Any = None,
) -> Region:
    """The ball conditions of claims containment_classical and containment_residual at R = radii[-1] for both forms, from the definitions."""
    true, s, eta = facts(net), as_mpf(net.s), as_mpf(lr)
    lam0, jac = down(true["lambda_min"]), up(mp.sqrt(true["lambda_max"]))
    res = up(true["residual"] if start is None else start)
    curvature = [up(net.curvature(mpf(r))) for r in radii]
    total, drift, edges = mpf(0), [], [0.0, *radii]
    for i, bound in enumerate(curvature):
        total += (mpf(edges[i + 1]) - mpf(edges[i])) * mpf(bound)
        drift.append(up(total))
    parabolas = [(w, down(net.parabola(w))) for w in weights]
    lam = [
        down(max([max(mp.sqrt(lam0) - D, mpf(0)) ** 2, *(mpf(c) - mpf(w) * mpf(r) ** 2 for w, c in parabolas)]))
        for r, D in zip(radii, drift, strict=True)
    ]
    R, L, D, lam_r, J, e, o = map(mpf, (radii[-1], curvature[-1], drift[-1], lam[-1], jac, res, offset))
    mu, beta = s * lam_r, s * ((J + D) ** 2 + e * L)
    c = 1 - eta * beta / 2
    path = e / (c * mp.sqrt(lam_r))
    delta = min(eta * s * L * (J + D) * e / 2, 2 * D)
    supply = sum(
        (mpf(r) - max(mpf(q), o)) * (mp.sqrt(v) - delta)
        for q, r, v in zip(edges, radii, lam, strict=False)
        if r > offset
    )
    sigma = mp.sqrt(lam_r)
    rate = 1 - eta * s * sigma * (sigma - delta)
    lipschitz = L * (2 * J + D)
    shared = {"mu": mu, "smoothness": beta, "step_bound": 2 / beta}
    own = {
        "classical": {**shared, "descent_fraction": c, "path_length": path, "rate": 1 - 2 * eta * mu * c},
        "residual": {**shared, "path_length": R, "residual_rate": rate, "rate": rate**2, "step_drift": delta},
    }[by]
    # λ ≥ λ0/2 up to the r with r·L_H(r) = (1 − √½)√λ0, in the paper's form r·L_H(r)(2‖J0‖ + r·L_H(r)) = λ0/2.
    flat = net.v is None or weights
    sharp, paper = (
        (mpf(radii[0]), mpf(radii[0]))
        if flat
        else (
            _crossing(lambda r: r * net.curvature(r), (1 - mp.sqrt(mpf(1) / 2)) * mp.sqrt(lam0)),
            _crossing(lambda r: r * net.curvature(r) * (2 * J + r * net.curvature(r)), mpf(lam0) / 2),
        )
    )
    constants = {
        "lambda0": true["lambda_min"],
        "jacobian_norm0": mp.sqrt(true["lambda_max"]),
        "loss0": true["loss"],
        "residual0": true["residual"] if start is None else e,
        "radius": R,
        "L_H": L,
        "Delta_J": D,
        "lambda_region": lam_r,
        "L_theta": lipschitz,
        "mu_paper": s * (mpf(lam0) - lipschitz * R),
        **own,
        "stability_radius": sharp,
        "stability_radius_paper": paper,
        "radius_largest_classical": R,
        "radius_largest_residual": R,
    }
    first = [
        step("NTK positive at the centre", "ntk_positive", mpf(lam0), ">", mpf(0)),
        step("NTK stays positive on the ball", "ntk_stability", lam_r, ">", mpf(0)),
    ]
    chains = {
        "classical": [
            step("step below 2/β", "descent_step", eta, "<", 2 / beta),
            step("path inside the ball", "containment_classical", path + o, "<=", R),
        ],
        "residual": [
            step("ηΘ below the identity", "containment_residual", eta * s * (J + D) ** 2, "<=", mpf(1)),
            step("σ(R) above the step's drift", "containment_residual", sigma, ">", delta),
            step("residual pays for the path", "containment_residual", supply, ">", e),
        ],
    }
    other = "residual" if by == "classical" else "classical"
    witness = {
        "certified_by": by,
        "lambda0_lower": flt(lam0),
        "jacobian_norm0_upper": flt(jac),
        "residual0_upper": flt(res),
        "parabolas": [[flt(w), flt(i)] for w, i in parabolas],
        "radii": [flt(r) for r in radii],
        "curvature": [flt(v) for v in curvature],
        "delta_j": [flt(v) for v in drift],
        "lambda": [flt(v) for v in lam],
        "classical": {"index": len(radii) - 1},
        "residual": {"index": len(radii) - 1},
    }
    margins = {"classical containment": ball(R - path - o), "residual containment": ball(supply - e)}
    numbers = {name: ball(value) for name, value in constants.items()} | {"lr": rational(lr)}
    return Region(witness, numbers, margins, first + chains[by] + chains[other])


def in_ball(net: Net, lr: Fraction, radii: Sequence[float], by: str, weights: Sequence[float] = ()) -> Draft:
    """Scope `ball`."""
    draft, found = base(net, "ball", f"containment_{by}", lr), region(net, lr, radii, by, weights)
    draft.document |= {
        "constants": found.constants,
        "margins": found.margins,
        "steps": found.steps,
        "witness": found.witness,
    }
    return draft


def _pair(value: Any) -> list[Json]:
    return [flt(down(value)), flt(up(value))]


def recorded(net: Net, lr: Fraction, radii: Sequence[float], by: str, steps: Sequence[int]) -> Draft:
    """Scope `run`: a rounded run, checkpoints at `steps`, hand-over at the last."""
    draft, thetas, theta = base(net, "run", f"containment_{by}", lr), [], net
    for _ in range(steps[-1] + 2):
        thetas.append(theta)
        theta = net.at([float(t) for t in theta.step(lr).flat()])
    checkpoints, chain = [], []
    for k in steps:
        here, after = thetas[k], thetas[k + 1]
        true = facts(here)
        drift = mp.norm([mpf(a) - mpf(b) for a, b in zip(here.flat(), net.flat(), strict=True)])
        later, stated = facts(after)["loss"], down(true["lambda_min"])
        p = len(net.flat())
        checkpoints.append(
            {
                "step": k,
                "parameters": draft.add(f"theta{k}", (p,), here.flat()),
                "next": draft.add(f"next{k}", (p,), after.flat()),
                **{name: _pair(value) for name, value in true.items()},
                "drift": _pair(drift),
                "next_loss": _pair(later),
                "decrease": True,
            }
        )
        chain.append(step(f"NTK positive at step {k}", "pl_from_ntk", true["lambda_min"], ">", mpf(0)))
        bound = (1 - as_mpf(lr * net.s) * mpf(stated)) * true["loss"]
        chain.append(step(f"decrease from step {k}", "recorded_decrease", later, "<=", bound))
    found = region(thetas[steps[-1]], lr, radii, by)
    first = facts(net)
    constants = {
        **found.constants,
        "initial_lambda_min": ball(first["lambda_min"]),
        "initial_loss": ball(first["loss"]),
        "drift": ball(drift),
        "handover_step": steps[-1],
        "handover_radius": found.constants["radius"],
    }
    witness = {
        "checkpoints": checkpoints,
        "handover": {"step": steps[-1], "checkpoint": len(steps) - 1, **found.witness},
    }
    draft.document |= {
        "constants": constants,
        "margins": found.margins,
        "steps": chain + found.steps,
        "witness": witness,
    }
    return draft


def followed(net: Net, lr: Fraction, radii: Sequence[float], by: str, steps: int) -> Draft:
    """Scope `exact`: T exact steps at 60 digits, hand-over at the nearest doubles."""
    draft, path = base(net, "exact", f"containment_{by}", lr), [net]
    for _ in range(steps):
        path.append(path[-1].step(lr))
    truths = [facts(theta) for theta in path]
    lower = [down(t["lambda_min"]) for t in truths]
    end = [float(t) for t in path[-1].flat()]
    gap = mp.norm([t - mpf(v) for t, v in zip(path[-1].flat(), end, strict=True)])
    offset, p = up(gap), len(end)
    found = region(net.at(end), lr, radii, by, offset=offset, start=truths[-1]["residual"])
    ratios = [
        b["loss"] / ((1 - as_mpf(lr * net.s) * mpf(v)) * a["loss"])
        for a, b, v in zip(truths, truths[1:], lower, strict=False)
    ]
    weakest = mpf(min(lower))
    drift = mp.norm([a - mpf(b) for a, b in zip(path[-1].flat(), net.flat(), strict=True)])
    constants = {
        **found.constants,
        "initial_lambda_min": ball(truths[0]["lambda_min"]),
        "initial_loss": ball(truths[0]["loss"]),
        "path_lambda_min": ball(weakest),
        "handover_offset": ball(mpf(offset)),
        "handover_step": steps,
        "drift": ball(drift),
        "mu_along_path": ball(as_mpf(net.s) * min(weakest, mpf(float.fromhex(found.witness["lambda"][-1]["$float"])))),
        "handover_radius": found.constants["radius"],
    }
    worst = up(max(ratios))
    chain = [
        step("NTK positive at every iterate", "pl_from_ntk", weakest, ">", mpf(0)),
        step("decrease at every step", "recorded_decrease", mpf(worst), "<=", mpf(1)),
    ]

    def column(name: str, values: list[float]) -> Json:
        return draft.add(name, (len(values),), values)

    draft.document["witness"] = {
        "method": "shadow",
        "bits": 53,
        "steps": steps,
        "end": draft.add("end", (p,), end),
        "delta": column("delta", [0.0] * steps + [offset]),
        "growth": column("growth", [1.0] * steps),
        "rounding": column("rounding", [0.0] * steps),
        "lambda_lower": column("lower", lower),
        "loss_lower": column("below", [down(t["loss"]) for t in truths]),
        "loss_upper": column("above", [up(t["loss"]) for t in truths]),
        "handover": {**found.witness, "offset": flt(offset)},
    }
    draft.document |= {"constants": constants, "margins": found.margins, "steps": chain + found.steps}
    return draft


def contradiction() -> Draft:
    """REFUTED: equal inputs, different targets."""
    net = Net([[1.0, 2.0], [0.5, 0.25], [1.0, 2.0]], [[1.0], [0.0], [3.5]], [[0.5, 0.25]], None, loss="mean")
    draft = base(net, "ball", "zero_loss_unreachable", Fraction(1, 10))
    floor = mpf(2.5) ** 2 / 12
    draft.document |= {
        "verdict": "REFUTED",
        "constants": {"lambda0": ball(mpf(0)), "loss_floor": ball(floor)},
        "margins": {"loss floor": ball(floor)},
        "witness": {"duplicate_pair": [0, 2]},
        "steps": [step("equal inputs, different targets", "zero_loss_unreachable", mpf(3.5), ">", mpf(1))],
    }
    return draft


def networks() -> dict[str, Net]:
    """Small networks whose residual at the start is small enough for a ball."""
    X = [[1.0, 0.3], [-0.4, 0.9]]
    W = [[0.9, -0.2], [-0.5, 1.1], [0.3, 0.8], [-1.2, 0.1]]
    tanh = Net(X, [[0.0], [0.0]], W, None, [1.0, -0.7, 0.6, 0.9], None, (2, 4), "tanh")
    soft = Net(
        X, [[0.0], [0.0]], W, [0.1, -0.2, 0.3, 0.05], [1.0, -0.7, 0.6, 0.9], 0.125, (1, 3), "softplus", 1.5, "mean"
    )
    linear = Net(
        [[1.0, 0.3, 0.2], [-0.4, 0.9, 0.1]],
        [[0.3, 0.1], [-0.2, 0.5]],
        [[0.5, 0.25, -1.0], [0.1, 0.2, 0.3]],
        [0.5, 0.25],
        loss="mean",
    )
    for net, gaps in ((tanh, (0.02, -0.03)), (soft, (0.02, 0.03))):
        for target, value, gap in zip(net.y, net.rows()[0], gaps, strict=True):
            target[0] = round(float(value) + gap, 6)
    # Twelve neurons on a circle: wide enough that the neurons' shared budget beats (√λ0 − Δ)².
    turn = [0.1 + 2 * math.pi * i / 12 for i in range(12)]
    many = Net(
        X,
        [[0.0], [0.0]],
        [[round(2 * math.cos(t), 3), round(2 * math.sin(t), 3)] for t in turn],
        None,
        [round(math.cos(5 * t) + 0.3, 3) for t in turn],
        None,
        (2, 12),
        "tanh",
    )
    for target, value in zip(many.y, many.rows()[0], strict=True):
        target[0] = round(float(value) + 0.01, 6)
    return {"tanh": tanh, "softplus": soft, "linear": linear, "many": many}


MANY = 1.0


def all_drafts() -> dict[str, Draft]:
    """One certificate per scope and kind; every one is true."""
    nets = networks()
    lr = Fraction(1, 4)
    return {
        "point": point(nets["tanh"]),
        "point_linear": point(nets["linear"]),
        "ball_classical": in_ball(nets["tanh"], lr, [0.03, 0.08, 0.12], "classical", [20.0]),
        "ball_residual": in_ball(nets["softplus"], lr, [0.02, 0.05, 0.08], "residual", [3.0, 30.0]),
        "ball_linear": in_ball(nets["linear"], Fraction(1, 3), [1.0, 3.0], "residual"),
        "ball_single": in_ball(nets["linear"], Fraction(1, 4), [2.5], "classical"),
        "ball_parabola": in_ball(nets["many"], lr, [0.05, 0.1, 0.15], "residual", [MANY]),
        "run": recorded(nets["softplus"], lr, [0.02, 0.05, 0.08], "residual", [0, 2]),
        "run_single": recorded(nets["tanh"], Fraction(1, 5), [0.03, 0.08, 0.12], "classical", [0]),
        "exact": followed(nets["softplus"], lr, [0.02, 0.05, 0.08], "classical", 2),
        "refuted": contradiction(),
    }

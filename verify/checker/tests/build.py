"""Certificates made without the engine and without the checker: mpmath at 60 digits, explicit Jacobians, closed forms.

The networks are tiny: an affine map, or one hidden layer with one output. Every witness number is the double next to the true value on the
safe side, every stored interval is less than an ulp wide; so one ulp in the favourable direction is a lie.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from mpmath import mp as _mp

mp: Any = _mp  # untyped
mp.dps = 60
mpf = mp.mpf
Json = dict[str, Any]


def down(x: Any) -> float:
    """Largest double ≤ x."""
    value = float(x)
    while mpf(value) > x:
        value = math.nextafter(value, -math.inf)
    while mpf(math.nextafter(value, math.inf)) <= x:
        value = math.nextafter(value, math.inf)
    return value


def up(x: Any) -> float:
    """Smallest double ≥ x."""
    return -down(-mpf(x))


def flt(value: float) -> Json:
    return {"$float": value.hex()}


def ball(x: Any) -> Json:
    """The nearest double and the distance to it, rounded up."""
    mid = float(x)
    return {"$ball": [mid.hex(), up(abs(mpf(x) - mpf(mid))).hex()]}


def rational(value: Fraction) -> Json:
    return {"$rational": [str(value.numerator), str(value.denominator)]}


def _mpf(value: Fraction) -> Any:
    return mpf(value.numerator) / mpf(value.denominator)


@dataclass
class Net:
    """x ↦ s₂ v·σ(s₁ W x + b) + c, or s W x + b without a hidden layer; lists of doubles."""

    X: list[list[float]]
    y: list[list[float]]
    W: list[list[float]]
    b: list[float] | None
    v: list[float] | None = None
    c: float | None = None
    squares: tuple[int, int] = (1, 1)
    activation: str = "tanh"
    beta: float = 1.0
    loss: str = "sum"

    def flat(self) -> list[float]:
        """Parameters in the checker's order."""
        values = [w for row in self.W for w in row] + (self.b or [])
        return values + (self.v or []) + ([] if self.c is None else [self.c])

    def at(self, theta: Sequence[Any]) -> Net:
        """The same network with other parameters."""
        rest, d, m = list(theta), len(self.X[0]), len(self.W)

        def take(count: int) -> list[Any]:
            return [rest.pop(0) for _ in range(count)]

        W = [take(d) for _ in range(m)]
        b = None if self.b is None else take(m)
        v = None if self.v is None else take(m)
        c = None if self.c is None else take(1)[0]
        return Net(self.X, self.y, W, b, v, c, self.squares, self.activation, self.beta, self.loss)

    @property
    def s(self) -> Fraction:
        return Fraction(1, len(self.X)) if self.loss == "mean" else Fraction(1)

    def sigma(self, z: Any) -> tuple[Any, Any]:
        if self.activation == "tanh":
            return mp.tanh(z), 1 / mp.cosh(z) ** 2
        if self.activation == "softplus":
            return mp.log(1 + mp.exp(self.beta * z)) / self.beta, 1 / (1 + mp.exp(-self.beta * z))
        raise KeyError(self.activation)

    def suprema(self) -> tuple[Any, Any]:
        return mpf(1), 4 / (3 * mp.sqrt(3)) if self.activation == "tanh" else mpf(self.beta) / 4

    def scales(self) -> tuple[Any, Any]:
        return 1 / mp.sqrt(self.squares[0]), 1 / mp.sqrt(self.squares[1])

    def rows(self) -> tuple[list[Any], list[list[Any]]]:
        """Residual and the explicit Jacobian, one row per output."""
        s1, s2 = self.scales()
        residual, jacobian = [], []
        for x, target in zip(self.X, self.y, strict=True):
            z = [s1 * mp.fdot(row, x) + (self.b[r] if self.b else 0) for r, row in enumerate(self.W)]
            if self.v is None:
                k = len(self.W)
                for a in range(k):
                    residual.append(z[a] - target[a])
                    weights = [s1 * xi if r == a else mpf(0) for r in range(k) for xi in x]
                    jacobian.append(weights + ([mpf(int(r == a)) for r in range(k)] if self.b else []))
                continue
            h = [self.sigma(value) for value in z]
            residual.append(s2 * mp.fdot(self.v, [p for p, _ in h]) + (self.c or 0) - target[0])
            inner = [s2 * v * slope for v, (_, slope) in zip(self.v, h, strict=True)]
            row = [g * s1 * xi for g in inner for xi in x] + (inner if self.b else [])
            jacobian.append(row + [s2 * p for p, _ in h] + ([] if self.c is None else [mpf(1)]))
        return residual, jacobian

    def kernel(self) -> Any:
        J = self.rows()[1]
        return mp.matrix([[mp.fdot(a, b) for b in J] for a in J])

    def inputs(self) -> list[list[Any]]:
        """The rows of A_1."""
        s1 = self.scales()[0]
        return [[s1 * mpf(v) for v in x] + ([mpf(1)] if self.b else []) for x in self.X]

    def curvature(self, r: Any) -> Any:
        """claim layered_curvature, worked out for one hidden layer: the 2 × 2 form in (t_1, t_2)."""
        if self.v is None:
            return mpf(0)
        s2, (s_one, s_two) = self.scales()[1], self.suprema()
        A = self.inputs()
        a = mp.sqrt(max(mp.eigsy(mp.matrix([[mp.fdot(p, q) for q in A] for p in A]), eigvals_only=True)))
        row = max(mp.norm(p) for p in A)
        largest = max(abs(s2 * v) for v in self.v)
        top, off = s_two * (largest + s2 * r) * row * a, s2 * s_one * a
        return (top + mp.sqrt(top**2 + 4 * off**2)) / 2

    def parabola(self, weight: float) -> Any:
        """claim neuron_budget: λ_min of Σ_r m/(m + ω_r) J_r J_rᵀ + Θ_out, from the columns of the explicit Jacobian."""
        assert self.v is not None
        s2, (s_one, s_two) = self.scales()[1], self.suprema()
        A = self.inputs()
        K = mp.matrix([[mp.fdot(p, q) for q in A] for p in A])
        p = s_one * mp.sqrt(max(mp.eigsy(K, eigvals_only=True)))
        bend = s_two * mp.sqrt(max(mp.eigsy(K.apply(lambda t: t**2), eigvals_only=True)))
        J, m, d = self.rows()[1], len(self.W), len(self.X[0])
        share = []
        for v in self.v:
            q = abs(v) * bend
            omega = max(mp.eigsy(mp.matrix([[p**2, p * q], [p * q, q**2 + p**2]]), eigvals_only=True)) * s2**2
            share.append(weight / (weight + omega))
        columns = (
            [share[i // d] for i in range(m * d)]
            + (share if self.b else [])
            + share
            + ([mpf(1)] if self.c is not None else [])
        )
        psi = mp.matrix([[sum(c * x * z for c, x, z in zip(columns, a, b, strict=True)) for b in J] for a in J])
        return min(mp.eigsy(psi, eigvals_only=True))

    def step(self, lr: Fraction) -> Net:
        """One exact step of gradient descent."""
        e, J = self.rows()
        factor = _mpf(lr * self.s)
        return self.at([t - factor * mp.fdot(e, [row[i] for row in J]) for i, t in enumerate(self.flat())])


def facts(net: Net) -> dict[str, Any]:
    """True values at a point."""
    e, J = net.rows()
    s, theta = _mpf(net.s), net.kernel()
    eigenvalues = mp.eigsy(theta, eigvals_only=True)
    gradient = s * mp.norm([mp.fdot(e, column) for column in zip(*J, strict=True)])
    norm = mp.norm(e)
    loss = s * norm**2 / 2
    return {
        "loss": loss, "residual": norm, "lambda_min": min(eigenvalues), "lambda_max": max(eigenvalues),
        "gradient_norm": gradient, "pl_ratio": gradient**2 / (2 * loss),
    }  # fmt: skip


@dataclass
class Draft:
    """A certificate as a JSON document and its arrays; `save` computes every hash."""

    document: Json
    arrays: dict[str, tuple[tuple[int, ...], list[float]]] = field(default_factory=dict)

    def copy(self) -> Draft:
        return Draft(copy.deepcopy(self.document), {k: (s, list(v)) for k, (s, v) in self.arrays.items()})

    def add(self, name: str, shape: tuple[int, ...], values: Sequence[float]) -> Json:
        self.arrays[f"arrays/{name}.npy"] = (shape, [float(v) for v in values])
        return {"$array": f"arrays/{name}.npy"}

    def files(self) -> dict[str, bytes]:
        files = {name: npy(shape, values) for name, (shape, values) in self.arrays.items()}
        listed = {
            name: {"sha256": hashlib.sha256(files[name]).hexdigest(), "shape": list(shape)}
            for name, (shape, _) in self.arrays.items()
        }
        return {"certificate.json": seal({"arrays": listed, **self.document}), **files}

    def save(self, path: Path) -> Path:
        return pack(path, self.files())


def npy(shape: tuple[int, ...], values: Sequence[float], descr: str = "<f8", order: str = "False") -> bytes:
    """numpy's file format 1.0."""
    inner = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
    header = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({inner}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return (
        b"\x93NUMPY\x01\x00"
        + struct.pack("<H", len(header))
        + header.encode()
        + struct.pack(f"<{len(values)}d", *values)
    )


def text(document: Json) -> bytes:
    return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"


def seal(document: Json) -> bytes:
    """Canonical text with its own hash."""
    return text({**document, "sha256": hashlib.sha256(text(document)).hexdigest()})


def pack(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), files[name])
    return path


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
        layers.append({"weight": draft.add("w2", (1, m), net.v), "bias": bias,
                       "inverse_square_scale": net.squares[1], "activation": plain})  # fmt: skip
    k = len(net.y[0])
    draft.document = {
        "format": "lplr-verify certificate", "version": 1, "claim": claim, "scope": scope, "verdict": "PROVED",
        "reason": "built by hand", "network": {"layers": layers}, "loss": net.loss, "loss_scale": rational(net.s),
        "data": {"X": draft.add("x", (n, d), [v for x in net.X for v in x]),
                 "y": draft.add("y", (n, k), [v for t in net.y for v in t])},
        "lr": None if lr is None else rational(lr), "constants": {}, "margins": {}, "steps": [], "witness": {},
        "observed": {"seconds": flt(1.5)}, "tools": {"hand": "1"},
    }  # fmt: skip
    return draft


def point(net: Net) -> Draft:
    """Scope `point`."""
    draft, true = base(net, "point", "pl_from_ntk", None), facts(net)
    stated = down(true["lambda_min"])
    constants = {
        "lambda0": true["lambda_min"], "lambda_max0": true["lambda_max"], "jacobian_norm0": mp.sqrt(true["lambda_max"]),
        "residual0": true["residual"], "loss0": true["loss"], "gradient_norm_squared": true["gradient_norm"] ** 2,
        "mu": _mpf(net.s) * stated, "pl_ratio": true["pl_ratio"],
    }  # fmt: skip
    draft.document["constants"] = {name: ball(value) for name, value in constants.items()}
    draft.document["margins"] = {"lambda0": ball(true["lambda_min"])}
    draft.document["steps"] = [step("NTK positive", "pl_from_ntk", true["lambda_min"], ">", mpf(0))]
    draft.document["witness"] = {"lambda0_lower": flt(stated)}
    return draft


def step(name: str, claim: str, left: Any, relation: str, right: Any) -> Json:
    return {
        "name": name,
        "claim": claim,
        "left": ball(left),
        "relation": relation,
        "right": ball(right),
        "source": "by hand",
    }


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


def region(net: Net, lr: Fraction, radii: Sequence[float], by: str, weights: Sequence[float] = (), offset: float = 0.0,
           start: Any = None) -> Region:  # fmt: skip
    """The ball conditions of claims containment_classical and containment_residual at R = radii[-1] for both forms, from the definitions."""
    true, s, eta = facts(net), _mpf(net.s), _mpf(lr)
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
        (mpf(radii[0]), mpf(radii[0])) if flat else (
            _crossing(lambda r: r * net.curvature(r), (1 - mp.sqrt(mpf(1) / 2)) * mp.sqrt(lam0)),
            _crossing(lambda r: r * net.curvature(r) * (2 * J + r * net.curvature(r)), mpf(lam0) / 2),
        )
    )  # fmt: skip
    constants = {
        "lambda0": true["lambda_min"], "jacobian_norm0": mp.sqrt(true["lambda_max"]), "loss0": true["loss"],
        "residual0": true["residual"] if start is None else e, "radius": R, "L_H": L, "Delta_J": D, "lambda_region": lam_r,
        "L_theta": lipschitz, "mu_paper": s * (mpf(lam0) - lipschitz * R), **own,
        "stability_radius": sharp, "stability_radius_paper": paper, "radius_largest_classical": R, "radius_largest_residual": R,
    }  # fmt: skip
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
        "certified_by": by, "lambda0_lower": flt(lam0), "jacobian_norm0_upper": flt(jac), "residual0_upper": flt(res),
        "parabolas": [[flt(w), flt(i)] for w, i in parabolas], "radii": [flt(r) for r in radii],
        "curvature": [flt(v) for v in curvature], "delta_j": [flt(v) for v in drift], "lambda": [flt(v) for v in lam],
        "classical": {"index": len(radii) - 1}, "residual": {"index": len(radii) - 1},
    }  # fmt: skip
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
        checkpoints.append({
            "step": k, "parameters": draft.add(f"theta{k}", (p,), here.flat()), "next": draft.add(f"next{k}", (p,), after.flat()),
            **{name: _pair(value) for name, value in true.items()}, "drift": _pair(drift), "next_loss": _pair(later), "decrease": True,
        })  # fmt: skip
        chain.append(step(f"NTK positive at step {k}", "pl_from_ntk", true["lambda_min"], ">", mpf(0)))
        bound = (1 - _mpf(lr * net.s) * mpf(stated)) * true["loss"]
        chain.append(step(f"decrease from step {k}", "recorded_decrease", later, "<=", bound))
    found = region(thetas[steps[-1]], lr, radii, by)
    first = facts(net)
    constants = {
        **found.constants, "initial_lambda_min": ball(first["lambda_min"]), "initial_loss": ball(first["loss"]),
        "drift": ball(drift), "handover_step": steps[-1], "handover_radius": found.constants["radius"],
    }  # fmt: skip
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
        b["loss"] / ((1 - _mpf(lr * net.s) * mpf(v)) * a["loss"])
        for a, b, v in zip(truths, truths[1:], lower, strict=False)
    ]
    weakest = mpf(min(lower))
    drift = mp.norm([a - mpf(b) for a, b in zip(path[-1].flat(), net.flat(), strict=True)])
    constants = {
        **found.constants, "initial_lambda_min": ball(truths[0]["lambda_min"]), "initial_loss": ball(truths[0]["loss"]),
        "path_lambda_min": ball(weakest), "handover_offset": ball(mpf(offset)), "handover_step": steps, "drift": ball(drift),
        "mu_along_path": ball(_mpf(net.s) * min(weakest, mpf(float.fromhex(found.witness["lambda"][-1]["$float"])))),
        "handover_radius": found.constants["radius"],
    }  # fmt: skip
    worst = up(max(ratios))
    chain = [
        step("NTK positive at every iterate", "pl_from_ntk", weakest, ">", mpf(0)),
        step("decrease at every step", "recorded_decrease", mpf(worst), "<=", mpf(1)),
    ]

    def column(name: str, values: list[float]) -> Json:
        return draft.add(name, (len(values),), values)

    draft.document["witness"] = {
        "method": "shadow", "bits": 53, "steps": steps, "end": draft.add("end", (p,), end),
        "delta": column("delta", [0.0] * steps + [offset]), "growth": column("growth", [1.0] * steps),
        "rounding": column("rounding", [0.0] * steps), "lambda_lower": column("lower", lower),
        "loss_lower": column("below", [down(t["loss"]) for t in truths]),
        "loss_upper": column("above", [up(t["loss"]) for t in truths]), "handover": {**found.witness, "offset": flt(offset)},
    }  # fmt: skip
    draft.document |= {"constants": constants, "margins": found.margins, "steps": chain + found.steps}
    return draft


def contradiction() -> Draft:
    """REFUTED: equal inputs, different targets."""
    net = Net([[1.0, 2.0], [0.5, 0.25], [1.0, 2.0]], [[1.0], [0.0], [3.5]], [[0.5, 0.25]], None, loss="mean")
    draft = base(net, "ball", "zero_loss_unreachable", Fraction(1, 10))
    floor = mpf(2.5) ** 2 / 12
    draft.document |= {
        "verdict": "REFUTED", "constants": {"lambda0": ball(mpf(0)), "loss_floor": ball(floor)},
        "margins": {"loss floor": ball(floor)}, "witness": {"duplicate_pair": [0, 2]},
        "steps": [step("equal inputs, different targets", "zero_loss_unreachable", mpf(3.5), ">", mpf(1))],
    }  # fmt: skip
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
        X, [[0.0], [0.0]], [[round(2 * math.cos(t), 3), round(2 * math.sin(t), 3)] for t in turn], None,
        [round(math.cos(5 * t) + 0.3, 3) for t in turn], None, (2, 12), "tanh",
    )  # fmt: skip
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

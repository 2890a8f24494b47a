"""The looseness table: each certified ingredient beside the value observed in floating point."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch

from verify.certificates import Certificate
from verify.errors import InputError
from verify.experiments.adversary import AttackReport, TorchNetwork, attack

__all__ = ["LoosenessRow", "attacked_rate", "looseness_table"]


@dataclass(frozen=True)
class LoosenessRow:
    """One line: `certified` bounds the truth, `observed` is a floating-point estimate of it, `factor` ≥ 1 their gap."""

    quantity: str
    certified: float
    observed: float
    factor: float

    def as_dict(self) -> dict[str, Any]:
        """Return the row for JSON."""
        return asdict(self)


def attacked_rate(net: TorchNetwork, lr: float, steps: int) -> tuple[float, float]:
    """Run float64 gradient descent; return the geometric-mean factor of Φ per step and the largest drift from θ0."""
    theta = net.theta0.clone()
    first = last = float(net.loss(theta))
    count, drift = 0, 0.0
    for _ in range(steps):
        variable = theta.clone().requires_grad_(True)
        value = net.loss(variable)
        (gradient,) = torch.autograd.grad(value, variable)
        theta = theta - lr * gradient
        drift = max(drift, float((theta - net.theta0).norm()))
        now = float(net.loss(theta))
        # Below this the float residual is no longer accurate enough to show a rate.
        if not 1e-14 * first < now < float("inf"):
            break
        last, count = now, count + 1
    return ((last / first) ** (1.0 / count) if count and first > 0.0 else float("nan")), drift


def looseness_table(certificate: Certificate, *, seed: int = 0, steps: int = 40, starts: int = 3) -> list[LoosenessRow]:
    """Attack a PROVED ball certificate and compare its constants with what the attack and a float run observe.

    Raises:
        InputError: the certificate is no PROVED ball.
    """
    if certificate.scope != "ball" or certificate.verdict != "PROVED":
        raise InputError(
            f"scope={certificate.scope}, verdict={certificate.verdict}: the table compares PROVED ball certificates"
        )
    problem, c = certificate.problem, certificate.constants
    radius = float(c["radius"].mid)
    found: AttackReport = attack(problem, radius, seed=seed, steps=steps, starts=starts)
    net = TorchNetwork(problem)
    rate, drift = attacked_rate(net, float(problem.lr or 0), 200)
    below = [
        ("λ_min on the ball", float(c["lambda_region"].lower()), found.lambda_min),
        ("PL constant μ", float(c["mu"].lower()), found.pl_ratio),
    ]
    above = [
        ("smoothness β", float(c["smoothness"].upper()), found.curvature),
        ("L_H = sup‖D²F‖", float(c["L_H"].upper()), found.second_derivative),
        ("Δ_J = sup‖J − J0‖", float(c["Delta_J"].upper()), found.jacobian_drift),
        ("distance travelled", float(c["path_length"].upper()), drift),
    ]
    rows = [LoosenessRow(name, bound, seen, seen / bound if bound else float("inf")) for name, bound, seen in below]
    rows += [LoosenessRow(name, bound, seen, bound / seen if seen else float("inf")) for name, bound, seen in above]
    certified = float(c["rate"].upper())
    rows.append(LoosenessRow("factor of Φ per step", certified, rate, (1.0 - rate) / (1.0 - certified)))
    return rows

"""Claim jacobian_from_ntk: a positive NTK does not make the Jacobian-regularised loss PL."""

from __future__ import annotations

import sympy as sp

from proofs.claim import Claim, Counterexample, Fact


def _with_biases() -> list[Fact]:
    # F(x) = v(wx + b) + c, x = 1, y = 0; ∂F/∂x = vw. Along v = w = t, b = −t, c = 0 the residual is 0 and only ρ(vw)² is left.
    v, w, b, c = symbols = sp.symbols("v w b c", real=True)
    rho, t = sp.symbols("rho t", positive=True)
    F = v * (w + b) + c
    loss = (F**2 + rho * (v * w) ** 2) / 2
    curve = {v: t, w: t, b: -t, c: 0}
    ntk = sum(sp.diff(F, symbol) ** 2 for symbol in symbols)
    steep = sum(sp.diff(loss, symbol).subs(curve) ** 2 for symbol in symbols) / 2
    return [
        Fact("Θ − 1 is a sum of squares: λ_min(Θ) ≥ 1 everywhere", sp.expand(ntk - 1 - 2 * v**2 - (w + b) ** 2) == 0),
        Fact("inf Φ = 0, attained at 0", loss.subs(dict.fromkeys(symbols, 0)) == 0),
        Fact(
            "½‖∇Φ‖² = 2ρt²·Φ with Φ = ρt⁴/2 along the curve: the ratio falls to 0 as t does",
            sp.expand(loss.subs(curve) - rho * t**4 / 2) == 0 and sp.expand(steep - rho**2 * t**6) == 0,
        ),
    ]


CLAIM = Claim(
    id="jacobian_from_ntk",
    title="a positive NTK suffices for Jacobian-regularised training",
    statement="If λ_min(Θ) > 0 on a ball, the Jacobian-regularised loss satisfies ½‖∇Φ‖² ≥ μ(Φ − inf Φ) there for some μ > 0.",
    source="our formulation of a reading of arXiv:2312.03386",
    refutation=Counterexample(
        "F = v(wx + b) + c, x = 1, y = 0: λ_min(Θ) ≥ 1, inf Φ = 0, and no μ on any ball around 0", _with_biases
    ),
    repaired_by=("jacobian_regularised",),
    remarks="What is needed is the NTK of the stacked map (F, √ρ ∂F/∂x); here its ∂F/∂x vanishes with its gradient at v = w = 0.",
)

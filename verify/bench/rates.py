"""One-step factors: what our certificate proves inside a ball, PEPit's worst case over a function class, what a run shows.

PEPit's numbers hold for every L-smooth function with the Łojasiewicz inequality on the *whole* space (its interpolation
conditions are those of that class), up to the tolerance of a floating-point SDP solver. A network is neither globally smooth
nor globally PL, so inside a ball they bound nothing by themselves; our factor holds there, because staying inside is part of
what is proved. The comparison shows how far apart the two are at equal constants.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from proofs.evaluation import evaluate
from verify import datasets
from verify.bench.peers import Peer, load
from verify.bench.timing import Row, skip, values
from verify.decimals import below_one, bounds, plain
from verify.experiments.adversary import TorchNetwork
from verify.experiments.looseness import attacked_rate
from verify.nn import antisymmetric_two_layer
from verify.regions import certify

__all__ = ["run"]

_QUOTED = {"naive": "0.727273", "expensive": "0.683267"}
_CLASS_ONLY = "over all functions smooth and PL on the whole space; by itself valid in no ball"


def _pepit(kind: str) -> Callable[..., float]:
    module = importlib.import_module(
        f"PEPit.examples.nonconvex_optimization.gradient_descent_quadratic_lojasiewicz_{kind}"
    )
    function = getattr(module, f"wc_gradient_descent_quadratic_lojasiewicz_{kind}")
    return lambda L, mu, gamma: float(function(L=L, mu=mu, gamma=gamma, n=1, verbose=-1)[0])


def _pepit_rows(peer: Peer, name: str, ours: str, L: float, mu: float, gamma: float, quote: bool) -> list[Row]:
    rows = []
    for kind, quoted in _QUOTED.items():
        if peer.module is not None:
            worst = plain(_pepit(kind)(L, mu, gamma), 6)
            rows.append(
                values(name, ours, worst, peer=f"PEPit {kind}", version=peer.version, proof=False, note=_CLASS_ONLY)
            )
        elif quote:
            rows.append(
                values(name, ours, quoted, peer=f"PEPit {kind}", proof=False, note=f"quoted, not run; {_CLASS_ONLY}")
            )
        else:
            rows.append(skip(name, f"PEPit {kind}", peer.reason))
    return rows


def run(quick: bool = False) -> list[Row]:
    """Return value rows: at L = 1, μ = 1/5, step 1, and at the constants of a certified network."""
    peer = load("PEPit")
    half: Any = evaluate("descent_fraction", {"eta": Fraction(1), "beta": Fraction(1)})
    classical: Any = evaluate("rate_classical", {"eta": Fraction(1), "mu": Fraction(1, 5), "c": half})
    rows = _pepit_rows(
        peer, "factor at L=1 μ=0.2 step 1", f"{classical} (exact; classical form)", 1.0, 0.2, 1.0, quote=True
    )
    n, norm, width = (4, 8.0, 2**14) if quick else (10, 9.0, 2**14)
    X, y = datasets.sphere(n, n, norm)
    certificate = certify(antisymmetric_two_layer(n, width, seed=0), X, y, lr="1/500")
    if certificate.verdict != "PROVED":
        return [*rows, skip("factor of a certified network", "PEPit", f"no certificate: {certificate.reason}")]
    c, problem = certificate.constants, certificate.problem
    beta, mu, eta = float(bounds(c["smoothness"])[1]), float(bounds(c["mu"])[0]), float(Fraction(str(c["lr"])))
    ours = f"{below_one(float(bounds(c['rate'])[1]), 4)} (proved inside the ball)"
    name = f"factor at certified β={plain(beta, 3)} μ={plain(mu, 3)} η={plain(eta, 3)}"
    rows += _pepit_rows(peer, name, ours, beta, mu, eta, quote=False)
    net = TorchNetwork(problem)
    seen, _ = attacked_rate(net, eta, 20 if quick else 100)
    rows.append(
        values(name, ours, plain(seen, 6), peer="the float64 run itself", proof=False, note="observed, geometric mean")
    )
    return rows

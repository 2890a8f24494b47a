"""What scope `ball` gains beside L_H: ‖J‖ by the neuron budget from above, and λ by the last layer's features; both in the checker's own words."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import verify
from verify import datasets, nn
from verify.certificates import Certificate


@functools.cache
def _shallow() -> Certificate:
    X, y = datasets.sphere(3, 6, norm=6.0)
    return verify.certify(nn.antisymmetric_two_layer(6, 512, seed=0), X, 0.3 * y)


@functools.cache
def _deep() -> Certificate:
    X, y = datasets.sphere(3, 60, norm=23.0)
    draw = torch.Generator().manual_seed(0)
    layers: list[torch.nn.Module] = [nn.NTKLinear(60, 64, generator=draw), torch.nn.Tanh()]
    layers += [nn.NTKLinear(64, 64, generator=draw), torch.nn.Tanh(), nn.NTKLinear(64, 1, generator=draw)]
    model = torch.nn.Sequential(*layers).double()
    out = model(torch.tensor(X, dtype=torch.float64)).detach().numpy().ravel()
    return verify.certify(model, X, out + 0.03 * y)


def test_the_budget_from_above_makes_the_step_longer_than_the_triangle_inequality() -> None:
    certificate = _shallow()
    assert certificate.verdict == "PROVED", certificate.reason
    c = certificate.constants
    L, e0 = (float(c[name].upper()) for name in ("L_H", "residual0"))
    by_triangle = float((c["jacobian_norm0"] + c["Delta_J"]).upper()) ** 2 + e0 * L
    assert float(c["smoothness"].upper()) < 0.9 * by_triangle


def test_features_prove_a_deep_ball_where_the_norm_of_the_change_leaves_nothing() -> None:
    certificate = _deep()
    assert certificate.verdict == "PROVED", certificate.reason
    c = certificate.constants
    assert float(c["Delta_J"].upper()) ** 2 > float(c["lambda0"].upper())
    assert float(c["lambda_region"].lower()) > 0.1
    assert certificate.witness["features"] > 0.0


@pytest.mark.parametrize("made", [_shallow, _deep])
def test_the_checker_accepts_it(tmp_path: Path, made: functools._lru_cache_wrapper[Certificate]) -> None:
    found = verify.check(made().save(tmp_path / "ball.zip"))
    assert found.accepted, found.failures


def test_the_checker_refuses_less_than_the_bounds(tmp_path: Path) -> None:
    shallow, deep = _shallow(), _deep()
    [(weight, top)] = shallow.witness["above"]
    radii, lam = (np.asarray(deep.witness[name]) for name in ("radii", "lambda"))
    forgeries: dict[str, tuple[Certificate, dict[str, object]]] = {
        "smaller top": (shallow, {"above": [[weight, 0.999 * top]]}),
        "smaller weight, its top": (shallow, {"above": [[0.9 * weight, top]]}),
        "weight below every ω": (shallow, {"above": [[1e-6 * weight, top]]}),
        "no bound from above": (shallow, {"above": []}),
        "larger λ": (deep, {"lambda": 1.001 * lam}),
        "larger ball, its λ": (deep, {"radii": np.append(radii[:-1], 1.01 * radii[-1])}),
    }
    for name, (certificate, change) in forgeries.items():
        forged = replace(certificate, witness={**certificate.witness, **change})
        assert verify.check(forged.save(tmp_path / f"{name}.zip")).verdict == "REJECTED", name
    without = {key: value for key, value in deep.witness.items() if key != "features"}
    assert verify.check(replace(deep, witness=without).save(tmp_path / "without.zip")).verdict == "REJECTED"

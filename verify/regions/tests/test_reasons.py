"""INCONCLUSIVE reasons: true, about the case at hand, and their remedies work: each is tried here and PROVES."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify.certificates.certificate import Certificate
from verify.regions.scopes.handover import look_for_handover

X = np.array([[2.0, -1.0], [0.5, 3.0], [-1.0, 1.0]])
Y = np.array([1.0, -1.0, 1.0])
PLAIN = {"X": np.array([[1.0, 0.0], [0.0, 2.0]]), "y": np.array([1.0, 1.0])}
REPEATED = np.vstack([X, X[:1]])
NEAR = np.vstack([X, [[2.0 + 1e-12, -1.0]]])
ZERO = np.vstack([X, np.zeros((1, 2))])
STEEP = np.diag([1.0, 1e9])
MORE = np.random.default_rng(0).standard_normal((5, 2))


def net(hidden: int = 64, scale: float = 1.0) -> torch.nn.Module:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, 1)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    return model


def line() -> torch.nn.Module:
    model = torch.nn.Sequential(torch.nn.Linear(2, 1, bias=False)).double()
    torch.nn.init.zeros_(next(model.parameters()))
    return model


def almost(gap: float = 1e-3) -> np.ndarray:
    """Targets that the network nearly fits: a ball is certified."""
    with torch.no_grad():
        return np.asarray(net()(torch.tensor(X)).numpy()[:, 0] + gap)


def rectified(**given: Any) -> torch.nn.Module:
    """A network with kinks; a unit without a bias is at its kink where the input is 0."""
    torch.manual_seed(0)
    first, last = torch.nn.Linear(2, 64, **given), torch.nn.Linear(64, 1, **given)
    if first.bias is not None:
        torch.nn.init.zeros_(first.bias)
    return torch.nn.Sequential(first, torch.nn.ReLU(), last).double()


def certify(model: torch.nn.Module, X: Any = X, y: Any = Y, **options: Any) -> Certificate:
    return verify.certify(copy.deepcopy(model), X, y, **options)


def around(**options: Any) -> Certificate:
    """A region for every start in a small ball."""
    inputs, targets = verify.datasets.sphere(1, 3, norm=3.0)
    model = verify.nn.antisymmetric_two_layer(3, 24, seed=0)
    return verify.certify(model, inputs, targets, **{"scope": "region", "lr": "1/4", "start_radius": 1e-6, **options})


# name → (the case, what its reason says, what it must not say, the remedy).
CASES: dict[str, tuple[Callable[[], Certificate], str, str, Callable[[], Certificate]]] = {
    "radius too small": (
        lambda: certify(line(), **PLAIN, scope="ball", radius=1e-3),
        "radius=None searches",
        "width",
        lambda: certify(line(), **PLAIN, scope="ball"),
    ),
    "radius too large": (
        lambda: certify(net(), y=almost(), scope="ball", radius=1e3),
        "radius=None searches",
        "width",
        lambda: certify(net(), y=almost(), scope="ball"),
    ),
    "ball too small": (
        lambda: certify(net(), scope="ball"),
        "scope='basin'",
        "radius=",
        lambda: certify(net(), scope="basin"),
    ),
    **{
        f"{scope}: step too small": (
            partial(
                certify, line(), **PLAIN, scope=scope, lr=1e-18, **({} if scope in ("ball", "basin") else {"steps": 3})
            ),
            "Use a larger step; lr=None",
            "smaller",
            partial(certify, line(), **PLAIN, scope=scope),
        )
        for scope in ("ball", "run", "exact", "basin")
    },
    "ball: step too large": (
        lambda: certify(net(), y=almost(), scope="ball", lr=100),
        "Use a smaller lr, or lr=None",
        "larger",
        lambda: certify(net(), y=almost(), scope="ball"),
    ),
    "basin: step too large": (
        lambda: certify(net(), scope="basin", lr=100),
        "Use a smaller lr, or lr=None",
        "4L_H",
        lambda: certify(net(), scope="basin", lr=1e-3),
    ),
    "run: diverges": (
        lambda: certify(net(), scope="run", lr=100, steps=20),
        "Use a smaller lr, or lr=None",
        "larger",
        lambda: certify(net(), scope="run", steps=400),
    ),
    "exact: diverges": (
        lambda: certify(net(), scope="exact", lr=100, steps=20),
        "use a smaller lr, or lr=None",
        "raise",
        lambda: certify(net(), scope="exact"),
    ),
    "overflow": (
        lambda: certify(net(scale=1e200), scope="run", steps=3),
        "rescale the data or the weights",
        "lr=None",
        lambda: certify(net(), scope="run", steps=400),
    ),
    "more residuals than parameters": (
        lambda: certify(line(), MORE, np.ones(5), scope="point"),
        "Widen the network",
        "scope=",
        lambda: certify(net(), MORE, np.ones(5), scope="point"),
    ),
    "equal rows": (
        lambda: certify(net(), REPEATED, np.append(Y, Y[0]), scope="point"),
        "numpy.unique(X, axis=0, return_index=True)",
        "scope=",
        lambda: certify(
            net(),
            REPEATED[(keep := np.unique(REPEATED, axis=0, return_index=True)[1])],
            np.append(Y, Y[0])[keep],
            scope="point",
        ),
    ),
    **{
        f"{scope}: rows nearly equal": (
            partial(
                certify,
                net(),
                NEAR,
                np.append(Y, Y[0]),
                scope=scope,
                **({"steps": 2} if scope in ("run", "exact") else {}),
            ),
            "samples 0 and 3 are equal up to",
            "raise",
            partial(certify, net(), scope="point"),
        )
        for scope in ("point", "ball", "run", "exact")
    },
    "ball: data too far away": (
        lambda: certify(net(), y=almost(), scope="ball", data_radius=1.0),
        "a smaller data_radius",
        "scope='basin'",
        lambda: certify(net(), y=almost(), scope="ball", data_radius=1e-5),
    ),
    "exact: the loss rises": (
        lambda: certify(net(), scope="exact", lr="1/20"),
        "Use a smaller lr",
        "not certain",
        lambda: certify(net(), scope="exact", lr="1/100"),
    ),
    "run: steps ended": (
        lambda: certify(net(), scope="run", lr="1/50", steps=3),
        "go on with resume=",
        "smaller",
        lambda: certify(
            net(), scope="run", lr="1/50", resume=certify(net(), scope="run", lr="1/50", steps=3), steps=400
        ),
    ),
    "region of starts: steps ended": (
        lambda: around(steps=1),
        "Raise steps",
        "smaller",
        lambda: around(),
    ),
    "region of starts: step too large": (
        lambda: around(lr=3),
        "use a step below 0.74",
        "radius or",
        lambda: around(lr=0.7),
    ),
    "mini-batches, step too small": (
        lambda: certify(net(), scope="basin", lr=1e-20, descent=verify.SGD(batch_size=1)),
        "Use a larger step; lr=None",
        "Widen",
        lambda: certify(net(), scope="basin", descent=verify.SGD(batch_size=1)),
    ),
    "ball: a step that leaves no room": (
        lambda: certify(net(), y=almost(0.03), scope="ball", lr=0.039),
        "or lr=None, which certifies ≈ 0.02",
        "width",
        lambda: certify(net(), y=almost(0.03), scope="ball"),
    ),
    "ball: targets far away": (
        lambda: certify(net(), y=1e4 * Y, scope="ball"),
        "No width that can be had",
        "a width of",
        lambda: certify(net(), y=1e4 * Y, scope="basin"),
    ),
    "ball: equal rows, for data nearby": (
        lambda: certify(net(), REPEATED, np.append(Y, Y[0]), scope="ball", data_radius=1e-5),
        "numpy.unique(X, axis=0, return_index=True)",
        "smaller data_radius",
        lambda: certify(net(), y=almost(), scope="ball", data_radius=1e-5),
    ),
    **{
        f"{scope}: a step that turns back and forth": (
            partial(certify, line(), **PLAIN, scope=scope, lr="1/2", steps=3000),
            "se a smaller lr, or lr=None",
            "larger",
            partial(certify, line(), **PLAIN, scope=scope),
        )
        for scope in ("run", "exact")
    },
    "basin: a step that is too long with the smallest eigenvalue": (
        lambda: certify(line(), **PLAIN, scope="basin", lr="2/5"),
        "ηs(λ_min + λ_max) = 2 ",
        "determine",
        lambda: certify(line(), **PLAIN, scope="basin"),
    ),
    "region of starts: step too small": (
        lambda: around(lr=1e-18),
        "Use a larger step; lr=None",
        "smaller",
        lambda: around(lr=None),
    ),
    "region of starts: rows nearly equal": (
        lambda: certify(net(), NEAR, np.append(Y, Y[0]), scope="region", start_radius=1e-6),
        "samples 0 and 3 are equal up to",
        "smaller radius",
        lambda: certify(net(), scope="region", start_radius=1e-6),
    ),
    "exact: at a kink": (
        lambda: certify(rectified(), ZERO, np.append(Y, 0.3), scope="exact"),
        "scope='basin'",
        "1734 bits",
        lambda: certify(rectified(), ZERO, np.append(Y, 0.3), scope="basin"),
    ),
    "mini-batches: at a kink": (
        lambda: certify(rectified(), ZERO, np.append(Y, 0.3), scope="ball", descent=verify.SGD(batch_size=1)),
        "at its kink",
        "smaller step",
        lambda: certify(rectified(), ZERO, np.append(Y, 0.3), scope="basin", descent=verify.SGD(batch_size=1)),
    ),
    "mini-batches: a much smaller step does": (
        lambda: certify(net(), y=almost(0.03), scope="ball", descent=verify.SGD(batch_size=1)),
        "With lr=0.00029 the criterion holds here",
        "may do",
        lambda: certify(net(), y=almost(0.03), scope="ball", lr=0.00029, descent=verify.SGD(batch_size=1)),
    ),
    "draws with replacement: no step does": (
        lambda: certify(
            net(), y=almost(0.03), scope="ball", descent=verify.SGD(batch_size=1, order="with_replacement")
        ),
        "scope='basin'",
        "smaller step",
        lambda: certify(
            net(), y=almost(0.03), scope="basin", descent=verify.SGD(batch_size=1, order="with_replacement")
        ),
    ),
    "mini-batches: overflow": (
        lambda: certify(net(scale=1e200), scope="run", steps=3, descent=verify.SGD(batch_size=1)),
        "rescale the data or the weights",
        "lr",
        lambda: certify(net(), scope="run", steps=200, descent=verify.SGD(batch_size=1)),
    ),
    "all parameters zero": (
        lambda: certify(net(scale=0.0), scope="point"),
        "the same gradient at samples 0 and 1",
        "plane",
        lambda: certify(net(), scope="point"),
    ),
    "a sample of zeros without biases": (
        lambda: certify(rectified(bias=False), ZERO, np.append(Y, 0.3), scope="point"),
        "remove the sample, whose inputs are all 0",
        "initialise again",
        lambda: certify(rectified(bias=False), scope="point"),
    ),
    **{
        f"{scope}: columns of very different size": (
            partial(certify, line(), STEEP, np.ones(2), scope=scope),
            "the columns of X reach from 1 to 1e+09: standardise them",
            "rescale",
            partial(certify, line(), STEEP / STEEP.max(axis=0), np.ones(2), scope=scope),
        )
        for scope in ("point", "basin")
    },
    "close samples that ask for different outputs": (
        lambda: certify(net(), np.vstack([X, X[:1] + 1e-3]), np.append(Y, -Y[0]), scope="basin"),
        "their targets differ by 2. Remove one of them",
        "seconds",
        lambda: certify(net(), scope="basin"),
    ),
    "draws with replacement": (
        lambda: certify(net(), scope="ball", descent=verify.SGD(batch_size=1, order="with_replacement")),
        "scope='basin'",
        "rounds to 1",
        lambda: certify(net(), scope="basin", descent=verify.SGD(batch_size=1, order="with_replacement")),
    ),
    "mini-batches, step too large": (
        lambda: certify(net(), scope="basin", lr=100, descent=verify.SGD(batch_size=1)),
        "Use a smaller lr, or lr=None",
        "scope='basin'",
        lambda: certify(net(), scope="basin", descent=verify.SGD(batch_size=1)),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_reason_is_about_its_case_and_its_remedy_works(name: str) -> None:
    case, says, never, remedy = CASES[name]
    certificate = case()
    assert certificate.verdict == "INCONCLUSIVE"
    assert says in certificate.reason
    assert never not in certificate.reason
    assert remedy().verdict == "PROVED"


def test_where_no_forms_are_found_the_momentum_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Momentum 0.999, without its ten seconds of search: the step, and not the momentum, was blamed for a rate that rounds to 1."""
    monkeypatch.setattr("verify.regions.neighbourhood.momentum.powers", lambda *_: None)
    certificate = certify(line(), **PLAIN, scope="basin", descent=verify.SGD(momentum="999/1000"))
    assert certificate.verdict == "INCONCLUSIVE"
    assert "Use less momentum" in certificate.reason
    assert "step" not in certificate.reason
    monkeypatch.undo()
    assert certify(line(), **PLAIN, scope="basin", descent=verify.SGD(momentum="1/2")).verdict == "PROVED"


def test_a_basin_that_only_its_centre_enters_says_which_inequality_a_ball_of_starts_breaks() -> None:
    """Nearly equal samples: the criterion holds for the start c, but not for starts as far from it as the fits; λ(R) > 0 all the same."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3, 3)), np.linspace(-0.5, 0.5, 3)
    X[1], y[1] = X[0] + 0.01 * rng.normal(size=3), y[0] + 0.01
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.Tanh(), torch.nn.Linear(64, 1)).double()
    certificate = verify.certify(net, X, y, scope="basin", loss="mse", descent=verify.SGD(momentum=0.9))
    assert certificate.verdict == "INCONCLUSIVE"
    assert "path with momentum inside the ball" in certificate.reason
    assert "containment has 0." in certificate.reason
    assert float(certificate.constants["lambda_region"].lower()) > 0.0


def test_a_run_that_no_longer_moves_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ReLU network at ‖e‖ = 0 that no ball is certified about was looked at, and told to train on, at every step of its budget."""
    monkeypatch.setattr(
        "verify.regions.scopes.recording.look_for_handover",
        lambda *a, **b: replace(look_for_handover(*a, **b), handover=None),
    )
    for scope in ("run", "exact"):
        certificate = certify(line(), **PLAIN, scope=scope, lr="1/4", steps=2000)
        assert "step no longer moves" in certificate.reason or "the run no longer moves" in certificate.reason
        assert "scope='basin'" in certificate.reason
        assert "larger" not in certificate.reason


@pytest.mark.parametrize(
    ("lr", "named"),
    [
        ("1/3", "step 1/3 on"),
        ("1/4", "step 0.25 on"),
        (0.1, "step 0.1 on"),
        ("10001/30011", "step 10001/30011 on"),
        ("100000001/300000001", "step ≈ 0.333333 on"),
        (float(np.nextafter(0.1, 1.0)), "step ≈ 0.1 on"),
    ],
)
def test_a_sentence_names_the_step_that_is_proved_or_says_that_it_is_near(lr: Any, named: str) -> None:
    """Six digits of another step were written as the step of a theorem."""
    certificate = verify.certify(line(), PLAIN["X"], PLAIN["y"], scope="ball", lr=lr)
    assert certificate.verdict == "PROVED"
    assert named in certificate.reason


def test_so_is_momentum() -> None:
    assert "β = 1/3 (" in verify.SGD(momentum="1/3").describe()
    assert "β = 0.9 (" in verify.SGD(momentum=0.9).describe()

"""Random graphs under Hypothesis, and twins that must be refuted: bounds and kernels in which one term is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from property_tests.graphs import GraphDraw, build, check, graph_draws
from property_tests.profiles import for_weight
from property_tests.tally import TALLY
from verify.arrays.upper import Upper
from verify.networks.layers import Activated, AveragePool, GroupNorm, Linear, MaxPool, Sum
from verify.networks.layers.kinks import Kinks
from verify.networks.layers.values import SensitivityChange, ValueChange


def test_no_point_of_a_ball_moves_the_jacobian_further_than_its_bound(profile: str) -> None:
    def body(draw: GraphDraw) -> None:
        TALLY.checked("graph", {name: 1.0 - ratio for name, ratio in check(draw).items()}, draw)

    for_weight(profile, 1.5)(given(graph_draws())(body))()


@pytest.mark.parametrize("seed", range(6))
def test_every_list_of_wishes_makes_a_network(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kinds: set[str] = set()
    for _ in range(40):
        wishes = tuple(tuple(int(v) for v in rng.integers(0, 11, 4)) for _ in range(7))
        network, X = build(GraphDraw(int(rng.integers(2**16)), bool(rng.integers(2)), bool(rng.integers(2)), wishes))  # type: ignore[arg-type]
        assert X.shape[1:] == network.input_shape
        kinds |= {layer.kind for layer in network.layers}
    assert kinds == {
        "linear",
        "convolution",
        "activation",
        "sum",
        "scale",
        "flatten",
        "average_pool",
        "max_pool",
        "batch_norm",
        "group_norm",
    }


def _first_summand(self: Any, norms: Any, r: Upper, *below: ValueChange) -> ValueChange:
    return below[0]


def _unbent(honest: Callable[..., Any]) -> Callable[..., Any]:
    def norms(self: Any, *arguments: Any) -> Any:
        return replace(honest(self, *arguments), bend=Upper(0.0))

    return norms


def _no_jump(self: Any, reach: Upper) -> Upper:
    return Upper(np.zeros(reach.shape))


def _unscaled_bias(self: Any, scaled: Any) -> Any:
    trained = self.trained
    return scaled.with_column(1.0) if {"weight", "bias"} <= trained.keys() else scaled


def _no_weights_change(self: Any, norms: Any, r: Upper, below: Any, above: SensitivityChange) -> Any:
    return (above.times(norms.weight),)


def _never_anew(honest: Callable[..., Any]) -> Callable[..., Any]:
    def norms(self: Any, *arguments: Any) -> Any:
        found = honest(self, *arguments)
        return replace(found, kinks=replace(found.kinks, jumps=0.0 * found.kinks.jumps))

    return norms


def _windows_apart(honest: Callable[..., Any]) -> Callable[..., Any]:
    def norms(self: Any, *arguments: Any) -> Any:
        return replace(honest(self, *arguments), overlap=Upper(1.0))

    return norms


def _one_fewer(honest: Callable[..., Upper]) -> Callable[..., Upper]:
    return lambda self, size, spread: honest(self, size - 1, spread)


def _kept_spread(self: Any, norms: Any, *rest: Any) -> Any:
    return norms


TWINS: dict[str, tuple[type, str, Any]] = {
    "a window never chooses anew": (MaxPool, "norms", _never_anew(MaxPool.norms)),
    "an entry is read by one window": (MaxPool, "norms", _windows_apart(MaxPool.norms)),
    "a summand forgotten": (Sum, "moved", _first_summand),
    "an activation does not bend": (Activated, "norms", _unbent(Activated.norms)),
    "no unit flips": (Kinks, "largest_jump", _no_jump),
    "a bias counts once whatever its scale": (Linear, "data_operator", _unscaled_bias),
    "the change of weights does not reach back": (Linear, "pulled", _no_weights_change),
    "means counted as single entries": (AveragePool, "factors", lambda self, below: (Upper(0.3),)),
    "a group norm does not bend": (GroupNorm, "bend", lambda self, size, slope: Upper(0.0) * slope),
    "variance with m − 1": (GroupNorm, "slope", _one_fewer(GroupNorm.slope)),
    "a group norm is as steep as at the centre": (GroupNorm, "supremum", _kept_spread),
}


# Found by drawing; a bound may fall for many others.
WITNESSES: dict[str, GraphDraw] = {
    "a window never chooses anew": GraphDraw(97227738, True, False, ((9, 0, 0, 1), (1, 7, 9, 2))),
    "an entry is read by one window": GraphDraw(1927747984, True, True, ((9, 0, 10, 1),)),
    "a summand forgotten": GraphDraw(697504078, False, True, ((0, 7, 1, 10), (4, 3, 7, 1))),
    "an activation does not bend": GraphDraw(
        24616, False, True, ((0, 6, 1, 9), (8, 11, 7, 10), (3, 1, 6, 5), (5, 11, 3, 10))
    ),
    "no unit flips": GraphDraw(661871870, True, False, ((7, 11, 1, 10), (8, 7, 2, 7), (2, 4, 7, 1))),
    "a bias counts once whatever its scale": GraphDraw(317668847, False, True, ((1, 9, 5, 7), (5, 8, 0, 5))),
    "the change of weights does not reach back": GraphDraw(317668847, False, True, ((1, 9, 5, 7), (5, 8, 0, 5))),
    "means counted as single entries": GraphDraw(1192000987, True, True, ((7, 2, 5, 11), (5, 3, 0, 3))),
    "a group norm does not bend": GraphDraw(644602188, False, True, ((10, 10, 2, 0),)),
    "variance with m − 1": GraphDraw(1969602795, False, True, ((10, 11, 5, 9),)),
    "a group norm is as steep as at the centre": GraphDraw(1634148129, False, True, ((10, 10, 10, 1),)),
}


@pytest.mark.parametrize("name", TWINS)
def test_a_bound_without_a_term_is_refuted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target, attribute, mutant = TWINS[name]
    check(WITNESSES[name])
    monkeypatch.setattr(target, attribute, mutant)
    with pytest.raises(AssertionError):
        check(WITNESSES[name])

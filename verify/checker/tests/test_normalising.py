"""Group norms in the checker: bounds that are attained and false without a term; certificates of twins are rejected."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import pytest
from flint import arb, arb_mat, ctx

from verify.checker import check
from verify.checker.movement import Movement
from verify.checker.network import Point
from verify.checker.normalising import Deviations, GroupNorm
from verify.checker.pooling import Equal
from verify.checker.problem import Problem
from verify.checker.reading import Array, Malformed
from verify.checker.tests.graph_drafts import draft
from verify.checker.tests.graphs import Builder, Document


def _line(t: float, eps: float, head: tuple[float, ...] = (0.5**0.5, -(0.5**0.5))) -> Document:
    """⟨head, N(z)⟩ of the weights themselves, z = (t, −t, 0, …)/√2: along that line √m·t/√(t² + m·eps)."""
    m = len(head)
    b = Builder((1,), 0)
    b.linear(b.group_norm(b.linear(-1, m, bias=False), 1, eps), 1, bias=False, frozen=("weight",))
    document = b.document(1)
    document["data"]["X"] = Array((1, 1), array("d", [1.0]))
    z = [t / 2.0**0.5, -t / 2.0**0.5, *[0.0] * (m - 2)]
    document["network"]["layers"][0]["weight"] = Array((m, 1), array("d", z))
    document["network"]["layers"][2]["weight"] = Array((1, m), array("d", head))
    return document


def _movement(document: Document) -> Movement:
    problem = Problem(document)
    return Movement(Point(problem, problem.parameters()))


def test_the_bend_is_attained_and_false_with_the_largest_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """At t² = eps, √2·t/√(t² + 2eps) bends by (2/√3)√2/(3eps), the claim's bound."""
    document, truth = _line(0.125, 2.0**-6), (2 / 3**0.5) * 2.0**0.5 / (3.0 * 2.0**-6)
    with ctx.workprec(128):
        assert abs(float(_movement(document).curvature(arb(0))) - truth) < 1e-12 * truth
        columns = [arb(0.5).sqrt()]
        monkeypatch.setattr("verify.checker.movement.block_norms", lambda matrix, k: columns * matrix.nrows())
        assert float(_movement(document).curvature(arb(0))) < 0.8 * truth


def test_the_slope_is_attained_across_what_is_divided() -> None:
    """Three entries: a move across Pz, (1, 1, −2)/√6, moves the value by √3/(t² + 3eps)^½ times as much."""
    with ctx.workprec(128):
        bounds = _movement(_line(1.0, 2.0**-10, (1.0, 1.0, -2.0)))
        [_, x, _] = bounds._forward(bounds.rules, arb(0))
        truth = (3.0 / (1.0 + 3.0 * 2.0**-10)) ** 0.5
        assert abs(float(x.rows[0, 0]) - truth) < 1e-12


def _kept(self: Deviations, r: Any, x: list[Any]) -> list[Any]:
    return self.least


def _no_bend(self: Deviations, r: Any, x: list[Any], above: Any) -> list[Any]:
    return _BACKWARD(self._replace(blocks=[arb(0)] * len(self.blocks)), r, x, above)


def _one_fewer(self: GroupNorm, h: Any) -> list[Any]:
    # As if the variance had m − 1: larger.
    factor = (arb(self.members) / (self.members - 1)).sqrt()
    return [d * factor for d in _DEVIATIONS(self, h)]


_BACKWARD, _DEVIATIONS = Deviations.backward, GroupNorm.deviations
TWINS: dict[str, tuple[type, str, Any]] = {
    "the spread of the centre on the whole ball": (Deviations, "_left", _kept),
    "the norm does not bend": (Deviations, "backward", _no_bend),
    "variance with m − 1": (GroupNorm, "deviations", _one_fewer),
}


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_makes_a_bound_false(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Observed: from t = 3√eps to 0 the slope grows to 1/√eps; at t² = eps the second derivative."""
    eps = 2.0**-12
    far, near = _line(3.0 * eps**0.5, eps), _line(eps**0.5, eps)
    change, turn = eps**-0.5 * (1.0 - (2.0 / 11.0) ** 1.5), (2 / 3**0.5) * 2.0**0.5 / (3.0 * eps)

    def holds() -> bool:
        with ctx.workprec(128):
            moved = float(_movement(far).jacobian(arb(3.0 * eps**0.5)).upper())
            bent = float(_movement(near).curvature(arb(0)).upper())
            return bool(change <= moved and turn * (1.0 - 1e-12) <= bent)

    assert holds()
    owner, attribute, twin = TWINS[name]
    monkeypatch.setattr(owner, attribute, twin)
    assert not holds()


def test_where_the_variance_may_vanish_the_bound_is_that_of_eps() -> None:
    with ctx.workprec(128):
        bounds = _movement(_line(0.5, 2.0**-12))
        [rule] = [rule for rule in bounds.rules if isinstance(rule, Deviations)]
        moved = bounds._forward(bounds.rules, arb(7))
        assert [float(s) for s in rule._slopes(arb(7), [moved[0]])] == [64.0]
        assert bounds.curvature(arb(7)).is_finite()


def test_entries_of_two_groups_are_two_functions() -> None:
    def layer(centred: bool) -> GroupNorm:
        return GroupNorm("group_norm", (-1,), (4,), "", 2, 1e-3, centred)

    assert list(layer(True).numbers(array("q", [1, 1, 1, 0]))) == [1, 1, 2, 3]
    assert list(layer(False).numbers(array("q", [1, 1, 1, 0]))) == [1, 1, 2, 0]
    equal = Equal([layer(True)], {0: arb_mat(1, 4)}, [])
    equal.value[-1] = arb_mat([[2, 2, 2, 2]])
    [numbers] = equal.of(0)
    assert numbers[0] == numbers[1] != numbers[2] == numbers[3]


def _network(**changes: Any) -> Document:
    """A map and a vector, each normalised; what is changed is changed of the map's."""
    b = Builder((1, 3, 3), 4)
    v = b.group_norm(b.convolution(-1, 4, (2, 2)), 2)
    b.layers[v].update(changes)
    v = b.flatten(b.activation(b.batch_norm(v), "tanh"))
    b.linear(b.group_norm(v, 1, 0.5, centred=False), 1)
    return b.document(2)


@pytest.mark.parametrize("change", [{"groups": 1}, {"groups": 4}, {"centred": False}, {"eps": 1e-3 + 2.0**-40}])
def test_what_is_true_of_another_norm_is_rejected(change: dict[str, Any], tmp_path: Path) -> None:
    assert check(draft(_network(), _network(**change)).save(tmp_path / "c.zip")).verdict == "REJECTED"
    assert check(draft(_network(**change)).save(tmp_path / "c.zip")).accepted


def test_what_is_stated_says_groups_eps_and_whether_a_mean_is_taken_off(tmp_path: Path) -> None:
    found = check(draft(_network(eps=0.125)).save(tmp_path / "c.zip"))
    assert found.accepted, found.failures
    for part in ("group_norm(h_1) [2 groups, eps = 1/8]", "group_norm(h_5) [1 group, eps = 1/2, no mean taken off]"):
        assert part in found.claims[0], found.claims[0]


def _unprojected(self: GroupNorm, local: Any, g: Any, k: int) -> list[Any]:
    rows, inverses = local
    return _PULLBACK(self, ([[arb(0)] * len(row) for row in rows], inverses), g, k)


def _uncentred(self: GroupNorm, local: Any, g: Any, k: int) -> list[Any]:
    return _PULLBACK(GroupNorm("", (), self.shape, "", self.groups, self.eps, False), local, g, k)


_PULLBACK = GroupNorm.pullback


@pytest.mark.parametrize("twin", [_unprojected, _uncentred])
def test_a_checker_that_forgets_a_projection_rejects_what_is_true(
    twin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draft(_network()).save(tmp_path / "c.zip")
    assert check(path).accepted
    monkeypatch.setattr(GroupNorm, "pullback", twin)
    assert check(path).verdict == "REJECTED"


@pytest.mark.parametrize(
    "change",
    [
        {"groups": 3},
        {"groups": 0},
        {"groups": 2.0},
        {"groups": True},
        {"eps": 0.0},
        {"eps": -1.0},
        {"eps": float("inf")},
        {"eps": 1},
        {"centred": 1},
        {"centred": None},
        {"inputs": [0, 0]},
        {"weight": None},
    ],
)
def test_what_is_no_norm_is_refused(change: dict[str, Any]) -> None:
    assert Problem(_network()).n == 2
    with pytest.raises(Malformed):
        Problem(_network(**change))


def test_a_weight_may_stand_without_a_bias_but_no_bias_without_a_weight() -> None:
    document = _network()
    document["network"]["layers"][2]["bias"] = None
    assert Problem(document).n == 2
    document = _network()
    document["network"]["layers"][2]["weight"] = None
    with pytest.raises(Malformed, match="weight beside its bias"):
        Problem(document)

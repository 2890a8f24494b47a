"""Every kind of layer against the definition: values, NTK and gradient of random graphs; certificates of format 2, and their twins."""

from __future__ import annotations

import copy
from array import array
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from flint import arb, ctx

from verify.checker import check
from verify.checker.layers import Trained
from verify.checker.network import Point
from verify.checker.problem import Problem
from verify.checker.reading import Array, Malformed
from verify.checker.tests.graph_drafts import draft
from verify.checker.tests.graphs import Builder, Document, chosen, jacobian, outputs


def _near(found: Any, truth: Any) -> bool:
    return bool(abs(found - truth) <= arb(2) ** -80 * (1 + abs(truth)) and found.rad() < 2.0**-70)


@pytest.mark.parametrize("seed", range(23))
def test_values_and_ntk_are_those_of_the_definition(seed: int) -> None:
    document = chosen(seed, maxima=16 <= seed < 20, divided=seed >= 20)
    problem = Problem(document)
    with ctx.workprec(400):
        F = outputs(document, [arb(t) for t in problem.start])
        columns = jacobian(document, problem.start)
    with ctx.workprec(128):
        here = Point(problem, problem.parameters())
        e = [f - y for f, y in zip(F, document["data"]["y"].data, strict=True)]
        assert all(_near(a, b) for a, b in zip(here.residual.entries(), e, strict=True))
        kernel, N = here.kernel(), len(e)
        for i in range(N):
            for j in range(N):
                assert _near(kernel[i, j], sum((c[i] * c[j] for c in columns), arb(0))), (seed, i, j)
        flat: list[Any] = []
        for layer, part in zip(problem.layers, here.gradient(), strict=True):
            if isinstance(layer, Trained):
                weight, bias = layer.moving
                flat += [x for row in part.tolist() for x in row[: layer.taps]] if weight else []
                flat += [row[-1] for row in part.tolist()] if bias else []
        assert all(
            _near(a, sum((x * y for x, y in zip(e, c, strict=True)), arb(0)))
            for a, c in zip(flat, columns, strict=True)
        )


def _all_kinds() -> Document:
    """A residual network that holds every kind, and in which every altered index below alters the function."""
    b = Builder((2, 4, 4), 7)
    stem = b.activation(b.batch_norm(b.convolution(-1, 4, (1, 1), stride=(2, 2), groups=2)), "tanh")
    inner = b.convolution(stem, 4, (3, 3), padding=(1, 1), groups=2, bias=False)
    inner = b.batch_norm(inner, frozen=("weight",))
    joined = b.activation(b.sum(inner, stem), "silu")
    pooled = b.pool(joined, (2, 2), stride=(1, 1), padding=(1, 1), counted=False)
    b.linear(b.scale(b.flatten(b.batch_norm(pooled, affine=False)), 0.75), 1, square=3, scales=(1.25, 0.3125))
    return b.document(2)


def test_a_certificate_of_every_kind_is_accepted_and_says_what_the_network_is(tmp_path: Path) -> None:
    found = check(draft(_all_kinds()).save(tmp_path / "c.zip"))
    assert found.accepted, found.failures
    [claim] = found.claims
    for part in (
        "h_0 = x ∈ ℝ^(2×4×4)",
        "h_1 = W_1 ∗ h_0 + b_1 [1×1 kernel, stride 2×2, zero padding 0×0, 2 groups] ∈ ℝ^(4×2×2)",
        "h_5 = W_5 (h_4 − mean)/√(variance + eps) + b_5 [weight fixed] ∈ ℝ^(4×2×2)",
        "h_6 = h_5 + h_3 ∈ ℝ^(4×2×2)",
        "average_pool(h_7) [2×2 windows, stride 1×1, zero padding 1×1 not counted]",
        "[times 3/4]",
        "W_12 h_11/√(48/25) + 5/16·b_12",
        "129 of 133 parameters trained, the others fixed",
    ):
        assert part in claim, claim


def _put(path: list[Any], value: Any) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        node: Any = document["network"]["layers"]
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = value

    return change


def _regrouped(document: Document) -> None:
    """The second group's channels before the first's: the boundary of the groups elsewhere."""
    weight = document["network"]["layers"][3]["weight"]
    half = len(weight.data) // 2
    document["network"]["layers"][3]["weight"] = Array(weight.shape, weight.data[half:] + weight.data[:half])


TWINS: dict[str, Callable[[Document], None]] = {
    "stride off by one": _put([0, "stride"], [3, 3]),
    "padding counted": _put([7, "count_include_pad"], True),
    "skip forgotten": _put([5, "inputs"], [4, 4]),
    "skip twice": _put([5, "inputs"], [4, 2, 2]),
    "skip before the activation": _put([5, "inputs"], [4, 1]),
    "group boundary": _regrouped,
    "another slope": _put([2, "function"], "gelu"),
    "frozen forgotten": _put([4, "frozen"], []),
    "statistics without eps": _put([1, "eps"], 0.0),
    "scale forgotten": _put([11, "inverse_square_scale"], 1),
    "weight scale forgotten": _put([11, "weight_scale"], 1.0),
    "bias scale forgotten": _put([11, "bias_scale"], 1.0),
    "another factor": _put([10, "factor"], 0.75 + 2.0**-52),
}


@pytest.mark.parametrize("name", TWINS)
def test_what_is_true_of_a_twin_is_rejected(tmp_path: Path, name: str) -> None:
    """An engine that went wrong in one place certifies another function; the checker unrolls the stored one."""
    twin = copy.deepcopy(_all_kinds())
    TWINS[name](twin)
    document = _all_kinds()
    assert check(draft(document, twin).save(tmp_path / "c.zip")).verdict == "REJECTED"
    # The twin's own certificate is a true one.
    assert check(draft(twin).save(tmp_path / "c.zip")).accepted


def test_a_weight_at_two_positions_is_one_parameter(tmp_path: Path) -> None:
    """F = 2·w·5 + 3·w·(−1) with frozen readout: the NTK is 49; one weight per position would have 109, flattened maps 338."""
    b = Builder((1, 1, 2), 0)
    b.convolution(-1, 1, (1, 1), bias=False)
    b.linear(b.flatten(0), 1, bias=False, frozen=("weight",))
    document = b.document(1)
    document["data"]["X"] = Array((1, 1, 1, 2), array("d", [5.0, -1.0]))
    document["network"]["layers"][2]["weight"] = Array((1, 2), array("d", [2.0, 3.0]))
    true = draft(document)
    stated = float.fromhex(true.document["witness"]["lambda0_lower"]["$float"])
    assert 48.9 < stated <= 49.0
    path = tmp_path / "c.zip"
    true.document |= {
        "constants": {"lambda0": {"$ball": [(49.0).hex(), (1e-9).hex()]}, "mu": {"$ball": [(49.0).hex(), (1.0).hex()]}},
        "steps": [],
    }
    for value, verdict in ((48.0, "ACCEPTED"), (49.5, "REJECTED"), (109.0, "REJECTED"), (338.0, "REJECTED")):
        true.document["witness"]["lambda0_lower"] = {"$float": value.hex()}
        assert check(true.save(path)).verdict == verdict


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ([0, "kind"], "conv"), ([0, "kind"], ["convolution"]), ([0, "inputs"], []), ([0, "inputs"], [0]), ([0, "inputs"], [-2]), ([0, "inputs"], [True]),
        ([0, "inputs"], [-1, -1]), ([0, "stride"], [0, 1]), ([0, "stride"], [1]), ([0, "stride"], [1.0, 1]), ([0, "padding"], [-1, 0]), ([0, "groups"], 4),
        ([0, "groups"], 3), ([0, "groups"], 0), ([0, "dilation"], [0, 1]), ([0, "frozen"], ["bias", "bias"]), ([0, "frozen"], ["kernel"]),
        ([0, "inverse_square_scale"], 0), ([0, "extra"], 1), ([3, "frozen"], ["bias"]), ([1, "eps"], -1.0), ([1, "eps"], float("inf")), ([1, "weight"], None),
        ([5, "inputs"], [4]), ([5, "inputs"], [4, -1]), ([6, "function"], "hardswish"), ([7, "kernel"], [3, 3]), ([7, "kernel"], [9, 9]),
        ([7, "padding"], [2, 2]), ([7, "count_include_pad"], 1), ([10, "factor"], 0.0), ([10, "factor"], 1),
        ([11, "weight_scale"], 0.0), ([11, "bias_scale"], -1.0), ([11, "weight_scale"], 1), ([11, "bias_scale"], float("inf")), ([11, "inputs"], [7]),
        ([0, "weight"], Array((4, 1, 1), array("d", [1.0] * 4))), ([0, "bias"], Array((3,), array("d", [1.0] * 3))),
    ],
)  # fmt: skip
def test_what_is_no_graph_is_refused(path: list[Any], value: Any) -> None:
    document = _all_kinds()
    assert Problem(document).n == 2
    _put(path, value)(document)
    with pytest.raises(Malformed):
        Problem(document)


def test_the_network_must_end_where_the_targets_begin_and_something_must_move() -> None:
    document = _all_kinds()
    document["network"]["input_shape"] = [2, 16]
    with pytest.raises(Malformed, match="input's shape"):
        Problem(document)
    document["network"]["input_shape"] = [2, 8, 2]
    with pytest.raises(Malformed, match="do not fit together"):
        Problem(document)
    document = _all_kinds()
    document["network"]["layers"].insert(1, {"kind": "activation", "inputs": [0], "function": "tanh", "parameters": {}})
    for layer in document["network"]["layers"][2:]:
        layer["inputs"] = [u + 1 if u >= 1 else u for u in layer["inputs"]]
    with pytest.raises(Malformed, match="leads nowhere"):
        Problem(document)
    b = Builder((2,), 0)
    b.linear(-1, 1, frozen=("weight", "bias"))
    with pytest.raises(Malformed, match="no parameter moves"):
        Problem(b.document(1))


def test_formats_do_not_mix(tmp_path: Path) -> None:
    for version in (1, 3, True):
        forged = draft(_all_kinds())
        forged.document["version"] = version
        assert "format version" in check(forged.save(tmp_path / "c.zip")).failures[-1]


def test_a_chain_is_the_same_in_either_format() -> None:
    from verify.checker.movement import curvature

    b = Builder((3,), 5)
    v = b.activation(b.linear(-1, 4, bias=True), "silu")
    b.linear(b.activation(b.linear(v, 3, bias=False, square=4), "tanh"), 2)
    new = b.document(3, lr=Fraction(1, 7))
    rows = new["network"]["layers"]
    pairs = [
        {
            **{key: row[key] for key in ("weight", "bias", "inverse_square_scale")},
            "activation": {"name": name, "parameters": {}},
        }
        for row, name in ((rows[0], "silu"), (rows[2], "tanh"), (rows[4], "identity"))
    ]
    old = {**new, "network": {"layers": pairs}}
    with ctx.workprec(128):
        for r in (0.0, 0.5):
            bounds = []
            for document in (old, new):
                problem = Problem(document)
                bounds.append(curvature(Point(problem, problem.parameters()))(arb(r)))
            assert bounds[0].str(30) == bounds[1].str(30)

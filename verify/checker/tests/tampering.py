"""Every way in which these tests alter a certificate so that it claims something it no longer implies."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from verify.checker.tests.mp_network import Json, flt, rational
from verify.checker.tests.sealing import Draft

# Witness numbers of which only one direction is a lie: +1, larger is favourable, -1, smaller; all others are exact.
_DIRECTION = {"curvature": -1, "delta_j": -1, "lambda": 1, "intercept": 1, "weight": -1, "low": 1, "high": -1}
_ARRAY_DIRECTION = {"lower": 1, "below": 1, "above": -1}
_FREE = {"arrays/growth.npy", "arrays/rounding.npy", "arrays/delta.npy"}
_PAIRS = {"loss", "residual", "lambda_min", "lambda_max", "gradient_norm", "pl_ratio", "drift", "next_loss"}


def variants(x: float) -> list[tuple[str, float]]:
    """One ulp, 0.1 %, twofold, both ways, and the sign."""
    if x == 0.0:
        return [("+ulp", 5e-324), ("-ulp", -5e-324), ("+1", 1.0)]
    ulp = [("+ulp", math.nextafter(x, math.inf)), ("-ulp", math.nextafter(x, -math.inf))]
    return [*ulp, ("+0.1%", x * 1.001), ("-0.1%", x / 1.001), ("x2", x * 2), ("/2", x / 2), ("sign", -x)]


def _rationals(value: Fraction) -> list[Fraction]:
    return [value * f for f in (Fraction(1001, 1000), Fraction(999, 1000), 2, Fraction(1, 2), -1)] + [Fraction(0)]


def _kind(path: tuple[Any, ...]) -> str:
    """The name that decides which direction is a lie."""
    if "parabolas" in path:
        return ("weight", "intercept")[path[-1]]
    if len(path) > 1 and path[-2] in _PAIRS and isinstance(path[-1], int):
        return ("low", "high")[path[-1]]
    return str(path[-2] if isinstance(path[-1], int) else path[-1])


def _leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(node, dict) and not any(key.startswith("$") for key in node):
        for key, item in node.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from _leaves(item, (*path, index))
    else:
        yield path, node


def _put(draft: Draft, path: tuple[Any, ...], value: Any) -> Draft:
    changed = draft.copy()
    node: Any = changed.document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return changed


def _last_row(draft: Draft, path: tuple[Any, ...]) -> bool:
    """Whether a table entry is in the row that the constants are about."""
    node: Any = draft.document
    for key in path[:-1]:
        node = node[key]
    return bool(path[-1] == len(node) - 1)


def _centre(draft: Draft) -> Json:
    witness: Json = draft.document["witness"]
    centre: Json = witness.get("handover", witness)
    return centre


def numbers(draft: Draft) -> Iterator[tuple[str, Draft]]:
    """Alter each number of the document that is a claim, in each way that makes it false."""
    for group in ("constants", "margins", "steps", "witness"):
        for tail, leaf in _leaves(draft.document[group], (group,)):
            label, kind = "/".join(map(str, tail)), _kind(tail)
            if "stability_radius" in label:
                radius = float.fromhex(leaf["$ball"][0])
                if radius > float.fromhex(_centre(draft)["radii"][-1]["$float"]):  # beyond the table: tight
                    for name, value in variants(radius):
                        if value > radius:
                            yield f"{label} {name}", _put(draft, tail, {"$ball": [value.hex(), leaf["$ball"][1]]})
                continue
            one_sided = kind == "left" and "decrease at every" in draft.document["steps"][tail[1]]["name"]
            if isinstance(leaf, dict) and "$ball" in leaf:
                mid, rad = map(float.fromhex, leaf["$ball"])
                for name, value in variants(mid):
                    if one_sided and value > mid and value + rad <= 1.0:
                        continue  # a weaker upper bound
                    yield f"{label} {name}", _put(draft, tail, {"$ball": [value.hex(), rad.hex()]})
                if rad > 0.0 and not one_sided:
                    yield f"{label} narrower", _put(draft, tail, {"$ball": [mid.hex(), math.nextafter(rad, 0.0).hex()]})
            elif isinstance(leaf, dict) and "$float" in leaf:
                old = float.fromhex(leaf["$float"])
                direction = _DIRECTION.get(kind, 0)
                if kind in ("curvature", "delta_j", "lambda") and _last_row(draft, tail):
                    direction = 0
                if kind == "radii" and not _last_row(draft, tail):
                    continue
                for name, value in variants(old):
                    # An ulp of a parabola's weight may move its intercept by less than the rounding of the latter.
                    if (direction == 0 or (value - old) * direction > 0) and not (kind == "weight" and "ulp" in name):
                        yield f"{label} {name}", _put(draft, tail, flt(value))
            elif isinstance(leaf, dict) and "$rational" in leaf:
                for new in _rationals(Fraction(*map(int, leaf["$rational"]))):
                    yield f"{label} = {new}", _put(draft, tail, rational(new))
            elif type(leaf) is int and kind != "bits":
                for shifted in (leaf + 1, leaf - 1, leaf + 7):
                    yield f"{label} = {shifted}", _put(draft, tail, shifted)


def bare(draft: Draft) -> Iterator[tuple[str, Draft]]:
    """The same lies of the witness with constants, margins and steps left out: nothing else can give them away."""
    stripped = draft.copy()
    stripped.document |= {"constants": {}, "margins": {}, "steps": []}
    for label, changed in numbers(stripped):
        if not any(name in label for name in ("_lower", "_upper", "radii")) or "+ulp" in label or "-ulp" in label:
            # A weaker bound, or another R, is no lie once no constant depends on it.
            kind = label.split(" ")[0].split("/")[-1]
            path = label.split(" ")[0].split("/")
            last = path[-2] if kind.isdigit() else kind
            up = {
                "lambda": True,
                "lambda0_lower": True,
                "curvature": False,
                "delta_j": False,
                "jacobian_norm0_upper": False,
                "residual0_upper": False,
            }.get(last)
            if up is not None and ("+" in label.split(" ")[-1] or "x2" in label) == up:
                yield f"bare {label}", changed
    for column, favourable in (("lambda", 0), ("curvature", 0), ("delta_j", 0)):
        changed = stripped.copy()
        table = _centre(changed)[column]
        if table[0] != table[-1]:
            _centre(changed)[column] = [table[favourable]] * len(table)
            yield f"bare {column} of the smallest ball everywhere", changed


def wide_steps(draft: Draft) -> Iterator[tuple[str, Draft]]:
    """Stored steps whose intervals contain the truth but are too wide for their relation to be certain."""
    for i, row in enumerate(draft.document["steps"]):
        for side in ("left", "right"):
            mid = row[side]["$ball"][0]
            yield f"step {i} {side} wide", _put(draft, ("steps", i, side), {"$ball": [mid, (1e9).hex()]})


def problem(draft: Draft) -> Iterator[tuple[str, Draft]]:
    """Alter the network, the data, the loss and the step."""
    for array, (_, values) in draft.arrays.items():
        if array == "arrays/delta.npy":  # only its last entry is used
            changed = draft.copy()
            changed.arrays[array][1][-1] = math.nextafter(values[-1], math.inf)
            yield f"{array}[-1]", changed
        if array in _FREE:
            continue
        direction = next((d for key, d in _ARRAY_DIRECTION.items() if array == f"arrays/{key}.npy"), 0)
        # An ulp of a weight of an affine map may move the residual by less than half an ulp: still implied.
        ways = ("+ulp", "-ulp", "+0.1%") if len(draft.document["network"]["layers"]) > 1 else ("+0.1%", "-0.1%", "x2")
        for index, old in enumerate(values):
            for name, value in variants(old):
                if name in ways and (direction == 0 or (value - old) * direction > 0):
                    changed = draft.copy()
                    changed.arrays[array][1][index] = value
                    yield f"{array}[{index}] {name}", changed
    document = draft.document
    if document["lr"] is not None:
        for new in _rationals(Fraction(*map(int, document["lr"]["$rational"]))):
            yield f"lr = {new}", _put(draft, ("lr",), rational(new))
        yield "lr absent", _put(draft, ("lr",), None)
    other = "sum" if document["loss"] == "mean" else "mean"
    n = draft.arrays["arrays/x.npy"][0][0]
    yield "loss", _put(draft, ("loss",), other)
    swapped = _put(draft, ("loss",), other)
    swapped.document["loss_scale"] = rational(Fraction(1, n) if other == "mean" else Fraction(1))
    yield "loss and scale", swapped
    for i, layer in enumerate(document["network"]["layers"]):
        square = layer["inverse_square_scale"]
        for value in (square + 1, square * 2, 0, -square):
            yield f"layer {i} scale {value}", _put(draft, ("network", "layers", i, "inverse_square_scale"), value)
        for name in ("identity", "tanh", "sigmoid", "silu", "gelu", "gelu_tanh", "sine", "hardswish"):
            if name != layer["activation"]["name"]:
                kind = {"name": name, "parameters": {}}
                yield f"layer {i} {name}", _put(draft, ("network", "layers", i, "activation"), kind)
        if "beta" in layer["activation"]["parameters"]:
            for name, value in variants(1.5):
                path = ("network", "layers", i, "activation", "parameters", "beta")
                yield f"beta {name}", _put(draft, path, flt(value))


def structure(draft: Draft) -> Iterator[tuple[str, Draft]]:
    """Unknown and missing fields, other scopes and claims, broken tables, altered relations."""
    document = draft.document
    for key in [k for k in document if k not in ("observed", "tools", "constants", "margins")]:
        changed = draft.copy()
        del changed.document[key]
        yield f"without {key}", changed
    for group in ("constants", "margins", "witness", "network", "data"):
        changed = draft.copy()
        changed.document[group]["extra"] = {"$ball": [(1.0).hex(), (0.0).hex()]}
        yield f"{group} with an extra field", changed
    yield "an extra field", _put(draft, ("extra",), 1)
    for scope in {"point", "ball", "run", "exact", "region"} - {document["scope"]}:
        if document["verdict"] == "PROVED":
            yield f"scope {scope}", _put(draft, ("scope",), scope)
    claims = {"pl_from_ntk", "containment_classical", "containment_residual", "zero_loss_unreachable", "none"}
    for claim in claims - {document["claim"]}:
        yield f"claim {claim}", _put(draft, ("claim",), claim)
    for verdict in {"PROVED", "REFUTED", "ACCEPTED"} - {document["verdict"]}:
        yield f"verdict {verdict}", _put(draft, ("verdict",), verdict)
    yield "version", _put(draft, ("version",), 2)
    yield "format", _put(draft, ("format",), "certificate")
    for i, row in enumerate(document["steps"]):
        for relation in {"<", "<=", ">", ">=", "=="} - {row["relation"]}:
            yield f"step {i} {relation}", _put(draft, ("steps", i, "relation"), relation)
        yield f"step {i} renamed", _put(draft, ("steps", i, "name"), "gradient descent converges")
        yield f"step {i} turned", _put(draft, ("steps", i), {**row, "left": row["right"], "right": row["left"]})
    for path, leaf in _leaves(document["witness"], ("witness",)):
        if (isinstance(leaf, dict) and "$float" in leaf) or type(leaf) is int:
            label = "/".join(map(str, path))
            junk: Any
            for junk in ("text", [], {"a": 1}):
                if "bits" not in label:
                    yield f"{label} = {junk}", _put(draft, path, junk)
            break
    if document["scope"] == "run":
        changed = _put(draft, ("witness", "checkpoints", 0, "next"), None)
        changed.document["witness"]["checkpoints"][0]["decrease"] = None
        changed.document["steps"] = []
        del changed.arrays[document["witness"]["checkpoints"][0]["next"]["$array"]]
        yield "a loss after no neighbour", changed
    if document["scope"] in ("ball", "exact", "run") and document["verdict"] == "PROVED":
        where = ("witness",) if document["scope"] == "ball" else ("witness", "handover")
        ball: Json = document["witness"] if document["scope"] == "ball" else document["witness"]["handover"]
        for column in ("radii", "curvature", "delta_j", "lambda"):
            yield f"{column} shorter", _put(draft, (*where, column), ball[column][:-1])
            yield f"{column} empty", _put(draft, (*where, column), [])
            if ball[column] != ball[column][::-1]:
                yield f"{column} reversed", _put(draft, (*where, column), ball[column][::-1])
        yield "no form", _put(draft, (*where, "certified_by"), None)
        other = "residual" if ball["certified_by"] == "classical" else "classical"
        changed = _put(draft, (*where, "certified_by"), other)
        yield "other form", changed
        changed = changed.copy()
        changed.document["claim"] = f"containment_{other}"
        yield "other form and claim", changed
        yield "form not held", _put(draft, (*where, ball["certified_by"]), None)
        if len(document["network"]["layers"]) > 1:  # the kernel of an affine map is the same everywhere
            for name in ("stability_radius", "stability_radius_paper"):
                yield f"far {name}", _put(draft, ("constants", name), {"$ball": [(50.0).hex(), (0.0).hex()]})


def tamperings(draft: Draft) -> Iterator[tuple[str, Draft]]:
    """All of the above."""
    yield from numbers(draft)
    if draft.document["scope"] != "point":
        yield from bare(draft)
    yield from wide_steps(draft)
    yield from problem(draft)
    yield from structure(draft)


def swaps(drafts: dict[str, Draft]) -> Iterator[tuple[str, Draft]]:
    """Parts of one certificate put into another."""
    for one, a in drafts.items():
        for two, b in drafts.items():
            for group in ("witness", "constants", "steps", "margins", "network", "data"):
                if one != two and a.document[group] != b.document[group]:
                    changed = a.copy()
                    changed.document[group] = copy.deepcopy(b.document[group])
                    names = [name for name in b.arrays if name in str(changed.document)]
                    changed.arrays |= {name: b.arrays[name] for name in names}
                    changed.arrays = {name: a for name, a in changed.arrays.items() if name in str(changed.document)}
                    yield f"{one} with the {group} of {two}", changed

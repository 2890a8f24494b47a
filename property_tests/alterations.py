"""Every single alteration of a certificate: each number, text, truth value, list and key, in each way that a forger or a fault may change it.

An alteration is named by its place and its way; what is behind fitting hashes again is left to the checker. Arrays are altered at their first, middle and last
entry; references to arrays are turned to each other array.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from verify.checker.tests.mp_network import Json, flt, rational
from verify.checker.tests.sealing import Draft

__all__ = ["Alteration", "alterations"]

Path = tuple[Any, ...]
_GONE = object()
_WORDS = (
    *("tanh", "relu", "sine", "identity", "sum", "mean", "mse", "mse_sum", "any", "fixed", "with_replacement"),
    *("neurons", "local", "features", "classical", "residual", "residual_relu", "displacement", "shadow", "arb"),
    *("ball", "basin", "region", "run", "exact", "point", "PROVED", "REFUTED", "pl_from_ntk"),
    *("containment_residual", "momentum_descent", "<", "<=", ">", ">="),
)
_JUNK: tuple[Any, ...] = (None, True, False, 0, -1, 1, "", "1", [], {}, 2**70)


class Alteration(NamedTuple):
    """Where, in which way, and how to do it to a copy."""

    place: str
    way: str
    apply: Callable[[Draft], None]

    def on(self, draft: Draft) -> Draft:
        """Return an altered copy, without the arrays that nothing names any more."""
        changed = draft.copy()
        self.apply(changed)
        named = str(changed.document)
        changed.arrays = {name: held for name, held in changed.arrays.items() if name in named}
        return changed


def _doubles(x: float) -> dict[str, float]:
    """Other doubles: neighbours, a little and much to both sides, the other sign, the ends of the range."""
    ulp = {"+ulp": math.nextafter(x, math.inf), "-ulp": math.nextafter(x, -math.inf)}
    scaled = {
        "+0.1%": x * 1.001,
        "-0.1%": x / 1.001,
        "x2": x * 2.0,
        "/2": x / 2.0,
        "sign": -x,
        "x1e9": x * 1e9,
        "/1e9": x / 1e9,
    }
    fixed = {"zero": 0.0, "one": 1.0, "tiny": 5e-324, "huge": 1.7e308, "-huge": -1.7e308}
    return {way: y for way, y in {**ulp, **scaled, **fixed}.items() if y != x and math.isfinite(y)}


def _others(leaf: Any) -> Iterator[tuple[str, Any]]:
    """What may stand in the place of one value."""
    match leaf:
        case {"$float": str(text)}:
            x = float.fromhex(text)
            yield from ((way, flt(y)) for way, y in _doubles(x).items())
            yield from ((f"text {junk}", {"$float": junk}) for junk in ("nan", "inf", "-inf", "0x1", "", 1, None))
            yield "ball", {"$ball": [text, (0.0).hex()]}
            yield "rational", rational(Fraction(x))
        case {"$ball": [str(mid), str(rad)]}:
            x, r = float.fromhex(mid), float.fromhex(rad)
            yield from ((f"mid {way}", {"$ball": [y.hex(), rad]}) for way, y in _doubles(x).items())
            yield from ((f"rad {way}", {"$ball": [mid, y.hex()]}) for way, y in _doubles(r).items())
            yield from ((f"text {junk}", {"$ball": [junk, rad]}) for junk in ("nan", "inf", "", None))
            yield from ((f"rad {junk}", {"$ball": [mid, junk]}) for junk in ("nan", "inf", "", None))
            yield from (("shorter", {"$ball": [mid]}), ("longer", {"$ball": [mid, rad, rad]}), ("float", flt(x)))
        case {"$rational": [str(p), str(q)]}:
            ratio = Fraction(int(p), int(q))
            for factor in (1001, 999, 2000, 500, -1000, 0, 10**12):
                yield f"x{factor}/1000", rational(ratio * factor / 1000)
            yield "not reduced", {"$rational": [str(2 * int(p)), str(2 * int(q))]}
            yield from ((f"over {low}", {"$rational": [p, low]}) for low in ("0", "-1", ""))
            yield "float", flt(float(ratio))
        case bool():
            yield "turned", not leaf
            yield "number", int(leaf)
        case int():
            yield from (
                (f"{leaf} → {x}", x) for x in {leaf + 1, leaf - 1, leaf + 7, 2 * leaf, 0, 1, -1, -leaf, 2**60} - {leaf}
            )
            yield "float", flt(float(leaf))
        case str():
            yield from ((word, word) for word in _WORDS if word != leaf)
            yield from (("upper case", leaf.upper()), ("with a space", leaf + " "))
        case None:
            yield from (("float", flt(1.0)), ("word", "tanh"), ("pairs", [[flt(1.0), flt(1.0)]]))
    yield from ((f"junk {junk!r}", junk) for junk in _JUNK if junk != leaf or type(junk) is not type(leaf))


def _lists(items: list[Any]) -> Iterator[tuple[str, list[Any]]]:
    """Shorter, longer, in another order, all alike."""
    yield "empty", []
    yield "nested", [items]
    if items:
        yield from (("first gone", items[1:]), ("last gone", items[:-1]))
        yield from (("first twice", [items[0], *items]), ("last twice", [*items, items[-1]]))
        yield from (
            ("reversed", items[::-1]),
            ("all first", items[:1] * len(items)),
            ("all last", items[-1:] * len(items)),
        )


def _set(path: Path, value: Any) -> Callable[[Draft], None]:
    def apply(draft: Draft) -> None:
        node: Any = draft.document
        for key in path[:-1]:
            node = node[key]
        if value is _GONE:
            del node[path[-1]]
        else:
            node[path[-1]] = copy.deepcopy(value)

    return apply


def _in_array(name: str, index: int, value: float) -> Callable[[Draft], None]:
    def apply(draft: Draft) -> None:
        draft.arrays[name][1][index] = value

    return apply


def _reshaped(name: str, shape: tuple[int, ...], values: list[float]) -> Callable[[Draft], None]:
    def apply(draft: Draft) -> None:
        draft.arrays[name] = (shape, list(values))

    return apply


def _at(node: Any, path: Path, arrays: list[str]) -> Iterator[tuple[Path, str, Any]]:
    """(path, way, value) for every place at or below a node."""
    if isinstance(node, dict) and "$array" in node:
        yield from ((path, f"→ {name}", {"$array": name}) for name in arrays if name != node["$array"])
        yield from ((path, f"junk {junk!r}", junk) for junk in _JUNK)
    elif isinstance(node, dict) and not any(key.startswith("$") for key in node):
        for key, item in node.items():
            yield from _at(item, (*path, key), arrays)
            yield (*path, key), "gone", _GONE
        yield (*path, "extra"), "added", flt(1.0)
    elif isinstance(node, list):
        yield from ((path, way, value) for way, value in _lists(node) if value != node)
        # Inner entries of long tables are alike.
        for index in sorted({0, 1, len(node) // 2, len(node) - 1} & set(range(len(node)))):
            yield from _at(node[index], (*path, index), arrays)
    else:
        yield from ((path, way, value) for way, value in _others(node))


def alterations(draft: Draft, groups: tuple[str, ...] | None = None) -> list[Alteration]:
    """List every alteration of a document, or of some of its fields (``arrays`` stands for what the arrays hold)."""
    found = []
    fields: Json = {key: item for key, item in draft.document.items() if groups is None or key in groups}
    for path, way, value in _at(fields, (), sorted(draft.arrays)):
        found.append(Alteration("/".join(map(str, path)), way, _set(path, value)))
    for name, (shape, values) in draft.arrays.items() if groups is None or "arrays" in groups else ():
        for index in sorted({0, len(values) // 2, len(values) - 1}):
            for way, x in _doubles(values[index]).items():
                found.append(Alteration(f"{name}[{index}]", way, _in_array(name, index, x)))
        for way, changed in _lists(values):
            if way != "nested" and changed != values:
                size = (len(changed),) if len(changed) != len(values) else shape
                found.append(Alteration(name, way, _reshaped(name, size, changed)))
    return found

"""Following a module with a forward of its own by torch.fx: which layers it calls on which values.

The forward is run on a symbol in place of the inputs (:mod:`verify.networks.reading.symbols`); then its calls are followed one by one, as a graph. Sums
of values and multiples by exact numbers are layers, views that keep a sample's numbers together too; sizes are followed as numbers. A single output may be
returned as (n, 1) or squeezed to (n,). Control flow that depends on the inputs, other arithmetic and calls that are not known are refused, each by name.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, Protocol, TypeVar

import torch

from verify import nn
from verify.errors import UnsupportedLayerError
from verify.networks.reading.activations import real_number
from verify.networks.reading.calls import (
    ADD,
    DIVIDE,
    FUNCTIONS,
    IN_PLACE,
    LINE,
    MEAN,
    METHODS,
    NEGATE,
    SQUEEZE,
    SUBTRACT,
    TIMES,
    VIEW,
)
from verify.networks.reading.symbols import Followed, calls_of

__all__ = ["Added", "Reader", "follow"]

H = TypeVar("H")


class Added(torch.nn.Module):
    """The sum of its inputs: a skip connection."""

    def forward(self, *values: torch.Tensor) -> torch.Tensor:
        """Σ."""
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total


class Reader(Protocol[H]):
    """What the calls are told to; H stands for a value."""

    def child(self, name: str, module: torch.nn.Module, source: H) -> H:
        """Return what the submodule `name` makes of a value; raise UnsupportedLayerError where it is not read."""

    def function(self, node: str, module: torch.nn.Module, sources: tuple[H, ...], *, in_place: bool) -> H:
        """Return what the function called at `node` makes of values, read as `module`, which computes it; `in_place`: whether it overwrites its input."""

    def shape(self, value: H) -> tuple[int, ...] | None:
        """Return a sample's shape; None where it is not known."""

    def ran(self, found: Followed) -> None:
        """Take note of what a forward ran."""


@dataclass(frozen=True)
class _Sizes:
    """x.shape: the number of samples, then a sample's shape."""

    shape: tuple[int, ...]


@dataclass(frozen=True)
class _Samples:
    """x.shape[0]."""


@dataclass(frozen=True)
class _Squeezed(Generic[H]):
    """A single output as (n,) in place of (n, 1): to be returned, since torch would broadcast it against (n, 1)."""

    value: H


def follow(module: torch.nn.Module, where: str, source: H, reader: Reader[H], *, outermost: bool) -> H:
    """Follow a module's own forward from a value, and return what it returns; only the outermost may squeeze its output.

    Raises:
        UnsupportedLayerError: the forward cannot be traced, or does what is not known here; names the call and a remedy.
    """
    try:
        found = calls_of(module)
    except UnsupportedLayerError as error:
        raise UnsupportedLayerError(f"{where}: {error}") from error
    except Exception as error:
        line = (str(error).splitlines() or [""])[0][:200]
        raise UnsupportedLayerError(
            f"{where}: its forward cannot be followed for all inputs at once ({type(error).__name__}: {line}): neither control flow"
            " nor Python's own functions (len, float, *x.shape) may depend on the inputs' values or shapes, nor on those of parameters and buffers. Write it"
            " as a torch.nn.Sequential, or without the branch; x.shape[0] and x.flatten(1) are known"
        ) from error
    reader.ran(found)
    return _Walk(module, where, reader).run(found.graph, source, outermost=outermost)


class _Walk(Generic[H]):
    """The nodes of one traced forward, in order."""

    def __init__(self, module: torch.nn.Module, where: str, reader: Reader[H]) -> None:
        self._module, self._where, self._reader = module, where, reader
        self._known: dict[torch.fx.Node, Any] = {}
        self._values: set[torch.fx.Node] = set()

    def run(self, graph: torch.fx.Graph, source: H, *, outermost: bool) -> H:
        placeholders = [node for node in graph.nodes if node.op == "placeholder"]
        if len(placeholders) != 1:
            raise self._refused(
                f"its forward takes {len(placeholders)} arguments; expected the inputs alone: take the others out of its signature"
            )
        computed = False
        *steps, output = graph.nodes
        for node in steps:
            self._known[node] = source if node.op == "placeholder" else self._step(node)
            if node.op == "placeholder" or not isinstance(self._known[node], _Sizes | _Samples | int | tuple):
                self._values.add(node)
                computed = computed or node.op != "placeholder"
        (returned,) = output.args
        if not isinstance(returned, torch.fx.Node) or returned not in self._values or not computed:
            raise self._refused("its forward must return the output of its last layer, one tensor")
        found = self._known[returned]
        if isinstance(found, _Squeezed) and not outermost:
            raise self._refused("returns a squeezed output, of shape (n,), to another module; squeeze in the outermost")
        ended: H = found.value if isinstance(found, _Squeezed) else found
        return ended

    def _refused(self, words: str) -> UnsupportedLayerError:
        return UnsupportedLayerError(f"{self._where}: {words}")

    def _given(self, argument: Any) -> Any:
        """An argument with numbers in the place of nodes that stand for numbers; nodes of values stay."""
        if isinstance(argument, list | tuple):
            return tuple(self._given(item) for item in argument)
        if isinstance(argument, torch.fx.Node) and argument not in self._values:
            return self._known[argument]
        return argument

    def _step(self, node: torch.fx.Node) -> Any:
        args, kwargs = self._given(node.args), {name: self._given(value) for name, value in node.kwargs.items()}
        if node.op == "call_module":
            return self._child(node, args, kwargs)
        if node.op == "get_attr":
            raise self._refused(
                f"{node.name} uses the tensor {node.target} itself, which is not known here; only layers may. Write a"
                " constant as a number (2.0 * x), a product with a weight as a torch.nn.Linear or Conv2d"
            )
        self._require_rows(node)
        target, first = node.target, args[0] if args else None
        squeezed = self._squeezed(node, args, kwargs)
        if squeezed is not None:
            return squeezed
        if target in (getattr, operator.getitem, "size") or (target in TIMES and all(isinstance(a, int) for a in args)):
            return self._number(node, args)
        if target in ADD:
            return self._sum(node, args, kwargs)
        if target in TIMES:
            return self._times(node, args, kwargs)
        if target in SUBTRACT:
            return self._difference(node, args, kwargs)
        if target in NEGATE and len(args) == 1 and isinstance(first, torch.fx.Node) and not kwargs:
            return self._compute(node, nn.Scale(-1.0), (first,))
        if target in DIVIDE:
            return self._quotient(node, args, kwargs)
        if not isinstance(first, torch.fx.Node) or any(self._holds_value(a) for a in (*args[1:], *kwargs.values())):
            raise self._refused(
                f"{node.name} ({_name(node)}) combines several values in a way that is not known here (sums and differences are), or names its input"
            )
        if target in MEAN:
            return self._mean(node, args, kwargs)
        if target in VIEW:
            return self._view(node, args, kwargs)
        return self._function(node, args, kwargs)

    def _require_rows(self, node: torch.fx.Node) -> None:
        if any(isinstance(self._known.get(source), _Squeezed) for source in node.all_input_nodes):
            raise self._refused(
                f"{node.name} ({_name(node)}) takes a squeezed output, of shape (n,); squeeze last, in the model's own return"
            )

    def _holds_value(self, argument: Any) -> bool:
        if isinstance(argument, tuple):
            return any(self._holds_value(item) for item in argument)
        return isinstance(argument, torch.fx.Node)

    def _child(self, node: torch.fx.Node, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> H:
        name = str(node.target)
        if len(args) != 1 or kwargs or not isinstance(args[0], torch.fx.Node):
            raise self._refused(
                f"{name} is called with more than its input, or with its input by name; expected {name}(x)"
            )
        self._require_rows(node)
        return self._reader.child(name, self._module.get_submodule(name), self._known[args[0]])

    def _number(self, node: torch.fx.Node, args: tuple[Any, ...]) -> Any:
        first = args[0] if args else None
        value: Any = None
        if node.target == "size" or (node.target is getattr and args[1:] == ("shape",)):
            if isinstance(first, torch.fx.Node):
                value = self._sizes(first)
                value = value if node.target is getattr or len(args) == 1 else _entry(value, args[1])
        elif node.target is operator.getitem and isinstance(first, _Sizes):
            value = _entry(first, args[1])
        elif node.target in TIMES:
            value = math.prod(args)
        if value is None or node.kwargs:
            raise self._refused(f"{node.name} ({_name(node)}) is not known here; of a size, single entries are")
        return value

    def _sizes(self, node: torch.fx.Node) -> _Sizes:
        shape = self._reader.shape(self._known[node])
        if shape is None:
            raise self._refused(f"{node.name}: its size is not known; pass X of shape (n, d) or (n, C, H, W)")
        return _Sizes(shape)

    def _sum(self, node: torch.fx.Node, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> H:
        values = (*args, *([kwargs["other"]] if "other" in kwargs else []))
        if len(values) != 2 or not all(isinstance(v, torch.fx.Node) for v in values) or set(kwargs) - {"other"}:
            raise self._refused(
                f"{node.name} ({_name(node)}): sums of two values of layers are known, without a factor"
            )
        return self._compute(node, Added(), tuple(values))

    def _times(self, node: torch.fx.Node, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> H:
        values = [a for a in args if isinstance(a, torch.fx.Node)]
        factor = next((real_number(a) for a in args if type(a) in (int, float)), None)
        if kwargs or len(values) != 1 or len(args) != 2 or not factor or not math.isfinite(factor):
            raise self._refused(
                f"{node.name} ({_name(node)}): multiples by one exact number other than 0 are known, not products of values"
            )
        return self._compute(node, nn.Scale(factor), (values[0],))

    def _difference(self, node: torch.fx.Node, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> H:
        """a − b as a + (−1)·b, which rounds alike."""
        if len(args) != 2 or not all(isinstance(a, torch.fx.Node) for a in args) or kwargs:
            raise self._refused(f"{node.name} ({_name(node)}): differences of two values of layers are known")
        minus = self._reader.function(node.name, nn.Scale(-1.0), (self._known[args[1]],), in_place=False)
        return self._reader.function(node.name, Added(), (self._known[args[0]], minus), in_place=_in_place(node))

    def _quotient(self, node: torch.fx.Node, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> H:
        """x / c where 1/c is a double: c = ±2^k."""
        value, divisor = args if len(args) == 2 and not kwargs else (None, None)
        inverse = _inverse(divisor)
        if not isinstance(value, torch.fx.Node) or inverse is None:
            raise self._refused(
                f"{node.name} ({_name(node)}): quotients by powers of two are known, whose inverse is a double; multiply by the double"
                " that you mean in place of a division by another number"
            )
        return self._compute(node, nn.Scale(inverse), (value,))

    def _squeezed(self, node: torch.fx.Node, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> _Squeezed[H] | None:
        """A single output (n, 1) as (n,); None where the call is something else."""
        if not args or not isinstance(args[0], torch.fx.Node) or self._reader.shape(self._known[args[0]]) != (1,):
            return None
        rest = (*args[1:], *kwargs.values())
        rest = rest[0] if len(rest) == 1 and isinstance(rest[0], tuple) else rest
        if node.target in SQUEEZE:
            found = rest in ((1,), (-1,)) and set(kwargs) <= {"dim"}
            if not found:
                raise self._refused(
                    f"{node.name} (squeeze): squeeze(-1) of a single output is known; squeeze() drops a batch of one too"
                )
        elif node.target is operator.getitem:
            found = len(rest) == 2 and rest[0] in (slice(None), ...) and type(rest[1]) is int and rest[1] in (0, -1)
        else:
            lines = ((-1,), (_Samples(),)) if node.target in VIEW else ((), (0,), (0, -1))
            found = node.target in LINE and rest in lines and set(kwargs) <= {"shape", "start_dim", "end_dim"}
        return _Squeezed(self._known[args[0]]) if found else None

    def _mean(self, node: torch.fx.Node, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> H:
        given = dict(zip(("dim", "keepdim"), args[1:], strict=False)) | dict(kwargs)
        axes = given.pop("dim", None)
        keep = given.pop("keepdim", False)
        shape = self._reader.shape(self._known[args[0]])
        both = isinstance(axes, tuple) and _are_integers(axes) and {a % 4 for a in axes} == {2, 3}
        if given or shape is None or len(shape) != 3 or not both:
            raise self._refused(f"{node.name} (mean): means over both positions of a map, dim=(2, 3), are known")
        pooled = self._reader.function(
            node.name, torch.nn.AdaptiveAvgPool2d(1), (self._known[args[0]],), in_place=False
        )
        return pooled if keep else self._reader.function(node.name, torch.nn.Flatten(), (pooled,), in_place=False)

    def _view(self, node: torch.fx.Node, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> H:
        """A view with the samples apart: of all a sample's numbers in order, or of its own shape."""
        asked = args[1] if len(args) == 2 and isinstance(args[1], tuple) else args[1:]
        asked = kwargs.get("shape", asked)
        asked = asked if isinstance(asked, tuple) else (asked,)
        shape = self._reader.shape(self._known[args[0]])
        if shape is None:
            raise self._refused(
                f"{node.name}: the size of what it views is not known; pass X of shape (n, d) or (n, C, H, W)"
            )
        total, rest = math.prod(shape), list(asked[1:])
        samples_first = bool(asked) and (isinstance(asked[0], _Samples) or asked[0] == -1)
        if samples_first and isinstance(asked[0], _Samples) and rest.count(-1) == 1 and _are_integers(rest):
            known = math.prod(v for v in rest if v != -1)
            rest = [total // known if v == -1 and known and total % known == 0 else v for v in rest]
        if not samples_first or not _are_integers(rest) or tuple(rest) not in ((total,), shape):
            raise self._refused(
                f"{node.name} ({_name(node)}): views of a sample's {total} numbers as one row are known, x.flatten(1) for example"
            )
        flat = torch.nn.Flatten() if tuple(rest) != shape else torch.nn.Identity()
        return self._compute(node, flat, (args[0],))

    def _function(self, node: torch.fx.Node, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> H:
        rule = METHODS.get(str(node.target)) if node.op == "call_method" else FUNCTIONS.get(node.target)
        if rule is None:
            known = ", ".join(sorted({_short(function) for function in FUNCTIONS}))
            raise self._refused(f"{node.name} calls {_name(node)}, which is not known here. Known: {known}")
        names, build = rule
        given = dict(zip(names, args[1:], strict=False)) | dict(kwargs)
        if len(args) - 1 > len(names) or not set(given) <= set(names):
            raise self._refused(f"{node.name} calls {_name(node)} with arguments that are not known here")
        try:
            module = build(**given)
        except Exception as error:
            raise self._refused(f"{node.name} ({_name(node)}): {error}") from error
        return self._compute(node, module, (args[0],), in_place=given.get("inplace") is True)

    def _compute(
        self,
        node: torch.fx.Node,
        module: torch.nn.Module,
        sources: tuple[torch.fx.Node, ...],
        *,
        in_place: bool = False,
    ) -> H:
        """In place works on the first of its values: the function is told, and whoever reads the old value is refused."""
        known = tuple(self._known[s] for s in sources)
        return self._reader.function(node.name, module, known, in_place=in_place or _in_place(node))


def _entry(sizes: _Sizes, index: Any) -> Any:
    whole = (_Samples(), *sizes.shape)
    if isinstance(index, slice) and all(bound is None or type(bound) is int for bound in (index.start, index.stop)):
        # As x.shape[1:], of a sample's own sizes.
        part = whole[index] if index.step is None else ()
        return part if part and _are_integers(part) else None
    return whole[index] if type(index) is int and -len(whole) <= index < len(whole) else None


def _are_integers(values: Iterable[Any]) -> bool:
    return all(type(value) is int for value in values)


def _inverse(divisor: Any) -> float | None:
    """1/divisor where both are doubles: ±2^k."""
    if type(divisor) not in (int, float) or not 2.0**-1000 < abs(divisor) < 2.0**1000:
        return None
    inverse = 1.0 / divisor
    return inverse if Fraction(inverse) * Fraction(divisor) == 1 else None


def _in_place(node: torch.fx.Node) -> bool:
    return node.target in IN_PLACE or (isinstance(node.target, str) and node.target.endswith("_"))


def _name(node: torch.fx.Node) -> str:
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))


def _short(function: Any) -> str:
    return str(getattr(function, "__name__", function))

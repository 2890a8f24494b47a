"""The options of each scope as typed values: read once, exactly as passed or refused, and trusted after.

A field of these classes is an option: its default is what None stands for, its reader takes what a user passes. What the keyword arguments of
:func:`verify.certify` mean in a scope is written here and nowhere else.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

from verify.arguments import (
    exact_count,
    exact_counts,
    exact_double,
    positive_float,
    refuse_options,
    shown,
    waiting_time,
)
from verify.errors import InputError

__all__ = [
    "AutoOptions",
    "BallOptions",
    "BasinOptions",
    "BatchBallOptions",
    "EpochOptions",
    "ExactOptions",
    "Options",
    "PointOptions",
    "RegionOptions",
    "RunOptions",
    "options_of",
]

Reader = Callable[[Any, str], Any]


def _as_passed(value: Any, name: str) -> Any:
    return value


def _path(value: Any, name: str) -> Path:
    try:
        return Path(value)
    except TypeError as error:
        raise InputError(f"{name}={shown(value)}: expected a path") from error


def _radius(value: Any, name: str) -> float:
    return exact_double(value, name, positive=True)


def _distance(value: Any, name: str) -> float:
    return exact_double(value, name, positive=False)


_LAST_STEP = 10**18


def _counts(values: Any, name: str) -> tuple[int, ...]:
    return exact_counts(values, name, "step indices")


def _increasing(values: Any, name: str) -> tuple[int, ...]:
    indices = _counts(values, name)
    if any(b <= a for a, b in itertools.pairwise(indices)):
        raise InputError(f"{name}={shown(list(indices))}: expected increasing step indices ≥ 0")
    if indices and indices[-1] >= _LAST_STEP:
        raise InputError(f"{name}: {shown(indices[-1])}; a certificate numbers steps below 10^18")
    return indices


def _bits(value: Any, name: str) -> int:
    bits = exact_count(value, name)
    if not 53 <= bits <= 1_000_000:
        raise InputError(f"{name}={shown(bits)}: expected a precision between 53 and 1,000,000")
    return bits


def _one_of(*words: str) -> Reader:
    def read(value: Any, name: str) -> str:
        if value not in words:
            raise InputError(f"{name}={shown(value)}: expected one of {', '.join(words)}")
        return str(value)

    return read


_METHOD = _one_of("auto", "shadow", "shadow-arb", "arb")
_CENTRE = _one_of("midpoint", "initialisation")
_RESUMED = "resume: goes on from a certificate, so neither iterates= nor directory= is taken with it"


@dataclass(frozen=True)
class Options:
    """What a scope can be told besides the problem."""

    scope: ClassVar[str]

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Read what a user passed, by name; None stands for the default.

        Raises:
            InputError: a name that the scope does not take, or a value that it cannot use.
        """
        readers: dict[str, Reader] = {item.name: item.metadata["read"] for item in fields(cls)}
        refuse_options(set(given) - set(readers), tuple(readers), cls.scope, _takers())
        return cls(**{name: readers[name](value, name) for name, value in given.items() if value is not None})


@dataclass(frozen=True)
class PointOptions(Options):
    """Scope `point` takes none."""

    scope: ClassVar[str] = "point"


@dataclass(frozen=True)
class BallOptions(Options):
    """Scope `ball`.

    Attributes:
        radius: prescribed R, an exact double; None searches for the smallest that certifies.
        centre: a module, state dict or flat vector: the ball is about it, and the statement about descent from the parameters; None for these.
        data_radius: an exact double ≥ 0, in the units of the inputs: the statement is for every data set with each input within it, in the Euclidean
            norm, and the same targets.
    """

    scope: ClassVar[str] = "ball"
    radius: float | None = field(default=None, metadata={"read": _radius})
    centre: Any = field(default=None, metadata={"read": _as_passed})
    data_radius: float = field(default=0.0, metadata={"read": _distance})


@dataclass(frozen=True)
class BatchBallOptions(Options):
    """Scope `ball` for mini-batches or momentum takes none."""

    scope: ClassVar[str] = "ball"


@dataclass(frozen=True)
class BasinOptions(Options):
    """Scope `basin`.

    Attributes:
        seconds: the time allowed to the search for a zero.
    """

    scope: ClassVar[str] = "basin"
    seconds: float = field(default=math.inf, metadata={"read": positive_float})


@dataclass(frozen=True)
class AutoOptions(Options):
    """Scope `auto`: those of `ball` and of `basin`; with a radius prescribed only `ball` is tried."""

    scope: ClassVar[str] = "auto"
    radius: float | None = field(default=None, metadata={"read": _radius})
    seconds: float = field(default=math.inf, metadata={"read": positive_float})


@dataclass(frozen=True)
class _Iterates(Options):
    """What recorded runs share.

    Attributes:
        steps: budget of gradient steps (of epochs, for a descent other than full-batch gradient descent), counted from where `resume` ends.
        iterates: parameter vectors of a run made elsewhere (modules, state dicts, parameter lists or flat vectors), in order, as a list
            or, for long runs, a generator; None trains here. That gradient descent made them is neither assumed nor checked.
        iterate_steps: the step index of each; None means 0, 1, 2, … The iterate of step 0 is where the run starts (the model only gives
            the architecture); without one, the model's own parameters are taken as step 0.
        seconds: the time allowed; None sets no limit where `steps` is given.
        resume: a certificate of an earlier run, or its path, to go on from.
    """

    scope: ClassVar[str] = "run"
    steps: int | None = field(default=None, metadata={"read": exact_count})
    iterates: Iterable[Any] | None = field(default=None, metadata={"read": _as_passed})
    iterate_steps: Sequence[int] | None = field(default=None, metadata={"read": _increasing})
    seconds: float | None = field(default=None, metadata={"read": positive_float})
    resume: Any = field(default=None, metadata={"read": _as_passed})

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.iterates is None and self.iterate_steps is not None:
            raise InputError("iterate_steps without iterates: hand in the parameter vectors too")
        if self.resume is not None and self.iterates is not None:
            raise InputError(_RESUMED)


@dataclass(frozen=True)
class RunOptions(_Iterates):
    """Scope `run` for gradient descent.

    Attributes:
        steps, iterates, iterate_steps, seconds, resume: as for every recorded run.
        directory: where the state of an interruptible run is kept; None keeps it in memory.
        checkpoints: steps at which facts are proved in addition to the ones chosen automatically.
        progress: show a progress line; None shows it on a terminal, and elsewhere a line every 30 s.
        save_seconds: how often the state is written between checkpoints.
    """

    directory: Path | None = field(default=None, metadata={"read": _path})
    checkpoints: tuple[int, ...] = field(default=(), metadata={"read": _counts})
    progress: bool | None = field(default=None, metadata={"read": _as_passed})
    save_seconds: float = field(default=30.0, metadata={"read": waiting_time})

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.directory is not None and self.iterates is not None:
            raise InputError(
                "directory, iterates: a directory keeps the state of training done here; with iterates= nothing is trained,"
                " leave directory=None"
            )
        if self.directory is not None and self.resume is not None:
            raise InputError(_RESUMED)
        super().__post_init__()


@dataclass(frozen=True)
class EpochOptions(_Iterates):
    """Scope `run` for mini-batches or momentum; steps are epochs.

    Attributes:
        steps, iterates, iterate_steps, seconds, resume: as for every recorded run.
        orders: the sampled order of each epoch between neighbours of `iterates`. seed: of the orders of a run made here.
    """

    orders: Iterable[Any] | None = field(default=None, metadata={"read": _as_passed})
    seed: int = field(default=0, metadata={"read": exact_count})


@dataclass(frozen=True)
class ExactOptions(Options):
    """Scope `exact`.

    Attributes:
        steps: budget of gradient steps.
        directory: where the state of an interruptible enclosure is kept; None keeps it in memory.
        progress: show a progress line; None shows it on a terminal, and elsewhere a line every 30 s.
        method: 'auto', 'shadow' (float64), 'shadow-arb' (midpoints in Arb) or 'arb' (gradient descent in balls).
        bits: precision of the Arb methods to start from; None chooses.
    """

    scope: ClassVar[str] = "exact"
    steps: int = field(default=20_000, metadata={"read": exact_count})
    directory: Path | None = field(default=None, metadata={"read": _path})
    progress: bool | None = field(default=None, metadata={"read": _as_passed})
    method: str = field(default="auto", metadata={"read": _METHOD})
    bits: int | None = field(default=None, metadata={"read": _bits})


@dataclass(frozen=True)
class RegionOptions(Options):
    """Scope `region`.

    Attributes:
        steps, progress, method, bits: as for scope `exact`, which encloses the run.
        centre: c is the 'midpoint' of the path or the 'initialisation'.
        start_radius: an exact double ≥ 0: the statement is about every start within it of θ0.
        data_radius: an exact double ≥ 0, in the units of the inputs: the statement is for every data set with each input within it, in the Euclidean
            norm, and the same targets; for chains of fully connected layers.
    """

    scope: ClassVar[str] = "region"
    steps: int = field(default=20_000, metadata={"read": exact_count})
    centre: str = field(default="midpoint", metadata={"read": _CENTRE})
    start_radius: float = field(default=0.0, metadata={"read": _distance})
    data_radius: float = field(default=0.0, metadata={"read": _distance})
    progress: bool | None = field(default=None, metadata={"read": _as_passed})
    method: str = field(default="auto", metadata={"read": _METHOD})
    bits: int | None = field(default=None, metadata={"read": _bits})

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.around and (self.method != "auto" or self.bits is not None):
            raise InputError(
                f"{self.around} with method or bits: a ball of starts or of data sets is followed in float64; leave them out"
            )

    @property
    def around(self) -> str:
        """Name the radii that are not 0."""
        named = (("start_radius", self.start_radius), ("data_radius", self.data_radius))
        return ", ".join(f"{name} = {value:.6g}" for name, value in named if value > 0.0)

    @property
    def enclosing(self) -> ExactOptions:
        """What the enclosure of the run is told."""
        return ExactOptions(steps=self.steps, progress=self.progress, method=self.method, bits=self.bits)


_FULL_BATCH = (AutoOptions, PointOptions, BallOptions, RunOptions, ExactOptions, BasinOptions, RegionOptions)


def _takers() -> dict[str, list[str]]:
    """Option → scopes that take it."""
    found: dict[str, list[str]] = {}
    for kind in (BallOptions, BasinOptions, RunOptions, ExactOptions, RegionOptions):
        for item in fields(kind):
            found.setdefault(item.name, []).append(kind.scope)
    return found


def options_of(scope: str, *, full_batch: bool) -> type[Options]:
    """Return the class of options that a scope can be told; with mini-batches or momentum (not `full_batch`) some scopes have others.

    Raises:
        InputError: no such scope.
    """
    kinds = {kind.scope: kind for kind in _FULL_BATCH}
    if not isinstance(scope, str) or scope not in kinds:
        *first, last = (repr(name) for name in kinds)
        raise InputError(f"scope={shown(scope)}: expected {', '.join(first)} or {last}")
    batches: dict[str, type[Options]] = {} if full_batch else {"ball": BatchBallOptions, "run": EpochOptions}
    return batches.get(scope, kinds[scope])

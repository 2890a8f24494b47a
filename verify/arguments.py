"""Numbers that a user passes: exactly what they say, or refused."""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import numpy as np

from verify.errors import InputError, NonFiniteError

__all__ = [
    "entries",
    "exact_count",
    "exact_counts",
    "exact_double",
    "exact_number",
    "exact_step",
    "positive_float",
    "refuse_options",
    "shown",
    "waiting_time",
    "why_no_loss",
]

# Other programs' words for options, and what they are called here.
_MEANT = {
    "learning_rate": "lr", "eta": "lr", "step": "lr", "step_size": "lr", "stepsize": "lr", "alpha": "lr",
    "epochs": "steps", "n_steps": "steps", "num_steps": "steps", "max_steps": "steps", "iterations": "steps", "max_iter": "steps",
    "timeout": "seconds", "time_limit": "seconds", "max_seconds": "seconds", "criterion": "loss", "loss_fn": "loss", "reduction": "loss",
    "verbose": "progress", "trajectory": "iterates", "states": "iterates", "indices": "iterate_steps", "continue_from": "resume",
}  # fmt: skip
_TRAINED = (
    "Train with it, then certify the trained network: scope='basin', or its iterates in scope='run' with iterates=; the statement is about plain"
    " gradient descent from there"
)
# What is asked for in vain, with the reason in mathematics and what can be said instead.
_NO_SUCH = {
    "weight_decay": "with decay ω a fixed point has ω‖θ‖ = ‖∇Φ(θ)‖, so no exact fit with θ ≠ 0 is one, and Φ ≥ ω²‖θ‖²/(2s‖J‖²) at each (claim"
    f" weight_decay_floor): nothing converges to zero loss. {_TRAINED}",
    "momentum": f"pass descent=verify.SGD(momentum=…) in scopes ball, basin and run. {_TRAINED}",
    "betas": "Adam's step is preconditioned by past gradients and does not shrink with ‖∇Φ‖ alone: no linear rate is proved for it here."
    f" {_TRAINED}",
    "batch_size": f"pass descent=verify.SGD(batch_size=…) in scopes ball, basin and run. {_TRAINED}",
}
for _same, _as in (
    ("nesterov", "momentum"),
    ("optimizer", "betas"),
    ("optimiser", "betas"),
    ("batch", "batch_size"),
    ("l2", "weight_decay"),
):
    _NO_SUCH[_same] = _NO_SUCH[_as]
_ENTROPY = (
    "cross-entropy with class labels is > 0 at every finite θ: its infimum is not attained, there is no zero-loss point to converge to, and"
    " descent runs to infinity along separable data. Squared loss on one-hot targets (loss='mse', y=one_hot(y, k)) has zeros; a network trained"
    " with cross-entropy can be certified for it with scope='basin'"
)
_NO_LOSS = {
    "entropy": _ENTROPY,
    "nll": _ENTROPY,
    "bce": _ENTROPY,
    "logistic": _ENTROPY,
    "l1": "|e| keeps a gradient of constant size up to the kink at e = 0, so descent with a fixed step ends in an oscillation, not at a zero."
    " loss='mse' is the differentiable one",
    "hinge": "the hinge loss vanishes on open sets of θ, where J says nothing about how far they reach: no PL constant follows from the NTK."
    " loss='mse' with targets ±1 can be certified",
    "huber": "where every |e_i| ≤ δ, torch.nn.HuberLoss() is Σe²/(2nk): there its descent is that of loss='mean' with lr/k. Beyond δ it is not"
    " covered",
}
_NO_LOSS |= {"mae": _NO_LOSS["l1"], "margin": _NO_LOSS["hinge"]}


def refuse_options(
    unknown: Iterable[str], allowed: Sequence[str], scope: str, takers: Mapping[str, Sequence[str]]
) -> None:
    """Refuse option names that a scope does not take: with what was probably meant, or the reason why there is no such option.

    Args:
        unknown: the names; nothing happens if there are none. allowed: those taken besides lr and loss. scope: its name.
        takers: option → scopes that take it.

    Raises:
        InputError: `unknown` holds a name.
    """
    names = sorted(unknown)
    if not names:
        return
    known = ("lr", "loss", *allowed)
    hints = []
    for name in names:
        meant = _MEANT.get(name.lower()) or next(iter(difflib.get_close_matches(name.lower(), known, 1, 0.7)), None)
        if name.lower() in _NO_SUCH:
            hints.append(f"{name}: {_NO_SUCH[name.lower()]}")
        elif scope in takers.get(name, ()):
            hints.append(f"{name} is an option of full-batch gradient descent alone")
        elif name in takers:
            hints.append(f"{name} is an option of scope {', '.join(takers[name])}")
        elif meant in known:
            hints.append(f"{name}: did you mean {meant}?")
    taken = f"expected one of {', '.join(allowed)}" if allowed else "it takes none besides lr and loss"
    raise InputError(f"unknown option {', '.join(names)} for scope={scope!r}: {'. '.join(hints) or taken}")


def why_no_loss(loss: Any) -> str | None:
    """Say why a loss of this name, or a torch loss object, is not certified and what can be said instead; None for a name that says nothing."""
    kind = type(loss).__name__
    name = (loss if isinstance(loss, str) else kind).lower()
    if kind == "MSELoss":
        return f"pass its name: loss={'mse_sum' if getattr(loss, 'reduction', '') == 'sum' else 'mse'!r}"
    return next((reason for part, reason in _NO_LOSS.items() if part in name), None)


# Fraction("1e999999999") would take hours.
_EXPONENT = re.compile(r"[^eE]{0,1000}([eE][+-]?\d{1,4}\s*)?")


# A certificate holds integers of 2,000 digits; Python prints none beyond 4,300.
_MOST = 10**2000


def exact_number(value: Any, name: str, expected: str = "a finite number, such as 0.9 or '9/10'") -> Fraction:
    """Return the exact rational that a number denotes; ``0.1`` is that double, ``"0.1"`` is 1/10.

    Raises:
        InputError: not a number, or a quotient of integers of more than 2,000 digits. NonFiniteError: NaN or infinity.
    """
    try:
        # A 0-d array or tensor holds a Python number; float() would round a large integer.
        given = value.item() if hasattr(value, "item") else value
        if isinstance(given, float) and not math.isfinite(given):
            raise NonFiniteError(f"{name}={shown(value)}: expected {expected}")
        if isinstance(given, bool) or not isinstance(given, int | float | str | Fraction | Decimal):
            raise TypeError("not a number")
        if isinstance(given, str | Decimal) and not _EXPONENT.fullmatch(str(given)):
            raise ValueError("an exponent of five digits or more")
        found = Fraction(given)
        if max(abs(found.numerator), found.denominator) >= _MOST:
            raise OverflowError("more digits than a certificate holds")
        return found
    except (ValueError, TypeError, RuntimeError, OverflowError, ZeroDivisionError, InvalidOperation) as error:
        # RuntimeError: torch's, of a tensor with several entries.
        if isinstance(error, NonFiniteError):
            raise
        raise InputError(f"{name}={shown(value)}: expected {expected}") from error


def exact_step(lr: float | int | str | Fraction | Decimal | None) -> Fraction | None:
    """Return the step size as the exact rational it denotes; ``0.1`` is that double, ``"0.1"`` is 1/10.

    Raises:
        InputError: not a number, or not positive. NonFiniteError: NaN or infinity.
    """
    if lr is None:
        return None
    step = exact_number(lr, "lr", "a finite number > 0, such as 0.1 or '1/10'")
    if step <= 0:
        raise InputError(f"lr={shown(lr)}: gradient descent needs a step > 0; lr=None chooses one")
    return step


def exact_count(value: Any, name: str, *, least: int = 0) -> int:
    """Return a whole number ≥ `least` as an int.

    Raises:
        InputError: no whole number (2.5 is not taken for 2, nor True for 1), or a smaller one.
    """
    try:
        # Truth values first: older numpy counts with them, and warns.
        count = least - 1 if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        count = least - 1
    if count < least:
        raise InputError(f"{name}={shown(value)}: expected a whole number ≥ {least}")
    return count


def entries(values: Any, name: str, what: str) -> Iterator[Any]:
    """Iterate over a list, or over whatever else yields entries.

    Args:
        what: what they are, for the error.

    Raises:
        InputError: no list; a text, a mapping or an array without an axis is none.
    """
    try:
        found: Iterator[Any] | None = None if isinstance(values, str | bytes | Mapping) else iter(values)
    except TypeError:
        found = None
    if found is None:
        raise InputError(f"{name}: a {type(values).__name__}; expected a list of {what}")
    return found


def exact_counts(values: Any, name: str, what: str) -> tuple[int, ...]:
    """Return the whole numbers ≥ 0 of a list.

    Raises:
        InputError: no list, or an entry that is no such number.
    """
    return tuple(exact_count(value, name) for value in entries(values, name, what))


def exact_double(value: Any, name: str, *, positive: bool) -> float:
    """Return a number as the finite double that it is, > 0 or, unless `positive`, ≥ 0.

    Raises:
        InputError: anything else, text and numbers that no double equals among it.
    """
    try:
        # Fraction takes no numpy number but float64.
        value = value.item() if isinstance(value, np.generic) else value
        double = float(value)
        exact = not isinstance(value, str | bool) and Fraction(double) == Fraction(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        double, exact = -1.0, False
    if not exact or double < 0.0 or (positive and double == 0.0):
        raise InputError(f"{name}={shown(value)}: expected a finite double {'>' if positive else '≥'} 0")
    return double


def positive_float(value: Any, name: str) -> float:
    """Return a finite number > 0 as a float, rounded if it must be.

    Raises:
        InputError: anything else, and what no double is near to.
    """
    number = _rounded(value)
    if not 0.0 < number < math.inf:
        raise InputError(f"{name}={shown(value)}: expected a finite number > 0")
    return number


def waiting_time(value: Any, name: str) -> float:
    """Return a number of seconds ≥ 0 as a float, infinity included.

    Raises:
        InputError: anything else.
    """
    number = _rounded(value)
    if not number >= 0.0:
        raise InputError(f"{name}={shown(value)}: expected a number of seconds ≥ 0")
    return number


def _rounded(value: Any) -> float:
    """The double next to a Python or numpy number; NaN for anything else, and for an integer beyond all doubles."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


_LONGEST = 200


def shown(value: Any) -> str:
    """A value as an error quotes it: of a huge integer, which Python may refuse to print, its size; of a long text its beginning."""
    if isinstance(value, int) and abs(value) > 2**64:
        return f"an integer of {value.bit_length()} bits"
    try:
        text = repr(value)
    except Exception:
        # Python prints no integer of more than 4,300 digits, inside a Fraction or a list neither.
        return f"a {type(value).__name__} that cannot be printed"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"

"""Typed errors of the package: every refusal says what was given, what was expected and the remedy.

All derive from :class:`VerifyError`, itself a :class:`ValueError`, so that a caller who catches
``ValueError`` loses nothing. A refused input is an error; a bound that does not hold is not: it is
a verdict (INCONCLUSIVE) with its margin.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class VerifyError(ValueError):
    """Base of every error this package raises on purpose."""


class InputError(VerifyError):
    """An argument has the wrong value: out of range, inconsistent with another, or missing."""


class ShapeError(InputError):
    """Array shapes do not fit together; the message names both shapes."""


class DtypeError(InputError):
    """A dtype that cannot be converted to float64 exactly, or a reduced-precision array."""


class NonFiniteError(InputError):
    """NaN or infinity where a finite number is needed."""


class DomainError(VerifyError):
    """A ball meets a point outside the function's domain: division by 0, log of a negative number."""


class NotCertainError(VerifyError):
    """A comparison of balls that overlap has no certain answer."""


class UnsupportedLayerError(VerifyError):
    """A layer for which the theorem's hypotheses fail or which is not implemented; names the layer and the remedy."""


class UnsoundArithmeticError(VerifyError):
    """The machine's arithmetic failed a probe (flush-to-zero, reduced-precision products): nothing can be proved here."""


class ResourceError(VerifyError):
    """The computation would need more memory than the stated limit; says how much."""


class MissingExtraError(VerifyError):
    """A part was asked for whose packages are not installed; names the extra that installs them."""

    def __init__(self, extra: str, error: ImportError) -> None:
        """Name the extra to install, and what did not import."""
        super().__init__(f"this needs packages that are not installed ({error}): pip install 'lplr-verify[{extra}]'")


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Import what an extra installs inside this block.

    Args:
        name: of the extra in pyproject.toml.

    Raises:
        MissingExtraError: one of its packages is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(name, error) from error


class DisagreementError(VerifyError):
    """torch's own forward or gradient differs from what was read by more than rounding explains: names the first place that disagrees."""


class NotProvedError(VerifyError):
    """A certificate that was required to be PROVED is not; the message is its reason."""

"""Typed errors of the proofs: what was given, what was expected, the remedy."""

from __future__ import annotations

__all__ = ["EvaluationError", "MissingSymbolError", "ProofError", "ToolError", "UnknownNodeError"]


class EvaluationError(ValueError):
    """A formula cannot be evaluated at the given values."""


class MissingSymbolError(EvaluationError):
    """A symbol of the formula was given no value."""


class UnknownNodeError(EvaluationError):
    """The formula, or a value, uses something that the evaluation does not know."""


class ProofError(ValueError):
    """A proof is ill-formed: an unknown claim, constant or symbol; not the same as a step that fails."""


class ToolError(RuntimeError):
    """A program that the proofs call is missing, failed, or ran out of time; says which and what to do."""

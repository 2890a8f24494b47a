"""The shape of a certificate's witness: what figures, comparisons, the formal part and ``resume`` take for granted of one that was read.

Only the shape: whether its numbers prove anything is the checker's to say. A file can be altered together with its hashes, so that whoever reads it
may meet an integer in the place of a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from verify.errors import InputError

__all__ = ["require_shape"]

_COLUMNS = ("radii", "lambda", "curvature", "delta_j")
_PATH = ("loss_lower", "loss_upper", "lambda_lower")
_PAIRS = ("loss", "residual", "lambda_min", "lambda_max", "gradient_norm", "pl_ratio", "drift", "next_loss")


def require_shape(witness: Mapping[str, Any], proved: str | None) -> None:
    """Refuse a witness in which a table, a position in one, a checkpoint or a vector of parameters is something else.

    Args:
        witness: decoded; names that its scope does not have may be missing. proved: the scope of a PROVED certificate, whose witness has them all.

    Raises:
        InputError: names the field.
    """
    rows = witness.get("checkpoints")
    if rows is not None:
        _expect(isinstance(rows, list), "checkpoints")
        for i, row in enumerate(rows):
            _checkpoint(row, f"checkpoints[{i}]")
    for name in _PATH:
        _expect(witness.get(name) is None or _is_column(witness[name]), name)
    _centre(witness, "")
    handover = witness.get("handover")
    if handover is not None or proved == "run":
        _expect(isinstance(handover, Mapping), "handover")
        assert isinstance(handover, Mapping)
        _centre(handover, "handover.")
        _expect("centre" not in handover or "basin" in handover, "handover.basin")
        if rows is not None or proved == "run":
            _expect(rows is not None and _is_index(handover.get("checkpoint"), len(rows)), "handover.checkpoint")
    if proved == "basin":
        _expect(_is_vector(witness.get("centre")) and ("basin" in witness or "criterion" in witness), "basin")


def _expect(condition: bool, name: str) -> None:
    if not condition:
        raise InputError(f"witness.{name}: not of the shape that certificates have; the file was altered")


def _is_index(value: Any, size: int) -> bool:
    return type(value) is int and 0 <= value < size


def _is_column(value: Any) -> bool:
    """Doubles, one after the other."""
    if isinstance(value, np.ndarray):
        return value.ndim == 1
    return isinstance(value, list) and all(isinstance(item, float) for item in value)


def _is_vector(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 1


def _checkpoint(row: Any, where: str) -> None:
    _expect(isinstance(row, Mapping) and type(row.get("step")) is int and row["step"] >= 0, f"{where}.step")
    for name in _PAIRS:
        pair = row.get(name)
        _expect(name in row and (pair is None or (_is_column(pair) and len(pair) == 2)), f"{where}.{name}")
    for name in ("parameters", "next"):
        _expect(name in row and (row[name] is None or _is_vector(row[name])), f"{where}.{name}")


def _centre(found: Mapping[str, Any], where: str) -> None:
    """The table of bounds about a centre, and the rows of it that are named."""
    _expect(found.get("certified_by") is None or isinstance(found["certified_by"], str), f"{where}certified_by")
    sizes = set()
    for name in _COLUMNS:
        if found.get(name) is not None:
            _expect(_is_column(found[name]), f"{where}{name}")
            sizes.add(len(found[name]))
    _expect(len(sizes) <= 1, f"{where}radii")
    _expect(found.get("offset") is None or isinstance(found["offset"], float), f"{where}offset")
    if "basin" in found:
        radii = found.get("radii")
        _expect(radii is not None and _is_index(found["basin"], len(radii)), f"{where}basin")
        _expect(_is_vector(found.get("centre")), f"{where}centre")

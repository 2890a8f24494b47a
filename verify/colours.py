"""Colours that mean the same in notebooks, reports and the figures of sweeps."""

from __future__ import annotations

__all__ = ["INK"]

INK = {"PROVED": "#14602f", "REFUTED": "#9b1c1c", "INCONCLUSIVE": "#7a4a00"}
"""Verdict → its colour; white on it has a contrast above 5 : 1."""

"""Grids of certificates: ``verify.sweep`` runs every case of a specification, on this machine or on a Dask cluster."""

from __future__ import annotations

from verify.sweeps.runner import Sweep, sweep
from verify.sweeps.specification import Case, Specification

__all__ = ["Case", "Specification", "Sweep", "sweep"]

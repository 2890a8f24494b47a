"""The table of a sweep: one Parquet file, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.errors import extra
from verify.files import write_whole
from verify.sweeps.case import COLUMNS

if TYPE_CHECKING:
    import pyarrow

__all__ = ["read_table", "write_tables"]

_WHOLE = ("n", "parameters", "width", "depth", "seed", "handover_step")
_REAL = (
    "lambda0_lower",
    "residual0_upper",
    "lambda_region_lower",
    "mu_lower",
    "radius_upper",
    "rate_upper",
    "drift_upper",
    "seconds",
)


def _arrow() -> Any:
    with extra("sweep"):
        import pyarrow
        import pyarrow.parquet
    return pyarrow


def _schema() -> pyarrow.Schema:
    """Return the columns with their types; fixed, so that two tables of the same rows are the same file."""
    pa = _arrow()
    ends = pa.list_(pa.float64())
    point = pa.struct(
        [("step", pa.int64()), *((name, ends) for name in ("loss", "lambda_min", "lambda_max", "pl_ratio", "drift"))]
    )
    kinds = dict.fromkeys(_WHOLE, pa.int64()) | dict.fromkeys(_REAL, pa.float64()) | {"checkpoints": pa.list_(point)}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])


def write_tables(directory: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write ``sweep.parquet`` and ``sweep.json`` into `directory`, each under a temporary name and renamed.

    Equal rows give equal bytes.
    """
    pa = _arrow()
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=_schema().with_metadata({"sweep": name}))
    parquet = pa.BufferOutputStream()
    pa.parquet.write_table(table, parquet)
    write_whole(directory / "sweep.parquet", parquet.getvalue().to_pybytes())
    document = {"sweep": name, "rows": [dict(row) for row in rows]}
    write_whole(directory / "sweep.json", json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_table(path: str | Path) -> list[dict[str, Any]]:
    """Return the rows of a ``sweep.parquet``."""
    rows: list[dict[str, Any]] = _arrow().parquet.read_table(path).to_pylist()
    return rows

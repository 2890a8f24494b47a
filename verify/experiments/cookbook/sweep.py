"""Many cases at once: a grid over widths and seeds, resumable, as one table."""

from __future__ import annotations

import sys
from pathlib import Path

from verify.sweeps import sweep
from verify.sweeps.table import read_table

SPECIFICATION = """
name = "widths"
[grid]
data = [{ name = "sphere", n = 6, d = 4, norm = 3.0 }]
width = [16, 32]
seed = [0]
scope = ["basin"]
"""


def main(folder: Path = Path("sweep")) -> list[dict[str, object]]:
    """Run the grid in `folder`; return its rows."""
    folder.mkdir(parents=True, exist_ok=True)
    specification = folder / "widths.toml"
    specification.write_text(SPECIFICATION, encoding="utf-8")
    sweep(specification, folder / "out", workers=1)
    rows = read_table(folder / "out" / "sweep.parquet")
    for row in rows:
        print(row["width"], row["verdict"], row["mu_lower"])
    return rows


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))

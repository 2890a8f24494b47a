"""What a run leaves behind: checkpoints, and a state that survives being killed.

With ``directory=`` a run writes its state there, each file under a temporary name and then renamed: killed at any moment, the same call
continues from the last state and, the arithmetic being deterministic on one machine, ends with the same certificate, bit for bit.

Memory. A kept checkpoint holds two parameter vectors, so their number is bounded: of those placed automatically some sixty are kept,
every second one being dropped when there are more (:func:`thinned`); those that the caller asks for or hands in are all kept, and refused
beyond 4,096 or 4 GiB.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from verify.arrays import Ball
from verify.errors import InputError, ResourceError
from verify.networks import Problem
from verify.networks.parameters import Vector, flatten
from verify.regions.neighbourhood.point_facts import PointFacts, pair, parts, whole

__all__ = [
    "Checkpoint",
    "fingerprint",
    "load_arrays",
    "make_directory",
    "require_room",
    "save_arrays",
    "thinned",
]


# Checkpoints that a run places by itself; beyond, every other one is dropped.
_AUTOMATIC = 64
# Checkpoints of any kind, and the bytes that they may take (two parameter vectors each).
_LARGEST_COUNT = 4096
_LARGEST_BYTES = 4 * 2**30


@dataclass(frozen=True)
class Checkpoint:
    """One kept iterate with what was proved about it.

    Attributes:
        facts: enclosures at θ̂_k.
        theta: θ̂_k (p,), exact.
        after: θ̂_{k+1} where it was kept.
        loss_after: Φ(θ̂_{k+1}).
        decrease: True: Φ(θ̂_{k+1}) ≤ (1 − ημ_k)Φ(θ̂_k) is certain; False: it is not; None: there is no neighbour.
        ratio: approximate supply/need of a ball certificate here.
    """

    facts: PointFacts
    theta: Vector = field(repr=False)
    after: Vector | None = field(repr=False, default=None)
    loss_after: Ball | None = None
    decrease: bool | None = None
    ratio: float = 0.0

    def as_witness(self) -> dict[str, Any]:
        """Return what a checker needs (see the witness notes in verify.regions.scopes.run)."""
        return {
            **self.facts.as_bounds(),
            "parameters": self.theta,
            "next": self.after,
            "next_loss": pair(self.loss_after),
            "decrease": self.decrease,
        }

    def save(self, path: Path) -> None:
        """Write to one file, atomically."""
        arrays = {"theta": self.theta}
        if self.after is not None:
            arrays["after"] = self.after
        meta = {
            "facts": self.facts.stored(),
            "loss_after": parts(self.loss_after),
            "decrease": self.decrease,
            "ratio": self.ratio,
        }
        save_arrays(path, arrays, meta)

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read what :meth:`save` wrote."""
        arrays, meta = load_arrays(path)
        return cls(
            facts=PointFacts.restored(meta["facts"]),
            theta=arrays["theta"],
            after=arrays.get("after"),
            loss_after=whole(meta["loss_after"]),
            decrease=meta["decrease"],
            ratio=float(meta["ratio"]),
        )


def require_room(count: int, parameters: int) -> None:
    """Refuse to keep more checkpoints than fit.

    Raises:
        ResourceError: `count` checkpoints of two vectors of `parameters` doubles exceed 4,096 or 4 GiB.
    """
    size = 16 * count * parameters
    if count > _LARGEST_COUNT or size > _LARGEST_BYTES:
        raise ResourceError(
            f"{count} checkpoints of two parameter vectors each ({size / 2**30:.1f} GiB): at most {_LARGEST_COUNT}, and 4 GiB, are kept;"
            " name fewer steps, or hand in fewer iterates"
        )


def thinned(kept: list[Checkpoint], asked: Collection[int]) -> list[Checkpoint]:
    """Return the checkpoints to keep: at most some sixty besides the steps asked for, the first and the last."""
    automatic = [c for c in kept if c.facts.step not in asked]
    if len(automatic) <= _AUTOMATIC:
        return kept
    dropped = {c.facts.step for c in automatic[1:-1:2]}
    return [c for c in kept if c.facts.step not in dropped]


def fingerprint(problem: Problem, **rest: Any) -> str:
    """Return a digest of everything that determines a run."""
    digest = hashlib.sha256()
    for array in (flatten(problem.network), problem.data.X, problem.data.y):
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    what = [str(problem.network.architecture()), problem.loss, str(problem.eta)]
    digest.update(json.dumps([*what, sorted((k, str(v)) for k, v in rest.items())]).encode())
    return digest.hexdigest()


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
    """Write arrays and a JSON header to one file, atomically: a temporary name, synchronised, then renamed.

    Floats in the header are stored as shortest decimals that read back as the same double.
    """
    temporary = path.with_name(path.name + ".partial")
    with temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, __meta__=np.array(json.dumps(meta)), **arrays)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    # The rename itself lasts once the directory is on disk.
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what :func:`save_arrays` wrote.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        # numpy leaves a file open in which it finds no zip.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files if name != "__meta__"}
            meta: dict[str, Any] = json.loads(str(stored["__meta__"]))
    except (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"directory: {path} is missing or damaged ({type(error).__name__}); name an empty directory, the run then begins anew"
        ) from error
    return arrays, meta


def make_directory(directory: Path) -> None:
    """Make the directory of a run's state, unless it is there.

    Raises:
        InputError: it cannot be made, or not be written into.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        writable = os.access(directory, os.W_OK)
    except OSError as error:
        raise InputError(
            f"directory={str(directory)!r}: no directory can be made there ({error.strerror}); name another"
        ) from error
    if not writable:
        raise InputError(f"directory={str(directory)!r}: may not be written into; name another")

"""How much memory this machine has free now, and a typed refusal of what would not fit; freed memory kept for the next arrays."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from verify.errors import ResourceError

__all__ = ["available", "keep_freed_memory", "require_memory"]

# The largest block whose release raises glibc's thresholds (DEFAULT_MMAP_THRESHOLD_MAX), less its header.
_RAISING = 2**25 - 2**16

# Below this nothing is asked: the question itself would show in the run time of small problems.
_SMALL = 64 * 2**20
_MEMINFO = Path("/proc/meminfo")
# (limit, use) of the control group that a container runs in, version 2 and version 1.
_CGROUPS = [
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
]
_PAGE_CACHE = Path("/sys/fs/cgroup/memory.stat")


@functools.cache
def keep_freed_memory() -> None:
    """Let glibc keep up to 64 MiB of freed memory for the next arrays, as it does of itself once a program has freed one block of 32 MiB.

    Until then each array above the largest block freed so far (128 KiB at first) is mapped anew, and what is free beyond twice that goes back to the
    system: pages are zeroed again and again, a third of the time that the NTK of 100 samples at width 1,024 takes. Frees such a block, once, of which
    no page was touched. Other allocators do as they please.
    """
    try:
        np.empty(_RAISING, dtype=np.uint8)
    except MemoryError:
        # Under a limit this tight nothing is to be kept.
        return


def available() -> int | None:
    """Return the bytes that can still be allocated, as the system estimates them; None where it does not say.

    The least of: free and reclaimable memory of the machine, what its container leaves, and what the process's own limit
    (``ulimit -v``) leaves.
    """
    found = [value for value in (_machine(), *(_group(*pair) for pair in _CGROUPS), _process()) if value is not None]
    return min(found) if found else None


def require_memory(need: int, what: str, remedy: str) -> None:
    """Refuse a computation that needs more memory than is free.

    Args:
        need: bytes. what: what needs them. remedy: what to do instead.

    Raises:
        ResourceError: names both amounts. Less than 64 MiB is never refused.
    """
    if need < _SMALL:
        return
    free = available()
    if free is not None and need > free:
        raise ResourceError(
            f"{what} needs about {need / 2**30:.1f} GiB, but {free / 2**30:.1f} GiB of memory are free; {remedy}"
        )


def _machine() -> int | None:
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _group(limit: Path, use: Path) -> int | None:
    try:
        allowed = limit.read_text().strip()
        if allowed == "max" or int(allowed) >= 2**60:
            return None
        return max(0, int(allowed) - int(use.read_text()) + _reclaimable())
    except (OSError, ValueError):
        return None


def _reclaimable() -> int:
    """Bytes that the group uses for cached files, given back when needed."""
    try:
        for line in _PAGE_CACHE.read_text().splitlines():
            if line.startswith("inactive_file "):
                return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return 0


def _process() -> int | None:
    try:
        import resource

        allowed = resource.getrlimit(resource.RLIMIT_AS)[0]
        if allowed == resource.RLIM_INFINITY:
            return None
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        return max(0, allowed - used)
    except (ImportError, OSError, ValueError, IndexError):
        return None

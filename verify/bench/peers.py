"""Optional peers (``pip install .[bench]``): imported when asked for, named when they cannot be."""

from __future__ import annotations

import importlib
import importlib.metadata
import warnings
from dataclasses import dataclass
from typing import Any

__all__ = ["Peer", "load"]

_REMEDY = {
    "jax": "pip install .[bench]",
    "curvlinops": "pip install .[bench]",
    "PEPit": "pip install .[bench]",
    "auto_LiRPA": "its release on PyPI (0.3) needs torch < 1.13; a clone of its repository, installed without its dependencies, imports",
    "neural_tangents": "needs tensorflow, which is not part of the extra",
}
_DISTRIBUTION = {
    "curvlinops": "curvlinops-for-pytorch",
    "auto_LiRPA": "auto-LiRPA",
    "neural_tangents": "neural-tangents",
}


@dataclass(frozen=True)
class Peer:
    """An imported package, or the reason why there is none.

    Attributes:
        name: import name. module: None when it does not import. version: of the distribution. reason: why not.
    """

    name: str
    module: Any
    version: str
    reason: str


def load(name: str) -> Peer:
    """Import a peer by name; an import that fails for whatever reason gives a Peer without a module."""
    try:
        with warnings.catch_warnings():
            # A peer's own deprecations are not ours to fail on.
            warnings.simplefilter("ignore")
            module = importlib.import_module(name)
        version = importlib.metadata.version(_DISTRIBUTION.get(name, name))
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''} ({_REMEDY.get(name, 'not installed')})"
        return Peer(name, None, "", reason)
    return Peer(name, module, version, "")

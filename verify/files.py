"""Files that are written whole or not at all, and JSON that is read without trusting it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["parse_json", "write_whole"]

_DEEPEST = 100
# A string, to its end or the text's; an opening bracket; a closing one.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|([\[{])|([\]}])', re.DOTALL)


def parse_json(
    text: str,
    *,
    object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
    parse_constant: Callable[[str], Any] | None = None,
) -> Any:
    """Parse JSON of somebody else's; the hooks are those of json.loads.

    Raises:
        ValueError: no JSON, or nested more than 100 deep: the parser recurses, and overflows the stack, a crash, where the process has
            raised its recursion limit.
    """
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += (token.lastindex == 1) - (token.lastindex == 2)
        if depth > _DEEPEST:
            raise ValueError(f"nested more than {_DEEPEST} deep")
    return json.loads(text, object_pairs_hook=object_pairs_hook, parse_constant=parse_constant)


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file under a temporary name beside it, then rename: readers see the old file or the new one, never half of one."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    os.replace(partial, path)

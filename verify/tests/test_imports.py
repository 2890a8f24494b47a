"""The arrows between modules: no circle, none upward, and proofs knows nothing of verify.

Imports inside functions count as well: deferring a circle does not undo it.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FLOORS = (
    {
        "verify.errors",
        "verify.decimals",
        "verify.answers",
        "verify.arguments",
        "verify.colours",
        "verify.files",
        "verify.memory",
    },
    {"verify.arrays"},
    {"verify.nn", "verify.networks", "verify.datasets"},
    {"verify.certificates"},
    {"verify.regions.neighbourhood"},
    {"verify.regions.descent"},
    {"verify.regions.scopes"},
    {"verify.regions"},
    {
        "verify.report",
        "verify.sweeps",
        "verify.formal",
        "verify.bench.table",
        "verify.bench.timing",
        "verify.pytest_plugin",
    },
    {"verify.experiments"},
    {"verify.artifact", "verify.bench"},
    {"verify.cli", "verify.choices", "verify.__main__"},
)
"""From the ground up; what stands on one floor may import only from its own floor and those below, and from proofs and the checker."""


@cache
def modules() -> dict[str, Path]:
    """Module name → file, without tests."""
    found = {}
    for top in ("verify", "proofs"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "tests" not in parts and "peers" not in parts:
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def arrows() -> dict[str, frozenset[str]]:
    """Module → modules of this repository that it imports, anywhere in its code but not for types alone."""
    known = modules()
    result = {}
    for name, path in known.items():
        targets: set[str] = set()
        for node in _running(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                targets |= {
                    f"{node.module}.{alias.name}" if f"{node.module}.{alias.name}" in known else node.module
                    for alias in node.names
                }
        result[name] = frozenset(target for target in targets if target in known and target != name)
    return result


def _running(node: ast.AST) -> list[ast.AST]:
    """Every node below, but what stands under ``if TYPE_CHECKING``."""
    found: list[ast.AST] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        found += [child, *_running(child)]
    return found


def _circles() -> list[list[str]]:
    """Strongly connected components of more than one module (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    circles: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for target in sorted(arrows()[name]):
            if target not in index:
                visit(target)
                low[name] = min(low[name], low[target])
            elif target in stack:
                low[name] = min(low[name], index[target])
        if low[name] == index[name]:
            component = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(component) > 1:
                circles.append(component)

    for name in arrows():
        if name not in index:
            visit(name)
    return circles


def _floor(name: str) -> int | None:
    best: tuple[int, int] | None = None
    for height, floor in enumerate(FLOORS):
        for prefix in floor:
            if (name == prefix or name.startswith(prefix + ".")) and (best is None or len(prefix) > best[1]):
                best = (height, len(prefix))
    return None if best is None else best[0]


def test_no_module_imports_itself_round_a_corner() -> None:
    assert not _circles(), "\n".join(" → ".join(circle) for circle in _circles())


def test_no_arrow_points_upward() -> None:
    wrong = []
    for name, targets in arrows().items():
        floor = _floor(name)
        for target in targets:
            above = _floor(target)
            if floor is not None and above is not None and above > floor:
                wrong.append(f"{name} → {target}")
    assert not wrong, "\n".join(wrong)


def test_every_module_stands_on_a_floor() -> None:
    free = [
        n for n in modules() if n.startswith("verify.") and _floor(n) is None and not n.startswith("verify.checker")
    ]
    assert free == []


def test_proofs_imports_nothing_of_verify_and_the_checker_nothing_else() -> None:
    wrong = [
        f"{name} → {target}"
        for name, targets in arrows().items()
        for target in targets
        if (name.startswith("proofs") and target.startswith("verify"))
        or (name.startswith("verify.checker") and not target.startswith("verify.checker"))
    ]
    assert not wrong, "\n".join(wrong)

"""Mutation testing of the checker: ``python -m verify.checker.tests.mutate`` (mutmut cannot fork per mutant here; see MUTANTS.md).

Each mutant is one change of the syntax tree: a comparison, an arithmetic or boolean operator, a number, a relation between
enclosures, a minimum for a maximum, a lower for an upper end, a condition, a demand or a refusal left out. A forked child runs the tests'
own functions against it, cheapest first; the first failure kills it. Survivors are printed, one line each.
"""

from __future__ import annotations

import ast
import copy
import functools
import importlib
import itertools
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any

from verify.checker.tests.battery import GRAPHS, battery

_COMPARE: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Lt: [ast.LtE, ast.Gt], ast.LtE: [ast.Lt, ast.Gt], ast.Gt: [ast.GtE, ast.Lt], ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.In: [ast.NotIn], ast.NotIn: [ast.In], ast.Is: [ast.IsNot], ast.IsNot: [ast.Is],
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.FloorDiv: ast.Mod,
}  # fmt: skip
_OPPOSITES = (("max", "min"), ("upper", "lower"), ("all", "any"), ("sin", "cos"))
_NAMES = {name: other for pair in _OPPOSITES for name, other in (pair, pair[::-1])}
_RELATIONS = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[Any], None]]]:
    """Ways to alter one node in place."""
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            for new in _COMPARE.get(type(op), []):
                yield f"{type(op).__name__} → {new.__name__}", lambda n, i=i, new=new: n.ops.__setitem__(i, new())  # type: ignore[misc]
    if (
        isinstance(node, ast.BinOp)
        and type(node.op) in _ARITHMETIC
        and not isinstance(node.left, ast.Constant | ast.JoinedStr)
    ):
        other = _ARITHMETIC[type(node.op)]
        yield f"{type(node.op).__name__} → {other.__name__}", lambda n: setattr(n, "op", other())
    if isinstance(node, ast.AugAssign):
        yield "+= → -=", lambda n: setattr(n, "op", ast.Sub())
    if isinstance(node, ast.BoolOp):
        yield "and ↔ or", lambda n: setattr(n, "op", ast.Or() if isinstance(n.op, ast.And) else ast.And())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "−x → x", lambda n: setattr(n, "op", ast.UAdd())
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield f"{node.value!r} → +1", lambda n: setattr(n, "value", n.value + 1)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"not {node.value}", lambda n: setattr(n, "value", not n.value)
    if isinstance(node, ast.Constant) and node.value in _RELATIONS:
        yield f"{node.value!r} turned", lambda n: setattr(n, "value", _RELATIONS[n.value])
    if isinstance(node, ast.Attribute) and node.attr in _NAMES:
        yield f".{node.attr} → .{_NAMES[node.attr]}", lambda n: setattr(n, "attr", _NAMES[n.attr])
    if isinstance(node, ast.Name) and node.id in _NAMES:
        yield f"{node.id} → {_NAMES[node.id]}", lambda n: setattr(n, "id", _NAMES[n.id])
    if isinstance(node, ast.If | ast.IfExp):
        yield "if True", lambda n: setattr(n, "test", ast.Constant(True))
        yield "if False", lambda n: setattr(n, "test", ast.Constant(False))
    if isinstance(node, ast.Raise):
        yield (
            "raise left out",
            lambda n: setattr(n, "gone", True),
        )
    called = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
    if isinstance(called, ast.Attribute | ast.Name):
        name = called.attr if isinstance(called, ast.Attribute) else called.id
        yield f"{name}(…) left out", lambda n: setattr(n, "value", ast.Constant(None))


def mutants(source: str) -> Iterator[tuple[int, str, ast.Module]]:
    """All mutants of a module: line, description, syntax tree. The tree is altered in place and restored afterwards."""
    tree = ast.parse(source)
    for node in list(ast.walk(tree)):
        for what, alter in list(_changes(node)):
            before = {key: list(value) if isinstance(value, list) else value for key, value in vars(node).items()}
            alter(node)
            dropped = isinstance(node, ast.Raise)
            yield getattr(node, "lineno", 0), what, (_Drop().visit(copy.deepcopy(tree)) if dropped else tree)
            vars(node).clear()
            vars(node).update(before)


class _Drop(ast.NodeTransformer):
    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return ast.Pass() if getattr(node, "gone", False) else node


@functools.cache
def _order() -> list[str]:
    """The checker's modules, each after those that it imports."""
    import verify.checker

    root, found = Path(verify.checker.__file__).parent, list[str]()

    def visit(name: str) -> None:
        if name in found or name == "__main__":
            return
        for node in ast.walk(ast.parse((root / f"{name}.py").read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("verify.checker"):
                parts = (
                    [a.name for a in node.names]
                    if node.module == "verify.checker"
                    else [str(node.module).split(".")[2]]
                )
                for part in parts:
                    if (root / f"{part}.py").exists():
                        visit(part)
        found.append(name)

    visit("__init__")
    return found


@functools.cache
def _compiled(path: Path) -> CodeType:
    return compile(path.read_text("utf-8"), f"<{path.stem}>", "exec")


def _install(module: str, tree: ast.Module) -> None:
    """Run the mutated module in place of the original, and the modules above it again; no test module keeps an old name."""
    import verify.checker

    root, order = Path(verify.checker.__file__).parent, _order()
    for name in order[order.index(module) :]:
        target = importlib.import_module("verify.checker" if name == "__init__" else f"verify.checker.{name}")
        code = compile(tree, f"<{name}>", "exec") if name == module else _compiled(root / f"{name}.py")
        exec(code, target.__dict__)
    above = ["verify.checker", *(f"verify.checker.{name}" for name in order[:-1])]
    for suite in [name for name in sys.modules if name.startswith("verify.checker.tests.")]:
        tests: Any = sys.modules[suite]
        for source in above:
            for defined, value in vars(sys.modules[source]).items():
                # The same object's successor, not another one of that name.
                own = getattr(value, "__module__", "").startswith("verify.checker")
                if own and getattr(vars(tests).get(defined), "__module__", None) == value.__module__:
                    setattr(tests, defined, value)


def _survives(module: str, tree: ast.Module, seconds: int) -> bool:
    """Run the battery in a forked child; True if nothing failed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(1, 2)
            resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
            signal.alarm(20 * seconds)
            with tempfile.TemporaryDirectory() as folder:
                _install(module, tree)
                battery(Path(folder), module)
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


def main(chosen: list[str]) -> int:
    """Report killed and surviving mutants of the modules (all of them by default); `module:first:step` takes a sample."""
    import verify.checker

    root = Path(verify.checker.__file__).parent
    for path in sorted((root / "tests").glob("test_*.py")):
        importlib.import_module(f"verify.checker.tests.{path.stem}")  # once, before forking
    total = alive = 0
    for item in chosen or _order():
        item, _, only = item.partition("@")  # module@12,34: those lines only
        module, first, stride = [*item.split(":"), "0", "1"][:3]
        source = (root / f"{module}.py").read_text("utf-8")
        lines = source.splitlines()
        for name in _order():
            _compiled(root / f"{name}.py")  # once, before forking
        started = time.monotonic()
        if not _survives(module, ast.parse(source), 300):
            print(f"{module}: the battery fails without any mutant")
            return 2
        for line, what, tree in itertools.islice(mutants(source), int(first), None, int(stride)):
            if only and str(line) not in only.split(","):
                continue
            total += 1
            if _survives(module, tree, 300 if module in GRAPHS else 30):
                alive += 1
                print(f"{module}.py:{line}: {what}: {lines[line - 1].strip()}", flush=True)
            elif total % 20 == 0:
                print(f"# {total} tried, {alive} alive", flush=True)
        print(f"# {module}: {total} so far, {alive} alive, {time.monotonic() - started:.0f} s", flush=True)
    print(f"# {total} mutants, {total - alive} killed ({100 * (total - alive) / max(total, 1):.1f} %)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What the READMEs name exists: files, modules to run, targets of make, commands with their options, public names, claims; the shell lines run."""

from __future__ import annotations

import fnmatch
import functools
import importlib
import json
import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import typer.main
from typer.testing import CliRunner

from proofs.ledger import ORDER
from verify.cli import app
from verify.experiments import around_initialisation, networks, stochastic
from verify.networks.reading.files import build_architecture, load_model

ROOT = Path(__file__).parents[2]
PARTS = ("verify", "proofs", "property_tests")
PAGES = sorted({ROOT / "README.md", *(page for part in PARTS for page in (ROOT / part).rglob("*.md"))})
CODE = re.compile(r"(?s:```.*?```)|`([^`]+)`|^ {4}(\S.*)$", flags=re.MULTILINE)
WRITTEN = {"tables.md", "tables/", "provenance/"}  # by the report and the experiments, not held here


def spans(page: Path) -> list[str]:
    """Inline code and indented lines, without what is replaced by the reader's own values."""
    return [" ".join((a or b).split()) for a, b in CODE.findall(page.read_text(encoding="utf-8")) if a or b]


def everywhere(pattern: str) -> Iterator[tuple[str, re.Match[str]]]:
    for page in PAGES:
        for span in spans(page):
            if found := re.match(pattern, span):
                yield f"{page.relative_to(ROOT)}: `{span}`", found


@functools.cache
def commands() -> dict[str, set[str]]:
    """Each command of ``verify`` with its options."""
    group = typer.main.get_command(app)
    return {
        name: {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        for name, command in group.commands.items()  # type: ignore[attr-defined]
    }


@functools.cache
def parsers() -> dict[str, set[str]]:
    """Each module that parses arguments of its own, with its options."""
    found = {}
    for part in PARTS:
        for path in (ROOT / part).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = set(re.findall(r"add_argument\(\s*\"(--[\w-]+)\"", source))
    return found


def options(words: list[str]) -> set[str]:
    return {word.split("=")[0] for word in words if re.match(r"--[a-z]", word)}


def test_every_file_that_a_page_names_is_there() -> None:
    for page in PAGES:
        for span in spans(page):
            name = span.removeprefix("source/")
            if (
                not re.fullmatch(r"[\w./-]+(\.(py|v|md|toml)|/)", name)
                or name in WRITTEN
                or name.startswith("results/")
            ):
                continue
            near = any((folder / name).exists() for folder in (page.parent, ROOT))
            assert near or next(page.parent.rglob(name), None), f"{page.relative_to(ROOT)}: `{span}`"


def test_every_module_that_a_page_runs_can_be_run_and_has_the_options_named() -> None:
    seen = 0
    for where, found in everywhere(r"(?:\S+/)?python -m ([\w.]+)(.*)"):
        module = found[1].removesuffix(".NAME")
        spec = find_spec(module)
        assert spec is not None, where
        package = spec.submodule_search_locations is not None
        runs = f"{module}.__main__" if package and find_spec(f"{module}.__main__") else module
        known = parsers()[runs] | parsers().get(module, set()) | parsers()["verify.experiments.files"]
        assert options(found[2].split()) <= known, where
        seen += 1
    assert seen > 10


def test_every_target_of_make_that_a_page_names_exists() -> None:
    seen = 0
    for page in PAGES:
        for span in spans(page):
            if found := re.match(r"(?:cd source && )?make (?:-C (\S+))?\s*([a-z][\w-]*)?", span):
                folders = [ROOT / found[1]] if found[1] else [ROOT, page.parent]
                rules = [
                    (folder / "Makefile").read_text(encoding="utf-8")
                    for folder in folders
                    if (folder / "Makefile").exists()
                ]
                targets = re.findall(r"^([\w-]+):", "\n".join(rules), flags=re.MULTILINE)
                assert (found[2] or targets[0]) in targets, f"{page.relative_to(ROOT)}: `{span}`"
                seen += 1
    assert seen > 10


def test_every_command_that_a_page_names_has_its_options() -> None:
    seen = 0
    for where, found in everywhere(r"(?:python -m )?verify ([a-z]+)\b(.*)"):
        assert found[1] in commands(), where
        assert options(found[2].split()) <= commands()[found[1]], where
        seen += 1
    assert seen > 10
    known = set().union(*commands().values(), *parsers().values())
    for where, found in everywhere(r"(--.*)"):
        assert options(found[1].split()) <= known, where


def test_every_public_name_that_a_page_writes_out_exists() -> None:
    for where, found in everywhere(rf"((?:{'|'.join(PARTS)})(?:\.\w+)+)"):
        module, *rest = found[1].split(".")
        thing = importlib.import_module(module)
        for name in rest:
            if not hasattr(thing, name) and name != "NAME":
                module = f"{thing.__name__}.{name}"
                assert find_spec(module) is not None, where
                importlib.import_module(module)
            thing = getattr(thing, name, thing)


def test_every_claim_that_a_page_cites_is_in_the_ledger() -> None:
    known = {name for group in ORDER.values() for name in group}
    for page in PAGES:
        for name in re.findall(r"\bclaims? `?([a-z0-9]+(?:_[a-z0-9]+)+)", page.read_text(encoding="utf-8")):
            assert name in known, f"{page.relative_to(ROOT)}: claim {name}"


def test_every_case_of_an_experiment_that_a_page_names_can_be_made() -> None:
    known = {case.name for module in (around_initialisation, networks, stochastic) for case in module.CASES}
    known |= {case.name for case in networks.SHORT}
    page = ROOT / "verify" / "experiments" / "README.md"
    named = {span for place in (page, ROOT / "verify" / "regions" / "README.md") for span in spans(place)}
    named = {span for span in named if re.fullmatch(r"(region|mlp|cnn|lenet|resnet|tanh|relu|mnist)-[\w.…-]+", span)}
    assert len(named) > 15
    assert [span for span in sorted(named) if not fnmatch.filter(known, span.replace("…", "*"))] == []


def _shell_lines() -> list[str]:
    lines = [span for span in spans(ROOT / "README.md") if re.match(r"verify (certify|check) ", span)]
    return [line for line in lines if "." in line]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the front page's shell lines name: the architecture is the one that networks/README.md shows."""
    text = (ROOT / "verify" / "networks" / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```json\n(.*?)```", text, flags=re.DOTALL)
    assert found is not None
    (tmp_path / "net.json").write_text(found[1], encoding="utf-8")
    torch.manual_seed(0)
    net = build_architecture(json.loads(found[1]))
    rng = np.random.default_rng(0)
    table = np.column_stack([rng.normal(size=(4, next(net.parameters()).shape[1])), rng.normal(size=4)])
    for name in ("weights.safetensors", "w.safetensors"):
        safetensors.torch.save_file(net.state_dict(), tmp_path / name)
    for name in ("data.csv", "d.csv"):
        np.savetxt(tmp_path / name, table, delimiter=",", fmt="%.17g")
    assert load_model(str(tmp_path / "w.safetensors"), tmp_path / "net.json") is not None
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_shell_lines_of_the_front_page_run_one_after_the_other(folder: Path) -> None:
    lines = _shell_lines()
    assert len(lines) == 3
    for line in lines:
        result = CliRunner().invoke(app, shlex.split(line)[1:])
        assert result.exit_code == 0, f"{line}: {result.output}"
    assert (folder / "c.zip").exists()

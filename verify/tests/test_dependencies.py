"""What the package needs: ranges, their tested ends, and what a plain install does without the extras."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from verify.errors import MissingExtraError, extra

ROOT = Path(__file__).parents[2]
EXTRAS_MODULES = (
    "typer",
    "rich",
    "matplotlib",
    "sklearn",
    "mlxtend",
    "dask",
    "distributed",
    "pyarrow",
    "z3",
    "cvc5",
    "pytest",
)

BLOCKED = f"import sys\nfor name in {EXTRAS_MODULES!r}:\n    sys.modules[name] = None\n"


def declared() -> dict[str, str]:
    """Name → specifier, of everything in pyproject.toml but this package's own extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [
        *project["dependencies"],
        *(line for key, extra in project["optional-dependencies"].items() if key != "bench" for line in extra),
    ]
    pairs = [re.fullmatch(r"([A-Za-z0-9._-]+)(\[.*\])?(.*)", line) for line in lines]
    return {pair[1].lower(): pair[3] for pair in pairs if pair and pair[1] != "lplr-verify"}


def pins(name: str) -> dict[str, str]:
    """Name → version of a file below .ci."""
    return {
        match[1].lower(): match[2]
        for match in re.finditer(
            r"^([A-Za-z0-9._-]+)==([^\s\\]+)", (ROOT / ".ci" / name).read_text(encoding="utf-8"), re.MULTILINE
        )
    }


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def test_the_lower_bounds_are_what_the_second_leg_installs() -> None:
    bounds = {name: re.match(r">=([\d.]+)", spec) for name, spec in declared().items()}
    assert {name: bound[1] for name, bound in bounds.items() if bound} == pins("lowest.txt")


def test_the_pins_lie_in_the_ranges_and_all_but_torch_have_hashes() -> None:
    pinned = pins("constraints.txt") | pins("torch.txt")
    for name, spec in declared().items():
        for relation, bound in re.findall(r"(>=|<|==)([\d.]+)", spec):
            found = version(pinned[name])
            holds = {">=": found >= version(bound), "<": found < version(bound), "==": found == version(bound)}
            assert holds[relation], f"{name} {spec}: pinned {pinned[name]}"
    text = (ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8")
    assert "torch" not in pins("constraints.txt")
    for entry in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in entry, entry


def test_a_plain_install_certifies_and_checks(tmp_path: Path) -> None:
    script = BLOCKED + (
        "import verify\nfrom verify import datasets, nn\n"
        "net = nn.fully_connected([5, 16, 1], seed=0, ntk=True)\n"
        "cert = verify.certify(net, *datasets.sphere(4, 5, 3.0), scope='run')\n"
        f"path = cert.save({str(tmp_path / 'c.zip')!r})\n"
        "print(cert.verdict, verify.check(path).verdict, len(cert._repr_html_()) > 100)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["PROVED", "ACCEPTED", "True"], done.stderr


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("from verify import datasets; datasets.digits(5)", "data"),
        ("from verify import datasets; datasets.mnist(5)", "data"),
        ("from verify.report import write_report", "report"),
        ("from verify.certificates.display import as_rich; as_rich(None)", "cli"),
        (
            "from verify.sweeps import sweep; sweep({'case': [{'data': {'name': 'sphere', 'n': 3, 'd': 2, 'norm': 1.0}}]}, OUT)",
            "sweep",
        ),
    ],
)
def test_what_is_missing_is_named_with_its_extra(code: str, name: str, tmp_path: Path) -> None:
    script = f"{BLOCKED}OUT = {str(tmp_path)!r}\n{code}\n"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert f"pip install 'lplr-verify[{name}]'" in done.stderr.strip().splitlines()[-1]


def test_the_command_line_without_its_extra_is_one_line_and_exit_code_3() -> None:
    script = f"{BLOCKED}import runpy; runpy.run_module('verify', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert len(done.stderr.strip().splitlines()) == 1
    assert "lplr-verify[cli]" in done.stderr


def test_other_errors_pass_through() -> None:
    with pytest.raises(ZeroDivisionError), extra("data"):
        raise ZeroDivisionError
    with pytest.raises(MissingExtraError, match=r"lplr-verify\[data\]"), extra("data"):
        raise ImportError("no module")

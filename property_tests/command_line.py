"""Damaged files at the command line: each verb that reads a file ends with exit code 0 to 3, one line where it refuses, never a fault of its own."""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import random
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import strategies as st
from safetensors.numpy import save

from property_tests.damage import damaged
from property_tests.damaged_certificates import TOKENS, sound_certificates, with_fitting_hash
from verify.answers import ERROR
from verify.arrays.arithmetic_probe import require_sound_arithmetic
from verify.cli import main
from verify.errors import InputError, VerifyError
from verify.formal import text
from verify.formal.witness import find_witness
from verify.regions import certification

__all__ = ["commands", "damage_command", "run_command"]

_probed = cache(require_sound_arithmetic)
_WITNESSES: dict[bytes, Any] = {}


def _witness(problem: Any) -> Any:
    """What :func:`verify.formal.witness.find_witness` returns or raises, searched once for each problem: edits mostly leave its numbers alone."""
    key = pickle.dumps(problem)
    if key not in _WITNESSES:
        try:
            _WITNESSES[key] = find_witness(problem)
        except VerifyError as error:
            _WITNESSES[key] = error
    found = _WITNESSES[key]
    if isinstance(found, VerifyError):
        raise found
    return found


_FAULT = "This is a fault of lplr-verify"
_CSV = b"a,b,t\n1.0,2.0,1\n0.5,-1.0,-1\n-1.0,0.25,1\n"
_CELLS = [*TOKENS, b",", b"\n", b";", b"nan", b"1e400", b"\xef\xbb\xbf", b"1_0", b"[", b"=", b"tanh"]


@cache
def _weights() -> bytes:
    rng = np.random.default_rng(0)
    shapes = {"0.weight": (4, 2), "0.bias": (4,), "2.weight": (1, 4), "2.bias": (1,)}
    return bytes(save({name: rng.standard_normal(shape) for name, shape in shapes.items()}))


_NETWORK = {
    "layers": [
        {"type": "Linear", "in_features": 2, "out_features": 4},
        {"type": "Tanh"},
        {"type": "Linear", "in_features": 4, "out_features": 1},
    ]
}


@st.composite
def commands(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a command line and its files, all of them sound: {"arguments": [str, …], "files": {name: bytes}}; {} in an argument is the folder."""
    verb = draw(st.sampled_from([*["certify", "check", "resume"] * 4, "formal", "report"]))
    as_json = draw(st.sampled_from([[], ["--json"]]))
    files = {"w.safetensors": _weights(), "net.json": json.dumps(_NETWORK).encode(), "d.csv": _CSV}
    model = ["{}/w.safetensors", "--architecture", "{}/net.json", "--data", "{}/d.csv"]
    if verb == "certify":
        # Files are what is damaged here: the scopes that search are drawn now and then.
        scope = draw(st.sampled_from([*["point"] * 6, "ball", "auto", "basin"]))
        loss, lr = (
            draw(st.sampled_from(["sum", "mse"])),
            draw(st.sampled_from([[], ["--lr", "1/8"], ["--lr", "-1"], ["--lr", "x"]])),
        )
        return {"arguments": ["certify", *model, "--scope", scope, "--loss", loss, *lr, *as_json], "files": files}
    if verb == "report":
        return {
            "arguments": ["report", "{}"],
            "files": {"certificates.json": b"{}", "certificates/c.zip": draw(sound_certificates())},
        }
    files["c.zip"] = draw(sound_certificates())
    if verb == "check":
        about = draw(st.sampled_from([*[[]] * 4, ["--weights", *model], ["--data", "{}/d.csv"]]))
        return {"arguments": ["check", "{}/c.zip", "--seconds", "5", *about, *as_json], "files": files}
    if verb == "formal":
        return {"arguments": ["formal", "{}/c.zip", "--out", "{}/c.v", *as_json], "files": {"c.zip": files["c.zip"]}}
    return {
        "arguments": ["certify", *model, "--scope", "run", "--steps", "2", "--resume", "{}/c.zip", *as_json],
        "files": files,
    }


def damage_command(command: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Edit one file, most often within what is behind its hash, or drop one."""
    edited = copy.deepcopy(command)
    name = rng.choice(sorted(edited["files"]))
    content = edited["files"][name]
    if rng.random() < 0.05:
        del edited["files"][name]
    elif name.endswith(".zip") and rng.random() < 0.7:
        edited["files"][name] = with_fitting_hash(content, rng)
    else:
        edited["files"][name] = damaged(content, rng, _CELLS)
    return edited


def run_command(command: dict[str, Any], folder: Path) -> None:
    """Run one command in `folder`; raises AssertionError where it ends otherwise than promised, InputError where it refuses (exit code 3)."""
    home = folder / "case"
    for name, content in command["files"].items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    arguments = [argument.replace("{}", str(home)) for argument in command["arguments"]]
    out, err = io.StringIO(), io.StringIO()
    try:
        # Without Coq on the PATH what comes before it is tested, thousands of times; the arithmetic is probed for all of them at once.
        with (
            mock.patch.dict(os.environ, {"PATH": ""}),
            mock.patch.object(certification, "require_sound_arithmetic", _probed),
            mock.patch.object(text, "find_witness", _witness),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = main(arguments)
    finally:
        for path in sorted(home.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    said = out.getvalue() + err.getvalue()
    assert code in (0, 1, 2, ERROR), code
    assert _FAULT not in said, said
    assert "Traceback" not in said, said
    if "--json" in arguments:
        answer = json.loads(out.getvalue())
        assert (code == ERROR) == ("error" in answer), answer
    elif code == ERROR:
        assert err.getvalue().strip().count("\n") == 0, err.getvalue()
    if code == ERROR:
        raise InputError("refused")

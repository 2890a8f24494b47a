"""Damaged certificates for the fuzzer: whole files, and documents whose hash fits again, at the reader, the checker and its command line."""

from __future__ import annotations

import copy
import io
import json
import random
import zipfile
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import strategies as st

from verify.certificates import Certificate
from verify.certificates.sentences import sentence
from verify.checker import __main__ as command_line, check
from verify.checker.tests.drafts import all_drafts
from verify.checker.tests.sealing import seal

__all__ = ["TOKENS", "read_certificate", "sound_certificates", "with_fitting_hash"]

_DOCUMENT = "certificate.json"
TOKENS = [
    b'"',
    b"null",
    b"{}",
    b"[]",
    b"0x1.8p+1",
    b"inf",
    b"$ball",
    b"PK\x05\x06",
    b"\x93NUMPY",
    b"-1",
    b"99",
    b"PROVED",
    b"ball",
]


@cache
def _sound() -> dict[str, bytes]:
    found = {}
    for name, draft in all_drafts().items():
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for member, data in draft.files().items():
                archive.writestr(member, data)
        found[name] = buffer.getvalue()
    return found


def sound_certificates() -> st.SearchStrategy[bytes]:
    """Draw a true certificate's zip."""
    return st.sampled_from(sorted(_sound())).map(lambda name: _sound()[name])


def with_fitting_hash(content: bytes, rng: random.Random) -> bytes:
    """Damage the document within its JSON, one to three values at any depth, and seal it again: what lies behind the hash is reached."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    document = json.loads(files[_DOCUMENT])
    del document["sha256"]
    for _ in range(rng.randint(1, 3)):
        node = document
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            key = rng.choice(keys)
            if not (isinstance(node[key], dict | list) and node[key]) or rng.random() < 0.1:
                break
            node = node[key]
        other: list[Any] = [
            None,
            True,
            -1,
            2**70,
            "",
            "0x1.8000000000000p+1",
            {},
            [],
            {"$float": "nan"},
            {"$ball": ["inf", "0x0.0p+0"]},
        ]
        node[key] = copy.deepcopy(rng.choice([*other, document.get("witness"), node[key]]))
    files[_DOCUMENT] = seal(document)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        for member, data in files.items():
            archive.writestr(member, data)
    return buffer.getvalue()


def read_certificate(content: bytes, folder: Path) -> None:
    """Check and load one file: a verdict with its reason, or one typed line; what is accepted can be told in a sentence."""
    path = folder / "certificate.zip"
    path.write_bytes(content)
    found = check(path, seconds=20.0)
    assert found.accepted == bool(found.claims) == (not found.failures)
    # The command line is asked what it makes of the same outcome, not to check once more.
    with redirect_stdout(io.StringIO()) as said, mock.patch.object(command_line, "check", return_value=found):
        code = command_line.main([str(path)])
    assert (code, said.getvalue().split(":")[0]) == (
        {"ACCEPTED": 0, "REJECTED": 1, "UNDECIDED": 2}[found.verdict],
        found.verdict,
    )
    assert sentence(Certificate.load(path))

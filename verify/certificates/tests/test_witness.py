"""A witness read from an altered file: refused by the name of the field, or used; never a fault in whoever reads it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify.certificates import Certificate
from verify.certificates.plots import absorbed_residual, kernel_on_ball, plots_of_certificate
from verify.certificates.sentences import sentence
from verify.certificates.witness import require_shape
from verify.certificates.wording import facts
from verify.checker.tests.drafts import all_drafts
from verify.errors import InputError, VerifyError
from verify.formal.problem import formal_problem

_DRAFTS = all_drafts()


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Certificate]:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 12), torch.nn.Tanh(), torch.nn.Linear(12, 1)).double()
    X, y = torch.randn(3, 2).double(), torch.randn(3, 1).double()
    found = {
        "basin": verify.certify(net, X, y, scope="basin"),
        "run onto a basin": verify.certify(net, X, y, scope="run"),
    }
    path = tmp_path_factory.mktemp("witness") / "c.zip"
    for name in ("run", "exact", "ball_residual"):
        found[name] = Certificate.load(_DRAFTS[name].save(path))
    return found


def _altered(node: Any) -> Iterator[Any]:
    """Copies of a tree with one entry replaced by something else, or left out."""
    if isinstance(node, Mapping):
        for key, item in node.items():
            yield {k: v for k, v in node.items() if k != key}
            others: list[Any] = [-3, 10**9, "x", [], {}, None, 0.5, np.zeros((2, 2))]
            yield from ({**node, key: other} for other in others)
            for inner in _altered(item):
                yield {**node, key: inner}
    elif isinstance(node, list) and node:
        for at in {0, len(node) - 1}:
            for inner in (7, "x", *_altered(node[at])):
                changed = copy.copy(node)
                changed[at] = inner
                yield changed


def _read(certificate: Certificate) -> None:
    """Everything that looks into a witness."""
    network = certificate.problem.network
    for reader in (
        facts,
        sentence,
        lambda c: kernel_on_ball(c, "c"),
        lambda c: absorbed_residual(c, "c"),
        lambda c: plots_of_certificate(c, "c"),
        lambda c: c.mismatch(network),
        formal_problem,
    ):
        try:
            reader(certificate)
        except VerifyError:
            continue


def test_an_altered_witness_is_refused_or_read(stored: dict[str, Certificate]) -> None:
    refused = used = 0
    for certificate in stored.values():
        for witness in _altered(dict(certificate.witness)):
            try:
                require_shape(witness, certificate.scope)
            except InputError:
                refused += 1
                continue
            used += 1
            changed = copy.copy(certificate)
            object.__setattr__(changed, "witness", witness)
            _read(changed)
    assert refused > 200
    assert used > 200


def test_a_file_with_such_a_witness_is_refused_by_name(tmp_path: Path) -> None:
    """Fuzzing found it: `verify formal` met the number 7 in the place of the checkpoints, and ended in a TypeError."""
    draft = _DRAFTS["run"].copy()
    draft.document["witness"]["checkpoints"] = 7
    with pytest.raises(InputError, match=r"witness\.checkpoints: not of the shape"):
        Certificate.load(draft.save(tmp_path / "c.zip"))

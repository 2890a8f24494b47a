"""The example certificates of ``verify/checker/examples``: one per kind of statement, each under 2 MiB."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

import verify.checker.examples
from verify import datasets, nn
from verify.certificates import Certificate
from verify.checker import check
from verify.checker.examples.__main__ import described, manifest
from verify.errors import VerifyError
from verify.experiments.runs import mlp
from verify.regions import certify

__all__ = ["EXAMPLES", "FOLDER", "write_examples"]

FOLDER = Path(verify.checker.examples.__file__).parent
_LARGEST = 2 * 2**20


def _ball() -> Certificate:
    return certify(
        nn.antisymmetric_two_layer(10, 2**14, seed=0), *datasets.sphere(10, 10, 9.0), lr="1/500", scope="ball"
    )


def _run() -> Certificate:
    return certify(mlp((64, 256, 1)), *datasets.digits(50, norm=24.0), scope="run")


def _exact() -> Certificate:
    return certify(mlp((10, 64, 1)), *datasets.sphere(20, 10, 4.0), scope="exact")


def _basin() -> Certificate:
    return certify(mlp((64, 64, 1), ntk=False), *datasets.digits(50), scope="basin", loss="mse")


def _relu() -> Certificate:
    generator = torch.Generator().manual_seed(0)
    net = torch.nn.Sequential(
        nn.NTKLinear(64, 128, bias=True, generator=generator),
        torch.nn.ReLU(),
        nn.NTKLinear(128, 1, generator=generator),
    )
    return certify(net, *datasets.digits(50, norm=24.0), scope="basin")


def _region() -> Certificate:
    return certify(
        nn.antisymmetric_two_layer(10, 1024, seed=0), *datasets.sphere(10, 10, 9.0), lr="1/10", scope="region"
    )


EXAMPLES: dict[str, Callable[[], Certificate]] = {
    "ball-at-initialisation-n10": _ball,
    "run-digits-n50": _run,
    "exact-sphere-n20": _exact,
    "basin-digits-n50": _basin,
    "basin-relu-digits-n50": _relu,
    "region-around-initialisation-n10": _region,
}
"""File name (without suffix) → how the certificate is made."""


def write_examples(folder: Path = FOLDER) -> None:
    """Make every example, check it, and write manifest and expected output.

    Raises:
        VerifyError: an example is not PROVED, not ACCEPTED, or larger than 2 MiB.
    """
    for name, make in EXAMPLES.items():
        certificate = make()
        path = certificate.save(folder / f"{name}.zip")
        if certificate.verdict != "PROVED" or path.stat().st_size > _LARGEST:
            raise VerifyError(
                f"{name}: {certificate.verdict}, {path.stat().st_size} bytes; an example is PROVED and ≤ 2 MiB"
            )
    expected = []
    for path in sorted(folder.glob("*.zip")):
        result = check(path)
        if not result.accepted:
            raise VerifyError(f"{path.name}: {result.verdict}: {'; '.join(result.failures)}")
        expected.append(described(path.name, result))
    (folder / "expected.txt").write_text("\n".join(expected) + "\n", encoding="utf-8")
    (folder / "MANIFEST.sha256").write_text(manifest(folder), encoding="utf-8")

"""A pytest plugin: tests that fail when a certificate no longer holds, no longer checks, or is about another network.

Installed with the package (entry point ``pytest11``); without it, ``-p verify.pytest_plugin``. Nothing heavy is imported until it is used.

* Marker ``@pytest.mark.certified("net.zip")``: before the test the stand-alone checker must accept that file, and it must be no refutation
  (path relative to the test's folder; ``seconds=`` limits it).
* Fixture ``certified``: ``certified(model, X, y, **options)`` certifies and fails unless PROVED; ``certified.file(path, model, X, y)`` fails unless the stored
  certificate is one of verdict PROVED, ACCEPTED, and about this network and these data. Both return the certificate. The message is the inequality that broke.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

__all__ = ["Certified", "certified"]


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers", "certified(path, seconds=600): the certificate at `path` must be ACCEPTED before the test runs"
    )


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Check the certificates that markers name."""
    for mark in item.iter_markers("certified"):
        if len(mark.args) != 1 or set(mark.kwargs) - {"seconds"}:
            pytest.fail("marker certified: expected certified(path) or certified(path, seconds=600)", pytrace=False)
        _accepted(item.path.parent / mark.args[0], mark.kwargs.get("seconds", 600.0))


def _accepted(path: Path, seconds: float) -> None:
    """Fail unless the checker accepts the file, as a proof."""
    from verify.checker import check

    if not path.exists():
        pytest.fail(f"certificate {path}: no such file", pytrace=False)
    result = check(path, seconds)
    if not result.accepted:
        pytest.fail(f"certificate {path}: {result.verdict}: {'; '.join(result.failures)}", pytrace=False)
    refutation = next((claim for claim in result.claims if claim.startswith("zero_loss_unreachable:")), None)
    if refutation is not None:
        # Accepted too, but what it proves is that there is no such region.
        pytest.fail(f"certificate {path}: REFUTED: {refutation}", pytrace=False)


class Certified:
    """What the fixture gives."""

    def __init__(self, folder: Path) -> None:
        """Relative paths start at `folder`."""
        self._folder = folder

    def __call__(self, model: Any, X: Any, y: Any, *, scope: Any = "auto", **options: Any) -> Any:
        """Return the certificate of this network and these data; the test fails unless it is PROVED.

        Arguments are those of :func:`verify.certify`.
        """
        from verify import certify
        from verify.certificates.wording import broken

        certificate = certify(model, X, y, scope=scope, **options)
        if not certificate.proved:
            found = broken(certificate)
            reason = "" if found == certificate.reason else f"\n{certificate.reason}"
            pytest.fail(f"{certificate.verdict} (scope {certificate.scope}): {found}{reason}", pytrace=False)
        return certificate

    def file(self, path: str | Path, model: Any = None, X: Any = None, y: Any = None, *, seconds: float = 600.0) -> Any:
        """Return the certificate stored at `path`; the test fails unless the checker accepts it and it is about what is given."""
        from verify.certificates import Certificate

        place = self._folder / path
        _accepted(place, seconds)
        certificate = Certificate.load(place)
        other = certificate.mismatch(model, X, y)
        if other is not None:
            pytest.fail(f"certificate {place}: it is about another problem: {other}", pytrace=False)
        return certificate


@pytest.fixture
def certified(request: pytest.FixtureRequest) -> Certified:
    """Certify in a test, or check a stored certificate; see :class:`Certified`."""
    return Certified(request.path.parent)

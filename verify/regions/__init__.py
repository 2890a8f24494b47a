"""Certified regions: ball, run and exact scopes, and the public :func:`certify`."""

from verify.regions.certify import certify

__all__ = ["certify"]

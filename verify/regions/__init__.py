"""Certified regions: ball, run and exact scopes, and the public :func:`certify`."""

from verify.regions.certification import certify

__all__ = ["certify"]

"""Certified regions: the scopes, and the public :func:`certify`."""

from verify.regions.certification import certify

__all__ = ["certify"]

"""Certificates: the file format that a stand-alone checker reads (certificate.schema.json, encoding.py)."""

from verify.certificates.certificate import (
    FORMAT,
    VERSION,
    Certificate,
    Relation,
    Scope,
    Step,
    Verdict,
    schema,
)
from verify.networks.problem import Problem

__all__ = ["FORMAT", "VERSION", "Certificate", "Problem", "Relation", "Scope", "Step", "Verdict", "schema"]

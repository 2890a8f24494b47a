"""Example certificates with the checker's expected output: ``python -m verify.checker.examples`` checks them all.

``MANIFEST.sha256`` lists the files, ``expected.txt`` what the checker says of each; both are written by ``python -m verify.artifact examples``
from the engine's certificates, and checking them needs python-flint alone.
"""

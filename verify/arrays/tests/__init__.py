"""Containment, tightness and mutation tests of the rigorous arrays."""

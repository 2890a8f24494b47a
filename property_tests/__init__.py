"""Hypothesis draws architectures, data and steps, and tries to break what certificates claim."""

"""Gradient descent, executed in float64 and enclosed: iterates, their growth, the state of a run. Over neighbourhood/; knows no scope."""

"""Experiments on ordinary problems: networks, data and initialisations as users bring them."""

"""Elementary functions and activations, on four floors, each built on the one before.

:mod:`~verify.arrays.functions.at_points` evaluates kernels at doubles with a derived error bound;
:mod:`~verify.arrays.functions.on_thin_balls` makes of them the activations and their derivatives on points and balls a few ulp wide;
:mod:`~verify.arrays.functions.critical_points` lists where these derivatives turn;
:mod:`~verify.arrays.functions.on_balls` spans ranges over balls of any width: what users call.
"""

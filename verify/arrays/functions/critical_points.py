"""Where the derivatives of the activations have interior extrema: the zeros of the next derivative.

Each list holds every real zero z of f^(k+1), as the nearest double c: |z − c| ≤ 2u|c| is proved, 4u|c| is allowed
for. Outside these points f^(k) is monotone, so its range over an interval is spanned by the ends and the listed
points inside. That the lists are complete is proved in tests/test_critical.py by Arb: one sign of f^(k+1) on every
gap and on both tails.
"""

from __future__ import annotations

CRITICAL: dict[str, tuple[tuple[float, ...], ...]] = {
    "tanh": (
        (),
        (0.0,),
        (-0.6584789484624084, 0.6584789484624084),
        (-1.1462158347805889, 0.0, 1.1462158347805889),
    ),
    "sigmoid": (
        (),
        (0.0,),
        (-1.3169578969248168, 1.3169578969248168),
        (-2.2924316695611777, 0.0, 2.2924316695611777),
    ),
    "softplus": (
        (),
        (),
        (0.0,),
        (-1.3169578969248168, 1.3169578969248168),
    ),
    "silu": (
        (-1.2784645427610737,),
        (-2.3993572805154675, 2.3993572805154675),
        (-3.435840993535111, 0.0, 3.435840993535111),
        (-4.429235100557228, -1.0319582417807491, 1.0319582417807491, 4.429235100557228),
    ),
    "gelu": (
        (-0.7517915246935645,),
        (-1.4142135623730951, 1.4142135623730951),
        (-2.0, 0.0, 2.0),
        (-2.5243377989621387, -0.7922869913932613, 0.7922869913932613, 2.5243377989621387),
    ),
    "gelu_tanh": (
        (-0.7524614220710163,),
        (-1.4185040087908283, 1.4185040087908283),
        (-2.013480724624258, 0.0, 2.013480724624258),
        (-2.553417914329443, -0.787576186418894, 0.787576186418894, 2.553417914329443),
    ),
    "erf": (
        (),
        (0.0,),
        (-0.7071067811865476, 0.7071067811865476),
        (-1.224744871391589, 0.0, 1.224744871391589),
    ),
}

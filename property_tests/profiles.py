"""Hypothesis profiles: how many draws, and whether they are the same every time.

dev: seconds, other draws each time. ci: inside ``make test``, always the same draws. soak: for ``python -m property_tests.soak``.
Select one with ``pytest --hypothesis-profile=property-dev property_tests``; the default here is ci. They are never loaded globally, so that the
other parts' tests keep their own settings.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

__all__ = ["PROFILES", "for_weight"]

# A draw builds and certifies a network: far slower than Hypothesis expects, and no sign of a bad strategy.
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.large_base_example]

PROFILES = {
    "property-dev": settings(max_examples=4, deadline=None, database=None, suppress_health_check=_SLOW),
    "property-ci": settings(
        max_examples=14, deadline=None, database=None, derandomize=True, suppress_health_check=_SLOW
    ),
    "property-soak": settings(max_examples=40, deadline=None, suppress_health_check=_SLOW),
}

for _name, _profile in PROFILES.items():
    settings.register_profile(_name, _profile)


def for_weight(profile: str, weight: float) -> settings:
    """Return the profile's settings with its number of examples multiplied by a property's weight (at least 1)."""
    base = PROFILES[profile]
    return settings(base, max_examples=max(1, round(base.max_examples * weight)))

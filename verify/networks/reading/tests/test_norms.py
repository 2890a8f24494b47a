"""Norms of a sample's own entries: torch's modules and what is read of them agree, whatever their options."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from verify.errors import ShapeError
from verify.networks import read_network
from verify.networks.layers import GroupNorm
from verify.networks.linearisation import forward
from verify.networks.reading.comparison import require_agreement
from verify.networks.reading.tests.test_graphs import X, agrees


def _divided(channels: int, **options: Any) -> nn.GroupNorm:
    """With a weight and bias that are not those of the start."""
    found = nn.GroupNorm(2, channels, **options)
    for parameter in found.parameters():
        nn.init.normal_(parameter)
    return found


@pytest.mark.parametrize(
    ("on_map", "on_vector"),
    [
        (_divided(4), nn.LayerNorm(6)),
        (_divided(4, affine=False), nn.LayerNorm((6,), eps=0.1, bias=False)),
        (_divided(4, eps=0.5).requires_grad_(False), nn.LayerNorm(6, elementwise_affine=False)),
        (nn.LayerNorm((4, 5, 4), elementwise_affine=False), nn.GroupNorm(3, 6)),
        (nn.RMSNorm((4, 5, 4), eps=1e-3, elementwise_affine=False), nn.RMSNorm(6, eps=1)),
        (nn.GroupNorm(4, 4), nn.Identity()),
    ],
)
def test_norms_of_a_samples_own_entries_are_read(on_map: nn.Module, on_vector: nn.Module) -> None:
    torch.manual_seed(3)
    body = nn.Sequential(nn.Conv2d(2, 4, 2), on_map, nn.Tanh(), nn.Flatten(), nn.Linear(80, 6), on_vector)
    model = nn.Sequential(body, nn.SiLU(), nn.Linear(6, 2)).double().eval()
    network = agrees(model)
    assert network.parameters == sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert sum(isinstance(la, GroupNorm) for la in network.layers) == 2 - isinstance(on_vector, nn.Identity)


def test_groups_of_one_entry_are_refused() -> None:
    with pytest.raises(ShapeError, match="one entry"):
        read_network(nn.Sequential(nn.Linear(3, 4), nn.GroupNorm(4, 4), nn.Linear(4, 1)))


def test_cancellation_in_torchs_variance_is_no_other_function() -> None:
    """On channels-last memory torch takes the variance from the mean square: off by 10⁻⁶ where the mean is 10⁵ deviations away."""
    torch.manual_seed(0)
    first = nn.Conv2d(2, 4, 2)
    model = nn.Sequential(first, nn.GroupNorm(2, 4), nn.Tanh(), nn.Flatten(), nn.Linear(80, 1)).double()
    assert first.bias is not None
    nn.init.constant_(first.bias, 1e5)
    agrees(model)
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network = read_network(model, X.shape[1:])
    with torch.no_grad():
        returned = model(torch.from_numpy(X).to(memory_format=torch.channels_last)).numpy()
    assert np.abs(returned - forward(network, X).mid).max() > 1e-7
    require_agreement(model, network, X)

"""A forward whose parts are computed once more in the backward (torch.utils.checkpoint)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.utils.checkpoint

from verify.errors import DisagreementError
from verify.networks import read_network
from verify.networks.reading.comparison import require_agreement


class _Checkpointed(torch.nn.Module):
    """tanh(first(x)) is not kept but computed once more in the backward; told so, large inputs have another value there."""

    def __init__(self, *, reentrant: bool, told: bool) -> None:
        super().__init__()
        self.front: torch.nn.Module = torch.nn.Identity()
        self.first, self.last = torch.nn.Linear(3, 8), torch.nn.Linear(8, 1)
        self.reentrant, self.told = reentrant, told

    def part(self, x: torch.Tensor) -> torch.Tensor:
        h: torch.Tensor = self.first(x)
        if self.told and torch._C._current_graph_task_id() != -1 and bool(x.max() > 100.0):
            h = 2.0 * h
        return torch.tanh(h)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.utils.checkpoint.checkpoint(self.part, self.front(x), use_reentrant=self.reentrant)
        found: torch.Tensor = self.last(torch.tanh(h))
        return found


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
def test_what_is_computed_again_in_the_backward_is_read_and_one_that_reaches_no_gradient_is_refused() -> None:
    """Checkpointing was said to be cut off by no_grad: the backward took the model's own parameters beside the copies of the forward."""
    torch.manual_seed(0)
    X = np.random.default_rng(0).standard_normal((4, 3))
    model = _Checkpointed(reentrant=False, told=False).double()
    require_agreement(model, read_network(model), X)
    model = _Checkpointed(reentrant=True, told=False).double()
    with pytest.raises(DisagreementError, match=r"does not reach first.*checkpoint\(…, use_reentrant=False\)"):
        require_agreement(model, read_network(model), X)
    model.front = torch.nn.Linear(3, 3).double()
    with pytest.raises(
        DisagreementError, match=r"checkpoint with use_reentrant=True, whose backward .* pass use_reentrant=False"
    ):
        require_agreement(model, read_network(model), X)
    model = _Checkpointed(reentrant=False, told=True).double()
    with pytest.raises(DisagreementError, match=r"other code than on a symbol \(_Checkpointed\.part"):
        require_agreement(model, read_network(model), X)

"""Convolutional and residual networks as they are usually written in torch, at sizes that certify within minutes: maps (n, C, H, W), one output."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

__all__ = ["ResNet", "cnn"]


class _Block(nn.Module):
    """act(norm(conv(act(norm(conv(x))))) + skip(x)); the skip is a 1 × 1 projection where the size changes."""

    def __init__(
        self, channels: int, width: int, activation: type[nn.Module], norm: Callable[[int], nn.Module]
    ) -> None:
        super().__init__()
        stride = 1 if width == channels else 2
        self.inner = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride, 1, bias=False),
            norm(width),
            activation(),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
            norm(width),
        )
        self.skip = nn.Identity() if stride == 1 else nn.Conv2d(channels, width, 1, stride, bias=False)
        self.activation = activation()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.activation(self.inner(x) + self.skip(x))
        return out


class ResNet(nn.Module):
    """Stem, one block per width (stride 2 where the width changes), average pooling to 1 × 1, a linear layer; a norm after each convolution."""

    def __init__(
        self,
        widths: Sequence[int],
        activation: type[nn.Module],
        channels: int = 1,
        norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
    ) -> None:
        """Build in torch's default initialisation, float32, for maps of `channels` channels; the first width is the stem's. norm: made of a width."""
        super().__init__()
        before = [widths[0], *widths]
        self.body = nn.Sequential(
            nn.Conv2d(channels, widths[0], 3, 1, 1, bias=False),
            norm(widths[0]),
            activation(),
            *(_Block(channels, width, activation, norm) for channels, width in zip(before, widths, strict=False)),
        )
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(widths[-1], 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return F(x) (n, 1)."""
        out: torch.Tensor = self.head(torch.flatten(self.pool(self.body(x)), 1))
        return out


def cnn(
    activation: type[nn.Module],
    shape: tuple[int, int, int] = (1, 8, 8),
    hidden: int | None = None,
    pool: type[nn.AvgPool2d] | type[nn.MaxPool2d] = nn.AvgPool2d,
) -> nn.Sequential:
    """Two convolutions of 16 and 32 channels, each with pooling (LeNet's is MaxPool2d), and a linear layer, with `hidden` units before it where given.

    shape: (C, H, W) of a sample, H and W multiples of 4. On (1, 8, 8) p = 4,929; on (1, 28, 28) with hidden = 12 p = 23,641.
    """
    channels, height, width = shape
    features = 32 * (height // 4) * (width // 4)
    head: list[nn.Module] = [nn.Linear(features, 1)]
    if hidden is not None:
        head = [nn.Linear(features, hidden), activation(), nn.Linear(hidden, 1)]
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        activation(),
        pool(2),
        nn.Conv2d(16, 32, 3, padding=1),
        activation(),
        pool(2),
        nn.Flatten(),
        *head,
    )

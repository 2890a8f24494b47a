"""Random edits of bytes, reproducible from a seed."""

from __future__ import annotations

import random

__all__ = ["damaged"]


def damaged(content: bytes, rng: random.Random, tokens: list[bytes]) -> bytes:
    """Edit `content` up to six times: cut, flip, insert, repeat, replace; sometimes not at all."""
    data = bytearray(content)
    for _ in range(rng.choice([0, 1, 1, 2, 3, 6])):
        at, width = rng.randrange(len(data) + 1), rng.choice([1, 1, 2, 4, 8])
        match rng.randrange(6):
            case 0:
                del data[at : at + width]
            case 1 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 2:
                data[at:at] = rng.choice(tokens)
            case 3:
                data[at:at] = data[at : at + width]
            case 4:
                data[at : at + width] = rng.choice(tokens)
            case _:
                data[at:at] = rng.randbytes(width)
    return bytes(data[: rng.randrange(len(data) + 1)] if rng.random() < 0.05 else data)

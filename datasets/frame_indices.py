"""The check of a wish for frames, the same for every kind of reader."""

from collections.abc import Sequence

import numpy as np

from .types import Int64


def checked_indices(indices: Sequence[int] | Int64, num_frames: int) -> list[int]:
    """The indices as a list.

    Args:
        indices: (n,) strictly rising, from 0 up to `num_frames` - 1.
        num_frames: how many frames there are.

    Raises:
        ValueError: they are not as said; the message shows both sides.
    """
    wanted = np.asarray(indices, dtype=np.int64)
    if wanted.ndim != 1:
        raise ValueError(f"expected indices (n,), got shape {wanted.shape}")
    if (np.diff(wanted) <= 0).any():
        raise ValueError(f"expected strictly rising indices, got {wanted.tolist()}")
    if len(wanted) and not 0 <= wanted[0] <= wanted[-1] < num_frames:
        raise ValueError(
            f"expected indices from 0 to {num_frames - 1}, got {wanted[0]} to {wanted[-1]}"
        )
    return [int(index) for index in wanted]

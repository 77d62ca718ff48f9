"""Where in the crop the evidence lies: occlusion maps.

Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.
"""

import numpy as np
import torch

from ..datasets.crops import as_input
from ..datasets.types import Float32, Uint8
from .protocols import CropDetector


def occlusion_map(
    detector: CropDetector, clip: Uint8, *, device: str = "cpu", grid: int = 7, batch_size: int = 16
) -> Float32:
    """By how much the logit falls when a cell of the crop is covered with the crop's mean colour.

    Args:
        detector: in evaluation mode, on `device`.
        clip: (clip_length, size, size, 3) uint8 RGB; a cell is covered in all of its frames.
        grid: cells along each side.
        batch_size: covered copies that go through the network at once.

    Returns:
        (grid, grid) float32, in logits; above 0 where the cell speaks for "fake".
    """
    size = clip.shape[1]
    edges = np.linspace(0, size, grid + 1).round().astype(int)
    colour = clip.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    copies = [clip]
    for row in range(grid):
        for column in range(grid):
            covered = clip.copy()
            covered[:, edges[row] : edges[row + 1], edges[column] : edges[column + 1]] = colour
            copies.append(covered)
    logits = np.concatenate(
        [
            score_clips(detector, np.stack(copies[i : i + batch_size]), device)
            for i in range(0, len(copies), batch_size)
        ]
    )
    return np.asarray(logits[0] - logits[1:].reshape(grid, grid), dtype=np.float32)


def score_clips(detector: CropDetector, clips: Uint8, device: str = "cpu") -> Float32:
    """(B, clip_length, size, size, 3) uint8 clips -> (B,) float32 logits."""
    count, length, size = clips.shape[:3]
    pictures = as_input(clips.reshape(-1, size, size, 3), detector.crop_spec)
    batch = torch.from_numpy(pictures).to(device).unflatten(0, (count, length))
    with torch.inference_mode():
        return np.asarray(detector(batch).float().cpu().numpy(), dtype=np.float32)

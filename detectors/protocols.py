"""The two ways to score: from crops, or from a whole video."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import torch
from torch import nn

from ..datasets.registry import Registry
from ..datasets.types import CropSpec, SamplingSpec
from .scores import DetectorId, VideoScore

Batch: TypeAlias = dict[str, Any]


class CropDetector(nn.Module):
    """Crops or clips in, logits out.

    A subclass is one file: a network, its `loss`, and the crops and frames that it asks for. Those
    two specs are data, saved with the weights.
    """

    crop_spec: CropSpec
    sampling_spec: SamplingSpec

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Scores clips.

        Args:
            clips: (B, clip_length, 3, size, size) float32, normalised as `crop_spec` says.

        Returns:
            (B,) float32 logits, higher is more fake.
        """
        raise NotImplementedError

    def loss(self, batch: Batch) -> torch.Tensor:
        """The training loss, a scalar.

        Args:
            batch: `clips` as in `forward`, and `label`: (B,) float32, 0 real, 1 fake.
        """
        raise NotImplementedError


class VideoScorer(Protocol):
    """A path in, a VideoScore out: our pipeline, or a vendor's service."""

    detector: DetectorId

    def score(
        self,
        path: str | Path,
        *,
        video_id: str | None = None,
        condition: str = "none",
        time_limit_seconds: float | None = None,
    ) -> VideoScore:
        """Scores one video; whatever goes wrong with the file is a status, never an exception."""
        ...


crop_detectors: Registry[Callable[..., CropDetector]] = Registry("detector")

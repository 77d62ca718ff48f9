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
    targets: tuple[str, ...] = ()
    """Entries of a batch that the loss needs beyond `clips` and `label`; of these: `boundary`."""

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
            batch: `clips` as in `forward`, and `label`: (B,) float32, 0 real, 1 fake. Where `targets`
                names it, `boundary`: (B, size, size) float32 from 0 to 1, where the first frame
                was blended; 0 all over for a real one.

        What is to be trained are the parameters with `requires_grad`, as the constructor leaves them.
        """
        raise NotImplementedError


def read_specs(
    name: str,
    crop_spec: CropSpec | dict[str, Any] | None,
    sampling_spec: SamplingSpec | dict[str, Any] | None,
    *,
    crop: CropSpec | None = None,
    clip_length: int = 1,
    shortest: int | None = None,
) -> tuple[CropSpec, SamplingSpec]:
    """A constructor's two specs, which may come as dicts (from a file) or be left out.

    Args:
        name: the detector's, for errors.
        crop_spec, sampling_spec: as given; None for the published ones.
        crop: the published crops.
        clip_length: frames of the published clips.
        shortest: the fewest frames that a clip may have; None where only `clip_length` will do.

    Raises:
        ValueError: clips of a length that the detector can't take, or no crops where none are
            published.
    """
    if crop_spec is None:
        if crop is None:
            raise ValueError(
                f"{name!r} has no crops of its own: give a crop_spec, {{size: 224, ...}}"
            )
        crop_spec = crop
    elif isinstance(crop_spec, dict):
        crop_spec = CropSpec(**crop_spec)
    if sampling_spec is None:
        sampling_spec = SamplingSpec(clip_length=clip_length)
    elif isinstance(sampling_spec, dict):
        sampling_spec = SamplingSpec(**{"clip_length": clip_length, **sampling_spec})
    got = sampling_spec.clip_length
    if shortest is None and got != clip_length:
        what = "single frames" if clip_length == 1 else f"clips of {clip_length} frames"
        raise ValueError(f"{name!r} scores {what}: expected clip_length {clip_length}, got {got}")
    if shortest is not None and got < shortest:
        raise ValueError(f"{name!r}: expected a clip_length of at least {shortest}, got {got}")
    return crop_spec, sampling_spec


def target(batch: Batch, name: str, detector: str) -> torch.Tensor:
    """An entry of a batch that a loss needs beyond clips and labels. Raises ValueError."""
    if name not in batch:
        raise ValueError(
            f"{detector!r} learns from {name!r} beside the label, and the batch has only "
            f"{', '.join(sorted(batch))}: train it on pseudo-fakes, which come with it"
        )
    value: torch.Tensor = batch[name]
    return value


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

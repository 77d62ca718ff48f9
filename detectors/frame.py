"""`frame`: any timm backbone on single crops, with a linear head."""

from typing import Any

import timm
import torch
from torch import nn
from torch.nn import functional as F

from ..datasets.registry import unknown_name
from ..datasets.types import CropSpec, SamplingSpec
from .protocols import Batch, CropDetector, crop_detectors


@crop_detectors.register("frame")
class FrameDetector(CropDetector):
    """A timm image model with one output.

    Args:
        backbone: any timm model's name.
        crop_spec, sampling_spec: as CropSpec and SamplingSpec, or their fields as dicts; clips have
            length 1.
        pretrained: timm's own weights are fetched (needs the network); False builds the shape.
        drop_rate: dropout before the head.
    """

    def __init__(
        self,
        backbone: str,
        crop_spec: CropSpec | dict[str, Any],
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        pretrained: bool = False,
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__()
        if not timm.is_model(backbone):
            raise KeyError(unknown_name("timm backbone", backbone, _alike(backbone)))
        self.crop_spec = crop_spec if isinstance(crop_spec, CropSpec) else CropSpec(**crop_spec)
        if not isinstance(sampling_spec, SamplingSpec):
            sampling_spec = SamplingSpec(**(sampling_spec or {}))
        if sampling_spec.clip_length != 1:
            raise ValueError(
                f"'frame' scores single frames: expected clip_length 1, got {sampling_spec.clip_length}"
            )
        self.sampling_spec = sampling_spec
        self.backbone: nn.Module = timm.create_model(
            backbone, pretrained=pretrained, num_classes=1, drop_rate=drop_rate
        )

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, 1, 3, size, size) -> (B,) logits."""
        logits: torch.Tensor = self.backbone(clips[:, 0])
        return logits[:, 0]

    def loss(self, batch: Batch) -> torch.Tensor:
        """Binary cross entropy."""
        return F.binary_cross_entropy_with_logits(self(batch["clips"]), batch["label"])


def _alike(name: str) -> list[str]:
    """The timm models whose names share the longest possible beginning with `name`."""
    names: list[str] = timm.list_models()
    for length in range(len(name), 2, -1):
        near = [n for n in names if n.startswith(name[:length])]
        if near:
            return near[:20]
    return ["any name in timm.list_models()"]

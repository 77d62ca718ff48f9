"""`frame`: any timm backbone on single crops, with a linear or an L2-normalised head."""

from typing import Any, Literal

import torch

from ..datasets.registry import unknown_name
from ..datasets.types import CropSpec, SamplingSpec
from .backbones import create_backbone
from .heads import NormalisedLinear, cross_entropy
from .protocols import Batch, CropDetector, crop_detectors, read_specs


@crop_detectors.register("frame")
class FrameDetector(CropDetector):
    """Any timm image model on single crops, with one output.

    Args:
        backbone: any timm model's name.
        crop_spec, sampling_spec: as CropSpec and SamplingSpec, or their fields as dicts; clips have
            length 1.
        pretrained: False builds the shape; True fetches timm's weights; a path reads them there.
        drop_rate: dropout before a linear head.
        head: `linear`, the backbone's own; or `normalised`, on the feature's direction alone.
    """

    def __init__(
        self,
        backbone: str,
        crop_spec: CropSpec | dict[str, Any],
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        pretrained: bool | str = False,
        drop_rate: float = 0.0,
        head: Literal["linear", "normalised"] = "linear",
    ) -> None:
        super().__init__()
        self.crop_spec, self.sampling_spec = read_specs("frame", crop_spec, sampling_spec)
        if head == "linear":
            self.backbone = create_backbone(
                backbone, pretrained, num_classes=1, drop_rate=drop_rate
            )
            self.head: torch.nn.Module = torch.nn.Identity()
        elif head == "normalised":
            self.backbone = create_backbone(backbone, pretrained, num_classes=0)
            self.head = NormalisedLinear(int(self.backbone.num_features))  # type: ignore[arg-type]
        else:
            raise ValueError(unknown_name("head", head, ["linear", "normalised"]))

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, 1, 3, size, size) -> (B,) logits."""
        logits: torch.Tensor = self.head(self.backbone(clips[:, 0]))
        return logits[:, 0]

    def loss(self, batch: Batch) -> torch.Tensor:
        """Binary cross entropy."""
        return cross_entropy(self(batch["clips"]), batch["label"])

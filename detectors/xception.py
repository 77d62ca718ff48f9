"""`xception`: the field's usual baseline."""

from typing import Any

import torch

from ..datasets.types import CropSpec, SamplingSpec
from .backbones import create_backbone
from .heads import cross_entropy
from .protocols import Batch, CropDetector, crop_detectors, read_specs
from .xception_trunk import BACKBONE

CROP = CropSpec(256, margin=1.3)


@crop_detectors.register("xception")
class XceptionDetector(CropDetector):
    """Xception with one output: the field's usual baseline.

    Roessler et al., "FaceForensics++: Learning to Detect Manipulated Facial Images", ICCV 2019; the
    network is Chollet's, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017.

    Args:
        crop_spec: 256 px by default (299 in the first paper).
        sampling_spec: clips have length 1.
        pretrained: False builds the shape; True fetches timm's weights; a path reads them there.
        drop_rate: dropout before the head.
        backbone: any timm model's name, for small copies.
    """

    def __init__(
        self,
        crop_spec: CropSpec | dict[str, Any] | None = None,
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        pretrained: bool | str = False,
        drop_rate: float = 0.0,
        backbone: str = BACKBONE,
    ) -> None:
        super().__init__()
        self.crop_spec, self.sampling_spec = read_specs(
            "xception", crop_spec, sampling_spec, crop=CROP
        )
        self.backbone = create_backbone(backbone, pretrained, num_classes=1, drop_rate=drop_rate)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, 1, 3, size, size) -> (B,) logits."""
        logits: torch.Tensor = self.backbone(clips[:, 0])
        return logits[:, 0]

    def loss(self, batch: Batch) -> torch.Tensor:
        """Binary cross entropy."""
        return cross_entropy(self(batch["clips"]), batch["label"])

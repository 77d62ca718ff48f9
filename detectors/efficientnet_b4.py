"""`efficientnet-b4`: the second baseline, and the network of self-blended images."""

from typing import Any, Literal

import torch
from torch import nn

from ..datasets.registry import unknown_name
from ..datasets.types import CropSpec, SamplingSpec
from .backbones import create_backbone
from .heads import cross_entropy
from .protocols import Batch, CropDetector, crop_detectors, read_specs

BACKBONE = "tf_efficientnet_b4"
CROP = CropSpec(256, margin=1.3)


@crop_detectors.register("efficientnet-b4")
class EfficientNetB4(CropDetector):
    """EfficientNet-B4 with one output: the second baseline, and the network of SBI.

    Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019;
    used as in DeepfakeBench, and by Shiohara & Yamasaki, "Detecting Deepfakes with Self-Blended
    Images", CVPR 2022 (380 px, values from 0 to 1).

    Args:
        crop_spec: 256 px by default.
        sampling_spec: clips have length 1.
        pretrained: False builds the shape; True fetches timm's weights; a path reads them there.
        drop_rate: dropout before the head.
        stem: `same` pads the first convolution as TensorFlow does, as published; `valid` does not pad
            it, as in DeepfakeBench, whose weights want that.
        backbone: any timm model's name, for small copies.
    """

    def __init__(
        self,
        crop_spec: CropSpec | dict[str, Any] | None = None,
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        pretrained: bool | str = False,
        drop_rate: float = 0.0,
        stem: Literal["same", "valid"] = "same",
        backbone: str = BACKBONE,
    ) -> None:
        super().__init__()
        self.crop_spec, self.sampling_spec = read_specs(
            "efficientnet-b4", crop_spec, sampling_spec, crop=CROP
        )
        self.backbone = create_backbone(backbone, pretrained, num_classes=1, drop_rate=drop_rate)
        if stem == "valid":
            self._do_not_pad_the_stem()
        elif stem != "same":
            raise ValueError(unknown_name("stem", stem, ["same", "valid"]))

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, 1, 3, size, size) -> (B,) logits."""
        logits: torch.Tensor = self.backbone(clips[:, 0])
        return logits[:, 0]

    def loss(self, batch: Batch) -> torch.Tensor:
        """Binary cross entropy."""
        return cross_entropy(self(batch["clips"]), batch["label"])

    def _do_not_pad_the_stem(self) -> None:
        padded = self.backbone.conv_stem
        assert isinstance(padded, nn.Conv2d)
        plain = nn.Conv2d(
            padded.in_channels, padded.out_channels, padded.kernel_size, padded.stride, bias=False
        )  # type: ignore[arg-type]
        plain.weight = padded.weight
        self.backbone.conv_stem = plain

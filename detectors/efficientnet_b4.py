"""`efficientnet-b4`: the second baseline, and the network of self-blended images."""

import math
from typing import Any, Literal

import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import nn
from torch.nn import functional as F

from ..datasets.registry import unknown_name
from ..datasets.types import CropSpec, SamplingSpec
from .backbones import create_backbone
from .heads import cross_entropy
from .protocols import Batch, CropDetector, crop_detectors, read_specs

BACKBONE = "tf_efficientnet_b4"
CROP = CropSpec(256, margin=1.3)
PUBLISHED_SIZE = 380  # pixels


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
        padding: `same` pads as TensorFlow does, by the size of what comes, as published;
            `deepfakebench` as its weights want it: the first convolution not at all, the others as a
            picture of 380 px would need.
        backbone: any timm model's name, for small copies.
    """

    def __init__(
        self,
        crop_spec: CropSpec | dict[str, Any] | None = None,
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        pretrained: bool | str = False,
        drop_rate: float = 0.0,
        padding: Literal["same", "deepfakebench"] = "same",
        backbone: str = BACKBONE,
    ) -> None:
        super().__init__()
        self.crop_spec, self.sampling_spec = read_specs(
            "efficientnet-b4", crop_spec, sampling_spec, crop=CROP
        )
        self.backbone = create_backbone(backbone, pretrained, num_classes=1, drop_rate=drop_rate)
        if padding == "deepfakebench":
            self._pad_as_deepfakebench()
        elif padding != "same":
            raise ValueError(unknown_name("padding", padding, ["same", "deepfakebench"]))

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, 1, 3, size, size) -> (B,) logits."""
        logits: torch.Tensor = self.backbone(clips[:, 0])
        return logits[:, 0]

    def loss(self, batch: Batch) -> torch.Tensor:
        """Binary cross entropy."""
        return cross_entropy(self(batch["clips"]), batch["label"])

    def _pad_as_deepfakebench(self) -> None:
        """efficientnet_pytorch fixes paddings when it is built, by the size that the network is
        published for; DeepfakeBench then puts an unpadded first convolution in."""
        halving = [
            (name, m)
            for name, m in self.backbone.named_modules()
            if isinstance(m, Conv2dSame) and m.stride[0] == 2
        ]
        if not halving or halving[0][0] != "conv_stem":
            raise ValueError("padding 'deepfakebench' is for timm's tf_efficientnet_* backbones")
        size = PUBLISHED_SIZE
        for name, convolution in halving:
            kernel = convolution.kernel_size[0]
            all_round = max(0, (math.ceil(size / 2) - 1) * 2 + kernel - size)
            size = math.ceil(size / 2)
            before = all_round // 2
            pads = (0, 0) if name == "conv_stem" else (before, all_round - before)
            self.backbone.set_submodule(name, _Padded(convolution, pads))


class _Padded(nn.Conv2d):
    """A convolution without padding of its own, after so many zeros before and behind."""

    def __init__(self, like: nn.Conv2d, pads: tuple[int, int]) -> None:
        super().__init__(
            like.in_channels,
            like.out_channels,
            (like.kernel_size[0], like.kernel_size[1]),
            (like.stride[0], like.stride[1]),
            groups=like.groups,
            bias=False,
        )
        self.weight = like.weight
        self.pads = (*pads, *pads)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C', about H / 2, W / 2)."""
        return super().forward(F.pad(x, self.pads))

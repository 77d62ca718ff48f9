"""`face-xray`: predicts where a picture was blended, and from that whether it was."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ..datasets.types import CropSpec, SamplingSpec
from .backbones import create_backbone
from .heads import cross_entropy
from .protocols import Batch, CropDetector, crop_detectors, read_specs, target

CROP = CropSpec(256, margin=1.3)


@crop_detectors.register("face-xray")
class FaceXray(CropDetector):
    """HRNet that draws the blending boundary, and judges by its mean alone.

    Li et al., "Face X-ray for More General Face Forgery Detection", CVPR 2020. The maps of all
    resolutions are brought to one size, joined, and turned into the boundary by a 1x1 convolution; the
    verdict is a linear layer on the boundary's mean.

    Args:
        crop_spec: 256 px by default.
        sampling_spec: clips have length 1.
        pretrained: False builds the shape; True fetches timm's weights; a path reads them there.
        boundary_weight: of the boundary's loss against the verdict's, lambda in the paper.
        backbone: any timm model that gives maps of several resolutions.
    """

    targets = ("boundary",)

    def __init__(
        self,
        crop_spec: CropSpec | dict[str, Any] | None = None,
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        pretrained: bool | str = False,
        boundary_weight: float = 100.0,
        backbone: str = "hrnet_w48",
    ) -> None:
        super().__init__()
        self.crop_spec, self.sampling_spec = read_specs(
            "face-xray", crop_spec, sampling_spec, crop=CROP
        )
        if boundary_weight < 0:
            raise ValueError(f"expected a boundary_weight of at least 0, got {boundary_weight}")
        self.boundary_weight = boundary_weight
        # HRNet's own four branches, before the layers that classification adds
        own = {"feature_location": ""} if backbone.startswith("hrnet") else {}
        self.backbone = create_backbone(backbone, pretrained, features_only=True, **own)
        channels: list[int] = self.backbone.feature_info.channels()  # type: ignore[union-attr,operator]
        self.first = 1 if backbone.startswith("hrnet") else 0  # the stem is none of the branches
        self.channels = channels[self.first :]
        self.boundary = nn.Conv2d(sum(self.channels), 1, 1)
        self.head = nn.Linear(1, 1)
        nn.init.ones_(self.head.weight)  # more boundary is more fake, from the first step
        nn.init.zeros_(self.head.bias)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, 1, 3, size, size) -> (B,) logits."""
        return self._verdict(torch.sigmoid(self.boundary_logits(clips)))

    def boundary_logits(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, 1, 3, size, size) -> (B, size, size), logits of the blending boundary."""
        maps = self.backbone(clips[:, 0])[self.first :]
        # a 1x1 convolution and a change of size may trade places: of one channel it costs less
        weights = self.boundary.weight.split(self.channels, dim=1)
        drawn = [F.conv2d(m, w) for m, w in zip(maps, weights, strict=True)]
        side = drawn[0].shape[-2:]
        joined = drawn[0] + self.boundary.bias.reshape(1, 1, 1, 1)  # type: ignore[union-attr]
        for part in drawn[1:]:
            joined = joined + F.interpolate(part, side, mode="bilinear")
        size = (self.crop_spec.size, self.crop_spec.size)
        return F.interpolate(joined, size, mode="bilinear")[:, 0]

    def loss(self, batch: Batch) -> torch.Tensor:
        """Cross entropy of the verdict, and `boundary_weight` times that of the boundary's pixels."""
        wanted = target(batch, "boundary", "face-xray")
        drawn = self.boundary_logits(batch["clips"])
        if wanted.shape != drawn.shape:
            raise ValueError(f"expected boundaries {tuple(drawn.shape)}, got {tuple(wanted.shape)}")
        pixels = F.binary_cross_entropy_with_logits(drawn, wanted)
        verdict = cross_entropy(self._verdict(torch.sigmoid(drawn)), batch["label"])
        return verdict + self.boundary_weight * pixels

    def _verdict(self, boundary: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(boundary.mean(dim=(1, 2))[:, None])
        return logits[:, 0]

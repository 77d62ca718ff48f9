"""`gend`: a foundation model of which only the layer normalisations are trained."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ..datasets.types import CropSpec, SamplingSpec
from .heads import NormalisedLinear, cross_entropy
from .protocols import Batch, CropDetector, crop_detectors, read_specs
from .vit import CLIP_L14, CROP, create_vit


@crop_detectors.register("gend")
class GenD(CropDetector):
    """CLIP ViT-L/14 with its layer normalisations trained, and a head on the feature's direction.

    Yermakov, Cech & Matas, "Deepfake Detection that Generalizes Across Benchmarks", 2025. .03 % of the
    weights are trained; the loss is cross entropy plus uniformity and alignment on the sphere (Wang &
    Isola, "Understanding Contrastive Representation Learning through Alignment and Uniformity on the
    Hypersphere", ICML 2020).

    Args:
        crop_spec: 224 px with CLIP's mean and std by default.
        sampling_spec: clips have length 1.
        pretrained: False builds the shape; True fetches timm's weights; a path reads them there. It is
            of no use without them: what is frozen stays as it is.
        backbone: any timm vision transformer.
        uniformity_weight, alignment_weight: of the two further terms of the loss.
    """

    def __init__(
        self,
        crop_spec: CropSpec | dict[str, Any] | None = None,
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        pretrained: bool | str = False,
        backbone: str = CLIP_L14,
        uniformity_weight: float = 0.5,
        alignment_weight: float = 0.1,
    ) -> None:
        super().__init__()
        self.crop_spec, self.sampling_spec = read_specs("gend", crop_spec, sampling_spec, crop=CROP)
        for name, weight in (("uniformity", uniformity_weight), ("alignment", alignment_weight)):
            if weight < 0:
                raise ValueError(f"expected a {name}_weight of at least 0, got {weight}")
        self.uniformity_weight, self.alignment_weight = uniformity_weight, alignment_weight
        self.backbone = create_vit(backbone, pretrained, self.crop_spec.size)
        self.backbone.requires_grad_(False)
        norms = [m for m in self.backbone.modules() if isinstance(m, nn.LayerNorm)]
        if not norms:
            raise ValueError(f"'gend' trains layer normalisations, and {backbone!r} has none")
        for norm in norms:
            norm.requires_grad_(True)
        self.head = NormalisedLinear(int(self.backbone.num_features))  # type: ignore[arg-type]

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, 1, 3, size, size) -> (B,) logits."""
        logits: torch.Tensor = self.head(self.backbone(clips[:, 0]))
        return logits[:, 0]

    def loss(self, batch: Batch) -> torch.Tensor:
        """Cross entropy + uniformity + alignment, with their weights."""
        features = self.backbone(batch["clips"][:, 0])
        directions = F.normalize(features, dim=-1)
        loss = cross_entropy(self.head(features)[:, 0], batch["label"])
        loss = loss + self.uniformity_weight * uniformity(directions)
        return loss + self.alignment_weight * alignment(directions, batch["label"])


def uniformity(directions: torch.Tensor, t: float = 2.0) -> torch.Tensor:
    """log of the mean of exp(-t d^2) over all pairs: low where the sphere is filled evenly.

    Args:
        directions: (B, D) of length 1.
        t: how fast a distance stops to count.

    Returns:
        A scalar, never below log 1e-6; 0 where there is no pair.

    >>> uniformity(torch.tensor([[1.0, 0.0], [-1.0, 0.0]])).item()  # one pair, d^2 = 4
    -8.0
    """
    if len(directions) < 2:
        return directions.sum() * 0
    first, second = torch.triu_indices(len(directions), len(directions), 1)
    squares = (directions[first] - directions[second]).square().sum(dim=1)
    return (-t * squares).exp().mean().clamp(min=1e-6).log()


def alignment(directions: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """The mean squared distance of pairs of one class; 0 where there is no such pair.

    >>> d = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    >>> round(alignment(d, torch.tensor([0.0, 0.0, 1.0])).item(), 4)
    2.0
    """
    first, second = torch.triu_indices(len(directions), len(directions), 1)
    same = (label[first] == label[second]).to(directions.dtype)
    squares = (directions[first] - directions[second]).square().sum(dim=1)
    return (squares * same).sum() / same.sum().clamp(min=1)

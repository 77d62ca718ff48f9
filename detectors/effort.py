"""`effort`: a foundation model of whose attention only the least singular directions are trained."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ..datasets.types import CropSpec, SamplingSpec
from .heads import cross_entropy
from .protocols import Batch, CropDetector, crop_detectors, read_specs
from .vit import CLIP_L14, CROP, create_vit


@crop_detectors.register("effort")
class Effort(CropDetector):
    """CLIP ViT-L/14 whose attention matrices are split: the principal part frozen, the rest trained.

    Yan et al., "Orthogonal Subspace Decomposition for Generalizable AI-Generated Image Detection"
    (Effort), ICML 2025. Of each of the four matrices of each attention, the singular directions but the
    last `rank` stay as they are; the loss is cross entropy, as in the authors' code.

    Args:
        crop_spec: 224 px with CLIP's mean and std by default.
        sampling_spec: clips have length 1.
        pretrained: False builds the shape; True fetches timm's weights; a path reads them there. The
            decomposition is made of pretrained weights only; without them the frozen part is the whole
            of the initial matrix, and the trained one begins at nothing.
        rank: singular directions that are trained.
        backbone: any timm vision transformer.
    """

    def __init__(
        self,
        crop_spec: CropSpec | dict[str, Any] | None = None,
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        pretrained: bool | str = False,
        rank: int = 1,
        backbone: str = CLIP_L14,
    ) -> None:
        super().__init__()
        self.crop_spec, self.sampling_spec = read_specs(
            "effort", crop_spec, sampling_spec, crop=CROP
        )
        self.backbone = create_vit(backbone, pretrained, self.crop_spec.size)
        attentions: list[Any] = [m for m in self.backbone.modules() if _is_attention(m)]
        if not attentions:
            raise ValueError(f"'effort' splits attention matrices, and {backbone!r} has none")
        for attention in attentions:
            attention.qkv = SplitQkv(attention.qkv, rank, bool(pretrained))
            attention.proj = SplitLinear(attention.proj, rank, bool(pretrained))
        self.backbone.requires_grad_(False)
        for part in self.backbone.modules():
            if isinstance(part, SplitLinear):
                part.train_the_rest()
        self.head = nn.Linear(int(self.backbone.num_features), 1)  # type: ignore[arg-type]

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, 1, 3, size, size) -> (B,) logits."""
        logits: torch.Tensor = self.head(self.backbone(clips[:, 0]))
        return logits[:, 0]

    def loss(self, batch: Batch) -> torch.Tensor:
        """Binary cross entropy."""
        return cross_entropy(self(batch["clips"]), batch["label"])


class SplitLinear(nn.Module):
    """A linear layer whose matrix is `main + left @ diag(scale) @ right`; `main` is frozen.

    Args:
        linear: whose matrix and bias it takes over.
        rank: singular directions, the least, that are apart from `main`.
        decompose: take them out of the matrix; otherwise `main` is all of it and `scale` is 0.
    """

    def __init__(self, linear: nn.Linear, rank: int, decompose: bool) -> None:
        super().__init__()
        outputs, inputs = linear.weight.shape
        if not 1 <= rank <= min(outputs, inputs):
            raise ValueError(f"expected a rank from 1 to {min(outputs, inputs)}, got {rank}")
        weight = linear.weight.detach()
        if decompose:
            left, scale, right = torch.linalg.svd(weight.double(), full_matrices=False)
            left, scale, right = (
                part.to(weight.dtype) for part in (left[:, -rank:], scale[-rank:], right[-rank:])
            )
            main = weight - (left * scale) @ right
        else:
            main = weight.clone()
            left, right = weight.new_zeros(outputs, rank), weight.new_zeros(rank, inputs)
            nn.init.orthogonal_(left)
            nn.init.orthogonal_(right)
            scale = weight.new_zeros(rank)
        self.main = nn.Parameter(main)
        self.left, self.scale, self.right = (nn.Parameter(p.clone()) for p in (left, scale, right))
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def train_the_rest(self) -> None:
        """Only `left`, `scale` and `right` are trained."""
        self.requires_grad_(False)
        for part in (self.left, self.scale, self.right):
            part.requires_grad_(True)

    def matrix(self) -> torch.Tensor:
        """(outputs, inputs), the whole."""
        return self.main + (self.left * self.scale) @ self.right

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., inputs) -> (..., outputs)."""
        return F.linear(x, self.matrix(), self.bias)


class SplitQkv(nn.Module):
    """Query, key and value of one attention, each split by itself; timm keeps them in one matrix."""

    def __init__(self, qkv: nn.Linear, rank: int, decompose: bool) -> None:
        super().__init__()
        parts = []
        for i in range(3):
            size = qkv.out_features // 3
            rows = slice(i * size, (i + 1) * size)
            part = nn.Linear(qkv.in_features, size, bias=qkv.bias is not None)
            part.weight = nn.Parameter(qkv.weight.detach()[rows])
            if qkv.bias is not None:
                part.bias = nn.Parameter(qkv.bias.detach()[rows])
            parts.append(SplitLinear(part, rank, decompose))
        self.query, self.key, self.value = parts

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., inputs) -> (..., 3 inputs)."""
        return torch.cat([self.query(x), self.key(x), self.value(x)], dim=-1)


def _is_attention(module: nn.Module) -> bool:
    """Has one matrix for query, key and value, and one for what comes out."""
    return all(isinstance(getattr(module, name, None), nn.Linear) for name in ("qkv", "proj"))

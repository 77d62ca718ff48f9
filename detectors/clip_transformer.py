"""`clip-transformer`: features of single frames, then a transformer over time."""

from typing import Any

import torch
from torch import nn

from ..datasets.types import CropSpec, SamplingSpec
from .backbones import create_backbone
from .heads import cross_entropy
from .protocols import Batch, CropDetector, crop_detectors, read_specs
from .vit import CLIP_B16, CROP

CLIP_LENGTH = 8


@crop_detectors.register("clip-transformer")
class ClipTransformer(CropDetector):
    """Every frame of a clip through one image model, and a transformer over the frames' features.

    The factorised encoder ("model 2") of Arnab et al., "ViViT: A Video Vision Transformer", ICCV 2021:
    a class token and learned places before the temporal transformer, whose output at that token is
    judged.

    Args:
        crop_spec: 224 px with CLIP's mean and std by default.
        sampling_spec: clips of at least 2 frames; 8 by default.
        pretrained: False builds the shape; True fetches timm's weights; a path reads them there.
        backbone: any timm model's name.
        depth, heads: of the temporal transformer; its MLP is four times as wide as the features.
        drop_rate: dropout in the temporal transformer.
        freeze_backbone: train the temporal transformer and the head alone.
    """

    def __init__(
        self,
        crop_spec: CropSpec | dict[str, Any] | None = None,
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        pretrained: bool | str = False,
        backbone: str = CLIP_B16,
        depth: int = 4,
        heads: int = 12,
        drop_rate: float = 0.0,
        freeze_backbone: bool = False,
    ) -> None:
        super().__init__()
        self.crop_spec, self.sampling_spec = read_specs(
            "clip-transformer",
            crop_spec,
            sampling_spec,
            crop=CROP,
            clip_length=CLIP_LENGTH,
            shortest=2,
        )
        own = {"img_size": self.crop_spec.size} if "vit" in backbone else {}
        self.backbone = create_backbone(backbone, pretrained, num_classes=0, **own)
        width = int(self.backbone.num_features)  # type: ignore[arg-type]
        if depth < 1 or heads < 1 or width % heads:
            raise ValueError(
                f"'clip-transformer': {width} features do not divide among {heads} heads, or the depth "
                f"{depth} is below 1"
            )
        if freeze_backbone:
            self.backbone.requires_grad_(False)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.places = nn.Parameter(torch.zeros(1, self.sampling_spec.clip_length + 1, width))
        nn.init.trunc_normal_(self.token, std=0.02)
        nn.init.trunc_normal_(self.places, std=0.02)
        self.time = nn.ModuleList(_Layer(width, heads, drop_rate) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 1)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, T, 3, size, size) -> (B,) logits."""
        length, width = self.sampling_spec.clip_length, self.token.shape[-1]
        # reshape and shape[0], since unflatten and len() would fix the batch of an export
        features = self.backbone(clips.flatten(0, 1)).reshape(-1, length, width)
        token = self.token.expand(features.shape[0], -1, -1)
        x = torch.cat([token, features], dim=1) + self.places
        for layer in self.time:
            x = layer(x)
        logits: torch.Tensor = self.head(self.norm(x[:, 0]))
        return logits[:, 0]

    def loss(self, batch: Batch) -> torch.Tensor:
        """Binary cross entropy."""
        return cross_entropy(self(batch["clips"]), batch["label"])


class _Layer(nn.Module):
    """Attention and an MLP, each after its normalisation and beside a skip."""

    def __init__(self, width: int, heads: int, drop_rate: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Dropout(drop_rate),
            nn.Linear(4 * width, width),
        )
        self.drop = nn.Dropout(drop_rate)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, N, width) -> (B, N, width)."""
        count, width = x.shape[1:]
        parts = self.qkv(self.norm1(x)).reshape(-1, count, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        seen = nn.functional.scaled_dot_product_attention(query, key, value)
        x = x + self.drop(self.out(seen.transpose(1, 2).reshape(-1, count, width)))
        out: torch.Tensor = x + self.drop(self.mlp(self.norm2(x)))
        return out

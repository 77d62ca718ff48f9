"""`tall`: the frames of a clip laid out as one picture."""

from typing import Any

import torch
from torch import nn

from ..datasets.types import CropSpec, SamplingSpec
from .backbones import create_backbone
from .heads import cross_entropy
from .protocols import Batch, CropDetector, crop_detectors, read_specs

CROP = CropSpec(112, margin=1.3, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
BACKBONE = "swin_base_patch4_window7_224"


@crop_detectors.register("tall")
class Tall(CropDetector):
    """Four neighbouring frames of 112 px as one picture of 224 px, before a Swin transformer.

    Xu et al., "TALL: Thumbnail Layout for Deepfake Video Detection", ICCV 2023: a Swin-B whose windows
    are 14 tokens wide, so that they reach across the frames; each frame's tokens get an embedding of
    its place. The paper's masking of the frames is an augmentation, and not in here.

    Args:
        crop_spec: 112 px by default.
        sampling_spec: clips have length rows x columns.
        pretrained: False builds the shape; True fetches timm's weights; a path reads them there.
        rows, columns: of the layout, filled row by row.
        window: side of an attention window, in tokens.
        drop_path_rate: stochastic depth in training.
        backbone: any of timm's Swin transformers.
        backbone_arguments: further ones of it, for small copies.
    """

    def __init__(
        self,
        crop_spec: CropSpec | dict[str, Any] | None = None,
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        pretrained: bool | str = False,
        rows: int = 2,
        columns: int = 2,
        window: int = 14,
        drop_path_rate: float = 0.1,
        backbone: str = BACKBONE,
        backbone_arguments: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if min(rows, columns) < 1:
            raise ValueError(f"expected at least one row and column, got {rows} and {columns}")
        self.rows, self.columns = rows, columns
        self.crop_spec, self.sampling_spec = read_specs(
            "tall", crop_spec, sampling_spec, crop=CROP, clip_length=rows * columns
        )
        size = self.crop_spec.size
        arguments: dict[str, Any] = {"window_size": window, **(backbone_arguments or {})}
        self.backbone = create_backbone(
            backbone,
            pretrained,
            num_classes=1,
            img_size=(rows * size, columns * size),
            drop_path_rate=drop_path_rate,
            **arguments,
        )
        high, wide = self.backbone.patch_embed.grid_size  # type: ignore[union-attr,misc]
        if high % rows or wide % columns:
            raise ValueError(
                f"'tall': {rows} x {columns} frames of {size} px are {high} x {wide} tokens, which do "
                "not divide among the frames; choose another size"
            )
        self.cells = (high // rows, wide // columns)
        channels = int(self.backbone.patch_embed.proj.out_channels)  # type: ignore[union-attr,arg-type]
        self.place = nn.Parameter(torch.zeros(1, rows * columns, channels))
        nn.init.trunc_normal_(self.place, std=0.02)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, rows * columns, 3, size, size) -> (B,) logits."""
        backbone: Any = self.backbone
        tokens = backbone.patch_embed(self.layout(clips))
        tokens = backbone.norm(backbone.layers(tokens + self._places()))
        logits: torch.Tensor = backbone.forward_head(tokens)
        return logits[:, 0]

    def layout(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, rows * columns, 3, size, size) -> (B, 3, rows * size, columns * size)."""
        size = self.crop_spec.size
        grid = clips.reshape(-1, self.rows, self.columns, 3, size, size)
        return grid.permute(0, 3, 1, 4, 2, 5).reshape(-1, 3, self.rows * size, self.columns * size)

    def loss(self, batch: Batch) -> torch.Tensor:
        """Binary cross entropy."""
        return cross_entropy(self(batch["clips"]), batch["label"])

    def _places(self) -> torch.Tensor:
        """(1, tokens high, tokens wide, channels): every frame's embedding on all of its tokens."""
        high, wide = self.cells
        grid = self.place.reshape(1, self.rows, 1, self.columns, 1, -1)
        return grid.expand(1, self.rows, high, self.columns, wide, -1).reshape(
            1, self.rows * high, self.columns * wide, -1
        )

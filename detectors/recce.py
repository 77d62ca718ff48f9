"""`recce`: draws genuine faces, and looks where a face can't be drawn."""

from typing import Any, NamedTuple

import torch
from timm.models.xception import Block, SeparableConv2d
from torch import nn
from torch.nn import functional as F

from ..datasets.types import CropSpec, SamplingSpec
from .heads import cross_entropy
from .protocols import Batch, CropDetector, crop_detectors, read_specs
from .xception_trunk import XceptionTrunk

CROP = CropSpec(299, margin=1.3)


class _Seen(NamedTuple):
    """`logits` (B,); `drawn` (B, 3, size, size); `maps`, three that are compared by class."""

    logits: torch.Tensor
    drawn: torch.Tensor
    maps: tuple[torch.Tensor, ...]


@crop_detectors.register("recce")
class Recce(CropDetector):
    """Xception that also learns to draw genuine faces, and attends to where the drawing fails.

    Cao, Ma, Yao, Chen, Ding & Yang, "End-to-End Reconstruction-Classification Learning for Face Forgery
    Detection", CVPR 2022. The authors' white noise of 1e-6 on the input is left out.

    Args:
        crop_spec: 299 px by default; a mean and std of .5, since drawings are from -1 to 1.
        sampling_spec: clips have length 1.
        pretrained: False builds the shape; True fetches timm's weights; a path reads them there.
        drawing_weight, metric_weight: of the two further terms of the loss, lambda 1 and 2.
        flood: the cross entropy is kept from falling below this.
        drop_rate: dropout.
        width: share of Xception's channels, for small copies.
    """

    def __init__(
        self,
        crop_spec: CropSpec | dict[str, Any] | None = None,
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        pretrained: bool | str = False,
        drawing_weight: float = 0.1,
        metric_weight: float = 0.1,
        flood: float = 0.04,
        drop_rate: float = 0.2,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        self.crop_spec, self.sampling_spec = read_specs(
            "recce", crop_spec, sampling_spec, crop=CROP
        )
        for name, value in (
            ("drawing_weight", drawing_weight), ("metric_weight", metric_weight), ("flood", flood)
        ):  # fmt: skip
            if value < 0:
                raise ValueError(f"expected {name} of at least 0, got {value}")
        self.drawing_weight, self.metric_weight, self.flood = drawing_weight, metric_weight, flood
        self.trunk = XceptionTrunk(width=width, pretrained=pretrained)
        a, b, c = (max(4, round(n * width)) for n in (256, 128, 64))
        middle = self.trunk.middle_channels
        self.draw1 = nn.Sequential(_twice_as_large(middle, a), Block(a, a, 3, 1))
        self.draw2 = nn.Sequential(_twice_as_large(a, b), Block(b, b, 3, 1))
        self.draw3 = nn.Sequential(_twice_as_large(b, c), nn.Conv2d(c, 3, 1, bias=False), nn.Tanh())
        self.reasoning = GraphReasoning(middle, (a, b), a, drop_rate)
        self.attention = GuidedAttention(middle, drop_rate)
        self.drop = nn.Dropout(drop_rate)
        self.head = nn.Linear(self.trunk.num_features, 1)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, 1, 3, size, size) -> (B,) logits."""
        return self._see(clips[:, 0]).logits

    def loss(self, batch: Batch) -> torch.Tensor:
        """Flooded cross entropy, how far drawings of real faces are off, and a metric of classes."""
        images, label = batch["clips"][:, 0], batch["label"]
        seen = self._see(images)
        loss = (cross_entropy(seen.logits, label) - self.flood).abs() + self.flood
        loss = loss + self.drawing_weight * drawing_loss(seen.drawn, images, label)
        for features in seen.maps:
            loss = loss + self.metric_weight * metric_loss(features.mean(dim=(2, 3)), label)
        return loss

    def _see(self, images: torch.Tensor) -> _Seen:
        trunk = self.trunk
        x = trunk.entry(trunk.stem2(trunk.stem1(images)))
        x = embedding = trunk.middle(x, 0, 1)
        first = self.draw1(self.drop(embedding))
        second = self.draw2(first)
        drawn = F.interpolate(
            self.draw3(second), images.shape[-2:], mode="bilinear", align_corners=True
        )
        x = trunk.middle(x, 1, 4)
        x = trunk.middle(self.reasoning(x, first, second) + x, 4, 5)
        x = self.attention(images, drawn, x)
        x = F.relu(trunk.exit(trunk.middle(x, 5)))
        logits = self.head(self.drop(x.mean(dim=(2, 3))))[:, 0]
        return _Seen(logits, drawn, (embedding, first, second))


def drawing_loss(drawn: torch.Tensor, images: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """The mean absolute error of the drawings of real faces; 0 where there is none.

    >>> off = drawing_loss(torch.ones(2, 3, 4, 4), torch.zeros(2, 3, 4, 4), torch.tensor([0.0, 1.0]))
    >>> off.item()
    1.0
    """
    real = (label == 0).to(drawn.dtype)
    each = (drawn - images).abs().mean(dim=(1, 2, 3))
    return (each * real).sum() / real.sum().clamp(min=1)


def metric_loss(features: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """1 - how alike real ones are + how alike real and fake ones are; at least 0.

    Alikeness is half of 1 plus the cosine. Fake ones need not be alike.

    Args:
        features: (B, C).
        label: (B,) 0 real, 1 fake.

    >>> f = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    >>> round(metric_loss(f, torch.tensor([0.0, 0.0, 1.0])).item(), 4)
    0.0
    >>> round(metric_loss(f, torch.tensor([0.0, 1.0, 0.0])).item(), 4)  # 1 - 0 + 1 / 2
    1.5
    """
    directions = F.normalize(features, dim=1)
    alike = (directions @ directions.T + 1) / 2
    fake = label == 1
    mixed = (fake[:, None] ^ fake[None, :]).to(alike.dtype)
    apart = 1 - torch.eye(len(label), dtype=alike.dtype, device=alike.device)
    real = (~fake[:, None] & ~fake[None, :]).to(alike.dtype) * apart
    between = (alike * mixed).sum() / (mixed.sum() + 1e-6)
    within = (alike * real).sum() / (real.sum() + 1e-6)
    return (1 - within + between).clamp(min=0)


class GraphReasoning(nn.Module):
    """Every cell of the encoder's map takes from the cells of the decoder's that lie under it.

    Args:
        channels: of the encoder's map.
        decoder_channels: of the maps twice and four times as large.
        width: of the embeddings.
        drop_rate: dropout at the end.
    """

    def __init__(
        self, channels: int, decoder_channels: tuple[int, int], width: int, drop_rate: float
    ) -> None:
        super().__init__()
        self.embed = nn.Sequential(
            nn.Conv2d(channels, width, 1, bias=False), nn.ReLU(),
            nn.Conv2d(width, width, 1, bias=False),
        )  # fmt: skip
        self.gates = nn.ModuleList(nn.Conv2d(channels, width, 1, bias=False) for _ in range(2))
        self.under = nn.ModuleList(
            nn.Sequential(
                nn.Linear(c, width, bias=False), nn.ReLU(), nn.Linear(width, width, bias=False)
            )
            for c in decoder_channels
        )
        self.weigh = nn.ModuleList(nn.Linear(2 * width, 1, bias=False) for _ in range(2))
        self.project = nn.Sequential(
            nn.Conv2d(3 * width, channels, 1, bias=False), nn.ReLU(),
            nn.Conv2d(channels, channels, 1, bias=False), nn.Dropout(drop_rate),
        )  # fmt: skip

    def forward(self, x: torch.Tensor, twice: torch.Tensor, four: torch.Tensor) -> torch.Tensor:
        """(B, channels, h, w), (B, ., 2 h, 2 w), (B, ., 4 h, 4 w) -> (B, channels, h, w)."""
        own = self.embed(x)
        parts = []
        for i, (larger, times) in enumerate(((twice, 2), (four, 4))):
            cells = self.under[i](_cells(larger, times))  # (B, h, w, times^2, width)
            mine = own.permute(0, 2, 3, 1)[:, :, :, None].expand_as(cells)
            share = F.relu(self.weigh[i](torch.cat([mine, cells], dim=-1))).softmax(dim=3)
            taken = (cells * share).sum(dim=3).permute(0, 3, 1, 2)
            parts.append(taken * (1 - torch.sigmoid(self.gates[i](x))))
        out: torch.Tensor = self.project(torch.sigmoid(torch.cat([*parts, own], dim=1)))
        return out


class GuidedAttention(nn.Module):
    """Weighs a map by where the drawing is off."""

    def __init__(self, channels: int, drop_rate: float) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.ReLU(), nn.Conv2d(3, 1, 1, bias=False)
        )
        self.change = nn.Sequential(
            nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
        )
        self.drop = nn.Dropout(drop_rate)

    def forward(self, images: torch.Tensor, drawn: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) twice, (B, channels, h, w) -> (B, channels, h, w)."""
        off = F.interpolate(
            (images - drawn).abs(), x.shape[-2:], mode="bilinear", align_corners=True
        )
        out: torch.Tensor = torch.sigmoid(self.gate(off)) * self.change(x) + self.drop(x)
        return out


def _twice_as_large(inputs: int, outputs: int) -> nn.Sequential:
    """Doubles the sides of a map."""
    return nn.Sequential(
        nn.UpsamplingNearest2d(scale_factor=2),
        SeparableConv2d(inputs, outputs, 3, 1, 1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def _cells(x: torch.Tensor, times: int) -> torch.Tensor:
    """(B, C, h times, w times) -> (B, h, w, times^2, C): the cells under each cell of h x w."""
    batch, channels, high, wide = x.shape
    grid = x.reshape(batch, channels, high // times, times, wide // times, times)
    return grid.permute(0, 2, 4, 3, 5, 1).flatten(3, 4)

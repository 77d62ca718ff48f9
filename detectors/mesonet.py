"""`mesonet4`, `mesoinception4`: small networks on mesoscopic features."""

from collections import OrderedDict
from typing import Any

import torch
from torch import nn

from ..datasets.types import CropSpec, SamplingSpec
from .protocols import Batch, CropDetector, crop_detectors, read_specs

CROP = CropSpec(256, margin=1.3, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))  # x / 255
INCEPTION = ((1, 4, 4, 2), (2, 4, 4, 2))  # outputs of the four ways of each inception layer


class _Meso(CropDetector):
    """What both have in common: four stages of convolution, ReLU, normalisation and pooling, then
    two dense layers. A stage's normalisation is as Keras has it: eps .001, momentum .99."""

    def __init__(
        self,
        name: str,
        stages: list[tuple[nn.Module, int]],
        crop_spec: CropSpec | dict[str, Any] | None,
        sampling_spec: SamplingSpec | dict[str, Any] | None,
        drop_rate: float,
    ) -> None:
        super().__init__()
        self.crop_spec, self.sampling_spec = read_specs(name, crop_spec, sampling_spec, crop=CROP)
        size = self.crop_spec.size
        if size % 32:
            raise ValueError(
                f"{name!r} halves its crops five times: expected a size of 32 n, got {size}"
            )
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        for i, (convolution, channels) in enumerate(stages, start=1):
            parts[f"conv{i}"] = convolution
            parts[f"norm{i}"] = nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)
            parts[f"pool{i}"] = nn.MaxPool2d(4 if i == len(stages) else 2)
        self.features = nn.Sequential(parts)
        self.dense = nn.Linear(16 * (size // 32) ** 2, 16)
        self.leaky = nn.LeakyReLU(0.1)
        self.drop = nn.Dropout(drop_rate)
        self.head = nn.Linear(16, 1)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, 1, 3, size, size) -> (B,) logits."""
        features = self.drop(self.features(clips[:, 0]).flatten(1))
        hidden = self.drop(self.leaky(self.dense(features)))
        logits: torch.Tensor = self.head(hidden)
        return logits[:, 0]

    def loss(self, batch: Batch) -> torch.Tensor:
        """The squared error of the probability, as in the authors' code."""
        fake: torch.Tensor = torch.sigmoid(self(batch["clips"]))
        error: torch.Tensor = (fake - batch["label"]).square().mean()
        return error


@crop_detectors.register("mesonet4")
class MesoNet4(_Meso):
    """Meso-4: four convolutions and two dense layers on crops of 256 px.

    Afchar, Nozick, Yamagishi & Echizen, "MesoNet: a Compact Facial Video Forgery Detection Network",
    WIFS 2018; 27,977 parameters.

    Args:
        crop_spec: 256 px, values from 0 to 1, by default; other sizes are multiples of 32.
        sampling_spec: clips have length 1.
        drop_rate: before each of the dense layers.
    """

    def __init__(
        self,
        crop_spec: CropSpec | dict[str, Any] | None = None,
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        drop_rate: float = 0.5,
    ) -> None:
        stages: list[tuple[nn.Module, int]] = [
            (_convolution(3, 8, 3), 8),
            (_convolution(8, 8, 5), 8),
            (_convolution(8, 16, 5), 16),
            (_convolution(16, 16, 5), 16),
        ]
        super().__init__("mesonet4", stages, crop_spec, sampling_spec, drop_rate)


@crop_detectors.register("mesoinception4")
class MesoInception4(_Meso):
    """MesoInception-4: Meso-4 whose first two convolutions are inception layers.

    Afchar, Nozick, Yamagishi & Echizen, "MesoNet: a Compact Facial Video Forgery Detection Network",
    WIFS 2018; 28,615 parameters.

    Args:
        crop_spec: 256 px, values from 0 to 1, by default; other sizes are multiples of 32.
        sampling_spec: clips have length 1.
        drop_rate: before each of the dense layers.
    """

    def __init__(
        self,
        crop_spec: CropSpec | dict[str, Any] | None = None,
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        drop_rate: float = 0.5,
    ) -> None:
        first, second = INCEPTION
        stages: list[tuple[nn.Module, int]] = [
            (_Inception(3, first), sum(first)),
            (_Inception(sum(first), second), sum(second)),
            (_convolution(sum(second), 16, 5), 16),
            (_convolution(16, 16, 5), 16),
        ]
        super().__init__("mesoinception4", stages, crop_spec, sampling_spec, drop_rate)


class _Inception(nn.Module):
    """Four ways side by side, joined by channel: 1x1; and 1x1 then 3x3, dilated by 1, 2 and 3."""

    def __init__(self, channels: int, outputs: tuple[int, int, int, int]) -> None:
        super().__init__()
        a, *others = outputs
        self.ways = nn.ModuleList([_convolution(channels, a, 1)])
        for dilation, width in enumerate(others, start=1):
            self.ways.append(
                nn.Sequential(
                    _convolution(channels, width, 1), _convolution(width, width, 3, dilation)
                )
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, channels, H, W) -> (B, sum(outputs), H, W)."""
        return torch.cat([way(x) for way in self.ways], dim=1)


def _convolution(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    """A convolution that keeps the size, and ReLU."""
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation), nn.ReLU()
    )

"""`srm`: noise residuals beside RGB, two streams that look at each other."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ..datasets.types import CropSpec, SamplingSpec
from .protocols import Batch, CropDetector, crop_detectors, read_specs
from .xception_trunk import MIDDLE, XceptionTrunk, sizes

CROP = CropSpec(256, margin=1.3)
FILTERS = torch.tensor(  # (3, 5, 5): of the steganalysis rich model
    [
        [[0, 0, 0, 0, 0], [0, -1, 2, -1, 0], [0, 2, -4, 2, 0], [0, -1, 2, -1, 0], [0, 0, 0, 0, 0]],
        [[-1, 2, -2, 2, -1], [2, -6, 8, -6, 2], [-2, 8, -12, 8, -2], [2, -6, 8, -6, 2],
         [-1, 2, -2, 2, -1]],
        [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 1, -2, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]],
    ]
) / torch.tensor([4.0, 12.0, 2.0])[:, None, None]  # fmt: skip
TRUNCATION = 3.0


@crop_detectors.register("srm")
class Srm(CropDetector):
    """Two Xceptions, one on RGB and one on high-pass residuals, joined by attention.

    Luo, Zhang, Yan & Liu, "Generalizing Face Forgery Detection with High-frequency Features", CVPR
    2021: residuals at several scales, attention guided by them, attention between the streams at two
    depths, and AM-softmax (Wang et al., "Additive Margin Softmax for Face Verification", 2018). Here
    features and class vectors are of length 1, so that the margin is one of cosines.

    Args:
        crop_spec: 256 px by default.
        sampling_spec: clips have length 1.
        pretrained: False builds the shape; True fetches timm's weights; a path reads them there.
        margin, scale: of AM-softmax; a logit is `scale` times the difference of the two cosines.
        width: share of Xception's channels, for small copies.
    """

    def __init__(
        self,
        crop_spec: CropSpec | dict[str, Any] | None = None,
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        pretrained: bool | str = False,
        margin: float = 0.45,
        scale: float = 30.0,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        self.crop_spec, self.sampling_spec = read_specs("srm", crop_spec, sampling_spec, crop=CROP)
        if scale <= 0 or margin < 0:
            raise ValueError(f"expected scale > 0 and margin >= 0, got {scale} and {margin}")
        self.margin, self.scale = margin, scale
        self.rgb = XceptionTrunk(width=width, pretrained=pretrained)
        self.noise = XceptionTrunk(width=width, pretrained=pretrained)
        a, b = self.rgb.stem_channels
        self.residual = Residual(3)
        self.residual1, self.residual2 = MixedResidual(a), MixedResidual(b)
        self.guide = ResidualAttention(a, b)
        self.guided = nn.Sequential(nn.BatchNorm2d(b), nn.ReLU())
        cells = sizes(self.crop_spec.size)[-1] ** 2
        middle = self.rgb.middle_channels
        self.cross1, self.cross2 = CrossAttention(middle, cells), CrossAttention(middle, cells)
        self.fusion = Fusion(self.rgb.num_features)
        self.classes = nn.Parameter(torch.randn(2, self.rgb.num_features) * 0.01)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, 1, 3, size, size) -> (B,) logits."""
        cosines = self.cosines(clips)
        return self.scale * (cosines[:, 1] - cosines[:, 0])

    def loss(self, batch: Batch) -> torch.Tensor:
        """AM-softmax."""
        cosines = self.cosines(batch["clips"])
        return am_softmax(cosines, batch["label"], self.margin, self.scale)

    def cosines(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, 1, 3, size, size) -> (B, 2), of the feature with the vectors of real and fake."""
        images = clips[:, 0]
        noise = self.residual(images)
        x = self.rgb.stem1(images)
        y = F.relu(self.noise.stem1(noise) + self.residual1(x))
        x = self.rgb.stem2(x)
        y = F.relu(self.noise.stem2(y) + self.residual2(x))
        x = self.guided(x * self.guide(noise) + x)
        x, y = self.cross1(self.rgb.entry(x), self.noise.entry(y))
        half = MIDDLE // 2
        x, y = self.cross2(self.rgb.middle(x, 0, half), self.noise.middle(y, 0, half))
        x = self.rgb.exit(self.rgb.middle(x, half))
        y = self.noise.exit(self.noise.middle(y, half))
        features = self.fusion(x, y).mean(dim=(2, 3))
        return F.normalize(features, dim=1) @ F.normalize(self.classes, dim=1).T


def am_softmax(
    cosines: torch.Tensor, label: torch.Tensor, margin: float, scale: float
) -> torch.Tensor:
    """Cross entropy of scaled cosines, the right class's lowered by a margin; the mean.

    Args:
        cosines: (B, classes).
        label: (B,) the right class.
        margin, scale: see above.

    >>> c = torch.tensor([[0.6, 0.5]])  # 0.6 - 0.1 = 0.5: even odds, whatever the scale
    >>> round(am_softmax(c, torch.tensor([0.0]), margin=0.1, scale=30.0).item(), 4)
    0.6931
    """
    right = F.one_hot(label.long(), cosines.shape[1]).to(cosines.dtype)
    return F.cross_entropy(scale * (cosines - margin * right), label.long())


class Residual(nn.Module):
    """Three high-pass filters, each over the sum of the channels, truncated."""

    kernel: torch.Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        kernel = FILTERS[:, None].repeat(1, channels, 1, 1)
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, channels, H, W) -> (B, 3, H, W)."""
        return F.conv2d(x, self.kernel, padding=2).clamp(-TRUNCATION, TRUNCATION)


class MixedResidual(nn.Module):
    """Three high-pass filters on each channel by itself, truncated, then mixed by a convolution."""

    kernel: torch.Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        kernel = FILTERS.repeat_interleave(channels, dim=0)[:, None]
        self.register_buffer("kernel", kernel, persistent=False)
        self.mix = nn.Sequential(
            nn.Conv2d(3 * channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, channels, H, W) -> (B, channels, H, W)."""
        noise = F.conv2d(x, self.kernel, padding=2, groups=self.channels)
        out: torch.Tensor = self.mix(noise.clamp(-TRUNCATION, TRUNCATION))
        return out


class ResidualAttention(nn.Module):
    """Where the residuals' own residuals are strong: a map from 0 to 1 for the RGB stream."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__()
        self.residual = Residual(3)
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, first, 3, 2, bias=False), nn.BatchNorm2d(first), nn.ReLU(),
            nn.Conv2d(first, second, 3, bias=False), nn.BatchNorm2d(second), nn.ReLU(),
        )  # fmt: skip
        self.map = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> (B, 1, h, w), of the size after the stem."""
        x = self.convolutions(self.residual(noise))
        both = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return torch.sigmoid(self.map(both))


class CrossAttention(nn.Module):
    """Each stream takes from the other, where the two are alike; it begins as the identity."""

    def __init__(self, channels: int, cells: int) -> None:
        super().__init__()
        few = max(1, channels // 8)
        self.key_x, self.key_y = nn.Conv2d(channels, few, 1), nn.Conv2d(channels, few, 1)
        self.shared = nn.Conv2d(few, few, 1)
        self.linear_x, self.linear_y = nn.Linear(cells, cells), nn.Linear(cells, cells)
        self.value_x, self.value_y = (nn.Conv2d(channels, channels, 1) for _ in range(2))
        self.gain_x, self.gain_y = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Two maps (B, channels, h, w), h * w being `cells` -> the same two, mixed."""
        key_x = self.shared(self.key_x(x)).flatten(2)
        key_y = self.shared(self.key_y(y)).flatten(2)
        alike = key_x.transpose(1, 2) @ key_y
        to_x = self.linear_x(alike).softmax(dim=-1)
        to_y = self.linear_y(alike.transpose(1, 2)).softmax(dim=-1)
        from_y = (self.value_y(y).flatten(2) @ to_x.transpose(1, 2)).view_as(x)
        from_x = (self.value_x(x).flatten(2) @ to_y.transpose(1, 2)).view_as(y)
        return x + self.gain_x * from_y, y + self.gain_y * from_x


class Fusion(nn.Module):
    """Both streams' last maps, mixed by a convolution and weighted by channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.Conv2d(2 * channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
        )
        few = max(1, channels // 16)
        self.weigh = nn.Sequential(
            nn.Conv2d(channels, few, 1, bias=False), nn.ReLU(),
            nn.Conv2d(few, channels, 1, bias=False),
        )  # fmt: skip

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Two maps (B, channels, h, w) -> one of the same shape."""
        mixed: torch.Tensor = self.mix(torch.cat([x, y], dim=1))
        mean, top = mixed.mean(dim=(2, 3), keepdim=True), mixed.amax(dim=(2, 3), keepdim=True)
        return mixed * torch.sigmoid(self.weigh(mean) + self.weigh(top))

"""`landmark-gru`: how five points of the face move."""

from typing import Any

import torch
from facenet_pytorch.models.mtcnn import ONet
from torch import nn
from torch.nn import functional as F

from ..datasets.types import CropSpec, SamplingSpec
from .heads import cross_entropy
from .protocols import Batch, CropDetector, crop_detectors, read_specs

CROP = CropSpec(125, margin=1.3)  # the box is then 96 px, twice O-Net's input
CLIP_LENGTH = 60
POINTS = 5
_SIDE = 48  # pixels of O-Net's input


@crop_detectors.register("landmark-gru")
class LandmarkGru(CropDetector):
    """Two recurrent networks on the face's five points: where they are, and how they move.

    Sun, Han, Hua, Ruan & Jia, "Improving the Efficiency and Robustness of Deepfakes Detection through
    Precise Geometric Features" (LRNet), CVPR 2021, with five points in place of 68: those that MTCNN's
    last net, frozen, finds in each crop. Nothing else of the picture is seen. The points are freed of
    place and size; the paper's calibration of them by optical flow is not here.

    Args:
        crop_spec: box crops, 125 px by default.
        sampling_spec: clips of at least 3 frames; 60 by default.
        units: of each direction of a recurrent network.
        point_drop_rate: share of points hidden in training.
        drop_rate: dropout in the dense layers.
    """

    def __init__(
        self,
        crop_spec: CropSpec | dict[str, Any] | None = None,
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        units: int = 32,
        point_drop_rate: float = 0.1,
        drop_rate: float = 0.5,
    ) -> None:
        super().__init__()
        self.crop_spec, self.sampling_spec = read_specs(
            "landmark-gru", crop_spec, sampling_spec, crop=CROP, clip_length=CLIP_LENGTH, shortest=3
        )
        if self.crop_spec.align != "box":
            raise ValueError(
                "'landmark-gru' follows points that alignment would put in their places: expected "
                f"align 'box', got {self.crop_spec.align!r}"
            )
        self.points = PointFinder(self.crop_spec).requires_grad_(False)
        self.place = PointStream(2 * POINTS, units, point_drop_rate, drop_rate)
        self.motion = PointStream(2 * POINTS, units, point_drop_rate, drop_rate)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, T, 3, size, size) -> (B,) logits: of the mean of both networks' probabilities."""
        place, motion = self._streams(clips)
        fake = torch.stack([F.logsigmoid(place), F.logsigmoid(motion)]).logsumexp(dim=0)
        real = torch.stack([F.logsigmoid(-place), F.logsigmoid(-motion)]).logsumexp(dim=0)
        return fake - real

    def loss(self, batch: Batch) -> torch.Tensor:
        """The mean of both networks' cross entropies: each learns by itself."""
        place, motion = self._streams(batch["clips"])
        return (cross_entropy(place, batch["label"]) + cross_entropy(motion, batch["label"])) / 2

    def _streams(self, clips: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        length = self.sampling_spec.clip_length
        # reshape and shape[0], since unflatten and len() would fix the batch of an export
        points = self.points(clips.flatten(0, 1)).reshape(-1, length, POINTS, 2)
        place = freed(points).flatten(2)
        return self.place(place), self.motion(place[:, 1:] - place[:, :-1])


def freed(points: torch.Tensor) -> torch.Tensor:
    """Points without their place and size: the mean is 0, the mean square distance from it 1.

    Args:
        points: (..., 5, 2).

    >>> square = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0], [1.0, 1.0]])
    >>> torch.allclose(freed(square), freed(3 * square + 7))
    True
    """
    centred = points - points.mean(dim=-2, keepdim=True)
    size = centred.square().sum(dim=-1, keepdim=True).mean(dim=-2, keepdim=True).sqrt()
    return centred / size.clamp(min=1e-6)


class PointFinder(nn.Module):
    """MTCNN's last net on crops: five points, as shares of the face box.

    Zhang, Zhang, Li & Qiao, "Joint Face Detection and Alignment using Multi-task Cascaded
    Convolutional Networks", IEEE Signal Processing Letters 2016.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, spec: CropSpec) -> None:
        super().__init__()
        self.net = ONet(pretrained=True)
        self.side = max(1, round(spec.size / max(spec.margin, 1.0)))
        self.first = (spec.size - self.side) // 2
        for name in ("mean", "std"):
            values = torch.tensor(getattr(spec, name)).reshape(3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """(N, 3, size, size), normalised as the spec says -> (N, 5, 2), x and y."""
        inner = slice(self.first, self.first + self.side)
        box = crops[:, :, inner, inner] * self.std + self.mean
        if self.side >= 2 * _SIDE:  # so that nothing aliases
            box = F.avg_pool2d(box, self.side // _SIDE)
        box = F.interpolate(box, (_SIDE, _SIDE), mode="bilinear")
        _, points, _ = self.net((box * 255 - 127.5) / 128)
        shares: torch.Tensor = points.reshape(-1, 2, POINTS).transpose(1, 2)
        return shares


class PointStream(nn.Module):
    """A recurrent network in both directions, and dense layers on its last states; (B,) logits."""

    def __init__(
        self, features: int, units: int, point_drop_rate: float, drop_rate: float, hidden: int = 64
    ) -> None:
        super().__init__()
        if not 0 <= point_drop_rate < 1:
            raise ValueError(f"expected a point_drop_rate from 0 to below 1, got {point_drop_rate}")
        self.point_drop_rate = point_drop_rate
        self.start = nn.Parameter(torch.randn(2, 1, units))
        self.gru = nn.GRU(features, units, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(drop_rate)
        self.dense = nn.Sequential(
            nn.Linear(2 * units, hidden), nn.ReLU(), nn.Dropout(drop_rate),
            nn.Linear(hidden, 2 * units),
        )  # fmt: skip
        self.head = nn.Linear(2 * units, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, features), the features being x and y of point after point -> (B,)."""
        if self.training and self.point_drop_rate > 0:
            kept = torch.rand(1, 1, x.shape[2] // 2, 1, device=x.device) >= self.point_drop_rate
            scale = kept.to(x.dtype) / (1 - self.point_drop_rate)
            x = (x.unflatten(2, (-1, 2)) * scale).flatten(2)
        start = self.start.expand(-1, x.shape[0], -1).contiguous()
        _, states = self.gru(x, start)
        features = self.drop(torch.cat([states[0], states[1]], dim=1))
        features = self.drop(self.dense(features) + features)
        logits: torch.Tensor = self.head(features)
        return logits[:, 0]

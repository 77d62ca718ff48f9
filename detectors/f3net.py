"""`f3net`: a picture taken apart by frequency, with learned bands."""

import math
from typing import Any

import torch
from torch import nn

from ..datasets.types import CropSpec, SamplingSpec
from .heads import cross_entropy
from .protocols import Batch, CropDetector, crop_detectors, read_specs
from .xception_trunk import XceptionTrunk

CROP = CropSpec(256, margin=1.3)


@crop_detectors.register("f3net")
class F3Net(CropDetector):
    """Xception on a picture's low, middle and high frequencies and the whole, side by side.

    Qian, Yin, Sheng, Chen & Shao, "Thinking in Frequency: Face Forgery Detection by Mining
    Frequency-aware Clues", ECCV 2020. This is its frequency-aware decomposition (FAD), as DeepfakeBench
    has it under this name; the branch of local frequency statistics (LFS) and its cross-attention are
    not here.

    Args:
        crop_spec: 256 px by default.
        sampling_spec: clips have length 1.
        pretrained: False builds the shape; True fetches timm's weights; a path reads them there.
        width: share of Xception's channels, for small copies.
    """

    def __init__(
        self,
        crop_spec: CropSpec | dict[str, Any] | None = None,
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        pretrained: bool | str = False,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        self.crop_spec, self.sampling_spec = read_specs(
            "f3net", crop_spec, sampling_spec, crop=CROP
        )
        self.bands = FrequencyBands(self.crop_spec.size)
        self.trunk = XceptionTrunk(12, width=width, pretrained=pretrained)
        self.head = nn.Linear(self.trunk.num_features, 1)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, 1, 3, size, size) -> (B,) logits."""
        logits: torch.Tensor = self.head(self.trunk(self.bands(clips[:, 0])))
        return logits[:, 0]

    def loss(self, batch: Batch) -> torch.Tensor:
        """Binary cross entropy."""
        return cross_entropy(self(batch["clips"]), batch["label"])


class FrequencyBands(nn.Module):
    """Pictures of four bands of the discrete cosine transform: low, middle, high, all.

    A band is 1 where the sum of the two frequencies lies in it and 0 elsewhere, plus a learned map from
    -1 to 1.
    """

    transform: torch.Tensor
    fixed: torch.Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("transform", cosine_transform(size), persistent=False)
        frequency = torch.arange(size)[:, None] + torch.arange(size)[None, :]
        edges = [
            (0.0, size // 2.82),
            (size // 2.82, size // 2),
            (size // 2, 2 * size),
            (0, 2 * size),
        ]
        bands = [((frequency >= a) & (frequency <= b)).float() for a, b in edges]
        self.register_buffer("fixed", torch.stack(bands), persistent=False)
        self.learned = nn.Parameter(torch.randn(4, size, size) * 0.1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, size, size) -> (B, 12, size, size), three colours for each band."""
        spectrum = self.transform @ images @ self.transform.T
        bands = self.fixed + 2 * torch.sigmoid(self.learned) - 1
        parts = spectrum[:, None] * bands[:, None]
        return (self.transform.T @ parts @ self.transform).flatten(1, 2)


def cosine_transform(size: int) -> torch.Tensor:
    """The orthonormal DCT-II as a matrix, (size, size) float32: row k holds frequency k.

    >>> m = cosine_transform(8)
    >>> torch.allclose(m @ m.T, torch.eye(8), atol=1e-6)
    True
    """
    k = torch.arange(size, dtype=torch.float64)
    matrix = torch.cos(math.pi / size * (k[None, :] + 0.5) * k[:, None]) * math.sqrt(2 / size)
    matrix[0] /= math.sqrt(2)
    return matrix.float()

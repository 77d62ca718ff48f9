"""`spsl`: the phase spectrum, turned back into a picture, beside RGB."""

import math
from typing import Any

import torch
from torch import nn

from ..datasets.types import CropSpec, SamplingSpec
from .heads import cross_entropy
from .protocols import Batch, CropDetector, crop_detectors, read_specs
from .xception_trunk import MIDDLE, XceptionTrunk

CROP = CropSpec(256, margin=1.3)
_NOTHING = 1e-6  # of the largest amplitude: below that a phase is rounding noise, and counts as 0


@crop_detectors.register("spsl")
class Spsl(CropDetector):
    """Xception on RGB and a fourth channel: the picture that the phase spectrum alone gives.

    Liu et al., "Spatial-Phase Shallow Learning: Rethinking Face Forgery Detection in Frequency
    Domain", CVPR 2021. The paper drops the middle flow; DeepfakeBench, whose numbers are quoted most,
    keeps it, and so does the default here.

    Args:
        crop_spec: 256 px by default.
        sampling_spec: clips have length 1.
        pretrained: False builds the shape; True fetches timm's weights; a path reads them there.
        shallow: without the middle flow, as the paper has it.
        width: share of Xception's channels, for small copies.
    """

    def __init__(
        self,
        crop_spec: CropSpec | dict[str, Any] | None = None,
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        pretrained: bool | str = False,
        shallow: bool = False,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        self.crop_spec, self.sampling_spec = read_specs("spsl", crop_spec, sampling_spec, crop=CROP)
        self.phase = PhasePicture(self.crop_spec.size)
        self.trunk = XceptionTrunk(
            4, width=width, middle_blocks=0 if shallow else MIDDLE, pretrained=pretrained
        )
        self.head = nn.Linear(self.trunk.num_features, 1)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, 1, 3, size, size) -> (B,) logits."""
        images = clips[:, 0]
        logits: torch.Tensor = self.head(self.trunk(torch.cat([images, self.phase(images)], dim=1)))
        return logits[:, 0]

    def loss(self, batch: Batch) -> torch.Tensor:
        """Binary cross entropy."""
        return cross_entropy(self(batch["clips"]), batch["label"])


class PhasePicture(nn.Module):
    """The inverse Fourier transform of a picture's phase spectrum, all amplitudes being 1.

    The transforms are written as products with cosine and sine matrices, which every runtime has; at
    these sizes they cost little beside the network.
    """

    cosine: torch.Tensor
    sine: torch.Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        k = torch.arange(size, dtype=torch.float64)
        turn = 2 * math.pi * (k[:, None] * k[None, :]).remainder(size) / size
        self.register_buffer("cosine", torch.cos(turn).float(), persistent=False)
        self.register_buffer("sine", torch.sin(turn).float(), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, size, size) -> (B, 1, size, size), of the channels' mean."""
        grey = images.mean(dim=1, keepdim=True)
        c, s = self.cosine, self.sine
        # exp(-i t) = c - i s on both sides of the picture
        real = c @ grey @ c - s @ grey @ s
        imaginary = -(c @ grey @ s + s @ grey @ c)
        amplitude = (real.square() + imaginary.square()).sqrt()
        some = amplitude > _NOTHING * amplitude.amax(dim=(2, 3), keepdim=True)
        safe = torch.where(some, amplitude, torch.ones_like(amplitude))
        real = torch.where(some, real / safe, torch.ones_like(real))
        imaginary = torch.where(some, imaginary / safe, torch.zeros_like(imaginary))
        # the real part of (c + i s) X (c + i s), over size squared
        back = c @ real @ c - s @ real @ s - (c @ imaginary @ s + s @ imaginary @ c)
        return back / (grey.shape[-1] ** 2)

"""`video`: torchvision's video models on clips."""

from typing import Any

import torch
import torchvision
from torch import nn

from ..datasets.registry import unknown_name
from ..datasets.types import CropSpec, SamplingSpec
from .heads import cross_entropy
from .protocols import Batch, CropDetector, crop_detectors, read_specs

CROP = CropSpec(
    112, margin=1.3, mean=(0.43216, 0.394666, 0.37645), std=(0.22803, 0.22145, 0.216989)
)
CLIP_LENGTH = 16


@crop_detectors.register("video")
class VideoDetector(CropDetector):
    """Any of torchvision's video models with one output; R(2+1)D-18 by default.

    Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition", CVPR 2018, for
    `r3d_18`, `mc3_18` and `r2plus1d_18`; see torchvision for `mvit_*`, `s3d` and `swin3d_*`.

    Args:
        crop_spec: 112 px with the mean and std of Kinetics by default; some models want 224.
        sampling_spec: clips of at least 2 frames; 16 by default; some models take no other length.
        pretrained: False builds the shape; True fetches torchvision's weights (needs the network); a
            path reads a state dict of that model there.
        backbone: a video model of torchvision.
    """

    def __init__(
        self,
        crop_spec: CropSpec | dict[str, Any] | None = None,
        sampling_spec: SamplingSpec | dict[str, Any] | None = None,
        pretrained: bool | str = False,
        backbone: str = "r2plus1d_18",
    ) -> None:
        super().__init__()
        self.crop_spec, self.sampling_spec = read_specs(
            "video", crop_spec, sampling_spec, crop=CROP, clip_length=CLIP_LENGTH, shortest=2
        )
        known = torchvision.models.list_models(torchvision.models.video)
        if backbone not in known:
            raise KeyError(unknown_name("video model of torchvision", backbone, known))
        self.backbone: nn.Module = torchvision.models.get_model(
            backbone, weights=None, num_classes=1
        )
        if pretrained:
            self._load(backbone, pretrained)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, T, 3, size, size) -> (B,) logits."""
        logits: torch.Tensor = self.backbone(clips.transpose(1, 2))
        return logits[:, 0]

    def loss(self, batch: Batch) -> torch.Tensor:
        """Binary cross entropy."""
        return cross_entropy(self(batch["clips"]), batch["label"])

    def _load(self, backbone: str, pretrained: bool | str) -> None:
        """All but the last layer, whose shape is another."""
        if isinstance(pretrained, str):
            state = torch.load(pretrained, map_location="cpu", weights_only=True)
        else:
            weights = torchvision.models.get_model_weights(backbone).DEFAULT
            try:
                state = weights.get_state_dict(progress=False)
            except Exception as error:  # urllib's and torch's own
                raise OSError(
                    f"the pretrained weights of {backbone!r} could not be fetched ({error}); fetch "
                    f"{weights.url} on a machine with a network, and give the file: pretrained: FILE.pth"
                ) from error
        wanted = self.backbone.state_dict()
        *_, last = wanted
        layer = last.rpartition(".")[0] + "."
        missing = sorted(
            k
            for k, v in wanted.items()
            if not k.startswith(layer) and (k not in state or state[k].shape != v.shape)
        )
        if missing:
            raise ValueError(
                f"{pretrained}: no weights of {backbone!r}: {', '.join(missing[:3])} and others "
                f"({len(missing)} of {len(wanted)}) are not there, or of another shape"
            )
        self.backbone.load_state_dict(
            {k: v if k.startswith(layer) else state[k] for k, v in wanted.items()}
        )

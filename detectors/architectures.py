"""The architectures there are: each is a file that registers itself."""

from typing import Any

from . import (  # noqa: F401
    clip_transformer,
    efficientnet_b4,
    effort,
    f3net,
    face_xray,
    frame,
    gend,
    landmark_gru,
    mesonet,
    recce,
    spsl,
    srm,
    tall,
    video,
    xception,
)
from .protocols import CropDetector, crop_detectors


def create_detector(name: str, **arguments: Any) -> CropDetector:
    """The detector architecture called `name`, built from plain arguments.

    Raises:
        KeyError: an unknown name; the message lists the known ones.
        TypeError: arguments that the architecture does not take.
    """
    return crop_detectors.get(name)(**arguments)

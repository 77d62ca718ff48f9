"""What a detector sees: its own crops and frames, but for what the recipe gives otherwise."""

import inspect
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

from ....datasets.types import CropSpec, SamplingSpec
from ....detectors.architectures import create_detector
from ....detectors.protocols import CropDetector, crop_detectors


def specs_of(
    name: str, arguments: Mapping[str, Any], crop: Mapping[str, Any], sampling: Mapping[str, Any]
) -> tuple[CropSpec, SamplingSpec]:
    """The specs, with which the detector was built once on no memory at all, to see that it can be.

    Args:
        name: the detector's.
        arguments: of its constructor; pretrained weights are left alone.
        crop, sampling: the fields that the recipe gives; the others are the detector's own.

    Raises:
        KeyError, TypeError, ValueError: what its constructor says.
    """
    needs_crop = (
        inspect.signature(crop_detectors.get(name)).parameters["crop_spec"].default
        is inspect.Parameter.empty
    )
    own_crop: dict[str, Any] = {}
    own_sampling: dict[str, Any] = {}
    if not needs_crop:
        published = _shape(name, arguments, None, None)
        own_crop, own_sampling = asdict(published.crop_spec), asdict(published.sampling_spec)
    crop_spec = CropSpec(**{**own_crop, **crop})
    sampling_spec = SamplingSpec(**{**own_sampling, **sampling})
    _shape(name, arguments, crop_spec, sampling_spec)
    return crop_spec, sampling_spec


def _shape(
    name: str,
    arguments: Mapping[str, Any],
    crop: CropSpec | None,
    sampling: SamplingSpec | None,
) -> CropDetector:
    quiet = {**arguments, "pretrained": False} if "pretrained" in arguments else arguments
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # weights that are read for nothing
        return create_detector(name, **quiet, crop_spec=crop, sampling_spec=sampling)

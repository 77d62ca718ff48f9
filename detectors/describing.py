"""What an architecture is, in words: its docstring, its arguments, its size."""

import inspect
import warnings
from collections.abc import Iterable

import torch

from ..datasets.registry import unknown_name
from . import pretrained
from .architectures import create_detector
from .protocols import crop_detectors


def summaries() -> dict[str, str]:
    """The first sentence on each architecture, by name."""
    return {
        name: (inspect.getdoc(crop_detectors.get(name)) or "").partition("\n")[0]
        for name in crop_detectors.names()
    }


def describe(name: str) -> str:
    """An architecture's docstring, arguments and number of parameters, as text.

    Raises KeyError for an unknown name; the message lists detectors that ship and architectures.
    """
    if name not in crop_detectors.names():
        known = [*pretrained.names(), *crop_detectors.names()]
        raise KeyError(
            unknown_name("detector or architecture", name, known)
            + "; or give a checkpoint, FILE.safetensors"
        )
    entry = crop_detectors.get(name)
    parameters = inspect.signature(entry).parameters.values()
    lines = [name, "", inspect.getdoc(entry) or "", "", "Arguments and defaults:"]
    lines += [
        f"  {p.name}" + ("" if p.default is p.empty else f" = {p.default!r}") for p in parameters
    ]
    if all(p.default is not p.empty for p in parameters):
        lines += ["", *_size(name)]
    return "\n".join(lines)


def _size(name: str) -> Iterable[str]:
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # weights that come with a package can't go to "meta"
        detector = create_detector(name)
    whole = sum(p.numel() for p in detector.parameters())
    trained = sum(p.numel() for p in detector.parameters() if p.requires_grad)
    yield f"Parameters: {whole:,}, of which {trained:,} are trained"
    yield f"Crops by default: {detector.crop_spec}"
    yield f"Clips by default: {detector.sampling_spec}"

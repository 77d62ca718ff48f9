"""Checkpoints: safetensors whose header holds all that is needed to score. No pickle is read."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from .architectures import create_detector
from .cards import Card
from .headers import FORMAT, BadCheckpoint, identify, read_header
from .protocols import CropDetector
from .scores import DetectorId


@dataclass(frozen=True)
class Checkpoint:
    """A detector with its weights, and what its file says of it."""

    detector: CropDetector
    card: Card
    id: DetectorId
    aggregation: str


def save_checkpoint(
    path: Path,
    detector: CropDetector,
    card: Card,
    *,
    architecture: str,
    arguments: dict[str, Any],
    aggregation: str = "mean-logit/max-track",
    dtype: torch.dtype = torch.float16,
) -> None:
    """Writes weights and card, in one step that leaves either the old file or the new one.

    Args:
        path: ends in .safetensors.
        detector: whose state is saved; floating tensors as `dtype`.
        card: what the weights' reader must know.
        architecture: the registered name.
        arguments: of its constructor, without the specs (those are taken from `detector`).
        aggregation: the name of the aggregation that the measured numbers were made with.
        dtype: of the stored tensors.
    """
    header = {
        "format": FORMAT,
        "architecture": architecture,
        "arguments": arguments,
        "crop_spec": asdict(detector.crop_spec),
        "sampling_spec": asdict(detector.sampling_spec),
        "aggregation": aggregation,
        "card": card.to_dict(),
    }
    state = {
        name: (t.to(dtype) if t.is_floating_point() else t).contiguous().cpu()
        for name, t in detector.state_dict().items()
    }
    temporary = path.with_name(path.name + ".part")
    save_file(state, temporary, metadata={"unswap": json.dumps(header)})
    os.replace(temporary, path)


def channels_last(detector: CropDetector) -> None:
    """Puts the channels of filters over pictures last in memory, which CPUs like.

    torch's own way, `.to(memory_format=...)`, fails for networks with filters over clips.
    """
    for parameter in detector.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def load_checkpoint(path: str | Path, device: str = "cpu") -> Checkpoint:
    """A detector in evaluation mode on `device`, ready to score. Raises BadCheckpoint."""
    path = Path(path)
    header = read_header(path)
    arguments = {
        **header["arguments"],
        "crop_spec": header["crop_spec"],
        "sampling_spec": header["sampling_spec"],
    }
    if "pretrained" in arguments:  # training began with them; all weights are here
        arguments["pretrained"] = False
    try:
        detector = create_detector(header["architecture"], **arguments)
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        detector.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
        )
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise BadCheckpoint(f"{path}: the weights do not fit their own header ({error})") from error
    card = Card.from_dict(header["card"])
    detector.eval().requires_grad_(False).to(device)
    channels_last(detector)
    return Checkpoint(detector, card, identify(path), header["aggregation"])

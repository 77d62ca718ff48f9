"""A detector as an ONNX file, which carries in its metadata what crops it wants."""

import json
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from .protocols import CropDetector
from .vendors.onnx_file import METADATA

OPSET = 17


def export_onnx(
    detector: CropDetector, path: Path, *, aggregation: str = "mean-logit/max-track"
) -> None:
    """Writes a detector as ONNX: input `image` (B, 3, size, size), or `clip` (B, T, 3, size, size)
    where clips are longer than one frame; output `logit` (B,). B is free.

    The file's metadata hold its crops, so that `unswap score --detector FILE.onnx` takes it as it is.

    Args:
        detector: it is put into evaluation mode.
        path: where to.
        aggregation: from frames to the video, as the checkpoint has it.

    Raises:
        RuntimeError: the package `onnx` is not installed, or the network can't be exported.
    """
    try:
        import onnx
    except ImportError:
        raise RuntimeError("onnx is not installed; install it with: pip install onnx") from None
    length, size = detector.sampling_spec.clip_length, detector.crop_spec.size
    single = length == 1
    name = "image" if single else "clip"
    shape = (2, 3, size, size) if single else (2, length, 3, size, size)
    module = _OneFrame(detector) if single else detector
    module.eval()
    with warnings.catch_warnings():
        # of the exporter itself, and of shapes that are fixed on purpose: all but the batch
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.randn(shape),),
            str(path),
            input_names=[name],
            output_names=["logit"],
            dynamic_axes={name: {0: "batch"}, "logit": {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load(str(path))
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA, json.dumps(_description(detector, aggregation))
    onnx.save(model, str(path))


class _OneFrame(torch.nn.Module):
    """Takes pictures in place of clips of length 1."""

    def __init__(self, detector: CropDetector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.detector(image[:, None])
        return logits


def _description(detector: CropDetector, aggregation: str) -> dict[str, Any]:
    return {
        "crop": asdict(detector.crop_spec),
        "sampling": asdict(detector.sampling_spec),
        "layout": "BCHW" if detector.sampling_spec.clip_length == 1 else "BTCHW",
        "channels": "RGB",
        "output": "logit",
        "output_name": "logit",
        "aggregation": aggregation,
    }

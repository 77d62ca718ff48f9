"""An ONNX file as a CropDetector: it sees what our own detectors see, through the same pipeline."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...datasets.types import Float32
from ..cards import Card
from ..checkpoints import Checkpoint
from ..protocols import CropDetector
from ..scores import DetectorId
from .binding import BadDescription
from .descriptions import OnnxModel
from .onnx_file import open_session

_SURE = 80.0  # logits: where a float32 probability is 0 or 1
_ORDER = {  # of B, T, C, H, W, from (B, T, C, H, W)
    "BTCHW": (0, 1, 2, 3, 4),
    "BCTHW": (0, 2, 1, 3, 4),
    "BTHWC": (0, 1, 3, 4, 2),
}


class OnnxDetector(CropDetector):
    """Runs a session on clips.

    Args:
        description: its input and output.
        session: onnxruntime's.

    Raises:
        BadDescription: the file's input is not what the description says.
    """

    def __init__(self, description: OnnxModel, session: Any) -> None:
        super().__init__()
        self.crop_spec = description.crop
        self.sampling_spec = description.sampling
        self.description = description
        self._session = session
        inputs, outputs = session.get_inputs(), [o.name for o in session.get_outputs()]
        if len(inputs) != 1:
            raise BadDescription(
                f"{description.name}: expected one input, got {', '.join(i.name for i in inputs)}"
            )
        self._input = inputs[0].name
        self._output = description.output_name or outputs[0]
        if self._output not in outputs:
            raise BadDescription(
                f"{description.name}: no output {self._output!r}; there is {', '.join(outputs)}"
            )
        self._batch = _check_shape(description, inputs[0])

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, T, 3, size, size) -> (B,) logits.

        Raises:
            ValueError: the file gives something else than the description says.
        """
        values = clips.cpu().numpy().astype(np.float32)
        if self.description.channels == "BGR":
            values = values[:, :, ::-1]
        layout = self.description.layout
        if "T" in layout:
            values = values.transpose(_ORDER[layout])
        else:
            values = values[:, 0]
            if layout == "BHWC":
                values = values.transpose(0, 2, 3, 1)
        values = np.ascontiguousarray(values)
        step = self._batch or len(values)
        logits = [self._run(values[i : i + step]) for i in range(0, len(values), step)]
        return torch.from_numpy(np.concatenate(logits))

    def _run(self, values: Float32) -> Float32:
        raw = np.asarray(self._session.run([self._output], {self._input: values})[0], np.float64)
        kind = self.description.output
        columns = 2 if kind.startswith("two") else 1
        if raw.size != len(values) * columns:
            raise ValueError(
                f"expected {len(values)} x {columns} numbers from {self._output!r} ({kind}), "
                f"got the shape {raw.shape}"
            )
        raw = raw.reshape(len(values), columns)
        if not np.isfinite(raw).all():
            raise ValueError(f"{self._output!r} is not finite for {len(values)} crops")
        if "probabilit" in kind and (raw.min() < 0 or raw.max() > 1):
            raise ValueError(
                f"expected probabilities from {self._output!r}, got {raw.min():g} to {raw.max():g}; "
                "does it give logits?"
            )
        fake = self.description.fake_index
        if kind == "logit":
            logits = raw[:, 0]
        elif kind == "two_logits":
            logits = raw[:, fake] - raw[:, 1 - fake]
        else:
            yes = raw[:, fake] if kind == "two_probabilities" else raw[:, 0]
            no = raw[:, 1 - fake] if kind == "two_probabilities" else 1 - raw[:, 0]
            with np.errstate(divide="ignore"):
                logits = np.log(yes) - np.log(no)
            if np.isnan(logits).any():
                raise ValueError(f"both probabilities from {self._output!r} are 0")
            logits = np.clip(logits, -_SURE, _SURE)
        return np.asarray(logits, dtype=np.float32)


def load_onnx(
    path: Path,
    description: OnnxModel,
    detector: DetectorId,
    *,
    threads: int = 1,
    device: str = "cpu",
) -> Checkpoint:
    """The file as what the cropping pipeline takes. Raises BadDescription."""
    session = open_session(path, threads=threads, device=device)
    named = replace(description, name=description.name or path.stem)
    card = Card(
        name=detector.name,
        version=detector.version,
        summary=f"An ONNX file from outside, {path.name}. {description.notes}".strip(),
        licence=description.licence,
        command="none: it was not trained here",
        limits=("Nothing is known here of what it was trained on, or of how well it does.",),
    )
    network = OnnxDetector(named, session)
    network.eval()
    return Checkpoint(network, card, detector, description.aggregation)


def _check_shape(description: OnnxModel, wanted: Any) -> int | None:
    """The batch that the file is made for; None where any will do."""
    size, length = description.crop.size, description.sampling.clip_length
    sizes = {"C": 3, "H": size, "W": size, "T": length}
    if wanted.type != "tensor(float)":
        raise BadDescription(
            f"{description.name}: expected an input of 32-bit floats, got {wanted.type}"
        )
    shape = list(wanted.shape)
    expected = [sizes.get(letter, "any") for letter in description.layout]
    good = len(shape) == len(expected) and all(
        letter == "B" or not isinstance(got, int) or got == sizes[letter]
        for got, letter in zip(shape, description.layout, strict=False)
    )
    if not good:
        raise BadDescription(
            f"{description.name}: the description says {description.layout} of {expected}, and the file "
            f"takes {shape}"
        )
    batch = shape[0]
    if isinstance(batch, int) and batch != 1:
        raise BadDescription(
            f"{description.name}: it takes {batch} clips at once, no fewer; export it with a batch of 1, "
            "or of any size"
        )
    return batch if isinstance(batch, int) else None

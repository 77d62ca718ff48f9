"""MesoNet: the authors' Keras weights (.h5)."""

import re
from functools import partial

import torch

from ..mesonet import CROP
from .sources import Source, sources
from .weights import State

_SIDE = 8  # of the last map, of 256 px
_CHANNELS = 16
# The convolutions in the order in which the authors' code makes them, under our names.
_PLAIN = [f"features.conv{i}.0" for i in range(1, 5)]
_INCEPTION = [
    *(
        f"features.conv{layer}.ways.{way}"
        for layer in (1, 2)
        for way in ("0.0", "1.0.0", "1.1.0", "2.0.0", "2.1.0", "3.0.0", "3.1.0")
    ),
    "features.conv3.0",
    "features.conv4.0",
]


def rename_mesonet(state: State, convolutions: list[str]) -> State:
    """Keras's names and layouts -> ours.

    Keras numbers layers of one kind in the order in which they are made. Filters are (H, W, in, out)
    there, pictures are flattened with the channels last, and the output is the probability of real.

    Args:
        state: tensors by `layer/.../variable:0`.
        convolutions: our names, in the order in which the authors' code makes them.
    """
    out: State = {}
    for name, layer in zip(convolutions, _layers(state, "conv2d", len(convolutions)), strict=True):
        out[f"{name}.weight"] = layer["kernel"].permute(3, 2, 0, 1)
        out[f"{name}.bias"] = layer["bias"]
    for i, layer in enumerate(_layers(state, "batch_normalization", 4), start=1):
        for theirs, ours in (
            ("gamma", "weight"), ("beta", "bias"), ("moving_mean", "running_mean"),
            ("moving_variance", "running_var"),
        ):  # fmt: skip
            out[f"features.norm{i}.{ours}"] = layer[theirs]
        out[f"features.norm{i}.num_batches_tracked"] = torch.tensor(0)
    dense, head = _layers(state, "dense", 2)
    kernel = dense["kernel"]
    if kernel.shape[0] != _SIDE * _SIDE * _CHANNELS:
        raise ValueError(
            f"expected {_SIDE * _SIDE * _CHANNELS} features before the first dense layer, got "
            f"{kernel.shape[0]}"
        )
    grid = kernel.reshape(_SIDE, _SIDE, _CHANNELS, -1)
    out["dense.weight"] = grid.permute(3, 2, 0, 1).flatten(1)
    out["dense.bias"] = dense["bias"]
    out["head.weight"] = -head["kernel"].T  # theirs says how real it is
    out["head.bias"] = -head["bias"]
    return out


def _layers(state: State, kind: str, count: int) -> list[State]:
    """The variables of all layers of one kind, by their own names, in the order of their numbers."""
    found: dict[int, State] = {}
    for name, value in state.items():
        layer, *_, variable = name.split("/")
        match = re.fullmatch(rf"{kind}(?:_(\d+))?", layer)
        if match:
            found.setdefault(int(match[1] or 0), {})[variable.partition(":")[0]] = value
    if len(found) != count:
        raise ValueError(f"expected {count} layers {kind}, got {len(found)}")
    return [found[number] for number in sorted(found)]


def _source(name: str, architecture: str, convolutions: list[str]) -> Source:
    return Source(
        f"the authors' {name}, Afchar et al., WIFS 2018 (Keras, .h5)",
        architecture,
        CROP,
        partial(rename_mesonet, convolutions=convolutions),
        limits=(
            "Its authors cut faces in their own way and align them; here they are cut by the face box, 1.3 "
            "times as large. Published numbers were not reproduced here.",
        ),
    )


sources.register("mesonet4")(_source("Meso-4", "mesonet4", _PLAIN))
sources.register("mesoinception4")(_source("MesoInception-4", "mesoinception4", _INCEPTION))

"""Whose weights can be converted: what they need, and where each tensor goes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...datasets.registry import Registry
from ...datasets.types import CropSpec
from .weights import State


@dataclass(frozen=True)
class Source:
    """One kind of published weights.

    `summary`: whose they are, a sentence. `architecture`, `arguments`: what they fit. `crop_spec`:
    the crops that they were trained on, as near as ours come. `aggregation`: how their authors score a
    video. `rename`: (state) -> state under our names; raises KeyError for a tensor that is missing.
    `limits`: what a reader of a score must know.
    """

    summary: str
    architecture: str
    crop_spec: CropSpec
    rename: Callable[[State], State]
    arguments: dict[str, Any] = field(default_factory=dict)
    aggregation: str = "mean-probability/max-track"
    limits: tuple[str, ...] = ()


sources: Registry[Source] = Registry("kind of weights to convert")


def one_output(state: State, layer: str) -> State:
    """A linear layer's two outputs, real and fake, as one: the logit of fake is their difference.

    Args:
        state: holds `layer`.weight, (2, features), and `layer`.bias, (2,).
        layer: its name.

    Returns:
        `weight` (1, features) and `bias` (1,). Raises KeyError, and ValueError for another shape.
    """
    weight, bias = state[f"{layer}.weight"], state[f"{layer}.bias"]
    if weight.shape[0] != 2 or bias.shape != (2,):
        raise ValueError(
            f"expected two outputs of {layer}, real and fake, got weights {tuple(weight.shape)} and "
            f"biases {tuple(bias.shape)}"
        )
    return {"weight": weight[1:] - weight[:1], "bias": bias[1:] - bias[:1]}

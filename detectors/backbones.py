"""timm's image models as backbones: any name works; errors say what to do."""

from pathlib import Path
from typing import Any

import timm
from torch import nn

from ..datasets.registry import unknown_name


def create_backbone(name: str, pretrained: bool | str = False, **arguments: Any) -> nn.Module:
    """A timm model.

    Args:
        name: any timm model's name.
        pretrained: False builds the shape; True fetches timm's own weights (needs the network); a
            path reads the weights from that file, for where there is no network.
        arguments: further ones of `timm.create_model`.

    Raises:
        KeyError: an unknown name; the message suggests near ones.
        FileNotFoundError: `pretrained` names no file.
        OSError: the weights can't be fetched; the message says where to put the file.
        TypeError, RuntimeError: arguments, or weights, that do not fit the model.
    """
    if not timm.is_model(name):
        raise KeyError(unknown_name("timm backbone", name, alike(name)))
    if isinstance(pretrained, str):
        if not Path(pretrained).is_file():
            raise FileNotFoundError(f"pretrained weights of {name!r}: no file {pretrained}")
        arguments["pretrained_cfg_overlay"] = {"file": pretrained}
    try:
        model: nn.Module = timm.create_model(name, pretrained=bool(pretrained), **arguments)
    except (TypeError, KeyError, AssertionError):
        raise
    except Exception as error:  # each way to fetch has exceptions of its own
        if pretrained is not True:
            raise
        config = timm.get_pretrained_cfg(name)
        where = (config and (config.hf_hub_id or config.url)) or "timm's pages"
        raise OSError(
            f"the pretrained weights of {name!r} could not be fetched ({_first_line(error)}); fetch them "
            f"from {where} on a machine with a network, and give the file: pretrained: FILE.safetensors"
        ) from error
    return model


def alike(name: str) -> list[str]:
    """The timm models whose names share the longest possible beginning with `name`."""
    names: list[str] = timm.list_models()
    for length in range(len(name), 2, -1):
        near = [n for n in names if n.startswith(name[:length])]
        if near:
            return near[:20]
    return ["any name in timm.list_models()"]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]

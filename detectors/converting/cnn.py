"""Xception and EfficientNet-B4: DeepfakeBench's, and that of self-blended images."""

import re

from ...datasets.types import CropSpec
from .sources import Source, one_output, sources
from .weights import State

ALIGNED = (
    "DeepfakeBench aligns its crops by dlib's landmarks; here they are cut by the face box, 1.3 times as "
    "large. Scores differ by that, and published numbers were not reproduced here."
)


def rename_xception(state: State) -> State:
    """DeepfakeBench's names -> those of timm's `legacy_xception`."""
    # `last_linear` is a dropout and a layer where they trained with dropout
    head = "backbone.last_linear" + (".1" if "backbone.last_linear.1.weight" in state else "")
    fc = one_output(state, head)
    kept = {
        name: value
        for name, value in state.items()
        # a layer of other modes, which this one never calls
        if not name.startswith(("backbone.last_linear", "backbone.adjust_channel"))
    }
    return {**kept, "backbone.fc.weight": fc["weight"], "backbone.fc.bias": fc["bias"]}


# efficientnet_pytorch's names within a block -> timm's; a first block has no expansion
_EXPANDED = {
    "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
    "_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand", "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}  # fmt: skip
_PLAIN = {
    "_depthwise_conv": "conv_dw", "_bn1": "bn1", "_se_reduce": "se.conv_reduce",
    "_se_expand": "se.conv_expand", "_project_conv": "conv_pw", "_bn2": "bn2",
}  # fmt: skip
_OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
_REPEATS = (2, 4, 4, 6, 6, 8, 2)  # blocks of each stage of B4


def rename_efficientnet(state: State, prefix: str, head: str) -> State:
    """efficientnet_pytorch's names -> those of timm's `tf_efficientnet_b4`.

    Args:
        state: all tensors.
        prefix: before the network's names.
        head: the name of the last layer, with two outputs.

    Returns:
        The state; tensors under no known name keep theirs, and so are refused later.
    """
    places = [f"{stage}.{i}" for stage, n in enumerate(_REPEATS) for i in range(n)]
    out: State = {}
    for name, value in state.items():
        if name.startswith(head + "."):
            continue
        inner = name.removeprefix(prefix)
        block = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(.+)", inner)
        layer, _, rest = inner.partition(".")
        if block and int(block[1]) < len(places):
            names = (
                _EXPANDED if f"{prefix}_blocks.{block[1]}._expand_conv.weight" in state else _PLAIN
            )
            place = places[int(block[1])]
            out[f"backbone.blocks.{place}.{names.get(block[2], block[2])}.{block[3]}"] = value
        elif layer in _OUTSIDE:
            out[f"backbone.{_OUTSIDE[layer]}.{rest}"] = value
        else:
            out[name] = value
    fc = one_output(state, head)
    return {
        **out,
        "backbone.classifier.weight": fc["weight"],
        "backbone.classifier.bias": fc["bias"],
    }


def _rename_deepfakebench_b4(state: State) -> State:
    return rename_efficientnet(state, "backbone.efficientnet.", "backbone.last_layer")


def _rename_sbi(state: State) -> State:
    return rename_efficientnet(state, "net.", "net._fc")


sources.register("deepfakebench-xception")(
    Source(
        "DeepfakeBench's Xception (.pth)",
        "xception",
        CropSpec(256, margin=1.3),
        rename_xception,
        limits=(ALIGNED,),
    )
)
sources.register("deepfakebench-efficientnet-b4")(
    Source(
        "DeepfakeBench's EfficientNet-B4 (.pth)",
        "efficientnet-b4",
        CropSpec(256, margin=1.3),
        _rename_deepfakebench_b4,
        arguments={"padding": "deepfakebench"},
        limits=(ALIGNED,),
    )
)
sources.register("sbi")(
    Source(
        "the EfficientNet-B4 of Self-Blended Images, Shiohara & Yamasaki, CVPR 2022 (.tar)",
        "efficientnet-b4",
        CropSpec(380, margin=1.25, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
        _rename_sbi,
        limits=(
            "Its authors find faces with RetinaFace, and take the maximum over a frame's faces before the "
            "mean over frames; here tracks are averaged first. Published numbers were not reproduced here.",
        ),
    )
)

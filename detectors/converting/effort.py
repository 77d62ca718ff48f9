"""Effort: CLIP's vision model as the `transformers` package names it, its attention split."""

import re

import torch

from ..vit import CROP
from .sources import Source, one_output, sources
from .weights import State

_OUTSIDE = {
    "embeddings.patch_embedding.weight": "patch_embed.proj.weight",
    "pre_layrnorm.weight": "norm_pre.weight",
    "pre_layrnorm.bias": "norm_pre.bias",
    "post_layernorm.weight": "norm.weight",
    "post_layernorm.bias": "norm.bias",
}
_ATTENTION = {
    "q_proj": "qkv.query", "k_proj": "qkv.key", "v_proj": "qkv.value", "out_proj": "proj",
}  # fmt: skip
_SPLIT = {
    "weight_main": "main", "bias": "bias", "U_residual": "left", "S_residual": "scale",
    "V_residual": "right",
}  # fmt: skip
_LAYER = {
    "layer_norm1": "norm1",
    "layer_norm2": "norm2",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}


def rename_effort(state: State) -> State:
    """The authors' names -> ours."""
    out: State = {}
    for name, value in state.items():
        inner = name.removeprefix("backbone.")
        split = re.fullmatch(r"encoder\.layers\.(\d+)\.self_attn\.(\w+)\.(\w+)", inner)
        layer = re.fullmatch(r"encoder\.layers\.(\d+)\.(layer_norm\d|mlp\.fc\d)\.(\w+)", inner)
        if name.startswith("head.") or inner == "embeddings.position_ids":
            continue  # the head comes below; the other is 0, 1, 2, ...
        if split and split[2] in _ATTENTION and split[3] in _SPLIT:
            out[f"backbone.blocks.{split[1]}.attn.{_ATTENTION[split[2]]}.{_SPLIT[split[3]]}"] = (
                value
            )
        elif layer and layer[2] in _LAYER:
            out[f"backbone.blocks.{layer[1]}.{_LAYER[layer[2]]}.{layer[3]}"] = value
        elif inner in _OUTSIDE:
            out[f"backbone.{_OUTSIDE[inner]}"] = value
        elif inner == "embeddings.class_embedding":
            out["backbone.cls_token"] = value.reshape(1, 1, -1)
        elif inner == "embeddings.position_embedding.weight":
            out["backbone.pos_embed"] = torch.unsqueeze(value, 0)
        else:
            out[name] = value
    head = one_output(state, "head")
    return {**out, "head.weight": head["weight"], "head.bias": head["bias"]}


sources.register("effort")(
    Source(
        "Effort's CLIP ViT-L/14, Yan et al., ICML 2025 (.pth)",
        "effort",
        CROP,
        rename_effort,
        limits=(
            "Its authors align crops by dlib's landmarks; here they are cut by the face box, 1.3 times as "
            "large. Published numbers were not reproduced here.",
        ),
    )
)

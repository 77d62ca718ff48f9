"""Vision transformers as backbones: built for the size of the crops."""

from torch import nn

from ..datasets.types import CropSpec
from .backbones import create_backbone

CLIP_L14 = "vit_large_patch14_clip_quickgelu_224.openai"
CLIP_B16 = "vit_base_patch16_clip_quickgelu_224.openai"
CROP = CropSpec(
    224,
    margin=1.3,
    mean=(0.48145466, 0.4578275, 0.40821073),
    std=(0.26862954, 0.26130258, 0.27577711),
)


def create_vit(name: str, pretrained: bool | str, size: int) -> nn.Module:
    """A timm vision transformer for pictures of `size` px, giving features (B, num_features).

    Raises what `create_backbone` does, and ValueError for a model that has no patches.
    """
    try:
        model = create_backbone(name, pretrained, num_classes=0, img_size=size)
    except TypeError as error:
        raise ValueError(f"{name!r} is no vision transformer ({error})") from error
    return model

"""Arguments that make each detector small, for the tests that run over all of them."""

import torch

from unswap.datasets.types import CropSpec, SamplingSpec
from unswap.detectors.architectures import create_detector

SMALL = {
    "frame": {"backbone": "test_efficientnet"},
    "mesonet4": {"drop_rate": 0.0},
    "mesoinception4": {"drop_rate": 0.0},
    "xception": {"backbone": "test_resnet"},
    "efficientnet-b4": {"backbone": "test_efficientnet"},
    "gend": {"backbone": "test_vit"},
    "effort": {"backbone": "test_vit", "rank": 4},
    "spsl": {"width": 0.05},
    "f3net": {"width": 0.05},
    "srm": {"width": 0.05},
    "recce": {"width": 0.05, "drop_rate": 0.0},
    "face-xray": {"backbone": "test_resnet"},
    "tall": {
        "backbone": "swin_tiny_patch4_window7_224",
        "window": 2,
        "drop_path_rate": 0.0,
        "backbone_arguments": {"embed_dim": 16, "depths": (1, 1), "num_heads": (2, 2)},
    },
    "clip-transformer": {"backbone": "test_resnet", "heads": 4, "depth": 1},
    "video": {"backbone": "mc3_18"},
    "landmark-gru": {"point_drop_rate": 0.0, "drop_rate": 0.0},
}
# crops and clips where 64 px and single frames won't do
SIZES = {"gend": 32, "effort": 32, "tall": 32, "clip-transformer": 32, "video": 16, "face-xray": 32}
LENGTHS = {"tall": 4, "clip-transformer": 3, "video": 4, "landmark-gru": 4}


def small_detector(name, **more):
    """A small copy of an architecture, the same each time."""
    torch.manual_seed(0)
    return create_detector(
        name,
        **{**SMALL[name], **more},
        crop_spec=CropSpec(SIZES.get(name, 64)),
        sampling_spec=SamplingSpec(4, LENGTHS.get(name, 1)),
    )


def clips_for(detector, count, seed=0):
    """(count, clip_length, 3, size, size) of noise, smooth enough for pooling to keep some of it."""
    length, size = detector.sampling_spec.clip_length, detector.crop_spec.size
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count * length, 3, 8, 8, generator=generator)
    clips = torch.nn.functional.interpolate(coarse, (size, size), mode="bilinear")
    fine = torch.randn(count * length, 3, size, size, generator=generator)
    return (clips + 0.1 * fine).unflatten(0, (count, length))


def batch_for(detector, count, seed=0):
    """Half real, half fake, with whatever else the loss needs."""
    label = torch.arange(count).remainder(2).float()
    batch = {"clips": clips_for(detector, count, seed), "label": label}
    if "boundary" in detector.targets:
        size = detector.crop_spec.size
        boundary = torch.zeros(count, size, size)
        boundary[1::2, size // 4 : size // 2] = 1
        batch["boundary"] = boundary
    return batch

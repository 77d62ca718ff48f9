"""What the label strings of DeepfakeBench's lists mean, as its and DF40's settings say."""

from pathlib import Path

from ..registry import unknown_name
from .base import BadBenchmark
from .df40_methods import METHODS

# What fakes are, by label.
_FAKE: dict[str, str | None] = {
    "FF-DF": "swap",
    "FF-F2F": "reenactment",
    "FF-FS": "swap",
    "FF-NT": "reenactment",
    "FF-FH": "swap",
    "FF-SH": "swap",
    "DFD_fake": "swap",
    "CelebDFv1_fake": "swap",
    "CelebDFv2_fake": "swap",
    "DFDCP_FakeA": "swap",
    "DFDCP_FakeB": "swap",
    "DFDC_Fake": "swap",
    "DF_fake": "swap",
    "UADFV_Fake": "swap",
    "roop_Fake": "swap",
}
_REAL = [
    "FF-real",
    "DFD_real",
    "CelebDFv1_real",
    "CelebDFv2_real",
    "DFDCP_Real",
    "DFDC_Real",
    "DF_real",
    "UADFV_Real",
    "roop_Real",
]
# DF40's labels are NAME_Fake and NAME_Real. It writes some methods with capitals, and has names
# for several methods together and for pictures of other generators.
_CAPITALS = [
    "MRAA",
    "MidJourney",
    "StyleGAN2",
    "StyleGAN3",
    "StyleGANXL",
    "DiT",
    "SiT",
    "VQGAN",
    "RDDM",
    "CollabDiff",
    "Collaborative_Diffusion",
    "Whichisreal",
]
_OTHERS = ["dalle2_face", "sd1.5", "adm", "biggan", "glide", "sdv4", "sdv5", "vqdm", "wukong"]
_KINDS: dict[str, str | None] = {
    **METHODS,
    **{name: METHODS[name.lower()] for name in _CAPITALS},
    **dict.fromkeys(_OTHERS, "synthesis"),
    "FSAll": "swap",
    "FRAll": "reenactment",
    "EFSAll": "synthesis",
    "DF40_train": None,
}

# By label: 1 for fake, and the kind if it says one; 0 for real.
LABELS: dict[str, tuple[int, str | None]] = {
    **{label: (1, kind) for label, kind in _FAKE.items()},
    **dict.fromkeys(_REAL, (0, None)),
    **{f"{name}_Fake": (1, kind) for name, kind in _KINDS.items()},
    **{f"{name}_Real": (0, None) for name in _KINDS},
}


def meaning_of(label: str, path: Path) -> tuple[int, str | None]:
    """Whether a label means fake (1) or real (0), and the kind of manipulation if it says one.

    Raises:
        BadBenchmark: an unknown label; the known ones are listed.
    """
    if label not in LABELS:
        raise BadBenchmark(f"{path}: {unknown_name('label', label, LABELS)}")
    return LABELS[label]

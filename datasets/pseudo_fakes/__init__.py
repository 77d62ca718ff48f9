"""Pseudo-fakes: forgeries made on the fly from genuine faces, to train on.

Four ways, each a pure function of pictures and a generator, each giving a picture, its mask and its
blending boundary (`PseudoFake`):

- `sbi`, self-blending: a face and a differently processed copy of itself (`self_blended`);
- `bi`, blending between people: the nearest other face laid over this one (`blended_between`);
- `i2g`, inconsistency: parts of another person's face of another quality (`inconsistent`);
- `swap`: another person's face warped onto this one's points (`swapped`).

`pairs` makes them from prepared crops, each beside its genuine counterpart; it needs PyTorch, and is
not imported here.
"""

from .between_people import (
    InconsistencySettings,
    PeopleSettings,
    SwapSettings,
    blended_between,
    inconsistent,
    swapped,
)
from .blending import PseudoFake, blend, boundary, consistency, poisson
from .masks import MaskSettings, outline_mask, random_mask
from .outlines import FacePicture, face_outline, laid_outline
from .self_blending import BLEND_RATIOS, SelfBlendSettings, self_blend, self_blended
from .styles import match_colours, recolour, resharpen, restyle
from .warping import piecewise_affine, similarity

__all__ = [
    "BLEND_RATIOS",
    "FacePicture",
    "InconsistencySettings",
    "MaskSettings",
    "PeopleSettings",
    "PseudoFake",
    "SelfBlendSettings",
    "SwapSettings",
    "blend",
    "blended_between",
    "boundary",
    "consistency",
    "face_outline",
    "inconsistent",
    "laid_outline",
    "match_colours",
    "outline_mask",
    "piecewise_affine",
    "poisson",
    "random_mask",
    "recolour",
    "resharpen",
    "restyle",
    "self_blend",
    "self_blended",
    "similarity",
    "swapped",
]

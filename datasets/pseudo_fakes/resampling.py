"""Faces as generators leave them: taken through a small aligned picture, smoothed, put back.

Face swapping programs make a face of a fixed size (64 to 256 pixels a side), aligned by its points,
and paste it back; what comes is softer than what is around it, or sharper in another way, and its
noise is gone. Nothing here is a generator: the face is this one, or another person's.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from ..crops import alignment
from ..types import CropSpec, Uint8
from .blending import PseudoFake, blend
from .masks import MaskSettings, random_mask
from .outlines import FacePicture
from .styles import match_colours, recolour
from .warping import similarity, warped


@dataclass(frozen=True)
class ResampleSettings:
    """`masks`: see there. `detail`: least and largest pixels of the small picture for each pixel of
    the face. `least_side`: of the small picture, pixels. `others`: share with another person's face.
    `recoloured`: share whose face gets slightly other colours."""

    masks: MaskSettings = field(
        default_factory=lambda: MaskSettings(
            {"hull": 0.5, "inner": 0.4, "lower": 0.1},
            max_bend=0.03,
            min_edge=0.01,
            max_edge=0.08,
            inside=0.4,
        )
    )
    detail: tuple[float, float] = (0.35, 1.1)
    least_side: int = 40
    others: float = 0.5
    recoloured: float = 0.4


def resampled(
    face: FacePicture,
    donor: FacePicture | None,
    rng: np.random.Generator,
    settings: ResampleSettings = ResampleSettings(),
) -> PseudoFake:
    """This face, or the donor's in its place, through a small picture and back.

    Args:
        face: the genuine face that is kept outside the mask.
        donor: another person's face; None to take this one always.
        rng: all that is random comes from it.
        settings: how small, which masks.

    Raises:
        ValueError: points coincide.
    """
    mask = random_mask(face, rng, settings.masks)
    shape = (face.image.shape[0], face.image.shape[1])
    source = face.image
    if donor is not None and rng.random() < settings.others:
        source = warped(donor.image, similarity(donor.landmarks_xy, face.landmarks_xy), shape)
        source = match_colours(source, face.image, mask, rng.uniform(0.7, 1))
    margin = rng.uniform(1.15, 1.5)
    side = max(settings.least_side, round(face.size * margin * rng.uniform(*settings.detail)))
    there = alignment(face.landmarks_xy, CropSpec(side, margin, align="similarity"))
    scale = float(np.hypot(there[0, 0], there[1, 0]))
    if scale < 0.7:  # what is averaged away must not alias
        source = np.asarray(cv2.GaussianBlur(source, (0, 0), 0.4 / scale), dtype=np.uint8)
    small = np.asarray(cv2.warpAffine(source, there, (side, side), flags=cv2.INTER_LINEAR,
                                      borderMode=cv2.BORDER_REFLECT), dtype=np.uint8)  # fmt: skip
    small = _generated(small, rng)
    if rng.random() < settings.recoloured:
        small = recolour(small, rng)
    back = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4]))
    laid = cv2.warpAffine(
        small, there, (shape[1], shape[0]), flags=back | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    return PseudoFake(blend(np.asarray(laid, dtype=np.uint8), face.image, mask), mask, mask)


def _generated(small: Uint8, rng: np.random.Generator) -> Uint8:
    """What a decoder's last layers do: fine detail gone, edges kept, sometimes sharpened after."""
    how = rng.choice(["none", "bilateral", "median", "gaussian", "means"],
                     p=[0.25, 0.25, 0.15, 0.25, 0.1])  # fmt: skip
    if how == "bilateral":
        out = cv2.bilateralFilter(small, 5, rng.uniform(15, 50), rng.uniform(1.5, 4))
    elif how == "median":
        out = cv2.medianBlur(small, 3)
    elif how == "gaussian":
        out = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.5, 1.2))
    elif how == "means":
        out = cv2.fastNlMeansDenoisingColored(small, None, rng.uniform(2, 6), 4, 3, 9)
    elif how == "none":
        out = small
    else:
        raise ValueError(f"unknown way to smooth: {how}")
    if rng.random() < 0.25:
        soft = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.8, 2))
        amount = rng.uniform(0.2, 0.9)
        out = cv2.addWeighted(out, 1 + amount, soft, -amount, 0)
    return np.asarray(out, dtype=np.uint8)

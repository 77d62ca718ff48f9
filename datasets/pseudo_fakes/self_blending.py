"""Self-blended images (SBI): a face blended with a differently processed copy of itself.

Shiohara & Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022. Written here for the
five points that the face detector gives, in place of the paper's 81: the mask is a canonical face
outline, laid over the face by the points. Where 68 or more points are given, it is their hull.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ..types import Float32, Uint8
from .blending import PseudoFake, blend
from .masks import outline_mask
from .outlines import FacePicture
from .styles import restyle

BLEND_RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class SelfBlendSettings:
    """How far source and target may differ.

    `max_shift`: of the source against the target, in face sizes. `max_scale`: of its size.
    `max_degrees`: of its rotation. `max_edge`: the mask's softness, Gaussian sigma in face sizes.
    """

    max_shift: float = 0.03
    max_scale: float = 0.04
    max_degrees: float = 2.5
    max_edge: float = 0.06


def self_blend(
    image: Uint8,
    landmarks_xy: Float32,
    box_xyxy: Float32,
    rng: np.random.Generator,
    settings: SelfBlendSettings = SelfBlendSettings(),
) -> tuple[Uint8, Float32]:
    """`self_blended` of five points, as picture and mask.

    Args:
        image: (H, W, 3) uint8 RGB, one genuine face.
        landmarks_xy: (5, 2) its points, pixels.
        box_xyxy: (4,) its box, pixels; the longer side is the face size of the settings.
        rng: all that is random comes from it.
        settings: how far source and target may differ.

    Returns:
        The blend, (H, W, 3) uint8, and its mask, (H, W) float32 from 0 to the blend ratio: where
        the mask is 0 the blend is the target.
    """
    fake = self_blended(FacePicture(image, landmarks_xy, box_xyxy), rng, settings)
    return fake.image, fake.mask


def self_blended(
    face: FacePicture,
    rng: np.random.Generator,
    settings: SelfBlendSettings = SelfBlendSettings(),
) -> PseudoFake:
    """A face blended with a differently processed copy of itself.

    The boundary is that of the whole mask, whatever the blend ratio.

    Args:
        face: the genuine face.
        rng: all that is random comes from it.
        settings: how far source and target may differ.
    """
    image, size = face.image, face.size
    source, target = image, image
    if rng.random() < 0.5:
        source = restyle(image, size, rng)
    else:
        target = restyle(image, size, rng)
    mask = outline_mask(
        image.shape[:2], face.landmarks_xy, size, rng, settings.max_edge, face.dense_xy
    )
    centre = face.landmarks_xy.mean(axis=0)
    turn = cv2.getRotationMatrix2D(
        (float(centre[0]), float(centre[1])),
        rng.uniform(-settings.max_degrees, settings.max_degrees),
        1 + rng.uniform(-settings.max_scale, settings.max_scale),
    )
    move = np.asarray(turn, dtype=np.float64)
    move[:, 2] += rng.uniform(-settings.max_shift, settings.max_shift, 2) * size
    around = (image.shape[1], image.shape[0])
    moved = cv2.warpAffine(
        source, move, around, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    whole = np.asarray(cv2.warpAffine(mask, move, around, flags=cv2.INTER_LINEAR), dtype=np.float32)
    share = np.asarray(whole * np.float32(rng.choice(BLEND_RATIOS)), dtype=np.float32)
    return PseudoFake(blend(np.asarray(moved, dtype=np.uint8), target, share), share, whole)

"""Random face masks: outlines of the face and its parts, or free shapes; soft or hard edges."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from ..registry import unknown_name
from ..types import Float32, Float64
from .outlines import OUTLINES, FacePicture, canonical_outline, face_outline, laid_outline

_OUTLINE_ODDS = {"hull": 0.5, "inner": 0.25, "lower": 0.1, "eyes": 0.08, "mouth": 0.07}
SHAPES = (*OUTLINES, "random")


@dataclass(frozen=True)
class MaskSettings:
    """Which masks are drawn, and how they are bent and softened.

    `odds`: of the shapes: "hull", "inner", "lower", "eyes", "mouth", "random" (a polygon somewhere
    on the face); they needn't sum to 1. `max_bend`: elastic deformation, face sizes. `min_edge`,
    `max_edge`: the edge's softness, Gaussian sigma in face sizes; small ones are likelier.
    `inside`: share whose soft edge lies wholly inside the outline.
    """

    odds: Mapping[str, float] = field(default_factory=lambda: {"hull": 1.0})
    max_bend: float = 0.06
    min_edge: float = 0.004
    max_edge: float = 0.06
    inside: float = 0.3

    def __post_init__(self) -> None:
        for name in self.odds:
            if name not in SHAPES:
                raise ValueError(unknown_name("shape of mask", name, SHAPES))
        if not self.odds or min(self.odds.values()) < 0 or sum(self.odds.values()) <= 0:
            raise ValueError(f"expected odds of at least one shape, got {dict(self.odds)}")
        if not 0 <= self.min_edge <= self.max_edge:
            raise ValueError(
                f"expected 0 <= min_edge <= max_edge, got {self.min_edge} and {self.max_edge}"
            )
        if self.max_bend < 0 or not 0 <= self.inside <= 1:
            raise ValueError(
                f"expected max_bend >= 0 and inside from 0 to 1, got {self.max_bend}, {self.inside}"
            )


def outline_mask(
    shape: tuple[int, int],
    landmarks_xy: Float32,
    face_size: float,
    rng: np.random.Generator,
    max_edge: float = 0.06,
    dense_xy: Float32 | None = None,
) -> Float32:
    """A random face mask, (H, W) float32 from 0 to 1.

    One of five outlines (the whole face, the inner face, its lower half, the eyes, the mouth) is
    laid over the points, its corners jittered, its plane deformed elastically, its edge made soft
    or hard.
    """
    names = list(_OUTLINE_ODDS)
    name = names[rng.choice(len(names), p=list(_OUTLINE_ODDS.values()))]
    outline = canonical_outline(name, landmarks_xy, dense_xy)
    middle = outline.mean(axis=0)
    outline = (outline - middle) * rng.uniform(0.85, 1.15, 2) + middle
    outline = outline + rng.normal(0, 0.012, outline.shape)
    mask = filled(shape, laid_outline(outline, landmarks_xy))
    mask = deformed(mask, rng.uniform(0, 0.06) * face_size, rng)
    sigma = face_size * max_edge * rng.random() ** 2 + 0.5
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma), dtype=np.float32)
    if rng.random() < 0.3:  # pulled in, so that the soft edge lies inside the face
        mask = np.clip(2 * mask - 1, 0, 1)
    return np.asarray(np.clip(mask, 0, 1), dtype=np.float32)


def random_mask(
    face: FacePicture, rng: np.random.Generator, settings: MaskSettings = MaskSettings()
) -> Float32:
    """A random mask over a face, (H, W) float32 from 0 to 1: see `MaskSettings`."""
    odds = np.array(list(settings.odds.values()), dtype=np.float64)
    name = list(settings.odds)[rng.choice(len(odds), p=odds / odds.sum())]
    if name == "random":
        corners = _free_shape(face, rng)
    else:
        corners = face_outline(name, face.landmarks_xy, face.dense_xy)
        corners = corners + rng.normal(0, 0.008 * face.size, corners.shape)
    mask = deformed(
        filled(face.image.shape[:2], corners), rng.uniform(0, settings.max_bend) * face.size, rng
    )
    edge = settings.min_edge + (settings.max_edge - settings.min_edge) * rng.random() ** 2
    # a soft edge as wide as the shape would leave nothing of it, and a fake that is none
    widest = float(cv2.distanceTransform((mask >= 0.5).astype(np.uint8), cv2.DIST_L2, 3).max())
    sigma = min(edge * face.size, widest / 2)
    mask = softened(mask, sigma, inside=bool(rng.random() < settings.inside))
    return np.asarray(np.clip(mask, 0, 1), dtype=np.float32)


def softened(mask: Float32, sigma: float, *, inside: bool = False) -> Float32:
    """A mask (H, W) float32 with a soft edge of Gaussian `sigma`, pixels; 0 leaves it hard.

    `inside`: the edge lies within the mask, not half in and half out.
    """
    if sigma < 0:
        raise ValueError(f"expected a sigma of at least 0, got {sigma}")
    if sigma == 0:
        return mask
    soft = np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma), dtype=np.float32)
    return np.asarray(np.clip(2 * soft - 1, 0, 1), dtype=np.float32) if inside else soft


def filled(shape: tuple[int, int], corners: Float64) -> Float32:
    """A polygon, corners (n, 2) in pixels, as a mask (H, W) float32 of 0 and 1, edges smoothed."""
    mask = np.zeros(shape, dtype=np.float32)
    cv2.fillPoly(mask, [np.rint(corners * 8).astype(np.int32)], 1.0, cv2.LINE_AA, shift=3)
    return mask


def deformed(mask: Float32, amplitude: float, rng: np.random.Generator) -> Float32:
    """Elastic deformation by a smooth random field of at most about `amplitude` pixels."""
    height, width = mask.shape
    cells = int(rng.integers(4, 9))
    field_xy = rng.uniform(-amplitude, amplitude, (2, cells, cells)).astype(np.float32)
    dx, dy = (cv2.resize(f, (width, height), interpolation=cv2.INTER_CUBIC) for f in field_xy)
    dx += np.arange(width, dtype=np.float32)
    dy += np.arange(height, dtype=np.float32)[:, None]
    return np.asarray(cv2.remap(mask, dx, dy, cv2.INTER_LINEAR), dtype=np.float32)


def _free_shape(face: FacePicture, rng: np.random.Generator) -> Float64:
    """(n, 2) corners of a polygon somewhere within the face, star-shaped, a fifth to a half of it."""
    hull = face_outline("hull", face.landmarks_xy, face.dense_xy)
    middle = hull.mean(axis=0)
    toward = hull[rng.integers(len(hull))]
    centre = middle + (toward - middle) * rng.uniform(0, 0.6)
    count = int(rng.integers(5, 11))
    angles = 2 * np.pi * (np.arange(count) + rng.uniform(-0.4, 0.4, count)) / count
    radii = face.size * rng.uniform(0.1, 0.25) * rng.uniform(0.6, 1.4, count)
    return np.asarray(centre + np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None])

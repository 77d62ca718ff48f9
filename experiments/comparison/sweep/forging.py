"""Another person's face, laid over the face in a moving picture and moving with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ....datasets.crops import CANONICAL_POINTS
from ....datasets.pseudo_fakes import blend
from ....datasets.types import Float32, Float64, Uint8
from ...training.portraits import Portrait
from ..showing import laid

# Ovals in the frame of CANONICAL_POINTS: centre x, y, half width, half height.
OUTLINES = {"hull": (0.5, 0.54, 0.36, 0.44), "inner": (0.5, 0.56, 0.29, 0.34)}
BLENDS = ("feathered", "cloned")
_SMOOTH_FRAMES = 1.0  # Gaussian sigma of the points' courses
_SMOOTH_COLOUR_FRAMES = 4.0
_EDGE = 3  # pixels that a cloned face keeps from the picture's edge
_CORNERS = 72  # of the polygon that stands for an oval


@dataclass(frozen=True)
class Alteration:
    """How a face is replaced.

    `outline`: of `OUTLINES`. `blend`: of `BLENDS`; cloned is in the gradients (Perez, Gangnet &
    Blake, SIGGRAPH 2003). `donor`: name of the portrait whose face it becomes. `softness`: of a
    feathered edge, Gaussian sigma in face widths.
    """

    outline: str
    blend: str
    donor: str
    softness: float

    def __post_init__(self) -> None:
        for name, known in (("outline", tuple(OUTLINES)), ("blend", BLENDS)):
            if getattr(self, name) not in known:
                raise ValueError(f"unknown {name} {getattr(self, name)!r}; known: {known}")


@dataclass(frozen=True)
class Forged:
    """`images`: (H, W, 3) uint8 each. `alphas`: (H, W) float32 each, how much of the pixel is new."""

    images: list[Uint8]
    alphas: list[Float32]


def forge(frames: Sequence[Uint8], points: Float32, donor: Portrait, how: Alteration) -> Forged:
    """Replaces the face in every frame that has one; other frames stay, with an alpha of 0.

    Args:
        frames: (H, W, 3) uint8 RGB.
        points: (num_frames, 5, 2) float32, NaN where there is no face.
        donor: whose face it becomes.
        how: how it is done.
    """
    height, width = frames[0].shape[:2]
    courses = _smooth(points, _SMOOTH_FRAMES)
    faces = [None if np.isnan(p).any() else _fitted(donor.face.landmarks_xy, p) for p in courses]
    places = [None if np.isnan(p).any() else _fitted(CANONICAL_POINTS, p) for p in courses]
    alphas = [
        np.zeros((height, width), dtype=np.float32)
        if place is None
        else _alpha(place, (width, height), how)
        for place in places
    ]
    warped = [None if m is None else laid(donor.image, m, (width, height)) for m in faces]
    ours = _smooth(np.array([_colours(f, a) for f, a in zip(frames, alphas, strict=True)]),
                   _SMOOTH_COLOUR_FRAMES)  # fmt: skip
    images: list[Uint8] = []
    for image, alpha, new, wanted in zip(frames, alphas, warped, ours, strict=True):
        if new is None or np.isnan(wanted).any():
            alpha[:] = 0
            images.append(image)
        elif how.blend == "feathered":
            images.append(blend(_coloured(new, _colours(new, alpha), wanted), image, alpha))
        else:
            images.append(_cloned(_coloured(new, _colours(new, alpha), wanted), image, alpha))
    return Forged(images, alphas)


def touched(before: Uint8, after: Uint8, alpha: Float32) -> Uint8:
    """Where a face was altered visibly, (H, W) uint8 0 or 1, holes filled.

    An alpha above .05 and a difference of at least 2 levels in some channel.
    """
    apart = np.abs(before.astype(np.int16) - after.astype(np.int16)).max(axis=2)
    mask = ((alpha > 0.05) & (apart >= 2)).astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(mask, outlines, -1, 1, cv2.FILLED)
    return np.asarray(mask, dtype=np.uint8)


def _alpha(place: Float64, size: tuple[int, int], how: Alteration) -> Float32:
    """The oval over one face; `place` takes canonical coordinates to pixels."""
    x, y, half_width, half_height = OUTLINES[how.outline]
    turn = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    oval = np.stack([x + half_width * np.cos(turn), y + half_height * np.sin(turn)], axis=1)
    corners = oval @ place[:, :2].T + place[:, 2]
    mask = np.zeros(size[::-1], dtype=np.float32)
    if how.blend == "cloned":
        edge = [size[0] - 1 - _EDGE, size[1] - 1 - _EDGE]
        cv2.fillPoly(mask, [np.rint(np.clip(corners, _EDGE, edge)).astype(np.int32)], 1.0)
        return mask
    cv2.fillPoly(mask, [np.rint(corners * 8).astype(np.int32)], 1.0, cv2.LINE_AA, shift=3)
    face = float(np.sqrt(abs(np.linalg.det(place[:, :2]))))
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.6, how.softness * face))
    return np.asarray(soft, dtype=np.float32)


def _cloned(new: Uint8, image: Uint8, alpha: Float32) -> Uint8:
    mask = (alpha > 0.5).astype(np.uint8) * 255
    x, y, w, h = cv2.boundingRect(mask)
    if w < 3 or h < 3:
        alpha[:] = 0
        return image
    done = cv2.seamlessClone(new, image, mask, (x + w // 2, y + h // 2), cv2.NORMAL_CLONE)
    return np.asarray(done, dtype=np.uint8)


def _colours(image: Uint8, alpha: Float32) -> Float64:
    """(6,) float64: mean and standard deviation of RGB where alpha is above one half; else NaN."""
    inside = image[alpha > 0.5].astype(np.float64)
    if len(inside) < 20:
        return np.full(6, np.nan)
    return np.concatenate([inside.mean(axis=0), inside.std(axis=0)])


def _coloured(image: Uint8, own: Float64, wanted: Float64) -> Uint8:
    """A picture whose colours get the mean and spread that are wanted."""
    if np.isnan(own).any():
        return image
    gain = wanted[3:] / np.maximum(own[3:], 1.0)
    moved = (image - own[:3]) * gain + wanted[:3]
    return np.asarray(np.clip(np.rint(moved), 0, 255), dtype=np.uint8)


def _smooth(courses: Float32 | Float64, sigma: float) -> Float64:
    """Courses (T, ...) smoothed over time; what is NaN stays so and weighs nothing."""
    flat = courses.reshape(len(courses), -1).astype(np.float64)
    known = ~np.isnan(flat)
    size = (1, 2 * int(np.ceil(3 * sigma)) + 1)
    blurred = [
        cv2.GaussianBlur(part, size, sigmaX=0.1, sigmaY=sigma, borderType=cv2.BORDER_REPLICATE)
        for part in (np.where(known, flat, 0.0), known.astype(np.float64))
    ]
    smooth = np.where(known, blurred[0] / np.maximum(blurred[1], 1e-9), np.nan)
    return np.asarray(smooth.reshape(courses.shape))


def _fitted(from_xy: Float32 | Float64, to_xy: Float32 | Float64) -> Float64:
    """(2, 3) the affine map that takes points to points, least squares."""
    known = np.concatenate([from_xy.astype(np.float64), np.ones((len(from_xy), 1))], axis=1)
    matrix, *_ = np.linalg.lstsq(known, to_xy.astype(np.float64), rcond=None)
    return np.asarray(matrix.T)

"""Pairs of clips with known answers, from the NASA portrait: the original, and what was made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from face_clips import portrait

from unswap.datasets.animation import animate, write_clip
from unswap.datasets.faces import create_face_detector
from unswap.datasets.pseudo_fakes import face_outline

FPS = 25.0
Picture = np.ndarray


@dataclass(frozen=True)
class Altered:
    """A portrait with another face, and where: `mask` (H, W) float32, how much of it is the other's."""

    picture: Picture
    mask: Picture


def other_face(still: Picture, blend: float = 1.0) -> Altered:
    """The portrait with its face taken from its own mirrored and recoloured copy: same place and
    pose, other features."""
    face = create_face_detector().detect(still, 60)[0]
    corners = face_outline("hull", face.landmarks_xy)
    mask = np.zeros(still.shape[:2], dtype=np.float32)
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), 3) * np.float32(blend)
    eyes = face.landmarks_xy[[1, 0, 2, 4, 3]].copy()
    eyes[:, 0] = still.shape[1] - 1 - eyes[:, 0]
    move, _ = cv2.estimateAffinePartial2D(eyes, face.landmarks_xy, method=cv2.LMEDS)
    size = (still.shape[1], still.shape[0])
    source = cv2.warpAffine(np.ascontiguousarray(still[:, ::-1]), move, size).astype(np.float32)
    source = np.clip((source[..., ::-1] - 128) * 1.25 + 110, 0, 255)  # another complexion
    share = mask[..., None]
    mixed = source * share + still * (1 - share)
    return Altered(np.asarray(np.rint(mixed), dtype=np.uint8), mask)


def filmed(still: Picture, frames: int = 240, seed: int = 4) -> list[Picture]:
    """A portrait, set in motion."""
    return list(animate(still, frames, np.random.default_rng(seed), FPS))


def head_and_shoulders() -> Picture:
    """(320, 320, 3) the portrait's upper part; its face is about 130 px."""
    return np.ascontiguousarray(portrait()[0:320, 70:390])


def change(
    pictures: Sequence[Picture], crop: int = 0, size: tuple[int, int] | None = None
) -> list[Picture]:
    """Cropped on all sides, then resized to (width, height)."""
    out = []
    for picture in pictures:
        inner = picture[crop : picture.shape[0] - crop, crop : picture.shape[1] - crop]
        if size:
            inner = cv2.resize(inner, size, interpolation=cv2.INTER_AREA)
        out.append(
            np.ascontiguousarray(inner[: inner.shape[0] // 2 * 2, : inner.shape[1] // 2 * 2])
        )
    return out


def written(path: Path, pictures: Sequence[Picture], crf: int = 23, fps: float = FPS) -> Path:
    """An H.264 clip of the pictures."""
    write_clip(path, pictures, fps, crf)
    return path


def true_map(crop: int, before: tuple[int, int], after: tuple[int, int]) -> np.ndarray:
    """(2, 3) from the pixels before `change` to those after it; sizes (width, height) of the inner
    picture before and after resizing."""
    sx, sy = after[0] / before[0], after[1] / before[1]
    return np.array([[sx, 0, (0.5 - crop) * sx - 0.5], [0, sy, (0.5 - crop) * sy - 0.5]])


def corner_error(
    found: Sequence[Sequence[float]], true: np.ndarray, size: tuple[int, int]
) -> float:
    """The mean distance of the corners of a picture of (width, height), pixels."""
    width, height = size
    points = np.array(
        [[0, 0, 1], [width - 1, 0, 1], [width - 1, height - 1, 1], [0, height - 1, 1]]
    )
    return float(np.linalg.norm(points @ (np.array(found) - true).T, axis=1).mean())

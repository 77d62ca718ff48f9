"""Stored crops as pictures to forge, and the crops that are cut out of what was made of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from ..crops import crop_face
from ..types import CropSpec, Face, Float32, Uint8
from .outlines import FacePicture

DENSE_KEY = "dense_landmarks_xy"  # of a sample's description, where whoever prepared it knew them

_SWAPPED_68 = np.array(
    [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1),
     45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
     *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1)]
)  # fmt: skip


@dataclass(frozen=True)
class Framing:
    """How crops are cut out of forged pictures, drawn once for both of a pair and all of a clip.

    `spec`: the network's. `factor`: of its margin. `shift`: (x, y) of the crop, in face sizes.
    """

    spec: CropSpec
    factor: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)

    def cut(self, image: Uint8, face: FacePicture) -> Uint8:
        """(size, size, 3) uint8 out of a picture like the face's, maybe scaled since."""
        height, width = face.image.shape[:2]
        stretch = np.array([image.shape[1] / width, image.shape[0] / height], dtype=np.float32)
        move = np.array(self.shift, dtype=np.float32) * np.float32(face.size)
        box = ((face.box_xyxy.reshape(2, 2) + move) * stretch).reshape(4)
        points = (face.landmarks_xy + move) * stretch
        spec = replace(self.spec, margin=self.spec.margin * self.factor)
        return crop_face(image, Face(box, points, 1.0), spec)


def face_picture(
    description: Mapping[str, Any], image: Uint8, *, margin: float, most: float
) -> FacePicture:
    """The part of a stored crop that crops are cut from, not larger than it need be.

    Args:
        description: of the sample.
        image: (side, side, 3) uint8 RGB, the stored crop.
        margin: the part's side over the longer side of the face box; all there is where the stored
            crop is narrower.
        most: a face box whose longer side has more pixels is shrunk to that, by area averaging.
    """
    box = np.array(description["box_xyxy"], dtype=np.float32)
    points = np.array(description["landmarks_xy"], dtype=np.float32)
    told = description.get(DENSE_KEY)
    dense = None if told is None else np.array(told, dtype=np.float32)
    size = float(max(box[2] - box[0], box[3] - box[1]))
    centre, half = (box[:2] + box[2:]) / 2, margin * size / 2
    x1, y1 = (max(0, int(np.floor(c - half))) for c in centre)
    x2, y2 = (
        min(n, int(np.ceil(c + half))) for c, n in zip(centre, image.shape[1::-1], strict=True)
    )
    image = image[y1:y2, x1:x2]
    scale: Float32 = np.ones(2, dtype=np.float32)
    if size > most:
        shrunk = tuple(max(8, round(n * most / size)) for n in image.shape[1::-1])
        scale = np.array(shrunk, dtype=np.float32)
        scale /= np.array(image.shape[1::-1], dtype=np.float32)
        image = np.asarray(cv2.resize(image, shrunk, interpolation=cv2.INTER_AREA), np.uint8)
    corner = np.array([x1, y1], dtype=np.float32)
    return FacePicture(
        np.ascontiguousarray(image),
        (points - corner) * scale,
        ((box.reshape(2, 2) - corner) * scale).reshape(4),
        None if dense is None else (dense - corner) * scale,
    )


def in_mirror(face: FacePicture) -> FacePicture:
    """The face seen in a mirror; its points are named anew, as the picture shows them."""
    width = face.image.shape[1]
    x1, y1, x2, y2 = face.box_xyxy
    dense = face.dense_xy
    if dense is not None:
        dense = _across(dense, width)
        dense[:68] = dense[:68][_SWAPPED_68] if len(dense) in (68, 81) else dense[:68]
    return FacePicture(
        np.asarray(cv2.flip(face.image, 1), dtype=np.uint8),
        _across(face.landmarks_xy, width)[[1, 0, 2, 4, 3]],
        np.array([width - x2, y1, width - x1, y2], dtype=np.float32),
        dense,
    )


def _across(points: Float32, width: int) -> Float32:
    turn, move = np.array([[-1, 1], [width, 0]], dtype=np.float32)
    return np.asarray(points * turn + move, dtype=np.float32)

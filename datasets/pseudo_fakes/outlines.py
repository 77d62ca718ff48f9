"""Outlines of a face and of its parts, from five points or from 68 and more."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from ..crops import CANONICAL_POINTS
from ..registry import unknown_name
from ..types import Float32, Float64, Uint8

# In the frame of CANONICAL_POINTS: a square of side 1, the face box of margin 1.
OUTLINES: dict[str, Float64] = {
    "hull": np.array(
        [[0.14, 0.40], [0.17, 0.26], [0.30, 0.17], [0.50, 0.14], [0.70, 0.17], [0.83, 0.26],
         [0.86, 0.40], [0.85, 0.58], [0.79, 0.76], [0.68, 0.90], [0.50, 0.97], [0.32, 0.90],
         [0.21, 0.76], [0.15, 0.58]]
    ),
    "inner": np.array(
        [[0.20, 0.32], [0.35, 0.27], [0.50, 0.29], [0.65, 0.27], [0.80, 0.32], [0.80, 0.48],
         [0.73, 0.70], [0.64, 0.84], [0.50, 0.87], [0.36, 0.84], [0.27, 0.70], [0.20, 0.48]]
    ),
    "lower": np.array(
        [[0.18, 0.52], [0.50, 0.48], [0.82, 0.52], [0.79, 0.76], [0.68, 0.90], [0.50, 0.97],
         [0.32, 0.90], [0.21, 0.76]]
    ),
    "eyes": np.array(
        [[0.17, 0.30], [0.50, 0.33], [0.83, 0.30], [0.84, 0.48], [0.60, 0.52], [0.50, 0.50],
         [0.40, 0.52], [0.16, 0.48]]
    ),
    "mouth": np.array(
        [[0.28, 0.68], [0.50, 0.63], [0.72, 0.68], [0.74, 0.80], [0.62, 0.88], [0.50, 0.90],
         [0.38, 0.88], [0.26, 0.80]]
    ),
}  # fmt: skip

# Five points -> the affine map, (3, 2), that brings CANONICAL_POINTS nearest to them: least squares.
_FIT = np.linalg.pinv(np.concatenate([CANONICAL_POINTS, np.ones((5, 1))], axis=1))

# Of the 68 points of iBUG 300-W (jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, mouth 48-67);
# the 81 points that SBI uses begin with the same.
_PARTS_OF_68 = {
    "inner": list(range(17, 68)),
    "lower": [*range(2, 15), *range(31, 36)],
    "eyes": [*range(17, 28), *range(36, 48)],
    "mouth": list(range(48, 68)),
}
COUNTS_LIKE_68 = (68, 81)
MIN_DENSE = 68


@dataclass(frozen=True)
class FacePicture:
    """One genuine face in a picture.

    `image`: (H, W, 3) uint8 RGB. `landmarks_xy`: (5, 2) float32, left eye, right eye, nose, left and
    right corner of the mouth as seen in the picture; `box_xyxy`: (4,) float32; both in its pixels.
    `dense_xy`: (n, 2) float32, 68 or more points, where they are known: 68 and 81 in the order of
    iBUG 300-W; of other numbers only the hull is used.
    """

    image: Uint8 = field(repr=False)
    landmarks_xy: Float32
    box_xyxy: Float32
    dense_xy: Float32 | None = None

    def __post_init__(self) -> None:
        image = self.image
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"expected an image (H, W, 3) uint8, got {image.shape} {image.dtype}")
        if self.landmarks_xy.shape != (5, 2):
            raise ValueError(f"expected landmarks (5, 2), got {self.landmarks_xy.shape}")
        if self.box_xyxy.shape != (4,):
            raise ValueError(f"expected a box (4,), got {self.box_xyxy.shape}")
        dense = self.dense_xy
        if dense is not None and (dense.ndim != 2 or dense.shape[1] != 2 or len(dense) < MIN_DENSE):
            raise ValueError(f"expected dense points (n, 2), n >= {MIN_DENSE}, got {dense.shape}")

    @property
    def size(self) -> float:
        """The longer side of the box, pixels."""
        box = self.box_xyxy
        return float(max(box[2] - box[0], box[3] - box[1]))


def face_outline(name: str, landmarks_xy: Float32, dense_xy: Float32 | None = None) -> Float64:
    """(n, 2) corners, pixels, of an outline laid over a face.

    Args:
        name: "hull" (the whole face), "inner" (brows to chin), "lower", "eyes" or "mouth".
        landmarks_xy: (5, 2) its points, pixels.
        dense_xy: (n, 2) 68 or more points, pixels: then the outline is their convex hull, or that
            of the part's points where their order is known.

    Raises:
        KeyError: no such outline; lists the known ones.
    """
    if name not in OUTLINES:
        raise KeyError(unknown_name("outline", name, OUTLINES))
    part = None if dense_xy is None else _dense_part(name, dense_xy)
    return laid_outline(OUTLINES[name], landmarks_xy) if part is None else part


def laid_outline(outline: Float64, landmarks_xy: Float32) -> Float64:
    """(n, 2) an outline in the frame of CANONICAL_POINTS, laid over the five points, pixels."""
    affine = _FIT @ landmarks_xy.astype(np.float64)
    return np.asarray(np.concatenate([outline, np.ones((len(outline), 1))], axis=1) @ affine)


def canonical_outline(name: str, landmarks_xy: Float32, dense_xy: Float32 | None = None) -> Float64:
    """`face_outline` in the frame of CANONICAL_POINTS: `laid_outline` gives it back. Raises KeyError."""
    if name not in OUTLINES:
        raise KeyError(unknown_name("outline", name, OUTLINES))
    part = None if dense_xy is None else _dense_part(name, dense_xy)
    if part is None:
        return OUTLINES[name]
    axes = laid_outline(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), landmarks_xy)
    return np.asarray((part - axes[0]) @ np.linalg.pinv(axes[1:] - axes[0]))


def _dense_part(name: str, dense_xy: Float32) -> Float64 | None:
    """The convex hull, (n, 2) float64, of a part's points; None where they are not known."""
    points = np.asarray(dense_xy, dtype=np.float32)
    if name != "hull":
        if len(points) not in COUNTS_LIKE_68:
            return None
        points = points[_PARTS_OF_68[name]]
    hull = np.asarray(cv2.convexHull(points), dtype=np.float64)[:, 0]
    if name == "mouth":  # the lips alone: a mask takes in the skin around them
        middle = hull.mean(axis=0)
        hull = (hull - middle) * 1.25 + middle
    return hull

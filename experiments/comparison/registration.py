"""Where the reference's picture may lie in the suspect's: maps proposed by matching points.

Points are Lowe's SIFT (IJCV 2004), maps are found by RANSAC (Fischler & Bolles, 1981). Time is not
known yet, so any key frame is held against any other; a camera that moves gives several maps.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...datasets.types import Float32, Float64, Uint8
from .scanning import SCAN_SIDE, Points, Scan

MOST_SUSPECT_KEYS = 10
MOST_REFERENCE_KEYS = 240
MIRROR_KEYS = 4  # suspect key frames that are tried mirrored, before all are
LEAST_INLIERS = 12
RATIO = 0.85  # a match's distance over that of the next best
INLIER_SHARE = 3 / SCAN_SIDE  # of the suspect's longer side: how far off an inlier may lie
SAME_MAP = 0.02  # of the suspect's diagonal: maps whose corners lie closer are one
MOST_MAPS = 5
MAX_STRETCH = 1.35  # one axis's scale over the other's
MAX_ROTATION = 20.0  # degrees
_MIRRORED_BINS = np.array([0, 7, 6, 5, 4, 3, 2, 1])


@dataclass(frozen=True)
class Proposal:
    """A map (2, 3) from the reference's to the suspect's pixels, and how many points speak for it."""

    matrix: Float64
    support: float

    @property
    def mirrored(self) -> bool:
        """Left to right."""
        return bool(np.linalg.det(self.matrix[:, :2]) < 0)


def propose(suspect: Scan, reference: Scan) -> list[Proposal]:
    """Maps from the reference's to the suspect's pixels, best first; none where nothing fits."""
    theirs = _chosen(reference.points, MOST_REFERENCE_KEYS)
    ours = _chosen(suspect.points, MOST_SUSPECT_KEYS)
    units = [_units(p.descriptors) for p in theirs]
    limit = INLIER_SHARE * max(suspect.size)
    found: list[tuple[int, int, Float64]] = []  # suspect key, inliers, map
    few = set(np.linspace(0, len(ours) - 1, min(MIRROR_KEYS, len(ours))).round().astype(int))
    best = {False: 0, True: 0}
    for mirrored in (False, True):
        for k in sorted(few):
            maps = _against(ours[k], theirs, units, reference.size, mirrored, limit)
            best[mirrored] += max((n for n, _ in maps), default=0)
            found += [(k, n, m) for n, m in maps]
    for mirrored in (False, True):
        if best[mirrored] * 2 >= max(best.values()) > 0:
            for k in sorted(set(range(len(ours))) - few):
                maps = _against(ours[k], theirs, units, reference.size, mirrored, limit)
                found += [(k, n, m) for n, m in maps]
    return _grouped(found, suspect.size, reference.size)


def fit_map(source_xy: Float32, target_xy: Float32, limit: float) -> tuple[int, Float64] | None:
    """The affine map that most points follow within `limit` pixels, and how many; None if few.

    Args:
        source_xy: (n, 2). target_xy: (n, 2), where the map should take them.
        limit: pixels of the target.
    """
    if len(source_xy) < LEAST_INLIERS:
        return None
    matrix, inliers = cv2.estimateAffine2D(
        source_xy, target_xy, method=cv2.RANSAC, ransacReprojThreshold=limit,
        maxIters=1000, confidence=0.995, refineIters=10,
    )  # fmt: skip
    if matrix is None:
        return None
    used = inliers.ravel().astype(bool)
    # many matches may sit on one spot: count places, not points
    places = len(np.unique(np.round(target_xy[used] / (2 * limit)), axis=0))
    if places < LEAST_INLIERS or not is_plausible(matrix):
        return None
    return places, np.asarray(matrix, dtype=np.float64)


def is_plausible(matrix: Float64) -> bool:
    """Whether a map is what editing does: scaling, a little turning, perhaps mirroring."""
    scale_x, scale_y, degrees, shear = parts_of(matrix)
    if not (0.05 < scale_x < 20 and 0.05 < scale_y < 20):
        return False
    stretch = max(scale_x, scale_y) / min(scale_x, scale_y)
    return stretch <= MAX_STRETCH and abs(degrees) <= MAX_ROTATION and abs(shear) <= 0.1


def parts_of(matrix: Float64) -> tuple[float, float, float, float]:
    """Scale along x and y, rotation in degrees clockwise, shear, after mirroring is taken out."""
    linear = np.array(matrix[:, :2], dtype=np.float64)
    if np.linalg.det(linear) < 0:
        linear[:, 0] *= -1
    scale_x = float(np.hypot(linear[0, 0], linear[1, 0]))
    if scale_x == 0:
        return 0.0, 0.0, 0.0, 0.0
    degrees = float(np.degrees(np.arctan2(linear[1, 0], linear[0, 0])))
    unit = linear[:, 0] / scale_x
    along = float(unit @ linear[:, 1])
    scale_y = float(np.linalg.det(linear)) / scale_x
    return scale_x, scale_y, degrees, along / scale_y if scale_y else 0.0


def corners(matrix: Float64, size: tuple[int, int]) -> Float64:
    """(4, 2) where the corners of a picture of (width, height) come to lie."""
    width, height = size
    points = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]])
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], dtype=np.float64)


def _chosen(points: list[Points], most: int) -> list[Points]:
    places = np.linspace(0, len(points) - 1, min(most, len(points))).round().astype(int)
    return [points[i] for i in places]


def _units(descriptors: Uint8) -> Float32:
    """Descriptors as unit vectors after the square root (Arandjelovic & Zisserman, CVPR 2012)."""
    total = np.maximum(descriptors.sum(axis=1, keepdims=True, dtype=np.float32), 1)
    return np.asarray(np.sqrt(descriptors.astype(np.float32) / total), dtype=np.float32)


def mirrored_points(points: Points, width: int) -> Points:
    """The points of the mirrored picture, from those of the picture: nothing is computed anew."""
    bins = points.descriptors.reshape(-1, 4, 4, 8)[:, ::-1][..., _MIRRORED_BINS]
    xy = points.xy.copy()
    xy[:, 0] = width - 1 - xy[:, 0]
    return Points(xy, np.ascontiguousarray(bins).reshape(-1, 128))


def match_points(ours: Float32, theirs: Float32) -> tuple[np.ndarray, np.ndarray]:
    """Places of mutual best matches that pass the ratio test, of unit descriptors (n, d), (m, d)."""
    if len(ours) < 2 or len(theirs) < 2:
        return np.zeros(0, int), np.zeros(0, int)
    likeness = ours @ theirs.T
    best = likeness.argmax(axis=1)
    rows = np.arange(len(ours))
    first = likeness[rows, best]
    mutual = likeness.argmax(axis=0)[best] == rows
    likeness[rows, best] = -1
    second = likeness.max(axis=1)
    clear = np.sqrt(np.maximum(2 - 2 * first, 0)) < RATIO * np.sqrt(np.maximum(2 - 2 * second, 0))
    keep = np.flatnonzero(mutual & clear)
    return keep, best[keep]


def _against(
    ours: Points,
    theirs: list[Points],
    units: list[Float32],
    reference_size: tuple[int, int],
    mirrored: bool,
    limit: float,
) -> list[tuple[int, Float64]]:
    """One suspect key frame's maps from every key frame of the reference."""
    own = mirrored_points(ours, 0) if mirrored else ours  # only the descriptors are used
    own_units = _units(own.descriptors)
    maps = []
    for points, unit in zip(theirs, units, strict=True):
        mine, other = match_points(own_units, unit)
        fitted = fit_map(points.xy[other], ours.xy[mine], limit)
        if fitted and (np.linalg.det(fitted[1][:, :2]) < 0) == mirrored:
            maps.append(fitted)
    return maps


def _grouped(
    found: list[tuple[int, int, Float64]],
    suspect_size: tuple[int, int],
    reference_size: tuple[int, int],
) -> list[Proposal]:
    """Like maps together; each group's support is summed over the suspect's key frames."""
    near = SAME_MAP * float(np.hypot(*suspect_size))
    groups: list[tuple[Float64, Float64, dict[int, int]]] = []
    for key, count, matrix in sorted(found, key=lambda f: -f[1]):
        place = corners(matrix, reference_size)
        for _, middle, support in groups:
            if np.abs(place - middle).max() < near:
                support[key] = max(support.get(key, 0), count)
                break
        else:
            groups.append((matrix, place, {key: count}))
    proposals = [Proposal(m, float(sum(s.values()))) for m, _, s in groups]
    return sorted(proposals, key=lambda p: -p.support)[:MOST_MAPS]

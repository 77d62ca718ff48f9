"""The map between the pictures to a fraction of a pixel, from pairs of frames of one moment.

Points are followed by the pyramidal method of Lucas & Kanade (Bouguet, 2001) from the suspect into
the reference laid onto it, and one affine map is fitted to all pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ...datasets.colour import shrunk_size
from ...datasets.decoding import VideoReader
from ...datasets.types import Float32, Float64, Uint8
from .registration import corners, is_plausible
from .scanning import SCAN_SIDE, Scan

PAIRS = 10
CORNERS = 250  # points looked for in a frame
SPREAD = 7  # scanned pixels between them
BACK_AGAIN = 0.4  # scanned pixels: a point followed there and back must end where it began
INLIER = 1.0  # scanned pixels
SAME_MAP = 1.5  # scanned pixels: a pair whose own map lies within this agrees with the common one
LEAST_POINTS = 12
EDGE = 10  # scanned pixels from the edge of what the reference covers


@dataclass(frozen=True)
class Refined:
    """A refined map.

    `matrix`: (2, 3), full pixels. `residual_px`: median distance of the points that follow it,
    suspect pixels. `num_points`: of them. `followed`: their share of all points. `consistent`: the
    share of pairs whose own map is the common one; two takes of a scene want a map for each pair.
    `judged`: pairs that had points enough to tell. `moved`: largest shift of a corner by refining,
    suspect pixels.
    """

    matrix: Float64
    residual_px: float
    num_points: int
    followed: float
    consistent: float
    judged: int
    moved: float


@dataclass(frozen=True)
class GreyPair:
    """One moment of both, (h, w) uint8 each, at most SCAN_SIDE pixels."""

    suspect: Uint8
    reference: Uint8


def read_pairs(suspect: Scan, reference: Scan, pairs: Sequence[tuple[int, int]]) -> list[GreyPair]:
    """Both pictures of (suspect frame, reference frame) pairs, in grey."""
    own = _read_grey(suspect, {s for s, _ in pairs})
    theirs = _read_grey(reference, {r for _, r in pairs})
    return [GreyPair(own[s], theirs[r]) for s, r in pairs if s in own and r in theirs]


def _read_grey(scan: Scan, frames: set[int]) -> dict[int, Uint8]:
    with VideoReader(scan.info.path) as reader:
        return {
            f.index: np.asarray(cv2.cvtColor(f.image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
            for f in reader.read(sorted(frames), max_side=SCAN_SIDE)
        }


def spread(pairs: Sequence[tuple[int, int]], count: int = PAIRS) -> list[tuple[int, int]]:
    """Some of the pairs, evenly."""
    places = np.linspace(0, len(pairs) - 1, min(count, len(pairs))).round().astype(int)
    return [pairs[i] for i in np.unique(places)]


def scaling(info_size: tuple[int, int]) -> Float64:
    """(3, 3), from full to scanned pixels."""
    width, height = info_size
    small = shrunk_size(width, height, SCAN_SIDE)
    sx, sy = small[0] / width, small[1] / height
    return np.array([[sx, 0, sx / 2 - 0.5], [0, sy, sy / 2 - 0.5], [0, 0, 1]])


def refine(
    pairs: Sequence[GreyPair],
    matrix: Float64,
    suspect_size: tuple[int, int],
    reference_size: tuple[int, int],
    rounds: int = 2,
) -> Refined | None:
    """The map that most followed points of all pairs agree with; None where too few follow any.

    Args:
        pairs: of one moment each.
        matrix: (2, 3) from reference to suspect, full pixels, to start from.
        suspect_size, reference_size: width and height, full pixels.
        rounds: how often points are followed anew with the map found so far.
    """
    to_own, to_their = scaling(suspect_size), scaling(reference_size)
    small = _small(matrix, to_own, to_their)
    start = small
    fitted: tuple[Float64, np.ndarray, Float64] | None = None
    sets: list[tuple[Float32, Float32]] = []
    for _ in range(rounds):
        sets = [follow(pair, small) for pair in pairs]
        source = np.concatenate([s for s, _ in sets])
        target = np.concatenate([t for _, t in sets])
        fitted = _fit(source, target)
        if fitted is None:
            return None
        small = fitted[0]
    assert fitted is not None
    _, used, distance = fitted
    full = (np.linalg.inv(to_own) @ np.vstack([small, [0, 0, 1]]) @ to_their)[:2]
    if not is_plausible(full):
        return None
    size = shrunk_size(*reference_size, SCAN_SIDE)
    own = [_own_map(s, t, small) for s, t in sets]
    told = [o for o in own if o is not None]
    scale = 1 / to_own[0, 0]
    return Refined(
        matrix=full,
        residual_px=float(np.median(distance[used]) * scale),
        num_points=int(used.sum()),
        followed=float(used.mean()),
        consistent=float(np.mean(told)) if told else 0.0,
        judged=len(told),
        moved=float(np.abs(corners(small, size) - corners(start, size)).max() * scale),
    )


def follow(pair: GreyPair, small: Float64) -> tuple[Float32, Float32]:
    """Matching points, scanned pixels: (n, 2) in the reference and (n, 2) in the suspect."""
    nothing = np.zeros((0, 2), np.float32)
    height, width = pair.suspect.shape
    laid = cv2.warpAffine(pair.reference, small, (width, height), flags=cv2.INTER_LINEAR)
    inside = cv2.warpAffine(
        np.full(pair.reference.shape, 255, np.uint8),
        small,
        (width, height),
        flags=cv2.INTER_NEAREST,
    )
    inside = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    reach = max(2, min(EDGE, min(height, width) // 12))
    inside = cv2.erode(inside, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))[1:-1, 1:-1]
    if np.count_nonzero(inside) < 400:
        return nothing, nothing
    laid = _alike(np.asarray(laid), pair.suspect, inside > 0)
    found = cv2.goodFeaturesToTrack(pair.suspect, CORNERS, 0.005, SPREAD, mask=inside)
    if found is None:
        return nothing, nothing
    points = found.reshape(-1, 1, 2).astype(np.float32)
    options: dict[str, Any] = {"winSize": (21, 21), "maxLevel": 3}
    there, ok, _ = cv2.calcOpticalFlowPyrLK(pair.suspect, laid, points, None, **options)
    back, ok_back, _ = cv2.calcOpticalFlowPyrLK(laid, pair.suspect, there, None, **options)
    astray = np.linalg.norm((back - points)[:, 0], axis=1)
    good = (ok.ravel() > 0) & (ok_back.ravel() > 0) & (astray < BACK_AGAIN)
    inverse = cv2.invertAffineTransform(small)
    reference = there[good, 0] @ inverse[:, :2].T + inverse[:, 2]
    return reference.astype(np.float32), points[good, 0]


def _alike(source: Uint8, target: Uint8, where: np.ndarray) -> Uint8:
    """The source with the target's mean and spread."""
    mean, spread_ = float(source[where].mean()), float(source[where].std()) + 1e-3
    wanted, wanted_spread = float(target[where].mean()), float(target[where].std())
    gain = float(np.clip(wanted_spread / spread_, 0.3, 3.0))
    return np.asarray(cv2.convertScaleAbs(source, alpha=gain, beta=wanted - gain * mean))


def _fit(source: Float32, target: Float32) -> tuple[Float64, np.ndarray, Float64] | None:
    """A map, which points follow it, and all points' distances from it, scanned pixels."""
    if len(source) < LEAST_POINTS:
        return None
    matrix, inliers = cv2.estimateAffine2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=INLIER, maxIters=2000,
        confidence=0.999, refineIters=20,
    )  # fmt: skip
    if matrix is None or inliers.sum() < LEAST_POINTS:
        return None
    used = inliers.ravel().astype(bool)
    ones = np.concatenate([source[used], np.ones((int(used.sum()), 1), np.float32)], axis=1)
    solved, *_ = np.linalg.lstsq(
        ones.astype(np.float64), target[used].astype(np.float64), rcond=None
    )
    exact = np.asarray(solved.T, dtype=np.float64)
    off = source.astype(np.float64) @ exact[:, :2].T + exact[:, 2] - target
    return exact, used, np.asarray(np.linalg.norm(off, axis=1), dtype=np.float64)


def _own_map(source: Float32, target: Float32, common: Float64) -> bool | None:
    """Whether one pair's own map is the common one; None where it has too few points to tell."""
    if len(source) < 2 * LEAST_POINTS:
        return None
    along_common = (source.astype(np.float64) @ common[:, :2].T + common[:, 2]).astype(np.float32)
    # what is left after the common map: a small turn, scaling and shift
    matrix, inliers = cv2.estimateAffinePartial2D(
        along_common, target, method=cv2.RANSAC, ransacReprojThreshold=INLIER, maxIters=1000
    )
    if matrix is None or inliers.sum() < LEAST_POINTS:
        return None
    source, common = along_common, np.eye(2, 3)
    middle = np.median(source, axis=0)
    reach = source.std(axis=0) + 1.0
    around = np.array([middle + reach * s for s in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
    apart = around @ (matrix[:, :2] - common[:, :2]).T + (matrix[:, 2] - common[:, 2])
    return bool(np.linalg.norm(apart, axis=1).max() < SAME_MAP)


def _small(matrix: Float64, to_own: Float64, to_their: Float64) -> Float64:
    full = np.vstack([matrix, [0, 0, 1]])
    return np.asarray((to_own @ full @ np.linalg.inv(to_their))[:2], dtype=np.float64)

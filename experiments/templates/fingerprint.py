"""Local features of key frames as binary codes.

SIFT (Lowe, IJCV 2004) without its rotation: all keypoints are given the angle 0, because copies of
videos are not turned, and an angle that is estimated is an angle that can be wrong. The histogram
becomes RootSIFT (Arandjelovic & Zisserman, CVPR 2012), less a fixed mean, turned by a fixed random
rotation; the signs are the code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from ...datasets.types import Float32, Uint8
from .constants import MEAN_ROOT_SIFT
from .types import Fingerprint, Points

VERSION = 1  # of all that decides what a fingerprint is: this file, keyframes, constants
CODE_BYTES = 16
ROTATION_SEED = 20
TEMPLATE_POINTS = 80  # of a template's key frame
LISTED_POINTS = 32  # of these, the strongest: what finds the video among others
SUSPECT_POINTS = 80  # of a suspect's: what a crop or a sticker brings forward is still among them
_GRID = 4  # cells a side, over which points are spread
_PER_ROUND = 2  # points that a cell gives before it is another cell's turn
_SMALLEST = 3.0  # pixels of diameter; smaller features are the encoder's first victims
_MOST_DETECTED = 3000


@lru_cache(maxsize=1)
def rotation() -> Float32:
    """(128, 128) float32, orthogonal; the same for ever, as it comes from a seed."""
    normal = np.random.Generator(np.random.PCG64(ROTATION_SEED)).standard_normal((128, 128))
    q, r = np.linalg.qr(normal)
    return np.asarray(q * np.sign(np.diag(r)), dtype=np.float32)


def root_sift(histograms: Float32) -> Float32:
    """(n, 128) SIFT histograms as the roots of their shares, each row of length 1."""
    shares = histograms / np.maximum(histograms.sum(axis=1, keepdims=True), 1e-6)
    return np.asarray(np.sqrt(shares), dtype=np.float32)


def to_codes(histograms: Float32) -> Uint8:
    """(n, 128) SIFT histograms as (n, CODE_BYTES) uint8."""
    turned = (root_sift(histograms) - MEAN_ROOT_SIFT) @ rotation()
    return np.packbits(turned > 0, axis=1)


def describe(grey: Uint8, num_points: int) -> tuple[Float32, Float32, Float32]:
    """The strongest features of one picture, spread over it.

    Args:
        grey: (h, w) uint8.
        num_points: at most this many.

    Returns:
        histograms (n, 128), xy (n, 2) in pixels, size (n,) in pixels, all float32.
    """
    detector = _sift()
    found = [k for k in detector.detect(grey, None) if k.size >= _SMALLEST]
    # one place may come several times, with several angles
    unique = list({(k.pt, k.size): k for k in found}.values())
    chosen = [unique[i] for i in _spread(unique, grey.shape, num_points)]
    for keypoint in chosen:
        keypoint.angle = 0.0
    if chosen:
        chosen, histograms = detector.compute(grey, chosen)
    if not chosen:
        return np.zeros((0, 128), np.float32), np.zeros((0, 2), np.float32), np.zeros(0, np.float32)
    return (
        np.asarray(histograms, dtype=np.float32),
        np.array([k.pt for k in chosen], dtype=np.float32),
        np.array([k.size for k in chosen], dtype=np.float32),
    )


def fingerprint(frames: Iterable[tuple[float, Uint8]], num_points: int) -> Fingerprint:
    """The fingerprint of key frames, each (seconds, (h, w) uint8 grey), all of one size."""
    return both_ways(frames, num_points)[0]


def both_ways(
    frames: Iterable[tuple[float, Uint8]], num_points: int
) -> tuple[Fingerprint, Fingerprint]:
    """The fingerprints of key frames as they are, and of the same mirrored left to right.

    The histograms of a mirrored picture are a permutation of the picture's own.
    """
    seconds: list[float] = []
    parts: list[tuple[Float32, Float32, Float32]] = []
    height = width = 0
    for moment, grey in frames:
        seconds.append(moment)
        height, width = grey.shape
        parts.append(describe(grey, num_points))
    histograms, xy, size = (np.concatenate(column) for column in zip(*parts, strict=True))
    frame = np.repeat(np.arange(len(parts)), [len(p[1]) for p in parts]).astype(np.int64)
    times = np.array(seconds)
    mirrored_xy = np.stack([width - 1 - xy[:, 0], xy[:, 1]], axis=1)
    plain = Points(to_codes(histograms), xy, size, frame)
    mirrored = Points(to_codes(mirror(histograms)), mirrored_xy, size, frame)
    return Fingerprint(plain, times, width, height), Fingerprint(mirrored, times, width, height)


def mirror(histograms: Float32) -> Float32:
    """(n, 128) histograms at angle 0 as they are in the picture mirrored left to right.

    SIFT's 4 rows of 4 columns of 8 directions: columns are reversed, a direction of a degrees
    becomes 180 - a.
    """
    cells = histograms.reshape(-1, 4, 4, 8)
    turned = cells[:, :, ::-1, (4 - np.arange(8)) % 8]
    return np.ascontiguousarray(turned).reshape(-1, 128)


def _sift() -> Any:
    library: Any = cv2  # its type stubs lack SIFT
    return library.SIFT_create(nfeatures=_MOST_DETECTED, contrastThreshold=0.02, edgeThreshold=12)


def _spread(keypoints: Sequence[Any], shape: tuple[int, ...], num_points: int) -> list[int]:
    """Which keypoints to take: each cell of a grid gives its strongest, round by round."""
    if not keypoints:
        return []
    height, width = shape[:2]
    xy = np.array([k.pt for k in keypoints])
    response = np.array([k.response for k in keypoints])
    columns = np.clip((xy[:, 0] * _GRID / width).astype(int), 0, _GRID - 1)
    rows = np.clip((xy[:, 1] * _GRID / height).astype(int), 0, _GRID - 1)
    cell = rows * _GRID + columns
    order = np.lexsort((xy[:, 0], xy[:, 1], -response, cell))
    starts = np.searchsorted(cell[order], np.arange(_GRID * _GRID))
    rank = np.empty(len(order), dtype=int)
    rank[order] = np.arange(len(order)) - starts[cell[order]]
    best = np.lexsort((xy[:, 0], xy[:, 1], -response, rank // _PER_ROUND))[:num_points]
    return [int(i) for i in best]

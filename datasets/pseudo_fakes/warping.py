"""One face's picture brought onto another's points: as a whole, or piece by piece."""

import cv2
import numpy as np
from scipy.spatial import Delaunay

from ..types import Float32, Float64, Uint8


def similarity(source_xy: Float32, target_xy: Float32) -> Float64:
    """The similarity that brings points nearest to others, (2, 3) float64, without reflection.

    Least squares: Umeyama, IEEE TPAMI 1991, as in `crops.alignment`.

    Args:
        source_xy, target_xy: (n, 2) each, n >= 2.

    Raises:
        ValueError: the points don't correspond, or coincide.

    >>> square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float32)
    >>> similarity(square, 2 * square + 3).round(6).tolist()
    [[2.0, -0.0, 3.0], [0.0, 2.0, 3.0]]
    """
    if source_xy.shape != target_xy.shape or source_xy.ndim != 2 or source_xy.shape[1] != 2:
        raise ValueError(f"expected as many points, got {source_xy.shape} and {target_xy.shape}")
    source, target = source_xy.astype(np.float64), target_xy.astype(np.float64)
    a = (source - source.mean(axis=0)) @ np.array([1, 1j])
    b = (target - target.mean(axis=0)) @ np.array([1, 1j])
    spread = float(np.vdot(a, a).real)
    if spread < 1e-6:
        raise ValueError("the points coincide: there is nothing to align by")
    turn = complex(np.vdot(a, b)) / spread
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    shift = target.mean(axis=0) - linear @ source.mean(axis=0)
    return np.concatenate([linear, shift[:, None]], axis=1)


def warped(image: Uint8, matrix: Float64, shape: tuple[int, int]) -> Uint8:
    """A picture moved by a (2, 3) matrix into one of `shape` (H, W); beyond its edge, mirrored."""
    out = cv2.warpAffine(
        image,
        matrix,
        (shape[1], shape[0]),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    return np.asarray(out, dtype=np.uint8)


def piecewise_affine(
    image: Uint8, source_xy: Float64, target_xy: Float64, shape: tuple[int, int]
) -> Uint8:
    """A picture warped so that its points come to lie on others.

    The target's points, and the corners of a wide frame that moves by their similarity, are joined to
    triangles (Delaunay); each is filled from the source's by the affine map of its corners.

    Args:
        image: (H, W, 3) uint8 RGB.
        source_xy, target_xy: (n, 2) each, n >= 2: where the points are in `image`, and where they
            go to.
        shape: (H', W') of the result.

    Returns:
        (H', W', 3) uint8 RGB.

    Raises:
        ValueError: the points don't correspond, or coincide.
    """
    back = similarity(target_xy.astype(np.float32), source_xy.astype(np.float32))
    height, width = shape
    reach = max(height, width)  # so far that the picture lies within, whatever its points
    low = np.minimum(target_xy.min(axis=0), 0) - reach
    high = np.maximum(target_xy.max(axis=0), [width, height]) + reach
    frame = np.array([[x, y] for x in (low[0], high[0]) for y in (low[1], high[1])])
    target_xy = np.concatenate([target_xy, frame])
    source_xy = np.concatenate([source_xy, frame @ back[:, :2].T + back[:, 2]])
    triangles = Delaunay(target_xy).simplices
    corners = np.concatenate([target_xy[triangles], np.ones((len(triangles), 3, 1))], axis=2)
    maps = np.linalg.solve(corners, source_xy[triangles])  # (t, 3, 2): x, y, 1 -> source x, y
    maps = maps.astype(np.float32)
    which = np.zeros(shape, dtype=np.int32)
    for number, triangle in enumerate(triangles):
        cv2.fillConvexPoly(
            which, np.rint(target_xy[triangle] * 16).astype(np.int32), number, shift=4
        )
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    chosen = maps[which]
    from_xy = (
        chosen[..., 0, :] * x[..., None] + chosen[..., 1, :] * y[..., None] + chosen[..., 2, :]
    )
    out = cv2.remap(
        image, from_xy[..., 0], from_xy[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(out, dtype=np.uint8)

"""One picture over another, and what tells where: mask, boundary, consistency."""

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from ..types import Float32, Uint8

_TOLERANCE = 1e-6  # of a mask's range: rounding


@dataclass(frozen=True)
class PseudoFake:
    """A forged picture and the truth about it.

    `image`: (H, W, 3) uint8 RGB. `mask`: (H, W) float32, the share of the other picture, 0 to 1;
    where it is 0, the picture is its target. `shape`: (H, W) float32, the mask before a blend ratio:
    1 all over its inside.
    """

    image: Uint8 = field(repr=False)
    mask: Float32 = field(repr=False)
    shape: Float32 = field(repr=False)

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise ValueError(
                f"expected an image (H, W, 3) uint8, got {self.image.shape} {self.image.dtype}"
            )
        for name in ("mask", "shape"):
            values = getattr(self, name)
            if values.shape != self.image.shape[:2] or values.dtype != np.float32:
                raise ValueError(
                    f"expected a {name} {self.image.shape[:2]} float32 for this image, got "
                    f"{values.shape} {values.dtype}"
                )
            low, high, *_ = cv2.minMaxLoc(values)
            if not -_TOLERANCE <= low <= high <= 1 + _TOLERANCE:
                raise ValueError(f"expected a {name} from 0 to 1, got {low:g} to {high:g}")

    @cached_property
    def boundary(self) -> Float32:
        """(H, W) float32, 0 to 1, greatest on the blending's edge, whatever the ratio: `boundary`."""
        return boundary(self.shape)


def blend(source: Uint8, target: Uint8, mask: Float32) -> Uint8:
    """`source` over `target`, (H, W, 3) uint8 each, by a mask (H, W) float32 from 0 to 1.

    >>> black, white = np.zeros((1, 2, 3), np.uint8), np.full((1, 2, 3), 255, np.uint8)
    >>> blend(white, black, np.array([[0.2, 1]], np.float32))[0, :, 0].tolist()
    [51, 255]
    """
    rows = np.flatnonzero(mask.any(axis=1))
    out = target.copy()
    if not len(rows):
        return out
    columns = np.flatnonzero(mask.any(axis=0))  # work is done where there is something to do
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    share = cv2.merge([mask[part]] * 3)
    mixed = np.multiply(source[part], share)
    np.subtract(1, share, out=share)
    np.multiply(share, target[part], out=share)
    mixed += share
    out[part] = np.rint(mixed, out=mixed)
    return out


def boundary(mask: Float32) -> Float32:
    """4 m (1 - m), (H, W) float32: 1 where a soft mask is a half, 0 where it is 0 or 1.

    Li et al., "Face X-ray for More General Face Forgery Detection", CVPR 2020, eq. 2.

    >>> boundary(np.array([[0, 0.5, 1]], dtype=np.float32)).tolist()
    [[0.0, 1.0, 0.0]]
    """
    inverse = np.subtract(np.float32(1), mask, dtype=np.float32)
    np.multiply(inverse, mask, out=inverse)
    return np.asarray(np.multiply(inverse, np.float32(4), out=inverse), dtype=np.float32)


def consistency(mask: Float32, patches: int) -> Float32:
    """How alike each two patches' origins are: (p, p, p, p) float32, p = `patches` a side.

    1 - |m_a - m_b| of the patches' mean mask values: Zhao et al., "Learning Self-Consistency for
    Deepfake Detection", ICCV 2021.

    >>> consistency(np.array([[0, 1]] * 2, dtype=np.float32), 2)[0, 0].tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    if patches < 1:
        raise ValueError(f"expected at least 1 patch a side, got {patches}")
    means = np.asarray(cv2.resize(mask, (patches, patches), interpolation=cv2.INTER_AREA))
    flat = means.reshape(-1)
    volume = 1 - np.abs(flat[:, None] - flat[None])
    return np.asarray(volume.reshape((patches,) * 4), dtype=np.float32)


def poisson(source: Uint8, target: Uint8, mask: Float32) -> tuple[Uint8, Float32]:
    """`source` over `target` by its gradients, so that colours agree at the mask's edge.

    Pérez et al., "Poisson Image Editing", ACM TOG 2003, as OpenCV solves it. OpenCV changes pixels
    around the mask as well; those are taken from the target again.

    Args:
        source, target: (H, W, 3) uint8 RGB.
        mask: (H, W) float32, 0 to 1; the gradients are the source's where it is a half or more.

    Returns:
        (H, W, 3) uint8, and its mask as it was used, (H, W) float32: 0 on the picture's edge, where
        nothing can be solved. A mask of hardly any pixel gives the target, and a mask of 0.
    """
    inside = (mask >= 0.5).astype(np.uint8)
    inside[:2] = inside[-2:] = 0
    inside[:, :2] = inside[:, -2:] = 0
    x, y, width, height = cv2.boundingRect(inside)
    if width < 3 or height < 3:
        return target.copy(), np.zeros_like(mask)
    centre = (x + width // 2, y + height // 2)  # where OpenCV puts the rectangle back
    solved = cv2.seamlessClone(source, target, inside * 255, centre, cv2.NORMAL_CLONE)
    share = np.asarray(mask * inside, dtype=np.float32)
    return blend(np.asarray(solved, dtype=np.uint8), target, share), share

"""Pseudo-fakes of two people: another genuine face is laid over this one.

`blended_between`: the blended images of Li et al., "Face X-ray for More General Face Forgery
Detection", CVPR 2020. `inconsistent`: the inconsistency image generator of Zhao et al., "Learning
Self-Consistency for Deepfake Detection", ICCV 2021. `swapped`: the graphics way to a swap, as in
FaceForensics++'s FaceSwap (Rössler et al., ICCV 2019) without its 3D model: the face is warped by
its landmarks. For all, the other face is best one in a like pose: `nearest` finds it.
"""

from dataclasses import dataclass, field

import numpy as np

from ..types import Float32, Uint8
from .blending import PseudoFake, blend, poisson
from .masks import MaskSettings, random_mask
from .outlines import COUNTS_LIKE_68, OUTLINES, FacePicture, laid_outline
from .styles import match_colours, recolour, resharpen
from .warping import piecewise_affine, similarity, warped


@dataclass(frozen=True)
class PeopleSettings:
    """Blending between people. `masks`: see there. `colours`: share of the colours' difference that
    is taken away before blending."""

    masks: MaskSettings = field(
        default_factory=lambda: MaskSettings({"hull": 0.7, "inner": 0.3}, min_edge=0.01)
    )
    colours: float = 1.0


@dataclass(frozen=True)
class InconsistencySettings:
    """`masks`: see there. `restyled`: share whose source is of another sharpness or noise.
    `recoloured`: share whose source gets other colours after matching. `solved`: share blended by
    gradients (Poisson)."""

    masks: MaskSettings = field(
        default_factory=lambda: MaskSettings(
            {"hull": 0.4, "inner": 0.15, "lower": 0.1, "eyes": 0.1, "mouth": 0.1, "random": 0.15}
        )
    )
    restyled: float = 0.7
    recoloured: float = 0.4
    solved: float = 0.3


@dataclass(frozen=True)
class SwapSettings:
    """`masks`: see there. `solved`: share blended by gradients (Poisson) and not by a soft edge.
    `colours`: at least this share of the colours' difference is taken away."""

    masks: MaskSettings = field(
        default_factory=lambda: MaskSettings(
            {"hull": 0.6, "inner": 0.4}, max_bend=0.02, min_edge=0.02, max_edge=0.07, inside=0.6
        )
    )
    solved: float = 0.4
    colours: float = 0.6


def blended_between(
    face: FacePicture,
    donor: FacePicture,
    rng: np.random.Generator,
    settings: PeopleSettings = PeopleSettings(),
) -> PseudoFake:
    """The donor's face, turned and scaled onto this one and in its colours, softly blended in.

    Args:
        face: the genuine face that is kept outside the mask.
        donor: another person's; its picture may be of another size.
        rng: all that is random comes from it.
        settings: masks and colours.

    Raises:
        ValueError: the donor's points coincide.
    """
    mask = random_mask(face, rng, settings.masks)
    source = _laid_over(donor, face)
    source = match_colours(source, face.image, mask, settings.colours)
    return PseudoFake(blend(source, face.image, mask), mask, mask)


def inconsistent(
    face: FacePicture,
    donor: FacePicture,
    rng: np.random.Generator,
    settings: InconsistencySettings = InconsistencySettings(),
) -> PseudoFake:
    """Parts of the donor's face, of another quality, blended in by a soft edge or by gradients.

    Args and Raises: as for `blended_between`.
    """
    mask = random_mask(face, rng, settings.masks)
    source = match_colours(_laid_over(donor, face), face.image, mask, rng.uniform(0.5, 1))
    if rng.random() < settings.recoloured:
        source = recolour(source, rng)
    if rng.random() < settings.restyled:
        source = resharpen(source, face.size, rng)
    return _composed(source, face.image, mask, solved=bool(rng.random() < settings.solved))


def swapped(
    face: FacePicture,
    donor: FacePicture,
    rng: np.random.Generator,
    settings: SwapSettings = SwapSettings(),
) -> PseudoFake:
    """The donor's face warped onto this one's points, in its colours, blended in.

    By 68 points in a known order where both have them; else by the five, with the outline of a face laid
    over them.

    Args and Raises: as for `blended_between`.
    """
    source_xy, target_xy = _anchors(donor), _anchors(face)
    if len(source_xy) != len(target_xy):
        source_xy, target_xy = _anchors(donor, sparse=True), _anchors(face, sparse=True)
    source = piecewise_affine(donor.image, source_xy, target_xy, face.image.shape[:2])
    mask = random_mask(face, rng, settings.masks)
    source = match_colours(source, face.image, mask, rng.uniform(settings.colours, 1))
    return _composed(source, face.image, mask, solved=bool(rng.random() < settings.solved))


def nearest(points: Float32, candidates: Float32, allowed: np.ndarray | None = None) -> int:
    """The candidate whose points lie nearest, by the sum of squared distances.

    Args:
        points: (5, 2), relative to the face box: see `relative_points`.
        candidates: (n, 5, 2), likewise.
        allowed: (n,) bool, those that may be taken; None for all.

    Raises:
        ValueError: none may be taken.
    """
    if candidates.ndim != 3 or candidates.shape[1:] != points.shape:
        raise ValueError(f"expected candidates (n, {points.shape}), got {candidates.shape}")
    far = ((candidates - points) ** 2).sum(axis=(1, 2))
    if allowed is not None:
        far = np.where(allowed, far, np.inf)
    if not len(far) or np.isinf(far).all():
        raise ValueError("there is no other face to take")
    return int(np.argmin(far))


def relative_points(landmarks_xy: Float32, box_xyxy: Float32) -> Float32:
    """Points (..., 5, 2) from the middle of their box (..., 4), in face sizes: pose and features."""
    box = np.asarray(box_xyxy, dtype=np.float32)
    middle = (box[..., :2] + box[..., 2:]) / 2
    size = (box[..., 2:] - box[..., :2]).max(axis=-1)
    return np.asarray((landmarks_xy - middle[..., None, :]) / size[..., None, None], np.float32)


def _laid_over(donor: FacePicture, face: FacePicture) -> Uint8:
    move = similarity(donor.landmarks_xy, face.landmarks_xy)
    return warped(donor.image, move, (face.image.shape[0], face.image.shape[1]))


def _composed(source: Uint8, target: Uint8, mask: Float32, *, solved: bool) -> PseudoFake:
    if solved:
        image, mask = poisson(source, target, mask)
        return PseudoFake(image, mask, mask)
    return PseudoFake(blend(source, target, mask), mask, mask)


def _anchors(face: FacePicture, *, sparse: bool = False) -> np.ndarray:
    """(n, 2) float64 points to warp by."""
    points = face.landmarks_xy.astype(np.float64)
    if face.dense_xy is not None and len(face.dense_xy) in COUNTS_LIKE_68 and not sparse:
        return face.dense_xy[:68].astype(np.float64)
    return np.concatenate([points, laid_outline(OUTLINES["hull"], face.landmarks_xy)])

"""The forgeries that clips show, by name: some train, others only validate."""

from dataclasses import replace

import numpy as np

from ....datasets.pseudo_fakes import (
    FacePicture,
    InconsistencySettings,
    blended_between,
    inconsistent,
    self_blended,
)
from ....datasets.pseudo_fakes.resampling import resampled
from ....datasets.registry import unknown_name
from ....datasets.types import Face, Uint8
from ..held_out import swap_face
from .autoencoder import Autoencoder, reconstructed

# what trains, and its share
TRAINING = {"self-blended": 0.4, "between-people": 0.2, "parts": 0.12, "resampled": 0.28}
# what only validates; "self-blended" stands beside them, as what training knows
UNSEEN = ("cloned-swap", "autoencoded")
VALIDATING = ("self-blended", *UNSEEN)
WAYS = (*TRAINING, *UNSEEN)
_PARTS = InconsistencySettings(solved=0.0)  # gradients are validation's


def forge(
    way: str,
    face: FacePicture,
    donor: FacePicture,
    rng: np.random.Generator,
    model: Autoencoder | None = None,
) -> Uint8:
    """A genuine face, forged: (H, W, 3) uint8 RGB.

    Args:
        way: see `WAYS`.
        face: the genuine face.
        donor: another person's.
        rng: all that is random comes from it; the same state forges frame after frame alike.
        model: of `autoencoded`.

    Raises:
        ValueError: an unknown way; `autoencoded` without a model.
    """
    if way == "self-blended":
        return self_blended(face, rng).image
    if way == "between-people":
        return blended_between(face, donor, rng).image
    if way == "parts":
        return inconsistent(face, donor, rng, _PARTS).image
    if way == "resampled":
        return resampled(face, donor, rng).image
    if way == "cloned-swap":
        one, other = (Face(f.box_xyxy, f.landmarks_xy, 1.0) for f in (face, donor))
        return swap_face(face.image, one, donor.image, other)
    if way == "autoencoded":
        if model is None:
            raise ValueError("'autoencoded' needs the autoencoder: expected a model, got none")
        return reconstructed(face, model, rng)
    raise ValueError(unknown_name("way of forging", way, WAYS))


def unsteady(
    face: FacePicture, num_frames: int, rng: np.random.Generator, share: float = 0.006
) -> list[FacePicture]:
    """The face with points that tremble from frame to frame, as those of a face detector do.

    Args:
        face: of a still.
        num_frames: how many are wanted.
        rng: of the trembling.
        share: its standard deviation, face sizes.
    """
    noise = rng.normal(0, share * face.size, (num_frames, 5, 2)).astype(np.float32)
    common = rng.normal(0, share * face.size, (num_frames, 1, 2)).astype(np.float32)
    return [replace(face, landmarks_xy=face.landmarks_xy + n + c)
            for n, c in zip(noise, common, strict=True)]  # fmt: skip

"""A linear autoencoder of faces: a forgery that only validation uses.

The first face swapping programs (FaceForensics++'s "Deepfakes" among them) were autoencoders: a face
loses its fine detail in a bottleneck and is pasted back. This one codes small overlapping patches of an
aligned face by their principal components (the best linear autoencoder: Baldi & Hornik, "Neural
networks and principal component analysis", Neural Networks 2, 1989); whom it was trained on is never
who is validated. A small convolutional one was tried first: on two cores it left no face at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from ....datasets.crops import alignment
from ....datasets.pseudo_fakes import FacePicture, blend, match_colours
from ....datasets.pseudo_fakes.masks import MaskSettings, random_mask
from ....datasets.types import CropSpec, Float32, Uint8

SIDE = 128
PATCH, STRIDE = 8, 4  # pixels
COMPONENTS = 16  # of the 192 numbers of a patch
SPEC = CropSpec(SIDE, 1.25, align="similarity")
MASKS = MaskSettings(
    {"hull": 0.5, "inner": 0.5}, max_bend=0.02, min_edge=0.02, max_edge=0.06, inside=0.5
)
_PATCHES = 60  # of each face that it is trained on


@dataclass(frozen=True)
class Autoencoder:
    """`mean`: (192,), `basis`: (192, COMPONENTS) float32, of patches (8, 8, 3) from 0 to 255."""

    mean: Float32 = field(repr=False)
    basis: Float32 = field(repr=False)

    def __call__(self, face: Float32) -> Float32:
        """(128, 128, 3) float32 -> the same, out of the bottleneck."""
        patches = _patches(face)
        rows, columns = patches.shape[:2]
        codes = (patches.reshape(-1, len(self.mean)) - self.mean) @ self.basis
        back = (codes @ self.basis.T + self.mean).reshape(rows, columns, PATCH, PATCH, 3)
        total, count = np.zeros_like(face), np.zeros((*face.shape[:2], 1), dtype=np.float32)
        for y in range(rows):
            for x in range(columns):
                place = np.s_[y * STRIDE : y * STRIDE + PATCH, x * STRIDE : x * STRIDE + PATCH]
                total[place] += back[y, x]
                count[place] += 1
        return np.asarray(total / count, dtype=np.float32)


def train_autoencoder(faces: Sequence[FacePicture], seed: int) -> Autoencoder:
    """The principal components of patches drawn from faces.

    Args:
        faces: of people whom nobody is validated on.
        seed: of which patches.
    """
    rng = np.random.default_rng([seed, 6])
    drawn = []
    for face in faces:
        patches = _patches(_aligned(face)).reshape(-1, PATCH * PATCH * 3)
        drawn.append(patches[rng.integers(0, len(patches), _PATCHES)])
    rows = np.concatenate(drawn).astype(np.float64)
    mean = rows.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((rows - mean).T))
    return Autoencoder(
        mean.astype(np.float32), vectors[:, : -COMPONENTS - 1 : -1].astype(np.float32)
    )


def save_autoencoder(model: Autoencoder, path: Path) -> None:
    """As an .npz file."""
    np.savez(path, mean=model.mean, basis=model.basis)


def read_autoencoder(path: Path) -> Autoencoder:
    """What `save_autoencoder` wrote."""
    with np.load(path) as kept:
        return Autoencoder(kept["mean"], kept["basis"])


def reconstructed(face: FacePicture, model: Autoencoder, rng: np.random.Generator) -> Uint8:
    """The face as the autoencoder draws it, in its own colours, softly pasted back."""
    mask = random_mask(face, rng, MASKS)
    drawn = np.clip(np.rint(model(_aligned(face))), 0, 255).astype(np.uint8)
    height, width = face.image.shape[:2]
    laid = cv2.warpAffine(
        drawn,
        alignment(face.landmarks_xy, SPEC),
        (width, height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )
    source = match_colours(np.asarray(laid, dtype=np.uint8), face.image, mask)
    return blend(source, face.image, mask)


def _aligned(face: FacePicture) -> Float32:
    """(128, 128, 3) float32, 0 to 255."""
    there = alignment(face.landmarks_xy, SPEC)
    image = face.image
    scale = float(np.hypot(there[0, 0], there[1, 0]))
    if scale < 0.7:  # what is averaged away must not alias
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.4 / scale), dtype=np.uint8)
    out = cv2.warpAffine(
        image, there, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(out, dtype=np.float32)


def _patches(face: Float32) -> Float32:
    """(31, 31, 8, 8, 3): overlapping patches."""
    windows = np.lib.stride_tricks.sliding_window_view(face, (PATCH, PATCH, 3))
    return np.asarray(windows[::STRIDE, ::STRIDE, 0])

"""A small autoencoder of faces: a forgery that only validation uses.

The first face swapping programs (FaceForensics++'s "Deepfakes" among them) were autoencoders: a face
comes out blurred by a bottleneck and is pasted back. This one has one decoder for everybody, so it
reconstructs; who it was trained on is never who is validated.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from ....datasets.crops import alignment
from ....datasets.pseudo_fakes import FacePicture, blend, match_colours
from ....datasets.pseudo_fakes.masks import MaskSettings, random_mask
from ....datasets.types import CropSpec, Float32, Uint8

SIDE = 64  # as the first of those programs had it
SPEC = CropSpec(SIDE, 1.25, align="similarity")
_WIDE = CropSpec(80, 1.25 * 80 / SIDE, align="similarity")  # room for small changes
MASKS = MaskSettings({"hull": 0.5, "inner": 0.5}, max_bend=0.02, min_edge=0.02, max_edge=0.06,
                     inside=0.5)  # fmt: skip


class Autoencoder(nn.Module):
    """(B, 3, 64, 64) -> the same, from 0 to 1, through 256 numbers."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 24, 48, 96, 128)
        down: list[nn.Module] = []
        for a, b in itertools.pairwise(widths):
            down += [nn.Conv2d(a, b, 5, 2, 2), nn.LeakyReLU(0.1)]
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(128 * 16, 256))
        up: list[nn.Module] = [nn.Linear(256, 128 * 16), nn.Unflatten(1, (128, 4, 4))]
        for a, b in ((128, 96), (96, 48), (48, 24), (24, 24)):
            up += [nn.Conv2d(a, 4 * b, 3, 1, 1), nn.LeakyReLU(0.1), nn.PixelShuffle(2)]
        self.decoder = nn.Sequential(*up, nn.Conv2d(24, 3, 3, 1, 1), nn.Sigmoid())

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        """The faces as they come out of the bottleneck."""
        out: torch.Tensor = self.decoder(self.encoder(faces))
        return out


def train_autoencoder(
    faces: Sequence[FacePicture], path: Path, *, steps: int, seed: int
) -> Autoencoder:
    """Trains one, or reads it where `path` holds it already; mean absolute error, Adam.

    Args:
        faces: of people whom nobody is validated on.
        path: of its weights.
        steps: of 16 faces each.
        seed: of its start and of the pictures' small changes.
    """
    torch.manual_seed(seed)
    model = Autoencoder()
    if path.exists():
        model.load_state_dict(torch.load(path, weights_only=True))
        return model.eval()
    rng = np.random.default_rng([seed, 6])
    stored = [_aligned(f, alignment(f.landmarks_xy, _WIDE), _WIDE.size) for f in faces]
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * (1 - step / steps) + 1e-5
        chosen = rng.integers(0, len(faces), 16)
        wanted = torch.from_numpy(np.stack([_changed(stored[i], rng) for i in chosen]))
        loss = (model(wanted) - wanted).abs().mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    torch.save(model.state_dict(), path)
    return model.eval()


def reconstructed(face: FacePicture, model: Autoencoder, rng: np.random.Generator) -> Uint8:
    """The face as the autoencoder draws it, in its own colours, softly pasted back."""
    mask = random_mask(face, rng, MASKS)
    there = alignment(face.landmarks_xy, SPEC)
    with torch.no_grad():
        drawn = model(torch.from_numpy(_aligned(face, there)[None]))[0].numpy()
    small = np.rint(255 * drawn.transpose(1, 2, 0)).astype(np.uint8)
    height, width = face.image.shape[:2]
    laid = cv2.warpAffine(
        np.ascontiguousarray(small), there, (width, height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    source = match_colours(np.asarray(laid, dtype=np.uint8), face.image, mask)
    return blend(source, face.image, mask)


def _aligned(face: FacePicture, there: np.ndarray, side: int = SIDE) -> Float32:
    """(3, side, side) float32, 0 to 1."""
    image = face.image
    scale = float(np.hypot(there[0, 0], there[1, 0]))
    if scale < 0.7:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.4 / scale), dtype=np.uint8)
    small = cv2.warpAffine(
        image, there, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(small.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)


def _changed(wide: Float32, rng: np.random.Generator) -> Float32:
    """(3, 64, 64) out of a stored wide one: turned, shifted, mirrored, in other light."""
    turn = cv2.getRotationMatrix2D(
        (_WIDE.size / 2, _WIDE.size / 2), rng.uniform(-6, 6), rng.uniform(0.93, 1.07)
    )
    turn[:, 2] += rng.uniform(-2, 2, 2) - (_WIDE.size - SIDE) / 2
    small = cv2.warpAffine(wide.transpose(1, 2, 0), turn, (SIDE, SIDE)).transpose(2, 0, 1)
    if rng.random() < 0.5:
        small = small[:, :, ::-1]
    gain, shift = rng.uniform(0.8, 1.2), rng.uniform(-0.08, 0.08)
    return np.asarray(np.clip(small * gain + shift, 0, 1), dtype=np.float32)

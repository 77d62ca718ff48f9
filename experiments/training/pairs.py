"""Training pairs: a genuine face and its self-blended counterpart, degraded in the same way."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from ...datasets.crops import as_input, crop_face
from ...datasets.degradations import Degradation, draw
from ...datasets.pseudo_fakes import restyle, self_blend
from ...datasets.types import CropSpec, Face, Float32, Uint8
from .portraits import Portrait

GENUINE_RESTYLED = 0.5  # share of genuine pictures restyled as a whole, as blends' parts are
BACKGROUNDS_CHANGED = 0.6  # official portraits stand before white: share that gets another one
MAX_TURN_DEGREES = 8.0
MAX_STRETCH = 0.06
BOX_SHIFT, BOX_SCALE = 0.05, 0.10  # of the box, as face detectors' boxes differ


class PairDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Pair i of the whole run, a pure function of (seed, i): a resumed run sees the same.

    Args:
        portraits: the genuine faces.
        spec: how faces are cropped.
        seed: of the run.
        count: pairs in the whole run; items are counted from `start`.
    """

    def __init__(
        self, portraits: Sequence[Portrait], spec: CropSpec, seed: int, count: int, start: int = 0
    ) -> None:
        self.portraits, self.spec, self.seed = portraits, spec, seed
        self.count, self.start = count, start

    def __len__(self) -> int:
        return self.count - self.start

    def __getitem__(self, item: int) -> tuple[torch.Tensor, torch.Tensor]:
        """((2, 3, size, size) float32: genuine, blended; (2,) labels: 0, 1)."""
        i = item + self.start
        if not 0 <= item < len(self):
            raise IndexError(f"pair {item} of {len(self)}")
        epoch, place = divmod(i, len(self.portraits))
        order = np.random.default_rng([self.seed, 1, epoch]).permutation(len(self.portraits))
        crops = make_pair(
            self.portraits[order[place]], self.spec, np.random.default_rng([self.seed, 2, i])
        )
        pictures = torch.from_numpy(as_input(crops, self.spec).copy())
        return pictures, torch.tensor([0.0, 1.0])


def make_pair(portrait: Portrait, spec: CropSpec, rng: np.random.Generator) -> Uint8:
    """(2, size, size, 3) uint8: the genuine face, and its blended counterpart."""
    image = rebacked(portrait.image, rng) if rng.random() < BACKGROUNDS_CHANGED else portrait.image
    image, face = jitter(image, portrait.face, rng)
    fake, _ = self_blend(image, face.landmarks_xy, face.box_xyxy, rng)
    genuine = restyle(image, face.size, rng) if rng.random() < GENUINE_RESTYLED else image
    degradation = draw(rng, face.size)
    centre, side = (
        (face.box_xyxy[:2] + face.box_xyxy[2:]) / 2,
        face.box_xyxy[2:] - face.box_xyxy[:2],
    )
    centre = centre + rng.uniform(-BOX_SHIFT, BOX_SHIFT, 2) * face.size
    half = side / 2 * (1 + rng.uniform(-BOX_SCALE, BOX_SCALE))
    box = np.concatenate([centre - half, centre + half]).astype(np.float32)
    return np.stack([_degraded_crop(p, box, degradation, spec) for p in (genuine, fake)])


def rebacked(image: Uint8, rng: np.random.Generator) -> Uint8:
    """The picture with what is near white multiplied by a random soft pattern."""
    height, width = image.shape[:2]
    cells = (int(rng.integers(2, 9)), int(rng.integers(2, 9)), 3)
    base = rng.uniform(20, 250, 3)
    pattern = np.clip(base + rng.normal(0, rng.uniform(5, 60), cells), 10, 255).astype(np.float32)
    pattern = np.asarray(
        cv2.resize(pattern, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32
    )
    pattern += rng.standard_normal((height, width, 1), dtype=np.float32) * np.float32(
        rng.uniform(0, 6)
    )
    white = np.clip((image.min(axis=2, keepdims=True).astype(np.float32) - 205) / 40, 0, 1)
    out = image * (1 - white + white * np.clip(pattern, 0, 255) / 255)
    return np.asarray(np.rint(out), dtype=np.uint8)


def _degraded_crop(image: Uint8, box: Float32, degradation: Degradation, spec: CropSpec) -> Uint8:
    degraded = degradation.apply(image)
    stretch = np.array([degraded.shape[1] / image.shape[1], degraded.shape[0] / image.shape[0]])
    moved = np.asarray(box * np.tile(stretch, 2), dtype=np.float32)
    return crop_face(degraded, Face(moved, np.zeros((5, 2), dtype=np.float32), 1.0), spec)


def jitter(image: Uint8, face: Face, rng: np.random.Generator) -> tuple[Uint8, Face]:
    """The picture mirrored or not, turned and stretched a little, and its face along with it."""
    box, points = face.box_xyxy, face.landmarks_xy
    height, width = image.shape[:2]
    if rng.random() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
        box = np.array([width - box[2], box[1], width - box[0], box[3]], dtype=np.float32)
        points = points * np.array([-1, 1], dtype=np.float32) + np.array(
            [width, 0], dtype=np.float32
        )
        points = points[[1, 0, 2, 4, 3]]
    centre = (box[:2] + box[2:]) / 2
    turn = rng.normal(0, MAX_TURN_DEGREES / 2)
    move = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), float(turn), 1)
    move[0] *= 1 + rng.uniform(-MAX_STRETCH, MAX_STRETCH)
    image = np.asarray(
        cv2.warpAffine(
            image, move, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
    )
    points = (points @ move[:, :2].T + move[:, 2]).astype(np.float32)
    centre = move[:, :2] @ centre + move[:, 2]
    half = (box[2:] - box[:2]) / 2
    box = np.concatenate([centre - half, centre + half]).astype(np.float32)
    return image, Face(box, points, face.confidence)

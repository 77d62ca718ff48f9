"""How the reference's colours became the suspect's: gamma, a colour matrix, an offset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ...datasets.types import Float32, Float64, Uint8

GAMMAS = np.exp(np.linspace(-0.5, 0.5, 21))
SAMPLES = 2500  # pixels of each pair
KEPT = 0.7  # share of the samples that agree best; the rest may be a changed face
ROUNDS = 6
BETTER = 0.97  # a gamma other than 1 must leave less than this share of the difference
RIDGE = 1e-3  # of the samples, towards one gain for all colours and no mixing


@dataclass(frozen=True)
class Colours:
    """suspect = matrix @ (255 (rgb / 255) ** gamma) + offset. `residual`: levels, median."""

    gamma: float
    matrix: Float64
    offset: Float64
    residual: float

    def apply(self, image: Uint8) -> Uint8:
        """The picture in the suspect's colours, (h, w, 3) uint8."""
        if self.is_nothing:
            return image
        curve = 255 * (np.arange(256) / 255) ** self.gamma
        bent = cv2.LUT(image, curve.astype(np.float32)[None])
        mix = np.concatenate([self.matrix, self.offset[:, None]], axis=1).astype(np.float32)
        mixed = cv2.transform(np.asarray(bent, dtype=np.float32), mix)
        return np.asarray(np.clip(np.rint(mixed), 0, 255), dtype=np.uint8)

    @property
    def is_nothing(self) -> bool:
        """Whether it changes no colour by as much as a quarter of a level."""
        greys = np.array([0.0, 64, 128, 192, 255])
        bent = 255 * (greys / 255) ** self.gamma
        off = np.abs(self.matrix - np.eye(3)).max() * 255 + np.abs(self.offset).max()
        return bool(off + np.abs(bent - greys).max() < 0.25)


def fit_colours(
    pairs: Sequence[tuple[Uint8, Uint8, np.ndarray]], rng: np.random.Generator
) -> Colours:
    """Fits the change of colours.

    Args:
        pairs: (suspect, reference laid onto it, where: (h, w) bool), (h, w, 3) uint8 each.
        rng: chooses the samples.
    """
    source, target = _samples(pairs, rng)
    if len(source) < 200:
        return Colours(1.0, np.eye(3), np.zeros(3), float("nan"))
    plain = _fit(source, target, 1.0)
    best = min((_fit(source, target, float(g)) for g in GAMMAS), key=lambda c: c.residual)
    return best if best.residual < BETTER * plain.residual else plain


def _samples(
    pairs: Sequence[tuple[Uint8, Uint8, np.ndarray]], rng: np.random.Generator
) -> tuple[Float32, Float32]:
    source, target = [], []
    for suspect, reference, where in pairs:
        soft = [cv2.blur(picture, (5, 5)) for picture in (suspect, reference)]
        clipped = (reference.min(axis=2) < 4) | (reference.max(axis=2) > 251)
        places = np.flatnonzero(where & ~clipped)
        if len(places) < 50:
            continue
        chosen = rng.choice(places, min(SAMPLES, len(places)), replace=False)
        target.append(soft[0].reshape(-1, 3)[chosen])
        source.append(soft[1].reshape(-1, 3)[chosen])
    if not source:
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)
    return np.concatenate(source).astype(np.float32), np.concatenate(target).astype(np.float32)


def _fit(source: Float32, target: Float32, gamma: float) -> Colours:
    """Least squares over the samples that agree best, again and again."""
    bent = 255 * (source.astype(np.float64) / 255) ** gamma
    x = np.concatenate([bent, np.ones((len(bent), 1))], axis=1)
    y = target.astype(np.float64)
    used = np.ones(len(x), dtype=bool)
    solved = np.vstack([np.eye(3), np.zeros(3)])
    off = np.abs(x @ solved - y).mean(axis=1)
    for _ in range(ROUNDS):
        gain = float(np.sum(bent[used] * y[used]) / max(np.sum(bent[used] ** 2), 1.0))
        prior = np.vstack([gain * np.eye(3), np.zeros(3)])
        weight = np.diag([RIDGE * used.sum() * 255.0**2 * 0.01] * 3 + [0.0])
        left = x[used].T @ x[used] + weight
        right = x[used].T @ y[used] + weight @ prior
        solved = np.linalg.lstsq(left, right, rcond=None)[0]
        off = np.abs(x @ solved - y).mean(axis=1)
        used = off <= np.quantile(off, KEPT)
    return Colours(gamma, solved[:3].T, solved[3], float(np.median(off[used])))

"""What makes parts of a genuine picture differ: focus, light, things in front, writing.

A detector that learns "parts differ, so it is forged" raises false alarms on filmed video. These
differences lie elsewhere than a face swap's; genuine and forged pictures get them alike.
"""

import cv2
import numpy as np

from ..pseudo_fakes.masks import deformed, filled
from ..pseudo_fakes.outlines import FacePicture, face_outline
from ..pseudo_fakes.styles import resharpen
from ..types import Float32, Uint8


def varied(face: FacePicture, rng: np.random.Generator) -> Uint8:
    """Focus, light and patches of other sharpness, each at its odds: (H, W, 3) uint8 RGB."""
    image = face.image
    if rng.random() < 0.35:
        image = out_of_focus(image, head_mask(face, rng), face.size, rng)
    if rng.random() < 0.4:
        image = unevenly_lit(image, rng)
    if rng.random() < 0.2:
        image = patched(image, face, rng)
    return image


def covered(face: FacePicture, image: Uint8, rng: np.random.Generator) -> Uint8:
    """Things in front of the camera and writing on the picture, each at its odds."""
    if rng.random() < 0.12:
        image = with_strands(image, face, rng)
    if rng.random() < 0.2:
        image = with_writing(image, face, rng)
    return image


def head_mask(face: FacePicture, rng: np.random.Generator) -> Float32:
    """(H, W) float32, 1 on the head with its hair and on what is below it, soft at the edge."""
    hull = face_outline("hull", face.landmarks_xy, face.dense_xy)
    middle = hull.mean(axis=0)
    head = (hull - middle) * rng.uniform(1.25, 1.6, 2) + middle
    mask = filled(face.image.shape[:2], head)
    left, right = head[:, 0].min(), head[:, 0].max()
    wide = (right - left) * rng.uniform(0.4, 1.0)
    bottom = float(face.image.shape[0])
    shoulders = np.array(
        [[left, middle[1] + face.size * 0.4], [right, middle[1] + face.size * 0.4],
         [right + wide, bottom], [left - wide, bottom]]
    )  # fmt: skip
    mask = np.maximum(mask, filled(face.image.shape[:2], shoulders))
    mask = deformed(mask, rng.uniform(0, 0.05) * face.size, rng)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), face.size * rng.uniform(0.01, 0.1)))


def out_of_focus(image: Uint8, sharp: Float32, face_size: float, rng: np.random.Generator) -> Uint8:
    """Blurred where `sharp` (H, W) is 0; seldom the other way round: a focus behind the head."""
    if rng.random() < 0.2:
        sharp = 1 - sharp
        sigma = face_size * rng.uniform(0.003, 0.012)
    else:
        sigma = face_size * rng.uniform(0.006, 0.05)
    soft = cv2.GaussianBlur(image, (0, 0), max(0.4, sigma)).astype(np.float32)
    share = sharp[..., None]
    return _rounded(image * share + soft * (1 - share))


def unevenly_lit(image: Uint8, rng: np.random.Generator) -> Uint8:
    """A smooth field of coloured light, and sometimes the edge of a shadow."""
    height, width = image.shape[:2]
    cells = int(rng.integers(2, 5))
    tint = rng.normal(0, 1, (cells, cells, 3)) * rng.uniform(0, 0.06)
    field = rng.normal(0, 1, (cells, cells, 1)) * rng.uniform(0.02, 0.2) + tint
    gain = cv2.resize(
        np.exp(field).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    if rng.random() < 0.3:
        angle, edge = rng.uniform(0, 2 * np.pi), rng.uniform(0.005, 0.15) * width
        across = np.arange(width, dtype=np.float32) * np.float32(np.cos(angle))
        across = across + np.arange(height, dtype=np.float32)[:, None] * np.float32(np.sin(angle))
        place = rng.uniform(across.min(), across.max())
        lit = 1 / (1 + np.exp(-np.clip((across - place) / edge, -30, 30)))
        dark = rng.uniform(0.55, 0.9)
        gain = gain * (dark + (1 - dark) * lit)[..., None].astype(np.float32)
    return _rounded(image * gain)


def patched(image: Uint8, face: FacePicture, rng: np.random.Generator) -> Uint8:
    """One to three soft blobs anywhere in which the picture is sharper, softer or noisier."""
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(1, 4))):
        other = resharpen(image, face.size, rng)
        radii = face.size * rng.uniform(0.15, 0.9, 2)
        centre = rng.uniform(0, 1, 2) * [width, height]
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        shape = (
            np.stack([np.cos(turn), np.sin(turn)], axis=1) * radii * rng.uniform(0.7, 1.3, (24, 1))
        )
        mask = filled((height, width), centre + shape)
        mask = cv2.GaussianBlur(mask, (0, 0), face.size * rng.uniform(0.01, 0.15))[..., None]
        mask *= np.float32(rng.uniform(0.3, 1))
        image = _rounded(image * (1 - mask) + other * mask)
    return image


def with_strands(image: Uint8, face: FacePicture, rng: np.random.Generator) -> Uint8:
    """Thin curved things across the picture: hair, a cable, the frame of glasses."""
    height, width = image.shape[:2]
    out = image.astype(np.float32)
    for _ in range(int(rng.integers(1, 4))):
        thick = max(1, round(face.size * rng.uniform(0.005, 0.03)))
        along = np.linspace(-1, 1, 24)[:, None]
        corners = along * rng.normal(0, 0.5, 2) + along**2 * rng.normal(0, 0.3, 2)
        corners = corners * face.size + rng.uniform(0, 1, 2) * [width, height]
        mask = np.zeros((height, width), dtype=np.float32)
        points = np.rint(corners * 8).astype(np.int32)
        cv2.polylines(mask, [points], False, 1.0, thick, cv2.LINE_AA, shift=3)
        mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.4, 1.5))[..., None]
        colour = np.full(3, rng.uniform(5, 200)) + rng.normal(0, 15, 3)
        out = out * (1 - mask) + colour.astype(np.float32) * mask
    return _rounded(out)


def with_writing(image: Uint8, face: FacePicture, rng: np.random.Generator) -> Uint8:
    """A line of writing, with or without a bar behind it, or a station's mark in a corner."""
    height, width = image.shape[:2]
    out = image.copy()
    letters = "".join(rng.choice(list("ABCDEFGHIKLMNOPRSTUVWabcdefghiklmnoprstu  0123"), 14))
    size = face.size * rng.uniform(0.06, 0.16) / 22  # of Hershey's letters, 22 px high
    x, y = int(rng.uniform(-0.1, 0.6) * width), int(rng.uniform(0.05, 1.0) * height)
    colour = tuple(int(v) for v in rng.choice([0, 255, 230, 40], 3))
    if rng.random() < 0.5:
        bar = tuple(int(v) for v in rng.integers(0, 256, 3))
        high = round(size * 22 * rng.uniform(1.2, 2))
        cv2.rectangle(
            out, (x - 4, y - high), (x + int(rng.uniform(0.3, 1.2) * width), y + 6), bar, -1
        )
    cv2.putText(out, letters, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, colour,
                max(1, round(size * 2)), cv2.LINE_AA)  # fmt: skip
    share = np.float32(rng.uniform(0.6, 1.0))
    return _rounded(image * (1 - share) + out * share)


def _rounded(image: np.ndarray) -> Uint8:
    return np.asarray(np.clip(np.rint(image), 0, 255), dtype=np.uint8)

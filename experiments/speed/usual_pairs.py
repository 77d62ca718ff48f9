"""The usual way to a self-blended pair: picture by picture, with an augmentation library.

Written after the description of the steps in Shiohara & Yamasaki, "Detecting Deepfakes with
Self-Blended Images", CVPR 2022, as training code commonly has them: the face is cut wide out of the
stored picture, at its own size; transforms composed by the library, blending in double precision,
then crop and resize.
"""

import importlib
from typing import Any

import cv2
import numpy as np
import torch

from ...datasets.pseudo_fakes import face_outline
from ...datasets.types import Float32, Float64, Uint8

_RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)


class UsualWay:
    """Makes one pair at a time; `size` and `margin` of the crops.

    Raises:
        ImportError: the library is not there.
    """

    def __init__(self, size: int, margin: float) -> None:
        a: Any = importlib.import_module("albumentations")
        colours = [
            a.RGBShift((-20, 20), (-20, 20), (-20, 20), p=0.3),
            a.HueSaturationValue((-0.3, 0.3), (-0.3, 0.3), (-0.3, 0.3), p=1),
            a.RandomBrightnessContrast((-0.1, 0.1), (-0.1, 0.1), p=1),
        ]
        sharpness = a.OneOf(
            [a.Downscale(scale_range=(0.25, 0.5), p=1), a.Sharpen((0.2, 0.5), (0.5, 1.0), p=1)], p=1
        )
        self.size, self.margin = size, margin
        self.source = a.Compose([*colours, sharpness])
        self.move = a.Affine(
            translate_percent={"x": (-0.03, 0.03), "y": (-0.015, 0.015)},
            scale=(0.95, 1 / 0.95),
            p=1,
        )
        self.bend = a.ElasticTransform(alpha=50, sigma=7, p=1)
        self.after = a.Compose(
            [
                a.RGBShift((-20, 20), (-20, 20), (-20, 20), p=0.3),
                a.HueSaturationValue((-0.3, 0.3), (-0.3, 0.3), (-0.3, 0.3), p=0.3),
                a.RandomBrightnessContrast((-0.3, 0.3), (-0.3, 0.3), p=0.3),
                a.ImageCompression(quality_range=(40, 100), p=0.5),
            ],
            additional_targets={"other": "image"},
        )
        self.rng = np.random.default_rng(0)

    def __call__(self, png: Uint8, box_xyxy: Float64, landmarks_xy: Float32) -> torch.Tensor:
        """A PNG's bytes to (2, 3, size, size) float32, genuine and blended."""
        image = cv2.cvtColor(cv2.imdecode(png, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        image, corner = _wide(image, box_xyxy)
        box_xyxy, landmarks_xy = box_xyxy - np.tile(corner, 2), landmarks_xy - corner
        mask = np.zeros(image.shape[:2], dtype=np.uint8)
        hull = face_outline("hull", landmarks_xy)
        cv2.fillConvexPoly(mask, np.rint(hull).astype(np.int32), 1)
        source, target = image, image
        if self.rng.random() < 0.5:
            source = self.source(image=image)["image"]
        else:
            target = self.source(image=image)["image"]
        moved = self.move(image=source, mask=mask)
        source, mask = moved["image"], moved["mask"]
        mask = self.bend(image=source, mask=mask)["mask"]
        share = self._softened(mask.astype(np.float64))[..., None] * self.rng.choice(_RATIOS)
        fake = (share * source + (1 - share) * target).astype(np.uint8)
        both = self.after(image=fake, other=target)
        crops = [self._crop(picture, box_xyxy) for picture in (both["other"], both["image"])]
        return torch.stack([torch.from_numpy(c).float() / 255 for c in crops])

    def _softened(self, mask: Float64) -> Float64:
        """Two blurs of random kernels, the first one sharpened to an edge that lies further in."""
        first, second = (int(self.rng.integers(3, 12)) * 2 + 1 for _ in range(2))
        soft = cv2.GaussianBlur(mask, (first, first), 0)
        soft = soft / max(float(soft.max()), 1e-9)
        soft[soft < 1] = 0
        return np.asarray(cv2.GaussianBlur(soft, (second, second), float(self.rng.integers(5, 46))))

    def _crop(self, image: Uint8, box_xyxy: Float64) -> Uint8:
        centre, side = (box_xyxy[:2] + box_xyxy[2:]) / 2, max(box_xyxy[2:] - box_xyxy[:2])
        half = side * self.margin / 2
        x1, y1 = (max(0, int(c - half)) for c in centre)
        x2, y2 = (int(c + half) for c in centre)
        small = cv2.resize(image[y1:y2, x1:x2], (self.size, self.size))
        return np.ascontiguousarray(small.transpose(2, 0, 1))


def _wide(image: Uint8, box_xyxy: Float64) -> tuple[Uint8, Float32]:
    """The part that is twice as wide as the face, and its corner (x, y)."""
    centre, side = (box_xyxy[:2] + box_xyxy[2:]) / 2, max(box_xyxy[2:] - box_xyxy[:2])
    x1, y1 = (max(0, int(c - side)) for c in centre)
    x2, y2 = (int(c + side) for c in centre)
    return image[y1:y2, x1:x2], np.array([x1, y1], dtype=np.float32)

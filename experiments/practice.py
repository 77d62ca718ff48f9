"""A small benchmark to practise with: laid out as FaceForensics++, real encoded clips, nobody's data.

Everybody in it is the NASA portrait that scikit-image ships (public domain), mirrored and recoloured.
Good for trying the commands; says nothing about any detector.
"""

import json
from pathlib import Path

import cv2
import numpy as np

from ..datasets.animation import animate, write_clip
from ..datasets.faces import create_face_detector
from ..datasets.pseudo_fakes import blend, outline_mask, recolour, self_blend
from ..datasets.types import Uint8

METHODS = ("Deepfakes", "FaceSwap")
CRF = {"c23": 23, "c40": 40}
FPS = 25.0


def make_practice_benchmark(
    folder: Path, *, num_pairs: int = 4, num_frames: int = 12, seed: int = 0
) -> Path:
    """Writes it in the layout of FaceForensics++, with masks and split files.

    Args:
        folder: new or empty.
        num_pairs: of people who are swapped with each other; at least 3. The last but one pair is
            for validation, the last for testing.
        num_frames: of each clip.
        seed: same seed, same files.

    Returns:
        `folder`: 2 originals a pair, and of each of two methods 2 fakes, in two compressions.

    Raises:
        ValueError: fewer than 3 pairs.
    """
    if num_pairs < 3:
        raise ValueError(f"expected at least 3 pairs, one for each split, got {num_pairs}")
    detector = create_face_detector()
    people = [_person(k, seed) for k in range(2 * num_pairs)]
    pairs = [[f"{2 * k:03}", f"{2 * k + 1:03}"] for k in range(num_pairs)]
    for target, person in enumerate(people):
        source = target ^ 1
        motion = seed + target
        _write(folder / "original_sequences/youtube", f"{target:03}", person, num_frames, motion)
        face = detector.detect(person, 60)[0]
        name = f"{target:03}_{source:03}"
        for number, method in enumerate(METHODS):
            rng = np.random.default_rng([seed, target, number])
            if method == "Deepfakes":
                fake, mask = self_blend(person, face.landmarks_xy, face.box_xyxy, rng)
            else:
                mask = outline_mask(person.shape[:2], face.landmarks_xy, face.size, rng)
                fake = blend(recolour(people[source][:, ::-1], rng), person, mask)
            below = folder / "manipulated_sequences" / method
            _write(below, name, fake, num_frames, motion)
            region = (
                np.repeat((mask > 0.5 * mask.max())[..., None], 3, axis=2).astype(np.uint8) * 255
            )
            moving = animate(region, num_frames, np.random.default_rng(motion), FPS)
            path = below / "masks/videos" / f"{name}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_clip(path, moving, FPS, 18)
    (folder / "splits").mkdir()
    splits = {"train": pairs[:-2], "val": pairs[-2:-1], "test": pairs[-1:]}
    for split, members in splits.items():
        (folder / "splits" / f"{split}.json").write_text(json.dumps(members), encoding="utf-8")
    return folder


def _person(number: int, seed: int) -> Uint8:
    """(240, 240, 3) uint8 RGB, one face of about 100 px."""
    from skimage import data

    head = np.ascontiguousarray(data.astronaut()[0:300, 70:370])
    small = np.asarray(cv2.resize(head, (240, 240), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    if number % 2:
        small = np.ascontiguousarray(small[:, ::-1])
    return recolour(small, np.random.default_rng([seed, number]))


def _write(below: Path, name: str, still: Uint8, num_frames: int, motion: int) -> None:
    for compression, crf in CRF.items():
        path = below / compression / "videos" / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        moving = animate(still, num_frames, np.random.default_rng(motion), FPS)
        write_clip(path, moving, FPS, crf)

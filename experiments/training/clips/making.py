"""One pair of clips: a genuine one and its forgeries, moved, degraded and encoded alike."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ....datasets.degradations import Degradation, draw
from ....datasets.moving.motion import Motion, draw_motion
from ....datasets.moving.surroundings import covered, varied
from ....datasets.moving.transport import draw_transport, transport
from ....datasets.pseudo_fakes import FacePicture, restyle
from ....datasets.types import Uint8
from ..pairs import jitter, rebacked
from ..portraits import Portrait
from .autoencoder import Autoencoder
from .faces import Window, as_picture, digest
from .forging import forge, unsteady
from .plans import GENUINE, PairPlan, training_ways, video_of

FPS = 25.0
REBACKED = 0.6  # official portraits stand before white: share that gets another background
RESTYLED = 0.5  # share of genuine clips restyled as a whole, as a blend's parts are
UNSTEADY = 0.3  # share of forgeries whose mask and place tremble from frame to frame
_OPTICS = {"grade", "blur", "motion", "smooth", "sharpen"}  # of a degradation: what is no codec


def make_pair(
    plan: PairPlan,
    material: Portrait | Window,
    donor: Portrait,
    root: Path,
    num_frames: int,
    model: Autoencoder | None,
    *,
    seed: int,
    benign: bool = True,
) -> list[str]:
    """Writes a plan's clips below `root`, each whole or not at all.

    Args:
        plan: what is made.
        material: the subject's portrait, or film window.
        donor: another person, for forgeries of two.
        root: the benchmark's folder.
        num_frames: of a clip.
        model: the autoencoder, for validation.
        seed: of all that is random, with the plan's name.
        benign: whether genuine differences within a picture are made (see `surroundings`).

    Returns:
        The ways of the clips' forgeries, `genuine` first.
    """
    rng = np.random.default_rng([seed, *digest(plan.stem)])
    ways = plan.ways
    if not ways:
        names, shares = training_ways()
        ways = (names[rng.choice(len(names), p=shares)],)
    training = plan.encoding is None
    key = int(rng.integers(2**62))
    motion: Motion | None
    if isinstance(material, Portrait):
        versions, motion = _of_still(
            material, donor, ways, num_frames, model, rng, training, benign
        )
    else:
        versions, motion = _of_film(material, donor, ways, model, rng, training, benign)
    size = material.face.size if isinstance(material, Portrait) else material.faces[0].size
    chain = draw_transport(rng, size) if plan.encoding is None else (plan.encoding,)
    optics = _optics(rng, size) if training else Degradation(())
    for way, pictures in versions.items():
        video = video_of(plan, None if way == GENUINE else way)
        path = root / video.path
        path.parent.mkdir(parents=True, exist_ok=True)
        again = np.random.default_rng(key)
        frames = _taken(pictures, motion, optics, again)
        transport(path, frames, FPS, chain)
    return list(versions)


def _of_still(
    portrait: Portrait,
    donor: Portrait,
    ways: tuple[str, ...],
    num_frames: int,
    model: Autoencoder | None,
    rng: np.random.Generator,
    training: bool,
    benign: bool,
) -> tuple[dict[str, list[Uint8]], Motion]:
    image, face = portrait.image, portrait.face
    if rng.random() < REBACKED:
        image = rebacked(image, rng)
    image, face = jitter(image, face, rng)
    picture = FacePicture(image, face.landmarks_xy, face.box_xyxy)
    if benign:
        picture = replace(picture, image=varied(picture, rng))
    other = as_picture(donor)
    whole = restyle(picture.image, picture.size, rng) if rng.random() < RESTYLED else picture.image
    versions = {GENUINE: [whole]}
    for way in ways:
        seeded = int(rng.integers(2**62))
        trembling = training and rng.random() < UNSTEADY
        faces = unsteady(picture, num_frames, rng) if trembling else [picture]
        versions[way] = [forge(way, f, other, np.random.default_rng(seeded), model) for f in faces]
    if benign:
        over = int(rng.integers(2**62))
        versions = {
            way: [covered(picture, p, np.random.default_rng(over)) for p in pictures]
            for way, pictures in versions.items()
        }
    height, width = picture.image.shape[:2]
    return versions, draw_motion(num_frames, FPS, (height, width), picture.size, rng)


def _of_film(
    window: Window,
    donor: Portrait,
    ways: tuple[str, ...],
    model: Autoencoder | None,
    rng: np.random.Generator,
    training: bool,
    benign: bool,
) -> tuple[dict[str, list[Uint8]], Motion | None]:
    """Film moves by itself. Its points are smoothed, as face swapping programs do."""
    faces = list(window.faces)
    points = np.stack([f.landmarks_xy for f in faces])
    smooth = cv2.GaussianBlur(
        points.reshape(len(faces), 10),
        (1, 0),
        sigmaX=0.01,
        sigmaY=1.5,
        borderType=cv2.BORDER_REPLICATE,
    ).reshape(points.shape)
    faces = [replace(f, landmarks_xy=p) for f, p in zip(faces, smooth, strict=True)]
    if training and rng.random() < 0.5:
        faces = [_mirrored(f) for f in faces]
    other = as_picture(donor)
    style, restyled = int(rng.integers(2**62)), rng.random() < RESTYLED
    versions = {
        GENUINE: [
            restyle(f.image, f.size, np.random.default_rng(style)) if restyled else f.image
            for f in faces
        ]
    }
    for way in ways:
        seeded = int(rng.integers(2**62))
        versions[way] = [forge(way, f, other, np.random.default_rng(seeded), model) for f in faces]
    if benign:
        over = int(rng.integers(2**62))
        versions = {
            way: [covered(faces[0], p, np.random.default_rng(over)) for p in pictures]
            for way, pictures in versions.items()
        }
    return versions, None


def _taken(
    pictures: list[Uint8], motion: Motion | None, optics: Degradation, rng: np.random.Generator
) -> Iterator[Uint8]:
    """The frames as they leave the camera: lens and picture processing, then motion and grain."""
    seen = [optics.apply(p) for p in pictures]
    if motion is None:
        yield from seen
        return
    yield from motion.frames(seen[0] if len(seen) == 1 else seen)


def _optics(rng: np.random.Generator, face_size: float) -> Degradation:
    drawn = draw(rng, face_size)
    return replace(drawn, steps=tuple(s for s in drawn.steps if s[0] in _OPTICS), scale=1.0)


def _mirrored(face: FacePicture) -> FacePicture:
    width = face.image.shape[1]
    box, points = face.box_xyxy, face.landmarks_xy
    return FacePicture(
        np.ascontiguousarray(face.image[:, ::-1]),
        np.stack([width - points[:, 0], points[:, 1]], axis=1)[[1, 0, 2, 4, 3]].astype(np.float32),
        np.array([width - box[2], box[1], width - box[0], box[3]], dtype=np.float32),
    )

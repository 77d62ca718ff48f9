"""Clips of people who were held out: made from their portraits, forged or not, encoded, scored."""

import multiprocessing
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from ...datasets.animation import animate, write_clip
from ...datasets.crops import CANONICAL_POINTS
from ...datasets.pseudo_fakes import self_blend
from ...datasets.types import Face, Float32, Float64, Uint8
from ...detectors.checkpoints import load_checkpoint
from ...detectors.pipeline import FacePipeline
from ...detectors.scores import Status
from .portraits import Portrait

FPS = 25.0
GENUINE, BLENDED, SWAPPED = "genuine", "self-blended", "swapped"


@dataclass(frozen=True)
class Condition:
    """How a clip is encoded: x264's `crf`; `scale` of its width and height."""

    crf: int
    scale: float = 1.0

    def __str__(self) -> str:
        """
        >>> str(Condition(23)), str(Condition(32, 0.5))
        ('H.264 CRF 23', 'at 0.5 of the size, H.264 CRF 32')
        """
        size = "" if self.scale == 1 else f"at {self.scale:g} of the size, "
        return f"{size}H.264 CRF {self.crf}"


@dataclass(frozen=True)
class ClipPlan:
    """One clip to make: person number `person`, `kind` of picture, and how it is encoded."""

    person: int
    kind: str
    condition: Condition


@dataclass(frozen=True)
class ClipScore:
    """A plan's video-level logit; None where `status` is not `scored`."""

    plan: ClipPlan
    status: Status
    score: float | None


def plan_clips(
    people: int, kinds: Sequence[str], conditions: Sequence[Condition]
) -> list[ClipPlan]:
    """Every person in every kind and condition."""
    return [ClipPlan(p, k, c) for p in range(people) for k in kinds for c in conditions]


def score_clips(
    plans: Sequence[ClipPlan],
    people: Sequence[Portrait],
    checkpoint: Path,
    *,
    num_frames: int,
    seed: int,
    processes: int,
) -> list[ClipScore]:
    """Makes each clip as a file and scores it from there, as any video is scored.

    Args:
        plans: the clips.
        people: their portraits, by number.
        checkpoint: of the detector.
        num_frames: of each clip; all of them are scored.
        seed: of motion and forgeries; a person moves alike in every clip.
        processes: how many work side by side; with 1 none is started.

    Returns:
        One ClipScore a plan, in their order.
    """
    jobs = [
        (plan, people[plan.person], people[(plan.person + 1) % len(people)], num_frames, seed)
        for plan in plans
    ]
    if processes == 1:
        pipeline = _pipeline(checkpoint, num_frames)
        return [_score_clip(job, pipeline) for job in jobs]
    with ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(checkpoint, num_frames),
    ) as pool:
        return list(pool.map(_work, jobs, chunksize=4))


_Job = tuple[ClipPlan, Portrait, Portrait, int, int]
_pipelines: list[FacePipeline] = []  # of this worker process


def _start_worker(checkpoint: Path, num_frames: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _pipelines.append(_pipeline(checkpoint, num_frames))


def _work(job: _Job) -> ClipScore:
    return _score_clip(job, _pipelines[0])


def _pipeline(checkpoint: Path, num_frames: int) -> FacePipeline:
    return FacePipeline(load_checkpoint(checkpoint), num_frames=num_frames, threads=1)


def _score_clip(job: _Job, pipeline: FacePipeline) -> ClipScore:
    plan, person, donor, num_frames, seed = job
    still = forged(plan.kind, person, donor, np.random.default_rng([seed, 3, plan.person]))
    if plan.condition.scale != 1:
        factor = plan.condition.scale
        still = np.asarray(
            cv2.resize(still, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        )
    frames = animate(still, num_frames, np.random.default_rng([seed, 4, plan.person]), FPS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_clip(path, frames, FPS, plan.condition.crf)
        score = pipeline.score(path)
    return ClipScore(plan, score.status, score.score)


def forged(kind: str, person: Portrait, donor: Portrait, rng: np.random.Generator) -> Uint8:
    """A person's portrait: as it is, self-blended, or with the donor's face. (H, W, 3) uint8.

    Raises ValueError for an unknown kind.
    """
    if kind == GENUINE:
        return person.image
    if kind == BLENDED:
        face = person.face
        return self_blend(person.image, face.landmarks_xy, face.box_xyxy, rng)[0]
    if kind == SWAPPED:
        return swap_face(person.image, person.face, donor.image, donor.face)
    raise ValueError(f"unknown kind of clip {kind!r}; known: {GENUINE}, {BLENDED}, {SWAPPED}")


def swap_face(image: Uint8, face: Face, donor_image: Uint8, donor: Face) -> Uint8:
    """Another person's face, laid over by the five points and cloned in by Poisson blending.

    Perez, Gangnet & Blake, "Poisson image editing", SIGGRAPH 2003. No training picture is made like
    this: source and target are two people, and the blend is in the gradients.

    Args:
        image: (H, W, 3) uint8 RGB, who loses the face.
        face: where it is.
        donor_image, donor: whose face it becomes.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = image.shape[:2]
    move = _affine(donor.landmarks_xy, face.landmarks_xy)
    warped = cv2.warpAffine(
        donor_image, move, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    oval = np.stack([0.5 + 0.33 * np.cos(turn), 0.55 + 0.37 * np.sin(turn)], axis=1)
    place = _affine(CANONICAL_POINTS.astype(np.float32), face.landmarks_xy)
    corners = np.rint(oval @ place[:, :2].T + place[:, 2]).astype(np.int32)
    corners = np.clip(corners, 2, [width - 3, height - 3])  # the clone needs a margin
    mask = np.zeros((height, width), dtype=np.uint8)
    cv2.fillPoly(mask, [corners], 255)
    x, y, w, h = cv2.boundingRect(mask)
    cloned = cv2.seamlessClone(warped, image, mask, (x + w // 2, y + h // 2), cv2.NORMAL_CLONE)
    return np.asarray(cloned, dtype=np.uint8)


def _affine(from_xy: Float32, to_xy: Float32) -> Float64:
    """(2, 3) the affine map that takes points to points, least squares."""
    known = np.concatenate([from_xy.astype(np.float64), np.ones((len(from_xy), 1))], axis=1)
    matrix, *_ = np.linalg.lstsq(known, to_xy.astype(np.float64), rcond=None)
    return np.asarray(matrix.T)

"""A case becomes two video files and the truth about them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....datasets.animation import animate
from ....datasets.decoding import VideoReader
from ....datasets.types import Int64, Uint8
from .cases import Case, Take
from .drawing import Encode
from .forging import forge, touched
from .overlay import overlays
from .picture import moves, recoloured
from .sources import Source, film_frames, follow_face, read_portrait
from .timeline import timeline
from .truth import Truth, read_truth
from .writing import write_video

REFERENCE, SUSPECT = "reference.mp4", "suspect.mp4"
_ALIKE = 0.25  # levels: frames in a row that differ by less on average can't be told apart
_STILL_EVERY = 3  # frames: how often the face of a still is looked for; its motion is slow


def make(case: Case, sources: Mapping[str, Source], folder: Path) -> Truth:
    """Writes `reference.mp4`, `suspect.mp4`, `truth.json`, `truth.npz`.

    What lies in the folder already is used if it belongs to the same case.

    Args:
        case: what to make.
        sources: by name.
        folder: of this pair alone; made if need be.
    """
    known = read_truth(folder)
    if known is not None and known.case == json.loads(json.dumps(case.to_dict())):
        return known
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "truth.json").unlink(missing_ok=True)
    master = _frames(case.reference, sources)
    encode = Encode("libx264", case.reference_crf, "medium", 250)
    seconds = np.arange(len(master)) / case.reference.fps
    write_video(folder / REFERENCE, master, seconds, encode)
    reference = _decoded(folder / REFERENCE, len(master))
    if case.kind == "derived":
        basis = master if case.from_master else reference
    else:
        basis = _frames(case.suspect, sources)
    truth = _suspect(case, sources, basis, reference, folder / SUSPECT)
    truth.write(folder)
    return truth


def _suspect(
    case: Case,
    sources: Mapping[str, Source],
    basis: Sequence[Uint8],
    reference: Sequence[Uint8],
    path: Path,
) -> Truth:
    """Alters the face, then time, colours, geometry; lays things over; encodes."""
    steps: list[tuple[str, dict[str, Any]]] = [(s.name, s.settings) for s in case.steps]
    settings = dict(steps)
    line = timeline(len(basis), case.suspect.fps, steps)
    height, width = basis[0].shape[:2]
    moved = moves(width, height, steps)
    shown = sorted(set(line.frames.tolist()))
    pictures: dict[int, Uint8] = {}
    masks: dict[str, dict[int, Uint8]] = {"blended": {}, "touched": {}}
    altered: list[Uint8] | None = None
    if case.alteration is not None:
        donor = read_portrait(sources[case.alteration.donor])
        points = _points(case.suspect, sources, basis)
        forged = forge(basis, points, donor, case.alteration)
        altered = forged.images
        for i in shown:
            alpha = forged.alphas[i]
            seen = touched(basis[i], altered[i], alpha)
            for name, mask in (("blended", alpha), ("touched", seen.astype(np.float32))):
                masks[name][i] = np.packbits(moved.mask(mask) >= 0.5)
    for i in shown:
        image = basis[i] if altered is None else altered[i]
        if "colour" in settings:
            image = recoloured(image, settings["colour"])
        pictures[i] = moved.picture(image)
    lying = []
    if "overlay" in settings:
        how = settings["overlay"]
        lying = overlays(how["kinds"], how["seed"], moved.size, line.seconds.tolist())
    images = []
    for number, frame in enumerate(line.frames.tolist()):
        image = pictures[frame]
        here = [o for o in lying if o.first <= number <= o.last]
        if here:
            image = image.copy()
            for overlay in here:
                overlay.onto(image)
        images.append(image)
    write_video(path, images, line.seconds, case.encode)
    _check_count(path, len(images))
    derived = case.kind == "derived"
    packed = {
        name: np.array([kept[i] for i in line.frames.tolist()]) if kept else None
        for name, kept in masks.items()
    }
    return Truth(
        case=case.to_dict(),
        frames=line.frames if derived else np.full(len(images), -1, dtype=np.int64),
        parts=line.parts,
        alike=_alike(reference),
        resampled=line.resampled,
        matrix=moved.matrix if derived else None,
        mirrored=moved.mirrored,
        corners_xy=moved.corners_xy if derived else None,
        size=moved.size,
        picture_xyxy=moved.picture_xyxy,
        overlays=tuple((o.kind, o.first, o.last, *o.box_xyxy) for o in lying),
        blended=packed["blended"],
        touched=packed["touched"],
    )


def _frames(take: Take, sources: Mapping[str, Source]) -> list[Uint8]:
    source = sources[take.source]
    if source.kind == "film":
        return film_frames(source, take.first, take.num_frames)
    still = read_portrait(source).image
    rng = np.random.default_rng(take.motion)
    return list(animate(still, take.num_frames, rng, take.fps))


def _points(take: Take, sources: Mapping[str, Source], frames: Sequence[Uint8]) -> Any:
    """(num_frames, 5, 2) float32: a film's are known, a still is followed as it moves."""
    source = sources[take.source]
    if source.kind == "film":
        return source.points[take.first : take.first + take.num_frames]
    return follow_face(frames, take.fps, _STILL_EVERY)


def _decoded(path: Path, expected: int) -> list[Uint8]:
    with VideoReader(path, threads=1) as reader:
        images = [frame.image for frame in reader.read(range(reader.info.num_frames))]
    if len(images) != expected:
        raise RuntimeError(f"{path}: expected {expected} frames, got {len(images)}")
    return images


def _check_count(path: Path, expected: int) -> None:
    with VideoReader(path, threads=1) as reader:
        if reader.info.num_frames != expected:
            raise RuntimeError(f"{path}: expected {expected} frames, got {reader.info.num_frames}")


def _alike(frames: Sequence[Uint8]) -> Int64:
    """(n,) int64: rises by one wherever a frame can be told from the one before it."""
    out = np.zeros(len(frames), dtype=np.int64)
    for i in range(1, len(frames)):
        apart = np.abs(frames[i].astype(np.int16) - frames[i - 1].astype(np.int16))
        out[i] = out[i - 1] + (float(apart.mean()) >= _ALIKE)
    return out

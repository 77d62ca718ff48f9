"""The second pass: every aligned pair on the canvas, cell by cell, and the imitation likewise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...datasets.faces import FaceDetector
from ...datasets.types import Float32, Float64, Frame, Uint8
from .canvas import READ_SIDE, Canvas, apart, texture
from .faces import FaceWatch, Person, match_people
from .imitation import FRAMES, Imitation
from .null_model import FLOOR, POOL, NullTable, curve, learn, log_difference, pooled
from .photometry import Colours, fit_colours
from .reading import frames_in_order, paired_frames
from .scanning import Scan
from .showing import laid
from .spool import Spool
from .types import EncoderSettings, NullPoint

COLOUR_PAIRS = 6
FACES_PER_SECOND = 8.0
SAME_SHOT = 3  # frames of the reference: motion is told between pictures no further apart

Pairs = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Null:
    """The null model before the suspect is held against it. `held_out`: cells' scores that the
    table was not made from, (n,)."""

    table: NullTable
    settings: EncoderSettings
    points: tuple[NullPoint, ...]
    held_out: Float32
    known_codec: bool


@dataclass(frozen=True)
class Cells:
    """Every pair's cells, before the null model is known. `logs`: (pairs, rows, columns) float16 log
    difference; `textures`, `motions`: float16 levels, of the reference; all on disk. `places`:
    (pairs,) which of the given pairs could be read."""

    logs: NDArray[Any]
    textures: NDArray[Any]
    motions: NDArray[Any]
    places: NDArray[np.int64]
    people: tuple[Person, ...]

    def classed(self, table: NullTable) -> Measured:
        """The same with each cell's class in the null table."""
        classes = Spool(self.logs.shape[1:], np.uint8)
        for structure, motion in zip(self.textures, self.motions, strict=True):
            found = table.classes(structure.astype(np.float32), motion.astype(np.float32))
            classes.append(found.astype(np.uint8))
        return Measured(self.logs, classes.array(), self.places, self.people)


@dataclass(frozen=True)
class Measured:
    """Every pair's cells. `logs`, `classes`: (pairs, rows, columns) log difference float16 and class
    uint8, on disk. `places`: (pairs,) which of the given pairs could be read."""

    logs: NDArray[Any]
    classes: NDArray[Any]
    places: NDArray[np.int64]
    people: tuple[Person, ...]

    def pooled(self, k: int) -> Float32:
        """(rows, columns) log differences of a pair, averaged over its neighbours; see `pooled`."""
        first, last = max(0, k - POOL // 2), min(len(self.places), k + POOL // 2 + 1)
        near: Float32 = np.asarray(self.logs[first:last], dtype=np.float32)
        return np.asarray(near.mean(axis=0), dtype=np.float32)


def colours_of(
    suspect: Scan, reference: Scan, canvas: Canvas, pairs: Pairs, seed: int = 0
) -> Colours:
    """How the reference's colours became the suspect's, from a few pairs."""
    chosen = [pairs[i] for i in np.unique(np.linspace(0, len(pairs) - 1, COLOUR_PAIRS).astype(int))]
    inside = cv2.resize(canvas.inside.astype(np.uint8), canvas.canvas) > 0
    pictures = [
        (canvas.suspect(own.image), canvas.reference(theirs.image), inside)
        for _, own, theirs in paired_frames(
            suspect.info.path, reference.info.path, chosen, READ_SIDE
        )
    ]
    return fit_colours(pictures, np.random.default_rng(seed))


class _Watch:
    """Pictures of the reference go by; each gives its cells' texture, motion and classes' inputs."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._before: tuple[int, Uint8] | None = None

    def see(self, number: int, laid_picture: Uint8) -> tuple[Float32, Float32]:
        """(rows, columns) texture and motion, levels; motion is 0 at the beginning and at cuts."""
        motion = np.zeros(self._canvas.grid[::-1], dtype=np.float32)
        if self._before is not None and 0 < abs(number - self._before[0]) <= SAME_SHOT:
            motion = self._canvas.local(apart(laid_picture, self._before[1]))
        if self._before is None or number != self._before[0]:
            self._before = (number, laid_picture)
        return texture(laid_picture, self._canvas), motion


def null_of(suspect: Scan, reference: Scan, canvas: Canvas, colours: Colours, pairs: Pairs) -> Null:
    """Encodes a run of aligned pictures as the suspect was, and learns what that changes."""
    run = from_keyframe(longest_run(pairs), suspect)[:FRAMES]
    # pairs carry frame numbers; the suspect's scan knows frames by their place
    places = np.searchsorted(suspect.frames, [s for s, _ in run])
    size = suspect.size

    def aligned(count: int) -> Iterator[Frame]:
        for i, theirs in frames_in_order(reference.info.path, [r for _, r in run[:count]]):
            picture = colours.apply(laid(theirs.image, canvas.matrix, size))
            yield Frame(i, float(suspect.pts_seconds[places[i]]), picture)

    imitation = Imitation(aligned, suspect, places)
    cells = _Watch(canvas)
    kept: dict[int, tuple[Uint8, Float32, Float32]] = {}

    def watched() -> Iterator[Frame]:
        for frame in aligned(len(run)):
            picture = canvas.suspect(frame.image)
            kept[frame.index] = (picture, *cells.see(run[frame.index][1], picture))
            yield frame

    textures, motions, differences = [], [], []
    for frame in imitation.frames(watched()):
        picture, structure, motion = kept.pop(frame.index)
        gap = canvas.local(apart(canvas.suspect(frame.image), picture))
        textures.append(structure[canvas.inside])
        motions.append(motion[canvas.inside])
        differences.append(gap[canvas.inside])
    t, m, d = np.stack(textures), np.stack(motions), np.stack(differences)
    logs = pooled(log_difference(d))
    table = learn(t.ravel(), m.ravel(), logs.ravel())
    # how the table does on pictures that it was not made from: learn on one half, judge the other
    half = len(t) // 2
    held = np.zeros(0, dtype=np.float32)
    if half >= 4:
        other = learn(t[:half].ravel(), m[:half].ravel(), logs[:half].ravel())
        there = other.classes(t[half:].ravel(), m[half:].ravel())
        held = other.z(logs[half:].ravel(), there)
    return Null(table, imitation.settings, curve(t.ravel(), d.ravel()), held, imitation.known)


def from_keyframe(run: list[tuple[int, int]], suspect: Scan) -> list[tuple[int, int]]:
    """The run from its first key frame of the suspect on, if enough is left."""
    for i, (frame, _) in enumerate(run):
        if suspect.keyframes[frame]:
            return run[i:] if len(run) - i >= min(len(run), FRAMES) // 2 else run
    return run


def longest_run(pairs: Pairs) -> list[tuple[int, int]]:
    """The longest run of the pairs in which the suspect's frames follow each other."""
    best, start = (0, 1), 0
    for i in range(1, len(pairs) + 1):
        if i == len(pairs) or pairs[i][0] - pairs[i - 1][0] > 2 * SAME_SHOT:
            if i - start > best[1] - best[0]:
                best = (start, i)
            start = i
    return list(pairs[best[0] : best[1]])


def measure(
    suspect: Scan,
    reference: Scan,
    canvas: Canvas,
    colours: Colours,
    pairs: Pairs,
    detector: FaceDetector,
) -> Cells:
    """Reads every pair once: its cells, and the faces in both."""
    shape = canvas.grid[::-1]
    logs, textures, motions = (Spool(shape, np.float16) for _ in range(3))
    own_faces = FaceWatch(detector, suspect.size, np.eye(2, 3))
    their_faces = FaceWatch(detector, reference.size, canvas.matrix)
    cells = _Watch(canvas)
    places: list[int] = []
    looked = -1e9
    for place, own, theirs in paired_frames(
        suspect.info.path, reference.info.path, pairs, READ_SIDE
    ):
        picture = colours.apply(canvas.reference(theirs.image))
        structure, motion = cells.see(theirs.index, picture)
        gap = canvas.local(apart(canvas.suspect(own.image), picture))
        logs.append(log_difference(gap).astype(np.float16))
        textures.append(structure.astype(np.float16))
        motions.append(motion.astype(np.float16))
        if own.pts_seconds - looked >= 1 / FACES_PER_SECOND - 1e-6:
            looked = own.pts_seconds
            own_faces.see(place, own.pts_seconds, own.image)
            their_faces.see(place, own.pts_seconds, theirs.image)
        places.append(place)
    return Cells(
        logs.array(),
        textures.array(),
        motions.array(),
        np.array(places, dtype=np.int64),
        match_people(own_faces.courses(), their_faces.courses()),
    )


def levels_of(logs: Float32) -> Float64:
    """Differences in levels again."""
    return np.asarray(np.exp(logs.astype(np.float64)) - FLOOR)

"""People in both videos, pair by pair, on the suspect's canvas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...datasets.colour import shrunk_size
from ...datasets.faces import FaceDetector
from ...datasets.faces.tracking import FaceTracker
from ...datasets.pseudo_fakes import face_outline
from ...datasets.types import Face, Float32, Float64, Frame, Int64, Uint8
from .canvas import READ_SIDE, scale_matrix

MIN_FACE = 24  # pixels of the pictures as read
SEARCH_EVERY = 32  # pictures after which the whole picture is searched again
LEAST_SEEN = 3  # pictures: a face seen in fewer is passed over
BRIDGED = 12  # pairs: a shorter gap between two sightings is filled in
SAME_PERSON = 0.25  # overlap (IoU) from which a face of both videos is one person's
_MIRRORED_POINTS = [1, 0, 2, 4, 3]


@dataclass(frozen=True)
class FaceCourse:
    """One face over the pairs in which it was seen, in suspect pixels.

    `places`: (n,) pairs, rising. `boxes_xyxy`: (n, 4). `landmarks_xy`: (n, 5, 2). `seen`: (n,)
    bool, whether it was looked at there (else it is filled in between two sightings).
    """

    places: Int64
    boxes_xyxy: Float64
    landmarks_xy: Float64
    seen: np.ndarray

    def at(self, place: int) -> int | None:
        """The row of a pair; None where the face is not there."""
        k = int(np.searchsorted(self.places, place))
        return k if k < len(self.places) and self.places[k] == place else None


@dataclass(frozen=True)
class Person:
    """One person, from 1. `suspect`, `reference`: their face in each video; None if unseen."""

    number: int
    suspect: FaceCourse | None
    reference: FaceCourse | None

    @property
    def best(self) -> FaceCourse:
        """The reference's face, or the suspect's where the reference shows none."""
        course = self.reference or self.suspect
        assert course is not None
        return course

    def outline(self, place: int) -> Float64 | None:
        """(n, 2) the inner face of a pair, suspect pixels."""
        course = self.best
        k = course.at(place)
        if k is None:
            return None
        return face_outline("inner", course.landmarks_xy[k].astype(np.float32))

    def box(self, place: int) -> Float64 | None:
        """(4,) around the faces of both videos in a pair, suspect pixels."""
        boxes = []
        for course in (self.suspect, self.reference):
            k = course.at(place) if course else None
            if course is not None and k is not None:
                boxes.append(course.boxes_xyxy[k])
        if not boxes:
            return None
        stacked = np.stack(boxes)
        return np.concatenate([stacked[:, :2].min(axis=0), stacked[:, 2:].max(axis=0)])


class FaceWatch:
    """Follows the faces of one of the two videos, picture by picture.

    `onto`: (2, 3) from the video's full pixels to the suspect's; `size`: its full width, height.
    """

    def __init__(self, detector: FaceDetector, size: tuple[int, int], onto: Float64) -> None:
        self._tracker = FaceTracker(detector, min_face_size=MIN_FACE, redetect_every=SEARCH_EVERY)
        self._to_full = np.linalg.inv(scale_matrix(size, shrunk_size(*size, READ_SIDE)))
        self._onto = onto
        self._sightings: dict[int, list[tuple[int, Face]]] = {}

    def see(self, place: int, seconds: float, image: Uint8) -> None:
        """The next picture, as read."""
        for track, face in self._tracker.update(Frame(place, seconds, image)):
            self._sightings.setdefault(track, []).append((place, face))

    def courses(self) -> list[FaceCourse]:
        """Everybody seen often enough, the largest first."""
        out = [self._course(s) for s in self._sightings.values() if len(s) >= LEAST_SEEN]
        return sorted(out, key=lambda c: -float(np.median(_sides(c.boxes_xyxy)) * len(c.places)))

    def _course(self, sightings: list[tuple[int, Face]]) -> FaceCourse:
        places = np.array([p for p, _ in sightings])
        map_ = (np.vstack([self._onto, [0, 0, 1]]) @ self._to_full)[:2]
        points = np.array([f.landmarks_xy for _, f in sightings], dtype=np.float64)
        boxes = np.array([f.box_xyxy for _, f in sightings], dtype=np.float64)
        points = points @ map_[:, :2].T + map_[:, 2]
        ends = boxes.reshape(-1, 2, 2) @ map_[:, :2].T + map_[:, 2]
        boxes = np.concatenate([ends.min(axis=1), ends.max(axis=1)], axis=1)
        if np.linalg.det(map_[:, :2]) < 0:
            points = points[:, _MIRRORED_POINTS]
        return _filled(places, boxes, points)


def _filled(places: Int64, boxes: Float64, points: Float64) -> FaceCourse:
    """With short gaps between sightings filled in by straight lines."""
    rows: list[tuple[int, Float64, Float64, bool]] = []
    for i, place in enumerate(places):
        if i and 1 < place - places[i - 1] <= BRIDGED:
            for between in range(int(places[i - 1]) + 1, int(place)):
                share = (between - places[i - 1]) / (place - places[i - 1])
                rows.append(
                    (
                        between,
                        boxes[i - 1] * (1 - share) + boxes[i] * share,
                        points[i - 1] * (1 - share) + points[i] * share,
                        False,
                    )
                )
        rows.append((int(place), boxes[i], points[i], True))
    return FaceCourse(
        places=np.array([r[0] for r in rows]),
        boxes_xyxy=np.array([r[1] for r in rows]),
        landmarks_xy=np.array([r[2] for r in rows]),
        seen=np.array([r[3] for r in rows]),
    )


def match_people(suspect: list[FaceCourse], reference: list[FaceCourse]) -> tuple[Person, ...]:
    """Faces of both videos that lie on each other are one person's."""
    left = list(suspect)
    people: list[tuple[FaceCourse | None, FaceCourse | None]] = []
    for theirs in reference:
        likeness = [_overlap(own, theirs) for own in left]
        if likeness and max(likeness) >= SAME_PERSON:
            people.append((left.pop(int(np.argmax(likeness))), theirs))
        else:
            people.append((None, theirs))
    people += [(own, None) for own in left]
    return tuple(Person(i, own, theirs) for i, (own, theirs) in enumerate(people, 1))


def _overlap(first: FaceCourse, second: FaceCourse) -> float:
    """Median IoU of the boxes where both are; 0 if they are never together."""
    shared, i, j = np.intersect1d(first.places, second.places, return_indices=True)
    if not len(shared):
        return 0.0
    a, b = first.boxes_xyxy[i], second.boxes_xyxy[j]
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    inner = np.prod(np.maximum(high - low, 0), axis=1)
    union = _areas(a) + _areas(b) - inner
    return float(np.median(inner / np.maximum(union, 1e-9)))


def _areas(boxes: Float64) -> Float64:
    return np.asarray(np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1))


def _sides(boxes: Float64) -> Float64:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).max(axis=1))


def face_size(course: FaceCourse) -> float:
    """The median of the boxes' longer sides, suspect pixels."""
    return float(np.median(_sides(course.boxes_xyxy)))


def points_of(course: FaceCourse) -> Float32:
    """(n, 2) the middles of the five points."""
    return np.asarray(course.landmarks_xy.mean(axis=1), dtype=np.float32)

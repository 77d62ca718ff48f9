"""Following people through sampled frames: detect on few, follow in between, tie across gaps.

Between two frames at most `max_follow_seconds` apart a face is followed by the detector's `refine`
alone. The whole frame is searched again when a followed face's confidence falls, when two followed
faces become one, at a shot change, after `redetect_every` frames, and whenever the frames lie
further apart. Faces that the search finds are tied to the people known so far by place and looks;
one that can't be tied is a new person. A person who is not found has no face in that frame.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from ..types import Face, FaceTrack, Float32, Frame, Uint8
from . import FaceDetector, boxes_of
from .appearance import CLOSE, TIED, Appearance, appearance
from .boxes import iou_matrix

FOLLOWED_CONFIDENCE = 0.9  # a followed face below this has the frame searched again
NEW_CONFIDENCE = 0.95  # a face that starts a new track, as seen at full resolution
SHOT_CHANGE = 28.0  # mean difference of two frames' thumbnails, grey levels of 255
COARSE_SHARE = 1 / 24  # of the frame's longer side: the smallest face of an ordinary search
REACH = 1.2  # face sizes: how far a face may have moved between frames of one shot, per 0.5 s
SAME_FACE_IOU = 0.5
LOOKS_KEPT = 3


@dataclass
class _Person:
    """One track in the making."""

    track_id: int
    last: Face
    last_seconds: float
    shot: int
    velocity_xy: Float32 = field(default_factory=lambda: np.zeros(2, dtype=np.float32))
    looks: list[Appearance] = field(default_factory=list)
    sightings: list[tuple[int, float, Face]] = field(default_factory=list)

    def expected_box(self, seconds: float) -> Float32:
        """Where the face should be by now, at the speed that it had (for half a second at most)."""
        elapsed = min(seconds - self.last_seconds, 0.5)
        return self.last.box_xyxy + np.tile(self.velocity_xy * np.float32(elapsed), 2)

    def likeness(self, look: Appearance) -> float:
        return max(own.likeness(look) for own in self.looks)

    def see(self, frame: Frame, face: Face, shot: int) -> None:
        elapsed = frame.pts_seconds - self.last_seconds
        if self.sightings and shot == self.shot and 0 < elapsed <= 1:
            moved = _centre(face) - _centre(self.last)
            self.velocity_xy = np.asarray(moved / np.float32(elapsed), dtype=np.float32)
        else:
            self.velocity_xy = np.zeros(2, dtype=np.float32)
        self.last, self.last_seconds, self.shot = face, frame.pts_seconds, shot
        self.sightings.append((frame.index, frame.pts_seconds, face))


class FaceTracker:
    """Feed it frames in order; it tells who is where.

    Args:
        detector: finds and follows faces.
        min_face_size: the smallest face that is looked for when the whole frame is searched
            thoroughly (until somebody is found, and wherever an ordinary search finds nobody),
            pixels. An ordinary search stops at COARSE_SHARE of the picture's longer side, or at
            70 % of the smallest face known in this shot.
        max_follow_seconds: frames further apart are always searched.
        redetect_every: frames after which the whole frame is searched again in any case.
    """

    def __init__(
        self,
        detector: FaceDetector,
        *,
        min_face_size: float = 32,
        max_follow_seconds: float = 1.0,
        redetect_every: int = 8,
    ) -> None:
        self.detector = detector
        self.min_face_size = min_face_size
        self.max_follow_seconds = max_follow_seconds
        self.redetect_every = redetect_every
        self.people: list[_Person] = []
        self.searches = 0
        self._shot = 0
        self._since_search = 0
        self._thumbnail: Uint8 | None = None
        self._index = -1
        self._seconds = 0.0

    def update(self, frame: Frame) -> list[tuple[int, Face]]:
        """The people in the next frame, as (track_id, face). Frames come in rising order."""
        cut = self._shot_changed(frame.image)
        elapsed = frame.pts_seconds - self._seconds
        here = [p for p in self.people if p.sightings[-1][0] == self._index]
        followable = not cut and elapsed <= self.max_follow_seconds
        followed = self._follow(frame, here) if followable else {}
        self._index, self._seconds = frame.index, frame.pts_seconds
        self._since_search += 1
        due = self._since_search >= self.redetect_every
        if due or not here or len(followed) < len(here):
            followed = self._search(frame, followed)
        for person in self.people:
            if person.track_id in followed:
                person.see(frame, followed[person.track_id], self._shot)
        return sorted(followed.items(), key=lambda item: item[0])

    def tracks(self) -> list[FaceTrack]:
        """Everybody seen so far, in the order of their first appearance."""
        out = []
        for person in self.people:
            index, seconds, faces = zip(*person.sightings, strict=True)
            out.append(
                FaceTrack(
                    track_id=person.track_id,
                    frame_index=np.array(index, dtype=np.int64),
                    pts_seconds=np.array(seconds, dtype=np.float64),
                    boxes_xyxy=boxes_of(faces),
                    landmarks_xy=np.array([f.landmarks_xy for f in faces], dtype=np.float32),
                    confidence=np.array([f.confidence for f in faces], dtype=np.float32),
                )
            )
        return out

    def _shot_changed(self, image: Uint8) -> bool:
        step = max(1, max(image.shape[:2]) // 256)
        thumbnail = cv2.resize(image[::step, ::step], (32, 18), interpolation=cv2.INTER_AREA)
        before, self._thumbnail = self._thumbnail, thumbnail
        if before is None:
            return False
        changed = float(cv2.absdiff(before, thumbnail).mean()) > SHOT_CHANGE
        self._shot += changed
        return changed

    def _follow(self, frame: Frame, here: list[_Person]) -> dict[int, Face]:
        """The faces of the frame before, found again near where they were; the sure ones alone."""
        if not here:
            return {}
        boxes = np.array([p.expected_box(frame.pts_seconds) for p in here], dtype=np.float32)
        faces = self.detector.refine(frame.image, boxes)
        faces = [
            self._look_around(frame.image, box) if face.confidence < FOLLOWED_CONFIDENCE else face
            for face, box in zip(faces, boxes, strict=True)
        ]
        sure = [
            face.confidence >= FOLLOWED_CONFIDENCE and 0.5 < face.size / person.last.size < 2
            for face, person in zip(faces, here, strict=True)
        ]
        overlap = iou_matrix(boxes_of(faces), boxes_of(faces)) > SAME_FACE_IOU
        np.fill_diagonal(overlap, False)
        alone = ~(overlap & np.array(sure)[None]).any(axis=1)  # two who became one: search instead
        return {
            p.track_id: face
            for p, face, ok in zip(here, faces, np.array(sure) & alone, strict=True)
            if ok
        }

    def _look_around(self, image: Uint8, box: Float32) -> Face:
        """The surest face near a box: a third of its side to each direction, larger and smaller."""
        side = float(max(box[2] - box[0], box[3] - box[1]))
        centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
        places = [(dx, dy, 1.0) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy]
        boxes = []
        for dx, dy, scale in [*places, (0, 0, 1.3), (0, 0, 0.77)]:
            middle = centre + np.array([dx, dy]) * side / 3
            boxes.append(np.concatenate([middle - half * scale, middle + half * scale]))
        best = max(
            self.detector.refine(image, np.array(boxes, dtype=np.float32)),
            key=lambda f: f.confidence,
        )
        return self.detector.refine(image, best.box_xyxy[None])[0]

    def _search(self, frame: Frame, followed: dict[int, Face]) -> dict[int, Face]:
        """Searches the whole frame, and ties what it finds to the people known so far."""
        self.searches += 1
        self._since_search = 0
        found = self._detect(frame.image, thorough=not self.people)
        looks = [appearance(frame.image, f) for f in found]
        pairs = []
        for person in self.people:
            for i, (face, look) in enumerate(zip(found, looks, strict=True)):
                likeness = person.likeness(look)
                if self._may_be(person, frame, face, likeness, followed.get(person.track_id)):
                    distance = self._distance(person, frame, face)
                    pairs.append((likeness - 0.3 * min(distance, 2), person, i))
        pairs.sort(key=lambda pair: -pair[0])
        out: dict[int, Face] = {}
        taken: set[int] = set()
        for _, person, i in pairs:
            if person.track_id not in out and i not in taken:
                out[person.track_id] = found[i]
                taken.add(i)
                person.looks = [*person.looks, looks[i]][-LOOKS_KEPT:]
        for track_id, face in followed.items():  # a search may miss what following still holds
            others = boxes_of([*out.values(), *found])
            if track_id not in out and (iou_matrix(face.box_xyxy[None], others) < 0.3).all():
                out[track_id] = face
        for i, (face, look) in enumerate(zip(found, looks, strict=True)):
            known = iou_matrix(face.box_xyxy[None], boxes_of(list(out.values())))
            new = i not in taken and face.confidence >= NEW_CONFIDENCE
            if new and (known < SAME_FACE_IOU).all():
                person = _Person(
                    len(self.people), face, frame.pts_seconds, self._shot, looks=[look]
                )
                self.people.append(person)
                out[person.track_id] = face
        return out

    def _detect(self, image: Uint8, *, thorough: bool) -> list[Face]:
        """All faces, boxes and points refined at full resolution."""
        known = [p.last.size for p in self.people if p.shot == self._shot]
        coarse = min([max(image.shape[:2]) * COARSE_SHARE, *(0.7 * size for size in known)])
        sizes = [self.min_face_size] if thorough else [max(coarse, self.min_face_size)]
        if sizes[0] > self.min_face_size:
            sizes.append(self.min_face_size)
        for size in sizes:
            faces = self.detector.detect(image, size)
            if faces:
                refined = self.detector.refine(image, boxes_of(faces))
                return [
                    new if new.confidence >= FOLLOWED_CONFIDENCE else old
                    for new, old in zip(refined, faces, strict=True)
                ]
        return []

    def _distance(self, person: _Person, frame: Frame, face: Face) -> float:
        """From where the person should be, in face sizes."""
        box = person.expected_box(frame.pts_seconds)
        offset = _centre(face) - (box[:2] + box[2:]) / 2
        return float(np.hypot(*offset)) / max(person.last.size, 1.0)

    def _may_be(
        self, person: _Person, frame: Frame, face: Face, likeness: float, held: Face | None
    ) -> bool:
        """Whether a face that was found can be this person."""
        if likeness >= TIED and self._shot != person.shot:
            return True
        if self._shot != person.shot:
            return False
        if held is not None:
            shared = iou_matrix(held.box_xyxy[None], face.box_xyxy[None])[0, 0]
            if shared > SAME_FACE_IOU:
                return True
        if not 0.5 < face.size / max(person.last.size, 1.0) < 2:
            return False
        if likeness >= TIED:
            return True
        elapsed = frame.pts_seconds - person.last_seconds
        near = self._distance(person, frame, face) <= REACH * max(elapsed, 0.1) / 0.5
        if elapsed <= self.max_follow_seconds:
            return near and likeness >= CLOSE - 0.15
        overlap = iou_matrix(person.last.box_xyxy[None], face.box_xyxy[None])[0, 0]
        return bool(overlap > 0.2) and likeness >= CLOSE - 0.08


def _centre(face: Face) -> Float32:
    return np.asarray((face.box_xyxy[:2] + face.box_xyxy[2:]) / 2, dtype=np.float32)

"""Following people: through motion, crossings, gaps and shot changes."""

import numpy as np
import pytest
from face_clips import another, background, head, moving_head, paste

from unswap.datasets.faces import create_face_detector
from unswap.datasets.faces.boxes import iou_matrix
from unswap.datasets.faces.tracking import FaceTracker
from unswap.datasets.types import Frame


@pytest.fixture(scope="module")
def detector():
    return create_face_detector("mtcnn")


class Counting:
    """Passes everything on, and counts the searches of whole frames."""

    def __init__(self, detector):
        self.inner, self.searched = detector, 0

    def detect(self, image, min_face_size):
        self.searched += 1
        return self.inner.detect(image, min_face_size)

    def refine(self, image, boxes_xyxy):
        return self.inner.refine(image, boxes_xyxy)


def track(detector, images, seconds_apart=0.2, **options):
    tracker = FaceTracker(detector, **options)
    seen = [tracker.update(Frame(i, i * seconds_apart, image)) for i, image in enumerate(images)]
    return tracker, seen


def test_one_person_who_moves_is_one_track_in_every_frame_at_the_detectors_boxes(detector):
    images = list(moving_head(24))
    tracker, seen = track(detector, images)
    (only,) = tracker.tracks()
    assert only.frame_index.tolist() == list(range(24))
    for image, ((_, face),) in zip(images, seen, strict=True):
        best = detector.detect(image, 20)[0]
        assert iou_matrix(face.box_xyxy[None], best.box_xyxy[None])[0, 0] > 0.7


def test_frames_close_together_are_followed_not_searched(detector):
    counting = Counting(detector)
    track(counting, moving_head(24), redetect_every=8)
    assert counting.searched == 3


def test_frames_far_apart_are_always_searched(detector):
    counting = Counting(detector)
    tracker, _ = track(counting, moving_head(6), seconds_apart=1.5)
    assert counting.searched >= 6
    assert [len(t) for t in tracker.tracks()] == [6]


def crossing():
    """Two people walk through each other, the second one in front."""
    canvas = background(640, 240)
    for i in range(25):
        x = round(420 * i / 24)
        scene = paste(canvas, head(200), x, 20)
        yield paste(scene, another(head(200)), 420 - x, 20)


def test_two_people_keep_their_tracks_through_a_crossing(detector):
    tracker, _ = track(detector, crossing(), seconds_apart=0.1)
    tracks = tracker.tracks()
    assert len(tracks) == 2
    centres = [t.boxes_xyxy[:, ::2].mean(axis=1) for t in tracks]
    rising = sorted(centres, key=lambda c: c[-1] - c[0])
    assert rising[0][0] - rising[0][-1] > 350  # walks left the whole way
    assert rising[1][-1] - rising[1][0] > 350  # walks right the whole way


def test_a_gap_stays_a_gap_and_the_same_face_in_the_same_place_is_tied(detector):
    present = list(moving_head(8))
    empty = [background(320, 240)] * 4
    tracker, seen = track(detector, [*present, *empty, *[present[-1]] * 5])
    assert [len(people) for people in seen] == [1] * 8 + [0] * 4 + [1] * 5
    assert [len(t) for t in tracker.tracks()] == [13]


def test_someone_else_after_a_gap_is_a_new_track(detector):
    canvas = background(320, 240)
    first, second = paste(canvas, head(160), 20, 40), paste(canvas, another(head(160)), 140, 40)
    tracker, _ = track(detector, [first] * 4 + [canvas] * 2 + [second] * 4)
    assert [len(t) for t in tracker.tracks()] == [4, 4]


def test_a_shot_change_to_another_person_starts_a_new_track(detector):
    bright = np.full((240, 320, 3), 230, dtype=np.uint8)
    first = paste(background(320, 240) // 3, head(160), 80, 40)
    second = paste(bright, another(head(160)), 80, 40)
    tracker, seen = track(detector, [first] * 4 + [second] * 4)
    assert [len(people) for people in seen] == [1] * 8
    assert [len(t) for t in tracker.tracks()] == [4, 4]


def test_no_face_gives_no_track(detector):
    tracker, seen = track(detector, [background(320, 240)] * 3)
    assert tracker.tracks() == []
    assert seen == [[], [], []]


def test_twenty_people(detector):
    canvas = background(1280, 720)
    for k in range(20):
        picture = head(128) if k % 2 else another(head(128))
        canvas = paste(canvas, picture, 250 * (k % 5) + 40, 170 * (k // 5) + 20)
    tracker, seen = track(detector, [canvas] * 4)
    assert [len(people) for people in seen] == [20] * 4
    assert [len(t) for t in tracker.tracks()] == [4] * 20

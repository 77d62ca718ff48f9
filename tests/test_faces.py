"""Face detectors: one conformance suite over everything registered, and MTCNN's own behaviour."""

import cv2
import numpy as np
import pytest
from face_clips import another, background, head, paste, portrait

from unswap.datasets.faces import boxes_of, create_face_detector, face_detectors
from unswap.datasets.faces.boxes import iou_matrix, non_maximum_suppression, without_contained

create_face_detector()  # importing them registers them


@pytest.fixture(scope="module", params=face_detectors.names())
def detector(request):
    return create_face_detector(request.param)


def sure(faces):
    return [f for f in faces if f.confidence > 0.9]


def test_finds_the_face_where_it_is(detector):
    (face,) = sure(detector.detect(portrait(), 40))
    x1, y1, x2, y2 = face.box_xyxy
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks_xy
    assert x1 < left_eye[0] < nose[0] < right_eye[0] < x2
    assert y1 < left_eye[1] < nose[1] < left_mouth[1] < y2
    assert left_mouth[0] < right_mouth[0]
    assert 0.5 < face.confidence <= 1
    # where a person sees the eyes, to within 3 px
    assert np.abs(left_eye - [203, 100.5]).max() < 3
    assert np.abs(right_eye - [246.5, 103]).max() < 3


def test_finds_nothing_where_nothing_is(detector):
    assert detector.detect(background(320, 240), 30) == []
    assert detector.detect(np.zeros((240, 320, 3), dtype=np.uint8), 30) == []


@pytest.mark.parametrize("shape", [(1, 1), (5, 400), (400, 5), (19, 19)])
def test_pictures_smaller_than_a_face_are_no_error(detector, shape):
    assert detector.detect(np.zeros((*shape, 3), dtype=np.uint8), 20) == []


def test_refine_gives_one_face_for_each_box_also_for_none(detector):
    assert detector.refine(portrait(), np.zeros((0, 4), dtype=np.float32)) == []
    boxes = np.float32([[172, 63, 276, 199], [400, 400, 440, 440], [-500, -500, -400, -400]])
    faces = detector.refine(portrait(), boxes)
    assert len(faces) == 3
    assert faces[0].confidence > 0.9
    assert faces[1].confidence < 0.5
    assert faces[2].confidence < 0.5


def test_refine_follows_a_face_that_moved_a_quarter_of_its_size(detector):
    (true,) = sure(detector.detect(portrait(), 40))
    away = true.box_xyxy + np.float32([0.2, 0.1, 0.2, 0.1]) * true.size
    (found,) = detector.refine(portrait(), away[None])
    before = iou_matrix(away[None], true.box_xyxy[None])[0, 0]
    assert iou_matrix(found.box_xyxy[None], true.box_xyxy[None])[0, 0] > before + 0.2


def test_several_people_each_once(detector):
    canvas = background(640, 240)
    canvas = paste(canvas, head(200), 20, 20)
    canvas = paste(canvas, another(head(200)), 400, 20)
    faces = sure(detector.detect(canvas, 40))
    assert len(faces) == 2
    assert iou_matrix(boxes_of(faces), boxes_of(faces))[0, 1] == 0


@pytest.mark.parametrize("face_size", [32, 48, 96, 300])
def test_finds_faces_of_the_size_asked_for_in_4k(detector, face_size):
    canvas = background(3840, 2160)
    picture = cv2.resize(portrait()[10:266, 90:346], None, fx=face_size / 130, fy=face_size / 130)
    faces = sure(detector.detect(paste(canvas, picture, 2900, 1300), face_size * 0.8))
    assert len(faces) == 1
    assert face_size * 0.7 < faces[0].size < face_size * 1.4


def test_the_same_picture_gives_the_same_faces(detector):
    first, second = (detector.detect(portrait(), 40) for _ in range(2))
    np.testing.assert_array_equal(boxes_of(first), boxes_of(second))


def test_an_unknown_detector_lists_the_known_ones():
    with pytest.raises(KeyError, match="did you mean 'mtcnn'"):
        create_face_detector("mtcn")


def test_mtcnn_agrees_with_the_package_it_takes_its_weights_from():
    from facenet_pytorch import MTCNN

    for picture in (portrait(), paste(background(640, 360), head(200), 300, 90)):
        theirs, _ = MTCNN(keep_all=True, min_face_size=20).detect(picture)
        ours = create_face_detector("mtcnn").detect(picture, 20)
        best = iou_matrix(np.float32(theirs), boxes_of(ours)).max(axis=1)
        assert best[0] > 0.85


def test_min_face_size_must_be_a_size():
    with pytest.raises(ValueError, match="got 0"):
        create_face_detector("mtcnn").detect(portrait(), 0)


def test_suppression_keeps_the_most_confident_of_each_pile():
    boxes = np.float32([[0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10], [2, 2, 6, 6]])
    confidence = np.float32([0.8, 0.9, 0.5, 0.7])
    assert non_maximum_suppression(boxes, confidence, 0.5).tolist() == [1, 3, 2]
    assert without_contained(boxes, confidence, 0.5).tolist() == [1, 2]

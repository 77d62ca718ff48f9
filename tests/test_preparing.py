"""One video becomes wide crops: which face, which pixels, which status."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import write_video
from face_clips import another, background, head, paste, portrait
from face_clips import write_face_clip as write_clip

from unswap.datasets.crops import crop_face
from unswap.datasets.decoding import VideoReader
from unswap.datasets.faces import FaceDetector, create_face_detector
from unswap.datasets.shards.layout import PrepareSpec
from unswap.datasets.shards.preparing import PreparedVideo, masks_by_video, prepare_video
from unswap.datasets.types import CropSpec, Face, SamplingSpec


@pytest.fixture(scope="module")
def faces() -> FaceDetector:
    return create_face_detector()


def _picture(png: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB)


def _spec(**changes: object) -> PrepareSpec:
    return PrepareSpec(**{"sampling": SamplingSpec(4), **changes})  # type: ignore[arg-type]


def test_stored_crops_are_the_frames_own_pixels(face_clip: Path, faces: FaceDetector) -> None:
    made = prepare_video(str(face_clip), _spec(), faces)
    assert (made.status, made.reason) == ("prepared", None)
    assert [c.frame for c in made.crops] == [0, 13, 26, 39]
    with VideoReader(face_clip) as reader:
        frames = {f.index: f for f in reader.read([0, 13, 26, 39])}
    for crop in made.crops:
        image = _picture(crop.png)
        frame = frames[crop.frame]
        assert crop.pts_seconds == frame.pts_seconds
        assert crop.scale == 1
        x, y = crop.origin_xy
        padded = np.pad(frame.image, ((200, 200), (200, 200), (0, 0)))
        want = padded[y + 200 : y + 200 + crop.side, x + 200 : x + 200 + crop.side]
        assert np.array_equal(image, want)
        box = crop.box_xyxy + np.tile(crop.origin_xy, 2)
        assert max(box[2:] - box[:2]) == pytest.approx(crop.face_size, abs=1e-3)
        assert crop.side == pytest.approx(2 * crop.face_size, abs=1.01)
        inside = crop.landmarks_xy + crop.origin_xy
        assert (inside > box[:2] - 5).all()
        assert (inside < box[2:] + 5).all()


def test_a_detectors_crop_is_the_same_from_the_stored_crop_as_from_the_frame(
    face_clip: Path, faces: FaceDetector
) -> None:
    made = prepare_video(str(face_clip), _spec(), faces)
    with VideoReader(face_clip) as reader:
        frames = {f.index: f.image for f in reader.read([c.frame for c in made.crops])}
    for crop in made.crops:
        for spec in (CropSpec(96, 1.3), CropSpec(224, 1.8)):
            box = (crop.box_xyxy + np.tile(crop.origin_xy, 2)).astype(np.float32)
            points = (crop.landmarks_xy + crop.origin_xy).astype(np.float32)
            want = crop_face(frames[crop.frame], Face(box, points, 1.0), spec)
            stored = Face(
                crop.box_xyxy.astype(np.float32), crop.landmarks_xy.astype(np.float32), 1.0
            )
            got = crop_face(_picture(crop.png), stored, spec)
            assert np.array_equal(got, want)


def test_a_large_face_is_shrunk_to_max_size(faces: FaceDetector, tmp_path: Path) -> None:
    big = cv2.resize(portrait(), (1024, 1024), interpolation=cv2.INTER_CUBIC)
    write_video(tmp_path / "big.mp4", [big] * 4)
    made = prepare_video(str(tmp_path / "big.mp4"), _spec(max_size=256), faces)
    for crop in made.crops:
        assert crop.side == 256 == _picture(crop.png).shape[0]
        assert crop.scale == pytest.approx(256 / (2 * crop.face_size), rel=0.01)
        size = float(max(crop.box_xyxy[2:] - crop.box_xyxy[:2]))
        assert size == pytest.approx(crop.face_size * crop.scale, rel=1e-3)


def test_clips_are_neighbouring_frames(face_clip: Path, faces: FaceDetector) -> None:
    spec = _spec(sampling=SamplingSpec(2, clip_length=3, stride=2))
    made = prepare_video(str(face_clip), spec, faces)
    assert [(c.clip, c.position, c.frame) for c in made.crops] == [
        (0, 0, 0),
        (0, 1, 2),
        (0, 2, 4),
        (1, 0, 35),
        (1, 1, 37),
        (1, 2, 39),
    ]


def _two(path: Path, *, left: int = 150, right: int = 110) -> Path:
    """A larger face on the left, a smaller one of another person on the right."""
    canvas = background(420, 240)
    one = paste(canvas, head(left), 20, 30)
    both = paste(one, another(head(right)), 270, 60)
    write_video(path, [both] * 12)
    return path


def _mask(path: Path, x: int, num_frames: int = 12) -> Path:
    image = np.zeros((240, 420, 3), np.uint8)
    image[80:150, x : x + 60] = 255
    write_video(path, [image] * num_frames)
    return path


def test_largest_takes_the_largest_and_all_takes_both(faces: FaceDetector, tmp_path: Path) -> None:
    path = str(_two(tmp_path / "two.mp4"))
    largest = prepare_video(path, _spec(), faces)
    assert {c.track for c in largest.crops} == {largest.crops[0].track}
    assert all(c.origin_xy[0] + c.side / 2 < 210 for c in largest.crops)
    both = prepare_video(path, _spec(faces="all"), faces)
    assert len({c.track for c in both.crops}) == 2
    assert len(both.crops) == 8


def test_the_mask_chooses_the_face_that_was_manipulated(
    faces: FaceDetector, tmp_path: Path
) -> None:
    path = str(_two(tmp_path / "two.mp4"))
    for x, right in ((60, False), (295, True)):
        mask = str(_mask(tmp_path / f"mask{x}.mp4", x))
        made = prepare_video(path, _spec(faces="mask"), faces, mask=mask)
        assert made.status == "prepared"
        assert all((c.origin_xy[0] + c.side / 2 > 210) is right for c in made.crops)


@pytest.mark.parametrize(
    ("frames", "x", "words"),
    [(30, 60, "30 frames, the video 12"), (12, 205, "nobody's face lies where the mask")],
)
def test_a_mask_that_fits_nobody_is_said(
    faces: FaceDetector, tmp_path: Path, frames: int, x: int, words: str
) -> None:
    path = str(_two(tmp_path / "two.mp4"))
    mask = _mask(tmp_path / "mask.mp4", x, frames)
    made = prepare_video(path, _spec(faces="mask"), faces, mask=str(mask))
    assert made.status == "no_mask"
    assert words in str(made.reason)
    assert str(mask) in str(made.reason)


def test_a_mask_that_is_gone_or_damaged_is_not_the_videos_fault(
    face_clip: Path, faces: FaceDetector, tmp_path: Path
) -> None:
    mask = tmp_path / "mask.mp4"
    made = prepare_video(str(face_clip), _spec(faces="mask"), faces, mask=str(mask))
    assert made.status == "no_mask"
    assert str(face_clip) in str(made.reason)
    assert f"its mask can't be used: {mask}: " in str(made.reason)
    assert made.info is not None
    mask.write_bytes(b"no video")
    made = prepare_video(str(face_clip), _spec(faces="mask"), faces, mask=str(mask))
    assert made.status == "no_mask"


def test_a_mask_that_is_turned_is_said(faces: FaceDetector, tmp_path: Path) -> None:
    tall = np.zeros((300, 200, 3), dtype=np.uint8)
    tall[:200] = cv2.resize(portrait(), (200, 200))
    write_video(tmp_path / "tall.mp4", [tall] * 6)
    write_video(tmp_path / "mask.mp4", [np.full((200, 300, 3), 255, dtype=np.uint8)] * 6)
    path, mask = str(tmp_path / "tall.mp4"), str(tmp_path / "mask.mp4")
    made = prepare_video(path, _spec(faces="mask"), faces, mask=mask)
    assert made.status == "no_mask"
    assert "300 x 200 pixels, the video 200 x 300" in str(made.reason)


def test_genuine_videos_take_the_mask_of_their_first_fake() -> None:
    ids = ["real/1", "fake/b", "fake/a", "real/2", "fake/c"]
    originals = [None, "real/1", "real/1", None, "real/2"]
    masks = [None, "b.mp4", "a.mp4", None, None]
    chosen = list(masks_by_video(ids, originals, masks))
    assert chosen == ["a.mp4", "b.mp4", "a.mp4", None, None]


def test_failures_are_statuses(faces: FaceDetector, tmp_path: Path, face_clip: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    write_video(tmp_path / "empty.mp4", [background(320, 240)] * 5)
    write_clip(tmp_path / "tiny.mp4", 5, width=160, height=120, head_size=34)
    cases: dict[str, PreparedVideo] = {
        "unreadable": prepare_video(str(tmp_path / "bad.mp4"), _spec(), faces),
        "no_face": prepare_video(str(tmp_path / "empty.mp4"), _spec(), faces),
        "too_small": prepare_video(str(tmp_path / "tiny.mp4"), _spec(), faces),
        "no_mask": prepare_video(str(face_clip), _spec(faces="mask"), faces),
        "timeout": prepare_video(str(face_clip), _spec(), faces, time_limit_seconds=0.0),
    }
    for status, made in cases.items():
        assert made.status == status
        assert made.crops == ()
        assert ".mp4" in str(made.reason)
    gone = prepare_video(str(tmp_path / "gone.mp4"), _spec(), faces)
    assert gone.status == "unreadable"


def test_whole_takes_pictures_as_they_are(faces: FaceDetector, tmp_path: Path) -> None:
    folder = tmp_path / "crops"
    folder.mkdir()
    for i in range(3):
        picture = cv2.cvtColor(head(120 + i), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / f"{i}.png"), picture)
    made = prepare_video(str(folder), _spec(margin=1.0, faces="whole"), faces)
    assert made.status == "prepared"
    for i, crop in enumerate(made.crops):
        assert np.array_equal(_picture(crop.png), head(120 + i))


@pytest.mark.parametrize(
    "changes", [{"margin": 0.5}, {"max_size": 8}, {"faces": "biggest"}], ids=str
)
def test_a_spec_that_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        _spec(**changes)

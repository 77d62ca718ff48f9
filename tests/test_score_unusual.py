"""Videos that are unusual but good: each is scored, and what is reported of it is right."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import patch_rotation, write_video
from face_clips import another, background, head, moving_head, paste, portrait, write_face_clip

from unswap.detectors.checkpoints import load_checkpoint
from unswap.detectors.pipeline import FacePipeline
from unswap.detectors.scores import FrameScore, Status, VideoScore

Score = Callable[..., VideoScore]


@pytest.fixture(scope="module")
def pipeline(tiny_checkpoint: Path) -> FacePipeline:
    return FacePipeline(load_checkpoint(tiny_checkpoint), num_frames=4, threads=1)


def _scored(pipeline: FacePipeline, path: Path | str) -> VideoScore:
    """The score, of which everything holds that holds of any scored video."""
    score = pipeline.score(path, time_limit_seconds=120)
    assert score.status is Status.SCORED, score.reason
    assert score.score is not None
    assert np.isfinite(score.score)
    assert score.input is not None
    assert score.score == max(t.score for t in score.tracks)
    for track in score.tracks:
        for frame in track.frames:
            assert 0 <= frame.frame_index < score.input.num_frames
            assert frame.pts_seconds in score.sampled_pts_seconds
    return score


def _frames(score: VideoScore) -> tuple[FrameScore, ...]:
    """Of a video with one person."""
    (track,) = score.tracks
    return track.frames


def _near(box: tuple[float, ...], x: float, y: float, size: float) -> bool:
    """Whether a box lies around a point, and is about this high."""
    x1, y1, x2, y2 = box
    off = max(abs((x1 + x2) / 2 - x), abs((y1 + y2) / 2 - y))
    return off < 0.3 * size and 0.7 * size < y2 - y1 < 1.4 * size


# In `head(160)` the face's middle is at about (84, 76), and it is about 85 px high.
FACE_X, FACE_Y, FACE_HEIGHT = 84, 76, 85


def _still(width: int, height: int, x: int, y: int) -> np.ndarray:
    return paste(background(width, height), head(160), x, y)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_turned_or_mirrored_picture_is_seen_upright(
    pipeline: FacePipeline, tmp_path: Path, degrees: int, mirror: bool
) -> None:
    upright = _still(320, 240, 20, 40)
    coded = np.rot90(upright[:, ::-1] if mirror else upright, degrees // 90)
    path = write_video(tmp_path / "a.mp4", [np.ascontiguousarray(coded)] * 6)
    patch_rotation(path, degrees, mirror)
    score = _scored(pipeline, path)
    assert score.input is not None
    assert (score.input.width, score.input.height) == (320, 240)
    assert score.input.rotation == degrees
    assert score.input.mirrored == mirror
    assert len(_frames(score)) == 4
    for frame in _frames(score):
        assert _near(frame.box_xyxy, 20 + FACE_X, 40 + FACE_Y, FACE_HEIGHT), frame.box_xyxy


def test_variable_frame_rate_gives_each_frame_its_own_time(
    pipeline: FacePipeline, tmp_path: Path
) -> None:
    times = [0.0, 0.04, 0.3, 0.31, 1.0, 1.5, 3.25, 3.3]
    path = write_video(tmp_path / "v.mp4", moving_head(8), times=times)
    score = _scored(pipeline, path)
    assert score.input is not None
    assert score.input.num_frames == 8
    # Evenly spaced moments are 0, 1.1, 2.2 and 3.3 s; the nearest frames are these.
    assert [f.frame_index for f in _frames(score)] == [0, 4, 5, 7]
    assert [f.pts_seconds for f in _frames(score)] == pytest.approx([0, 1.0, 1.5, 3.3], abs=1e-4)


CODECS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "hevc": ("hevc.mp4", "hevc", {"codec": "libx265", "options": {"preset": "ultrafast"}}),
    "vp9": ("vp9.webm", "vp9", {"codec": "libvpx-vp9"}),
    "av1": ("av1.mp4", "av1", {"codec": "libsvtav1"}),
    "mpeg4": ("mpeg4.avi", "mpeg4", {"codec": "mpeg4"}),
    "10 bit": ("ten.mp4", "h264", {"pix_fmt": "yuv420p10le"}),
    "interlaced": (
        "fields.mp4",
        "h264",
        {"options": {"flags": "+ildct+ilme", "x264-params": "interlaced=1"}},
    ),
    "matroska": ("a.mkv", "h264", {}),
    "webm": ("vp8.webm", "vp8", {"codec": "libvpx"}),
    "transport stream": ("a.ts", "h264", {}),
    "elementary stream": ("a.h264", "h264", {"container_format": "h264"}),
}


@pytest.mark.parametrize("name", CODECS)
def test_codecs_and_containers(pipeline: FacePipeline, tmp_path: Path, name: str) -> None:
    file, codec, options = CODECS[name]
    path = write_face_clip(tmp_path / file, 10, **options)
    score = _scored(pipeline, path)
    assert score.input is not None
    assert score.reason is None
    assert score.input.codec == codec
    assert ("10" in score.input.pixel_format) == (name == "10 bit")
    assert (score.input.width, score.input.height) == (320, 240)
    assert score.input.num_frames == 10
    assert score.input.fps == pytest.approx(25, rel=0.02)
    assert [f.frame_index for f in _frames(score)] == [0, 3, 6, 9]
    assert [f.pts_seconds for f in _frames(score)] == pytest.approx(
        [0, 0.12, 0.24, 0.36], abs=0.002
    )
    middle = {0: 32 + FACE_X, 9: 128 + FACE_X}  # the head drifts from x = 32 to 128
    for frame in _frames(score):
        if frame.frame_index in middle:
            assert _near(frame.box_xyxy, middle[frame.frame_index], 40 + FACE_Y, FACE_HEIGHT)


def test_the_interlaced_clip_is_interlaced(tmp_path: Path) -> None:
    file, _, options = CODECS["interlaced"]
    with av.open(str(write_face_clip(tmp_path / file, 3, **options))) as container:
        assert next(container.decode(video=0)).interlaced_frame


def test_the_same_pictures_score_alike_in_every_container(
    pipeline: FacePipeline, tmp_path: Path
) -> None:
    scores = []
    for name in ("a.mp4", "a.mkv", "a.ts"):  # the same H.264 packets
        scores.append(_scored(pipeline, write_face_clip(tmp_path / name, 6)).score)
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)
    assert scores[0] == pytest.approx(scores[2], abs=1e-6)


def test_a_single_frame(pipeline: FacePipeline, tmp_path: Path) -> None:
    score = _scored(pipeline, write_face_clip(tmp_path / "one.mp4", 1))
    assert score.input is not None
    assert score.input.num_frames == 1
    (frame,) = _frames(score)
    assert (frame.frame_index, frame.pts_seconds) == (0, 0.0)
    assert score.score == frame.score


def test_a_face_in_two_frames_of_three_hundred_is_found(
    pipeline: FacePipeline, tmp_path: Path
) -> None:
    empty = background(128, 96)
    shown = paste(empty, head(90), 20, 3)
    pictures = (shown if i in (140, 141) else empty for i in range(300))
    path = write_video(tmp_path / "rare.mp4", pictures, options={"preset": "ultrafast"})
    score = _scored(pipeline, path)
    assert [f.frame_index for f in _frames(score)] == [140, 141]
    assert score.reason is not None
    assert str(path) in score.reason
    assert "no face in the 4 frames sampled at first" in score.reason


def _crowd() -> np.ndarray:
    """1920 x 1080 with twenty people, in five columns and four rows."""
    picture, one, other = background(1920, 1080), head(220), another(head(220))
    for i in range(20):
        person = one if (i + i // 5) % 2 else other
        picture = paste(picture, person, 60 + 370 * (i % 5), 30 + 260 * (i // 5))
    return picture


def test_twenty_people_are_twenty_tracks(pipeline: FacePipeline, tmp_path: Path) -> None:
    path = write_video(tmp_path / "crowd.mp4", [_crowd()] * 3, options={"preset": "ultrafast"})
    score = _scored(pipeline, path)
    assert len(score.tracks) == 20
    assert len({t.track_id for t in score.tracks}) == 20
    assert all([f.frame_index for f in t.frames] == [0, 1, 2] for t in score.tracks)
    cells = {
        (
            int(((t.frames[0].box_xyxy[0] + t.frames[0].box_xyxy[2]) / 2 - 60) // 370),
            int(((t.frames[0].box_xyxy[1] + t.frames[0].box_xyxy[3]) / 2 - 30) // 260),
        )
        for t in score.tracks
    }
    assert cells == {(x, y) for x in range(5) for y in range(4)}


@pytest.mark.parametrize(
    "name",
    [
        "two words.mp4",
        'it\'s "quoted".mp4',
        "line\nbreak.mp4",
        "换脸 视频.mp4",
        "100%d [1] a:b #?&.mp4",
        "-leading.mp4",
        "no ending",
    ],
)
def test_paths_of_any_characters(pipeline: FacePipeline, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "a folder: 资料"
    folder.mkdir()
    path = folder / name
    path.write_bytes(write_face_clip(tmp_path / "a.mp4", 4).read_bytes())
    score = _scored(pipeline, path)
    assert score.path == str(path)


def test_a_path_that_is_no_unicode(pipeline: FacePipeline, tmp_path: Path) -> None:
    name = str(tmp_path / "latin-\udce9.mp4")  # the byte E9, as Python holds it
    try:
        Path(name).write_bytes(write_face_clip(tmp_path / "a.mp4", 4).read_bytes())
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system has Unicode names only")
    assert _scored(pipeline, name).path == name
    missing = pipeline.score(str(tmp_path / "gone-\udce9.mp4"))
    assert missing.status is Status.UNREADABLE
    assert missing.video_id.startswith("unread/")


def test_a_relative_path(
    pipeline: FacePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_face_clip(tmp_path / "a.mp4", 4)
    monkeypatch.chdir(tmp_path)
    assert _scored(pipeline, "a.mp4").path == "a.mp4"


@pytest.mark.parametrize("face_size", [64, 130])
def test_a_small_face_in_a_4k_picture(
    pipeline: FacePipeline, tmp_path: Path, face_size: int
) -> None:
    # The portrait's face is about 136 px high; its middle is at (224, 131).
    scale = face_size / 136
    person = head(round(256 * scale))
    picture = paste(background(3840, 2160), person, 2700, 1400)
    path = write_video(tmp_path / "4k.mp4", [picture] * 2, options={"preset": "ultrafast"})
    score = _scored(pipeline, path)
    assert score.input is not None
    assert (score.input.width, score.input.height) == (3840, 2160)
    assert len(_frames(score)) == 2
    x, y = 2700 + (224 - 90) * scale, 1400 + (131 - 10) * scale
    for frame in _frames(score):
        assert _near(frame.box_xyxy, x, y, face_size), frame.box_xyxy


def test_the_portraits_face_is_where_it_is_said_to_be(
    pipeline: FacePipeline, tmp_path: Path
) -> None:
    """What the known places in this file go back to."""
    path = write_video(tmp_path / "portrait.mp4", [portrait()] * 2)
    for frame in _frames(_scored(pipeline, path)):
        assert _near(frame.box_xyxy, 224, 131, 136)


def test_samples_of_a_long_video_are_spread_over_all_of_it(
    pipeline: FacePipeline, tmp_path: Path
) -> None:
    shown = paste(background(160, 128), head(100), 30, 14)

    def pictures() -> Iterator[av.VideoFrame]:
        frame = av.VideoFrame.from_ndarray(shown, format="rgb24").reformat(format="yuv420p")
        for _ in range(6000):
            yield frame

    options = {"preset": "ultrafast", "g": "250", "bf": "0"}
    path = write_video(tmp_path / "long.mp4", pictures(), fps=10, options=options)
    score = _scored(pipeline, path)
    assert score.input is not None
    assert score.input.duration_seconds == pytest.approx(600)
    assert [f.pts_seconds for f in _frames(score)] == pytest.approx([0, 200, 400, 599.9], abs=0.11)

"""Exactly the frames that were asked for, upright and in the right colours."""

import gc
import resource
import time
import tracemalloc
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import (
    Image,
    display_matrix,
    numbered_frames,
    patch_edit_start,
    patch_rotation,
    read_number,
    write_video,
)

from unswap.datasets import decoding
from unswap.datasets.colour import turn_of_matrix
from unswap.datasets.decoding import VideoReader
from unswap.datasets.types import TimeLimitExceeded, UnreadableVideo

COUNT = 60
_OPEN_GOP = "open-gop=1:keyint=20:min-keyint=20:bframes=4:b-pyramid=normal:scenecut=0"
_X265 = "log-level=none:keyint=20:min-keyint=20:bframes=4:scenecut=0"

# Name of the file: encoder and how it is set.
KINDS: dict[str, dict[str, object]] = {
    "plain.mp4": {},
    "pyramid.mp4": {"options": {"x264-params": _OPEN_GOP.replace("open-gop=1", "open-gop=0")}},
    "open_gop.mp4": {"options": {"x264-params": _OPEN_GOP}},
    "open_gop.mkv": {"options": {"x264-params": _OPEN_GOP}},
    "open_gop.ts": {"options": {"x264-params": _OPEN_GOP}},
    "refresh.ts": {"options": {"x264-params": "intra-refresh=1:keyint=20:bframes=2:scenecut=0"}},
    "interlaced.ts": {"options": {"x264-params": "tff=1:keyint=20:bframes=3:scenecut=0"}},
    "fragments.mp4": {
        "options": {"g": "20"},
        "container_options": {"movflags": "frag_keyframe+empty_moov"},
    },
    "flash.flv": {"options": {"g": "20"}},
    "h264.avi": {"options": {"g": "20", "bf": "3"}},
    "bare.h264": {"options": {"g": "20", "bf": "3"}, "container_format": "h264"},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": _X265 + ":open-gop=1"}},
    "hevc.ts": {"codec": "libx265", "options": {"x265-params": _X265 + ":open-gop=1"}},
    "radl.mp4": {"codec": "libx265", "options": {"x265-params": _X265 + ":open-gop=0:radl=2"}},
    "bare.hevc": {
        "codec": "libx265",
        "options": {"x265-params": _X265},
        "container_format": "hevc",
    },
    "vp9.webm": {
        "codec": "libvpx-vp9",
        "options": {"g": "20", "auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "good"},
    },
    "vp8.webm": {
        "codec": "libvpx",
        "options": {"g": "20", "auto-alt-ref": "1", "lag-in-frames": "16"},
    },
    "live.webm": {  # without cues, duration, or a number of frames
        "codec": "libvpx-vp9",
        "options": {"g": "20"},
        "container_options": {"live": "1"},
    },
    "av1.mp4": {"codec": "libsvtav1", "options": {"g": "20"}},
    "av1.mkv": {"codec": "libsvtav1", "options": {"g": "20"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "20"}},
    "mpeg4_b.avi": {"codec": "mpeg4", "options": {"g": "20", "bf": "2"}},
    "mpeg4.mp4": {"codec": "mpeg4", "options": {"g": "20", "bf": "2"}},
    "mpeg2.ts": {"codec": "mpeg2video", "options": {"g": "20", "bf": "2"}},
    "mpeg2.mpg": {"codec": "mpeg2video", "options": {"g": "20", "bf": "2"}},
    "motion.mov": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "ffv1.mkv": {"codec": "ffv1"},
}

# Bare streams and AVI with B-frames tell no times; intra refresh has no clean keyframes.
_COUNTED = {"bare.h264", "bare.hevc", "h264.avi", "mpeg4_b.avi"}
_NEED_A_SECOND_TRY = {"refresh.ts", *_COUNTED}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Writes each kind of clip when it is first asked for."""
    folder = tmp_path_factory.mktemp("clips")

    def get(name: str) -> Path:
        path = folder / name
        if not path.exists():
            write_video(path, numbered_frames(COUNT), **KINDS[name])  # type: ignore[arg-type]
        return path

    return get


def _decode_all(path: Path) -> list[Image]:
    """Every frame, by FFmpeg alone: no seeking, nothing left out, one thread."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("count", [2, 7, 32])
def test_the_frames_given_are_those_asked_for(
    clip: Callable[[str], Path], name: str, count: int
) -> None:
    with VideoReader(clip(name)) as reader:
        assert reader.info.num_frames == COUNT
        wanted = np.linspace(0, COUNT - 1, count).round().astype(int)
        frames = list(reader.read(wanted))
        assert [read_number(frame.image) for frame in frames] == wanted.tolist()
        assert [frame.index for frame in frames] == wanted.tolist()
        assert reader.shortfall == []
        assert reader._index.timed == (name not in _COUNTED)
        times = [frame.pts_seconds for frame in frames]
        np.testing.assert_allclose(times, wanted / 25, atol=0.0011)  # WebM counts milliseconds


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("read_on", [0, 250])
def test_sparse_reading_gives_the_same_pixels_as_decoding_everything(
    clip: Callable[[str], Path], name: str, read_on: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_READ_ON", read_on)  # 0: every jump is a seek
    if name not in _NEED_A_SECOND_TRY:
        monkeypatch.setattr(decoding, "_STEPS_BACK", None)  # a second try would raise
    chance = np.random.default_rng(5)
    with VideoReader(clip(name)) as reader:
        every = {frame.index: frame.image for frame in reader.read(range(COUNT))}
        assert sorted(every) == list(range(COUNT))
        for size in (1, 2, 3, 5, 9, 20):
            wanted = np.sort(chance.choice(COUNT, size, replace=False))
            got = list(reader.read(wanted))
            assert [frame.index for frame in got] == wanted.tolist()
            for frame in got:
                np.testing.assert_array_equal(frame.image, every[frame.index])


@pytest.mark.parametrize("name", ["open_gop.mp4", "hevc.mp4", "vp9.webm", "mpeg4.mp4"])
def test_pixels_are_those_of_a_plain_loop(clip: Callable[[str], Path], name: str) -> None:
    plain = _decode_all(clip(name))
    with VideoReader(clip(name)) as reader:
        for frame in reader.read([0, 11, 19, 20, 21, 38, 59]):
            difference = np.abs(frame.image.astype(int) - plain[frame.index].astype(int))
            assert difference.max() <= 1


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_number_of_threads_changes_nothing(clip: Callable[[str], Path], threads: int) -> None:
    wanted = [0, 13, 14, 37, 59]
    with VideoReader(clip("open_gop.mp4"), threads=threads) as reader:
        assert [read_number(frame.image) for frame in reader.read(wanted)] == wanted


def test_seeking_decodes_only_the_groups_that_are_needed(
    clip: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    original = VideoReader._next_packet

    def counting(self: VideoReader) -> object:
        taken.append(self._next)
        return original(self)

    monkeypatch.setattr(decoding, "_READ_ON", 0)
    monkeypatch.setattr(VideoReader, "_next_packet", counting)
    with VideoReader(clip("pyramid.mp4")) as reader:
        assert [f.index for f in reader.read([0, 41])] == [0, 41]
    # Of 60 packets the first, and a few from the keyframe at 40 on.
    assert {0, 40} < set(taken)
    assert len(taken) < 10
    assert not set(taken) & set(range(5, 40))


def test_reading_again_and_stopping_early_work(clip: Callable[[str], Path]) -> None:
    with VideoReader(clip("open_gop.mkv")) as reader:
        first = next(reader.read([30, 40, 50]))
        assert read_number(first.image) == 30
        assert [read_number(f.image) for f in reader.read([10, 59])] == [10, 59]
        assert [read_number(f.image) for f in reader.read([0])] == [0]
        assert list(reader.read([])) == []


@pytest.mark.parametrize("wanted", [[3, 2], [2, 2], [-1], [COUNT], [[1, 2]]])
def test_indices_that_make_no_sense_are_refused(
    clip: Callable[[str], Path], wanted: list[int]
) -> None:
    with VideoReader(clip("plain.mp4")) as reader, pytest.raises(ValueError, match="expected"):
        reader.read(wanted)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_times_of_a_variable_rate_are_exact(tmp_path: Path, ending: str) -> None:
    gaps = np.random.default_rng(1).choice([0.02, 0.04, 0.2, 1.5], size=COUNT)
    times = np.cumsum(gaps) - gaps[0]
    path = write_video(tmp_path / f"vfr.{ending}", numbered_frames(COUNT), times=times.tolist())
    with VideoReader(path) as reader:
        np.testing.assert_allclose(reader.pts_seconds, times, atol=0.0006)
        assert reader.info.duration_seconds >= times[-1]
        got = [(f.index, f.pts_seconds, read_number(f.image)) for f in reader.read([0, 17, 59])]
    assert [(index, number) for index, _, number in got] == [(0, 0), (17, 17), (59, 59)]
    np.testing.assert_allclose([t for _, t, _ in got], times[[0, 17, 59]], atol=0.0006)


def test_frames_before_an_edit_list_begins_are_not_counted(tmp_path: Path) -> None:
    path = write_video(tmp_path / "edit.mp4", numbered_frames(COUNT), options={"g": "20"})
    patch_edit_start(path, frames=7, fps=25)
    with VideoReader(path) as reader:
        assert reader.info.num_frames == COUNT - 7
        assert reader.pts_seconds[0] == 0
        assert [read_number(f.image) for f in reader.read([0, 20, 52])] == [7, 27, 59]
        assert reader.shortfall == []


def test_a_stream_cut_out_of_a_longer_one_begins_with_a_frame_that_can_be_shown(
    clip: Callable[[str], Path], tmp_path: Path
) -> None:
    path = tmp_path / "cut.ts"
    with av.open(str(clip("open_gop.ts"))) as source, av.open(str(path), "w") as target:
        copy = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if packet.size and number >= 8:
                packet.stream = copy
                target.mux(packet)
    with VideoReader(path) as reader:
        frames = list(reader.read(range(reader.info.num_frames)))
        assert reader.shortfall == []
        first = read_number(frames[0].image)
        assert 18 <= first <= 20
        assert [read_number(f.image) for f in frames] == list(range(first, COUNT))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("mirror", [False, True])
def test_frames_stand_upright(tmp_path: Path, degrees: int, mirror: bool) -> None:
    def lying() -> Iterator[Image]:
        """What has to be coded for a player, that turns and mirrors it, to show it upright."""
        for image in numbered_frames(5, width=160, height=96):
            unmirrored = image[:, ::-1] if mirror else image
            yield np.ascontiguousarray(np.rot90(unmirrored, k=degrees // 90))

    path = patch_rotation(write_video(tmp_path / "turn.mp4", lying()), degrees, mirror)
    with VideoReader(path) as reader:
        assert (reader.info.rotation, reader.info.mirrored) == (degrees, mirror)
        assert (reader.info.width, reader.info.height) == (160, 96)
        frames = list(reader.read(range(5)))
    assert [read_number(f.image) for f in frames] == [0, 1, 2, 3, 4]
    assert {f.image.shape for f in frames} == {(96, 160, 3)}
    # The reddish patch of the lower left corner is still there.
    assert frames[0].image[80, 10, 0] > frames[0].image[80, 100].max() - 60
    assert frames[0].image.flags.c_contiguous


def test_rotation_agrees_with_ffmpegs_own_reading(tmp_path: Path) -> None:
    path = write_video(tmp_path / "turn.mp4", numbered_frames(3), rotation=90)
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).rotation == 90  # counterclockwise
    with VideoReader(path) as reader:
        assert reader.info.rotation == 270  # clockwise


def test_a_matrix_that_flattens_the_picture_is_not_obeyed() -> None:
    assert turn_of_matrix(np.zeros(9, dtype=np.int32)) == (0, False)
    matrix = np.frombuffer(display_matrix(270, mirror=True), dtype=">i4").astype(np.int32)
    assert turn_of_matrix(matrix) == (270, True)


@pytest.mark.parametrize(
    ("ratio", "width"),
    [(Fraction(2), 320), (Fraction(1, 2), 80), (Fraction(161, 160), 160), (Fraction(50), 160)],
)
def test_pixels_come_out_square(tmp_path: Path, ratio: Fraction, width: int) -> None:
    path = write_video(tmp_path / "oblong.mp4", numbered_frames(4), sample_aspect=ratio)
    with VideoReader(path) as reader:
        assert (reader.info.width, reader.info.height) == (width, 128)
        frames = list(reader.read([0, 3]))
    assert [f.image.shape for f in frames] == [(128, width, 3)] * 2
    assert [read_number(f.image) for f in frames] == [0, 3]


# Colours: patches of known Y'CbCr, encoded without loss; the formula below is ITU-T H.273's.
_WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
_PATCH = 16
_COLUMNS, _ROWS = 10, 8


def _expected_rgb(planes: list[np.ndarray], matrix: int, full: bool, bits: int) -> np.ndarray:
    scale = 2 ** (bits - 8)
    if full:
        luma = planes[0] / (2**bits - 1)
        blue, red = ((p - 2 ** (bits - 1)) / (2**bits - 1) for p in planes[1:])
    else:
        luma = (planes[0] / scale - 16) / 219
        blue, red = ((p / scale - 128) / 224 for p in planes[1:])
    kr, kb = _WEIGHTS[matrix]
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    g = (luma - kr * r - kb * b) / (1 - kr - kb)
    return np.clip(np.stack([r, g, b], axis=-1), 0, 1) * 255


def _patches(
    pix_fmt: str, full: bool, bits: int, height: int = 128
) -> tuple[av.VideoFrame, list[np.ndarray]]:
    chance = np.random.default_rng(3)
    scale = 2 ** (bits - 8)
    low, high = (0, 2**bits - 1) if full else (16 * scale, 235 * scale)
    shape = (height // _PATCH, _COLUMNS)
    planes = [chance.integers(low, high + 1, shape)]
    planes += [chance.integers(70 * scale, 190 * scale, shape) for _ in range(2)]
    frame = av.VideoFrame(_COLUMNS * _PATCH, height, pix_fmt)
    kind = np.uint8 if bits == 8 else np.dtype("<u2")
    for plane, values in zip(frame.planes, planes, strict=True):
        block = np.ones((plane.height // shape[0], plane.width // shape[1]), dtype=int)
        row = plane.line_size // np.dtype(kind).itemsize
        buffer = np.zeros((plane.height, row), dtype=kind)
        buffer[:, : plane.width] = np.kron(values, block)
        plane.update(buffer.tobytes())
    return frame, planes


def _check_colours(
    path: Path, planes: list[np.ndarray], matrix: int, full: bool, bits: int
) -> None:
    with VideoReader(path) as reader:
        (frame,) = reader.read([0])
    half = _PATCH // 2
    got = frame.image[half::_PATCH, half::_PATCH].astype(float)
    wrong = np.abs(got - _expected_rgb(planes, matrix, full, bits))
    # swscale's quick way rounds downwards, by up to 4 levels and about 1 on average.
    assert wrong.max() <= 4.5
    assert wrong.mean() <= 1.8


_LOSSLESS = {"libx264": {"qp": "0"}, "libx265": {"x265-params": "lossless=1:log-level=none"}}


@pytest.mark.parametrize(
    ("pix_fmt", "bits"),
    [
        ("yuv420p", 8),
        ("yuv422p", 8),
        ("yuv444p", 8),
        ("yuv420p10le", 10),
        ("yuv422p10le", 10),
        ("yuv444p10le", 10),
    ],
)
@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
@pytest.mark.parametrize("full", [False, True])
def test_colours_follow_the_matrix_and_range_that_are_written(
    tmp_path: Path, pix_fmt: str, bits: int, matrix: int, full: bool
) -> None:
    frame, planes = _patches(pix_fmt, full, bits)
    path = write_video(
        tmp_path / "colours.mkv",
        [frame],
        pix_fmt=pix_fmt,
        options=_LOSSLESS["libx264"],
        crf=None,
        colorspace=matrix,
        color_range=2 if full else 1,
    )
    _check_colours(path, planes, matrix, full, bits)


@pytest.mark.parametrize(("height", "matrix"), [(704, 5), (720, 1)])
def test_colours_without_a_label_are_what_players_show(
    tmp_path: Path, height: int, matrix: int
) -> None:
    frame, planes = _patches("yuv420p", full=False, bits=8, height=height)
    path = write_video(tmp_path / "bare.mkv", [frame], options=_LOSSLESS["libx264"], crf=None)
    _check_colours(path, planes, matrix, full=False, bits=8)


def test_rgb_video_keeps_its_colours(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 80, 3), dtype=np.uint8)
    path = write_video(
        tmp_path / "rgb.mkv", [image], codec="libx264rgb", pix_fmt="rgb24", options={"qp": "0"}
    )
    with VideoReader(path) as reader:
        (frame,) = reader.read([0])
    np.testing.assert_array_equal(frame.image, image)


@pytest.mark.parametrize("full", [False, True])
def test_grey_video_keeps_its_levels(tmp_path: Path, full: bool) -> None:
    low, high = (0, 255) if full else (16, 235)
    levels = np.linspace(low, high, 160).round().astype(np.uint8)
    grey = av.VideoFrame.from_ndarray(np.tile(levels, (128, 1)), format="gray")
    path = write_video(
        tmp_path / "grey.mkv",
        [grey],
        pix_fmt="gray",
        options={"qp": "0"},
        crf=None,
        color_range=2 if full else 1,
    )
    with VideoReader(path) as reader:
        (frame,) = reader.read([0])
    want = (levels.astype(float) - low) / (high - low) * 255
    assert np.abs(frame.image[64].astype(float) - want[:, None]).max() <= 3


def test_a_matrix_that_is_not_known_is_refused_not_guessed(tmp_path: Path) -> None:
    frame, _ = _patches("yuv444p", full=True, bits=8)
    path = write_video(
        tmp_path / "ycgco.mkv", [frame], pix_fmt="yuv444p", colorspace=8, color_range=2
    )
    with pytest.raises(UnreadableVideo, match="colour matrix"):
        VideoReader(path)


def test_frames_come_at_their_own_size_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "sizes.ts"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "0", "g": "5"})
        stream.width, stream.height, stream.pix_fmt = 160, 128, "yuv420p"
        for start, (width, height) in enumerate([(160, 128), (320, 192)]):
            encoder = av.CodecContext.create("libx264", "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            encoder.time_base, encoder.options = Fraction(1, 25), {"bf": "0", "g": "5"}
            frames = list(numbered_frames(40, width, height))[start * 20 : start * 20 + 20]
            for number, image in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(image).reformat(format="yuv420p")
                frame.pts, frame.time_base = start * 20 + number, Fraction(1, 25)
                for packet in encoder.encode(frame):
                    packet.stream = stream
                    container.mux(packet)
            for packet in encoder.encode(None):
                packet.stream = stream
                container.mux(packet)
    with VideoReader(path) as reader:
        got = list(reader.read([0, 10, 25, 39]))
        assert reader.shortfall == []
    assert [read_number(f.image) for f in got] == [0, 10, 25, 39]
    assert [f.image.shape[:2] for f in got] == [(128, 160)] * 2 + [(192, 320)] * 2


def test_a_deadline_ends_opening_and_reading(clip: Callable[[str], Path]) -> None:
    with pytest.raises(TimeLimitExceeded, match=r"plain\.mp4"):
        VideoReader(clip("plain.mp4"), deadline=time.monotonic() - 1)
    with VideoReader(clip("plain.mp4"), deadline=time.monotonic() + 60) as reader:
        frames = reader.read([0, 59])
        next(frames)
        reader._deadline = time.monotonic() - 1
        with pytest.raises(TimeLimitExceeded, match=r"plain\.mp4"):
            next(frames)


def test_frames_are_streamed_one_by_one(clip: Callable[[str], Path]) -> None:
    """What is read but not kept is freed: a thousand frames' worth never piles up."""
    with VideoReader(clip("plain.mp4")) as reader:
        tracemalloc.start()
        for frame in reader.read(range(COUNT)):
            assert frame.image.shape == (128, 160, 3)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 12 * 128 * 160 * 3


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_decoded_pictures_are_freed_without_the_garbage_collector(tmp_path: Path) -> None:
    def megabytes() -> float:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20

    path = write_video(
        tmp_path / "large.mp4", numbered_frames(160, 960, 544), options={"preset": "ultrafast"}
    )
    with VideoReader(path) as reader:
        gc.disable()
        try:
            list(zip(range(20), reader.read(range(160)), strict=False))
            before = megabytes()
            assert sum(1 for _ in reader.read(range(160))) == 160
            growth = megabytes() - before
        finally:
            gc.enable()
    assert growth < 40  # kept, their planes would take 120 MB, and in RGB 240


def test_a_closed_reader_says_so(clip: Callable[[str], Path]) -> None:
    with VideoReader(clip("plain.mp4")) as reader:
        pass
    with pytest.raises(ValueError, match="closed"):
        reader.read([0])

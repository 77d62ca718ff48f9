"""Damaged files give what can be decoded, say what can't, and never crash or hang."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clips import numbered_frames, read_number, write_video

from unswap.datasets.decoding import VideoReader
from unswap.datasets.types import UnreadableVideo

COUNT = 60
_FRONT = {"movflags": "faststart"}
_KINDS: dict[str, dict[str, object]] = {
    "front.mp4": {"options": {"g": "20", "bf": "2"}, "container_options": _FRONT},
    "fragments.mp4": {
        "options": {"g": "20"},
        "container_options": {"movflags": "frag_keyframe+empty_moov"},
    },
    "a.mkv": {"options": {"g": "20", "bf": "2"}},
    "a.ts": {"options": {"g": "20", "bf": "2"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "20"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "20", "bf": "2"}},
    "hevc.mp4": {"codec": "libx265", "container_options": _FRONT},
    "av1.mp4": {"codec": "libsvtav1", "container_options": _FRONT},
    "mjpeg.mov": {"codec": "mjpeg", "pix_fmt": "yuvj420p", "container_options": _FRONT},
    "bare.h264": {"options": {"g": "20"}, "container_format": "h264"},
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("whole")

    def get(name: str) -> Path:
        path = folder / name
        if not path.exists():
            write_video(path, numbered_frames(COUNT), **_KINDS[name])  # type: ignore[arg-type]
        return path

    return get


@pytest.mark.parametrize(
    "name", ["front.mp4", "fragments.mp4", "a.mkv", "a.ts", "vp9.webm", "mpeg4.avi", "hevc.mp4"]
)
def test_of_a_truncated_file_the_beginning_is_given(
    clip: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    data = clip(name).read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: len(data) * 6 // 10])
    with VideoReader(path) as reader:
        assert 10 <= reader.info.num_frames < COUNT
        every = range(reader.info.num_frames)
        frames = list(reader.read(every))
        # The last packet is cut, and with it what is shown between it and the one before.
        assert len(frames) >= reader.info.num_frames - 4
        assert sorted([f.index for f in frames] + reader.shortfall) == list(every)
        for frame in frames[:-4]:
            assert read_number(frame.image) == frame.index
        assert reader.pts_seconds[-1] == pytest.approx((reader.info.num_frames - 1) / 25, abs=0.2)


@pytest.mark.parametrize("name", ["front.mp4", "a.mkv", "fragments.mp4"])
@pytest.mark.parametrize("seed", [0, 2, 4])
def test_around_a_hole_no_frame_is_given_that_is_not_as_it_was(
    clip: Callable[[str], Path], tmp_path: Path, name: str, seed: int
) -> None:
    """FFmpeg alone patches such frames up from others, and says so for few of them only."""
    with VideoReader(clip(name)) as reader:
        whole = {round(f.pts_seconds, 3): f.image for f in reader.read(range(COUNT))}
    chance = np.random.default_rng(seed)
    data = bytearray(clip(name).read_bytes())
    start = int(chance.integers(len(data) // 3, len(data) * 2 // 3))
    data[start : start + len(data) // 20] = chance.bytes(len(data) // 20)
    path = tmp_path / name
    path.write_bytes(data)
    with VideoReader(path) as reader:
        every = range(reader.info.num_frames)
        frames = list(reader.read(every))
        assert reader.shortfall
        assert reader.errors
        assert sorted([f.index for f in frames] + reader.shortfall) == list(every)
        lost = sorted(reader.shortfall)
        # Asked for alone they are lost as well, whatever is skipped on the way to them.
        assert list(reader.read(lost)) == []
        assert reader.shortfall == lost
    assert len(frames) >= 20
    wrong = [f.index for f in frames if (f.image != whole[round(f.pts_seconds, 3)]).any()]
    assert len(wrong) <= 1  # an injury to a picture's last rows can go unnoticed


def test_after_the_hole_frames_are_given_again(clip: Callable[[str], Path], tmp_path: Path) -> None:
    data = bytearray(clip("front.mp4").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 400] = bytes(400)
    path = tmp_path / "dent.mp4"
    path.write_bytes(data)
    with VideoReader(path) as reader:
        assert reader.info.num_frames == COUNT
        given = [read_number(f.image) for f in reader.read(range(COUNT))]
        lost = sorted(reader.shortfall)
    assert lost[-1] == 39  # the next keyframe is 40
    assert given == [n for n in range(COUNT) if n not in lost]


def test_a_file_that_vanishes_after_opening_does_not_crash(
    clip: Callable[[str], Path], tmp_path: Path
) -> None:
    path = tmp_path / "gone.mp4"
    path.write_bytes(clip("front.mp4").read_bytes())
    with VideoReader(path) as reader:
        path.unlink()
        try:
            assert [f.index for f in reader.read([0, 59])] == [0, 59]
        except UnreadableVideo as error:
            assert "no such file" in str(error)  # noqa: PT017  # either is right
    with pytest.raises(UnreadableVideo, match="no such file"):
        VideoReader(path)


def _damaged(data: bytes, chance: np.random.Generator) -> bytes:
    """One to eight injuries: bytes changed, stretches emptied, cut out, or repeated; or cut off."""
    out = bytearray(data)
    for _ in range(int(chance.integers(1, 9))):
        at = int(chance.integers(0, len(out)))
        if chance.random() < 0.3:  # headers are where the surprises are
            at = int(chance.integers(0, min(len(out), 1500)))
        length = int(chance.integers(1, 200))
        match int(chance.integers(0, 5)):
            case 0:
                out[at] = int(chance.integers(0, 256))
            case 1:
                out[at : at + length] = chance.bytes(len(out[at : at + length]))
            case 2:
                out[at : at + length] = bytes(len(out[at : at + length]))
            case 3:
                del out[at : at + length]
            case 4:
                out[at:at] = out[at : at + length]
            case other:
                raise AssertionError(other)
        if not out:
            break
    if chance.random() < 0.2:
        del out[int(chance.integers(0, len(out) + 1)) :]
    return bytes(out)


def _survive(clip: Callable[[str], Path], folder: Path, seeds: range) -> None:
    opened = 0
    names = list(_KINDS)
    for seed in seeds:
        name = names[seed % len(names)]
        path = folder / f"{seed}_{name}"
        path.write_bytes(_damaged(clip(name).read_bytes(), np.random.default_rng(seed)))
        try:
            with VideoReader(path, deadline=time.monotonic() + 120) as reader:
                info = reader.info
                assert info.num_frames == len(reader.pts_seconds) >= 1
                assert np.isfinite(reader.pts_seconds).all()
                assert (np.diff(reader.pts_seconds) >= 0).all()
                assert info.duration_seconds > 0
                assert np.isfinite(info.fps)
                wanted = np.unique(np.linspace(0, info.num_frames - 1, 8).astype(int))
                given = [frame.index for frame in reader.read(wanted)]
                assert sorted(given + reader.shortfall) == wanted.tolist(), path
                opened += 1
        except UnreadableVideo as error:
            assert str(path) in str(error)  # noqa: PT017  # most files do open
        path.unlink()
    assert opened > len(seeds) // 4  # most damage leaves something to see


def test_sixty_damaged_files_are_survived(clip: Callable[[str], Path], tmp_path: Path) -> None:
    _survive(clip, tmp_path, range(60))


@pytest.mark.slow
def test_five_hundred_damaged_files_are_survived(
    clip: Callable[[str], Path], tmp_path: Path
) -> None:
    _survive(clip, tmp_path, range(60, 560))


@pytest.mark.parametrize("share", [0.3, 0.7, 1.0])
def test_frames_cut_off_with_the_end_are_counted_where_the_container_tells(
    tmp_path: Path, share: float
) -> None:
    front = {"movflags": "faststart"}
    whole = write_video(tmp_path / "whole.mp4", numbered_frames(60), container_options=front)
    data = whole.read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: round(len(data) * share)])
    with VideoReader(path) as reader:
        if share == 1:
            assert reader.cut is None
        else:
            assert reader.cut is not None
            gone, of = reader.cut
            assert of == 60
            # the frame that the cut goes through has a packet, but is gone
            assert gone == 60 - reader.info.num_frames + 1

"""What a file is, from its packets; and a clear word about files that are no video."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from clips import numbered_frames, patch_durations, patch_rotation, write_sound, write_video

from unswap.datasets.decoding import VideoReader
from unswap.datasets.packets import check_size
from unswap.datasets.probing import hash_file, probe
from unswap.datasets.types import UnreadableVideo


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("probe") / "plain.mp4", numbered_frames(50))


def test_a_probe_tells_what_was_encoded(plain: Path) -> None:
    info = probe(plain)
    assert info.path == str(plain)
    assert info.sha256 == hashlib.sha256(plain.read_bytes()).hexdigest()
    assert info.bytes == len(plain.read_bytes())
    assert "mp4" in info.container.split(",")
    assert (info.codec, info.pixel_format) == ("h264", "yuv420p")
    assert (info.width, info.height, info.num_frames) == (160, 128, 50)
    assert (info.rotation, info.mirrored) == (0, False)
    assert info.fps == pytest.approx(25)
    assert info.duration_seconds == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("ending", "codec", "name"),
    [
        ("webm", "libvpx-vp9", "vp9"),
        ("mkv", "libx265", "hevc"),
        ("mp4", "libsvtav1", "av1"),
        ("avi", "mpeg4", "mpeg4"),
    ],
)
def test_a_codec_has_its_own_name_not_its_decoders(
    tmp_path: Path, ending: str, codec: str, name: str
) -> None:
    info = probe(write_video(tmp_path / f"a.{ending}", numbered_frames(10), codec=codec))
    assert info.codec == name
    assert info.num_frames == 10


@pytest.mark.parametrize("factor", [0.1, 7.0])
def test_headers_that_lie_about_the_length_are_not_believed(tmp_path: Path, factor: float) -> None:
    path = write_video(tmp_path / "liar.mp4", numbered_frames(50), options={"bf": "0"})
    patch_durations(path, factor)
    if factor < 1:  # FFmpeg sees through the others by itself
        with av.open(str(path)) as container:
            assert container.duration < 1e6
    with VideoReader(path) as reader:
        assert reader.info.num_frames == 50
        assert reader.info.duration_seconds == pytest.approx(2.0)
        assert reader.pts_seconds[-1] == pytest.approx(1.96)
        assert reader.info.fps == pytest.approx(25)
        assert [f.index for f in reader.read([0, 49])] == [0, 49]


def test_width_and_height_are_those_shown(tmp_path: Path) -> None:
    path = write_video(tmp_path / "turned.mp4", numbered_frames(5, 160, 96))
    info = probe(patch_rotation(path, 90))
    assert (info.width, info.height, info.rotation) == (96, 160, 90)


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    info = probe(write_video(tmp_path / "one.mp4", numbered_frames(1)))
    assert info.num_frames == 1
    assert info.duration_seconds == pytest.approx(0.04)
    assert info.fps == pytest.approx(25)


def test_a_hash_is_of_all_bytes(tmp_path: Path) -> None:
    data = np.random.default_rng(0).bytes(3 * 2**20 + 17)
    (tmp_path / "data").write_bytes(data)
    assert hash_file(tmp_path / "data") == hashlib.sha256(data).hexdigest()
    with pytest.raises(UnreadableVideo, match="missing"):
        hash_file(tmp_path / "missing")


def _write_two_streams(path: Path, cover: bool) -> Path:
    """A small still (or a second, smaller film) before the film itself."""
    with av.open(str(path), "w") as container:
        first = container.add_stream("mjpeg" if cover else "libx264", rate=25)
        first.width, first.height = 64, 48
        first.pix_fmt = "yuvj420p" if cover else "yuv420p"
        second = container.add_stream("libx264", rate=25)
        second.width, second.height, second.pix_fmt = 160, 128, "yuv420p"
        if cover:
            first.disposition = av.stream.Disposition.attached_pic
        for stream, count in ((first, 1 if cover else 9), (second, 20)):
            for image in numbered_frames(count, stream.width, stream.height):
                frame = av.VideoFrame.from_ndarray(image).reformat(format=stream.pix_fmt)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


def test_a_cover_picture_is_not_the_film(tmp_path: Path) -> None:
    path = _write_two_streams(tmp_path / "cover.mp4", cover=True)
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 2
    info = probe(path)
    assert (info.width, info.num_frames, info.codec) == (160, 20, "h264")


def test_of_several_films_the_first_is_taken(tmp_path: Path) -> None:
    info = probe(_write_two_streams(tmp_path / "two.mkv", cover=False))
    assert (info.width, info.num_frames) == (64, 9)


def _check_refused(path: Path, *words: str) -> None:
    for attempt in (probe, VideoReader):
        with pytest.raises(UnreadableVideo) as caught:
            attempt(path)
        message = str(caught.value)
        assert str(path) in message
        assert "What to do: " in message
        for word in words:
            assert word in message


def test_what_is_no_video_is_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("This is not a film.\n" * 200)
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(50_000))
    (tmp_path / "list.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nplain.ts\n")
    write_sound(tmp_path / "sound.mp4")
    _check_refused(tmp_path / "empty.mp4", "empty")
    _check_refused(tmp_path / "text.mp4", "can't be opened")
    _check_refused(tmp_path / "noise.mp4")
    _check_refused(tmp_path / "list.mp4", "can't be opened")
    _check_refused(tmp_path / "sound.mp4", "no video stream")
    _check_refused(tmp_path / "missing.mp4", "no such file")
    _check_refused(tmp_path, "not a file")


def test_a_playlist_does_not_make_other_files_be_read(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"ffconcat version 1.0\nfile '{plain}'\n")
    _check_refused(tmp_path / "list.txt", "can't be opened")


def test_a_name_that_looks_like_an_address_is_a_file(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "rtmp:film %d?.mp4"
    path.write_bytes(plain.read_bytes())
    assert probe(path).num_frames == 50
    os.chdir(tmp_path)
    assert probe(path.name).num_frames == 50


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "secret.mp4"
    path.write_bytes(plain.read_bytes())
    path.chmod(0)
    _check_refused(path, "may not be read")


def test_an_mp4_without_its_index_is_refused(plain: Path, tmp_path: Path) -> None:
    data = plain.read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: data.index(b"moov") - 4])  # its index stands at the end
    _check_refused(path, "can't be opened")


def test_a_stream_without_packets_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nothing.mp4"
    with av.open(str(path), "w", container_options={"movflags": "empty_moov"}) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 128, "yuv420p"
        container.start_encoding()
    _check_refused(path)


def test_pictures_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    huge = av.VideoFrame(16384, 2560, "gray")
    for plane in huge.planes:
        plane.update(bytes(plane.buffer_size))
    path = write_video(tmp_path / "huge.mkv", [huge], codec="ffv1", pix_fmt="gray")
    _check_refused(path, "40,000,000 pixels", "smaller size")
    with pytest.raises(UnreadableVideo, match="16384 x 2560"):
        check_size(16384, 2560, path)


def test_ffmpeg_says_nothing_on_the_terminal(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.mp4"
    data = bytearray(plain.read_bytes())
    middle = data.index(b"mdat") + (data.index(b"moov") - data.index(b"mdat")) // 2
    data[middle : middle + 600] = bytes(600)
    path.write_bytes(data)
    code = (
        "import sys; from unswap.datasets.decoding import VideoReader\n"
        "reader = VideoReader(sys.argv[1])\n"
        "list(reader.read(range(reader.info.num_frames)))\n"
        "print(len(reader.errors) > 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"
    assert done.stderr == ""

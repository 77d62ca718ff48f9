"""A file under conditions: its pictures, its times and its sound."""

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from clips import numbered_frames, read_number, write_video
from perturbed_clips import COUNT, read, with_sound

from unswap.datasets.decoding import VideoReader
from unswap.datasets.perturbations import CODES, Degraded, degrade, get, perturb
from unswap.datasets.types import Frame


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 numbered frames at 25 fps, 96x80, with sound."""
    return with_sound(tmp_path_factory.mktemp("perturbed") / "in.mp4")


def sound_of(path: Path) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as container:
        return [
            (float(packet.pts * packet.time_base), bytes(packet))
            for packet in container.demux(audio=0)
            if packet.size
        ]


def same(one: list[Frame], other: list[Frame], within: float = 0.0) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(a.image, b.image) and abs(a.pts_seconds - b.pts_seconds) <= within
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_file_shows_what_the_stream_of_frames_gives(
    code: str, video: Path, tmp_path: Path
) -> None:
    """Bit for bit: a codec's own stream in the file, else a lossless one."""
    condition = f"{code}:{len(get(code).levels)}"
    out = tmp_path / "out.mp4"
    result = degrade(video, out, [condition], seed=3)
    expected = list(perturb(read(video), [condition], 3))
    assert same(read(out), expected, within=1 / 90_000)
    height, width = expected[0].image.shape[:2]
    assert result == Degraded(
        str(out), len(expected), 0, "copied", out.stat().st_size, (condition,), width, height, ()
    )
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize(
    ("code", "codec"),
    [("VC", "h264"), ("X265", "hevc"), ("VP9", "vp9"), ("AV1", "av1"), ("RL", "h264")],
)
def test_a_codecs_file_is_its_own_and_smaller_at_worse_levels(
    code: str, codec: str, video: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    still = rng.integers(0, 256, (128, 128, 3), dtype=np.uint8)
    source = write_video(tmp_path / "in.mp4", (np.roll(still, i, 0) for i in range(12)), crf=10)
    sizes = []
    for level in range(1, 6):
        out = tmp_path / f"{level}.mp4"
        sizes.append(degrade(source, out, [f"{code}:{level}"]).bytes)
        with VideoReader(out) as reader:
            assert reader.info.codec == codec
            assert reader.info.pixel_format == "yuv420p"
            assert reader.info.num_frames == 12
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[4] < 0.8 * sizes[0]


def test_the_crf_stands_in_the_published_file(video: Path, tmp_path: Path) -> None:
    for level, crf in enumerate((30, 32, 35, 38, 40), start=1):
        degrade(video, tmp_path / f"{crf}.mp4", ["CS:1", f"VC:{level}"])
        assert f"crf={crf}.0".encode() in (tmp_path / f"{crf}.mp4").read_bytes()


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".MP4"])
def test_sound_is_copied_packet_by_packet(ending: str, video: Path, tmp_path: Path) -> None:
    out = tmp_path / f"out{ending}"
    assert degrade(video, out, ["VC:1"]).audio == "copied"
    before, after = sound_of(video), sound_of(out)
    assert [data for _, data in after] == [data for _, data in before]
    start = 0.0 if ending != ".mkv" else after[0][0] - before[0][0]  # Matroska begins at 0
    for (was, _), (now, _) in zip(before, after, strict=True):
        assert now == pytest.approx(was + start, abs=0.0015)
    assert len(read(out)) == COUNT


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_sound_that_begins_before_the_pictures_stays_in_step(ending: str, tmp_path: Path) -> None:
    source = with_sound(tmp_path / "late.mkv", late=0.4)
    out = tmp_path / f"out{ending}"
    assert degrade(source, out, ["GB:1"]).audio == "copied"
    with av.open(str(out)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        packets = [p for p in container.demux() if p.size]
        first = min(float(p.pts * p.time_base) for p in packets if p.stream == video)
        heard = min(float(p.pts * p.time_base) for p in packets if p.stream == audio)
    assert first - heard == pytest.approx(0.4, abs=0.03)
    assert len(read(out)) == COUNT


def test_sound_that_the_container_does_not_take_is_left_out_and_said(tmp_path: Path) -> None:
    source = with_sound(tmp_path / "in.mkv", codec="pcm_u8")
    result = degrade(source, tmp_path / "out.mp4", ["VC:1"])
    assert result.audio == "left out"
    assert "mp4 does not take pcm_u8" in result.notes[0]
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert not container.streams.audio
    assert degrade(source, tmp_path / "out.mkv", ["VC:1"]).audio == "copied"


def test_a_video_without_sound_says_so(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", numbered_frames(5, 64, 64))
    assert degrade(source, tmp_path / "out.mp4", ["CC:1"]).audio == "none"


@pytest.mark.parametrize("condition", ["GB:1", "VC:3", "VP9:1", "AV1:1", "X265:1"])
@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_uneven_times_are_kept(ending: str, condition: str, tmp_path: Path) -> None:
    times = np.cumsum([0, 0.04, 0.011, 0.3, 1 / 3, 0.04, 0.02, 1.7, 0.033]).tolist()
    source = write_video(tmp_path / "in.mkv", numbered_frames(9, 96, 80), times=times)
    out = tmp_path / f"out{ending}"
    degrade(source, out, [condition])
    within = 1e-3 if ending == ".mkv" else 1 / 90_000
    assert [f.pts_seconds for f in read(out)] == pytest.approx(
        [f.pts_seconds for f in read(source)], abs=within + 1e-9
    )
    with VideoReader(source) as before, VideoReader(out) as after:
        assert after.info.num_frames == before.info.num_frames


def test_odd_sizes_are_kept_losslessly_and_padded_for_codecs(tmp_path: Path) -> None:
    source = write_video(
        tmp_path / "in.mkv", numbered_frames(4, 99, 81), codec="ffv1", pix_fmt="bgr0"
    )
    result = degrade(source, tmp_path / "blurred.mp4", ["GB:1"])
    assert (result.width, result.height, result.notes) == (99, 81, ())
    assert same(read(tmp_path / "blurred.mp4"), list(perturb(read(source), ["GB:1"])), 1e-3)
    result = degrade(source, tmp_path / "coded.mp4", ["VC:1"])
    assert (result.width, result.height) == (100, 82)
    assert "the pictures are 99x81; for libx264" in result.notes[0]
    expected = list(perturb(read(source), ["VC:1"]))
    for frame, want in zip(read(tmp_path / "coded.mp4"), expected, strict=True):
        assert frame.image.shape == (82, 100, 3)
        assert np.array_equal(frame.image[:81, :99], want.image)


@pytest.mark.parametrize("condition", ["GNC:1", "TXT:3", "VC:5", "RL:5", "VP9:1", "AV1:1"])
@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_the_same_seed_gives_the_same_bytes(
    ending: str, condition: str, video: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / f"a{ending}", tmp_path / f"b{ending}"
    degrade(video, first, [condition], seed=11)
    degrade(video, second, [condition], seed=11)
    assert first.read_bytes() == second.read_bytes()


def test_a_chain_ends_in_its_last_codec(video: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    result = degrade(video, out, ["jpeg:1", "MI", "X265:1", "VC2:2"], seed=1)
    assert result.steps == ("DS:1", "MI:1", "X265:1", "VC2:2")
    expected = list(perturb(read(video), ["DS:1", "MI:1", "X265:1", "VC2:2"], 1))
    assert same(read(out), expected, within=1e-3)


def test_frames_that_cannot_be_decoded_are_counted(tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", numbered_frames(40, 160, 128), options={"g": "10"})
    data = bytearray(source.read_bytes())
    middle = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[middle : middle + 600] = bytes(600)
    source.write_bytes(data)
    result = degrade(source, tmp_path / "out.mp4", ["CC:1"])
    assert result.lost > 0
    assert result.frames == 40 - result.lost == len(read(tmp_path / "out.mp4"))
    assert f"{result.lost} of 40 frames can't be decoded" in result.notes


def test_frames_stay_in_order_under_frame_rate_and_mirror(video: Path, tmp_path: Path) -> None:
    degrade(video, tmp_path / "out.mp4", ["FR:4", "VC:1"])
    frames = read(tmp_path / "out.mp4")
    numbers = [read_number(frame.image) for frame in frames]
    assert numbers == [int(k / 12 * 25 + 1e-6) for k in range(len(frames))]
    with VideoReader(video) as before, VideoReader(tmp_path / "out.mp4") as after:
        assert after.info.duration_seconds == pytest.approx(
            before.info.duration_seconds, abs=1 / 12
        )
        assert after.info.fps == pytest.approx(12, rel=0.02)


def test_encoders_say_nothing_on_the_screen(video: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from unswap.datasets.perturbations import degrade\n"
        "for code in ('VC', 'X265', 'VP9', 'AV1', 'GB'):\n"
        "    degrade(sys.argv[1], f'{sys.argv[2]}/{code}.mp4', [code + ':1'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(video), str(tmp_path)], capture_output=True, check=True
    )
    assert (done.stdout, done.stderr) == (b"", b"")

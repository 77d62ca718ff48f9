"""Bad files: each gets a status with a reason that names it and no score, and the batch goes on."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import patch_durations, write_sound, write_video
from face_clips import another, background, head, moving_head, paste, write_face_clip

from unswap.detectors.headers import identify
from unswap.experiments.scoring.inputs import Inputs, Job
from unswap.experiments.scoring.run import ScoringRun, Settings, Summary, journal_path

FRONT = {"container_options": {"movflags": "faststart"}}
GROUPS = {"options": {"g": "10", "preset": "ultrafast"}}

# What becomes of each, and what the reason says.
EXPECTED: dict[str, tuple[str, str]] = {
    "cut_at_80_percent.mp4": ("scored", "frames sampled could not be decoded"),
    "cut_to_its_header.mp4": ("unreadable", "download it again"),
    "without_moov.mp4": ("unreadable", "can't be opened as a video"),
    "empty.mp4": ("unreadable", "empty (0 bytes)"),
    "text.mp4": ("unreadable", "can't be opened as a video"),
    "playlist.mp4": ("unreadable", "can't be opened as a video"),
    "sound.mp4": ("unreadable", "no video stream"),
    "no_face.mp4": ("no_face", "no face in"),
    "black.mp4": ("no_face", "no face in"),
    "face_of_12_pixels.mp4": ("too_small", "at least 24 px are needed"),
    "16384_wide.mp4": ("no_face", "no face in"),
    "too_many_pixels.avi": ("unreadable", "above the limit"),
    "folder.mp4": ("unreadable", "the folder is empty"),
    "dangling.mp4": ("unreadable", "no such file"),
    "never_there.mp4": ("unreadable", "no such file"),
    "vanishing.mp4": ("unreadable", "no such file"),
}
if hasattr(os, "mkfifo"):
    EXPECTED["pipe.mp4"] = ("unreadable", "not a file")
LYING = {"says_a_thousandth.mp4": 0.001, "says_a_thousand_times.mp4": 1000.0}


def _make(folder: Path, good: Path) -> None:
    cut = write_face_clip(folder / "whole.mp4", 40, **FRONT, **GROUPS).read_bytes()
    (folder / "cut_at_80_percent.mp4").write_bytes(cut[: len(cut) * 8 // 10])
    (folder / "cut_to_its_header.mp4").write_bytes(cut[: cut.index(b"mdat") + 100])
    late = good.read_bytes()
    assert late.index(b"moov") > len(late) // 2
    (folder / "without_moov.mp4").write_bytes(late[: late.index(b"moov") - 4])
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("This is not a video.\n" * 99)
    (folder / "playlist.mp4").write_text(f"#EXTM3U\n#EXTINF:1,\n{good}\n#EXT-X-ENDLIST\n")
    write_sound(folder / "sound.mp4")
    empty = background(160, 128)
    write_video(folder / "no_face.mp4", [empty] * 6)
    write_video(folder / "black.mp4", [np.zeros_like(empty)] * 6)
    small = paste(background(320, 240), head(24), 100, 100)
    write_video(folder / "face_of_12_pixels.mp4", [small] * 6, crf=8)
    wide = np.zeros((64, 16_384, 3), dtype=np.uint8)
    write_video(folder / "16384_wide.mp4", [wide] * 2, options={"preset": "ultrafast"})
    huge = np.zeros((2560, 16_384, 3), dtype=np.uint8)
    write_video(folder / "too_many_pixels.avi", [huge], codec="mjpeg", pix_fmt="yuvj420p")
    (folder / "folder.mp4").mkdir()
    (folder / "dangling.mp4").symlink_to(folder / "nowhere.mp4")
    write_face_clip(folder / "vanishing.mp4", 6)
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.mp4")
    for number, (name, factor) in enumerate(LYING.items(), 8):
        patch_durations(write_face_clip(folder / name, number), factor)
    shutil.copy(good, folder / "good.mp4")


class _Batch:
    """One run over all of them: what it wrote, what it said, and its summary."""

    def __init__(self, folder: Path, tiny_checkpoint: Path, good: Path) -> None:
        _make(folder, good)
        self.folder = folder
        names = [n for n in EXPECTED if n != "vanishing.mp4"]
        names = [*names, *LYING, "good.mp4", "vanishing.mp4"]
        out = folder / "scores.json"
        settings = Settings(
            checkpoint=tiny_checkpoint,
            detector=identify(tiny_checkpoint),
            version="0",
            out=out,
            threads=1,
            time_limit_seconds=120,
        )
        self.told: list[str] = []
        jobs = tuple(Job(str(folder / name)) for name in names)
        self.summary: Summary = ScoringRun(Inputs(jobs), settings, self._told).run()
        assert not journal_path(out).exists()
        written = json.loads(out.read_text())
        assert len(written) == len(names)
        self.records: dict[str, dict[str, Any]] = {Path(r["path"]).name: r for r in written}
        assert set(self.records) == set(names)

    def _told(self, record: dict[str, Any], report: str | None) -> None:
        (self.folder / "vanishing.mp4").unlink(missing_ok=True)
        self.told.append(Path(record["path"]).name)


@pytest.fixture(scope="module")
def batch(
    tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path, face_clip: Path
) -> _Batch:
    return _Batch(tmp_path_factory.mktemp("bad"), tiny_checkpoint, face_clip)


@pytest.mark.parametrize("name", EXPECTED)
def test_each_has_its_status_and_a_reason_that_names_it(batch: _Batch, name: str) -> None:
    record = batch.records[name]
    status, reason = EXPECTED[name]
    assert (record["status"], record["path"]) == (status, str(batch.folder / name))
    assert record["path"] in record["reason"]
    assert reason in record["reason"]
    assert (record["score"] is None) == (status != "scored")
    assert bool(record["tracks"]) == (status == "scored")


@pytest.mark.parametrize("name", LYING)
def test_a_header_that_lies_about_the_length_is_not_believed(batch: _Batch, name: str) -> None:
    record = batch.records[name]
    frames = 8 + list(LYING).index(name)
    assert record["status"] == "scored"
    assert record["input"]["num_frames"] == frames
    assert record["input"]["duration_seconds"] == pytest.approx(frames / 25, abs=0.05)


def test_the_good_one_among_them_is_scored_and_all_are_counted(batch: _Batch) -> None:
    assert batch.records["good.mp4"]["status"] == "scored"
    assert batch.records["good.mp4"]["reason"] is None
    assert sorted(batch.told) == sorted(batch.records)
    counted = {
        s: sum(r["status"] == s for r in batch.records.values()) for s in batch.summary.counts
    }
    assert counted == dict(batch.summary.counts)
    assert not batch.summary.all_scored


def test_ids_are_the_bytes_hash_where_there_are_bytes(batch: _Batch) -> None:
    for name, record in batch.records.items():
        kind = record["video_id"].partition("/")[0]
        unread = name in {
            "folder.mp4",
            "dangling.mp4",
            "never_there.mp4",
            "vanishing.mp4",
            "pipe.mp4",
        }
        assert kind == ("unread" if unread else "file"), name
    assert len({r["video_id"] for r in batch.records.values()}) == len(batch.records)


@pytest.mark.parametrize(("share", "status"), [(0.8, "scored"), (0.2, "unreadable")])
def test_the_missing_end_of_a_cut_file_is_stated(
    tiny_checkpoint: Path, tmp_path: Path, share: float, status: str
) -> None:
    import unswap

    whole = write_face_clip(tmp_path / "whole.mp4", 120, **FRONT, options={"g": "12"})
    data = whole.read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: round(len(data) * share)])
    score = unswap.score(path, detector=tiny_checkpoint)
    assert score.status == status
    assert score.reason is not None
    assert "120 frames" in score.reason


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads what it likes"
)
def test_a_file_that_may_not_be_read(
    tiny_checkpoint: Path, tmp_path: Path, face_clip: Path
) -> None:
    import unswap

    path = tmp_path / "secret.mp4"
    shutil.copy(face_clip, path)
    path.chmod(0)
    score = unswap.score(path, detector=tiny_checkpoint)
    assert score.status == "unreadable"
    assert score.reason is not None
    assert f"{path}: it may not be read" in score.reason


def test_a_video_that_takes_too_long_is_a_timeout(tiny_checkpoint: Path, face_clip: Path) -> None:
    import unswap

    score = unswap.score(face_clip, detector=tiny_checkpoint, time_limit_seconds=1e-4)
    assert score.status == "timeout"
    assert score.score is None
    assert score.reason is not None
    assert f"{face_clip}: took longer" in score.reason


def _damaged(data: bytes, chance: np.random.Generator) -> bytes:
    """One to six injuries: bytes changed, stretches emptied, cut out or repeated; or cut off."""
    out = bytearray(data)
    for _ in range(int(chance.integers(1, 7))):
        at = int(chance.integers(0, len(out)))
        if chance.random() < 0.3:  # headers are where the surprises are
            at = int(chance.integers(0, 1500))
        length = int(chance.integers(1, 200))
        kind = int(chance.integers(0, 5))
        if kind == 0:
            out[at] = int(chance.integers(0, 256))
        elif kind == 1:
            out[at : at + length] = chance.bytes(len(out[at : at + length]))
        elif kind == 2:
            out[at : at + length] = bytes(len(out[at : at + length]))
        elif kind == 3:
            del out[at : at + length]
        else:
            out[at:at] = out[at : at + length]
    if chance.random() < 0.2:
        del out[int(chance.integers(1000, len(out))) :]
    return bytes(out)


def _score_damaged(folder: Path, tiny_checkpoint: Path, count: int) -> None:
    """All copies through the command line; each must have a status."""
    videos = folder / "videos"
    videos.mkdir()
    originals = [
        write_face_clip(folder / "a.mp4", 16, **FRONT, **GROUPS),
        write_face_clip(folder / "b.mp4", 16, codec="libx265", **FRONT),
        write_face_clip(folder / "c.mkv", 16, **GROUPS),
        write_video(folder / "d.webm", (another(f) for f in moving_head(16)), codec="libvpx-vp9"),
        write_face_clip(folder / "e.ts", 16, **GROUPS),
    ]
    for seed in range(count):
        original = originals[seed % len(originals)]
        damaged = _damaged(original.read_bytes(), np.random.default_rng(seed))
        (videos / f"{seed}{original.suffix}").write_bytes(damaged)
    out = folder / "scores.csv"
    command = [sys.executable, "-P", "-m", "unswap.cli", "score", str(videos), "--out", str(out)]
    command += ["--detector", str(tiny_checkpoint), "--jobs", "1", "--num-frames", "4"]
    ended = subprocess.run([*command, "--time-limit", "60"], capture_output=True, text=True)
    assert ended.returncode in (0, 3), ended.stderr
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {Path(r["path"]).name for r in rows} == set(os.listdir(videos))
    for row in rows:
        assert row["status"] in {"scored", "no_face", "too_small", "unreadable"}, row["reason"]
        assert (row["score"] != "") == (row["status"] == "scored")
        assert row["status"] == "scored" or row["path"] in row["reason"]
    assert {"scored", "unreadable"} <= {r["status"] for r in rows}


def test_damaged_copies_each_get_a_status(tiny_checkpoint: Path, tmp_path: Path) -> None:
    _score_damaged(tmp_path, tiny_checkpoint, 25)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_five_hundred_damaged_copies_each_get_a_status(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    _score_damaged(tmp_path, tiny_checkpoint, 500)

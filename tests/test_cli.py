"""The command line: what it says, what it writes, how it ends."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from clips import write_video
from face_clips import background, write_face_clip
from pyarrow import parquet

from unswap import __version__
from unswap.cli import main

HEAVY = {"torch", "torchvision", "timm", "numpy", "cv2", "av", "pyarrow"}


def _python(code: str) -> set[str]:
    """The modules that a program has imported when it ends."""
    program = f"import sys\n{code}\nprint('modules', *sorted(sys.modules), file=sys.stderr)"
    command = [sys.executable, "-P", "-c", program]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(out.stderr.splitlines()[-1].split()[1:])


def _main(arguments: str) -> str:
    """A program that ends as `unswap ARGUMENTS` should, with exit code 0."""
    return (
        f"from unswap.cli import main\ntry: main({arguments.split()!r})\n"
        "except SystemExit as ended: assert ended.code == 0"
    )


@pytest.mark.parametrize(
    "code",
    [
        "import unswap",
        "import unswap; unswap.__version__; dir(unswap)",
        _main("--help"),
        _main("score --help"),
        "from unswap.cli import main\nassert main([]) == 2",
    ],
)
def test_the_door_is_light(code: str) -> None:
    modules = _python(code)
    assert "unswap" in modules
    assert not modules & HEAVY


def test_the_scoring_runs_own_process_does_without_torch() -> None:
    """It takes seconds to import, and the workers do that for themselves."""
    modules = _python("import unswap.experiments.scoring.command")
    assert not modules & {"torch", "torchvision", "timm"}


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"unswap {__version__}\n"


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_checkpoint: Path, face_clip: Path
) -> Path:
    """A folder to work in, with things in it that are used rightly and wrongly."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(face_clip, "a.mp4")
    shutil.copy(tiny_checkpoint, "tiny.safetensors")
    Path("empty").mkdir()
    Path("m.csv").write_text("video_id,root,path\nx,ffpp,a.mp4\n")
    Path("done.csv").write_text("video_id,status\nx,scored\n")
    Path("text.safetensors").write_text("not weights")
    Path("short.safetensors").write_bytes(tiny_checkpoint.read_bytes()[:100])
    import torch
    from safetensors.torch import save_file

    save_file({"w": torch.zeros(1)}, "foreign.safetensors")
    return tmp_path


WRONG = {
    "--detector xcepton a.mp4": "unknown detector 'xcepton'",
    "--detector tiny.safetensor a.mp4": "or give a checkpoint, FILE.safetensors",
    "--detector gone.safetensors a.mp4": "gone.safetensors: no such file",
    "--detector text.safetensors a.mp4": "text.safetensors: not a readable safetensors file",
    "--detector short.safetensors a.mp4": "short.safetensors: not a readable safetensors file",
    "--detector foreign.safetensors a.mp4": "not one that unswap wrote",
    "a.mp4 --resume": "--resume goes with --out",
    "a.mp4 --out scores.xlsx": "ends in .parquet, .csv, .json",
    "a.mp4 --out scores": "ends in .parquet, .csv, .json",
    "a.mp4 --out nowhere/scores.csv": "there is no folder",
    "a.mp4 --out done.csv": "done.csv: exists already",
    "a.mp4 --detector tiny.safetensors --report a.mp4": "a.mp4: exists, and is not a folder",
    "m.csv": "below root 'ffpp', and no folder was given",
    "m.csv --root other=.": "given: other",
    "m.csv --root ffpp=nowhere": "nowhere is not a folder",
    "m.csv --root . --root empty": "was given already",
    "m.csv a.mp4": "a manifest stands alone",
    "gone.csv": "gone.csv: no such file",
    "a.mp4 --root .": "--root goes with a manifest",
    "gone.mp4": "gone.mp4: no such file or folder",
    "*.avi": "*.avi: nothing matches",
    "empty": "empty: no video in this folder",
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_usage_says_what_is_wrong(
    here: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(os.listdir(here))
    assert main(["score", *line.split()]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("unswap score: ")
    assert WRONG[line] in said.err
    assert len(said.err.splitlines()) == 1
    assert sorted(os.listdir(here)) == before  # nothing is left lying about


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("score", "PATH"),
        ("score a.mp4 --jobs 0", "at least 1, got 0"),
        ("score a.mp4 --jobs two", "expected a whole number, got 'two'"),
        ("score a.mp4 --person -1", "at least 0"),
        ("score a.mp4 --colour red", "--colour"),
        ("frobnicate", "frobnicate"),
    ],
)
def test_what_the_parser_refuses(line: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    assert why in capsys.readouterr().err


def test_an_unknown_detector_lists_the_known_ones(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from unswap.detectors import pretrained

    main(["score", "a.mp4", "--detector", "xcepton"])
    said = capsys.readouterr().err
    assert "known:" in said
    assert all(name in said for name in pretrained.names())


def test_a_bare_root_may_have_an_equals_sign_in_its_name(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("set=1").mkdir()
    assert main(["score", "m.csv", "--root", "set=1", "--detector", "gone.safetensors"]) == 2
    assert "gone.safetensors: no such file" in capsys.readouterr().err  # the roots were fine


def test_a_finished_run_is_told_from_its_file(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = ["score", "a.mp4", "--out", "done.csv", "--resume"]
    assert main(again) == 0
    assert capsys.readouterr().out == "done.csv is finished: nothing to resume\n"
    Path("done.csv").write_text("video_id,status\nx,scored\ny,timeout\n")
    assert main(again) == 3


def test_a_device_that_is_not_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "score a.mp4 --detector tiny.safetensors --jobs 1 --out o.csv --device quantum"
    assert main(line.split()) == 2
    said = capsys.readouterr().err
    assert said.startswith("unswap score: device 'quantum': ")
    assert not Path("o.csv.journal").exists()  # the next try is no resuming


def _unwritable(here: Path) -> bool:
    return not hasattr(os, "geteuid") or os.geteuid() == 0


def test_a_folder_that_may_not_be_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if _unwritable(here):
        pytest.skip("root writes where it likes")
    Path("empty").chmod(0o500)
    assert main(["score", "a.mp4", "--out", "empty/o.csv"]) == 2
    assert "no permission to write" in capsys.readouterr().err


def test_a_journal_that_cannot_be_written_stops_the_run(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("o.csv.journal").mkdir()
    line = "score a.mp4 --detector tiny.safetensors --out o.csv --resume"
    assert main(line.split()) == 4
    assert "unswap score: stopped: o.csv.journal: " in capsys.readouterr().err


FIELDS = {"video_id", "status", "score", "detector", "tracks", "input", "seconds", "reason"}
INPUT = {"sha256", "bytes", "container", "codec", "width", "height", "fps"}
INPUT |= {"duration_seconds", "num_frames", "rotation"}


def _score(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """As a user runs it, with standard output and error going into pipes."""
    command = [sys.executable, "-P", "-m", "unswap.cli", "score", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, **environment},
    )


def test_a_manifest_whose_videos_are_all_scored(here: Path) -> None:
    import hashlib

    write_face_clip(Path("empty/b 换.mp4"), 10)
    rows = [
        {"video_id": "set/real/c23/1", "root": "one", "path": "a.mp4", "label": 0},
        {"video_id": "set/fake/c23/1", "root": "two", "path": "b 换.mp4", "label": 1},
    ]
    parquet.write_table(pa.Table.from_pylist(rows), "m.parquet")
    line = "m.parquet --root one=. --root two=empty --detector tiny.safetensors --jobs 1"
    ended = _score([*line.split(), "--out", "o.json"], PYTHONIOENCODING="ascii")
    assert ended.returncode == 0, ended.stderr
    assert "b \\u6362.mp4" in ended.stdout  # a screen that lacks a letter stops nothing
    records: list[dict[str, Any]] = json.loads(Path("o.json").read_text())
    assert [r["video_id"] for r in records] == ["set/real/c23/1", "set/fake/c23/1"]
    for record, path in zip(records, [Path("a.mp4"), Path("empty/b 换.mp4")], strict=True):
        assert record.keys() >= FIELDS
        assert record["status"] == "scored"
        assert record["reason"] is None
        weights = hashlib.sha256(Path("tiny.safetensors").read_bytes()).hexdigest()
        assert record["detector"] == {"name": "tiny", "sha256": weights, "version": "0"}
        assert set(record["seconds"]) == {"decode", "faces", "detector", "total"}
        parts = sum(v for k, v in record["seconds"].items() if k != "total")
        assert 0 < parts <= record["seconds"]["total"] + 0.001
        assert record["input"].keys() >= INPUT
        assert record["input"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert record["input"]["bytes"] == path.stat().st_size
        (track,) = record["tracks"]
        assert set(track) == {"track_id", "score", "num_frames", "frames"}
        assert track["num_frames"] == len(track["frames"]) == 8
        assert record["score"] == track["score"]
        for frame in track["frames"]:
            assert set(frame) == {"frame_index", "pts_seconds", "score", "box_xyxy"}
            assert len(frame["box_xyxy"]) == 4
        mean = sum(f["score"] for f in track["frames"]) / 8
        assert track["score"] == pytest.approx(mean, abs=1e-9)
    told = records[0]["input"]
    assert (told["width"], told["height"], told["num_frames"]) == (320, 240, 40)
    assert (told["codec"], told["rotation"]) == ("h264", 0)
    assert (told["fps"], told["duration_seconds"]) == pytest.approx((25, 1.6))


def test_folders_and_globs_with_one_line_a_video_and_a_summary(here: Path) -> None:
    Path("videos/deep").mkdir(parents=True)
    write_face_clip(Path("videos/deep/x\ny.mp4"), 6)
    write_video(Path("videos/none.mp4"), [background(160, 128)] * 3)
    Path("videos/bad.mkv").write_text("no video")
    line = "videos a*.mp4 --detector tiny.safetensors --jobs 1 --out o.parquet --report reports"
    ended = _score([*line.split(), "--num-frames", "2"])
    assert ended.returncode == 3, ended.stderr
    lines = ended.stdout.splitlines()
    videos, rest = lines[:4], lines[4:]
    assert [v.split()[0] for v in videos] == ["unreadable", "scored", "no_face", "scored"]
    assert [next(n for n in ("bad", "x\\ny", "none", "a.mp4") if n in v) for v in videos] == [
        "bad", "x\\ny", "none", "a.mp4",
    ]  # fmt: skip
    assert rest[0] == "4 videos: 1 no_face, 2 scored, 1 unreadable"
    assert rest[1] == "wrote o.parquet"
    assert "uncalibrated logits" in rest[2]
    assert "\r" not in ended.stdout
    assert "%|" not in ended.stdout + ended.stderr  # no progress bar into a pipe
    rows = parquet.read_table("o.parquet").to_pylist()
    assert [r["status"] for r in rows] == ["unreadable", "scored", "no_face", "scored"]
    printed = [float(v.split()[1]) for v in videos if v.startswith("scored")]
    assert printed == pytest.approx([r["score"] for r in rows if r["score"] is not None], abs=5e-4)
    frames = parquet.read_table("o.frames.parquet").to_pylist()
    assert {f["video_id"] for f in frames} == {
        r["video_id"] for r in rows if r["status"] == "scored"
    }
    assert len(list(Path("reports").glob("*.html"))) == 4


def test_a_person_who_is_not_there(here: Path) -> None:
    line = "a.mp4 --detector tiny.safetensors --jobs 1 --num-frames 2 --person 7"
    ended = _score(line.split())
    assert ended.returncode == 3, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("no_face")
    assert "no person 7 in this video; there are 0" in lines[0]
    assert lines[1:] == ["1 video: 1 no_face"]

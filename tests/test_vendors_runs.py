"""`unswap score` with a service: consent, kill -9 and resume, repeats, canaries, what is kept."""

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from vendor_stub import ENVIRONMENT, KEY, VendorStub, score_of

from unswap.cli import main
from unswap.datasets.manifests import Manifest, Video
from unswap.detectors.vendors.calls import read_calls
from unswap.experiments.scoring.run import journal_path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

# Scores the given files one after another, as a run's worker does, and says so.
WORKER = """
import sys
from pathlib import Path
from unswap.detectors.vendors.opening import locate, open_scorer
scorer = open_scorer(locate(sys.argv[1]), calls=Path(sys.argv[2]))
scorer.log.begin_run({})
for path in sys.argv[3:]:
    score = scorer.score(path, video_id=Path(path).name, time_limit_seconds=200)
    print(Path(path).name, score.status, score.score, score.reason, flush=True)
"""


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def videos(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "videos"
    folder.mkdir()
    paths = [folder / f"{name}.mp4" for name in "abcd"]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number, 7]) * 40_000)
    return paths


def _start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def _kill(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGKILL)
    out, _ = process.communicate()
    return out


def _rows(out: Path) -> dict[str, dict[str, str]]:
    with out.open(newline="", encoding="utf-8") as file:
        return {Path(row["path"]).name: row for row in csv.DictReader(file)}


@pytest.mark.parametrize(
    ("flow", "step", "lost"),
    [
        ("reality-defender", "submit", False),
        ("reality-defender", "upload", False),
        ("reality-defender", "poll", False),
        ("authenta", "upload", False),
        ("authenta", "finalise", False),
        ("authenta", "result", False),
        ("behavioral-signals", "submit", True),
        ("behavioral-signals", "poll", False),
        ("cyberette", "submit", True),
    ],
)
def test_killed_at_any_step_no_video_is_paid_for_twice(
    flow: str, step: str, lost: bool, videos: list[Path], tmp_path: Path
) -> None:
    """Killed while the second video's step is with the service, which has done its part of it."""
    with VendorStub(flow) as stub:
        log = tmp_path / "scores.csv.calls"
        command = [sys.executable, "-P", "-c", WORKER, str(stub.describe(tmp_path)), str(log)]
        command += map(str, videos)
        stub.hold_second(step)
        process = _start(command)
        assert stub.arrived.wait(200)
        told = _kill(process)
        assert told.count(" scored ") == 1
        stub.let_go()
        jobs_before = len(stub.jobs)
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        lines = {line.split()[0]: line for line in ended.stdout.splitlines()}
        assert len(lines) == 4
        assert max(stub.sold.values()) == 1
        for name, line in lines.items():
            if lost and name == "b.mp4":
                assert " failed None " in line
                assert "it may have been charged, and is not sent again" in line
            else:
                assert " scored " in line, line
        assert stub.sold.total() == 4
        # a job that was begun is asked for again, and no other is made in its place
        again = step == "submit" and not lost
        assert len(stub.jobs) == jobs_before + 2 + again


def test_killed_while_the_file_is_on_its_way_it_is_sent_again(tmp_path: Path) -> None:
    """The log says that its last bytes never went out: nothing can have been charged."""
    big = tmp_path / "big.mp4"
    with big.open("wb") as file:
        file.truncate(64 << 20)
    with VendorStub("cyberette") as stub:
        log = tmp_path / "scores.csv.calls"
        command = [sys.executable, "-P", "-c", WORKER, str(stub.describe(tmp_path)), str(log)]
        stub.slow_reading = True
        process = _start([*command, str(big)])
        assert stub.arrived.wait(200)
        _kill(process)
        events = [e["event"] for e in read_calls(log)]
        assert events == ["run", "begin"]
        stub.slow_reading = False
        stub.go.set()
        ended = subprocess.run([*command, str(big)], capture_output=True, text=True, check=True)
        assert " scored " in ended.stdout
        assert stub.sold.total() == 1


def test_a_killed_run_goes_on_with_the_same_table(videos: list[Path], tmp_path: Path) -> None:
    """The whole command, killed after an upload and before its result, and resumed."""
    manifest = tmp_path / "manifest.csv"
    Manifest.from_videos(
        Video(video_id=f"made/real/-/{p.stem}", path=p.name, label=0) for p in videos
    ).write(manifest)
    out = tmp_path / "scores.csv"
    with VendorStub("reality-defender", faults={"poll": ["ok", "429:0.01", "500"]}) as stub:
        price = {"per_call": 0.1, "currency": "EUR"}
        description = stub.describe(tmp_path, price=price)
        command = [sys.executable, "-P", "-m", "unswap.cli", "score", str(manifest)]
        command += ["--root", str(videos[0].parent), "--detector", str(description)]
        command += ["--consent-upload", "--out", str(out), "--repeat", "1"]
        stub.hold_second("poll")
        process = _start(command)
        assert stub.arrived.wait(200)
        _kill(process)
        stub.let_go()
        assert not out.exists()
        assert (tmp_path / "scores.csv.calls").exists()
        refused = subprocess.run(command, capture_output=True, text=True)
        assert refused.returncode == 2
        assert "go on with --resume" in refused.stderr
        ended = subprocess.run([*command, "--resume"], capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        assert "cost: 0.50 EUR" in ended.stdout
        assert "scored twice: 1 with a score both times, 0 of them with another" in ended.stdout
        assert stub.leaks == []
        assert stub.sold.total() == 5
        assert sorted(stub.sold.values()) == [1, 1, 1, 2]  # one is scored twice
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({r["video_id"] for r in rows}) == len(rows) == 4
    assert {r["condition"] for r in rows} == {"none"}
    assert len((tmp_path / "scores.repeats.csv").read_text().splitlines()) == 2
    for row in rows:
        assert row["status"] == "scored"
        name = row["video_id"].rsplit("/", 1)[1]
        truth = score_of(_sha256(videos[0].parent / f"{name}.mp4"))
        assert float(row["score"]) == pytest.approx(truth)
        assert row["score_kind"] == "probability"
        assert row["cost"] == "0.1"
    assert not journal_path(out).exists()
    assert not (tmp_path / "scores.csv.calls").exists()
    kept = gzip.decompress((tmp_path / "scores.calls.jsonl.gz").read_bytes()).decode()
    events = [json.loads(line) for line in kept.splitlines()]
    assert [e["uploads_to"] for e in events if e["event"] == "run"] == [stub.url] * 2
    assert sum(e["event"] == "final" for e in events) == 5
    assert {e["bytes"] for e in events if e["event"] == "begin"} == {80_000}
    for file in tmp_path.iterdir():
        if file.is_file() and file.suffix != ".gz":
            assert KEY not in file.read_text()
    assert KEY not in kept + ended.stdout + ended.stderr


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_spent_budget_ends_the_run_and_a_greater_one_goes_on(
    videos: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scores.csv"
    with VendorStub("sealed-rose") as stub:
        limits = {"at_a_time": 1, "budget": {"calls": 2}}
        description = stub.describe(tmp_path, limits=limits)
        command = ["score", *map(str, videos), "--detector", str(description), "--consent-upload"]
        command += ["--out", str(out)]
        assert main(command) == 4
        assert "the budget of 2 calls is used up; raise limits.budget" in capsys.readouterr().err
        stub.describe(tmp_path, limits={"at_a_time": 1, "budget": {"calls": 4}})
        assert main([*command, "--resume"]) == 0
        assert "2 of them were finished before this run" in capsys.readouterr().out
        assert stub.sold.total() == 4
        assert len(_rows(out)) == 4


def test_nothing_is_sent_without_consent_an_output_and_a_key(
    videos: list[Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with VendorStub("cyberette") as stub:
        description = str(stub.describe(tmp_path))
        command = ["score", str(videos[0]), "--detector", description]
        out = ["--out", str(tmp_path / "scores.csv")]
        consent = "--consent-upload"
        for line, says in [
            ([*command, *out], f"sends the videos, faces and all, to {stub.url}"),
            ([*command, consent], "needs --out"),
            (
                [*command, *out, consent, "--num-frames", "3"],
                "--num-frames goes with detectors that",
            ),
            ([*command, *out, consent, "--report", "r"], "--report goes with"),
            ([*command, *out, consent, "--device", "cuda"], "--device does not reach"),
            ([*command, *out, consent, "--canary-since", "x.json"], "add --canary"),
        ]:
            assert main(line) == 2
            assert says in capsys.readouterr().err
        monkeypatch.delenv("CYBERETTE_API_KEY")
        assert main([*command, *out, consent]) == 2
        assert "CYBERETTE_API_KEY is not set" in capsys.readouterr().err
        assert stub.seen == []
        assert sorted(p.name for p in tmp_path.iterdir()) == ["cyberette.yaml", "videos"]


def test_canaries_tell_when_the_model_was_changed(
    videos: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with VendorStub("cyberette", scores={_sha256(videos[3]): 0.25}) as stub:
        description = str(stub.describe(tmp_path))

        def run(name: str, *more: str) -> tuple[str, dict[str, Any]]:
            command = ["score", str(videos[0]), "--detector", description, "--consent-upload"]
            command += ["--canary", str(videos[3]), "--out", str(tmp_path / f"{name}.csv"), *more]
            assert main(command) == 0
            kept: dict[str, Any] = json.loads((tmp_path / f"{name}.canaries.json").read_text())
            return capsys.readouterr().out, kept

        said, kept = run("first", "--repeat", "1")
        assert "1 canaries: nothing has moved" in said
        assert kept["noise"] == 0
        assert kept["canaries"] == {
            f"file/{_sha256(videos[3])}": {
                "before": {"status": "scored", "score": 0.25},
                "after": {"status": "scored", "score": 0.25},
            }
        }
        assert list(_rows(tmp_path / "first.csv")) == ["a.mp4"]  # they are no rows of the table
        since = ["--canary-since", str(tmp_path / "first.canaries.json")]
        assert "nothing has moved" in run("second", *since)[0]
        stub.shift = 0.125
        said, kept = run("third", *since)
        assert "WARNING: 1 of the canaries' answers moved" in said
        assert "since first.canaries.json: 0.25 -> 0.375" in said
        assert len(kept["moved"]) == 1
        other = tmp_path / "other.json"
        other.write_text(json.dumps({**kept, "detector": {"name": "another"}}))
        command = ["score", str(videos[0]), "--detector", description, "--consent-upload"]
        command += ["--canary", str(videos[3]), "--out", str(tmp_path / "fourth.csv")]
        assert main([*command, "--canary-since", str(other)]) == 2
        assert "the canaries of 'another', expected those of 'cyberette'" in capsys.readouterr().err


def test_a_dead_worker_is_one_failure(videos: list[Path], tmp_path: Path) -> None:
    """Its process is killed while a video is with the service; the others go on."""
    out = tmp_path / "scores.csv"
    with VendorStub("behavioral-signals") as stub:
        description = stub.describe(tmp_path, limits={"at_a_time": 1})
        stub.hold_second("poll")
        command = [sys.executable, "-P", "-m", "unswap.cli", "score", *map(str, videos)]
        command += ["--detector", str(description), "--consent-upload", "--out", str(out)]
        process = _start(command)
        assert stub.arrived.wait(200)
        (worker,) = _children(process.pid)
        os.kill(worker, signal.SIGKILL)
        stub.let_go()
        _, errors = process.communicate(timeout=200)
        assert process.returncode == 3, errors
        assert stub.sold.total() == 4
    statuses = [row["status"] for row in _rows(out).values()]
    assert sorted(statuses) == ["failed", "scored", "scored", "scored"]


def _children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
    return found

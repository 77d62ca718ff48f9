"""Batches end well: killed and resumed, with dying and hanging workers, on a full disk."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clips import write_video
from face_clips import background, write_face_clip
from light_workers import HELD, HERE, LIGHT, REAL

from unswap.cli import main
from unswap.datasets.journal import Journal
from unswap.detectors.headers import identify
from unswap.experiments.jobs import pool
from unswap.experiments.scoring import answers
from unswap.experiments.scoring.inputs import expand
from unswap.experiments.scoring.run import ScoringRun, Settings, journal_path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and process groups")

CLIPS = 12  # with another one of the same bytes, and one without a face


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve clips, one of them without a face, and a copy of the first under another name."""
    folder = tmp_path_factory.mktemp("clips")
    for i in range(CLIPS - 1):
        write_face_clip(folder / f"{i:02}.mp4", 4 + i, options={"preset": "ultrafast"})
    write_video(folder / "empty.mp4", [background(160, 128)] * 4)
    shutil.copy(folder / "00.mp4", folder / "zz copy.mp4")
    return folder


Door = tuple[str, ...]


@pytest.fixture(
    scope="module",
    params=[pytest.param(LIGHT, id="light"), pytest.param(REAL, id="real", marks=pytest.mark.slow)],
)
def door(request: pytest.FixtureRequest) -> Door:
    """What runs `unswap`: with light workers, and in the slow tests with the package's own."""
    found: Door = request.param
    return found


def _command(door: Door, folder: Path, out: Path, checkpoint: Path, *more: str) -> list[str]:
    command = [*door, "score", str(folder), "--out", str(out)]
    command += ["--detector", str(checkpoint), "--num-frames", "4"]
    return [*command, *(more or ("--jobs", "1"))]


def _run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def _records(out: Path) -> list[dict[str, Any]]:
    """What stands in an output file, in order of ids, without the seconds that it took."""
    records: list[dict[str, Any]] = json.loads(out.read_text(encoding="utf-8"))
    return sorted(({**r, "seconds": None} for r in records), key=lambda r: str(r["video_id"]))


@pytest.fixture(scope="module")
def undisturbed(
    door: Door, folder: Path, tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The table of a run that nothing disturbed."""
    out = tmp_path_factory.mktemp("undisturbed") / "scores.json"
    ended = _run(_command(door, folder, out, tiny_checkpoint))
    assert ended.returncode == 3, ended.stderr  # one has no face
    assert not journal_path(out).exists()
    return out


def _same_results(out: Path, undisturbed: Path) -> None:
    assert _records(out) == _records(undisturbed)
    assert [p.name for p in out.parent.iterdir() if p.suffix in (".part", ".journal")] == []


def test_the_same_bytes_are_scored_once_and_named(
    folder: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "scores.json"
    ended = _run(_command(REAL, folder, out, tiny_checkpoint))
    assert ended.returncode == 3, ended.stderr
    rows = _records(out)
    assert len(rows) == CLIPS
    assert sorted(r["status"] for r in rows) == ["no_face"] + ["scored"] * (CLIPS - 1)
    assert "zz copy.mp4" not in {Path(r["path"]).name for r in rows}
    copy, first = folder / "zz copy.mp4", folder / "00.mp4"
    assert f"same bytes, not scored again: {copy} = {first}" in ended.stdout.splitlines()


def test_two_jobs_give_the_same_table(
    door: Door, folder: Path, tiny_checkpoint: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "scores.json"
    assert _run(_command(door, folder, out, tiny_checkpoint, "--jobs", "2")).returncode == 3
    # Each worker has fewer threads, which adds numbers up in another order: the last digits differ.
    assert _loose(_records(out), 1e-6) == _loose(_records(undisturbed), None)


def _loose(value: Any, tolerance: float | None) -> Any:
    """The same, with every float to be compared with a tolerance (None: as it is)."""
    if isinstance(value, dict):
        return {
            k: _loose(v, 1 if tolerance and k == "box_xyxy" else tolerance)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [_loose(v, tolerance) for v in value]
    return pytest.approx(value, abs=tolerance) if tolerance and isinstance(value, float) else value


def _whole_lines(journal: Path) -> list[str]:
    """The ids of the videos that are finished at this moment."""
    lines = journal.read_bytes().split(b"\n")[1:-1] if journal.exists() else []
    return [json.loads(line)["video_id"] for line in lines]


def _kill_in_the_middle(command: list[str], journal: Path, finished: int, moment: float) -> None:
    """Kills the whole process group `moment` seconds after so many videos are finished.

    A light worker waits at the next video but one, so that the run can't end before.
    """
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, HELD: f"{finished + 1:02}.mp4"},
    )
    end = time.monotonic() + 250
    while len(_whole_lines(journal)) < finished and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.005)
    time.sleep(moment)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_killed_at_any_moment_and_resumed_nothing_is_lost_or_done_twice(
    door: Door, folder: Path, tiny_checkpoint: Path, undisturbed: Path, tmp_path: Path
) -> None:
    chance = random.Random(11)
    out = tmp_path / "scores.json"
    journal = journal_path(out)
    command = _command(door, folder, out, tiny_checkpoint)
    kept: list[str] = []
    # At once, while the detector loads, and three times while videos are scored.
    moments = [(0, 0.1), (0, chance.uniform(0.5, 1.5))]
    moments += [(at, chance.uniform(0, 0.25)) for at in sorted(chance.sample(range(1, 9), 3))]
    for at, moment in moments:
        _kill_in_the_middle(command, journal, at, moment)
        assert not out.exists()
        now = _whole_lines(journal)
        assert now[: len(kept)] == kept  # what was finished before stands as it was
        kept = now
        if journal.exists() and "--resume" not in command:
            command.append("--resume")
    assert 0 < len(kept) < CLIPS
    ended = _run(command)
    assert ended.returncode == 3, ended.stderr
    assert f"{len(kept)} of them were finished before this run" in ended.stdout.splitlines()
    _same_results(out, undisturbed)
    assert [r["video_id"] for r in json.loads(out.read_text())][: len(kept)] == kept
    # Once more: there is nothing to do, and the exit code still tells of the one without a face.
    again = _run(command)
    assert (again.returncode, again.stdout) == (3, f"{out} is finished: nothing to resume\n")


class _Disturbed:
    """A run in this process whose worker is sent a signal after each of the first scores."""

    def __init__(self, signals: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
        self.signals = signals
        self.records: list[dict[str, Any]] = []
        self.pids: list[int] = []
        start = subprocess.Popen

        def noted(*arguments: Any, **options: Any) -> Any:
            process = start(*arguments, **options)
            self.pids.append(process.pid)
            return process

        monkeypatch.setattr(subprocess, "Popen", noted)

    def told(self, record: dict[str, Any], report: str | None) -> None:
        self.records.append(record)
        if self.signals and record["status"] == "scored":  # the worker has its next video already
            os.kill(self.pids[-1], self.signals.pop(0))


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_worker_that_dies_and_one_that_hangs_cost_one_video_each(
    door: Door, tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["0.mp4", "1 held.mp4", "2.mp4", "3 held.mp4", "4.mp4"]  # light workers hold on to two
    for i, name in enumerate(names):
        write_face_clip(tmp_path / name, 60 + i)
    if door is LIGHT:
        monkeypatch.setattr(answers, "WORKER", "light_scorer")
        monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.setattr(pool, "KILL_GRACE_SECONDS", 0.5)
    disturbed = _Disturbed([signal.SIGKILL, signal.SIGSTOP], monkeypatch)
    settings = Settings(
        checkpoint=tiny_checkpoint,
        detector=identify(tiny_checkpoint),
        version="0",
        num_frames=60,
        threads=1,
        time_limit_seconds=3 if door is LIGHT else 20,
    )
    summary = ScoringRun(expand([str(tmp_path)], {}), settings, disturbed.told).run()
    records = {Path(r["path"]).name: r for r in disturbed.records}
    statuses = ["scored", "failed", "scored", "timeout", "scored"]
    assert {n: r["status"] for n, r in records.items()} == dict(zip(names, statuses, strict=True))
    assert summary.counts == {"scored": 3, "failed": 1, "timeout": 1}
    died, hung = records["1 held.mp4"], records["3 held.mp4"]
    assert died["score"] is None
    assert str(tmp_path / "1 held.mp4") in died["reason"]
    assert "died (signal 9)" in died["reason"]
    assert hung["score"] is None
    assert str(tmp_path / "3 held.mp4") in hung["reason"]
    assert "hung, and was ended" in hung["reason"]
    assert len(disturbed.pids) == 3
    assert all(_gone(pid) for pid in disturbed.pids)


# A worker's side of the conversation without a network: answers at once, or as told by the name.
STAND_IN = """
import json, os, sys, time
settings = json.loads(sys.stdin.readline())
print(json.dumps({"answer": "ready"}), flush=True)
for line in sys.stdin:
    name = os.path.basename(json.loads(line)["path"])
    if name.startswith("hang"):
        time.sleep(1000)
    if name.startswith("torn"):
        print('{"answer": "sc', end="", flush=True)
        os._exit(3)
    if name.startswith("says"):
        sys.exit("last words")
    if name.startswith("slow"):
        time.sleep(0.1)
    score = {"status": "scored", "path": name}
    print(json.dumps({"answer": "score", "score": score, "report": None}), flush=True)
"""


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    start = subprocess.Popen

    def instead(command: list[str], **options: Any) -> Any:
        assert command[-1] == "unswap.experiments.scoring.worker"
        return start([sys.executable, "-c", STAND_IN], **options)

    monkeypatch.setattr(subprocess, "Popen", instead)


def _answers(names: list[str], workers: int, limit: float | None) -> Iterator[answers.Answer]:
    jobs = ((key, name, None, "none") for key, name in enumerate(names))
    return answers.score_jobs(jobs, {"threads": 1, "time_limit_seconds": limit}, workers)


@pytest.mark.parametrize("workers", [1, 3])
def test_every_job_is_answered_once_whatever_workers_do(stand_in: None, workers: int) -> None:
    names = ["a", "torn", "b", "says", "torn", "c", "d", "says"]
    answers = {a.key: a for a in _answers(names, workers, None)}
    assert sorted(answers) == list(range(8))
    for key, name in enumerate(names):
        assert answers[key].status == ("scored" if len(name) == 1 else "failed")
        if name == "torn":
            assert answers[key].reason == "torn: the process that scored it died (exit code 3)"
        if name == "says":
            assert "exit code 1; it said: last words" in str(answers[key].reason)


def test_a_hang_is_ended_while_others_keep_the_pool_busy(
    stand_in: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "KILL_GRACE_SECONDS", 0.2)
    names = ["hang", *["slow"] * 40]  # four seconds, with an answer every tenth of a second
    order = [(a.key, a.status) for a in _answers(names, 2, 0.5)]
    assert sorted(key for key, _ in order) == list(range(41))
    assert (0, "timeout") in order[:30]
    assert sum(status == "scored" for _, status in order) == 40


def test_no_more_workers_are_left_when_the_caller_goes_away(
    stand_in: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    disturbed = _Disturbed([], monkeypatch)
    answers = _answers(["a"] * 50, 2, None)
    assert next(answers).status == "scored"
    answers.close()  # type: ignore[attr-defined]
    assert len(disturbed.pids) == 2
    assert all(_gone(pid) for pid in disturbed.pids)


def test_a_second_run_into_the_same_file_is_refused(
    folder: Path, tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scores.json"
    settings = Settings(tiny_checkpoint, identify(tiny_checkpoint), "0", num_frames=4)
    first = Journal(journal_path(out), settings.of_results(None), resume=False)
    first.add({"video_id": "file/1", "path": "1.mp4", "status": "scored"})
    before = journal_path(out).read_bytes()
    arguments = _command((), folder, out, tiny_checkpoint)
    for more in ([], ["--resume"]):
        assert main([*arguments, *more]) == 2
        assert "another run is writing to this --out" in capsys.readouterr().err
    assert journal_path(out).read_bytes() == before
    assert not out.exists()
    first.close()


def _stops_and_goes_on(
    stopped: subprocess.CompletedProcess[str], resume: list[str]
) -> subprocess.CompletedProcess[str]:
    assert stopped.returncode == 4, stopped.stderr
    (message,) = [x for x in stopped.stderr.splitlines() if x.startswith("unswap score: stopped")]
    assert "go on with --resume" in message
    assert "scores.json" in message
    assert "Traceback" not in stopped.stderr
    ended = _run(resume)
    assert ended.returncode == 3, ended.stderr
    return ended


def test_where_no_file_may_grow_further_the_run_stops_and_can_be_resumed(
    door: Door, folder: Path, tiny_checkpoint: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """EFBIG, from a limit on the size of files, in the middle of the journal."""
    import resource

    out = tmp_path / "scores.json"
    command = _command(door, folder, out, tiny_checkpoint)
    limits = (8_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    stopped = _run(command, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits))
    kept = _whole_lines(journal_path(out))
    assert 0 < len(kept) < CLIPS
    assert journal_path(out).read_bytes().endswith(b"\n")
    assert not out.exists()
    ended = _stops_and_goes_on(stopped, [*command, "--resume"])
    assert f"{len(kept)} of them were finished before this run" in ended.stdout
    _same_results(out, undisturbed)


def test_a_full_disk_stops_the_run_and_it_can_be_resumed(
    door: Door, folder: Path, tiny_checkpoint: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """ENOSPC on a small file system of its own, when the table is to be written."""
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)]
    mounted = _run(mount) if shutil.which("mount") else None
    if mounted is None or mounted.returncode != 0:
        pytest.skip(f"mounting is not permitted: {mounted.stderr.strip() if mounted else ''}")
    try:
        out = small / "scores.json"
        ballast = small / "ballast"
        room = 8_192 + sum(len(json.dumps(r)) for r in _records(undisturbed))
        assert room < 250_000  # the journal fits and, as it takes the same, the output doesn't
        ballast.write_bytes(bytes(256 * 1024 - _pages(room)))
        command = _command(door, folder, out, tiny_checkpoint)
        stopped = _run(command)
        assert not out.exists()
        assert len(_whole_lines(journal_path(out))) == CLIPS
        ballast.unlink()
        ended = _stops_and_goes_on(stopped, [*command, "--resume"])
        assert f"{CLIPS} of them were finished before this run" in ended.stdout
        _same_results(out, undisturbed)
    finally:
        _run(["umount", str(small)])


def _pages(size: int) -> int:
    return -(-size // 4096) * 4096

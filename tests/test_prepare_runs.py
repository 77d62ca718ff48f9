"""`unswap prepare` as a process: killed and resumed, on a full disk, twice at once, on a cluster."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clips import write_video
from face_clips import background, write_face_clip
from light_workers import HOLD_FILE, LIGHT, REAL
from pyarrow import parquet

from unswap.cli import main
from unswap.datasets.manifests import Manifest, Video
from unswap.datasets.shards.layout import Prepared
from unswap.experiments.preparing.engines import ENGINES
from unswap.experiments.preparing.on_ray import ShardActor
from unswap.experiments.preparing.run import _open_folder
from unswap.experiments.preparing.shard_job import Shards, Work

CLIPS = 8


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of clips, one without a face, one unreadable; and their manifest."""
    folder = tmp_path_factory.mktemp("batch")
    videos = folder / "videos"
    videos.mkdir()
    for i in range(CLIPS - 2):
        write_face_clip(videos / f"{i}.mp4", 30 + 6 * i)
    write_video(videos / "empty.mp4", [background(160, 120)] * 6)
    (videos / "bad.mp4").write_bytes(b"no video")
    names = sorted(p.name for p in videos.iterdir())
    rows = [Video(f"v/{name}", name, i % 2, split="train") for i, name in enumerate(names)]
    Manifest.from_videos(rows).write(folder / "manifest.parquet")
    return folder


def _command(batch: Path, out: Path, *more: str, door: tuple[str, ...] = LIGHT) -> list[str]:
    return [*door, *_arguments(batch, out, *more)]


def _arguments(batch: Path, out: Path, *more: str) -> list[str]:
    manifest, root = str(batch / "manifest.parquet"), str(batch / "videos")
    return ["prepare", manifest, "--root", root, "--out", str(out), "--num-frames", "6", *more]


def _run(command: list[str], **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]


def _files(folder: Path) -> dict[str, bytes]:
    files = [p for p in folder.rglob("*") if p.is_file()]
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(files)}


def _undisturbed(batch: Path, out: Path, door: tuple[str, ...]) -> dict[str, bytes]:
    ended = _run(_command(batch, out, "--jobs", "1", door=door))
    assert ended.returncode == 3, ended.stderr
    assert "no_face" in ended.stdout
    assert "unreadable" in ended.stdout
    assert f"in all {CLIPS // 2:13}{CLIPS // 2:14}; 36 crops" in ended.stdout
    return _files(out)


@pytest.fixture(scope="module")
def undisturbed(batch: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What light workers make: faces are found by their colour, the rest is the package's own."""
    return _undisturbed(batch, tmp_path_factory.mktemp("undisturbed") / "crops", LIGHT)


@pytest.fixture(scope="module")
def real(batch: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What `unswap prepare` makes."""
    return _undisturbed(batch, tmp_path_factory.mktemp("real") / "crops", REAL)


def test_videos_and_index_say_what_became_of_each(
    batch: Path, real: dict[str, bytes], tmp_path: Path
) -> None:
    for name in ("videos.parquet", "index.parquet"):
        (tmp_path / name).write_bytes(real[name])
    videos = parquet.read_table(tmp_path / "videos.parquet").to_pylist()
    assert [v["video_id"] for v in videos] == Manifest.read(batch / "manifest.parquet").column(
        "video_id"
    )
    statuses = {v["video_id"]: v["status"] for v in videos}
    assert statuses["v/empty.mp4"] == "no_face"
    assert statuses["v/bad.mp4"] == "unreadable"
    assert list(statuses.values()).count("prepared") == CLIPS - 2
    index = parquet.read_table(tmp_path / "index.parquet").to_pylist()
    assert len(index) == 6 * (CLIPS - 2)
    assert {r["video_id"] for r in index} == {v for v, s in statuses.items() if s == "prepared"}
    prepared = json.loads(real["prepared.json"])
    assert prepared["spec"]["sampling"]["num_clips"] == 6
    assert len(prepared["manifest_sha256"]) == 64
    assert "mtcnn" in prepared["face_detector"]


def _disturb(
    batch: Path,
    out: Path,
    kills: int,
    chance: random.Random,
    undisturbed: dict[str, bytes],
    door: tuple[str, ...],
) -> None:
    """Kills the run, workers and all, at random moments, and resumes it each time.

    A run that comes to its end all the same is compared, and another one begun.
    """
    while kills:
        more = ["--resume"] if (out / "prepared.json").exists() else []
        command = _command(batch, out, "--jobs", "2", *more, door=door)
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        before, end = len(_journals(out)), time.monotonic() + 200
        if chance.random() < 0.7:  # until work has begun; otherwise while things load
            while len(_journals(out)) == before and process.poll() is None:
                assert time.monotonic() < end
                time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.1 if door is LIGHT else 0.4))
        if process.poll() is not None:
            assert process.returncode == 3
            assert _files(out) == undisturbed
            shutil.rmtree(out)
            continue
        # the main process alone now and then: its workers must go with it
        victim = process.pid if chance.random() < 0.3 else -process.pid
        os.kill(victim, signal.SIGKILL)
        process.wait()
        kills -= 1


def _journals(out: Path) -> list[Path]:
    return [*(out / "shards").glob("*.journal"), *(out / "shards").glob("*.tar")]


def _resumed(
    batch: Path, out: Path, undisturbed: dict[str, bytes], door: tuple[str, ...] = LIGHT
) -> None:
    more = ["--resume"] if (out / "prepared.json").exists() else []
    ended = _run(_command(batch, out, *more, door=door))
    assert ended.returncode == 3, ended.stderr
    assert _files(out) == undisturbed


def test_killed_and_resumed_the_result_is_the_same_byte_for_byte(
    batch: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    _disturb(batch, tmp_path / "crops", 4, random.Random(3), undisturbed, LIGHT)
    _resumed(batch, tmp_path / "crops", undisturbed)


@pytest.mark.slow
def test_killed_twenty_times_the_result_is_the_same_byte_for_byte(
    batch: Path, real: dict[str, bytes], tmp_path: Path
) -> None:
    _disturb(batch, tmp_path / "crops", 20, random.Random(20), real, REAL)
    _resumed(batch, tmp_path / "crops", real, REAL)


def test_a_worker_that_is_killed_is_replaced_and_nothing_is_lost(
    batch: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out, hold = tmp_path / "crops", tmp_path / "hold"
    hold.touch()
    # one worker: a second one might still be starting, and a start that is killed stops the run
    command = _command(batch, out, "--jobs", "1")
    environment = {**os.environ, HOLD_FILE: str(hold)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    end = time.monotonic() + 200
    while hold.exists():
        assert time.monotonic() < end
        time.sleep(0.005)
    assert list((out / "shards").glob("*.journal"))
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    os.kill(int(children[0]), signal.SIGKILL)
    process.communicate(timeout=200)
    assert process.returncode == 3
    assert _files(out) == undisturbed


def test_damaged_shards_are_made_again_and_named(
    batch: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "crops"
    for name, data in undisturbed.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(data)
    (out / "shards" / "000003.tar").unlink()
    os.truncate(out / "shards" / "000001.tar", 1024)
    (out / "shards" / "000004.tar.partial").write_bytes(b"of a run before")
    ended = _run(_command(batch, out, "--resume", "--jobs", "1"))
    assert ended.returncode == 3, ended.stderr
    assert "damaged, and made again: 000001.tar\n" in ended.stdout
    assert f"{CLIPS - 2} of these videos are in shards that were finished before" in ended.stdout
    assert f"in all {CLIPS // 2:13}{CLIPS // 2:14}; 36 crops" in ended.stdout
    assert _files(out) == undisturbed


def test_a_run_that_ended_before_it_said_what_it_is_can_be_begun_again(
    batch: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    prepared = Prepared.from_json(undisturbed["prepared.json"].decode(), tmp_path)
    out = tmp_path / "crops"
    out.mkdir()
    (out / ".prepared.json").write_bytes(b"{")  # what a full disk leaves
    _open_folder(out, prepared, resume=False).close()
    assert sorted(p.name for p in out.iterdir()) == [".lock", "prepared.json", "shards"]


WRONG = {
    "--margin 0.2": "expected a margin from 1 to 5, got 0.2",
    "--max-size 9": "expected a max_size from 32",
    "--faces whole --margin 2": "--faces whole takes pictures as they are",
    "--ray-address auto": "--ray-address goes with --engine ray",
}


@pytest.mark.parametrize("more", WRONG)
def test_wrong_usage_is_told(
    batch: Path, tmp_path: Path, more: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*_arguments(batch, tmp_path / "crops"), *more.split()]) == 2
    assert WRONG[more] in capsys.readouterr().err
    assert not (tmp_path / "crops").exists()


def test_a_folder_with_something_else_or_other_crops_is_refused(
    batch: Path, tmp_path: Path, undisturbed: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "crops"
    out.mkdir()
    (out / "holiday.jpg").write_bytes(b"")
    assert main(_arguments(batch, out)) == 2
    assert "something else lies in this folder (holiday.jpg)" in capsys.readouterr().err
    (out / "holiday.jpg").unlink()
    (out / "prepared.json").write_bytes(undisturbed["prepared.json"])
    assert main(_arguments(batch, out)) == 2
    assert "go on with --resume" in capsys.readouterr().err
    assert main(_arguments(batch, out, "--resume", "--margin", "1.5")) == 2
    assert "cut with margin 2.0, and this run's is 1.5" in capsys.readouterr().err
    (out / "prepared.json").write_text('{"format": 1}')
    assert main(_arguments(batch, out, "--resume")) == 2
    assert "prepared.json: not a description of prepared crops" in capsys.readouterr().err


def test_two_runs_into_one_folder_at_once_are_refused(
    batch: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import fcntl

    out = tmp_path / "crops"
    out.mkdir()
    with (out / ".lock").open("ab") as held:
        fcntl.flock(held.fileno(), fcntl.LOCK_EX)
        assert main(_arguments(batch, out)) == 2
    assert "another run is writing into this folder" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes where it likes")
def test_a_read_only_folder_is_told(
    batch: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path.chmod(0o500)
    try:
        assert main(_arguments(batch, tmp_path / "crops")) == 4
    finally:
        tmp_path.chmod(0o700)
    assert "Permission denied" in capsys.readouterr().err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)]
    if not shutil.which("mount") or _run(mount).returncode:
        pytest.skip("mounting is not permitted")
    yield small
    _run(["umount", str(small)])


def test_a_full_disk_stops_the_run_and_it_can_be_resumed(
    batch: Path, undisturbed: dict[str, bytes], small_disk: Path
) -> None:
    out = small_disk / "crops"
    stopped = _run(_command(batch, out))
    assert stopped.returncode == 4, stopped.stderr
    assert "No space left on device" in stopped.stderr
    assert "go on with --resume" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    grown = _run(["mount", "-o", "remount,size=64m", str(small_disk)])
    assert grown.returncode == 0, grown.stderr
    _resumed(batch, out, undisturbed)


def test_rays_actor_gives_the_same_bytes(
    batch: Path, real: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Ray runs on a node, without a cluster: that takes half a minute to start."""

    def here(work: Work, shards: Shards, num_shards: int) -> Iterator[dict[str, Any]]:
        limit = work.time_limit_seconds
        actor = ShardActor(str(work.folder), work.prepared.to_json(), work.run, limit)
        for shard, tasks in shards:
            row = actor({"shard": shard, "tasks": json.dumps([t.to_dict() for t in tasks])})
            assert row["stop"] == ""
            yield from json.loads(row["records"])

    monkeypatch.setitem(ENGINES._entries, "ray", here)
    assert main(_arguments(batch, tmp_path / "crops", "--engine", "ray")) == 3
    assert _files(tmp_path / "crops") == real


@pytest.mark.slow
def test_ray_gives_the_same_bytes(batch: Path, real: dict[str, bytes], tmp_path: Path) -> None:
    pytest.importorskip("ray.data")
    command = _command(batch, tmp_path / "crops", "--engine", "ray", "--jobs", "2", door=REAL)
    ended = _run(command)
    assert ended.returncode == 3, ended.stderr
    assert _files(tmp_path / "crops") == real


def test_an_unreachable_cluster_is_told(batch: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray.data")
    more = ["--engine", "ray", "--ray-address", "127.0.0.1:1"]
    ended = _run(_command(batch, tmp_path / "crops", *more))
    assert ended.returncode == 2
    assert "no Ray cluster at '127.0.0.1:1'" in ended.stderr.splitlines()[-1]


def _ray_actors() -> dict[int, str]:
    """Ray's actors that prepare shards, by process, with the node's socket that each belongs to."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if line.startswith("ray::MapWorker"):
            found[int(entry.name)] = line
    return found


def _holds_journal(process: int) -> bool:
    """Whether it is at work on a shard at this moment."""
    try:
        return any(".journal" in os.readlink(f) for f in Path(f"/proc/{process}/fd").iterdir())
    except OSError:
        return False


@pytest.fixture
def two_nodes() -> Iterator[str]:
    """A Ray cluster of two nodes, one processor each, on this machine."""
    pytest.importorskip("ray.data")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        yield cluster.address
    finally:
        cluster.shutdown()


@pytest.mark.slow
def test_on_two_nodes_a_killed_worker_loses_and_doubles_nothing(
    batch: Path, real: dict[str, bytes], tmp_path: Path, two_nodes: str
) -> None:
    out = tmp_path / "crops"
    command = _command(batch, out, "--engine", "ray", "--ray-address", two_nodes, door=REAL)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 180
    while not (at_work := [actor for actor in _ray_actors() if _holds_journal(actor)]):
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(at_work[0], signal.SIGKILL)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 3, errors
    assert _files(out) == real

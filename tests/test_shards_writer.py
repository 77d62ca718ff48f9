"""A shard is the same bytes however often its writing was broken off."""

import os
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from unswap.datasets.journal import JournalMismatch
from unswap.datasets.manifests import Video
from unswap.datasets.shards.finished import finished_records
from unswap.datasets.shards.layout import (
    Prepared,
    PrepareSpec,
    index_part,
    pack_sample,
    sample_key,
    shard_path,
    unpack_sample,
    videos_part,
)
from unswap.datasets.shards.preparing import PreparedVideo, WideCrop, encode_png
from unswap.datasets.shards.writer import ShardWriter
from unswap.experiments.preparing import shard_job
from unswap.experiments.preparing.shard_job import Task, prepare_shard

VIDEOS = 4
PREPARED = Prepared("00" * 32, VIDEOS, VIDEOS, PrepareSpec(), "none", "0")


def _result(video: int) -> PreparedVideo:
    if video == 2:
        return PreparedVideo("no_face", "2.mp4: no face")
    rng = np.random.default_rng(video)
    crops = tuple(
        WideCrop(
            0,
            k,
            0,
            7 * k,
            0.28 * k,
            encode_png(rng.integers(0, 256, (40, 40, 3)).astype(np.uint8)),
            40,
            (3, -4),
            1.0,
            np.array([10.0, 10, 30, 30.125]),
            np.full((5, 2), 20.0),
            20.125,
            0.99,
            12.5,
        )
        for k in range(video + 1)
    )
    return PreparedVideo("prepared", crops=crops)


def _row(video: int) -> Video:
    return Video(f"x/{video}", f"{video}.mp4", video % 2)


def _write(folder: Path, *, stop_before: int = VIDEOS) -> None:
    (folder / "shards").mkdir(parents=True, exist_ok=True)
    writer = ShardWriter(folder, 0, PREPARED)
    for video in range(VIDEOS):
        if video == stop_before:
            writer.close()
            return
        if video not in writer.records:
            writer.begin(video, "run")
            writer.add(video, _row(video), _result(video))
    writer.finish()
    writer.close()


def _files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((folder / "shards").iterdir())}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    _write(folder)
    return _files(folder)


def test_a_shard_holds_its_samples_where_the_index_says(tmp_path: Path) -> None:
    _write(tmp_path)
    finished = finished_records(tmp_path, 0, PREPARED)
    data = shard_path(tmp_path, 0).read_bytes()
    rows = parquet.read_table(index_part(tmp_path, 0)).to_pylist()
    assert [(r["video"], r["clip"]) for r in rows] == [
        (v, k) for v in (0, 1, 3) for k in range(v + 1)
    ]
    for row in rows:
        sample = data[row["offset"] : row["offset"] + row["length"]]
        key, description, png = unpack_sample(sample)
        assert key == sample_key(row["video"], 0, row["clip"], 0)
        assert description["video_id"] == row["video_id"] == f"x/{row['video']}"
        assert description["box_xyxy"] == [10, 10, 30, 30.125]
        assert bytes(png) == _result(row["video"]).crops[row["clip"]].png
    with tarfile.open(shard_path(tmp_path, 0)) as tar:
        names = tar.getnames()
    assert len(names) == 2 * len(rows)
    assert names == sorted(names)
    videos = parquet.read_table(videos_part(tmp_path, 0)).to_pylist()
    assert [v["status"] for v in videos] == ["prepared", "prepared", "no_face", "prepared"]
    assert [v["num_crops"] for v in videos] == [1, 2, 0, 4]
    assert finished == videos


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    stops=st.lists(st.integers(0, VIDEOS - 1), max_size=4),
    tails=st.lists(st.binary(max_size=300), min_size=4, max_size=4),
    cuts=st.lists(st.integers(0, 50), min_size=4, max_size=4),
)
def test_broken_off_anywhere_and_taken_up_again_the_bytes_are_the_same(
    whole: dict[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
    stops: list[int],
    tails: list[bytes],
    cuts: list[int],
) -> None:
    folder = tmp_path_factory.mktemp("broken")
    for stop, tail, cut in zip(sorted(stops), tails, cuts, strict=False):
        _write(folder, stop_before=stop)
        draft = shard_path(folder, 0).with_suffix(".tar.partial")
        with draft.open("ab") as file:  # what a kill leaves: a sample that was begun
            file.write(tail)
        journal = shard_path(folder, 0).with_suffix(".journal")
        torn = journal.read_bytes() + b'{"video": 1, "rec'[: cut % 17]
        journal.write_bytes(torn)
    _write(folder)
    assert _files(folder) == whole


def test_a_draft_that_lost_bytes_is_begun_anew(whole: dict[str, bytes], tmp_path: Path) -> None:
    _write(tmp_path, stop_before=3)
    draft = shard_path(tmp_path, 0).with_suffix(".tar.partial")
    os.truncate(draft, 100)
    _write(tmp_path)
    assert _files(tmp_path) == whole


def test_two_writers_at_once_are_refused(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    first = ShardWriter(tmp_path, 0, PREPARED)
    with pytest.raises(JournalMismatch, match="another run is writing"):
        ShardWriter(tmp_path, 0, PREPARED)
    first.close()


def test_a_full_disk_in_the_middle_of_a_video_leaves_the_shard_as_it_was(
    whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shards").mkdir()
    writer = ShardWriter(tmp_path, 0, PREPARED)
    writer.add(0, _row(0), _result(0))
    size = shard_path(tmp_path, 0).with_suffix(".tar.partial").stat().st_size

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            writer.add(1, _row(1), _result(1))
    assert shard_path(tmp_path, 0).with_suffix(".tar.partial").stat().st_size == size
    writer.close()
    _write(tmp_path)
    assert _files(tmp_path) == whole


@pytest.mark.parametrize("damage", ["cut", "text", "swap"])
def test_bytes_that_are_no_sample_are_refused(damage: str) -> None:
    good = pack_sample("k", {"a": 1}, b"png" * 300)
    bad = {
        "cut": good[:-1024],
        "text": b"x" * 1024 + good[1024:],
        "swap": good[1024:] + good[:1024],
    }[damage]
    with pytest.raises(ValueError, match=r"."):
        unpack_sample(bad)


def _tasks(videos: Path) -> list[Task]:
    return [Task(v, _row(v), str(videos / f"{v}.mp4"), None) for v in range(VIDEOS)]


def _prepare(
    folder: Path, run: str, *, videos: Path = Path("/videos"), **more: Any
) -> list[dict[str, Any]]:
    (folder / "shards").mkdir(exist_ok=True)
    none: Any = None
    options = {"run": run, "time_limit_seconds": 5.0, **more}
    return list(prepare_shard(folder, 0, _tasks(videos), PREPARED, none, **options))


class _KilledError(BaseException):
    """Stands for a process's death: nothing catches it."""


def test_a_video_that_kills_its_process_three_times_in_one_run_is_counted_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deadly(path: str, *rest: Any, **more: Any) -> PreparedVideo:
        if path.endswith("1.mp4"):
            raise _KilledError
        return _result(int(Path(path).stem))

    monkeypatch.setattr(shard_job, "prepare_video", deadly)
    for number in range(20):  # the whole run is killed, again and again: that fails no video
        with pytest.raises(_KilledError):
            _prepare(tmp_path, f"run {number}")
    for _ in range(3):
        with pytest.raises(_KilledError):
            _prepare(tmp_path, "the same run")
    records = _prepare(tmp_path, "the same run")
    assert [r["status"] for r in records] == ["prepared", "failed", "no_face", "prepared"]
    assert records[1]["reason"] == "/videos/1.mp4: the process that prepared it died 3 times"


def test_a_video_that_hung_is_a_timeout_and_the_next_ones_get_their_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hangs(path: str, *rest: Any, **more: Any) -> PreparedVideo:
        if path.endswith("1.mp4"):
            raise _KilledError
        return _result(int(Path(path).stem))

    monkeypatch.setattr(shard_job, "prepare_video", hangs)
    with pytest.raises(_KilledError):
        _prepare(tmp_path, "a")
    records = _prepare(tmp_path, "a", hung=True)
    assert [r["status"] for r in records] == ["prepared", "timeout", "no_face", "prepared"]
    assert "/videos/1.mp4: hung" in records[1]["reason"]


def test_an_error_nobody_foresaw_fails_one_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(path: str, *rest: Any, **more: Any) -> PreparedVideo:
        if path.endswith("0.mp4"):
            raise ZeroDivisionError("of nothing")
        return _result(int(Path(path).stem))

    monkeypatch.setattr(shard_job, "prepare_video", odd)
    records = _prepare(tmp_path, "a")
    assert records[0]["status"] == "failed"
    assert records[0]["reason"] == "/videos/0.mp4: ZeroDivisionError: of nothing"
    assert [r["status"] for r in records[1:]] == ["prepared", "no_face", "prepared"]


def _damage(folder: Path, what: str) -> None:
    tar = shard_path(folder, 0)
    if what == "cut":
        os.truncate(tar, tar.stat().st_size - 512)
    elif what == "longer":
        tar.write_bytes(tar.read_bytes() + bytes(512))
    elif what == "gone":
        tar.unlink()
    elif what == "index":
        index_part(folder, 0).write_bytes(b"PAR1 nothing PAR1")
    elif what == "videos":
        data = videos_part(folder, 0).read_bytes()
        videos_part(folder, 0).write_bytes(data[: len(data) // 2])
    elif what == "fewer":
        table = parquet.read_table(videos_part(folder, 0))
        parquet.write_table(table.slice(1), videos_part(folder, 0))
    elif what == "other":
        table = parquet.read_table(index_part(folder, 0))
        parquet.write_table(table.slice(1), index_part(folder, 0))


DAMAGES = ["cut", "longer", "gone", "index", "videos", "fewer", "other"]


@pytest.mark.parametrize("what", DAMAGES)
def test_a_finished_shard_that_is_not_whole_is_made_again(
    whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(shard_job, "prepare_video", lambda p, *_, **__: _result(int(Path(p).stem)))
    _write(tmp_path)
    assert finished_records(tmp_path, 0, PREPARED) is not None
    _damage(tmp_path, what)
    assert finished_records(tmp_path, 0, PREPARED) is None
    assert len(_prepare(tmp_path, "a")) == VIDEOS
    assert _files(tmp_path) == whole


def test_a_finished_shard_is_told_of_once_more(tmp_path: Path) -> None:
    """Its process may have died between finishing it and saying so."""
    _write(tmp_path)
    records = _prepare(tmp_path, "a")  # without a face detector: nothing is prepared
    assert [r["video"] for r in records] == list(range(VIDEOS))
    assert [r["num_crops"] for r in records] == [1, 2, 0, 4]


def test_a_table_that_a_kill_left_half_written_goes(
    whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def killed(*_: Any, **__: Any) -> None:
            raise _KilledError

        patch.setattr(os, "replace", killed)
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(_KilledError):
            _write(tmp_path)
    assert [n for n in _files(tmp_path) if n.startswith(".")]
    (tmp_path / "shards" / "000000.journal").unlink()  # still locked by the writer above
    _write(tmp_path)
    assert _files(tmp_path) == whole


@pytest.mark.parametrize("root", ["missing", "empty", "there"])
def test_videos_whose_folder_is_not_there_stop_the_run_and_are_not_called_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str
) -> None:
    videos = tmp_path / "videos"
    if root != "missing":
        videos.mkdir()
    if root == "there":
        (videos / "another.mp4").touch()
    gone = PreparedVideo("unreadable", "it can't be read")
    monkeypatch.setattr(shard_job, "prepare_video", lambda *_, **__: gone)
    if root == "there":
        assert {r["status"] for r in _prepare(tmp_path, "a", videos=videos)} == {"unreadable"}
        return
    with pytest.raises(FileNotFoundError, match=r"missing or empty on .*mount it"):
        _prepare(tmp_path, "a", videos=videos)

"""The scores table, the frames beside it, and VideoScore as a dict: nothing is lost or changed."""

import csv
import json
import math
import os
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from unswap.datasets.types import VideoInfo
from unswap.detectors.scores import DetectorId, FrameScore, Status, TrackScore, VideoScore
from unswap.experiments.scoring.tables import (
    FRAME_COLUMNS,
    frames_path,
    one_line,
    printable,
    read_statuses,
    write_results,
)

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TIMES = st.floats(0, 1e6)
INFO = VideoInfo("a", "ab" * 32, 5, "mov,mp4", "h264", 320, 240, 25.0, 1.6, 40, 90, True, "yuv420p")


@st.composite
def video_scores(draw: st.DrawFn) -> VideoScore:
    status = draw(st.sampled_from(Status))
    path = draw(st.text(min_size=1))
    frames = st.builds(
        FrameScore, st.integers(0, 10**7), TIMES, FLOATS, st.tuples(FLOATS, FLOATS, FLOATS, FLOATS)
    )
    tracks = st.builds(
        TrackScore, st.integers(0, 99), FLOATS, st.lists(frames, max_size=3).map(tuple)
    )
    scored = status is Status.SCORED
    return VideoScore(
        video_id=draw(st.text(min_size=1)),
        path=path,
        status=status,
        score=draw(FLOATS) if scored else None,
        detector=DetectorId(draw(st.text(min_size=1)), "cd" * 32, "1"),
        tracks=draw(st.lists(tracks, max_size=3).map(tuple)) if scored else (),
        input=VideoInfo(**{**INFO.__dict__, "path": path}) if draw(st.booleans()) else None,
        seconds={"decode": 0.5, "faces": 0.25, "detector": 0.125, "total": draw(TIMES)},
        reason=draw(st.text(min_size=1)) if not scored else draw(st.none() | st.text(min_size=1)),
        aggregation="mean-logit/max-track",
        crop_spec=draw(st.none() | st.just({"size": 64, "margin": 1.3})),
        sampled_pts_seconds=draw(st.lists(TIMES, max_size=4).map(tuple)),
    )


@given(video_scores())
def test_a_score_survives_being_written_as_json(score: VideoScore) -> None:
    assert VideoScore.from_dict(json.loads(json.dumps(score.to_dict()))) == score


def test_a_failure_is_never_a_number_and_a_number_never_a_failure() -> None:
    detector = DetectorId("tiny", "00", "0")
    with pytest.raises(ValueError, match="'scored' alone"):
        VideoScore("v", "p", Status.NO_FACE, 0.5, detector, reason="none")
    with pytest.raises(ValueError, match="'scored' alone"):
        VideoScore("v", "p", Status.SCORED, None, detector)
    with pytest.raises(ValueError, match="needs a reason"):
        VideoScore("v", "p", Status.TIMEOUT, None, detector)


def _record(number: int, *, frames: int = 2, path: str | None = None) -> dict[str, Any]:
    box = (1.0, 2.5, 30.0, 40.0)
    shown = [FrameScore(i, i / 25, number + i / 7, box) for i in range(frames)]
    scored = frames > 0
    return VideoScore(
        video_id=f"file/{number}",
        path=path or f"{number}.mp4",
        status=Status.SCORED if scored else Status.NO_FACE,
        score=math.pi * number if scored else None,
        detector=DetectorId("tiny", "00ff", "0"),
        tracks=(TrackScore(0, math.pi * number, tuple(shown)),) if scored else (),
        input=INFO,
        seconds={"decode": 0.5, "faces": 0.25, "detector": 0.125, "total": 1.0},
        reason=None if scored else f'{number}.mp4: no face, "none",\nat all',
        aggregation="mean-logit/max-track",
        crop_spec={"size": 64, "margin": 1.3},
    ).to_dict()


RECORDS = [
    _record(1),
    _record(2, frames=0),
    _record(3, frames=3, path='换 "q", x\n.mp4'),
    _record(4, path="latin-\udce9.mp4"),
]


def _read(path: Path) -> list[dict[str, Any]]:
    """Rows of a Parquet or CSV table; an empty cell of a CSV is null."""
    if path.suffix == ".parquet":
        rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
        return rows
    with path.open(newline="", encoding="utf-8") as file:
        return [{k: v or None for k, v in row.items()} for row in csv.DictReader(file)]


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_columns_are_those_of_the_scores_table(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"s{suffix}"
    write_results(out, lambda: RECORDS, "feed")
    rows = _read(out)
    names = (
        "video_id path condition detector status score score_kind aggregation crop_spec "
        "manifest_sha256 reason seconds cost"
    )
    assert " ".join(rows[0]) == names
    assert [r["video_id"] for r in rows] == ["file/1", "file/2", "file/3", "file/4"]
    assert [r["status"] for r in rows] == ["scored", "no_face", "scored", "scored"]
    assert {r["detector"] for r in rows} == {"tiny@00ff"}
    assert {r["condition"] for r in rows} == {"none"}
    assert {r["manifest_sha256"] for r in rows} == {"feed"}
    assert {r["score_kind"] for r in rows} == {"logit"}
    assert [float(r["seconds"]) for r in rows] == [1.0] * 4
    assert json.loads(rows[0]["crop_spec"]) == {"size": 64, "margin": 1.3}
    assert rows[1]["score"] is None
    assert rows[1]["reason"] == RECORDS[1]["reason"]
    assert rows[2]["path"] == '换 "q", x\n.mp4'
    assert rows[3]["path"] == r"latin-\udce9.mp4"


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_frames_lie_beside_it(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"s.v2{suffix}"
    write_results(out, lambda: RECORDS, None)
    assert frames_path(out) == tmp_path / f"s.v2.frames{suffix}"
    rows = _read(frames_path(out))
    assert list(rows[0]) == list(FRAME_COLUMNS)
    assert [r["video_id"] for r in rows] == ["file/1"] * 2 + ["file/3"] * 3 + ["file/4"] * 2
    boxes = [json.loads(r["box_xyxy"]) if suffix == ".csv" else r["box_xyxy"] for r in rows]
    assert boxes == [[1.0, 2.5, 30.0, 40.0]] * 7
    assert [int(r["frame_index"]) for r in rows] == [0, 1, 0, 1, 2, 0, 1]


def test_scores_are_the_same_to_the_last_digit_in_all_three(tmp_path: Path) -> None:
    for suffix in (".json", ".csv", ".parquet"):
        write_results(tmp_path / f"s{suffix}", lambda: RECORDS, None)
    want = [r["score"] for r in RECORDS]
    as_json = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert [r["score"] for r in as_json] == want
    assert as_json == RECORDS
    assert [r["score"] for r in _read(tmp_path / "s.parquet")] == want
    in_csv = [r["score"] for r in _read(tmp_path / "s.csv")]
    assert [s if s is None else float(s) for s in in_csv] == want
    frames = [f["score"] for r in RECORDS for t in r["tracks"] for f in t["frames"]]
    assert [r["score"] for r in _read(tmp_path / "s.frames.parquet")] == frames
    assert [float(r["score"]) for r in _read(tmp_path / "s.frames.csv")] == frames


def test_parquet_types_hold_without_a_single_score(tmp_path: Path) -> None:
    out = tmp_path / "s.parquet"
    write_results(out, lambda: [RECORDS[1]], None)
    assert parquet.read_schema(out).field("score").type == pa.float64()
    assert parquet.read_schema(frames_path(out)).field("frame_index").type == pa.int64()
    assert parquet.read_schema(frames_path(out)).field("box_xyxy").type == pa.list_(pa.float64())
    assert parquet.read_table(frames_path(out)).num_rows == 0


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".json"])
def test_no_videos_at_all(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"s{suffix}"
    write_results(out, list, None)
    if suffix == ".json":
        assert json.loads(out.read_text(encoding="utf-8")) == []
    else:
        assert _read(out) == []
    assert read_statuses(out) == set()


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".json"])
def test_the_old_table_stays_when_the_new_one_fails(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"s{suffix}"
    write_results(out, lambda: RECORDS, None)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def torn() -> Any:
        yield RECORDS[0]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_results(out, torn, None)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".json"])
def test_statuses_are_read_back(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"s{suffix}"
    write_results(out, lambda: RECORDS, None)
    assert read_statuses(out) == {"scored", "no_face"}
    out.write_bytes(b"\xff\x00something else")
    with pytest.raises(ValueError, match=re.escape(f"{out}: not a table of scores")):
        read_statuses(out)


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.parquet, \.csv, \.json"):
        write_results(tmp_path / "s.xlsx", lambda: RECORDS, None)
    assert os.listdir(tmp_path) == []


@given(st.text() | st.binary().map(os.fsdecode))
def test_any_name_can_be_shown_on_one_line(name: str) -> None:
    line = one_line(name)
    assert len(line.splitlines()) <= 1
    assert line.isprintable()
    printable(name).encode("utf-8")  # can be encoded


def test_ordinary_names_are_shown_as_they_are() -> None:
    assert one_line('资料 "a" it\'s é.mp4') == '资料 "a" it\'s é.mp4'
    assert one_line("a\nb\r\x1b[31m\udce9") == r"a\nb\r\x1b[31m\udce9"

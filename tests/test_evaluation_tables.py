"""Tables of scores and their joining with a manifest: what is wrong is said, and nothing is mended."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_fixtures import forged_manifest, scores_of, write_manifest, write_scores
from hypothesis import given
from hypothesis import strategies as st

from unswap.datasets.manifests import Manifest, Video, file_sha256
from unswap.experiments.evaluation.deepfakebench import match_ids
from unswap.experiments.evaluation.joining import check_splits, join, select_videos
from unswap.experiments.evaluation.measurements import (
    measured_by,
    read_measurements,
    with_measurements,
)
from unswap.experiments.evaluation.score_tables import BadScores, ScoreTable

ROWS = forged_manifest(4)


def table(tmp_path: Path, rows: list[dict[str, Any]], name: str = "s.csv") -> ScoreTable:
    return ScoreTable.read(write_scores(tmp_path / name, rows))


def changed(place: int, **values: Any) -> list[dict[str, Any]]:
    rows = scores_of(ROWS)
    rows[place].update(values)
    return rows


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_written_is_read(tmp_path: Path, suffix: str) -> None:
    rows = scores_of(ROWS, status=lambda v: "no_face" if v.video_id.endswith("2") else "scored")
    got = table(tmp_path, rows, f"s{suffix}")
    assert got.video_id.tolist() == [r["video_id"] for r in rows]
    want = [math.nan if r["score"] is None else r["score"] for r in rows]
    np.testing.assert_array_equal(got.score, want)
    assert got.pairs() == [("ours@00", "none")]
    assert np.isnan(got.cost).all()
    assert got.sha256 == file_sha256(tmp_path / f"s{suffix}")


def test_two_columns_are_enough(tmp_path: Path) -> None:
    got = table(
        tmp_path, [{"video_id": "a", "score": 1}, {"video_id": "b", "score": 2}], "mine.csv"
    )
    assert got.pairs() == [("mine", "none")]
    assert set(got.score_kind) == {"ordinal"}
    assert set(got.status) == {"scored"}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (changed(3, score="nan"), r"row 4: the score is nan; a score is finite, or empty"),
        (changed(3, score="-inf"), r"row 4: the score is -inf"),
        (changed(3, score="high"), r"row 4: expected a number as score, got 'high'"),
        (changed(3, score=None), r"row 4 has no score and the status 'scored'"),
        (changed(3, status="no_face"), r"row 4 has a score and the status 'no_face'"),
        (changed(3, status="noface", score=None), r"row 4: unknown status 'noface'; did you mean"),
        (changed(3, status=""), r"row 4: has no status"),
        (changed(3, video_id=""), r"row 4 has no video_id"),
        (changed(3, video_id=ROWS[0].video_id), r"rows 1 and 4 are both of the video 'b/real/c23/000'"),
        (changed(3, score_kind="probability"), r"several kinds \(logit, probability\)"),
        (changed(3, score_kind="logits"), r"unknown score_kind 'logits'; did you mean 'logit'"),
        ([{"video_id": "a", "score": None}], r"row 1 has no score, and there is no column status"),
        ([{"video": "a", "score": 1}], r"no column video_id; it has video, score"),
        ([{"video_id": "a", "score": 1.5, "score_kind": "probability"}], r"one is 1.5; expected 0 to 1"),
    ],
)  # fmt: skip
def test_bad_rows_are_named(tmp_path: Path, rows: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(BadScores, match=said) as caught:
        table(tmp_path, rows)
    assert str(caught.value).startswith(str(tmp_path / "s.csv"))


def test_nan_and_booleans_in_parquet(tmp_path: Path) -> None:
    for value, said in ((math.nan, "is nan"), (True, "got True")):
        with pytest.raises(BadScores, match=said):
            table(tmp_path, [{"video_id": "a", "score": value}], "s.parquet")


def test_files_that_are_none(tmp_path: Path) -> None:
    for name, content, said in (
        ("s.xlsx", b"", "ends in .parquet, .csv, .json"),
        ("s.parquet", b"PAR0", "not a readable Parquet file"),
        ("s.csv", b"", "it has no rows"),
        ("s.json", b"[1]", "expected a list of scores"),
        ("s.json", b"{", "not readable JSON"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadScores, match=said):
            ScoreTable.read(tmp_path / name)
    with pytest.raises(BadScores, match="no such file"):
        ScoreTable.read(tmp_path / "gone.csv")
    with pytest.raises(BadScores, match="no such file"):
        ScoreTable.read(tmp_path / "gone.json")


def joined(tmp_path: Path, rows: list[dict[str, Any]], videos: list[Video] = ROWS, **options: Any):
    manifest = Manifest.read(write_manifest(tmp_path, videos))
    chosen = select_videos(manifest, options.pop("split", None))
    return join(table(tmp_path, rows), chosen, manifest, **options), chosen


def test_rows_are_aligned_whatever_their_order(tmp_path: Path) -> None:
    rows = scores_of(ROWS)
    (run,), videos = joined(tmp_path, rows[::-1])
    np.testing.assert_array_equal(run.scores, [r["score"] for r in rows])
    assert run.name == "ours"
    assert videos.counts() == (4, 8)
    assert videos.groups.tolist()[:6] == ["p0"] * 3 + ["p1"] * 3
    assert videos.people is not None


def test_a_video_without_a_row_is_absent_not_dropped(tmp_path: Path) -> None:
    (run,), videos = joined(tmp_path, scores_of(ROWS)[1:])
    assert len(run.scores) == len(videos) == 12
    assert run.status[0] == "absent"
    assert np.isnan(run.scores[0])


def test_unknown_ids_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadScores, match=r"1 of its 12 ids are not in .*manifest.csv: 'b/x'"):
        joined(tmp_path, changed(3, video_id="b/x"))


def test_another_benchmarks_manifest_is_told_by_its_hash(tmp_path: Path) -> None:
    rows = [{**row, "manifest_sha256": "ab" * 32} for row in scores_of(ROWS)]
    with pytest.raises(BadScores, match=r"manifest with the SHA-256 abab.*--other-manifest"):
        joined(tmp_path, rows)
    assert len(joined(tmp_path, rows, other_manifest=True)[0]) == 1
    sha256 = file_sha256(tmp_path / "manifest.csv")
    assert joined(tmp_path, [{**row, "manifest_sha256": sha256} for row in rows])[0]


def test_one_class_only(tmp_path: Path) -> None:
    with pytest.raises(BadScores, match="all 4 videos are real; telling them apart needs both"):
        joined(tmp_path, scores_of(ROWS), [v for v in ROWS if v.label == 0])


def test_splits_are_chosen_and_known(tmp_path: Path) -> None:
    rows = forged_manifest(8, splits=("val", "test"))
    runs, videos = joined(tmp_path, scores_of(rows), rows, split="test")
    assert len(videos) == 12
    assert set(videos.columns["split"]) == {"test"}
    assert runs[0].answered.all()
    with pytest.raises(BadScores, match="unknown split 'tset'; did you mean 'test'"):
        joined(tmp_path, scores_of(rows), rows, split="tset")
    only = [r for r, v in zip(scores_of(rows), rows, strict=True) if v.split == "val"]
    runs, videos = joined(tmp_path, only, rows)
    with pytest.raises(BadScores, match=r"split test has a row .* --split val"):
        check_splits(runs, videos)
    with pytest.raises(BadScores, match="not one score is of the 12 chosen videos"):
        joined(tmp_path, only, rows, split="test")


def test_groups_fall_back_to_what_is_known(tmp_path: Path) -> None:
    a = Video("a", "a.mp4", 0)
    rows = [
        a,
        Video("b", "b.mp4", 1, original="a"),
        Video("c", "c.mp4", 1, source_id="s"),
        Video("d", "d.mp4", 1, source_id="s", target_id="t", group="g"),
        Video("e", "e.mp4", 1, source_id="s", target_id="t", original="a"),
    ]
    videos = select_videos(Manifest.read(write_manifest(tmp_path, rows)))
    assert videos.groups.tolist() == ["a", "a", "s", "g", "t"]
    assert videos.people is None


def test_measurements_become_columns(tmp_path: Path) -> None:
    _, videos = joined(tmp_path, scores_of(ROWS))
    path = tmp_path / "m.csv"
    path.write_text(
        f"video_id,condition,face_size,light\n{ROWS[0].video_id},none,80,dim\n"
        f"{ROWS[1].video_id},VC:3,50,dim\n"
    )
    columns = read_measurements(path, videos)
    assert columns["face_size"][:2] == [80.0, None]
    assert columns["light"][:2] == ["dim", None]
    assert with_measurements(videos, columns).columns["face_size"][0] == 80.0
    with pytest.raises(BadScores, match="the column split stands in"):
        with_measurements(videos, {"split": []})
    path.write_text("video_id,face_size\nx,80\n")
    with pytest.raises(BadScores, match="not one row is of the videos"):
        read_measurements(path, videos)
    path.write_text(f"video_id,face_size\n{ROWS[0].video_id},big\n")
    with pytest.raises(BadScores, match="face_size should hold numbers, got 'big'"):
        read_measurements(path, videos)


def test_our_json_brings_its_own_measurements(tmp_path: Path) -> None:
    box = [10.0, 10.0, 70.0, 110.0]
    record = {
        "video_id": ROWS[0].video_id, "condition": "none", "status": "scored", "score": 1.0,
        "score_kind": "logit", "aggregation": "mean", "detector": {"name": "t", "sha256": "00"},
        "seconds": {"total": 2.0}, "tracks": [{"frames": [{"box_xyxy": box}]}],
        "input": {"width": 640, "height": 480, "fps": 25.0, "duration_seconds": 4.0, "bytes": 10**6,
                  "codec": "h264"},
    }  # fmt: skip
    other = {**record, "video_id": ROWS[1].video_id, "status": "no_face", "score": None,
             "tracks": [], "input": None}  # fmt: skip
    path = tmp_path / "s.json"
    path.write_text(json.dumps([record, other]))
    got = ScoreTable.read(path)
    assert got.pairs() == [("t@00", "none")]
    assert got.seconds.tolist() == [2.0, 2.0]
    manifest = Manifest.read(write_manifest(tmp_path, ROWS))
    columns = measured_by(got, select_videos(manifest))
    assert columns["face_size"][:2] == [100.0, None]
    assert columns["bitrate"][0] == 2_000_000
    assert columns["resolution"][0] == 480
    assert columns["codec"][0] == "h264"


def results(images: list[str], labels: list[int]) -> dict[str, Any]:
    return {"Set": {"auc": 0.9, "pred": [0.2] * len(images), "label": labels, "image": images}}


def test_deepfakebench_results_are_read_by_whole_folders(tmp_path: Path) -> None:
    images = [
        f"/d/FaceForensics++/{'original_sequences' if v.label == 0 else v.method}/c23/frames/"
        f"{v.video_id.rpartition('/')[2]}/{frame}.png"
        for v in ROWS
        for frame in (0, 1)
    ]
    labels = [v.label for v in ROWS for _ in (0, 1)]
    document = results(images, labels)
    document["Set"]["pred"] = [i / 100 for i in range(len(images))]
    path = tmp_path / "xception.json"
    path.write_text(json.dumps(document))
    rows = [replace(v, video_id=v.video_id.replace("b/real", "b/original_sequences")) for v in ROWS]
    manifest = Manifest.read(write_manifest(tmp_path, rows))
    (run,) = join(ScoreTable.read(path), select_videos(manifest), manifest)
    np.testing.assert_allclose(run.scores, [(4 * i + 1) / 200 for i in range(len(rows))])
    assert (run.detector, run.score_kind) == ("xception", "probability")


def test_deepfakebench_results_without_paths_or_with_torn_ones(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for document, said in (
        ({"Set": {"pred": [0.1], "label": [0]}}, "no list 'image'"),
        (results(["a/1.png", "a/2.png"], [0, 1]), "a: its frames have the labels 0 and 1"),
        (results(["a/1.png", "a/2.png"], [0]), "got 2, 2 and 1"),
    ):
        path.write_text(json.dumps(document))
        with pytest.raises(BadScores, match=said):
            ScoreTable.read(path)
    with pytest.raises(ValueError, match="mean several videos"):
        match_ids(["x/c23/000"], ["b/A/c23/000", "b/B/c23/000"])
    with pytest.raises(ValueError, match="mean no video"):
        match_ids(["x/c23/001"], ["b/A/c23/000"])


@given(st.permutations(range(12)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    import tempfile

    rows = scores_of(ROWS)
    with tempfile.TemporaryDirectory() as folder:
        (run,), _ = joined(Path(folder), [rows[i] for i in order])
    np.testing.assert_array_equal(run.scores, [r["score"] for r in rows])


def test_a_detector_can_be_called_otherwise_and_keeps_its_hash(tmp_path: Path) -> None:
    one = table(tmp_path, scores_of(ROWS, "sbi-lite0@00ff"))
    assert one.named("ours").pairs() == [("ours@00ff", "none")]
    two = table(tmp_path, scores_of(ROWS, "a@1") + scores_of(ROWS, "b@2"))
    with pytest.raises(BadScores, match="2 detectors can't have the one name 'x'"):
        two.named("x")

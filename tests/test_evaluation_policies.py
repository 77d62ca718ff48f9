"""Failures, thresholds, seals: what counts as what, and what may not be looked at."""

import json
from pathlib import Path

import numpy as np
import pytest
from evaluation_fixtures import forged_manifest, scores_of, write_manifest, write_scores
from hypothesis import given
from hypothesis import strategies as st

from unswap.datasets.manifests import Manifest
from unswap.experiments.evaluation.failures import count_failures
from unswap.experiments.evaluation.joining import Run, Videos, join, select_videos
from unswap.experiments.evaluation.policies import Policy, apply_scoring
from unswap.experiments.evaluation.score_tables import BadScores, ScoreTable
from unswap.experiments.evaluation.sealing import BadSeal, is_sealed, open_seal, seal
from unswap.experiments.evaluation.thresholds import (
    Rule,
    check_apart,
    find_threshold,
    freeze,
)
from unswap.experiments.metrics.ranking import auc


def made(tmp_path: Path, rows, scores, split=None) -> tuple[Run, Videos]:
    manifest = Manifest.read(write_manifest(tmp_path, rows))
    videos = select_videos(manifest, split)
    (run,) = join(ScoreTable.read(write_scores(tmp_path / "s.csv", scores)), videos, manifest)
    return run, videos


def test_a_failure_never_helps_and_is_never_a_number(tmp_path: Path) -> None:
    rows = forged_manifest(6)
    perfect = scores_of(rows, skill=100, status=lambda v: "no_face" if v.label else "scored")
    perfect[1].update(status="scored", score=100.0)
    run, videos = made(tmp_path, rows, perfect)
    answered = apply_scoring(run, videos.labels, "answered")
    wrong = apply_scoring(run, videos.labels, "wrong")
    assert auc(videos.labels[answered.keep], answered.ranks[answered.keep]) == 1
    assert int(answered.keep.sum()) == 7
    assert wrong.keep.all()
    assert wrong.values is None
    assert auc(videos.labels, wrong.ranks) == pytest.approx(1 / 12)
    assert np.isnan(run.scores[2])


def test_crashes_on_real_videos_do_not_count_as_right(tmp_path: Path) -> None:
    """A tool that gave 0 for a crash was right on every real video."""
    rows = forged_manifest(6)
    run, videos = made(
        tmp_path,
        rows,
        scores_of(rows, skill=100, status=lambda v: "scored" if v.label else "failed"),
    )
    wrong = apply_scoring(run, videos.labels, "wrong")
    assert auc(videos.labels, wrong.ranks) == 0
    assert wrong.called(run, 0.0)[videos.labels == 0].all()
    let_pass = apply_scoring(run, videos.labels, "policy", Policy.parse(["all=real"]))
    assert auc(videos.labels, let_pass.ranks) == 1


def test_a_policy_is_stated_whole(tmp_path: Path) -> None:
    policy = Policy.parse(["refused=fake,no_face=left_out", "all=real"])
    assert policy.words() == "no_face: left_out; refused: fake; all others: real"
    for texts, said in (
        (["no_face=real"], "nothing is said of too_small"),
        (
            ["no_faces=real", "all=wrong"],
            "unknown failure status 'no_faces'; did you mean 'no_face'",
        ),
        (["all=rael"], "unknown rule 'rael'; did you mean 'real'"),
        (["all=real", "all=fake"], "all is given twice"),
        (["real"], "expected STATUS=RULE"),
    ):
        with pytest.raises(BadScores, match=said):
            Policy.parse(texts)
    rows = forged_manifest(4)
    status = dict(
        zip([r.video_id for r in rows], ["no_face", "refused", "scored"] * 4, strict=True)
    )
    run, videos = made(tmp_path, rows, scores_of(rows, status=lambda v: status[v.video_id]))
    scored = apply_scoring(run, videos.labels, "policy", policy)
    assert scored.keep.tolist() == [False, True, True] * 4
    assert scored.called(run, 1e9)[scored.keep].tolist() == [True, False] * 4
    assert apply_scoring(run, videos.labels, "policy", None) is None
    with pytest.raises(ValueError, match="unknown scoring"):
        apply_scoring(run, videos.labels, "lenient")  # type: ignore[arg-type]


@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=30), st.integers(0, 5))
def test_without_failures_all_scorings_agree(scores: list[float], seed: int) -> None:
    labels = np.arange(len(scores)) % 2
    n = len(scores)
    run = Run(
        "d", "none", "logit", "mean", np.full(n, "scored", object), np.array(scores),
        np.full(n, np.nan), np.full(n, np.nan), "s.csv", "00",
    )  # fmt: skip
    values = {
        auc(labels, apply_scoring(run, labels, s, Policy.parse(["all=wrong"])).ranks)
        for s in ("answered", "wrong", "policy")
    }
    assert values == {auc(labels, scores)}


def made_run(labels: list[int], scores: list[float | None]) -> Run:
    values = np.array([np.nan if s is None else s for s in scores], float)
    status = np.array(["failed" if s is None else "scored" for s in scores], object)
    empty = np.full(len(labels), np.nan)
    return Run("d", "none", "logit", "mean", status, values, empty, empty, "s.csv", "00")


@given(
    st.lists(st.tuples(st.integers(0, 1), st.none() | st.integers(-3, 3)), min_size=2, max_size=40)
)
def test_counted_as_wrong_a_failure_costs_exactly_its_pairs(videos) -> None:
    """AUC with failures as wrong = AUC of the answered, times the share of pairs that are answered."""
    labels, scores = (list(column) for column in zip(*videos, strict=True))
    y, there = np.array(labels), np.array([s is not None for s in scores])
    if len(set(labels)) < 2:
        return
    run = made_run(labels, scores)
    wrong = auc(y, apply_scoring(run, y, "wrong").ranks)
    real, fake = (there & (y == 0)).sum(), (there & (y == 1)).sum()
    if not real or not fake:
        assert wrong == 0
        return
    answered = auc(y[there], run.scores[there])
    pairs = (y == 0).sum() * (y == 1).sum()
    assert wrong == pytest.approx(answered * real * fake / pairs)
    called = apply_scoring(run, y, "wrong").called(run, 0.0)
    assert (called[~there] == (y[~there] == 0)).all()
    assert (called[there] == (run.scores[there] >= 0)).all()


def test_failing_more_on_fakes_is_flagged(tmp_path: Path) -> None:
    rows = forged_manifest(30)
    run, videos = made(
        tmp_path,
        rows,
        scores_of(rows, status=lambda v: "no_face" if v.method == "FaceSwap" else "scored"),
    )
    failures = count_failures(run, videos)
    assert failures.uneven == "fake"
    assert failures.by_method == {"Deepfakes": (0, 30), "FaceSwap": (30, 30)}
    assert failures.by_status == {"no_face": (0, 30), "scored": (30, 30)}
    assert failures.coverage == pytest.approx(2 / 3)
    assert "fails more on manipulated ones" in failures.words()
    from scipy.stats import hypergeom

    assert failures.p_more_on_fake == pytest.approx(hypergeom.sf(29, 90, 60, 30))
    run, videos = made(
        tmp_path, rows, scores_of(rows, status=lambda v: "scored" if v.label else "timeout")
    )
    assert count_failures(run, videos).uneven == "real"


def test_even_failures_are_not_flagged(tmp_path: Path) -> None:
    rows = forged_manifest(30)
    run, videos = made(
        tmp_path,
        rows,
        scores_of(rows, status=lambda v: "failed" if v.video_id.endswith("7") else "scored"),
    )
    failures = count_failures(run, videos)
    assert (failures.failed_real, failures.failed_fake) == (3, 6)
    assert failures.uneven == ""
    run, videos = made(tmp_path, rows, scores_of(rows))
    assert count_failures(run, videos).p_more_on_fake is None


def test_rules_of_thresholds() -> None:
    for text, said in (
        ("fpr=0", "between 0 and 1"),
        ("fpr=1.5", "between 0 and 1"),
        ("tpr=-1", "between 0 and 1"),
        ("value=nan", "finite number"),
        ("value", "finite number"),
        ("fpr=x", "'x' is not a number"),
        ("best", "expected value=0.5"),
        ("eer=1", "takes no number"),
    ):
        with pytest.raises(BadScores, match=said):
            Rule.parse(text)
    assert str(Rule.parse("fpr=0.01")) == "fpr=0.01"


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=30),
    st.lists(st.integers(0, 6), min_size=1, max_size=30),
    st.floats(0.01, 0.99),
)
def test_found_thresholds_keep_what_they_promise(real, fake, share) -> None:
    labels = np.array([0] * len(real) + [1] * len(fake))
    scores = np.array(real + fake, float)
    t = find_threshold(Rule("fpr", share), labels, scores)
    assert np.mean(scores[labels == 0] >= t) <= share
    looser = scores[scores < t]
    if len(looser):
        assert np.mean(scores[labels == 0] >= looser.max()) > share
    t = find_threshold(Rule("tpr", share), labels, scores)
    assert np.mean(scores[labels == 1] >= t) >= share
    stricter = scores[scores > t]
    if len(stricter):
        assert np.mean(scores[labels == 1] >= stricter.min()) < share
    t = find_threshold(Rule("eer"), labels, scores)
    gaps = [
        abs(np.mean(scores[labels == 0] >= c) - np.mean(scores[labels == 1] < c))
        for c in [*scores, np.inf]
    ]
    here = abs(np.mean(scores[labels == 0] >= t) - np.mean(scores[labels == 1] < t))
    assert here == pytest.approx(min(gaps))


def test_thresholds_are_frozen_on_development_scores(tmp_path: Path) -> None:
    rows = forged_manifest(40, splits=("val", "test"))
    scores = scores_of(rows)
    test = made(tmp_path, rows, scores, "test")
    dev = made(tmp_path, rows, scores, "val")
    (found,) = freeze([Rule.parse("fpr=0.1")], *test, dev)
    assert found.chosen_on == "development"
    assert not found.oracle
    real = dev[0].scores[dev[1].labels == 0]
    assert sorted(real)[-3] < found.value <= sorted(real)[-2]
    assert found.reached_fpr == 0.1
    # other test scores: the same threshold
    shifted = [{**r, "score": r["score"] + 9} for r in scores]
    (again,) = freeze([Rule.parse("fpr=0.1")], *made(tmp_path, rows, shifted, "test"), dev)
    assert again.value == found.value
    with pytest.raises(BadScores, match=r"give --dev-scores FILE or --dev-split val.*--oracle"):
        freeze([Rule.parse("fpr=0.1")], *test, None)
    (oracle,) = freeze([Rule.parse("fpr=0.1")], *test, None, oracle=True)
    assert oracle.oracle
    assert "oracle" in oracle.words
    assert oracle.to_dict()["oracle"] is True
    (stated,) = freeze([Rule.parse("value=0.25")], *test, None)
    assert (stated.value, stated.chosen_on) == (0.25, "stated")
    (few,) = freeze([Rule.parse("fpr=0.01")], *test, dev)
    assert "too few" in few.note


def test_probabilities_have_thresholds_between_0_and_1(tmp_path: Path) -> None:
    rows = forged_manifest(4)
    run = made(tmp_path, rows, scores_of(rows, kind="probability"))
    with pytest.raises(BadScores, match="states probabilities; expected 0 to 1"):
        freeze([Rule.parse("value=50")], *run, None)


def test_development_and_test_stand_apart(tmp_path: Path) -> None:
    rows = forged_manifest(8, splits=("val", "test"))
    _, whole = made(tmp_path, rows, scores_of(rows))
    _, val = made(tmp_path, rows, scores_of(rows), "val")
    _, test = made(tmp_path, rows, scores_of(rows), "test")
    assert check_apart(val, test) == []
    with pytest.raises(BadScores, match="12 of the 24 test videos stand among the development"):
        check_apart(val, whole)
    other = forged_manifest(8, splits=("test", "val"), sets="c")
    _, shared = made(tmp_path, other, scores_of(other), "val")
    assert "share 4 groups" in check_apart(shared, test)[0]


@pytest.fixture
def sealed(tmp_path: Path) -> tuple[Path, Path, Manifest]:
    manifest = Manifest.read(write_manifest(tmp_path, forged_manifest(5)))
    folder, key = tmp_path / "sealed", tmp_path / "key"
    assert seal(manifest, folder, key, note="ours", at="2025-01-01") == 15
    return folder, key, manifest


def test_a_seal_gives_ids_and_no_labels(sealed) -> None:
    folder, key, manifest = sealed
    assert is_sealed(folder)
    assert oct(key.stat().st_mode & 0o777) == "0o600"
    everything = b"".join(p.read_bytes() for p in folder.iterdir())
    for word in (
        b"label",
        b"Deepfakes",
        b"swap",
        b"/real/",
        b"/c23/",
        bytes.fromhex(key.read_text()),
    ):
        assert word not in everything
    lines = (folder / "videos.csv").read_text().splitlines()
    assert lines[0] == "video_id,path"
    assert lines[1:] == sorted(lines[1:])
    opened = open_seal(folder, key)
    assert opened.manifest.column("label") == manifest.column("label")
    assert {f"{i},{i}.mp4" for i in opened.manifest.column("video_id")} == set(lines[1:])
    originals = [
        manifest.column("video_id").index(o) if o else None for o in manifest.column("original")
    ]
    hidden = opened.manifest
    for place, original in enumerate(originals):
        want = None if original is None else hidden.column("video_id")[original]
        assert hidden.column("original")[place] == want


def test_a_seal_opens_with_its_key_alone(sealed, tmp_path: Path) -> None:
    folder, key, manifest = sealed
    with pytest.raises(BadSeal, match="it is sealed; give its key"):
        open_seal(folder, None)
    other = tmp_path / "other"
    seal(manifest, tmp_path / "two", other, note="", at="")
    with pytest.raises(BadSeal, match="not the key of"):
        open_seal(folder, other)
    with pytest.raises(BadSeal, match="no such file"):
        open_seal(folder, tmp_path / "gone")
    other.write_text("?")
    with pytest.raises(BadSeal, match="not as it was written"):
        open_seal(folder, other)
    (folder / "sealed.bin").write_bytes((folder / "sealed.bin").read_bytes()[:-9] + b"x" * 9)
    with pytest.raises(BadSeal, match="it was changed"):
        open_seal(folder, key)
    first = (tmp_path / "two" / "videos.csv").read_text()
    assert first.splitlines()[1:] != (folder / "videos.csv").read_text().splitlines()[1:]


def test_where_a_seal_may_not_be_made(sealed, tmp_path: Path) -> None:
    folder, key, manifest = sealed
    for where, its_key, said in (
        (folder, tmp_path / "k", "choose another folder"),
        (tmp_path / "new", key, "choose another key"),
        (tmp_path / "new", tmp_path / "new" / "key", "may not lie in the sealed folder"),
        (tmp_path / "new", tmp_path / "gone" / "key", "there is no folder"),
    ):
        with pytest.raises(BadSeal, match=said):
            seal(manifest, where, its_key, note="", at="")
        assert not (tmp_path / "new").exists()


def test_every_look_is_written_and_none_can_be_changed(sealed) -> None:
    folder, key, _ = sealed
    opened = open_seal(folder, key)
    assert opened.looks() == []
    for number in (1, 2, 3):
        entry = opened.look({"scores_sha256": "ab"}, at=f"2025-01-0{number}")
        assert entry["number"] == number
    path = folder / "ledger.jsonl"
    lines = path.read_text().splitlines()
    assert [json.loads(line)["at"] for line in lines] == ["2025-01-01", "2025-01-02", "2025-01-03"]
    for damaged, line in (
        ([lines[0].replace("2025-01-01", "2024-01-01"), *lines[1:]], 1),
        ([lines[0], lines[2]], 2),
        (lines[1:], 1),
        ([lines[0], lines[0]], 2),
        ([*lines[:2], "{"], 3),
    ):
        path.write_text("\n".join(damaged) + "\n")
        with pytest.raises(BadSeal, match=f"line {line} was changed"):
            opened.looks()
        with pytest.raises(BadSeal, match=f"line {line} was changed"):
            opened.look({}, at="")

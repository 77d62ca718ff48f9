"""What an evaluation says is what independent code says of the same numbers."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_fixtures import Row, forged_manifest, scores_of, write_manifest, write_scores
from sklearn import metrics as sk

import unswap
from unswap.datasets.manifests import Video
from unswap.experiments.evaluation.evaluate import evaluate
from unswap.experiments.evaluation.measuring import Settings, review_load
from unswap.experiments.evaluation.options import Options
from unswap.experiments.evaluation.policies import Policy
from unswap.experiments.evaluation.results import NAMES, Evaluation
from unswap.experiments.evaluation.score_tables import BadScores
from unswap.experiments.evaluation.sealing import BadSeal, open_seal, seal
from unswap.experiments.evaluation.slices import SliceSpec
from unswap.experiments.evaluation.thresholds import Rule
from unswap.experiments.evaluation.words import lines

ROWS = forged_manifest(40, splits=("val", "test", "test"))
QUICK = Settings(resamples=60)


def run(tmp_path: Path, tables: Sequence[list[Row]], rows: list[Video] = ROWS,
        **options: Any) -> Evaluation:  # fmt: skip
    options.setdefault("settings", QUICK)
    options.setdefault("split", "test" if rows is ROWS else None)
    paths = [write_scores(tmp_path / f"s{i}.csv", t) for i, t in enumerate(tables)]
    return evaluate(paths, write_manifest(tmp_path, rows), Options(**options))


def of_test(scores: list[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of the test videos; NaN for a failure."""
    pairs = [(v.label, r["score"]) for v, r in zip(ROWS, scores, strict=True) if v.split == "test"]
    labels, values = zip(*pairs, strict=True)
    return np.array(labels), np.array([math.nan if s is None else s for s in values])


def some_fail(video: Video) -> str:
    return "no_face" if video.video_id[-1] in "37" and video.method != "Deepfakes" else "scored"


def test_every_figure_is_there_and_agrees_with_scikit_learn(tmp_path: Path) -> None:
    scores = scores_of(ROWS, "p@0", kind="probability", status=some_fail)
    result = run(tmp_path, [scores], policy=Policy.parse(["all=real"])).detectors[0]
    y, x = of_test(scores)
    there = np.isfinite(x)
    answered, wrong, policy = result.scorings
    assert set(answered.figures) == set(wrong.figures) == set(NAMES)

    def value(s: Any, name: str) -> float:
        return s.figures[name].value

    assert value(answered, "auc") == pytest.approx(sk.roc_auc_score(y[there], x[there]))
    assert value(answered, "ap") == pytest.approx(sk.average_precision_score(y[there], x[there]))
    assert value(answered, "log-loss") == pytest.approx(sk.log_loss(y[there], x[there]))
    assert value(answered, "brier") == pytest.approx(sk.brier_score_loss(y[there], x[there]))
    assert value(answered, "pauc@fpr=0.1") == pytest.approx(
        sk.roc_auc_score(y[there], x[there], max_fpr=0.1)
    )
    as_wrong = np.where(there, x, np.where(y == 1, -9.0, 9.0))
    assert value(wrong, "auc") == pytest.approx(sk.roc_auc_score(y, as_wrong))
    assert value(wrong, "ap") == pytest.approx(sk.average_precision_score(y, as_wrong))
    as_real = np.where(there, x, -9.0)
    assert value(policy, "auc") == pytest.approx(sk.roc_auc_score(y, as_real))
    assert (answered.real + answered.fake, wrong.real + wrong.fake) == (there.sum(), len(y))
    assert wrong.figures["brier"].value is None
    assert "no number to take it of" in wrong.figures["brier"].reason
    assert value(wrong, "auc") < value(answered, "auc")
    for name in ("auc", "ap", "eer"):
        interval = answered.figures[name].interval
        assert interval.low <= value(answered, name) <= interval.high
    assert "too few for an interval" in answered.figures["tpr@fpr=0.1"].interval.reason
    assert answered.delong.method.startswith("DeLong")


def test_logits_have_no_log_loss(tmp_path: Path) -> None:
    result = run(tmp_path, [scores_of(ROWS)]).detectors[0].of("answered")
    for name in ("log-loss", "brier", "calibration-error"):
        assert result.figures[name].value is None
        assert (
            "of probabilities, and these scores are of the kind 'logit'"
            in result.figures[name].reason
        )
    assert result.figures["cllr"].value is None


def test_llrs_have_a_cllr(tmp_path: Path) -> None:
    scores = [{**r, "score_kind": "llr"} for r in scores_of(ROWS)]
    figures = run(tmp_path, [scores]).detectors[0].of("answered").figures
    y, x = of_test(scores)
    want = (np.log2(1 + np.exp(-x[y == 1])).mean() + np.log2(1 + np.exp(x[y == 0])).mean()) / 2
    assert figures["cllr"].value == pytest.approx(want)
    assert figures["cllr-min"].value <= figures["cllr"].value


def test_a_frozen_threshold_is_what_is_applied(tmp_path: Path) -> None:
    scores = scores_of(ROWS, status=some_fail)
    found = run(tmp_path, [scores], dev_split="val", rules=(Rule.parse("fpr=0.2"),))
    result = found.detectors[0]
    dev = [(v.label, r["score"]) for v, r in zip(ROWS, scores, strict=True)
           if v.split == "val" and r["score"] is not None]  # fmt: skip
    real = sorted(s for label, s in dev if label == 0)
    at = result.of("answered").thresholds[0]
    t = at.threshold.value
    assert np.mean([s >= t for s in real]) <= 0.2
    y, x = of_test(scores)
    there = np.isfinite(x)
    assert at.tpr.k == (x[there & (y == 1)] >= t).sum()
    assert at.fpr.k == (x[there & (y == 0)] >= t).sum()
    wrong = result.of("wrong").thresholds[0]
    assert wrong.tpr.k == at.tpr.k
    assert wrong.fpr.k == at.fpr.k + (~there & (y == 0)).sum()
    assert (wrong.tpr.n, wrong.fpr.n) == ((y == 1).sum(), (y == 0).sum())
    attacks = result.attacks["fpr=0.2"]
    assert attacks.bona_fide.errors == at.fpr.k
    assert attacks.bona_fide.presented - attacks.bona_fide.answered == (~there & (y == 0)).sum()
    assert {s.name for s in attacks.attacks} == {"Deepfakes", "FaceSwap"}
    load = at.loads[0]
    tpr, fpr = at.tpr.k / at.tpr.n, at.fpr.k / at.fpr.n
    assert load.flagged == pytest.approx(1000 * (0.1 * tpr + 0.9 * fpr))
    assert load.precision == pytest.approx(0.1 * tpr / (0.1 * tpr + 0.9 * fpr))


def test_intervals_of_rates_at_a_threshold_are_of_the_same_rates(tmp_path: Path) -> None:
    """The rates are resampled on ranks: the threshold must part the ranks as it parts the scores."""
    scores = scores_of(ROWS, status=some_fail)
    for number in (-99.0, 0.0, 0.5, 99.0):
        found = run(tmp_path, [scores], rules=(Rule("value", number),))
        for s in found.detectors[0].scorings[:2]:
            at = s.thresholds[0]
            for bound, interval in ((at.tpr, at.tpr_interval), (at.fpr, at.fpr_interval)):
                if interval.supported:
                    assert interval.low <= bound.value <= interval.high
                else:
                    assert bound.value in (0.0, 1.0)


def test_oracles_are_marked_wherever_they_stand(tmp_path: Path) -> None:
    rules = (Rule.parse("fpr=0.1"),)
    with pytest.raises(BadScores, match="--oracle"):
        run(tmp_path, [scores_of(ROWS)], rules=rules)
    found = run(tmp_path, [scores_of(ROWS)], rules=rules, oracle=True)
    data = found.to_dict()["detectors"][0]["scorings"]["answered"]
    assert data["thresholds"][0]["threshold"]["oracle"] is True
    oracles = {name for name, figure in data["figures"].items() if figure["oracle"]}
    assert oracles == {n for n in NAMES if n.startswith(("eer", "tpr@", "fpr@"))}
    text = "\n".join(lines(found))
    assert "threshold fpr=0.1 (oracle: chosen on the test set)" in text
    assert "EER (ROC convex hull) (oracle)" in text
    stated = run(tmp_path, [scores_of(ROWS)], rules=(Rule.parse("value=0"),))
    assert "(stated)" in "\n".join(lines(stated))


def test_development_scores_from_another_file(tmp_path: Path) -> None:
    scores = scores_of(ROWS)
    part = {
        s: [r for r, v in zip(scores, ROWS, strict=True) if v.split == s] for s in ("val", "test")
    }
    dev = write_scores(tmp_path / "dev.csv", part["val"])
    rules = (Rule.parse("eer"),)
    from_file = run(tmp_path, [part["test"]], dev_scores=(dev,), rules=rules)
    from_split = run(tmp_path, [scores], dev_split="val", rules=rules)
    pick = [f.detectors[0].of("answered").thresholds[0] for f in (from_file, from_split)]
    assert pick[0].threshold == pick[1].threshold
    assert pick[0].tpr == pick[1].tpr
    again = write_scores(tmp_path / "again.csv", part["test"][:26])
    with pytest.raises(BadScores, match="26 of the 78 test videos"):
        run(tmp_path, [part["test"]], dev_scores=(again,), rules=rules)
    others = [{**r, "detector": "other@00"} for r in part["test"]]
    with pytest.raises(BadScores, match="there are none for 'other@00'"):
        run(tmp_path, [others], dev_scores=(dev,), rules=rules)


def test_tables_without_names_are_one_detector(tmp_path: Path) -> None:
    rows = [{"video_id": r["video_id"], "score": r["score"]} for r in scores_of(ROWS)]
    dev = [r for r, v in zip(rows, ROWS, strict=True) if v.split == "val"]
    test = [r for r, v in zip(rows, ROWS, strict=True) if v.split == "test"]
    path = write_scores(tmp_path / "dev.csv", dev)
    found = run(tmp_path, [test], dev_scores=(path,), rules=(Rule.parse("fpr=0.2"),))
    assert found.detectors[0].of("answered").thresholds[0].threshold.chosen_on == "development"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dev_split": "val"}, "--dev-split goes with --split"),
        ({"split": "test", "dev_split": "test"}, "are both 'test'"),
        ({"dev_manifest": Path("m")}, "goes with --dev-scores"),
        ({"split": "test", "dev_split": "val", "dev_scores": (Path("d"),)}, "either"),
        ({"min_slice": 0}, "at least 1 video"),
        ({"rank_by": "policy"}, "ranking by policy wants one"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], said: str) -> None:
    with pytest.raises(BadScores, match=said):
        Options(**options)


def test_reversed_polarity_is_warned_about_and_left(tmp_path: Path) -> None:
    scores = [{**r, "score": -r["score"]} for r in scores_of(ROWS, skill=3)]
    result = run(tmp_path, [scores]).detectors[0]
    y, x = of_test(scores)
    assert result.of("answered").figures["auc"].value == pytest.approx(sk.roc_auc_score(y, x))
    assert result.of("answered").figures["auc"].value < 0.1
    assert any(
        "polarity looks reversed" in w and "Nothing was turned round" in w for w in result.warnings
    )
    small = forged_manifest(6)
    few = [{**r, "score": -r["score"]} for r in scores_of(small, skill=3)]
    assert "may be reversed" in run(tmp_path, [few], small).detectors[0].warnings[0]
    assert run(tmp_path, [scores_of(ROWS, skill=3)]).detectors[0].warnings == ()


def test_all_ties(tmp_path: Path) -> None:
    result = run(tmp_path, [[{**r, "score": 1.0} for r in scores_of(ROWS)]]).detectors[0]
    assert result.of("wrong").figures["auc"].value == 0.5
    assert "all 78 scores are equal (1): they tell nothing apart" in result.warnings
    assert result.histogram.edges[0] < 1 < result.histogram.edges[-1]


def test_two_videos(tmp_path: Path) -> None:
    rows = [Video("a", "a.mp4", 0), Video("b", "b.mp4", 1)]
    found = run(tmp_path, [[{"video_id": "a", "score": 0}, {"video_id": "b", "score": 1}]], rows)
    figure = found.detectors[0].of("answered").figures["auc"]
    assert figure.value == 1
    assert not figure.interval.supported
    assert "at least 10 groups" in figure.interval.reason
    assert found.detectors[0].curve.low == ()
    assert "not supported" in "\n".join(lines(found))


def test_answers_for_one_class_only(tmp_path: Path) -> None:
    scores = scores_of(ROWS, status=lambda v: "scored" if v.label else "failed")
    result = run(tmp_path, [scores]).detectors[0]
    assert "0 real and 52 manipulated" in result.of("answered").reason
    assert result.of("answered").figures == {}
    assert result.of("wrong").figures["auc"].value == 0
    assert result.curve is None


def test_no_answer_at_all(tmp_path: Path) -> None:
    result = run(tmp_path, [scores_of(ROWS, status=lambda v: "timeout")]).detectors[0]
    assert result.failures.coverage == 0
    assert result.of("wrong").figures["auc"].value == 0
    assert result.histogram is None


def test_failures_on_fakes_are_a_warning(tmp_path: Path) -> None:
    scores = scores_of(ROWS, status=lambda v: "no_face" if v.method == "FaceSwap" else "scored")
    found = run(tmp_path, [scores])
    assert any("fails more on manipulated ones" in w for w in found.detectors[0].warnings)
    assert found.to_dict()["detectors"][0]["failures"]["uneven"] == "fake"


def test_slices_stand_worst_first_and_few_ones_last(tmp_path: Path) -> None:
    weak = {"c40": 0.0, "c23": 3.0}
    rows = forged_manifest(60)
    by_skill = {c: {r["video_id"]: r for r in scores_of(rows, skill=s)} for c, s in weak.items()}
    scores = [by_skill[v.compression][v.video_id] for v in rows]
    specs = (SliceSpec("compression"), SliceSpec("method"), SliceSpec("target_id"))
    with pytest.raises(BadScores, match="60 different values, more than 40"):
        run(tmp_path, [scores], rows, slices=specs)
    found = run(tmp_path, [scores], rows, slices=specs[:2], min_slice=20)
    got = found.detectors[0].slices
    assert (got[0].by, got[0].value) == ("compression", "c40")
    values = [row.auc["wrong"].value for row in got]
    assert values == sorted(values)
    inside = [
        (v.label, r["score"]) for v, r in zip(rows, scores, strict=True) if v.compression == "c40"
    ]
    assert got[0].auc["answered"].value == pytest.approx(
        sk.roc_auc_score(*zip(*inside, strict=True))
    )
    swap = next(row for row in got if row.value == "FaceSwap")
    assert (swap.real, swap.fake) == (60, 60)
    few = run(tmp_path, [scores], rows, slices=specs[:1], min_slice=21).detectors[0].slices
    assert [(row.value, row.few) for row in few] == [("c23", False), ("c40", True)]
    assert few[1].auc == {}
    assert (few[1].real, few[1].fake) == (20, 40)


def test_columns_of_numbers_are_binned(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    sizes = {v.video_id: 20 + i for i, v in enumerate(ROWS)}
    path.write_text("video_id,face_size\n" + "".join(f"{k},{v}\n" for k, v in sizes.items()))
    spec = SliceSpec.parse("face_size=50,100")
    found = run(tmp_path, [scores_of(ROWS)], measurements=path, slices=(spec,), min_slice=1)
    counts = {row.value: row.real + row.fake for row in found.detectors[0].slices}
    want = [sizes[v.video_id] for v in ROWS if v.split == "test"]
    assert counts == {
        "below 50": sum(s < 50 for s in want),
        "50 to below 100": sum(50 <= s < 100 for s in want),
        "100 and above": sum(s >= 100 for s in want),
    }
    quartiles = run(tmp_path, [scores_of(ROWS)], measurements=path, min_slice=1).detectors[0].slices
    assert sum(row.by == "face_size" for row in quartiles) == 4
    for text, said in (("face_size=9,3", "rising"), ("face_size=x", "expected numbers after =")):
        with pytest.raises(BadScores, match=said):
            SliceSpec.parse(text)
    for spec, said in (
        (SliceSpec("face_sise"), "unknown column 'face_sise'; did you mean 'face_size'"),
        (SliceSpec("method2"), "unknown column"),
        (SliceSpec("split", (1.0,)), "it holds words"),
    ):
        with pytest.raises(BadScores, match=said):
            run(tmp_path, [scores_of(ROWS)], measurements=path, slices=(spec,))


def test_who_is_better(tmp_path: Path) -> None:
    tables = [scores_of(ROWS, "good@1", skill=3), scores_of(ROWS, "bad@2", skill=0, seed=5)]
    tables.append([{**r, "detector": "twin@3"} for r in tables[0]])
    found = run(tmp_path, tables, split=None, rules=(Rule.parse("value=1.5"),))
    ranking = found.rankings[0]
    assert (ranking.scoring, ranking.n) == ("wrong", 120)
    assert {r.scoring for r in found.rankings} == {"wrong", "answered"}
    assert ranking.places[-1].detector == "bad@2"
    pairs = {frozenset((p.first, p.second)): p for p in ranking.pairs}
    assert len(pairs) == 3
    twins = pairs[frozenset(("good@1", "twin@3"))]
    assert twins.difference == 0
    assert not twins.certain
    worse = pairs[frozenset(("good@1", "bad@2"))]
    assert worse.certain
    assert worse.p_holm >= worse.p
    good = [v.label == (r["score"] >= 1.5) for v, r in zip(ROWS, tables[0], strict=True)]
    bad = [v.label == (r["score"] >= 1.5) for v, r in zip(ROWS, tables[1], strict=True)]
    only_good = sum(g and not b for g, b in zip(good, bad, strict=True))
    test = worse.mcnemar["value=1.5"]
    its = test.only_first if worse.first == "good@1" else test.only_second
    assert its == only_good
    text = "\n".join(lines(found))
    assert "is better than bad" in text
    assert "is not told apart from" in text


def test_ranking_on_few_groups_is_not_supported(tmp_path: Path) -> None:
    rows = forged_manifest(6)
    found = run(tmp_path, [scores_of(rows, "a@1"), scores_of(rows, "b@2", seed=1)], rows)
    (pair,) = found.rankings[0].pairs
    assert pair.p_holm is None
    assert not pair.certain
    assert "not supported" in "\n".join(lines(found))


def test_ranking_of_answered_is_on_videos_that_all_answered(tmp_path: Path) -> None:
    tables = [scores_of(ROWS, "a@1"), scores_of(ROWS, "b@2", seed=1, status=some_fail)]
    found = run(tmp_path, tables, rank_by="answered")
    assert found.rankings[0].scoring == "answered"
    answered = sum(some_fail(v) == "scored" for v in ROWS if v.split == "test")
    assert found.rankings[0].n == answered
    assert found.rankings[1].n == 78


def test_the_same_detector_in_two_tables(tmp_path: Path) -> None:
    with pytest.raises(BadScores, match="both hold the detector 'ours@00'"):
        run(tmp_path, [scores_of(ROWS), scores_of(ROWS)])


def test_the_rows_order_and_the_seed(tmp_path: Path) -> None:
    scores = scores_of(ROWS)
    a = run(tmp_path, [scores]).to_dict()["detectors"]
    b = run(tmp_path, [scores[::-1]]).to_dict()["detectors"]
    for result in (*a, *b):
        del result["scores_sha256"]
    assert a == b
    c = run(tmp_path, [scores], settings=replace(QUICK, seed=1)).to_dict()["detectors"]
    auc = [d[0]["scorings"]["answered"]["figures"]["auc"] for d in (a, c)]
    assert auc[0]["value"] == auc[1]["value"]
    assert auc[0]["interval"]["low"] != auc[1]["interval"]["low"]


def test_json_holds_every_figure_and_no_nan(tmp_path: Path) -> None:
    tables = [scores_of(ROWS, "a@1", status=some_fail), scores_of(ROWS, "b@2", kind="probability")]
    found = run(
        tmp_path, tables, policy=Policy.parse(["all=fake"]), rules=(Rule.parse("value=0.5"),)
    )
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert set(data) >= {"protocol", "detectors", "rankings", "real", "fake", "groups", "two_way"}
    for result in data["detectors"]:
        for s in result["scorings"].values():
            assert set(s["figures"]) == set(NAMES)
            assert len(s["thresholds"]) == 1
        assert result["level"] == "video"
        assert result["aggregation"] == "mean-logit/max-track"
        assert result["roc"]["fpr"]
        assert result["running"]["p50_seconds"] > 0
    assert data["protocol"]["manifest_sha256"]
    assert len(data["protocol"]["scores"]) == 2


def test_conditions_are_kept_apart(tmp_path: Path) -> None:
    scores = scores_of(ROWS) + scores_of(ROWS, condition="VC:5", skill=0.2, seed=4)
    found = run(tmp_path, [scores])
    assert found.conditions() == ["none", "VC:5"]
    none, worse = found.detectors
    assert none.of("wrong").figures["auc"].value > worse.of("wrong").figures["auc"].value
    assert none.curve is not None
    assert "VC:5" in "\n".join(lines(found))


def test_frames_beside_the_scores(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = []
    for v in ROWS:
        for frame in range(4):
            score = float(rng.normal() + v.label)
            frames.append(
                {"video_id": v.video_id, "condition": "none", "detector": "ours@00",
                 "track_id": frame % 2, "track_score": float(frame % 2), "frame_index": frame,
                 "pts_seconds": 0.0, "score": score, "box_xyxy": "[0, 0, 30, 60]"}
            )  # fmt: skip
    write_scores(tmp_path / "s0.frames.csv", frames)
    found = run(tmp_path, [scores_of(ROWS)])
    levels = found.detectors[0].levels
    label = {v.video_id: v.label for v in ROWS if v.split == "test"}
    pairs = [(label[f["video_id"]], f["score"]) for f in frames if f["video_id"] in label]
    assert levels["frame"].value == pytest.approx(sk.roc_auc_score(*zip(*pairs, strict=True)))
    assert levels["track"].value == 0.5
    assert levels["frame"].interval.groups == found.groups
    text = "\n".join(lines(found))
    assert "frame level: AUC" in text
    frames[3]["score"] = "nan"
    write_scores(tmp_path / "s0.frames.csv", frames)
    with pytest.raises(BadScores, match="row 4: expected a finite score"):
        run(tmp_path, [scores_of(ROWS)])


def test_a_sealed_set_writes_every_look_and_only_those(tmp_path: Path) -> None:
    from unswap.datasets.manifests import Manifest

    rows = forged_manifest(20)
    folder, key = tmp_path / "sealed", tmp_path / "key"
    seal(Manifest.read(write_manifest(tmp_path, rows)), folder, key, note="", at="")
    opened = open_seal(folder, key)
    hidden = dict(zip([v.video_id for v in rows], opened.manifest.column("video_id"), strict=True))
    scores = [{**r, "video_id": hidden[r["video_id"]]} for r in scores_of(rows)]
    path = write_scores(tmp_path / "s.csv", scores)
    with pytest.raises(BadSeal, match="give its key"):
        evaluate(path, folder, Options(settings=QUICK))
    bad = write_scores(tmp_path / "bad.csv", scores_of(rows))
    with pytest.raises(BadScores, match="ids are not in"):
        evaluate(bad, folder, Options(settings=QUICK, key=key))
    assert opened.looks() == []  # nothing was told
    for number in (1, 2):
        found = evaluate(path, folder, Options(settings=QUICK, key=key, at="now", note="trying"))
        assert found.protocol["seal"]["looks"] == number
    looks = opened.looks()
    assert [look["number"] for look in looks] == [1, 2]
    assert looks[0]["note"] == "trying"
    assert looks[0]["detectors"] == ["ours@00"]
    assert found.protocol["seal"]["ledger_head"] == looks[1]["hash"]
    plain = evaluate(write_scores(tmp_path / "p.csv", scores_of(rows)), tmp_path / "manifest.csv",
                     Options(settings=QUICK))  # fmt: skip
    figures = [f.detectors[0].of("wrong").figures["auc"].value for f in (plain, found)]
    assert figures[0] == figures[1]
    with pytest.raises(BadSeal, match="not a sealed set"):
        evaluate(path, tmp_path / "manifest.csv", Options(settings=QUICK, key=key))


def test_from_python_with_keywords(tmp_path: Path) -> None:
    path = write_scores(tmp_path / "s.csv", scores_of(ROWS))
    found = unswap.evaluate(path, write_manifest(tmp_path, ROWS), split="test", settings=QUICK)
    assert isinstance(found, unswap.Evaluation)
    with pytest.raises(TypeError, match="splitt"):
        unswap.evaluate(path, tmp_path / "manifest.csv", splitt="test")


def test_the_load_on_review() -> None:
    load = review_load(0.8, 0.0, 0.01)
    assert (load.flagged, load.missed, load.precision) == (8.0, pytest.approx(2.0), 1.0)
    assert review_load(0.0, 0.0, 0.01).precision is None
    for bad in (0.0, 1.0):
        with pytest.raises(ValueError, match="prevalence between 0 and 1"):
            Settings(prevalences=(bad,))

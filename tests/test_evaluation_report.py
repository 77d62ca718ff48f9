"""The evaluation's page: every figure where it belongs, nothing from elsewhere, nothing unescaped."""

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from evaluation_fixtures import three_detectors

from unswap.experiments.evaluation.report.charts import (
    DET_ENDS,
    LEFT,
    SIDE,
    TOP,
    bars,
    det_plot,
    robustness_plots,
    roc_plot,
    style_of,
)
from unswap.experiments.evaluation.report.render import render_report, write_report
from unswap.experiments.evaluation.report.views import view_of
from unswap.experiments.evaluation.results import NAMES, Evaluation, Histogram
from unswap.experiments.evaluation.words import labels_of, pair_words, share

HOSTILE = "<script>alert(1)</script>\"'&\u202e"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return three_detectors(tmp_path_factory.mktemp("made"))


def page_of(*evaluations: Evaluation, **options: str) -> str:
    return render_report(evaluations, version="0.1.0", generated_at="2025-03-04", **options)


def section(page: str, name: str) -> str:
    """From a heading to the next one, as text with the tags between."""
    start = page.index(f'id="{name}"')
    end = re.search(r"<h3 |</section>", page[start + 10 :])
    assert end
    return page[start : start + 10 + end.start()]


def test_the_page_holds_the_whole_record(made: Evaluation) -> None:
    page = page_of(made)
    found = re.search(r'<pre id="record"[^>]*>(.*?)</pre>', page, re.DOTALL)
    assert found
    record = json.loads(unescape(found[1]))
    assert record["evaluations"] == [json.loads(json.dumps(made.to_dict()))]
    assert record["unswap"] == "0.1.0"


def test_every_part_is_there(made: Evaluation) -> None:
    page = page_of(made)
    for name in (
        "leaderboard", "pairs", "figures", "curves", "scores", "thresholds", "load", "slices",
        "robustness", "failures", "running", "protocol",
    ):  # fmt: skip
        assert f'id="e0-{name}"' in page, name
    for word in ("src=", 'href="http', "@import", "url("):
        assert word not in page


def test_figures_stand_with_their_intervals_under_three_scorings(made: Evaluation) -> None:
    table = section(page_of(made), "e0-figures")
    for result in made.under("none"):
        for s in result.scorings:
            for name in NAMES:
                figure = s.figures[name]
                if figure.value is None:
                    continue
                text = f'<span class="value">{share(figure.value)}</span>'
                if figure.interval and figure.interval.supported:
                    low, high = share(figure.interval.low), share(figure.interval.high)
                    text += f' <span class="ends">[{low}, {high}]</span>'
                assert text in table, (result.detector, s.scoring, name)
    assert "it is of likelihood ratios, and these scores are of the kind" in table


def test_the_leaderboard_is_in_the_order_of_places(made: Evaluation) -> None:
    board = section(page_of(made), "e0-leaderboard")
    names = re.findall(r'<th scope="row" data-sort="(\w+)">', board)
    assert names == [p.detector.partition("@")[0] for p in made.rankings[0].places]
    assert board.count('class="oracle"') == 1


def test_oracles_are_marked_in_every_table(tmp_path: Path) -> None:
    found = three_detectors(tmp_path, dev_split=None, oracle=True)
    page = page_of(found)
    thresholds = section(page, "e0-thresholds")
    assert thresholds.count('class="oracle"') == 3 + 9  # a detector each; and a row of APCER, BPCER
    assert section(page, "e0-load").count('class="oracle"') == 9
    frozen = page_of(three_detectors(tmp_path))
    assert section(frozen, "e0-thresholds").count('class="oracle"') == 0


def test_failures_and_warnings_are_said(made: Evaluation) -> None:
    page = page_of(made)
    assert "it fails more on manipulated ones" in page
    vendor = next(d for d in made.detectors if d.detector == "vendor@22")
    assert f"no_face: 0 + {vendor.failures.failed_fake}" in section(page, "e0-failures")
    assert "more on manipulated ones" in section(page, "e0-failures")


def test_the_summary_says_when_the_scorings_disagree(made: Evaluation) -> None:
    (first, second) = view_of(made).summary
    assert first.startswith("ours has the highest AUC")
    assert "failure counted as wrong" in first
    assert second == (
        "Which one is first depends on what failures count as: answered only, it is vendor."
    )
    answered = [r for r in made.rankings if r.scoring == "answered"]
    assert len(view_of(replace(made, rankings=tuple(answered))).summary) == 1


def test_the_protocol_names_every_hash(made: Evaluation) -> None:
    facts = section(page_of(made), "e0-protocol")
    assert made.protocol["manifest_sha256"] in facts
    for scores in made.protocol["scores"]:
        assert scores["sha256"] in facts
    assert "0011" in facts


def test_names_from_outside_are_escaped(tmp_path: Path, made: Evaluation) -> None:
    first = replace(made.detectors[0], detector=HOSTILE + "@00", aggregation=HOSTILE)
    row = replace(first.slices[0], value=HOSTILE, by=HOSTILE)
    first = replace(first, slices=(row,), warnings=(HOSTILE,), condition="none")
    page = page_of(replace(made, title=HOSTILE, detectors=(first,), rankings=(), notes=(HOSTILE,)))
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert page.count("<script>") == 1


def test_a_single_detector_and_several_evaluations(made: Evaluation, tmp_path: Path) -> None:
    alone = replace(made, detectors=made.detectors[:1], rankings=())
    page = page_of(alone)
    assert "One detector: no places" in page
    assert 'id="e0-pairs"' not in page
    both = page_of(made, replace(made, title="another"), title="all of it")
    assert 'id="e1-leaderboard"' in both
    assert '<a href="#e1">another</a>' in both
    assert "<h1><bdi>all of it</bdi></h1>" in both
    with pytest.raises(ValueError, match="at least one evaluation"):
        page_of()


def test_not_a_number_never_gets_into_a_page(made: Evaluation) -> None:
    bad = replace(made.detectors[0].running, p50_seconds=float("nan"))
    with pytest.raises(ValueError, match="JSON"):
        page_of(replace(made, detectors=(replace(made.detectors[0], running=bad),), rankings=()))


def test_a_second_report_replaces_its_own_alone(made: Evaluation, tmp_path: Path) -> None:
    def write(e: Evaluation) -> Path:
        return write_report([e], tmp_path, version="1", generated_at="now")

    first = write(made)
    assert first.name == "evaluation-made_up.html"
    assert write(made) == first
    other = replace(made, protocol={**made.protocol, "manifest_sha256": "ff"})
    assert write(other) != first
    assert len(list(tmp_path.iterdir())) == 2


def test_roc_and_det_lie_where_their_numbers_say(made: Evaluation) -> None:
    results = [(d.detector, d) for d in made.under("none")]
    roc = roc_plot(results)
    for (_, d), line in zip(results, roc.lines, strict=True):
        for (x, y), fpr, tpr in zip(line.points, d.curve.fpr, d.curve.tpr, strict=True):
            assert x == pytest.approx(LEFT + SIDE * fpr, abs=0.01)
            assert y == pytest.approx(TOP + SIDE * (1 - tpr), abs=0.01)
        assert len(line.band) == 2 * len(line.points)
    det = det_plot(results)
    marks = {tick.label: tick.at for tick in det.x_ticks}
    assert marks[".001"] == LEFT
    assert marks[".8"] == LEFT + SIDE
    for line in det.lines:
        assert all(LEFT <= x <= LEFT + SIDE and TOP <= y <= TOP + SIDE for x, y in line.points)
    at = results[0][1].curve.fpr.index(0.1)
    assert det.lines[0].points[at][0] == pytest.approx(marks[".1"])
    assert DET_ENDS[0] == 0.001


def test_robustness_has_a_plot_for_each_code(made: Evaluation) -> None:
    labels = labels_of([d.detector for d in made.detectors])
    (plot,) = robustness_plots(made, labels)
    assert plot.title == "VC"
    assert [t.label for t in plot.x_ticks] == ["0", "1", "3", "5"]
    ours = plot.lines[0]
    assert (ours.label, len(ours.points), len(ours.bars)) == ("ours", 4, 4)
    auc = next(d for d in made.under("VC:3")).of("wrong").figures["auc"].value
    assert ours.points[2][1] == pytest.approx(TOP + SIDE * (1 - (auc - 0.4) / 0.6), abs=0.01)


def test_bars_are_shares_on_one_scale() -> None:
    found = bars("x", Histogram((0.0, 1.0, 2.0), (1, 3), (10, 10)), [(1.0, "t"), (9.0, "out")])
    assert [round(h, 2) for *_, h in found.real] == [26.67, 80.0]
    assert [round(h, 2) for *_, h in found.fake] == [53.33, 53.33]
    assert found.marks == ((50.0, "t"),)


def test_detectors_of_one_name_keep_a_part_of_their_hash() -> None:
    assert labels_of(["a@0123456789", "a@9876543210", "b@1"]) == {
        "a@0123456789": "a@01234567",
        "a@9876543210": "a@98765432",
        "b@1": "b",
    }
    assert len({style_of(i) for i in range(32)}) == 32


def test_pairs_are_said_the_better_one_first(made: Evaluation) -> None:
    labels = labels_of([d.detector for d in made.detectors])
    for pair in made.rankings[0].pairs:
        turned = replace(
            pair, first=pair.second, second=pair.first, difference=-pair.difference,
            interval=replace(pair.interval, low=-pair.interval.high, high=-pair.interval.low),
        )  # fmt: skip
        assert pair_words(pair, labels) == pair_words(turned, labels)


def test_the_view_sorts_all_slices_of_all_detectors(made: Evaluation) -> None:
    view = view_of(made)
    told = [row.auc["wrong"].value for _, row in view.slices if not row.few]
    assert told == sorted(told)
    assert len({label for label, _ in view.slices}) == 3

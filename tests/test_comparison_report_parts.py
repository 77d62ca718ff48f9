"""The parts of a comparison's report: its words, its tables, its plots, its pictures."""

import base64
import os
import subprocess
from dataclasses import replace

import cv2
import numpy as np
import pytest
from comparison_fixtures import (
    HEIGHT,
    HOSTILE,
    WIDTH,
    make_comparison,
    not_compared,
    pair_row,
    still_info,
)

from unswap.experiments.comparison.report import tables, words
from unswap.experiments.comparison.report.album import (
    build_album,
    choose,
    encode_changes,
    picture_size,
    spread,
)
from unswap.experiments.comparison.report.charts import (
    build_alignment,
    build_curve,
    build_timeline,
    joined_runs,
)
from unswap.experiments.comparison.showing import shown_pairs
from unswap.experiments.comparison.tint import TINT_RGB
from unswap.experiments.comparison.types import Comparison, NullPoint, Status, Stretch, Verdict
from unswap.experiments.report import facts


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Comparison:
    return make_comparison(tmp_path_factory.mktemp("plain"), missing=(9, 10, 11))


@pytest.fixture(scope="module")
def backwards(tmp_path_factory) -> Comparison:
    shown = [*range(5, 14), *range(30, 14, -1)]
    return make_comparison(tmp_path_factory.mktemp("backwards"), shown=shown, scale=0.75)


@pytest.mark.parametrize(
    ("options", "summary"),
    [
        (
            {},
            "The suspect shows frames 10 to 33 of the reference; 97 % of what lies outside the "
            "changed regions agrees with it as far as compression allows; 94 % of what changed "
            "lies in faces (changed regions: face of person 1 and text or sticker at the lower "
            "right).",
        ),
        (
            {"faces": False},
            "The suspect shows frames 10 to 33 of the reference; 97 % of what lies outside the "
            "changed regions agrees with it as far as compression allows; no changed region was "
            "found.",
        ),
        (
            {"shown": [7], "figures": None},
            "The suspect shows frame 7 of the reference; how far the rest agrees was not measured; "
            "the changed regions: face of person 1 and text or sticker at the lower right.",
        ),
    ],
)
def test_the_summary(tmp_path, options, summary):
    assert words.summary(make_comparison(tmp_path, **options)) == summary


def test_the_summary_states_nothing_that_was_not_found(backwards):
    c = backwards
    assert "frames 5 to 13 and frames 30 back to 15 of" in words.summary(c)
    for verdict in set(Verdict) - {Verdict.SUPPORTED}:
        doubted = replace(c, findings=(replace(c.findings[0], verdict=verdict),))
        assert "suspect was compared with frames 5 to 13" in words.summary(doubted)
        assert "shows" not in words.summary(doubted)
    many = replace(c, stretches=c.stretches * 4, regions=c.regions * 3)
    assert "frames 5 to 13 and 5 further stretches of" in words.summary(many)
    assert "and 3 further regions)" in words.summary(many)
    assert words.verdicts(c.findings) == "Supported: a, b, c, d. Inconclusive: e."


def test_shares_are_not_rounded_to_all_or_nothing():
    assert [words.percent(v, 1) for v in (0.99999, 0.0001, 0.0, 1.0, 0.5, None)] == [
        "more than 99.9 %", "less than 0.1 %", "0.0 %", "100.0 %", "50.0 %", "\N{EN DASH}",
    ]  # fmt: skip
    assert words.ranges([0, 2, 4, 6, 8], most=2) == "0, 2, and 3 further runs"


def test_places_are_told_in_plain_words(backwards):
    c = backwards
    rows = dict(tables.geometry_rows(c.geometry, c.reference, c.suspect))
    assert rows["Scale"].startswith("0.7500 across, 0.7500 down")
    assert rows["Cut off from the reference"] == "nothing"
    border = rows["Borders added in the suspect"]
    assert border == "left 40.0, top 30.0, right 40.0, bottom 30.0 pixels of 320 by 240"
    colours = dict(tables.photometry_rows(c.photometry))
    times, minus = "\N{MULTIPLICATION SIGN}", facts.MINUS
    assert colours["Red becomes"] == f"1.010 {times} red + 0.010 {times} blue + 1.5"
    assert colours["Green becomes"] == f"0.990 {times} green {minus} 0.5"


def test_the_timeline_has_gaps_where_nothing_is_aligned():
    pairs = [pair_row(f) for f in (0, 1, 2, 3, 10, 11, 12)]
    pairs += [replace(pair_row(13), face_changed=None), pair_row(14)]
    timeline = build_timeline(pairs, still_info("a.mp4", duration_seconds=2.0))
    outside, face = timeline.rows
    assert len(outside.joins) == 3 + 4
    assert not any(x1 < 25 < x2 for x1, _, x2, _ in outside.joins)
    assert (len(face.joins), len(face.dots)) == (3 + 2, 1)
    assert timeline.gaps == ((17.5, 30.0), (72.5, 27.5))
    assert {y for _, y, _, _ in outside.joins} == {10 + 0.1 * 76}
    assert [len(run) for run in joined_runs(pairs)] == [4, 5]
    assert [len(r) for r in joined_runs([pair_row(0), pair_row(1), pair_row(2, stretch=1)])] == [
        2,
        1,
    ]


def test_long_timelines_are_drawn_together():
    pairs = [pair_row(f, agree_outside=f % 2) for f in range(10_000)]
    timeline = build_timeline(pairs, still_info("a.mp4", duration_seconds=1000.0))
    assert timeline.together == 25
    assert len(timeline.rows[0].joins) == 399
    assert {(top, bottom) for _, top, bottom in timeline.rows[0].spans} == {(10.0, 86.0)}
    alone = build_timeline([pair_row(3)], still_info("a.mp4", duration_seconds=0.0))
    assert (alone.rows[0].joins, len(alone.rows[0].dots)) == ((), 1)
    alone = build_timeline([pair_row(0)], still_info("a.mp4", duration_seconds=0.04, fps=25.0))
    assert alone.gaps == ()


def test_a_band_that_runs_backwards_crosses_itself():
    stretches = [
        Stretch(0, 10, 20, 30, (0.0, 1.0), (2.0, 3.0), 1.0, 0.9, 0.1),
        Stretch(11, 20, 30, 21, (1.1, 2.0), (3.0, 2.1), -1.0, 0.9, 0.1),
    ]
    short, long = (still_info("a.mp4", duration_seconds=s) for s in (4.0, 40.0))
    plot = build_alignment(stretches, short, short)
    forward, backward = plot.bands
    assert plot.one_scale
    assert forward.corners == ((0, 40), (25, 40), (75, 150), (50, 150))
    assert backward.bottom_first == 75 > backward.bottom_last == 52.5
    apart = build_alignment(stretches, short, long)
    assert not apart.one_scale
    assert (apart.top_end, apart.bottom_end) == (100, 100)
    assert apart.bands[0].bottom_last == 7.5


def test_the_curve_rises_with_what_it_shows():
    points = [NullPoint(t, t / 10, t / 5, t / 4, 9) for t in (1.0, 10.0)]
    curve = build_curve(points)
    for series in curve.series:
        (x1, y1), (x2, y2) = series.points
        assert 0 < x1 < x2 < 100
        assert 0 < y2 < y1 < curve.height
    assert build_curve([]) is None


def test_pictures_are_those_of_the_pairs(backwards):
    c = backwards
    album = build_album(c)
    assert (album.width, album.height) == (WIDTH, HEIGHT)
    pairs = {p.place: p for p in shown_pairs(c, range(len(c.pairs)))}
    assert [s.place for s in album.shots] == list(pairs)
    for shot in album.shots[::6]:
        pair = pairs[shot.place]
        for uri, wanted in ((shot.reference, pair.reference), (shot.suspect, pair.suspect)):
            data = base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"), validate=True)
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
            assert np.abs(image.astype(int) - wanted).mean() < 3
        png = base64.b64decode(shot.changes.removeprefix("data:image/png;base64,"), validate=True)
        changes = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(changes[..., 3] > 0, pair.changed)
        assert {tuple(p) for p in changes[pair.changed][:, 2::-1].tolist()} == {TINT_RGB}


def test_changes_are_small_and_can_be_empty():
    empty = encode_changes(np.zeros((2160, 3840), bool), (640, 360))
    image = cv2.imdecode(np.frombuffer(empty, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image.shape[:2] == (360, 640)
    assert not image[..., 3].any()
    half = np.zeros((2160, 3840), bool)
    half[600:1500, 1200:2000] = True
    assert len(encode_changes(half, (640, 360))) < 3000
    assert picture_size(2160, 3840) == (360, 640)
    assert picture_size(5000, 1) == (640, 1)


def test_chosen_pairs_are_spread_and_hold_the_ends():
    pairs = [pair_row(f, stretch=f // 400) for f in range(1000)]
    stretches = [Stretch(0, 1, 0, 1, (0, 1), (0, 1), 1.0, 0.9, 0.1)] * 3
    places = choose(pairs, stretches, 120)
    assert places == sorted(set(places))
    assert 100 <= len(places) <= 120
    assert {0, 399, 400, 799, 800, 999} <= set(places)
    assert max(np.diff(places)) <= 20
    assert choose(pairs[:50], stretches, 120) == list(range(50))
    assert len(choose(pairs, stretches * 100, 120)) == 120
    assert spread(7, 3) == [0, 3, 6]


def test_an_album_keeps_to_its_budget(plain):
    album = build_album(plain)
    for budget in (0, album.bytes // 7, album.bytes // 2, album.bytes - 1, album.bytes):
        less = album.within(budget)
        assert less.bytes <= budget
        assert less.num_pairs == 21
        if budget >= album.bytes // 2:
            assert (less.shots[0], less.shots[-1]) == (album.shots[0], album.shots[-1])
    assert len(album.within(album.bytes // 2).shots) >= 9


@pytest.mark.parametrize(
    "path", ["plain.mp4", "-rf.mp4", "two words.mp4", HOSTILE, "line\nbreak\t.mp4", "\u202egnp.mp4"]
)
def test_the_command_survives_a_shell(path):
    options = ["--fdr", "0.05", "--note", path.lstrip("-")]
    c = not_compared(
        Status.NO_MATCH, suspect=still_info(path), settings={"options": options, "fdr": 0.05}
    )
    line = tables.command_line(c)
    done = subprocess.run(
        ["bash", "-c", f"unswap() {{ printf '%s\\0' \"$@\"; }}; {line}"],
        capture_output=True, check=True, timeout=120,
        env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
    )  # fmt: skip
    got = [os.fsdecode(w) for w in done.stdout.split(b"\0")[:-1]]
    given = ("./" if path.startswith("-") else "") + path
    assert got == ["compare", "exhibits/original.mp4", given, *options]
    assert facts.visible(line) == line

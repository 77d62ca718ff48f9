"""The report's HTML, its file, and its parts, without a browser."""

import ast
import json
import os
import re
import shlex
import subprocess
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from report_fixtures import DETECTOR, HOSTILE, SHA, make_card, make_failure, make_info, make_score

from unswap.detectors.cards import GenuineReference
from unswap.detectors.scores import Evidence, FrameScore, Status, TrackEvidence, TrackScore
from unswap.experiments.report import facts
from unswap.experiments.report.people import extremes, people_of
from unswap.experiments.report.pictures import LOWERS_RGB, RAISES_RGB, build_album, encode_map
from unswap.experiments.report.render import render_report, report_key, safe_stem, write_report
from unswap.experiments.report.timeline import build_strip, build_timeline, nice_ticks

WHEN = {"version": "0.1.0", "generated_at": "2025-03-04 10:12:33 UTC"}
VOID = {"meta", "br", "link", "img", "input", "hr"}
CASES = {
    "two": make_score(people=2, reason="asked for 40 frames, the video gave 32"),
    "twenty": make_score(people=20, frames=8),
    "one_frame": make_score(people=1, frames=1),
    "no_evidence": make_score(people=4, evidence=False),
    "hostile": make_score(people=1, frames=4, path=HOSTILE, video_id=HOSTILE, reason=HOSTILE),
    "no_input": make_score(people=1, frames=4, input=None),
    "no_tracks": make_score(people=1, frames=4, tracks=(), evidence=None),
    "no_samples": make_score(people=2, frames=6, sampled_pts_seconds=(), seconds={}),
    "probability": make_score(people=1, frames=4, score_kind="probability"),
    "perturbed": make_score(people=1, frames=4, condition="VC:3"),
} | {str(s): make_failure(s) for s in Status if s is not Status.SCORED}


class Page(HTMLParser):
    """Reads a page: checks that tags nest, and keeps tags, ids, headings and visible text.

    `said`: text that is the report's own; what is quoted (`data-quoted`) is left out.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[tuple[str, bool]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []
        self.text: list[str] = []
        self.said: list[str] = []
        self.feed(html)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            quoted = "data-quoted" in dict(attrs) or any(q for _, q in self.stack)
            self.stack.append((tag, quoted or tag in ("script", "style", "title")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack, f"</{tag}> closes nothing"
        assert self.stack[-1][0] == tag
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1][0] in ("script", "style"):
            return
        self.text.append(data)
        if not self.stack or not self.stack[-1][1]:
            self.said.append(data)

    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def page_of(score, card=None):
    return render_report(score, card or make_card(), **WHEN)


@pytest.fixture(scope="module", params=CASES)
def case(request):
    score = CASES[request.param]
    html = page_of(score)
    return score, html, Page(html)


def test_pages_are_sound(case):
    _, _, page = case
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    links = {a["href"][1:] for _, a in page.tags if (a.get("href") or "").startswith("#")}
    assert links <= set(ids)
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:], strict=False))
    assert all("scope" in a for tag, a in page.tags if tag == "th")
    assert all(
        a.get("aria-label") is not None or a.get("aria-hidden") == "true" or "x" in a
        for tag, a in page.tags
        if tag == "svg"
    )


def test_nothing_is_loaded(case):
    _, html, page = case
    assert not re.search(r"https?://|@import|url\(\s*['\"]?[^#'\")]", html)
    for tag, attrs in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed")
        assert not {"src", "srcset", "style"} & set(attrs)
        assert not any(name.startswith("on") for name in attrs)
        assert (attrs.get("href") or "#").startswith(("#", "data:image/"))
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    assert [tag for tag, _ in page.tags].count("script") == 1


def test_no_verdict(case):
    _, _, page = case
    said = " ".join(page.said) + " ".join(
        a.get("aria-label") or "" for t, a in page.tags if "data-quoted" not in a
    )
    for word in ("real", "fake", "authentic", "inconclusive", "verdict", "deepfake", "likely"):
        assert not re.search(rf"\b{word}\b", said, re.IGNORECASE), word
    assert "no conclusion about the video" in " ".join(" ".join(page.said).split())


def test_every_fact_is_there(case):
    score, html, page = case
    words = page.words()
    wanted = [DETECTOR.name, DETECTOR.sha256, DETECTOR.version, *WHEN.values(), str(score.status)]
    wanted += [score.score_kind, facts.visible(score.video_id), *make_card().limits]
    if score.input:
        wanted += [SHA, "8,123,456 bytes", "h264", "1280 by 720", "25.000", "12.000", "300 counted"]
    if score.reason:
        wanted.append(facts.visible(score.reason))
    if score.score is not None:
        wanted += [facts.number(score.score), "uncalibrated", "not a probability"] * (
            score.score_kind == "logit"
        )
    for want in wanted:
        assert " ".join(want.split()) in words
    record = re.search(r'<pre id="record".*?>(.*?)</pre>', html, re.S)
    assert record
    assert json.loads(unescape(record[1])) == json.loads(json.dumps(score.to_dict()))


def test_a_failure_has_no_score_and_no_timeline():
    for status in set(Status) - {Status.SCORED}:
        page = Page(page_of(make_failure(status)))
        assert "No score" in page.words()
        assert not {"h-timeline", "h-people"} & {a.get("id") for _, a in page.tags}
        assert "Among genuine clips" not in page.words()
        assert "says nothing about the video" in page.words()


def test_each_picture_is_embedded_once():
    score = make_score(people=5, frames=12)
    html = page_of(score)
    uris = re.findall(r'href="(data:image/[^"]+)"', html)
    assert len(uris) == len(set(uris))
    assert uris
    used = set(re.findall(r'<use href="#([^"]+)"', html))
    assert used <= set(re.findall(r'id="([^"]+)"', html))
    num_crops = sum(p.track.num_frames for p in people_of(score)[:3])
    assert html.count('<image id="crop-') == num_crops


def test_the_size_is_moderate():
    assert len(page_of(make_score(people=20, frames=32))) < 4_000_000


def test_gaps_stay_gaps():
    score = make_score(people=2, frames=32)
    people = people_of(score)
    timeline = build_timeline(score, people, among=people, zero=True)
    whole, holed = sorted(timeline.rows, key=lambda row: row.num_missing)
    assert (len(whole.joins), whole.num_missing, whole.gaps) == (31, 0, ())
    assert (len(holed.points), len(holed.joins), holed.num_missing) == (27, 25, 5)
    times = score.sampled_pts_seconds
    ((x, width),) = holed.gaps
    assert x == pytest.approx(100 * (times[9] + times[10]) / 2 / 12, abs=0.01)
    assert x + width == pytest.approx(100 * (times[14] + times[15]) / 2 / 12, abs=0.01)
    for a, b in holed.joins:
        assert not (a.x < x < b.x)


def test_a_gap_at_either_end_reaches_the_edge():
    frames = tuple(FrameScore(k, float(k), 0.5, (0, 0, 9, 9)) for k in (2, 3, 7))
    score = make_score(
        people=1, evidence=False, tracks=(TrackScore(0, 0.5, frames),), score=0.5,
        sampled_pts_seconds=tuple(float(k) for k in range(11)),
        input=make_info("a.mp4", duration_seconds=10.0),
    )  # fmt: skip
    people = people_of(score)
    (row,) = build_timeline(score, people, among=people, zero=True).rows
    assert row.gaps == ((0.0, 15.0), (35.0, 30.0), (75.0, 25.0))
    assert [(a.place, b.place) for a, b in row.joins] == [(0, 1)]


def test_all_people_share_one_scale():
    score = make_score(people=20, frames=8)
    people = people_of(score)
    parts = [
        build_timeline(score, part, among=people, zero=True) for part in (people[:6], people[6:])
    ]
    assert parts[0].y_ticks == parts[1].y_ticks
    assert all(0 <= p.y <= 96 and 0 <= p.x <= 100 for t in parts for r in t.rows for p in r.points)


def test_people_go_from_the_highest_down_and_differ():
    people = people_of(make_score(people=8, frames=6))
    scores = [p.track.score for p in people]
    assert scores == sorted(scores, reverse=True)
    assert [p.number for p in people] == list(range(1, 9))
    assert len({(p.colour, p.marker) for p in people}) == 8


@pytest.mark.parametrize(("n", "num_high", "num_low"), [(1, 1, 0), (2, 1, 1), (5, 3, 2), (9, 3, 3)])
def test_extremes_do_not_overlap(n, num_high, num_low):
    frames = tuple(FrameScore(i, i / 5, float((i * 7) % 11), (0, 0, 1, 1)) for i in range(n))
    high, low = extremes(frames, 3)
    assert (len(high), len(low)) == (num_high, num_low)
    assert not set(high) & set(low)
    values = [f.score for f in frames]
    assert [values[i] for i in high] == sorted(values, reverse=True)[:num_high]
    assert [values[i] for i in low] == sorted(values)[:num_low]


@pytest.mark.parametrize(
    ("score", "phrase", "detail"),
    [
        (99.0, "above all 61 of 61", "cannot say how far out"),
        (-1.0, "below all 61 of 61", "cannot say how far out"),
        (57.5, "above 58 of 61", "95th percentile (n = 61; one clip is 1.6"),
        (57.0, "above 57 of 61, level with 1", "94th percentile"),
        (0.0, "above 0 of 61, level with 1", "1st percentile"),
    ],
)
def test_standing(score, phrase, detail):
    reference = GenuineReference("set", "numbers", tuple(float(i) for i in range(61)))
    standing = facts.standing(reference, score)
    assert standing.phrase == phrase
    assert detail in standing.detail


def test_a_percentile_is_not_said_of_few_clips():
    standing = facts.standing(GenuineReference("set", "", (0.0, 1.0, 2.0)), 1.5)
    assert (standing.phrase, standing.detail) == (
        "above 2 of 3",
        "n = 3 clips are too few for a percentile.",
    )


def test_the_report_says_where_the_score_lies():
    score = make_score(people=1, score=40.0)
    words = Page(page_of(score)).words()
    assert "above all 61 of 61" in words
    assert "interviews-2023" in words
    assert "100th" not in words
    assert "no set of genuine clips" in Page(page_of(score, make_card(genuine=0))).words()
    kind = replace(score, score_kind="probability")
    assert "above all" not in Page(page_of(kind)).words()


def test_strip_holds_every_clip():
    reference = GenuineReference("set", "", tuple(np.random.default_rng(0).normal(size=2000)))
    strip = build_strip(reference, 9.0)
    assert len(strip.dots) == 2000
    assert min(y for _, y in strip.dots) > 20
    assert strip.anchor == "end"
    same = build_strip(GenuineReference("set", "", (1.0,)), 1.0)
    assert same.x == 50


@pytest.mark.parametrize(("low", "high"), [(0, 1e-3), (-3.2, 1.1), (0, 7200), (5, 5.01)])
def test_ticks(low, high):
    ticks = nice_ticks(low, high, 5)
    assert 2 <= len(ticks) <= 12
    assert low - 1e-9 <= ticks[0] < ticks[-1] <= high + 1e-9
    with pytest.raises(ValueError, match="expected a range that rises"):
        nice_ticks(1, 1, 5)


def test_heat_maps_diverge_around_zero():
    heat = np.array([[2.0, 1.0], [0.0, -2.0]], np.float32)
    png = np.frombuffer(encode_map(heat, 2.0), np.uint8)
    pixels = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)
    assert pixels[0, 0, 2::-1].tolist() == list(RAISES_RGB)
    assert pixels[1, 1, 2::-1].tolist() == list(LOWERS_RGB)
    assert pixels[..., 3].tolist() == [[204, 102], [0, 204]]
    with pytest.raises(ValueError, match=r"expected a finite heat map \(g, g\)"):
        encode_map(np.full((2, 2), np.nan, np.float32), 1.0)


def test_heat_maps_are_labelled():
    words = Page(page_of(make_score(people=1))).words()
    assert (
        "Occlusion map: by how much the logit falls when that cell is covered with the crop's "
        "mean colour" in words
    )
    assert "in logits" in words
    assert "Occlusion map" not in Page(page_of(make_score(people=1, heat=0))).words()


def test_boxes_lie_in_full_frame_pixels():
    score = make_score(people=1, frames=4)
    html = page_of(score)
    x1, y1, x2, y2 = max(score.tracks[0].frames, key=lambda f: f.score).box_xyxy
    assert f'x="{x1}" y="{y1}" width="{x2 - x1}" height="{y2 - y1}"' in html
    assert re.search(r'<image id="frame-\d+" width="1280" height="720"', html)


def test_hostile_names_stay_text():
    html = page_of(CASES["hostile"])
    assert html.count("</script>") == 1
    assert "<script>alert" not in html
    assert "\u202e" not in html
    assert "视频" in html
    assert "\\u202e" in html


@pytest.mark.parametrize(
    "path",
    ["plain.mp4", "-rf.mp4", "two words.mp4", "a'b\"$(c)`d`.mp4", "视频.mp4", HOSTILE,
     "line\nbreak\t.mp4", "back\\slash'\n.mp4", os.fsdecode(b"caf\xe9 bytes.mp4"), "\u202egnp.mp4"],
)  # fmt: skip
def test_the_command_survives_a_shell(path):
    score = make_score(people=1, frames=4, path=path, evidence=False)
    line = facts.command_line(score)
    done = subprocess.run(
        ["bash", "-c", f"unswap() {{ printf '%s\\0' \"$@\"; }}; {line}"],
        capture_output=True, check=True, env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
    )  # fmt: skip
    verb, got, *rest = done.stdout.split(b"\0")[:-1]
    assert (verb, rest) == (b"score", [b"--num-frames", b"4", b"--detector", b"demo"])
    assert got == os.fsencode(("./" if path.startswith("-") else "") + path)
    assert facts.visible(line) == line


def test_the_command_without_sampled_frames():
    line = facts.command_line(make_failure(Status.UNREADABLE, sampling_spec=None))
    assert shlex.split(line) == ["unswap", "score", "exhibits/broken.mp4", "--detector", "demo"]


def test_a_score_of_one_person_says_so():
    score = make_score(people=2, frames=6, aggregation="mean-logit/track-3")
    assert "It is the score of track 3 alone" in Page(page_of(score)).words()
    assert facts.command_line(score).endswith("--detector demo --person 3")
    assert "alone, as was asked" not in page_of(make_score(people=2, frames=6))


def test_noise_is_not_blown_up():
    frames = tuple(FrameScore(k, float(k), 0.001 * k, (0, 0, 9, 9)) for k in range(4))
    score = make_score(people=1, evidence=False, tracks=(TrackScore(0, 0.001, frames),))
    people = people_of(score)
    (row,) = build_timeline(score, people, among=people, zero=True).rows
    assert max(p.y for p in row.points) - min(p.y for p in row.points) < 1
    score = make_score(people=1, frames=4)
    kept = score.evidence.tracks[0]
    faint = replace(kept, heat_maps=tuple(m * 1e-4 for m in kept.heat_maps))
    evidence = replace(score.evidence, tracks=(faint,))
    assert build_album(replace(score, evidence=evidence), people_of(score)).limit == 0.1


def test_the_same_input_gives_the_same_bytes():
    assert page_of(make_score()) == page_of(make_score())


def test_another_detectors_card_is_refused():
    with pytest.raises(ValueError, match=r"expected the card of 'demo' '1.2.0', got that of 'x'"):
        page_of(make_score(people=1), make_card(name="x"))


def test_numbers_must_be_finite():
    frames = (FrameScore(0, 0.0, float("nan"), (0, 0, 1, 1)),)
    score = make_score(people=1, evidence=False, tracks=(TrackScore(4, 1.0, frames),))
    with pytest.raises(ValueError, match="expected finite numbers, got nan for track 4, frame 0"):
        page_of(score)


def test_evidence_must_fit():
    score = make_score(people=1, frames=4, heat=0)
    few = TrackEvidence(0, score.evidence.tracks[0].crops[:3])
    with pytest.raises(ValueError, match=r"expected 4 crops of track 0, .*got 3"):
        page_of(replace(score, evidence=Evidence({}, (few,))))
    crops, heat = score.evidence.tracks[0].crops, np.zeros((7, 7), np.float32)
    stray = TrackEvidence(0, crops, (12345,), (heat,))
    with pytest.raises(ValueError, match="got one for frame 12345"):
        page_of(replace(score, evidence=Evidence({}, (stray,))))


def test_pictures_that_were_not_kept_are_said_to_be_missing():
    score = make_score(people=1, frames=4, heat=0)
    bare = replace(score, evidence=Evidence({}, ()))
    assert "No picture of this frame was kept." in Page(page_of(bare)).words()
    crops_only = replace(score, evidence=Evidence({}, score.evidence.tracks))
    assert "No picture of the frame was kept; the crop" in page_of(crops_only)


@pytest.mark.parametrize(
    ("name", "stem"),
    [("clip.mp4", "clip"), ("../../etc/passwd", "passwd"), ("视频 1.mp4", "视频_1"),
     ("...", "video"), ("\udcff.mp4", "video"), ("-rf *.mp4", "rf"),
     ("a" * 300 + ".mp4", "a" * 80)],
)  # fmt: skip
def test_safe_stem(name, stem):
    assert safe_stem(name) == stem


def test_write_report(tmp_path):
    folder = tmp_path / "new" / "reports"
    score = make_score(people=1, frames=4)
    path = write_report(score, make_card(), folder, **WHEN)
    assert path == folder / f"clip_07-{SHA[:8]}.html"
    assert path.read_text(encoding="utf-8") == page_of(score)
    assert write_report(score, make_card(), folder, **WHEN) == path
    assert [p.name for p in folder.iterdir()] == [path.name]


def test_another_reports_file_is_never_overwritten(tmp_path):
    score = make_score(people=1, frames=4)
    first = write_report(score, make_card(), tmp_path, **WHEN)
    before = first.read_bytes()
    twin = replace(score, input=make_info(score.path, sha256=SHA[:8] + "0" * 56))
    others = [twin, replace(score, condition="VC:3"), replace(score, video_id="b/m/c23/07")]
    paths = [write_report(s, make_card(), tmp_path, **WHEN) for s in others]
    assert len({first, *paths}) == 4
    assert first.read_bytes() == before
    for other, path in zip(others, paths, strict=True):
        assert path.name == f"clip_07-{SHA[:8]}-{report_key(other)[:8]}.html"


def test_a_strangers_file_is_never_overwritten(tmp_path):
    score = make_failure(Status.NO_FACE)
    base, key = f"broken-{SHA[:8]}", report_key(score)
    for name in (base, f"{base}-{key[:8]}", f"{base}-{key}"):
        (tmp_path / f"{name}.html").write_bytes(b"\xff notes")
    with pytest.raises(FileExistsError, match="all are taken"):
        write_report(score, make_card(), tmp_path, **WHEN)
    assert {p.read_bytes() for p in tmp_path.iterdir()} == {b"\xff notes"}


def test_names_that_are_no_text_can_be_written(tmp_path):
    path = os.fsdecode(b"in/caf\xe9.mp4")
    written = write_report(make_failure(Status.FAILED, path), make_card(), tmp_path, **WHEN)
    assert "caf\\udce9.mp4" in written.read_text(encoding="utf-8")


def test_unreadable_files_are_told_apart_by_their_id(tmp_path):
    paths = {
        write_report(
            make_failure(Status.UNREADABLE, f"{i}/clip.mp4", video_id=f"b/{i}"),
            make_card(), tmp_path, **WHEN,
        )
        for i in range(3)
    }  # fmt: skip
    assert len(paths) == 3


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(make_failure(Status.NO_FACE), make_card(), tmp_path, **WHEN)
    assert list(tmp_path.iterdir()) == []


def test_a_bare_card_is_said_to_be_bare():
    card = make_card(genuine=0, training_data=(), measured=(), limits=(), recipe={}, command="")
    words = Page(page_of(make_score(people=1, frames=4), card)).words()
    assert "nothing is known of this detector's error rates" in words
    assert "does not say what the detector was trained on" in words
    assert "That does not mean that there are none" in words


def test_no_time_and_no_randomness_are_taken():
    folder = Path(render_report.__code__.co_filename).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            assert not {"time", "datetime", "random"} & set(names), file

"""A comparison's report: its HTML, its file, its pictures and its words, without a browser."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from comparison_fixtures import (
    HEIGHT,
    HOSTILE,
    HOSTILE_FILE,
    SHA,
    WIDTH,
    damage_packet,
    make_comparison,
    not_compared,
    pair_row,
    still_info,
)
from markupsafe import escape
from test_report import Page

from unswap.datasets.types import UnreadableVideo
from unswap.experiments.comparison.report import render, tables, words
from unswap.experiments.comparison.report.album import (
    Album,
    Shot,
    build_album,
)
from unswap.experiments.comparison.report.render import (
    player_data,
    record_of,
    render_report,
    write_report,
)
from unswap.experiments.comparison.types import (
    Comparison,
    Finding,
    Region,
    Status,
    Verdict,
)
from unswap.experiments.report import facts

WHEN = {"version": "0.1.0", "generated_at": "2025-03-04 10:12:33 UTC"}
CASES = {
    "plain": {"missing": (9, 10, 11)},
    "backwards": {"shown": [*range(5, 14), *range(30, 14, -1)], "scale": 0.75},
    "no_faces": {"faces": False},
    "one_pair": {"shown": [7]},
    "bare": {
        "geometry": None, "photometry": None, "null_model": None, "figures": None, "identity": (),
        "findings": (), "regions": (), "notes": (), "limits": (), "settings": {}, "masks": None,
        "pairs": (), "stretches": (),
    },
    "hostile": {"suspect_name": HOSTILE_FILE, "reference_name": "b" + HOSTILE_FILE,
                "reason": HOSTILE, "notes": (HOSTILE,), "limits": (HOSTILE,),
                "settings": {HOSTILE: HOSTILE, "options": ["--note", HOSTILE]},
                "findings": (Finding("a", HOSTILE, Verdict.SUPPORTED, (HOSTILE,), {HOSTILE: 1}),),
                "regions": (Region(1, "other", HOSTILE, (0, 1), ((1, 2, 30, 40),) * 2, 0.1, 0.2),)},
}  # fmt: skip


def page_of(comparison: Comparison, album: Album | None = None) -> str:
    return render_report(comparison, album or build_album(comparison), **WHEN)


@pytest.fixture(scope="module")
def comparisons(tmp_path_factory) -> dict[str, Comparison]:
    made = {}
    for name, options in CASES.items():
        made[name] = make_comparison(tmp_path_factory.mktemp(name), **options)
    made["hostile_paths"] = not_compared(
        Status.UNDECIDED,
        reference=still_info(HOSTILE), suspect=still_info("x/" + HOSTILE, "ab" * 32),
    )  # fmt: skip
    return made | {str(s): not_compared(s) for s in Status if s is not Status.COMPARED}


@pytest.fixture(scope="module")
def pages(comparisons) -> dict[str, str]:
    return {name: page_of(comparison) for name, comparison in comparisons.items()}


@pytest.fixture(params=[*CASES, "hostile_paths", "same_file", "no_match", "undecided"])
def case(request, comparisons, pages):
    html = pages[request.param]
    return comparisons[request.param], html, Page(html)


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
    for tag, attrs in page.tags:
        if tag == "svg":
            assert attrs.get("aria-label") or attrs.get("aria-hidden") == "true"
        named = {a.get("for") for t, a in page.tags if t == "label"}
        if tag == "input" and attrs["type"] == "range":
            assert attrs["id"] in named


def test_nothing_is_loaded(case):
    _, html, page = case
    said = re.sub(r'<pre id="record".*?</pre>', "", html, flags=re.S)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(\s*['\"]?[^#'\")]", said)
    for tag, attrs in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed")
        assert not {"src", "srcset", "style"} & set(attrs)
        assert not any(name.startswith("on") for name in attrs)
        assert (attrs.get("href") or "#").startswith(("#", "data:image/"))
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", html, re.S)
    styles = re.findall(r"<style>(.*?)</style>", html, re.S)
    assert len(scripts) == len(styles) == 1
    for text in scripts + styles:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_hostile_texts_stay_text(case):
    _, html, _ = case
    assert html.count("</script>") == 2
    assert "<script>alert" not in html
    assert "\u202e" not in html
    assert "<b>as told" not in html


def test_the_players_data_cannot_end_its_element(comparisons):
    c = comparisons["hostile"]
    text = player_data(c, build_album(c))
    assert not set(text) & set("<>&")
    assert json.loads(text)[0]["boxes"][0]["label"] == "1: " + facts.visible(HOSTILE)


def test_every_fact_is_there(case):
    c, html, page = case
    said = page.words()
    wanted = [*WHEN.values(), *c.notes, *c.limits, c.reason, words.summary(c)]
    for video in (c.reference, c.suspect):
        wanted += [video.sha256, f"{video.bytes:,} bytes", f"{video.num_frames:,} counted"]
    for finding in c.findings:
        wanted += [finding.title, *finding.reasons, words.VERDICTS[finding.verdict][0]]
    wanted += [facts.visible(tables.command_line(c))]
    for want in wanted:
        assert " ".join(facts.visible(want).split()) in said
    record = re.search(r'<pre id="record".*?>(.*?)</pre>', html, re.S)
    assert record
    assert json.loads(unescape(record[1])) == json.loads(json.dumps(c.to_dict()))


def test_it_is_neutral(case):
    _, _, page = case
    said = " ".join(page.said) + " ".join(
        a.get("aria-label") or "" for t, a in page.tags if "data-quoted" not in a
    )
    for word in ("infring", "stole", "fake", "forge", "pirate", "plagiar", "unlawful", "victim",
                 "proves", "proof", "guilt", "deliberate", "obvious", "swap"):  # fmt: skip
        found = re.findall(rf"\w*{word}\w*", said, re.IGNORECASE)
        assert set(found) <= {"unswap"}, word
    assert "no conclusion about the law" in said


def test_only_a_comparison_has_a_player(case):
    c, _, page = case
    ids = {a.get("id") for _, a in page.tags}
    parts = {"player", "stage", "wipe", "seek", "h-timeline"}
    assert parts & ids == (parts if c.pairs else set())
    assert ("h-alignment" in ids) == bool(c.stretches)
    assert ("h-null" in ids) == (c.null_model is not None)
    if c.status is not Status.COMPARED:
        assert words.STATUSES[c.status] in page.words()


def test_each_picture_is_embedded_once(comparisons, pages):
    html = pages["plain"]
    uris = re.findall(r'href="(data:image/[^"]+)"', html)
    assert len(uris) == 3 * len(comparisons["plain"].pairs)
    assert html.count("21 of 21 aligned pairs") == 1
    assert set(re.findall(r'<use href="#([^"]+)"', html)) <= set(re.findall(r'id="([^"]+)"', html))


def test_the_file_stays_below_its_limit(tmp_path, comparisons, monkeypatch):
    c = comparisons["plain"]
    whole = write_report(c, tmp_path / "whole", **WHEN).stat().st_size
    limit = whole - 200_000
    monkeypatch.setattr(render, "PAGE_BYTES", limit)
    path = write_report(c, tmp_path / "less", **WHEN)
    assert limit - 100_000 < path.stat().st_size < limit
    shown, total = re.search(r"(\d+) of (\d+) aligned pairs", path.read_text()).groups()
    assert 0 < int(shown) < int(total) == 21
    monkeypatch.setattr(render, "PAGE_BYTES", 1000)
    path = write_report(c, tmp_path / "none", **WHEN)
    assert "No pictures are kept in this report." in Page(path.read_text()).words()


def test_a_long_comparison_stays_below_it_too(comparisons):
    c = comparisons["plain"]
    rows = tuple(pair_row(f) for f in range(30_000))
    region = Region(1, "face", "face of person 1", tuple(range(30_000)),
                    ((1.5, 2.5, 3.5, 4.5),) * 30_000, 1.0, 0.1, 1, 0.8)  # fmt: skip
    long = replace(c, pairs=rows, stretches=c.stretches * 400, regions=(region,) * 6)
    uri = "x" * 38_500
    shots = tuple(Shot(i, rows[i], uri, uri, uri) for i in range(120))
    html = page_of(long, Album(shots, WIDTH, HEIGHT, len(rows)))
    assert len(html.encode()) < 20_000_000
    said = Page(html).words()
    assert "120 of 30,000 aligned pairs" in said
    assert "The first 2,000 of 30,000 pairs stand here" in said
    assert "The table of the aligned pairs is in the HTML file" in said
    assert "The first 200 of 400 stretches stand here" in said
    assert "it is without: pairs, regions." in said
    record = json.loads(unescape(re.search(r'<pre id="record".*?>(.*?)</pre>', html, re.S)[1]))
    assert record["left_out"] == ["pairs", "regions"]
    assert not {"pairs", "regions"} & set(record)
    assert record["figures"] == json.loads(json.dumps(c.to_dict()["figures"]))


def test_a_record_is_whole_while_it_fits(comparisons):
    c = comparisons["plain"]
    text, left_out = record_of(c, 10**7)
    assert left_out == ()
    tight, left_out = record_of(c, len(escape(text)) - 1)
    assert left_out == ()
    assert json.loads(tight) == json.loads(text)
    assert len(tight) < len(text)
    short, left_out = record_of(c, len(escape(tight)) // 2)
    assert left_out[0] == "pairs"
    assert len(escape(short)) <= len(escape(tight)) // 2


def test_boxes_are_in_the_pictures_pixels(comparisons):
    c = comparisons["plain"]
    album = replace(build_album(c), width=WIDTH // 2, height=HEIGHT // 2)
    first, second, *_, last = json.loads(player_data(c, album))
    x1, y1, x2, y2 = c.regions[0].boxes_xyxy[0]
    face, sticker = first["boxes"]
    assert face["xywh"] == [x1 / 2, y1 / 2, (x2 - x1) / 2, (y2 - y1) / 2]
    assert (face["label"], sticker["xywh"]) == ("1: face of person 1", [125, 100, 30, 15])
    assert len(last["boxes"]) == 1
    assert (second["suspect"], second["reference"]) == (1, 11)


def test_what_cannot_be_decoded_is_said(tmp_path):
    c = make_comparison(tmp_path)
    damage_packet(Path(c.suspect.path), 6)
    album = build_album(c)
    assert 0 < album.num_unread < 24
    assert len(album.shots) + album.num_unread == 24
    said = Page(page_of(c, album)).words()
    assert f"{len(album.shots)} of 24 aligned pairs" in said
    assert re.search(rf"{album.num_unread} further pairs? w\w+ to be shown and can't be", said)


def test_without_faces_it_says_so(pages):
    said = Page(pages["no_faces"]).words()
    assert "Not examined: no face was followed in both videos." in said
    assert "for no face was found in the aligned pairs" in said
    assert "so there is no row for change in faces" in said
    assert "No changed region was found." in said


def test_what_was_not_examined_is_not_a_number(comparisons):
    c = replace(comparisons["plain"], identity=())
    said = Page(page_of(c)).words()
    assert "that needs a face-embedding model" in said
    assert "Whose faces these are was not examined" in said


def test_files_are_whole_and_named_by_what_they_are_of(tmp_path, comparisons):
    c = comparisons["plain"]
    path = write_report(c, tmp_path / "new" / "folder", **WHEN)
    assert path.name == f"app-{c.suspect.sha256[:8]}-{c.reference.sha256[:8]}.html"
    assert write_report(c, path.parent, **WHEN) == path
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    path.write_text("somebody's own")
    other = write_report(c, path.parent, **WHEN)
    assert other != path
    assert path.read_text() == "somebody's own"
    hostile = write_report(comparisons["hostile_paths"], tmp_path, **WHEN)
    assert hostile.parent == tmp_path
    assert re.fullmatch(r"[\w.-]+", hostile.name)


def test_the_same_input_gives_the_same_bytes(comparisons, pages):
    assert page_of(comparisons["plain"]) == pages["plain"]


def test_bad_input_is_refused(comparisons, tmp_path):
    c = comparisons["plain"]
    bad = replace(c, pairs=(replace(c.pairs[0], agree_outside=float("nan")), *c.pairs[1:]))
    with pytest.raises(ValueError, match=r"JSON|finite|nan"):
        page_of(bad, Album((), WIDTH, HEIGHT, 21))
    with pytest.raises(ValueError, match="expected pictures of this comparison's 25 pairs"):
        page_of(comparisons["backwards"], build_album(c))
    gone = replace(c, suspect=replace(c.suspect, path=str(tmp_path / "gone.mp4")))
    with pytest.raises(UnreadableVideo, match=r"gone\.mp4"):
        write_report(gone, tmp_path / "out", **WHEN)
    assert not (tmp_path / "out").exists()


def test_statuses_say_what_they_do_not_show():
    c = not_compared(Status.NO_MATCH)
    assert "does not show that there is none" in words.summary(c)
    assert SHA in page_of(c)

"""The report as a browser shows it: headless Chromium, the file opened from the disk."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from report_fixtures import HOSTILE, make_card, make_failure, make_score

from unswap.detectors.scores import Status, VideoScore
from unswap.experiments.report.render import render_report

SCORES = {
    "two": make_score(people=2),
    "twenty": make_score(people=20, frames=10),
    "portrait": make_score(people=1, frames=6, size=(1080, 1920), grid=14),
    "hostile": make_score(people=1, frames=5, path=HOSTILE * 3, reason=HOSTILE * 3),
    "bare": make_score(people=2, frames=6, evidence=False),
    "failure": make_failure(Status.UNREADABLE, reason="x" * 400),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    for name, score in SCORES.items():
        page = render_report(score, make_card(), version="0.1.0", generated_at="2025-03-04")
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return folder


@pytest.fixture
def show(open_page: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    """Opens a report, by name."""
    return lambda name, *more, **options: open_page(folder / f"{name}.html", *more, **options)


def panel(page: Any) -> dict[str, str]:
    parts = ("title", "index", "time", "score", "box")
    return {part: page.inner_text(f"#panel-{part}") for part in parts}


def told(score: VideoScore, track: int, place: int) -> dict[str, str]:
    frame = score.tracks[track].frames[place]
    ranks = sorted(score.tracks, key=lambda t: -t.score)
    number = ranks.index(score.tracks[track]) + 1
    texts = {
        "title": f"Person {number}, frame {frame.frame_index}",
        "index": str(frame.frame_index),
        "time": f"{frame.pts_seconds:.3f} s",
        "score": f"{frame.score:.4f}",
        "box": ", ".join(f"{v:.1f}" for v in frame.box_xyxy) + " pixels",
    }
    return {name: text.replace("-", "\N{MINUS SIGN}") for name, text in texts.items()}


@pytest.mark.parametrize("name", SCORES)
def test_the_page_does_not_scroll_sideways(show, name):
    page = show(name)
    page.evaluate("document.querySelectorAll('details').forEach((node) => (node.open = true))")
    for width in (1280, 768, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        outside = page.evaluate(
            """[...document.querySelectorAll('body *')].filter((node) =>
                 node.getBoundingClientRect().right > innerWidth + 1 && node.checkVisibility() &&
                 !node.closest('.scroll, .store, .skip, thead')).map((node) => node.outerHTML)"""
        )
        assert outside == []


def test_a_click_shows_that_frame(show):
    page, score = show("two"), SCORES["two"]
    first = panel(page)
    for track, place in ((0, 3), (1, 20)):
        page.click(f"#at-{track}-{place}")
        assert panel(page) == told(score, track, place) != first
        frame = score.tracks[track].frames[place]
        assert page.get_attribute("#panel-frame", "href") == f"#frame-{frame.frame_index}"
        assert page.get_attribute("#panel-crop", "href") == f"#crop-{track}-{place}"
        x1, y1, x2, y2 = frame.box_xyxy
        for name, value in {"x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}.items():
            assert float(page.get_attribute("#panel .box", name)) == pytest.approx(value)
        assert page.locator(".point.on").count() == 1
    assert page.url.endswith("two.html")


def test_a_tap_beside_the_points_takes_the_nearest(show):
    page, score = show("two", 360), SCORES["two"]
    point = page.locator("#at-0-31 use")
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2 + 2, box["y"] - 14)
    assert panel(page) == told(score, 0, 31)


def test_the_first_panel_shows_the_highest_frame(show):
    page, score = show("two"), SCORES["two"]
    track = max(score.tracks, key=lambda t: t.score)
    top = max(range(track.num_frames), key=lambda i: track.frames[i].score)
    assert panel(page) == told(score, score.tracks.index(track), top)


def test_the_keyboard_is_enough(show):
    page, score = show("two"), SCORES["two"]
    page.focus("#h-timeline ~ .timeline a[tabindex='0']")
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.id")
    track, place = map(int, re.fullmatch(r"at-(\d+)-(\d+)", focused).groups())
    assert score.tracks[track] == min(score.tracks, key=lambda t: t.score)
    for key in ("Enter", " "):
        page.keyboard.press(key)
        assert panel(page) == told(score, track, place)
    for key, want in (("Home", 0), ("ArrowRight", 1), ("ArrowLeft", 0), ("End", 26)):
        page.keyboard.press(key)
        assert panel(page) == told(score, track, want)
        assert page.evaluate("document.activeElement.id") == f"at-{track}-{want}"
    ring = page.evaluate(
        "getComputedStyle(document.activeElement.querySelector('.ring')).strokeWidth"
    )
    assert ring == "3px"
    assert page.is_disabled("#panel-next")
    page.focus("#panel-prev")
    page.keyboard.press("Enter")
    assert panel(page) == told(score, track, 25)


def test_people_in_the_folded_part_work_too(show):
    page, score = show("twenty"), SCORES["twenty"]
    page.click("#timeline summary")
    track = score.tracks.index(min(score.tracks, key=lambda t: t.score))
    page.click(f"#at-{track}-4")
    assert panel(page) == told(score, track, 4)
    assert "No crop of this face is kept" in page.inner_text("#panel-missing")


def test_without_evidence_the_numbers_are_shown(show):
    page = show("bare")
    page.click("#at-1-2")
    assert panel(page) == told(SCORES["bare"], 1, 2)
    assert not page.is_visible("#panel-picture")
    assert "No picture" in page.inner_text("#panel-missing")


def test_pictures_are_painted(show):
    page = show("two")
    sizes = page.evaluate(
        """Promise.all([...document.querySelectorAll('.store image')].map(async (node) => {
             const picture = new Image();
             picture.src = node.getAttribute('href');
             await picture.decode();
             return picture.naturalWidth;
           }))"""
    )
    assert set(sizes) == {320, 224, 7}
    shot = page.locator("#people .shot svg").first
    from_file = shot.screenshot()
    page.evaluate("document.querySelectorAll('.store image').forEach((node) => node.remove())")
    assert len(shot.screenshot()) < len(from_file)


def test_dark_and_light_differ(show):
    colours = []
    page = show("two")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        colours.append(
            page.evaluate(
                """['body', '.quiet', '.join', '.field', '.note, .result'].map((name) => {
                     const style = getComputedStyle(document.querySelector(name));
                     return [style.color, style.backgroundColor, style.stroke, style.fill].join();
                   })"""
            )
        )
    assert all(light != dark for light, dark in zip(*colours, strict=True))


def test_text_stands_out(show):
    """WCAG 2 AA: 4.5 to 1 for text, 3 to 1 for the plot's marks."""
    page = show("bare")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        text, marks = worst_contrasts(page)
        assert text >= 4.5
        assert marks >= 3


def worst_contrasts(page: Any) -> list[float]:
    return page.evaluate(
        """() => {
          const probe = document.createElement('canvas').getContext('2d');
          const luminance = (name) => {
            probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name);
            const parts = [1, 3, 5].map((i) => parseInt(probe.fillStyle.slice(i, i + 2), 16) / 255);
            const linear = parts.map((v) =>
              v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
          };
          const ratio = (a, b) => {
            const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
            return (high + 0.05) / (low + 0.05);
          };
          const grounds = ['--paper', '--soft', '--note-soft'];
          const texts = ['--ink', '--quiet', '--link'];
          const marks = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => `--p${i}`);
          return [
            Math.min(...texts.flatMap((text) => grounds.map((ground) => ratio(text, ground)))),
            Math.min(...marks.flatMap((m) => ['--field', '--gap'].map((g) => ratio(m, g)))),
          ];
        }"""
    )


def test_print_opens_what_matters(show):
    page = show("two", color_scheme="dark")
    assert not page.is_visible("#f-0-0")
    page.emulate_media(media="print")
    page.wait_for_selector("#f-0-0", state="visible")
    # the style sheet shows what matters at once; the script opens it when the browser tells it
    # (asked from outside: waiting inside the page is an eval, which the page's own policy forbids)
    opened = "[...document.querySelectorAll('details:not(.no-print)')].every(d => d.open)"
    end = time.monotonic() + 200
    while not page.evaluate(opened):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert not page.is_visible("#record")
    assert not page.is_visible("#panel")
    body = "getComputedStyle(document.body)"
    assert page.evaluate(f"[{body}.color, {body}.backgroundColor]") == [
        "rgb(0, 0, 0)",
        "rgb(255, 255, 255)",
    ]
    assert page.pdf().startswith(b"%PDF")
    page.emulate_media(media="screen")
    page.wait_for_selector("#f-0-0", state="hidden")


def test_print_opens_it_without_a_script_too(show):
    page = show("two", java_script_enabled=False)
    page.emulate_media(media="print")
    page.wait_for_selector("#f-0-0", state="visible")


def test_without_a_script_the_page_is_whole(show):
    page = show("two", java_script_enabled=False)
    assert page.locator("a.point").count() == 32 + 27
    assert page.locator("#people .shot svg").count() == 12
    assert not page.is_visible("#panel")
    page.focus("#at-0-3")
    page.keyboard.press("Enter")
    page.wait_for_selector("#f-0-3", state="visible")


def test_the_record_can_be_saved(show, tmp_path):
    page, score = show("hostile"), SCORES["hostile"]
    page.click("details.no-print summary")
    with page.expect_download() as download:
        page.click("#save")
    assert re.fullmatch(r"unswap-[0-9a-f]{8}\.json", download.value.suggested_filename)
    download.value.save_as(tmp_path / "record.json")
    record = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert VideoScore.from_dict(record) == score

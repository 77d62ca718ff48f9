"""A comparison's report as a browser shows it: headless Chromium, the file opened from the disk."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from comparison_fixtures import HEIGHT, HOSTILE, HOSTILE_FILE, WIDTH, make_comparison, not_compared

from unswap.experiments.comparison.report.album import build_album
from unswap.experiments.comparison.report.render import render_report
from unswap.experiments.comparison.showing import shown_pairs
from unswap.experiments.comparison.types import Comparison, Status

CASES = {
    "plain": {"missing": (9, 10, 11)},
    "backwards": {"shown": [*range(5, 14), *range(30, 14, -1)], "scale": 0.75},
    "one_pair": {"shown": [7]},
    "no_faces": {"faces": False},
    "hostile": {"suspect_name": HOSTILE_FILE * 3, "reference_name": "b" + HOSTILE_FILE,
                "shown": range(10, 16), "reason": HOSTILE * 3, "notes": ("x" * 400,)},
}  # fmt: skip


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Comparison, Path]]:
    made = {}
    folder = tmp_path_factory.mktemp("reports")
    comparisons = {n: make_comparison(tmp_path_factory.mktemp(n), **o) for n, o in CASES.items()}
    comparisons["undecided"] = not_compared(Status.UNDECIDED, reason=HOSTILE)
    for name, comparison in comparisons.items():
        page = render_report(
            comparison, build_album(comparison), version="0.1.0", generated_at="2025-03-04"
        )
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
        made[name] = comparison, folder / f"{name}.html"
    return made


@pytest.fixture
def show(
    open_page: Callable[..., Any], reports: dict[str, tuple[Comparison, Path]]
) -> Callable[..., Any]:
    """Opens a report, by name."""
    return lambda name, *more, **options: open_page(reports[name][1], *more, **options)


def shown(page: Any) -> int:
    """The pair that is shown, from 1; all parts of the player agree on it."""
    said = page.inner_text("#said")
    number, frame, other = re.fullmatch(
        r"Pair (\d+) of \d+: suspect frame (\d+), [\d.]+ s; reference frame (\d+), [\d.]+ s", said
    ).groups()
    assert page.input_value("#seek") == str(int(number) - 1)
    assert f"frame {frame}," in page.text_content("#said-suspect")
    assert f"frame {other}," in page.text_content("#said-reference")
    assert page.get_attribute("#seek", "aria-valuetext") == said
    hrefs = [
        page.get_attribute(f"#pic-{n}", "href")
        for n in ("reference", "suspect", "changes", "wiped")
    ]
    places = {href[3:] for href in hrefs}
    assert len(places) == 1
    assert [href[:3] for href in hrefs] == ["#r-", "#s-", "#c-", "#r-"]
    return int(number)


@pytest.mark.parametrize("name", [*CASES, "undecided"])
def test_the_page_does_not_scroll_sideways(show, name):
    page = show(name)
    page.evaluate("document.querySelectorAll('details').forEach((node) => (node.open = true))")
    for width in (1280, 768, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        outside = page.evaluate(
            """[...document.querySelectorAll('body *')].filter((node) =>
                 node.getBoundingClientRect().right > innerWidth + 1 && node.checkVisibility() &&
                 !node.closest('.scroll, .store, .skip, svg')).map((node) => node.outerHTML)"""
        )
        assert outside == []


def test_stepping_is_in_lockstep(show, reports):
    page, (comparison, _) = show("plain"), reports["plain"]
    assert shown(page) == 1
    assert page.is_disabled("#previous")
    for _ in range(9):
        page.click("#next")
    assert shown(page) == 10
    row = comparison.pairs[9]
    assert (row.suspect_frame, row.reference_frame) == (12, 22)
    assert page.inner_text("#said").endswith(
        "suspect frame 12, 0.480 s; reference frame 22, 0.880 s"
    )
    assert page.inner_text("#now-face") == f"{100 * row.face_changed:.1f} %"
    page.click("#previous")
    assert shown(page) == 9
    page.fill("#seek", "20")
    assert shown(page) == 21
    assert page.is_disabled("#next")


def test_the_keyboard_is_enough(show):
    page = show("plain")
    page.focus("#stage")
    for key, want in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("End", 21),
                      ("ArrowRight", 21), ("Home", 1), ("ArrowLeft", 1)):  # fmt: skip
        page.keyboard.press(key)
        assert shown(page) == want
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.focus("#seek")  # a slider has these keys already: one press is one step
    page.keyboard.press("ArrowRight")
    assert shown(page) == 2
    page.focus("#next")
    page.keyboard.press("Space")
    assert shown(page) == 3
    page.keyboard.press("ArrowLeft")
    assert shown(page) == 2
    page.focus("#view-beside")
    page.keyboard.press("ArrowRight")
    assert page.is_checked("#view-wipe")
    assert shown(page) == 2
    page.focus("#show-boxes")
    page.keyboard.press("Space")
    assert page.is_checked("#show-boxes")


def test_every_control_can_be_tabbed_to(show):
    page = show("plain")
    page.check("#view-wipe")
    page.focus("#stage")
    seen = []
    for _ in range(8):
        seen.append(page.evaluate("document.activeElement.id"))
        page.keyboard.press("Tab")
    # "previous" can't be pressed at the first pair
    assert seen == ["stage", "wipe", "seek", "play", "next", "view-wipe", "show-changes",
                    "show-boxes"]  # fmt: skip


def test_playing_and_pausing(show, reports):
    page = show("plain")
    page.clock.install()  # the test's own clock: nothing hangs on how fast this machine is
    page.goto(reports["plain"][1].as_uri())
    page.clock.pause_at(page.evaluate("Date.now()") + 1000)
    page.click("#play")
    assert page.inner_text("#play") == "Pause"
    page.clock.run_for(5 * 40)
    page.click("#play")
    assert page.inner_text("#play") == "Play"
    assert shown(page) == 6
    page.clock.run_for(3000)
    assert shown(page) == 6
    page.focus("#stage")
    page.keyboard.press("Space")
    assert page.inner_text("#play") == "Pause"
    page.clock.run_for(3000)
    assert page.inner_text("#play") == "Play"  # at the end
    assert shown(page) == 21
    page.keyboard.press("Space")  # once more, from the beginning
    page.clock.run_for(2 * 40)
    assert shown(page) == 3
    page.keyboard.press("Home")
    assert page.inner_text("#play") == "Play"
    assert shown(page) == 1


def test_the_wipe_shows_the_reference_left_of_the_line(show):
    page = show("plain")
    suspect = page.locator("#suspect-picture")
    assert not page.is_visible("#wipe-control")
    page.check("#view-wipe")
    assert page.is_visible("#wipe-control")
    assert not page.is_visible("#view-reference")
    assert float(page.get_attribute("#wiped-part", "width")) == WIDTH / 2
    assert "left of the line: reference frame 10" in page.inner_text("#said-suspect")
    pictures = []
    for value in ("0", "50", "100"):
        page.fill("#wipe", value)
        assert float(page.get_attribute("#wiped-part", "width")) == WIDTH * int(value) / 100
        pictures.append(suspect.screenshot())
    assert len(set(pictures)) == 3
    page.focus("#wipe")
    page.keyboard.press("ArrowLeft")
    assert page.input_value("#wipe") == "99"
    box = suspect.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    page.mouse.down()
    middle = float(page.get_attribute("#wipe-line", "x1"))
    assert middle == pytest.approx(WIDTH / 2, abs=WIDTH / 50)
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 40)
    page.mouse.up()
    assert float(page.get_attribute("#wipe-line", "x1")) < middle - WIDTH / 20
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 40)
    assert float(page.get_attribute("#wipe-line", "x1")) < middle
    page.check("#view-beside")
    assert page.is_visible("#view-reference")


def test_the_wiped_half_is_the_references_picture(show, reports):
    page, (comparison, _) = show("plain"), reports["plain"]
    (pair,) = shown_pairs(comparison, [0])
    x1, y1, x2, y2 = (int(v) for v in comparison.regions[0].boxes_xyxy[0])
    face = np.s_[(y1 + y2) // 2 - 6 : (y1 + y2) // 2 + 6, (x1 + x2) // 2 - 6 : (x1 + x2) // 2 + 6]
    page.check("#view-wipe")
    for wipe, picture, other in (
        ("100", pair.reference, pair.suspect),
        ("0", pair.suspect, pair.reference),
    ):
        page.fill("#wipe", wipe)
        matrix = page.evaluate(
            """() => {
                 const svg = document.getElementById('suspect-picture');
                 const m = svg.getScreenCTM(), box = svg.getBoundingClientRect();
                 return [m.a, m.e - box.left, m.f - box.top];
               }"""
        )
        png = np.frombuffer(page.locator("#suspect-picture").screenshot(), np.uint8)
        scale, left, top = matrix
        grab = cv2.imdecode(png, cv2.IMREAD_COLOR)[..., ::-1]
        grab = grab[round(top) :, round(left) :]
        seen = cv2.resize(grab, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
        seen, near, far = (i[face].astype(float).mean((0, 1)) for i in (seen, picture, other))
        assert np.abs(seen - near).max() < 12
        assert np.abs(near - far).max() > 40


def test_changes_and_boxes_can_be_shown(show, reports):
    page, (comparison, _) = show("plain"), reports["plain"]
    suspect = page.locator("#suspect-picture")
    bare = suspect.screenshot()
    page.check("#show-changes")
    tinted = suspect.screenshot()
    page.check("#show-boxes")
    boxed = suspect.screenshot()
    assert len({bare, tinted, boxed}) == 3
    x1, y1, x2, y2 = comparison.regions[0].boxes_xyxy[0]
    box = page.locator("#boxes rect.over").first
    place = [float(box.get_attribute(n)) for n in ("x", "y", "width", "height")]
    assert place == [x1, y1, x2 - x1, y2 - y1]
    assert page.locator("#boxes text").all_text_contents() == [
        "1: face of person 1", "2: text or sticker at the lower right",
    ]  # fmt: skip
    page.focus("#stage")
    page.keyboard.press("End")
    assert page.locator("#boxes text").count() == 1
    page.uncheck("#show-boxes")
    page.uncheck("#show-changes")
    page.focus("#stage")
    page.keyboard.press("Home")
    page.locator("#stage").blur()
    assert suspect.screenshot() == bare


def test_a_click_on_the_timeline_goes_to_the_nearest_pair(show, reports):
    page, (comparison, _) = show("plain"), reports["plain"]
    times = [row.suspect_seconds for row in comparison.pairs]
    for plot in page.locator("svg.over-time").all():
        end = float(plot.get_attribute("data-end"))
        box = plot.bounding_box()
        for seconds in (0.61, 0.39, 0.02, 0.95):  # the second lies where nothing is aligned
            plot.click(position={"x": box["width"] * seconds / end, "y": 30})
            near = times[shown(page) - 1]
            assert abs(near - seconds) <= min(abs(t - seconds) for t in times) + 0.005
            head = float(plot.locator(".playhead").get_attribute("x1").removesuffix("%"))
            assert head == pytest.approx(100 * near / end)


def test_pictures_are_painted(show):
    page = show("plain")
    sizes = page.evaluate(
        """Promise.all([...document.querySelectorAll('.store image')].map(async (node) => {
             const picture = new Image();
             picture.src = node.getAttribute('href');
             await picture.decode();
             return [picture.naturalWidth, picture.naturalHeight].join();
           }))"""
    )
    assert set(sizes) == {f"{WIDTH},{HEIGHT}"}
    figure = page.locator(".trio svg").first
    full = figure.screenshot()
    page.evaluate("document.querySelectorAll('.store image').forEach((node) => node.remove())")
    assert len(figure.screenshot()) < len(full) / 2


def test_one_pair_is_enough(show):
    page = show("one_pair")
    assert shown(page) == 1
    assert page.is_disabled("#previous")
    assert page.is_disabled("#next")
    page.click("#play")
    assert page.inner_text("#play") == "Play"
    assert page.locator(".trio").count() == 1


def test_backwards_pairs_fall_in_the_reference(show):
    page = show("backwards")
    page.focus("#stage")
    page.keyboard.press("End")
    assert "suspect frame 24, 0.960 s; reference frame 15" in page.inner_text("#said")
    points = page.locator("polygon.band").nth(1).get_attribute("points").split()
    first, last = float(points[3].split(",")[0]), float(points[2].split(",")[0])
    assert last < first


@pytest.mark.parametrize("name", ["undecided", "no_faces"])
def test_the_others_open_without_an_error(show, name):
    page = show(name)
    assert page.is_visible("#summary")
    assert page.locator("#player").count() == (name == "no_faces")


def test_text_stands_out_in_light_and_dark(show):
    """WCAG 2 AA: 4.5 to 1 for text, as it is computed for every element with words."""
    page = show("plain")
    page.evaluate("document.querySelectorAll('details').forEach((node) => (node.open = true))")
    grounds = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        worst, where = page.evaluate(WORST_CONTRAST)
        assert worst >= 4.5, where
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] != grounds[1]


WORST_CONTRAST = """() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) =>
    v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    for (let n = node; n; n = n.parentElement) {
      const colour = parts(getComputedStyle(n).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  let worst = [99, ''];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !node.checkVisibility() || node.closest('#boxes, .store, script, button:disabled'))
      continue;
    const style = getComputedStyle(node);
    const ink = parts(node instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [luminance(ink), luminance(ground(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < worst[0]) worst = [ratio, node.outerHTML.slice(0, 200)];
  }
  return worst;
}"""


def test_without_a_script_the_page_can_be_read(show, reports):
    page = show("plain", java_script_enabled=False)
    assert not page.is_visible("#player")
    assert page.locator(".trio").count() == 3
    assert page.is_visible(".trio >> nth=0")
    assert page.is_visible("svg.over-time >> nth=0")
    assert not page.is_visible("#timeline .js-only")
    for finding in reports["plain"][0].findings:
        assert finding.title in page.inner_text(".ladder")
    page.click("#data summary >> nth=0")
    assert page.locator("#data .frames tbody tr").count() == 21
    assert page.is_visible("#data .frames")


def test_print_leaves_the_player_out(show):
    page = show("plain", color_scheme="dark")
    page.emulate_media(media="print")
    assert not page.is_visible("#player")
    assert page.is_visible(".trio >> nth=0")
    page.wait_for_selector("#data .frames", state="visible")
    assert not page.is_visible("#record")
    body = "getComputedStyle(document.body)"
    assert page.evaluate(f"[{body}.color, {body}.backgroundColor]") == [
        "rgb(0, 0, 0)",
        "rgb(255, 255, 255)",
    ]
    assert page.pdf().startswith(b"%PDF")


def test_the_record_can_be_saved(show, reports, tmp_path):
    page, (comparison, _) = show("hostile"), reports["hostile"]
    page.click("details.no-print summary")
    with page.expect_download() as download:
        page.click("#save")
    assert re.fullmatch(r"unswap-[0-9a-f]{8}\.json", download.value.suggested_filename)
    download.value.save_as(tmp_path / "record.json")
    record = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert record == json.loads(json.dumps(comparison.to_dict()))


def test_controls_have_names(show):
    page = show("plain")
    page.check("#view-wipe")
    for role, name in (
        ("button", "← Previous"), ("button", "Play"), ("button", "Next →"), ("slider", "Pair"),
        ("slider", "Wipe: left of the line the reference, right of it the suspect"),
        ("radio", "Side by side"), ("radio", "Wipe"), ("checkbox", "What changed, tinted"),
        ("checkbox", "Boxes of the regions"),
    ):  # fmt: skip
        assert page.get_by_role(role, name=name, exact=True).count() == 1, name
    assert page.get_by_role("group", name="Player of aligned pairs").count() == 1

"""The evaluation's page as headless Chromium shows it, opened from the disk."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from evaluation_fixtures import three_detectors

from unswap.experiments.evaluation.report.render import render_report
from unswap.experiments.evaluation.results import Evaluation


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return three_detectors(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def folder(made: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    pages = {"one": [made], "two": [made, replace(made, title="another benchmark " * 6)]}
    for name, evaluations in pages.items():
        page = render_report(evaluations, version="0.1.0", generated_at="2025-03-04")
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return folder


@pytest.fixture
def show(open_page: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    """Opens a report, by name."""

    def show(name: str = "one", **options: Any) -> Any:
        return open_page(folder / f"{name}.html", **options)

    return show


def column(page: Any, table: str, number: int) -> list[str]:
    return page.eval_on_selector_all(
        f"{table} tbody tr", f"rows => rows.map((row) => row.cells[{number}].innerText.trim())"
    )


def test_the_leaderboard_sorts_by_any_column(show, made) -> None:
    page = show()
    board = ".leaderboard"
    first = column(page, board, 0)
    heads = page.locator(f"{board} th[data-column]")
    assert heads.nth(1).get_attribute("aria-sort") == "ascending"
    coverage = {d.detector.partition("@")[0]: d.failures.coverage for d in made.under("none")}

    heads.nth(7).locator("button").click()
    got = [coverage[name] for name in column(page, board, 0)]
    assert got == sorted(coverage.values(), reverse=True)
    assert heads.nth(7).get_attribute("aria-sort") == "descending"
    assert heads.nth(1).get_attribute("aria-sort") is None

    heads.nth(7).locator("button").click()
    got = [coverage[name] for name in column(page, board, 0)]
    assert got == sorted(coverage.values())

    heads.nth(0).locator("button").click()
    assert column(page, board, 0) == sorted(first)

    heads.nth(9).locator("button").click()  # cost: one has it, the others stay behind it
    assert column(page, board, 0)[0] == "vendor"
    heads.nth(9).locator("button").click()
    assert column(page, board, 0)[0] == "vendor"

    heads.nth(1).locator("button").focus()
    page.keyboard.press("Enter")
    assert column(page, board, 0) == first


def test_slices_are_filtered(show, made) -> None:
    page = show()
    rows = page.locator(".slice-table tbody tr:visible")
    every = rows.count()
    assert every == sum(len(d.slices) for d in made.under("none"))
    assert page.inner_text(".slices .shown") == f"{every} of {every}"

    page.select_option('[data-filter="by"]', "method")
    assert set(rows.evaluate_all("rows => rows.map((r) => r.cells[0].innerText)")) == {"method"}
    page.select_option('[data-filter="detector"]', "vendor")
    assert rows.count() == 2
    page.fill('[data-filter="text"]', "faceswap")
    assert rows.count() == 1
    assert rows.first.locator("th").inner_text() == "FaceSwap"
    assert page.inner_text(".slices .shown") == f"1 of {every}"
    page.fill('[data-filter="text"]', "nothing like it")
    assert rows.count() == 0
    page.fill('[data-filter="text"]', "")
    page.select_option('[data-filter="by"]', "")
    page.select_option('[data-filter="detector"]', "")
    assert rows.count() == every


def test_the_load_follows_the_prevalence(show, made) -> None:
    page = show()
    page.fill(".load input", "0.02")
    row = page.locator(".load tbody tr").first
    tpr, fpr = float(row.get_attribute("data-tpr")), float(row.get_attribute("data-fpr"))
    flagged = tpr * 0.02 + fpr * 0.98
    assert row.locator('[data-cell="flagged"]').inner_text() == f"{1000 * flagged:.1f}"
    assert row.locator('[data-cell="precision"]').inner_text() == f"{2 * tpr / flagged:.1f} %"
    page.fill(".load input", "7")
    assert row.locator('[data-cell="flagged"]').inner_text() == "\N{EN DASH}"


def test_without_scripts_everything_can_be_read(show) -> None:
    page = show(java_script_enabled=False)
    assert page.locator(".controls:visible").count() == 0
    assert page.locator(".slice-table tbody tr:visible").count() > 0
    assert page.locator(".leaderboard tbody tr:visible").count() == 3


@pytest.mark.parametrize("name", ["one", "two"])
def test_the_page_does_not_scroll_sideways(show, name) -> None:
    page = show(name)
    page.evaluate("document.querySelectorAll('details').forEach((node) => (node.open = true))")
    for width in (1440, 768, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_texts_stand_out_from_the_page_in_light_and_dark(show) -> None:
    """A contrast of at least 4.5 for every kind of text."""
    script = """() => {
      const lum = (c) => { const v = c.match(/[\\d.]+/g).slice(0, 3).map((x) => {
        x /= 255; return x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; });
        return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
      const ground = (n) => { for (; n; n = n.parentElement) {
        const c = getComputedStyle(n).backgroundColor;
        if (!c.endsWith(', 0)')) return c; } return 'rgb(255, 255, 255)'; };
      const seen = {};
      for (const n of document.querySelectorAll('td, th, p, .ends, .oracle, button, svg text, select')) {
        if (!n.textContent.trim() || !n.checkVisibility()) continue;
        const style = getComputedStyle(n);
        const colour = n.tagName === 'text' ? style.fill : style.color;
        const a = lum(colour), b = lum(ground(n.closest('svg') ? n.closest('figure, div') : n));
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) seen[n.className?.baseVal ?? n.className ?? n.tagName] = ratio;
      }
      return seen; }"""
    for scheme in ("light", "dark"):
        assert show(color_scheme=scheme).evaluate(script) == {}


def test_links_lead_somewhere_and_ids_are_unique(show) -> None:
    page = show("two")
    ids = page.eval_on_selector_all("[id]", "nodes => nodes.map((node) => node.id)")
    assert len(ids) == len(set(ids))
    links = page.eval_on_selector_all("a[href^='#']", "nodes => nodes.map((n) => n.hash.slice(1))")
    assert links
    assert set(links) <= set(ids)


def test_the_record_can_be_saved(show) -> None:
    page = show()
    page.evaluate("document.querySelectorAll('details').forEach((node) => (node.open = true))")
    with page.expect_download() as download:
        page.click("#save")
    assert '"evaluations"' in Path(download.value.path()).read_text(encoding="utf-8")

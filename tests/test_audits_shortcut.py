"""The shortcut audit: what a file's facts give away is found, and what they don't is not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audit_trees import Toy, write_tree

from unswap.datasets.benchmarks.base import BENCHMARKS
from unswap.datasets.manifests import Manifest, Video
from unswap.datasets.types import VideoInfo
from unswap.experiments.audits.check import check
from unswap.experiments.audits.files import FileFacts
from unswap.experiments.audits.report import render_check_report
from unswap.experiments.audits.shortcut import FEATURES, examine, shortcut_findings


def facts_of(rows: list[Video], **of_fakes) -> list[FileFacts]:
    """Files that say nothing of the label, but for what is given of the fakes'."""
    out = []
    for number, row in enumerate(rows):
        rng = np.random.default_rng(number)
        info = VideoInfo(
            row.path, f"{number:064x}", int(rng.integers(50_000, 90_000)), "mp4", "h264",
            int(rng.choice([320, 640])), 240, 25.0, 4.0, 100, pixel_format="yuv420p",
        )  # fmt: skip
        out.append(
            FileFacts(row.video_id, row.path, replace(info, **of_fakes) if row.label else info)
        )
    return out


def many(people: int, fakes: int = 1) -> list[Video]:
    plain = Video("x", "x.mp4", 0)
    return [
        replace(plain, video_id=f"{p}/{n}", label=int(n > 0), method="Swap" if n else None,
                group=f"g{p}")
        for p in range(people)
        for n in range(fakes + 1)
    ]  # fmt: skip


def test_a_bitrate_that_tells_is_found_in_encoded_clips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_tree(tmp_path / "tree", lambda label: 40 if label else 10)
    monkeypatch.setitem(BENCHMARKS._entries, "toy", Toy())
    result = check("toy", root)
    assert [f.kind for f in result.findings] == ["shortcut"]
    assert result.wrong
    assert result.shortcut.overall.auc > 0.95
    assert result.shortcut.overall.interval.low > 0.9
    feature, alone = next(iter(result.shortcut.by_feature.items()))
    assert feature in ("bits per second", "bits per pixel")
    assert alone > 0.95
    assert feature in result.findings[0].what
    assert result.shortcut.by_feature["codec"] == 0.5
    assert "AUC" in "\n".join(result.lines())
    page = render_check_report(result, version="1", generated_at="2020")
    assert "bits per pixel" in page


@pytest.mark.parametrize(
    ("tell", "feature"),
    [
        ({"codec": "hevc"}, "codec"),
        ({"container": "avi"}, "container"),
        ({"pixel_format": "yuv444p"}, "pixel format"),
        ({"width": 500}, "width"),  # between the two widths of the real ones
        ({"fps": 30.0}, "frames per second"),
        ({"duration_seconds": 4.04}, "duration"),
    ],
)
def test_each_feature_can_give_it_away(tell, feature) -> None:
    rows = many(25)
    result = examine(Manifest.from_videos(rows), facts_of(rows, **tell), seed=0)
    assert set(result.by_feature) == set(FEATURES)
    assert result.by_feature[feature] == 1
    assert result.overall.auc == 1
    [found] = shortcut_findings(result)
    assert found.severity == "wrong"
    assert found.count == 2  # overall, and the one method


@pytest.mark.parametrize("people", [20, 80])
def test_files_that_tell_nothing_are_no_finding(people) -> None:
    rows = many(people)
    result = examine(Manifest.from_videos(rows), facts_of(rows), seed=1)
    assert result.overall.interval.low < 0.5 < result.overall.interval.high
    assert shortcut_findings(result) == []


def test_a_group_is_never_on_both_sides() -> None:
    # Each group has a bitrate of its own, by which its label could be remembered, not learned.
    rows = [
        Video(f"{g}/{n}", "x.mp4", g % 2, method="Swap" if g % 2 else None, group=f"g{g}")
        for g in range(40)
        for n in range(5)
    ]
    sizes = np.random.default_rng(0).permutation(40) * 1000 + 50_000
    facts = [
        replace(f, info=replace(f.info, bytes=int(sizes[int(f.video_id.split("/")[0])])))
        for f in facts_of(rows)
    ]
    result = examine(Manifest.from_videos(rows), facts, seed=0)
    assert result.overall.interval.groups == 40
    assert result.overall.auc < 0.7
    assert shortcut_findings(result) == []


def test_methods_are_examined_within_their_compression() -> None:
    rows = [
        replace(v, video_id=f"{v.video_id}/{c}/{m}", compression=c, method=m if v.label else None)
        for v in many(25)
        for c in ("c23", "c40")
        for m in (("A", "B") if v.label else ("real",))
    ]
    plain = facts_of(rows)
    facts = [
        replace(f, info=replace(f.info, codec="hevc"))
        if row.method == "B" and row.compression == "c40"
        else f
        for row, f in zip(rows, plain, strict=True)
    ]
    result = examine(Manifest.from_videos(rows), facts, seed=0)
    assert [e.what for e in result.by_method] == ["A, c23", "A, c40", "B, c23", "B, c40"]
    assert [e.tells for e in result.by_method] == [False, False, False, True]
    assert all((e.real, e.fake) == (25, 25) for e in result.by_method)
    [found] = shortcut_findings(result)
    assert any("B, c40" in example for example in found.examples)


def test_too_few_videos_are_not_a_pass() -> None:
    rows = many(19)
    result = examine(Manifest.from_videos(rows), facts_of(rows, codec="hevc"), seed=0)
    assert result.overall.auc is None
    assert "19 real and 19 fake" in result.overall.reason
    assert "not examined" in result.overall.words()
    assert shortcut_findings(result) == []
    assert result.by_feature == {}


def test_few_groups_give_a_number_without_a_verdict() -> None:
    rows = [replace(v, group=f"g{int(v.group[1:]) % 6}") for v in many(30)]
    result = examine(Manifest.from_videos(rows), facts_of(rows, codec="hevc"), seed=0)
    assert result.overall.auc == 1
    assert not result.overall.interval.supported
    assert "there are 6" in result.overall.words()
    assert shortcut_findings(result) == []
    one = [replace(v, group="g") for v in rows]
    result = examine(Manifest.from_videos(one), facts_of(rows), seed=0)
    assert "one group" in result.overall.reason


def test_unreadable_files_are_left_out_and_counted() -> None:
    rows = many(25)
    facts = facts_of(rows)
    facts[3] = FileFacts(rows[3].video_id, rows[3].path, None, "broken")
    result = examine(Manifest.from_videos(rows), facts, seed=0)
    assert result.left_out == 1
    assert result.overall.real + result.overall.fake == 49
    nothing = [FileFacts(f.video_id, f.path, None, "broken") for f in facts]
    assert examine(Manifest.from_videos(rows), nothing, seed=0).overall.auc is None


def test_the_seed_decides_and_the_order_of_rows_does_not() -> None:
    rows = many(30)
    facts = facts_of(rows, bytes=70_000)
    turn = np.random.default_rng(0).permutation(len(rows))
    first = examine(Manifest.from_videos(rows), facts, seed=0)
    turned = examine(
        Manifest.from_videos([rows[i] for i in turn]), [facts[i] for i in turn], seed=0
    )
    assert first == turned
    with pytest.raises(ValueError, match="expected facts of the manifest's 60 rows, got 59"):
        examine(Manifest.from_videos(rows), facts[1:], seed=0)


def test_many_videos_take_seconds() -> None:
    rows = many(200, fakes=9)
    result = examine(Manifest.from_videos(rows), facts_of(rows), seed=0)
    assert result.overall.interval.supported
    assert shortcut_findings(result) == []

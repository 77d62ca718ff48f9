"""Inputs that a comparison can do little with: a finding or a clear error, never a wrong one."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import numbered_frames, write_sound, write_video
from comparison_pairs import Picture, change, filmed, head_and_shoulders, written
from face_clips import background

import unswap
from unswap.datasets.types import UnreadableVideo
from unswap.experiments.comparison.types import Status, Verdict


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return change(filmed(head_and_shoulders(), 110), 0, (160, 160))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, pictures: list[Picture]) -> Path:
    return written(tmp_path_factory.mktemp("reference") / "original.mp4", pictures, 18)


def test_an_unreadable_file_is_named(reference: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(reference.read_bytes()[:300])
    with pytest.raises(UnreadableVideo, match=r"broken\.mp4.*What to do"):
        unswap.compare(reference, broken)
    with pytest.raises(UnreadableVideo, match=r"sound\.mp4"):
        unswap.compare(write_sound(tmp_path / "sound.mp4"), reference)
    with pytest.raises(UnreadableVideo, match=r"gone\.mp4"):
        unswap.compare(reference, tmp_path / "gone.mp4")


def test_the_same_file_is_told_by_its_hash(reference: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(reference.read_bytes())
    comparison = unswap.compare(reference, copy)
    assert comparison.status is Status.SAME_FILE
    assert comparison.reference.sha256 == comparison.suspect.sha256
    assert comparison.finding("a").verdict is Verdict.SUPPORTED
    assert comparison.finding("b").verdict is Verdict.NOT_SUPPORTED


@pytest.mark.parametrize("kind", ["one frame", "black", "still"])
def test_too_little_to_tell_is_undecided(
    kind: str, reference: Path, pictures: list[Picture], tmp_path: Path
) -> None:
    shown = {
        "one frame": pictures[50:51],
        "black": [np.zeros_like(pictures[0])] * 30,
        "still": [pictures[50]] * 30,
    }[kind]
    suspect = written(tmp_path / "little.mp4", shown)
    comparison = unswap.compare(reference, suspect)
    assert comparison.status is Status.UNDECIDED
    assert "little.mp4" in comparison.reason
    assert comparison.finding("a").verdict is Verdict.INCONCLUSIVE
    assert unswap.compare(suspect, reference).status is Status.UNDECIDED


def test_nothing_in_common_is_no_match(reference: Path, tmp_path: Path) -> None:
    other = write_video(tmp_path / "numbers.mp4", numbered_frames(60))
    assert unswap.compare(reference, other).status is Status.NO_MATCH


def test_a_suspect_that_shows_the_reference_twice(
    reference: Path, pictures: list[Picture], tmp_path: Path
) -> None:
    twice = written(tmp_path / "twice.mp4", pictures[20:90] + pictures[20:90], 23)
    comparison = unswap.compare(reference, twice)
    assert comparison.status is Status.COMPARED
    assert [s.repeated for s in comparison.stretches] == [2, 2]
    found = {p.suspect_frame: p.reference_frame for p in comparison.pairs}
    true = dict(enumerate([*range(20, 90)] * 2))
    assert np.mean([found.get(i) == r for i, r in true.items()]) > 0.95


def test_without_a_face(tmp_path: Path) -> None:
    """A film without people: the face's findings say so, the rest is measured."""
    ground = cv2.GaussianBlur(
        np.random.default_rng(5).integers(0, 255, (300, 400, 3), dtype=np.uint8), (0, 0), 2
    )
    ground = cv2.normalize(ground, None, 0, 255, cv2.NORM_MINMAX)
    shown = change(filmed(np.asarray(ground), 90, seed=3), 0, (320, 240))
    reference = written(tmp_path / "plain.mp4", shown, 18)
    marked = [p.copy() for p in shown[10:80]]
    for picture in marked:
        picture[20:60, 30:110] = (250, 240, 20)
    comparison = unswap.compare(reference, written(tmp_path / "marked.mp4", marked, 24))
    assert comparison.status is Status.COMPARED
    assert [r.kind for r in comparison.regions] == ["text or sticker"]
    assert comparison.finding("b").verdict is Verdict.SUPPORTED
    assert comparison.finding("c").verdict is Verdict.INCONCLUSIVE
    assert comparison.figures is not None
    assert comparison.figures.face_changed is None


def test_borders_are_named(reference: Path, pictures: list[Picture], tmp_path: Path) -> None:
    boxed = [
        cv2.copyMakeBorder(p, 20, 20, 0, 0, cv2.BORDER_CONSTANT, value=(0, 0, 0))
        for p in pictures[10:90]
    ]
    comparison = unswap.compare(reference, written(tmp_path / "boxed.mp4", boxed, 24))
    assert [r.kind for r in comparison.regions] == ["border"]
    assert comparison.geometry is not None
    assert comparison.geometry.suspect_xyxy == pytest.approx((0, 20, 160, 180), abs=1)


@pytest.mark.slow
def test_4k_against_240p(tmp_path: Path) -> None:
    small = change(filmed(head_and_shoulders(), 60), 0, (240, 240))
    large = [cv2.resize(p, (2160, 2160), interpolation=cv2.INTER_CUBIC) for p in small]
    reference = written(tmp_path / "large.mp4", large, 20)
    comparison = unswap.compare(reference, written(tmp_path / "small.mp4", small[10:55], 26))
    assert comparison.status is Status.COMPARED
    assert {p.reference_frame - p.suspect_frame for p in comparison.pairs} == {10}
    assert comparison.regions == ()


@pytest.mark.slow
def test_high_dynamic_range_against_ordinary(tmp_path: Path, pictures: list[Picture]) -> None:
    """10 bits, BT.2020, labelled PQ: it is compared, and the colours' change is in the photometry."""
    reference = write_video(
        tmp_path / "hdr.mp4", pictures, codec="libx265", pix_fmt="yuv420p10le", crf=18, colorspace=9
    )
    comparison = unswap.compare(reference, written(tmp_path / "sdr.mp4", pictures[10:90], 26))
    assert comparison.status is Status.COMPARED
    assert {p.reference_frame - p.suspect_frame for p in comparison.pairs} == {10}
    assert comparison.finding("c").verdict is not Verdict.SUPPORTED


def test_a_plain_background_is_not_matched_to_a_face(tmp_path: Path, reference: Path) -> None:
    shown = [np.roll(background(160, 160), 2 * i, axis=1) for i in range(40)]
    comparison = unswap.compare(reference, written(tmp_path / "plain.mp4", shown))
    assert comparison.status in (Status.NO_MATCH, Status.UNDECIDED)

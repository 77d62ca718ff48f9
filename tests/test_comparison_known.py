"""Comparisons with known answers, from files to findings."""

from pathlib import Path

import numpy as np
import pytest
from comparison_pairs import (
    Picture,
    change,
    corner_error,
    filmed,
    head_and_shoulders,
    other_face,
    true_map,
    written,
)

import unswap
from unswap.experiments.comparison.types import Comparison, Status, Verdict


@pytest.fixture(scope="module")
def originals() -> list[Picture]:
    return filmed(head_and_shoulders())


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, originals: list[Picture]) -> Path:
    return written(tmp_path_factory.mktemp("reference") / "original.mp4", originals, 18)


@pytest.fixture(scope="module")
def swapped(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Frames 61 to 180, 10 px cropped, resized to 240x240, CRF 30, with another face."""
    pictures = filmed(other_face(head_and_shoulders()).picture)
    suspect = tmp_path_factory.mktemp("suspect") / "swapped.mp4"
    return unswap.compare(reference, written(suspect, change(pictures[61:181], 10, (240, 240)), 30))


def _verdicts(comparison: Comparison) -> str:
    return "".join(f.key for f in comparison.findings if f.verdict is Verdict.SUPPORTED)


def test_the_offset_is_exact(swapped: Comparison) -> None:
    assert swapped.status is Status.COMPARED
    assert [(p.suspect_frame, p.reference_frame) for p in swapped.pairs] == [
        (i, i + 61) for i in range(120)
    ]
    (stretch,) = swapped.stretches
    assert stretch.rate == pytest.approx(1, abs=0.001)
    assert stretch.suspect_seconds == pytest.approx((0, 4.8), abs=1e-6)
    assert stretch.reference_seconds == pytest.approx((2.44, 7.24), abs=1e-6)


def test_the_map_is_right_to_a_fraction_of_a_pixel(
    swapped: Comparison, originals: list[Picture]
) -> None:
    height, width = originals[0].shape[:2]
    true = true_map(10, (width - 20, height - 20), (240, 240))
    assert swapped.geometry is not None
    assert corner_error(swapped.geometry.matrix, true, (width, height)) < 0.5
    assert not swapped.geometry.mirrored
    assert swapped.geometry.reference_xyxy == pytest.approx(
        (10, 10, width - 10, height - 10), abs=1
    )


def test_the_changed_region_is_the_face(swapped: Comparison) -> None:
    assert swapped.masks is not None
    share = filmed(
        np.repeat(np.uint8(255 * other_face(head_and_shoulders()).mask)[..., None], 3, 2)
    )
    true = [p[..., 0] >= 64 for p in change(share[61:181], 10, (240, 240))]
    overlap = []
    for place, mask in enumerate(true):
        found = swapped.masks.at(place, 240, 240)
        overlap.append((found & mask).sum() / (found | mask).sum())
    assert np.median(overlap) >= 0.85
    (region,) = swapped.regions
    assert region.kind == "face"
    assert region.person == 1
    assert region.persistence >= 0.95
    assert region.inner_face_share is not None
    assert region.inner_face_share >= 0.9


def test_a_swap_of_a_template_is_a_to_d(swapped: Comparison) -> None:
    assert _verdicts(swapped) == "abcd"
    assert swapped.finding("e").verdict is Verdict.NOT_EXAMINED
    assert swapped.figures is not None
    assert swapped.figures.agree_outside is not None
    assert swapped.figures.agree_outside > 0.99
    assert swapped.figures.change_in_face is not None
    assert swapped.figures.change_in_face > 0.95
    (head,) = swapped.figures.heads
    assert head.lag_frames == 0
    assert head.distance_px < 1.5


def test_the_null_model_is_near_the_suspects_settings(swapped: Comparison) -> None:
    assert swapped.null_model is not None
    settings = swapped.null_model.settings
    assert (settings.codec, settings.encoder) == ("h264", "libx264")
    assert settings.quality == pytest.approx(30, abs=3)
    assert settings.imitation_kbps == pytest.approx(settings.kbps, rel=0.35)
    textures = [p.texture for p in swapped.null_model.curve]
    assert textures == sorted(textures)
    assert swapped.null_model.false_share is not None
    assert swapped.null_model.false_share < 0.02


def test_the_record_is_plain_data(swapped: Comparison) -> None:
    import json

    record = json.loads(json.dumps(swapped.to_dict(), allow_nan=False))
    assert record["status"] == "compared"
    assert [f["key"] for f in record["findings"]] == list("abcde")
    assert len(record["pairs"]) == 120


def test_a_plain_reencoding_is_a_alone(
    reference: Path, originals: list[Picture], tmp_path: Path
) -> None:
    suspect = written(tmp_path / "again.mp4", originals[:100], 32)
    comparison = unswap.compare(reference, suspect)
    assert _verdicts(comparison) == "a"
    assert comparison.regions == ()


def test_mirrored_faster_and_joined(
    reference: Path, originals: list[Picture], tmp_path: Path
) -> None:
    parts = originals[150:220] + originals[20:90]
    suspect = written(tmp_path / "joined.mp4", [np.ascontiguousarray(p[:, ::-1]) for p in parts])
    comparison = unswap.compare(reference, suspect)
    assert comparison.geometry is not None
    assert comparison.geometry.mirrored
    found = {p.suspect_frame: p.reference_frame for p in comparison.pairs}
    true = dict(enumerate([*range(150, 220), *range(20, 90)]))
    assert np.mean([found.get(i) == r for i, r in true.items()]) > 0.97
    assert len(comparison.stretches) == 2


def test_another_take_of_the_scene_is_no_match(reference: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other.mp4", filmed(head_and_shoulders(), 120, seed=9))
    comparison = unswap.compare(reference, other)
    assert comparison.status is Status.NO_MATCH
    assert comparison.finding("a").verdict is Verdict.NOT_SUPPORTED
    assert comparison.pairs == ()

"""The parts of a comparison: known answers and what must always hold."""

from pathlib import Path

import numpy as np
import pytest
from clips import numbered_frames, read_number, write_video
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from unswap.experiments.comparison.faces import FaceCourse, Person
from unswap.experiments.comparison.findings import ladder, without_match
from unswap.experiments.comparison.heads import best_lag, head_motion
from unswap.experiments.comparison.lines import Agreements
from unswap.experiments.comparison.masks import filled, grown, without_small
from unswap.experiments.comparison.null_model import (
    Z_STEP,
    inflate,
    learn,
    log_difference,
    z_counts,
    z_threshold,
)
from unswap.experiments.comparison.photometry import fit_colours
from unswap.experiments.comparison.reading import _runs, frames_in_order, paired_frames
from unswap.experiments.comparison.registration import (
    corners,
    fit_map,
    mirrored_points,
    parts_of,
)
from unswap.experiments.comparison.scanning import find_points, new_sift
from unswap.experiments.comparison.signals import Signals
from unswap.experiments.comparison.spool import Spool
from unswap.experiments.comparison.timing import find_segments
from unswap.experiments.comparison.types import (
    Figures,
    HeadMotion,
    Identity,
    Masks,
    Region,
    Stretch,
    Verdict,
)
from unswap.experiments.comparison.weighing import Evidence, carries

RATE = 30.0


def _signals(own: np.ndarray, theirs: np.ndarray) -> Agreements:
    return Agreements(Signals(RATE, own.astype(np.float32), theirs.astype(np.float32), 1.0))


def _course(ticks: int, seed: int) -> np.ndarray:
    """(ticks, 200) something that moves, without a slow course."""
    rng = np.random.default_rng(seed)
    raw = rng.standard_normal((ticks + 8, 200))
    smooth = sum(raw[k : ticks + k] for k in range(5)) / 5
    return smooth - smooth.mean(axis=0)


@settings(max_examples=15)
@given(offset=st.integers(0, 180), noise=st.floats(0, 0.6), seed=st.integers(0, 50))
def test_a_cut_is_found_where_it_was_cut(offset: int, noise: float, seed: int) -> None:
    theirs = _course(300, seed)
    rng = np.random.default_rng(seed + 1)
    own = theirs[offset : offset + 100] + noise * rng.standard_normal((100, 200))
    (segment,) = find_segments(_signals(own, theirs)).segments
    assert segment.line.at(50) == pytest.approx(offset + 50, abs=1)
    assert (segment.line.first, segment.line.last) == (0, 99)


@pytest.mark.parametrize("rate", [0.8, 0.9, 1.1, 1.25, -1.0])
def test_speeds_and_reversal_are_found(rate: float) -> None:
    theirs = _course(300, 3)
    start = 40 if rate > 0 else 240
    places = np.rint(start + rate * np.arange(150)).astype(int)
    (segment,) = find_segments(_signals(theirs[places], theirs)).segments
    assert segment.line.rate == pytest.approx(rate, abs=0.02)
    assert segment.line.at(75) == pytest.approx(places[75], abs=2)


@pytest.mark.parametrize("seed", range(8))
def test_what_has_nothing_to_do_with_it_does_not_carry(seed: int) -> None:
    assert find_segments(_signals(_course(120, seed), _course(300, seed + 100))).segments == ()


def test_two_parts_in_another_order() -> None:
    theirs = _course(300, 5)
    own = np.concatenate([theirs[180:260], theirs[20:110]])
    first, second = find_segments(_signals(own, theirs)).segments
    assert first.line.at(40) == pytest.approx(220, abs=1)
    assert second.line.at(125) == pytest.approx(65, abs=1)


def test_a_longer_lead_carries_where_a_short_stretch_does_not() -> None:
    strong = Evidence(agreement=0.9, rival=0.3, seconds=3, exact=True)
    assert carries(strong)
    assert not carries(Evidence(agreement=0.5, rival=0.4, seconds=3, exact=True))
    assert not carries(Evidence(agreement=0.25, rival=-0.5, seconds=3, exact=True))
    assert not carries(Evidence(agreement=0.6, rival=0.3, seconds=0.4, exact=True))
    near_one = Evidence(agreement=0.999, rival=0.78, seconds=8, exact=True)
    assert carries(near_one)  # the same margin is worth more near 1


def test_maps_are_taken_apart() -> None:
    turn = np.radians(3)
    matrix = np.array(
        [[1.2 * np.cos(turn), -0.9 * np.sin(turn), 5], [1.2 * np.sin(turn), 0.9 * np.cos(turn), 7]]
    )
    assert parts_of(matrix) == pytest.approx((1.2, 0.9, 3, 0), abs=1e-9)
    matrix[:, 0] *= -1
    assert parts_of(matrix) == pytest.approx((1.2, 0.9, 3, 0), abs=1e-9)


def test_a_map_is_fitted_through_outliers() -> None:
    rng = np.random.default_rng(1)
    source = rng.uniform(0, 400, (80, 2)).astype(np.float32)
    matrix = np.array([[0.8, 0.01, -16], [-0.01, 0.8, 9]])
    target = (source @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    target[:25] = rng.uniform(0, 400, (25, 2))
    fitted = fit_map(source, target, 2.0)
    assert fitted is not None
    assert np.abs(corners(fitted[1], (400, 400)) - corners(matrix, (400, 400))).max() < 0.1
    assert fit_map(source[:8], target[:8], 2.0) is None


def test_mirrored_points_are_those_of_the_mirrored_picture() -> None:
    from face_clips import portrait

    grey = portrait()[..., 1][:256, :256]
    own = find_points(new_sift(), grey, (256, 256))
    other = find_points(new_sift(), np.ascontiguousarray(grey[:, ::-1]), (256, 256))
    turned = mirrored_points(own, 256)
    near = np.linalg.norm(turned.xy[:, None] - other.xy[None], axis=2)
    pairs = [(i, int(row.argmin())) for i, row in enumerate(near) if row.min() < 0.3]
    assert len(pairs) > 0.5 * len(own.xy)
    likeness = [
        np.corrcoef(turned.descriptors[i].astype(float), other.descriptors[j].astype(float))[0, 1]
        for i, j in pairs
    ]
    assert np.median(likeness) > 0.95


def test_benjamini_and_hochberg_hold_the_rate() -> None:
    rng = np.random.default_rng(2)
    null, changed = rng.standard_normal(200_000), rng.standard_normal(5_000) + 6
    threshold, p_value = z_threshold(z_counts(np.concatenate([null, changed])), 0.05)
    assert p_value == pytest.approx(norm.sf(threshold))
    wrong, right = (null >= threshold).sum(), (changed >= threshold).sum()
    assert wrong / (wrong + right) < 0.07
    assert right > 4_800
    # the textbook rule on the p-values themselves
    values = np.sort(norm.sf(np.concatenate([null, changed])))
    allowed = 0.05 * np.arange(1, len(values) + 1) / len(values)
    limit = norm.isf(values[np.flatnonzero(values <= allowed).max()])
    assert threshold == pytest.approx(limit, abs=3 * Z_STEP)


def test_without_a_change_no_cell_is_called_changed() -> None:
    rng = np.random.default_rng(3)
    wrong = [
        np.isfinite(z_threshold(z_counts(rng.standard_normal(20_000)), 0.01)[0]) for _ in range(40)
    ]
    assert np.mean(wrong) <= 0.1


def test_what_all_cells_differ_more_is_allowed_for_and_a_changed_quarter_is_not() -> None:
    rng = np.random.default_rng(4)
    count = 40_000
    texture = rng.uniform(1, 40, count).astype(np.float32)
    motion = np.zeros(count, np.float32)
    difference = (0.2 + 0.05 * texture) * np.exp(0.3 * rng.standard_normal(count))
    table = learn(texture, motion, log_difference(difference.astype(np.float32)))
    more = difference * 1.5
    changed = rng.random(count) < 0.25
    more[changed] += 30
    logs, classes = log_difference(more.astype(np.float32)), table.classes(texture, motion)
    moved, inflation = inflate(table, logs, classes)
    assert inflation.factor == pytest.approx(1.5, abs=0.35)
    z = moved.z(logs, classes)
    assert (z[~changed] > 3.1).mean() < 0.01
    assert (z[changed] > 3.1).mean() > 0.99


def test_cells_that_an_encoder_skipped_do_not_hide_what_the_others_differ() -> None:
    rng = np.random.default_rng(14)
    count = 40_000
    texture = rng.uniform(1, 40, count).astype(np.float32)
    motion = np.zeros(count, np.float32)
    spread = np.exp(0.3 * rng.standard_normal(count))
    table = learn(
        texture, motion, log_difference(((0.5 + 0.05 * texture) * spread).astype(np.float32))
    )
    skipped = rng.random(count) < 0.35
    own = (0.5 + 0.05 * texture) * np.exp(0.4 * rng.standard_normal(count))
    own[skipped] = 0.05
    logs, classes = log_difference(own.astype(np.float32)), table.classes(texture, motion)
    moved, _ = inflate(table, logs, classes)
    assert (moved.z(logs, classes)[~skipped] > 3.1).mean() < 0.01


def test_colours_are_fitted_beside_a_changed_face() -> None:
    rng = np.random.default_rng(5)
    before = rng.integers(20, 230, (60, 80, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    mix = np.array([[0.9, 0.05, 0], [0.02, 0.95, 0], [0, 0.1, 0.85]])
    after = np.clip(before @ mix.T + [6, -4, 3], 0, 255).astype(np.uint8)
    after[80:160, 120:200] = 90
    colours = fit_colours([(after, before, np.ones(before.shape[:2], bool))], rng)
    assert colours.gamma == pytest.approx(1)
    assert np.abs(colours.matrix - mix).max() < 0.03
    assert np.abs(colours.apply(before).astype(int) - after)[:70].mean() < 1.0


def _person(own: np.ndarray, theirs: np.ndarray) -> Person:
    def course(points: np.ndarray) -> FaceCourse:
        shape = np.array([[-20, -20], [20, -20], [0, 0], [-15, 20], [15, 20]])
        landmarks = points[:, None] + shape
        boxes = np.concatenate([points - 40, points + 40], axis=1)
        places = np.arange(len(points))
        return FaceCourse(places, boxes, landmarks, np.ones(len(points), bool))

    return Person(1, course(own), course(theirs))


@given(lag=st.integers(-5, 5))
def test_a_heads_lag_is_found(lag: int) -> None:
    rng = np.random.default_rng(6)
    path = np.cumsum(rng.standard_normal((140, 2)), axis=0)
    own, theirs = path[20 - lag : 100 - lag], path[20:100]
    assert best_lag(own, theirs, np.arange(80)) == lag


def test_the_same_course_elsewhere_is_the_same_motion() -> None:
    rng = np.random.default_rng(7)
    path = 100 + 3 * np.cumsum(rng.standard_normal((60, 2)), axis=0)
    (head,) = head_motion((_person(path + np.array([4, -2]), path),))
    assert head.distance_px == pytest.approx(0, abs=1e-9)
    assert head.correlation == pytest.approx(1)
    assert (head.lag_frames, head.num_frames) == (0, 60)


def test_masks_come_back_as_they_were_packed() -> None:
    rng = np.random.default_rng(8)
    cells = rng.random((3, 7, 9)) < 0.4
    bits = np.stack([np.packbits(c.ravel()) for c in cells])
    masks = Masks(bits, 7, 9)
    for place in range(3):
        assert (masks.cells(place) == cells[place]).all()
    assert masks.at(0, 90, 70).shape == (70, 90)


def test_specks_go_and_holes_are_filled() -> None:
    mask = np.zeros((12, 12), bool)
    mask[2:8, 2:8] = True
    mask[4, 4] = False
    mask[10, 10] = True
    clean = filled(without_small(mask, 4))
    assert clean.sum() == 36
    assert clean[4, 4]


@given(numbers=st.lists(st.integers(0, 60), min_size=1, max_size=120), chunk=st.integers(1, 20))
def test_runs_cover_every_pair_once_and_rising_ones_rise(numbers: list[int], chunk: int) -> None:
    runs = _runs(numbers, chunk)
    assert [i for run, _ in runs for i in run] == list(range(len(numbers)))
    for run, rising in runs:
        if rising:
            assert all(numbers[a] <= numbers[a + 1] for a in list(run)[:-1])
        else:
            assert len(run) <= chunk


def test_a_spool_gives_back_what_went_in() -> None:
    spool = Spool((2, 3), np.float16)
    assert spool.array().shape == (0, 2, 3)
    rows = np.arange(24, dtype=np.float16).reshape(4, 2, 3)
    for row in rows:
        spool.append(row)
    assert (spool.array() == rows).all()
    with pytest.raises(ValueError, match=r"expected a row of shape \(2, 3\), got \(3, 2\)"):
        spool.append(np.zeros((3, 2)))


STRETCH = Stretch(0, 99, 10, 109, (0.0, 4.0), (0.4, 4.4), 1.0, 0.9, 0.3)
FACE = Region(1, "face", "face of person 1", (0, 1), ((0, 0, 9, 9),) * 2, 1.0, 0.1, 1, 0.9)
OTHER = Region(2, "other", "other", (0, 1), ((20, 20, 30, 30),) * 2, 1.0, 0.1)
HEAD = HeadMotion(1, 90, 0.6, 0.006, 20.0, 0.99, 0)


def _figures(agree: float | None = 0.99, heads: tuple[HeadMotion, ...] = (HEAD,)) -> Figures:
    return Figures(agree, 0.9, 0.98, heads, 100, 95)


def _verdicts(*arguments: object, given: bool = False) -> dict[str, Verdict]:
    return {f.key: f.verdict for f in ladder(*arguments, given)}  # type: ignore[arg-type]


def test_the_ladder_of_a_swap_and_what_breaks_each_rung() -> None:
    swap = _verdicts([STRETCH], _figures(), [FACE], 0.0, ())
    assert [swap[k] for k in "abcd"] == [Verdict.SUPPORTED] * 4
    assert swap["e"] is Verdict.NOT_EXAMINED
    assert _verdicts([STRETCH], _figures(0.8), [FACE], 0.0, ())["a"] is Verdict.INCONCLUSIVE
    assert _verdicts([STRETCH], _figures(), [FACE, OTHER], 0.5, ())["b"] is Verdict.NOT_SUPPORTED
    assert _verdicts([STRETCH], _figures(), [OTHER], 1.0, ())["c"] is Verdict.NOT_SUPPORTED
    late = HeadMotion(1, 90, 0.6, 0.006, 20.0, 0.99, 4)
    elsewhere = HeadMotion(1, 90, 30.0, 0.3, 20.0, 0.2, 0)
    still = HeadMotion(1, 90, 0.6, 0.006, 0.5, 0.4, 0)
    for head, verdict in (
        (late, Verdict.INCONCLUSIVE),
        (elsewhere, Verdict.NOT_SUPPORTED),
        (still, Verdict.INCONCLUSIVE),
    ):
        assert _verdicts([STRETCH], _figures(heads=(head,)), [FACE], 0.0, ())["d"] is verdict


def test_a_reencoding_is_a_alone() -> None:
    plain = _verdicts([STRETCH], Figures(0.999, 0.0, None, (HEAD,), 100, 95), [], None, ())
    assert [k for k, v in plain.items() if v is Verdict.SUPPORTED] == ["a"]


@pytest.mark.parametrize(
    ("similarity", "same", "different", "verdict"),
    [
        (0.1, (0.6, 0.9), (-0.1, 0.3), Verdict.SUPPORTED),
        (0.8, (0.6, 0.9), (-0.1, 0.3), Verdict.NOT_SUPPORTED),
        (0.45, (0.6, 0.9), (-0.1, 0.3), Verdict.INCONCLUSIVE),
        (0.28, (0.25, 0.9), (-0.1, 0.3), Verdict.INCONCLUSIVE),
        (0.1, (0.6, 0.9), None, Verdict.INCONCLUSIVE),
    ],
)
def test_whose_face_it_is_needs_both_ranges(
    similarity: float,
    same: tuple[float, float],
    different: tuple[float, float] | None,
    verdict: Verdict,
) -> None:
    identity = Identity("model", "0" * 64, 1, similarity, (0.0, 0.2), 20, same, different, "a test")
    found = _verdicts([STRETCH], _figures(), [FACE], 0.0, (identity,), given=True)
    assert found["e"] is verdict


def test_without_a_match_nothing_above_is_examined() -> None:
    first, *rest = without_match("nothing found", Verdict.NOT_SUPPORTED)
    assert first.verdict is Verdict.NOT_SUPPORTED
    assert {f.verdict for f in rest} == {Verdict.NOT_EXAMINED}


@pytest.mark.parametrize(
    "wanted",
    [[3, 4, 5, 6], [9, 8, 7, 6, 5], [0, 0, 1, 1, 2, 2], [20, 21, 22, 3, 4, 5, 29, 2], [*range(25)]],
)
def test_frames_come_in_the_order_asked_for(wanted: list[int], tmp_path: Path) -> None:
    path = write_video(tmp_path / "numbers.mp4", numbered_frames(30), options={"g": "8"})
    got = [(i, read_number(frame.image)) for i, frame in frames_in_order(path, wanted)]
    assert got == list(enumerate(wanted))
    pairs = [(2 * i if len(wanted) <= 15 else i, r) for i, r in enumerate(wanted)]
    both = [
        (i, read_number(own.image), read_number(theirs.image))
        for i, own, theirs in paired_frames(path, path, pairs)
    ]
    assert both == [(i, s, r) for i, (s, r) in enumerate(pairs)]


def test_patches_grow_over_weak_cells_that_touch_them_alone() -> None:
    over = np.zeros((6, 12), bool)
    over[2, 1:6] = over[4, 8:11] = True
    seeds = np.zeros_like(over)
    seeds[2, 3] = True
    assert np.argwhere(grown(seeds, over)).tolist() == [[2, c] for c in range(1, 6)]

"""The parts of the template index: key frames, codes, cells, votes, lines through time."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from unswap.experiments.templates import alignment, cells, fingerprint
from unswap.experiments.templates.keyframes import keyframe_indices
from unswap.experiments.templates.lists import Lists, hamming, write_lists
from unswap.experiments.templates.types import Fingerprint, Points
from unswap.experiments.templates.voting import RADIUS, Hits, vote


def test_key_frames_are_those_on_the_screen_at_full_seconds():
    slow = np.array([0.0, 0.9, 1.8, 2.7, 5.5])  # a slide show; at 3, 4 and 5 s the fourth is shown
    assert keyframe_indices(slow, 1.0).tolist() == [0, 1, 2, 3]
    assert keyframe_indices(np.zeros(1), 1.0).tolist() == [0]
    assert len(keyframe_indices(np.arange(10_000) / 25, 0.5, most=64)) <= 65


def codes(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 16), dtype=np.uint8)


def test_mirrored_histograms_are_those_of_the_mirrored_picture():
    grey = cv2.cvtColor(data.coffee()[:300, :400], cv2.COLOR_RGB2GRAY)
    plain, xy, size = fingerprint.describe(grey, 80)
    other, other_xy, other_size = fingerprint.describe(np.ascontiguousarray(grey[:, ::-1]), 80)
    turned = fingerprint.to_codes(fingerprint.mirror(plain))
    distance = hamming(turned, fingerprint.to_codes(other))
    there = np.stack([399 - xy[:, 0], xy[:, 1]], axis=1)
    apart = np.abs(there[:, None] - other_xy[None]).max(axis=2)
    apart += 10 * np.abs(np.log(size[:, None] / other_size[None]))
    pairs = np.argwhere(apart < 1)
    assert len(pairs) > 40
    assert np.median(distance[tuple(pairs.T)]) <= 6
    assert np.median(hamming(fingerprint.to_codes(plain), fingerprint.to_codes(other))) > 30


def test_points_are_spread_over_the_picture():
    """All the strong texture is in one quarter; the faint rest has its points all the same."""
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.normal(0, 120, (240, 320)), (0, 0), 2.0) + 128
    picture[:120, :160] = (picture[:120, :160] - 128) * 3 + 128
    _, xy, _ = fingerprint.describe(np.clip(picture, 0, 255).astype(np.uint8), 40)
    assert len(xy) == 40
    in_quarter = (xy[:, 0] < 160) & (xy[:, 1] < 120)
    assert in_quarter.sum() <= 20  # by strength alone it would be all


def test_a_blank_picture_has_no_points():
    blank = fingerprint.fingerprint([(0.0, np.full((90, 120), 7, np.uint8))], 40)
    assert len(blank.points) == 0
    assert blank.seconds.tolist() == [0.0]


def test_the_nearest_cell_is_the_one_that_a_code_is_assigned_to():
    some = codes(500)
    assert (cells.probes(some, 8)[:, 0] == cells.assign(some)).mean() > 0.9  # but for equal ones
    assert len(np.unique(cells.probes(some[:1], 64))) == 64
    with pytest.raises(ValueError, match="from 1 to 64"):
        cells.probes(some, 65)


def test_lists_on_disk_give_the_nearest_of_the_probed_cells(tmp_path):
    some = codes(3000)
    write_lists(tmp_path / "l", some, np.arange(3000) * 7)
    asked = some[::50].copy()
    asked[:, 3] ^= 1
    probed = cells.probes(asked, 4)
    distance, ids = Lists(tmp_path / "l").nearest(asked, probed, 5)
    home = cells.assign(some)
    for k in range(len(asked)):
        inside = np.flatnonzero(np.isin(home, probed[k]))
        expected = np.sort(hamming(asked[k : k + 1], some[inside])[0])[:5]
        assert distance[k, : len(expected)].tolist() == expected.tolist()
        assert (ids[k, len(expected) :] == -1).all()


@st.composite
def hits(draw):
    count = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Hits(
        rng.integers(0, 12, count),
        rng.integers(0, 5, count),
        rng.integers(0, RADIUS + 10, count),
        rng.integers(0, 8, count) * 0.5,
        rng.integers(0, 20, count) * 1.0,
        rng.uniform(-2, 2, count),
    )


@settings(max_examples=60)
@given(hits(), st.integers(-5, 5))
def test_shifting_a_templates_time_shifts_the_offset_and_nothing_else(some, steps):
    shift = 4.0 * steps
    moved = Hits(*(v + shift * (n == "seconds") for n, v in some.__dict__.items()))
    before, after = vote(some, 8.0, 3), vote(moved, 8.0, 3)
    assert [c.video for c in before] == [c.video for c in after]
    for one, other in zip(before, after, strict=True):
        assert other.votes == pytest.approx(one.votes)
        assert other.offset_seconds[0] == pytest.approx(one.offset_seconds[0] + shift)


@settings(max_examples=60)
@given(hits(), st.randoms())
def test_votes_depend_on_neither_the_order_nor_repetition_of_hits(some, random):
    order = list(range(len(some.query))) * 2
    random.shuffle(order)
    again = vote(Hits(*(v[order] for v in some.__dict__.values())), 8.0, 3)
    assert [(c.video, c.offset_seconds) for c in vote(some, 8.0, 3)] == [
        (c.video, c.offset_seconds) for c in again
    ]


def test_a_point_that_hits_many_videos_counts_less():
    def told(others):
        query = np.zeros(1 + others, dtype=np.int64)
        zeros = np.zeros(1 + others)
        return vote(Hits(query, np.arange(1 + others), query, zeros, zeros, zeros), 8.0, 1)[0].votes

    assert told(8) == pytest.approx(told(0) / 3)


def test_hits_beyond_the_radius_have_no_vote():
    one = np.zeros(1, dtype=np.int64)
    assert vote(Hits(one, one, one + RADIUS + 1, one * 1.0, one * 1.0, one * 1.0), 8.0, 3) == []


@settings(max_examples=40)
@given(
    st.integers(2, 20),
    st.sampled_from([0.8, 0.9, 1.0, 1.1, 1.25]),
    st.integers(0, 20),
    st.integers(0, 1000),
)
def test_the_line_through_time_is_found(count, rate, start, seed):
    """Matches along a line over a ground that stands still; and with all seconds shifted."""
    rng = np.random.default_rng(seed)
    ours, theirs = np.arange(12) * 0.5, np.arange(40) * 1.0
    table = rng.uniform(0, 2, (12, 40)) + 5
    apart = np.abs(theirs[None] - (start + rate * ours)[:, None])
    table += count * np.clip(1 - apart, 0, 1)
    line = alignment.fit_line(table, ours, theirs)
    middle = line.start + line.rate * 2.75
    if count >= 6:
        assert middle == pytest.approx(start + rate * 2.75, abs=0.6)
    moved = alignment.fit_line(table, ours, theirs + 16)
    assert moved.rate == line.rate
    assert moved.start == pytest.approx(line.start + 16)


def test_geometry_is_found_among_wrong_matches():
    rng = np.random.default_rng(3)
    xy = rng.uniform(0, 400, (120, 2)).astype(np.float32)
    frame = np.repeat(np.arange(4), 30)
    some = codes(120)
    theirs = Fingerprint(
        Points(some, xy, np.full(120, 5, np.float32), frame), np.arange(4.0), 400, 400
    )
    moved = (xy * (0.6, 0.66) + (30, 12)).astype(np.float32)
    moved[::3] = rng.uniform(0, 400, (40, 2))  # a third lies somewhere else
    ours = Fingerprint(
        Points(some, moved, np.full(120, 3, np.float32), frame), np.arange(4.0), 400, 400
    )
    found = alignment.align(ours, theirs)
    assert (found.geometry.scale_x, found.geometry.scale_y) == pytest.approx((0.6, 0.66), abs=0.01)
    assert (found.geometry.shift_x, found.geometry.shift_y) == pytest.approx((30, 12), abs=2)
    assert found.line.rate == 1.0
    assert found.line.start == pytest.approx(0, abs=0.1)
    assert 60 <= found.num_points <= 82


def test_points_and_fingerprints_check_their_shapes():
    with pytest.raises(ValueError, match="expected xy"):
        Points(
            codes(3), np.zeros((2, 2), np.float32), np.zeros(3, np.float32), np.zeros(3, np.int64)
        )
    points = Points(codes(1), np.zeros((1, 2), np.float32), np.ones(1, np.float32), np.array([4]))
    with pytest.raises(ValueError, match="key frame 4"):
        Fingerprint(points, np.arange(2.0), 10, 10)

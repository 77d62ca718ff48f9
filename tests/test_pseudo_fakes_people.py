"""Pseudo-fakes of one and of two people: what they change, by what, and that they say so truly."""

from functools import lru_cache

import cv2
import numpy as np
import pytest
from face_clips import FACE_BOX, another, head, portrait
from hypothesis import given, settings
from hypothesis import strategies as st

from unswap.datasets.crops import CANONICAL_POINTS
from unswap.datasets.pseudo_fakes import (
    FacePicture,
    InconsistencySettings,
    MaskSettings,
    PeopleSettings,
    PseudoFake,
    SwapSettings,
    blended_between,
    boundary,
    consistency,
    inconsistent,
    match_colours,
    piecewise_affine,
    poisson,
    self_blended,
    similarity,
    swapped,
)
from unswap.datasets.pseudo_fakes.between_people import nearest, relative_points
from unswap.datasets.pseudo_fakes.makers import makers, shares

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=12, deadline=None)


@lru_cache(maxsize=1)
def person() -> FacePicture:
    """The portrait's head, 220 px, with a face of about 117 px."""
    scale = 220 / 256
    box = (np.array(FACE_BOX, dtype=np.float32) - [90, 10, 90, 10]) * np.float32(scale)
    centre, size = (box[:2] + box[2:]) / 2, max(box[2:] - box[:2])
    points = (CANONICAL_POINTS - 0.5) * size + centre
    return FacePicture(head(220), points.astype(np.float32), box.astype(np.float32))


@lru_cache(maxsize=1)
def other() -> FacePicture:
    """Another "person", turned a little, in a picture of another size."""
    picture = another(head(180))
    turn = cv2.getRotationMatrix2D((90.0, 90.0), 7.0, 1.05)
    face = person()
    flat = face.landmarks_xy * np.float32(180 / 220)
    flat = (flat * [-1, 1] + [180, 0])[[1, 0, 2, 4, 3]]
    points = (flat @ turn[:, :2].T + turn[:, 2]).astype(np.float32)
    box = np.concatenate([points.min(axis=0) - 30, points.max(axis=0) + 30]).astype(np.float32)
    return FacePicture(cv2.warpAffine(picture, turn, (180, 180)), points, box)


def dense(face: FacePicture) -> FacePicture:
    """With 68 points of which jaw and features lie about where they do in a face."""
    angle = np.linspace(np.pi, 0, 17)
    jaw = np.stack([0.5 + 0.36 * np.cos(angle), 0.45 + 0.5 * np.sin(angle)], axis=1)
    rest = np.random.default_rng(0).uniform([0.25, 0.3], [0.75, 0.85], (51, 2))
    rest[:10] = np.stack([np.linspace(0.22, 0.78, 10), np.full(10, 0.28)], axis=1)
    canonical = np.concatenate([jaw, rest])
    move = similarity(CANONICAL_POINTS.astype(np.float32), face.landmarks_xy)
    points = (canonical @ move[:, :2].T + move[:, 2]).astype(np.float32)
    return FacePicture(face.image, face.landmarks_xy, face.box_xyxy, points)


@pytest.mark.parametrize("kind", makers.names())
@given(seed=SEEDS, with_dense=st.booleans())
@FEW
def test_every_way_tells_the_truth_about_what_it_changed(kind, seed, with_dense):
    face, donor = (dense(person()), dense(other())) if with_dense else (person(), other())
    before, before_donor = face.image.copy(), donor.image.copy()
    fake = makers.get(kind)(face, donor, np.random.default_rng(seed))
    again = makers.get(kind)(face, donor, np.random.default_rng(seed))
    assert fake.image.shape == face.image.shape
    assert fake.image.dtype == np.uint8
    for values in (fake.mask, fake.shape, fake.boundary):
        assert values.shape == face.image.shape[:2]
        assert values.dtype == np.float32
        assert -1e-6 <= values.min() <= values.max() <= 1 + 1e-6
    assert (fake.mask <= fake.shape + 1e-6).all()
    assert fake.mask.max() > 0.1
    if kind != "sbi":  # self-blending may restyle the target: then nothing of it is as it was
        assert (fake.image[fake.mask == 0] == face.image[fake.mask == 0]).all()
        assert (fake.image != face.image).any()
    hull_middle = face.landmarks_xy.mean(axis=0)
    rows, columns = np.nonzero(fake.mask > 0.05)
    assert np.hypot(columns - hull_middle[0], rows - hull_middle[1]).max() < 1.2 * face.size
    np.testing.assert_array_equal(fake.image, again.image)
    np.testing.assert_array_equal(fake.mask, again.mask)
    np.testing.assert_array_equal(face.image, before)
    np.testing.assert_array_equal(donor.image, before_donor)


def test_what_a_hard_mask_covers_is_the_donors_face():
    hard = MaskSettings({"hull": 1}, max_bend=0, min_edge=0, max_edge=0)
    face, donor = person(), other()
    fake = blended_between(face, donor, np.random.default_rng(0), PeopleSettings(hard, colours=0.0))
    move = similarity(donor.landmarks_xy, face.landmarks_xy)
    moved = cv2.warpAffine(donor.image, move, (220, 220), borderMode=cv2.BORDER_REFLECT)
    inside = fake.mask == 1
    assert inside.sum() > 0.4 * face.size**2
    np.testing.assert_array_equal(fake.image[inside], moved[inside])
    assert (fake.boundary[inside] == 0).all()


def test_colours_are_taken_from_the_target():
    face, donor = person(), other()

    def difference(colours: float) -> float:
        rng = np.random.default_rng(4)
        fake = blended_between(face, donor, rng, PeopleSettings(colours=colours))
        inside = fake.mask > 0.95
        return float(
            np.abs(fake.image[inside].mean(axis=0) - face.image[inside].mean(axis=0)).max()
        )

    assert difference(1.0) < 0.4 * difference(0.0)


@given(shift=st.tuples(*[st.integers(-30, 30)] * 3), gain=st.floats(0.7, 1.2))
@FEW
def test_matched_colours_have_the_targets_mean_and_spread(shift, gain):
    target = head(96)
    source = np.clip((target.astype(float) - 110) * gain + 110 + shift, 0, 255).astype(np.uint8)
    mask = np.zeros((96, 96), dtype=np.float32)
    mask[30:70, 30:66] = 1
    inside = mask == 1

    def lab(image):
        return cv2.cvtColor(image, cv2.COLOR_RGB2Lab)[inside].astype(float)

    matched = match_colours(source, target, mask)
    # out-of-gamut colours and whole levels leave a little
    assert np.abs(lab(matched).mean(axis=0) - lab(target).mean(axis=0)).max() < 3
    assert np.abs(lab(matched).std(axis=0) - lab(target).std(axis=0)).max() < 4
    assert match_colours(source, target, mask, 0.0) is source
    assert match_colours(source, target, np.zeros_like(mask)) is source
    with pytest.raises(ValueError, match=r"amount from 0 to 1, got 2"):
        match_colours(source, target, mask, 2)


def test_poisson_blending_takes_gradients_not_colours():
    target = head(128)
    source = np.clip(target.astype(int) // 2 + 60, 0, 255).astype(np.uint8)
    shifted = np.clip(target.astype(int) // 2 + 90, 0, 255).astype(np.uint8)
    mask = np.zeros((128, 128), dtype=np.float32)
    cv2.circle(mask, (64, 64), 40, 1.0, -1)
    one, used = poisson(source, target, mask)
    two, _ = poisson(shifted, target, mask)
    assert np.abs(one.astype(int) - two).mean() < 1  # a constant has no gradient
    assert np.abs(one.astype(int) - target)[mask == 1].mean() > 3
    np.testing.assert_array_equal(one[mask == 0], target[mask == 0])
    np.testing.assert_array_equal(used, mask)
    same, none = poisson(source, target, np.zeros_like(mask))
    np.testing.assert_array_equal(same, target)
    assert none.max() == 0
    everywhere, used = poisson(source, target, np.ones_like(mask))  # up to the picture's edge
    np.testing.assert_array_equal(everywhere[:2], target[:2])
    assert used[:2].max() == 0


@given(
    angle=st.floats(-np.pi, np.pi),
    scale=st.floats(0.2, 5),
    x=st.floats(-50, 50),
    y=st.floats(-50, 50),
)
@settings(max_examples=50, deadline=None)
def test_a_similarity_is_found_again(angle, scale, x, y):
    points = (CANONICAL_POINTS * 100).astype(np.float32)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (points @ turn.T + [x, y]).astype(np.float32)
    found = similarity(points, moved)
    np.testing.assert_allclose(found, np.column_stack([turn, [x, y]]), atol=1e-2)


def test_points_that_say_nothing_are_refused():
    same = np.ones((5, 2), dtype=np.float32)
    with pytest.raises(ValueError, match="the points coincide"):
        similarity(same, same)
    with pytest.raises(ValueError, match=r"as many points, got \(5, 2\) and \(4, 2\)"):
        similarity(same, same[:4])
    with pytest.raises(ValueError, match="the points coincide"):
        piecewise_affine(head(32), same.astype(float), same.astype(float), (32, 32))


def test_a_piecewise_warp_brings_each_point_where_it_belongs():
    rng = np.random.default_rng(2)
    grid = np.stack(np.meshgrid([20.0, 60, 100], [20.0, 60, 100]), axis=-1).reshape(-1, 2)
    target = grid + rng.uniform(-8, 8, grid.shape)
    places = np.zeros((128, 128, 3), dtype=np.uint8)  # each pixel tells where it is
    places[..., 1], places[..., 0] = np.indices((128, 128))
    moved = piecewise_affine(places, grid, target, (130, 140))
    assert moved.shape == (130, 140, 3)
    for source, (x, y) in zip(grid, target.round().astype(int), strict=True):
        assert np.abs(moved[y, x, :2] - source).max() <= 2
    # without jumps: neighbours come from near by
    steps = np.abs(np.diff(moved[20:100, 20:100, :2].astype(int), axis=1))
    assert steps.max() <= 3
    picture = head(128)
    stays = piecewise_affine(picture, grid, grid, (128, 128))
    assert np.abs(stays.astype(int) - picture).max() <= 1


def test_a_swap_puts_the_donors_features_on_the_faces_points():
    """By a donor whose eyes and mouth are marked: the marks come to lie on the target's points."""
    donor = other()
    marked = donor.image.copy()
    for x, y in donor.landmarks_xy:
        cv2.circle(marked, (round(float(x)), round(float(y))), 4, (0, 255, 0), -1)
    marked_donor = FacePicture(marked, donor.landmarks_xy, donor.box_xyxy)
    hard = MaskSettings({"hull": 1}, max_bend=0, min_edge=0, max_edge=0)
    swap = SwapSettings(hard, solved=0, colours=0)
    pictures = [
        swapped(person(), d, np.random.default_rng(1), swap).image.astype(int)
        for d in (donor, marked_donor)
    ]
    changed = np.abs(pictures[0] - pictures[1]).sum(axis=2) > 60
    for x, y in person().landmarks_xy.round().astype(int):
        assert changed[y, x]
    rows, columns = np.nonzero(changed)
    spots = np.stack([columns, rows], axis=1)[:, None] - person().landmarks_xy[None]
    assert np.hypot(*np.moveaxis(spots, -1, 0)).min(axis=1).max() < 9


def test_inconsistent_sources_differ_in_sharpness():
    face = person()
    plain = InconsistencySettings(MaskSettings({"hull": 1}), restyled=0, recoloured=0, solved=0)
    styled = InconsistencySettings(MaskSettings({"hull": 1}), restyled=1, recoloured=0, solved=0)
    changes = []
    for seed in range(8):
        one, two = (
            inconsistent(face, other(), np.random.default_rng(seed), s) for s in (plain, styled)
        )
        np.testing.assert_array_equal(one.mask, two.mask)
        changes.append(np.abs(one.image.astype(int) - two.image)[one.mask > 0.5].mean())
    assert min(changes) > 0.2


def test_the_nearest_in_pose_is_taken_among_those_allowed():
    rng = np.random.default_rng(0)
    points = CANONICAL_POINTS.astype(np.float32)
    near = np.stack([points + rng.normal(0, s, (5, 2)) for s in (0.3, 0.001, 0.05)]).astype(
        np.float32
    )
    assert nearest(points, near) == 1
    assert nearest(points, near, np.array([True, False, True])) == 2
    with pytest.raises(ValueError, match="no other face"):
        nearest(points, near, np.zeros(3, dtype=bool))
    with pytest.raises(ValueError, match=r"expected candidates \(n, \(5, 2\)\), got \(3, 2\)"):
        nearest(points, near[0, :3])


@given(scale=st.floats(0.1, 9), x=st.floats(-500, 500), y=st.floats(-500, 500))
@FEW
def test_relative_points_do_not_hang_on_place_and_size(scale, x, y):
    face = person()
    move = np.array([x, y], dtype=np.float32)
    moved = face.landmarks_xy * np.float32(scale) + move
    box = face.box_xyxy * np.float32(scale) + np.tile(move, 2)
    here = relative_points(face.landmarks_xy, face.box_xyxy)
    np.testing.assert_allclose(relative_points(moved, box), here, atol=1e-3)
    stacked = relative_points(np.stack([moved] * 2), np.stack([box] * 2))
    assert stacked.shape == (2, 5, 2)


@given(seed=SEEDS, patches=st.integers(1, 6))
@FEW
def test_patches_of_one_origin_are_consistent(seed, patches):
    mask = np.random.default_rng(seed).random((24, 24), dtype=np.float32)
    volume = consistency(mask, patches)
    flat = volume.reshape(patches**2, patches**2)
    np.testing.assert_array_equal(flat, flat.T)
    assert (np.diag(flat) == 1).all()
    assert 0 <= volume.min() <= volume.max() <= 1
    np.testing.assert_allclose(consistency(np.full_like(mask, 0.7), patches), 1, atol=1e-6)
    with pytest.raises(ValueError, match="at least 1 patch a side, got 0"):
        consistency(mask, 0)


def test_a_boundary_is_greatest_where_the_mask_is_a_half():
    mask = np.linspace(0, 1, 101, dtype=np.float32)[None]
    found = boundary(mask)
    assert found[0, 50] == found.max() == 1
    np.testing.assert_allclose(found, 4 * mask * (1 - mask), atol=1e-6)


def test_the_boundary_of_a_self_blend_does_not_hang_on_the_ratio():
    """With a ratio of a quarter, the inside is no boundary."""
    seen = set()
    for seed in range(20):
        fake = self_blended(person(), np.random.default_rng(seed))
        seen.add(round(float(fake.mask.max()), 2))
        assert fake.boundary[fake.shape == 1].size == 0 or fake.boundary[fake.shape == 1].max() == 0
    assert min(seen) <= 0.3


def test_values_are_checked_where_they_are_made():
    face = person()
    good = np.zeros((220, 220), dtype=np.float32)
    with pytest.raises(ValueError, match=r"expected a mask \(220, 220\) float32 .* got \(4, 4\)"):
        PseudoFake(face.image, np.zeros((4, 4), dtype=np.float32), good)
    with pytest.raises(ValueError, match="expected a shape from 0 to 1, got 0 to 2"):
        PseudoFake(face.image, good, good + 2 * (np.indices((220, 220))[0] == 3).astype(np.float32))
    with pytest.raises(ValueError, match=r"landmarks \(5, 2\), got \(4, 2\)"):
        FacePicture(face.image, face.landmarks_xy[:4], face.box_xyxy)
    with pytest.raises(ValueError, match=r"n >= 68, got \(60, 2\)"):
        FacePicture(face.image, face.landmarks_xy, face.box_xyxy, np.zeros((60, 2), np.float32))
    with pytest.raises(ValueError, match="expected a donor, got none"):
        makers.get("bi")(face, None, np.random.default_rng(0))
    with pytest.raises(ValueError, match="unknown pseudo-fake 'sbl'; did you mean 'sbi'"):
        shares("sbl")
    with pytest.raises(ValueError, match="shares of at least 0"):
        shares({"sbi": 0})
    assert portrait().shape == (512, 512, 3)

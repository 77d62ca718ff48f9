"""Copies of clips are found in a template index, at the right place; others are not."""

import numpy as np
import pytest
import template_clips as made
from clips import write_video

from unswap.experiments.templates.index import TemplateIndex


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    return {name: made.write_original(folder, name) for name in made.PICTURES[:3]}


@pytest.fixture(scope="module")
def index(originals, tmp_path_factory):
    index = TemplateIndex.open(tmp_path_factory.mktemp("indices") / "index", create=True)
    index.add(list(originals.values()))
    return index


CHANGES = {
    "as it is": (lambda image: image, 26, 1.0),
    "cropped": (made.cropped, 26, 1.0),
    "mirrored": (made.mirrored, 26, 1.0),
    "letterboxed": (made.letterboxed, 26, 1.0),
    "half the size": (made.halved, 26, 1.0),
    "subtitled": (made.subtitled, 26, 1.0),
    "face altered": (made.face_altered, 26, 1.0),
    "crf 35": (lambda image: image, 35, 1.0),
    "speed 1.1": (lambda image: image, 26, 1.1),
    "cropped, mirrored, altered": (
        lambda image: made.mirrored(made.cropped(made.face_altered(image))),
        28,
        1.0,
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_copy_is_found_where_it_was_taken_from(what, index, originals, tmp_path):
    change, crf, speed = CHANGES[what]
    suspect = made.write_copy(tmp_path / "s.mp4", "coffee", 2.4, 8.4, change, crf=crf, speed=speed)
    best = index.match(suspect)[0]
    assert best.template.path == str(originals["coffee"])
    first, last = best.suspect_seconds
    assert best.template_seconds[0] == pytest.approx(2.4 + first * speed, abs=1)
    assert best.template_seconds[1] == pytest.approx(2.4 + last * speed, abs=1)
    assert last - first > 6 / speed - 1.1  # key frames lie a second apart
    assert best.mirrored == ("mirrored" in what)
    assert best.rate == pytest.approx(speed, abs=0.12)
    assert best.margin >= 1
    assert 0 < best.score <= 1


def test_scale_is_told_in_the_files_own_pixels(index, tmp_path):
    suspect = made.write_copy(tmp_path / "s.mp4", "chelsea", 1, 7, made.halved)
    best = index.match(suspect)[0]
    assert (best.scale_x, best.scale_y) == pytest.approx((0.5, 0.5), abs=0.02)


def test_only_the_stretch_that_is_shared_is_told(index, tmp_path):
    """Three seconds of something else, then four seconds of an original."""
    pictures = [*made.frames("rocket", 0, 4), *made.frames("coffee", 4, 8)]
    suspect = write_video(tmp_path / "s.mp4", pictures, fps=made.FPS, crf=24)
    (best,) = index.match(suspect)
    assert best.suspect_seconds[0] == pytest.approx(4, abs=0.6)
    assert best.template_seconds == pytest.approx((4, 8), abs=1)


def test_a_clip_of_something_else_matches_nothing(index, tmp_path):
    suspect = made.write_copy(tmp_path / "s.mp4", "rocket", 0, 8)
    looked = index.look_up(suspect)
    assert looked.matches == ()
    assert looked.num_points > 100  # there was enough to see


@pytest.mark.parametrize("count", [1, 30])
def test_a_clip_that_shows_nothing_matches_nothing(index, tmp_path, count):
    black = [np.zeros((96, 128, 3), np.uint8)] * count
    suspect = write_video(tmp_path / "black.mp4", black, fps=10)
    assert index.match(suspect) == []


def test_two_originals_in_one_suspect_are_both_given(index, originals, tmp_path):
    pictures = [*made.frames("astronaut", 0, 4), *made.frames("chelsea", 4, 8)]
    suspect = write_video(tmp_path / "s.mp4", pictures, fps=made.FPS, crf=24)
    found = {m.template.path: m for m in index.match(suspect)}
    assert set(found) == {str(originals["astronaut"]), str(originals["chelsea"])}
    assert found[str(originals["chelsea"])].suspect_seconds[0] == pytest.approx(4, abs=0.6)


def test_top_cuts_the_list_and_must_be_positive(index, tmp_path):
    pictures = [*made.frames("astronaut", 0, 4), *made.frames("chelsea", 4, 8)]
    suspect = write_video(tmp_path / "s.mp4", pictures, fps=made.FPS, crf=24)
    assert index.match(suspect, top=1) == index.match(suspect, top=5)[:1]
    with pytest.raises(ValueError, match="at least 1"):
        index.match(suspect, top=0)


@pytest.mark.parametrize("need", ["POINTS", "CELLS", "WEIGHT", "DENSITY"])
def test_what_has_less_than_is_needed_is_no_match(need, index, tmp_path, monkeypatch):
    suspect = made.write_copy(tmp_path / "s.mp4", "coffee", 2, 8)
    assert index.look_up(suspect).nearest > 1
    monkeypatch.setattr(f"unswap.experiments.templates.matching.NEEDED_{need}", 10_000)
    looked = index.look_up(suspect)
    assert looked.matches == ()
    assert 0 < looked.nearest < 0.5


def test_agreement_in_one_corner_alone_is_no_match(index, tmp_path):
    """A part of the picture as small as a logo."""

    def corner(image):
        noise = np.random.default_rng(1).integers(0, 256, image.shape).astype(np.uint8)
        noise[:60, :80] = image[:60, :80]
        return noise

    suspect = made.write_copy(tmp_path / "s.mp4", "coffee", 2, 8, corner, crf=18)
    assert index.match(suspect) == []

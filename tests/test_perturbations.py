"""What holds for every perturbation, how conditions are named, and how they are chained."""

from collections.abc import Iterator

import numpy as np
import pytest
from perturbed_clips import clip, images, portrait, run

from unswap.datasets import perturbations
from unswap.datasets.perturbations import (
    ALIASES,
    CODES,
    PUBLISHED,
    Condition,
    apply,
    get,
    parse,
    perturb,
)
from unswap.datasets.types import Frame

CODECS = [code for code in CODES if get(code).kind == "codec"]


def test_the_published_seven_and_the_added_ones_are_there() -> None:
    added = {"JQ", "X265", "VP9", "AV1", "VC2", "RL", "FR", "CROP", "LB", "MI", "TXT", "BF", "SR"}
    assert set(CODES) == set(PUBLISHED) | added
    assert all(2 <= len(code) <= 4 and CODES[code] for code in CODES)
    assert all(len(get(code).levels) == (1 if code == "MI" else 5) for code in CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_perturbation_conforms(code: str) -> None:
    """Keeps what it says it keeps, gives the same again, and leaves its input alone."""
    perturbation = get(code)
    frames = clip(8)
    before = images(frames)
    for level in {1, len(perturbation.levels)}:
        out = run(frames, f"{code}:{level}", seed=5)
        assert images(frames) == before
        assert images(run(frames, f"{code}:{level}", seed=5)) == images(out)
        if perturbation.keeps_times:
            assert [(f.index, f.pts_seconds) for f in out] == [
                (f.index, f.pts_seconds) for f in frames
            ]
        sizes = {f.image.shape for f in out}
        assert len(sizes) == 1
        if perturbation.keeps_size:
            assert sizes == {frames[0].image.shape}
    if perturbation.kind == "pixels":
        assert perturbation.keeps_size
        assert perturbation.keeps_times
    assert list(perturb([], [code + ":1"])) == []
    assert len(run(frames[:1], f"{code}:1")) == 1


@pytest.mark.parametrize("code", sorted(set(CODES) - set(CODECS) - {"FR"}))
def test_one_picture_goes_as_it_does_in_a_video(code: str) -> None:
    frames = clip(4)
    out = run(frames, f"{code}:1", seed=3)
    for frame, result in zip(frames, out, strict=True):
        assert np.array_equal(apply(frame.image, f"{code}:1", 3, frame.index), result.image)


@pytest.mark.parametrize("code", [*CODECS, "FR"])
def test_a_picture_alone_is_refused_where_a_video_is_needed(code: str) -> None:
    with pytest.raises(ValueError, match=rf"{code} .*needs a whole video.*degrade"):
        apply(portrait(), f"{code}:1", 0, 0)


def test_conditions_are_read_and_written() -> None:
    assert parse("VC:3") == Condition("VC", 3)
    assert str(parse(" vc:3 ")) == "VC:3"
    assert parse("MI") == parse("MI:1") == Condition("MI", 1)
    assert parse(Condition("GB", 2)) == Condition("GB", 2)
    assert ALIASES == {"JPEG": "DS"}
    assert str(parse("JPEG:2")) == "DS:2"
    assert Condition("JPEG", 2) == Condition("DS", 2)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("VC:6", ValueError, r"VC:6: levels are 1 to 5"),
        ("VC:0", ValueError, r"VC:0: levels are 1 to 5"),
        ("MI:2", ValueError, r"MI:2: the only level is 1"),
        ("VC", ValueError, r"expected CODE:LEVEL such as VC:3, got 'VC'"),
        ("VC:", ValueError, r"levels are 1 to 5, got ''"),
        ("VC:-1", ValueError, r"levels are 1 to 5, got '-1'"),
        ("VC:2.5", ValueError, r"levels are 1 to 5, got '2.5'"),
        ("VX:3", KeyError, r"unknown perturbation 'VX'.*known: AV1, BF, .*JPEG.*VC"),
        ("", KeyError, r"unknown perturbation ''"),
    ],
)
def test_what_is_no_condition_is_refused(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse(text)
    with pytest.raises(error, match=message):
        perturb([], [text])  # at once, not at the first frame


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed of at least 0, got -1"):
        perturb([], ["GB:1"], -1)
    with pytest.raises(ValueError, match="seed of at least 0, got -1"):
        apply(portrait(), "GB:1", -1, 0)


def test_a_level_is_a_whole_number() -> None:
    with pytest.raises(ValueError, match="levels are 1 to 5"):
        Condition("VC", 3.0)  # type: ignore[arg-type]


def test_a_chain_goes_in_order() -> None:
    frames = clip(4)
    assert images(run(frames, "CC:2", "GB:2")) == images(run(run(frames, "CC:2"), "GB:2"))
    assert images(run(frames, "CROP:3", "BW:1")) != images(run(frames, "BW:1", "CROP:1"))
    assert images(run(frames)) == images(frames)


def test_a_step_that_comes_twice_draws_anew() -> None:
    black = [Frame(0, 0.0, np.zeros((300, 300, 3), dtype=np.uint8))]
    once, twice = run(black, "BW:1", seed=7), run(black, "BW:1", "BW:1", seed=7)
    assert (twice[0].image > 0).sum() > 1.5 * (once[0].image > 0).sum()


@pytest.mark.parametrize("code", [*CODECS, "FR", "GNC"])
def test_a_long_video_is_never_held(code: str) -> None:
    """How far reading runs ahead of what comes out does not grow with the length."""
    base = clip(8, 64, 64)
    taken = 0

    def source() -> Iterator[Frame]:
        nonlocal taken
        for i in range(300):
            taken = i
            yield Frame(i, i / 25, base[i % 8].image)

    ahead = [taken - frame.pts_seconds * 25 for frame in perturb(source(), [f"{code}:3"])]
    assert max(ahead) < 140


def test_the_package_says_what_it_exports() -> None:
    assert all(hasattr(perturbations, name) for name in perturbations.__all__)

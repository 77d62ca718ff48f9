"""Clips made to train on: who is in which split, what is equal in a pair, what can be made again."""

import dataclasses
from pathlib import Path

import av
import numpy as np
import pytest
from skimage import data

from unswap.datasets.moving.transport import Encoding
from unswap.datasets.types import Face
from unswap.experiments.training.clips.autoencoder import (
    read_autoencoder,
    reconstructed,
    save_autoencoder,
    train_autoencoder,
)
from unswap.experiments.training.clips.build import (
    ClipSettings,
    _same_settings,
    _source,
    donor_of,
)
from unswap.experiments.training.clips.faces import Film, Window, as_picture, digest, split_people
from unswap.experiments.training.clips.forging import TRAINING, UNSEEN, WAYS, forge, unsteady
from unswap.experiments.training.clips.making import make_pair
from unswap.experiments.training.clips.plans import (
    CONDITIONS,
    PairPlan,
    Subject,
    plan_pairs,
    video_of,
)
from unswap.experiments.training.errors import BadRecipe
from unswap.experiments.training.portraits import Portrait

FILMS = [
    Film("one", "a", "train", Path("one.mp4")),
    Film("two", "b", "val", Path("two.mp4")),
    Film("three", "c", "test", Path("three.mp4")),
]
LENGTHS = {"one": 500, "two": 200, "three": 60}


def portrait(shift: int = 0) -> Portrait:
    image = np.ascontiguousarray(data.astronaut()[:300, 80:380])
    image = np.ascontiguousarray(image[:, ::-1]) if shift else image
    box = np.array([94, 60, 194, 190], dtype=np.float32)
    points = np.array([[122, 108], [164, 108], [142, 135], [124, 158], [160, 158]], np.float32)
    if shift:
        box = np.array([300 - 194, 60, 300 - 94, 190], dtype=np.float32)
        points = (points * [-1, 1] + [300, 0])[[1, 0, 2, 4, 3]].astype(np.float32)
    return Portrait(f"p{shift}", image, Face(box, points, 1.0))


def plans(rounds: int = 3) -> list[PairPlan]:
    people = split_people([portrait()] * 12, 3, 2)
    return list(
        plan_pairs(people, FILMS, LENGTHS, rounds=rounds,
                   film_windows={"train": 4, "val": 3, "test": 2}, num_frames=10)
    )  # fmt: skip


def frames_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def test_nobody_is_in_two_splits_and_no_name_stands_twice() -> None:
    made = plans()
    people: dict[str, set[str]] = {}
    for plan in made:
        people.setdefault(plan.split, set()).add(plan.subject.person)
    assert set(people) == {"train", "val", "test"}
    assert not people["train"] & people["val"]
    assert not people["train"] & people["test"]
    assert not people["val"] & people["test"]
    assert len({p.stem for p in made}) == len(made)
    assert sum(p.split == "train" for p in made) == 3 * (7 + 4)
    assert sum(p.split == "val" for p in made) == len(CONDITIONS) * (3 + 3)


def test_more_rounds_keep_the_earlier_ones() -> None:
    fewer, more = ({p.stem for p in plans(n)} for n in (2, 3))
    assert fewer < more


def test_film_windows_lie_in_the_film_and_move_from_round_to_round() -> None:
    firsts = [p.subject.first for p in plans() if p.split == "train" and p.subject.film]
    assert len(set(firsts)) == len(firsts)
    assert min(firsts) >= 0
    assert max(firsts) <= 490


def test_validation_forges_in_ways_that_training_never_does() -> None:
    assert not set(UNSEEN) & set(TRAINING)
    assert sum(TRAINING.values()) == pytest.approx(1)
    assert all(set(UNSEEN) < set(p.ways) for p in plans() if p.split != "train")
    assert not any(p.ways for p in plans() if p.split == "train")


def test_the_manifest_says_what_was_made_of_whom() -> None:
    plan = PairPlan("val", 1, Subject(5), ("cloned-swap",), Encoding(32, scale=0.5))
    genuine, forged = video_of(plan, None), video_of(plan, "cloned-swap", "p007")
    assert (genuine.label, genuine.source_id, genuine.target_id) == (0, "p005", "p005")
    assert (forged.label, forged.source_id, forged.target_id) == (1, "p007", "p005")
    assert forged.original == genuine.video_id
    assert forged.kind == "swap"
    assert forged.group == "p005"
    assert forged.compression == "crf32-0.5"


def test_whose_face_is_shown_is_told_only_where_it_is_known() -> None:
    plan = PairPlan("train", 0, Subject(5))
    told = {way: _source(plan, way, "p007") for way in WAYS}
    assert told["self-blended"] == told["autoencoded"] == "p005"
    assert told["between-people"] == told["parts"] == told["cloned-swap"] == "p007"
    assert told["resampled"] is None  # one's own face or another's
    assert video_of(plan, "resampled", None).source_id is None


def test_settings_that_cannot_be_are_told() -> None:
    with pytest.raises(BadRecipe, match=r"round'; did you mean 'rounds'"):
        ClipSettings.of({"round": 3})
    with pytest.raises(BadRecipe, match=r"rounds: .* got 'three'; people_val: .* got 0"):
        ClipSettings.of({"rounds": "three", "people_val": 0})
    with pytest.raises(BadRecipe, match="film_windows: expected numbers by train, val, test"):
        ClipSettings.of({"film_windows": {"training": 3}})


def test_a_donor_is_somebody_else_of_the_same_split() -> None:
    for plan in plans():
        split = split_people([portrait()] * 12, 3, 2)[plan.split]
        donor = donor_of(plan, split, 0)
        assert donor in split
        assert donor != plan.subject.portrait


@pytest.mark.parametrize("way", WAYS)
def test_every_way_changes_the_face_and_little_else(way: str) -> None:
    face, donor = as_picture(portrait()), as_picture(portrait(1))
    model = train_autoencoder([face, donor], seed=0)
    changed = []
    for seed in range(6):
        fake = forge(way, face, donor, np.random.default_rng(seed), model)
        again = forge(way, face, donor, np.random.default_rng(seed), model)
        np.testing.assert_array_equal(fake, again)
        off = np.abs(fake.astype(int) - face.image).max(axis=2) > 20
        rows, columns = np.nonzero(off)
        x, y = face.landmarks_xy.mean(axis=0)
        near = np.hypot(columns - x, rows - y) < face.size
        changed.append(off.mean())
        if way != "self-blended":  # which may restyle the whole target
            assert near.mean() > 0.95 if len(near) else True
    assert max(changed) > 0.005


def test_an_unknown_way_lists_the_known_ones() -> None:
    face = as_picture(portrait())
    with pytest.raises(ValueError, match="cloned-swap"):
        forge("clone-swap", face, face, np.random.default_rng(0))
    with pytest.raises(ValueError, match="needs the autoencoder"):
        forge("autoencoded", face, face, np.random.default_rng(0))


def test_points_tremble_by_what_is_asked() -> None:
    face = as_picture(portrait())
    faces = unsteady(face, 200, np.random.default_rng(0), share=0.01)
    off = np.stack([f.landmarks_xy for f in faces]) - face.landmarks_xy
    assert off.std() == pytest.approx(np.sqrt(2) * 0.01 * face.size, rel=0.1)


def test_a_pair_is_the_same_scene_encoded_alike(tmp_path: Path) -> None:
    plan = PairPlan("val", 0, Subject(0), ("self-blended", "cloned-swap"), Encoding(20))
    settings = {"seed": 1, "benign": False}
    made = make_pair(plan, portrait(), portrait(1), tmp_path, 4, None, **settings)
    assert made == ["genuine", "self-blended", "cloned-swap"]
    clips = {w: frames_of(tmp_path / f"{plan.stem}-{w}.mp4") for w in made}
    assert {c.shape for c in clips.values()} == {(4, 300, 300, 3)}
    # one way of moving: the frames' differences agree outside the face
    motion = {w: np.abs(np.diff(c.astype(int), axis=0))[:, :40].mean() for w, c in clips.items()}
    assert motion["cloned-swap"] == pytest.approx(motion["genuine"], rel=0.25)
    before = {p.name: p.read_bytes() for p in (tmp_path / "val/000").iterdir()}
    make_pair(plan, portrait(), portrait(1), tmp_path / "again", 4, None, **settings)
    after = {p.name: p.read_bytes() for p in (tmp_path / "again/val/000").iterdir()}
    assert before == after


def test_a_film_keeps_its_own_motion(tmp_path: Path) -> None:
    face = as_picture(portrait())
    moved = [
        dataclasses.replace(face, image=np.roll(face.image, k, axis=1),
                            landmarks_xy=face.landmarks_xy + np.float32([k, 0]),
                            box_xyxy=face.box_xyxy + np.float32([k, 0, k, 0]))
        for k in range(5)
    ]  # fmt: skip
    window = Window(FILMS[0], 7, tuple(moved))
    plan = PairPlan("train", 2, Subject(film=FILMS[0], first=7))
    made = make_pair(plan, window, portrait(1), tmp_path, 5, None, seed=0)
    assert made[0] == "genuine"
    assert made[1] in TRAINING
    clips = [frames_of(tmp_path / f"{plan.stem}-{w}.mp4") for w in made]
    assert clips[0].shape == clips[1].shape
    assert len(clips[0]) == 5


def test_the_autoencoder_loses_detail_and_is_kept(tmp_path: Path) -> None:
    faces = [as_picture(portrait()), as_picture(portrait(1))]
    model = train_autoencoder(faces, seed=0)
    save_autoencoder(model, tmp_path / "model.npz")
    kept = read_autoencoder(tmp_path / "model.npz")
    basis = model.basis
    np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-5)
    once, again = (reconstructed(faces[0], m, np.random.default_rng(0)) for m in (model, kept))
    np.testing.assert_array_equal(once, again)
    off = once.astype(int) - faces[0].image
    assert 0.1 < np.abs(off).mean() < 3  # grey levels, of the whole picture
    # what the bottleneck can hold goes through it unchanged
    coded = model(np.full((128, 128, 3), 100, dtype=np.float32))
    np.testing.assert_allclose(model(coded), coded, atol=1)


def test_a_folder_begun_with_other_settings_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    _same_settings(file, ClipSettings())
    _same_settings(file, ClipSettings(rounds=99))  # more of the same
    with pytest.raises(ValueError, match="benign"):
        _same_settings(file, ClipSettings(benign=False))


def test_names_seed_generators() -> None:
    assert len(digest("a")) == 4
    assert digest("a", 1) != digest("a/1", 2)

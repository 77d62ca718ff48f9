"""Stills in motion, genuine differences within a picture, and the way through x264."""

from pathlib import Path

import av
import numpy as np
import pytest
from skimage import data

from unswap.datasets.crops import CANONICAL_POINTS
from unswap.datasets.moving.motion import draw_motion
from unswap.datasets.moving.surroundings import covered, head_mask, varied
from unswap.datasets.moving.transport import Encoding, draw_transport, transport
from unswap.datasets.pseudo_fakes import FacePicture
from unswap.datasets.pseudo_fakes.resampling import ResampleSettings, resampled


@pytest.fixture(scope="module")
def face() -> FacePicture:
    image = np.ascontiguousarray(data.astronaut()[:300, 80:380])
    box = np.array([94, 60, 194, 190], dtype=np.float32)
    points = np.array([[122, 108], [164, 108], [142, 135], [124, 158], [160, 158]], np.float32)
    return FacePicture(image, points, box)


def frames_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]


def test_what_is_equal_in_two_pictures_is_equal_in_their_clips(face: FacePicture) -> None:
    other = face.image.copy()
    other[120:150, 120:160] = 0  # a forgery's place
    motion = draw_motion(4, 25, face.image.shape[:2], face.size, np.random.default_rng(3))
    for a, b in zip(motion.frames(face.image), motion.frames(other), strict=True):
        changed = (a != b).any(axis=2)
        assert changed.any()
        rows, columns = np.nonzero(changed)
        assert rows.min() > 90
        assert rows.max() < 180
        assert columns.min() > 90
        assert columns.max() < 190


def test_a_clip_moves_smoothly_and_stays_near_its_still(face: FacePicture) -> None:
    motion = draw_motion(25, 25, face.image.shape[:2], face.size, np.random.default_rng(5))
    middle = np.array([face.image.shape[1] / 2, face.image.shape[0] / 2, 1])
    steps = np.hypot(*np.diff(motion.affine @ middle, axis=0).T)
    assert 0 < steps.max() < 3  # pixels a frame
    first = next(motion.frames(face.image))
    assert first.shape == face.image.shape
    assert first.dtype == np.uint8
    assert abs(first.mean() - face.image.mean()) < 12


def test_one_picture_a_frame_is_moved_like_a_still(face: FacePicture) -> None:
    motion = draw_motion(3, 25, face.image.shape[:2], face.size, np.random.default_rng(1))
    for a, b in zip(motion.frames(face.image), motion.frames([face.image] * 3), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("seed", range(6))
def test_surroundings_depend_on_the_generator_alone(face: FacePicture, seed: int) -> None:
    def made() -> np.ndarray:
        rng = np.random.default_rng(seed)
        return covered(face, varied(face, rng), rng)

    one, again = made(), made()
    np.testing.assert_array_equal(one, again)
    assert one.shape == face.image.shape
    assert one.dtype == np.uint8


def test_the_head_lies_in_its_mask(face: FacePicture) -> None:
    mask = head_mask(face, np.random.default_rng(0))
    x, y = face.landmarks_xy.mean(axis=0).astype(int)
    assert mask[y, x] > 0.9
    assert mask[:20, :20].max() < 0.1


def test_transport_writes_the_same_bytes_and_every_frame(face: FacePicture, tmp_path: Path) -> None:
    motion = draw_motion(7, 25, face.image.shape[:2], face.size, np.random.default_rng(2))
    chain = (Encoding(20, "veryfast", 6), Encoding(30, "faster", 12, scale=0.5))
    for name in ("a.mp4", "b.mp4"):
        transport(tmp_path / name, motion.frames(face.image), 25, chain)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    frames = frames_of(tmp_path / "a.mp4")
    assert len(frames) == 7
    assert frames[0].shape == (150, 150, 3)


def test_a_higher_crf_loses_more(face: FacePicture, tmp_path: Path) -> None:
    lost = []
    for crf in (18, 36):
        transport(tmp_path / f"{crf}.mp4", [face.image] * 3, 25, (Encoding(crf),))
        lost.append(
            float(np.abs(frames_of(tmp_path / f"{crf}.mp4")[1] - face.image.astype(float)).mean())
        )
    assert lost[0] < lost[1]


def test_nothing_to_encode_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        transport(tmp_path / "none.mp4", [], 25, (Encoding(23),))
    with pytest.raises(ValueError, match="at least one encoding"):
        transport(tmp_path / "none.mp4", [], 25, ())
    assert not (tmp_path / "none.mp4").exists()


@pytest.mark.parametrize("size", [60.0, 120.0, 240.0])
def test_drawn_transports_keep_the_face_large_enough(size: float) -> None:
    for seed in range(200):
        chain = draw_transport(np.random.default_rng(seed), size)
        assert 1 <= len(chain) <= 2
        left = size
        for encoding in chain:
            left *= encoding.scale
            assert 15 <= encoding.crf <= 40
        assert 55.9 <= left <= 241


def test_a_resampled_face_is_softer_and_the_rest_untouched(face: FacePicture) -> None:
    settings = ResampleSettings(detail=(0.4, 0.5), others=0.0, recoloured=0.0)
    softer = 0
    for seed in range(12):
        fake = resampled(face, None, np.random.default_rng(seed), settings)
        np.testing.assert_array_equal(fake.image[fake.mask == 0], face.image[fake.mask == 0])
        inside = fake.mask > 0.95
        before, after = (np.abs(np.diff(p.astype(float), axis=1))[inside[:, 1:]].mean()
                         for p in (face.image, fake.image))  # fmt: skip
        softer += after < before
    assert softer >= 10


def test_a_resampled_face_may_be_somebody_else(face: FacePicture) -> None:
    donor = FacePicture(
        np.full((200, 200, 3), 90, dtype=np.uint8),
        (CANONICAL_POINTS * 100 + 50).astype(np.float32),
        np.array([50, 50, 150, 150], dtype=np.float32),
    )
    fake = resampled(face, donor, np.random.default_rng(0), ResampleSettings(others=1.0))
    assert np.abs(fake.image.astype(int) - face.image)[fake.mask > 0.9].mean() > 2

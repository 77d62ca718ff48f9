"""Image sequences as videos: folders of pictures, and folders in tar archives."""

import hashlib
import io
import os
import tarfile
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from clips import numbered_frames, write_video
from PIL import Image

from unswap.datasets import image_sources, sequences
from unswap.datasets.decoding import VideoReader
from unswap.datasets.image_sources import archive_folders
from unswap.datasets.sequences import ImageSequence, open_frames
from unswap.datasets.types import TimeLimitExceeded, UnreadableVideo


def picture(value: int, size: tuple[int, int] = (6, 4), form: str = "PNG", **options) -> bytes:
    """One picture of one colour, `value` in red; size is (width, height)."""
    file = io.BytesIO()
    Image.new("RGB", size, (value, 20, 30)).save(file, form, **options)
    return file.getvalue()


def encoded(array: np.ndarray, form: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, form, **options)
    return file.getvalue()


def folder_of(path: Path, files: dict[str, bytes]) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def tar_of(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


FILES = {"10.png": picture(100), "2.png": picture(20), "1.png": picture(10)}
DIGEST = hashlib.sha256(FILES["1.png"] + FILES["2.png"] + FILES["10.png"]).hexdigest()


def packed(tmp_path: Path, how: str, files: dict[str, bytes]) -> str:
    if how == "folder":
        return str(folder_of(tmp_path / "seq", files))
    members = {f"./1/real/7/{name}": data for name, data in files.items()}
    members["1/real/8/1.png"] = picture(200)
    members["1/real/7/deeper/0.png"] = picture(201)
    path = tmp_path / f"1.{how}"
    mode = {"tar": "w", "tar.gz": "w:gz", "tar.xz": "w:xz"}[how]
    return str(tar_of(path, members, mode)) + "!/1/real/7"


HOW = pytest.mark.parametrize("how", ["folder", "tar", "tar.gz", "tar.xz"])


@HOW
def test_pictures_come_in_the_order_of_their_numbers(tmp_path: Path, how: str) -> None:
    with ImageSequence(packed(tmp_path, how, FILES)) as reader:
        frames = list(reader.read([0, 1, 2]))
        assert [int(f.image[0, 0, 0]) for f in frames] == [10, 20, 100]
        assert [f.index for f in frames] == [0, 1, 2]
        assert [f.pts_seconds for f in frames] == [0.0, 0.04, 0.08]
        assert reader.pts_seconds.dtype == np.float64
        assert (reader.cut, reader.shortfall, reader.errors) == (None, [], [])
        info = reader.info
        assert info.container == ("images" if how == "folder" else "tar")
        assert (info.codec, info.width, info.height, info.num_frames) == ("png", 6, 4, 3)
        assert (info.fps, info.duration_seconds) == (25.0, 0.12)
        assert info.sha256 == DIGEST
        assert info.bytes == sum(map(len, FILES.values()))
        assert info.pixel_format == "RGB"


@HOW
def test_some_of_the_pictures_and_then_again(tmp_path: Path, how: str) -> None:
    with ImageSequence(packed(tmp_path, how, FILES)) as reader:
        assert [int(f.image[0, 0, 0]) for f in reader.read([1, 2])] == [20, 100]
        assert [int(f.image[0, 0, 0]) for f in reader.read(np.array([0]))] == [10]
        assert list(reader.read([])) == []


@HOW
def test_an_undecodable_picture_goes_to_the_shortfall(tmp_path: Path, how: str) -> None:
    cut = picture(20, (64, 64))[:-40]
    files = {**FILES, "1.png": b"not a picture", "2.png": cut}
    with ImageSequence(packed(tmp_path, how, files)) as reader:
        assert len(reader.errors) == 2
        assert reader.info.num_frames == 3
        assert [f.index for f in reader.read([0, 1, 2])] == [2]
        assert reader.shortfall == [0, 1]
        assert "frame 0 is not given: 1.png: it can't be decoded" in reader.errors[-2]
        assert "frame 1 is not given: 2.png: it can't be decoded" in reader.errors[-1]
        assert [f.index for f in reader.read([2])] == [2]
        assert reader.shortfall == []


def test_errors_stay_short(tmp_path: Path) -> None:
    files = {f"{i}.png": b"no" for i in range(40)} | {"99.png": picture(1)}
    with ImageSequence(folder_of(tmp_path / "a", files)) as reader:
        list(reader.read(range(41)))
        assert len(reader.errors) == 20
        assert len(reader.shortfall) == 40


@pytest.mark.parametrize(
    ("indices", "said"),
    [
        ([1, 0], "strictly rising"),
        ([0, 0], "strictly rising"),
        ([0, 3], "expected indices from 0 to 2, got 0 to 3"),
        ([-1], "expected indices from 0 to 2, got -1 to -1"),
        ([[0]], r"expected indices \(n,\)"),
    ],
)
def test_indices_are_checked(tmp_path: Path, indices: list, said: str) -> None:
    with (
        ImageSequence(folder_of(tmp_path / "a", FILES)) as reader,
        pytest.raises(ValueError, match=said),
    ):
        reader.read(indices)


@HOW
def test_reading_after_closing(tmp_path: Path, how: str) -> None:
    reader = ImageSequence(packed(tmp_path, how, FILES))
    reader.close()
    with pytest.raises(ValueError, match="closed"):
        reader.read([0])


CORNERS = np.zeros((4, 6, 3), np.uint8)
CORNERS[0, 0], CORNERS[0, 5], CORNERS[3, 0] = 255, 160, 80  # top left, top right, bottom left


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = folder_of(tmp_path / "a", {"1.png": encoded(CORNERS, exif=exif)})
    with ImageSequence(path) as reader:
        image = next(reader.read([0])).image
        turned = np.rot90(CORNERS, -reader.info.rotation // 90)
        expected = turned[:, ::-1] if reader.info.mirrored else turned
        np.testing.assert_array_equal(image, expected)
        assert (reader.info.height, reader.info.width) == image.shape[:2]
    # Where the stored top left corner is to be shown, by the EXIF standard.
    shown = {1: "tl", 2: "tr", 3: "br", 4: "bl", 5: "tl", 6: "tr", 7: "br", 8: "bl"}[orientation]
    row, column = {"t": 0, "b": -1}[shown[0]], {"l": 0, "r": -1}[shown[1]]
    assert image[row, column, 0] == 255
    assert image.shape[:2] == ((6, 4) if orientation > 4 else (4, 6))


def test_grey_alpha_palette_and_16_bits_become_rgb(tmp_path: Path) -> None:
    grey = np.array([[0, 128, 255]], np.uint8)
    rgba = np.array([[[1, 2, 3, 0], [4, 5, 6, 255], [7, 8, 9, 128]]], np.uint8)
    palette = io.BytesIO()
    Image.fromarray(rgba[..., :3]).quantize(3).save(palette, "PNG")
    files = {
        "1.png": encoded(grey),
        "2.png": encoded(grey.astype(np.uint16) * 257),
        "3.png": encoded(rgba),
        "4.png": palette.getvalue(),
        "5.tif": encoded(grey.astype(np.float32), "TIFF"),
    }
    with ImageSequence(folder_of(tmp_path / "a", files)) as reader:
        images = [f.image for f in reader.read(range(5))]
        assert reader.shortfall == [4]
        assert "fractions" in reader.errors[0]
    for image in images:
        assert image.shape == (1, 3, 3)
        assert image.dtype == np.uint8
    for image in images[:2]:
        np.testing.assert_array_equal(image, np.repeat(grey[..., None], 3, axis=2))
    np.testing.assert_array_equal(images[2], rgba[..., :3])
    np.testing.assert_array_equal(images[3], rgba[..., :3])


def test_each_picture_keeps_its_size_and_codec_is_the_first_ones(tmp_path: Path) -> None:
    files = {"1.jpg": picture(1, (8, 8), "JPEG"), "2.webp": picture(2, (10, 6), "WEBP")}
    with ImageSequence(folder_of(tmp_path / "a", files)) as reader:
        assert [f.image.shape for f in reader.read([0, 1])] == [(8, 8, 3), (6, 10, 3)]
        assert reader.info.codec == "jpeg"


def test_hidden_files_and_other_files_are_no_pictures(tmp_path: Path) -> None:
    files = {**FILES, "._1.png": b"x", "notes.txt": b"x", "sub/3.png": picture(3)}
    with ImageSequence(folder_of(tmp_path / "a", files)) as reader:
        assert reader.info.num_frames == 3
        assert reader.info.sha256 == DIGEST


def test_the_limit_of_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "MAX_PIXELS", 24)
    path = folder_of(tmp_path / "a", {"1.png": picture(1), "2.png": picture(2, (7, 4))})
    with ImageSequence(path) as reader:
        assert [f.index for f in reader.read([0, 1])] == [0]
        assert "2.png: it is 7 x 4, above the limit of 24 pixels" in reader.errors[0]
    (path / "1.png").unlink()
    with pytest.raises(UnreadableVideo, match=r"2\.png: it is 7 x 4, above the limit"):
        ImageSequence(path)


def test_a_gigantic_picture_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    small = picture(1)
    header = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + small[24:29]
    huge = small[:12] + header + zlib.crc32(header).to_bytes(4, "big") + small[33:]
    with pytest.raises(UnreadableVideo, match=r"1\.png.*(limit|exceeds)"):
        ImageSequence(folder_of(tmp_path / "a", {"1.png": huge}))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "the folder is empty"),
        ({"a.txt": b"x"}, "the folder has no pictures .1 other files, such as a.txt."),
        ({"sub/1.png": b"x"}, "the folder is empty"),
        ({"1.png": b"x", "2.png": b"y"}, "none of its 2 pictures decode"),
    ],
)
def test_a_folder_without_pictures(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    path = folder_of(tmp_path / "a", files)
    with pytest.raises(UnreadableVideo, match=f"{path}: {said}.*What to do: "):
        ImageSequence(path)


@pytest.mark.parametrize("how", ["tar", "tar.gz"])
def test_a_missing_folder_in_an_archive(tmp_path: Path, how: str) -> None:
    path = packed(tmp_path, how, FILES).replace("/7", "/9")
    with pytest.raises(UnreadableVideo, match=r"no folder '1/real/9'.*1/real/7.*1/real/8"):
        ImageSequence(path)


def test_a_missing_archive_and_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UnreadableVideo, match=r"there is no archive .*What to do"):
        ImageSequence(f"{tmp_path}/1.tar!/1")
    with pytest.raises(UnreadableVideo, match="there is no such folder"):
        ImageSequence(tmp_path / "none")


@pytest.mark.parametrize("how", ["tar", "tar.gz", "tar.xz"])
@pytest.mark.parametrize("damage", ["cut", "garbage", "empty"])
def test_a_damaged_archive(tmp_path: Path, how: str, damage: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8)
    path = packed(tmp_path, how, {f"{i}.png": encoded(noise) for i in range(9)})
    archive = Path(path.partition("!/")[0])
    data = archive.read_bytes()
    archive.write_bytes(
        {"cut": data[: len(data) // 2], "garbage": b"x" * 9999, "empty": b""}[damage]
    )
    with pytest.raises(UnreadableVideo, match=r"1\.tar.*damaged or no tar archive.*What to do"):
        ImageSequence(path)
    with pytest.raises(OSError, match="damaged, or no tar archive"):
        archive_folders(archive)


def test_pictures_at_the_top_of_an_archive(tmp_path: Path) -> None:
    with ImageSequence(f"{tar_of(tmp_path / 'a.tar', FILES)}!/") as reader:
        assert reader.info.sha256 == DIGEST


def test_a_folder_that_ends_in_an_exclamation_mark(tmp_path: Path) -> None:
    files = {f"x/{name}": data for name, data in FILES.items()}
    (tmp_path / "wow!").mkdir()
    archive = tar_of(tmp_path / "wow!" / "a.tar", files)
    with open_frames(f"{archive}!/x") as reader:
        assert reader.info.sha256 == DIGEST
    with open_frames(folder_of(tmp_path / "wow!" / "seq", FILES)) as reader:
        assert reader.info.sha256 == DIGEST


def test_links_in_an_archive_are_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    (tmp_path / "secret.png").write_bytes(picture(9))
    with tarfile.open(path, "w") as tar:
        link = tarfile.TarInfo("x/1.png")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret.png")
        tar.addfile(link)
    with pytest.raises(UnreadableVideo, match="no folder 'x' with pictures"):
        ImageSequence(f"{path}!/x")


def test_the_index_of_an_archive_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path, "tar", FILES)
    archive = path.partition("!/")[0]
    listed = []
    real = image_sources._pictures
    monkeypatch.setattr(image_sources, "_pictures", lambda tar: listed.append(1) or real(tar))
    ImageSequence(path).close()
    ImageSequence(f"{archive}!/1/real/8").close()
    assert len(listed) == 1
    tar_of(Path(archive), {"1/real/7/1.png": picture(77, (9, 9))})  # another archive in its place
    os.utime(archive, ns=(1, 1))
    with ImageSequence(path) as reader:
        assert next(reader.read([0])).image.shape == (9, 9, 3)


def test_a_later_member_of_the_same_name_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    tar_of(path, {"x/1.png": picture(1)})
    with tarfile.open(path, "a") as tar:
        info = tarfile.TarInfo("x/1.png")
        info.size = len(picture(2))
        tar.addfile(info, io.BytesIO(picture(2)))
    with ImageSequence(f"{path}!/x") as reader:
        assert [int(f.image[0, 0, 0]) for f in reader.read([0])] == [2]


@HOW
def test_the_deadline(tmp_path: Path, how: str) -> None:
    path = packed(tmp_path, how, FILES)
    with pytest.raises(TimeLimitExceeded):
        ImageSequence(path, deadline=time.monotonic() - 1)
    with ImageSequence(path, deadline=time.monotonic() + 60) as reader:
        frames = reader.read([0, 1, 2])
        next(frames)
        reader._deadline = time.monotonic() - 1
        with pytest.raises(TimeLimitExceeded):
            next(frames)


def test_open_frames_picks_by_what_lies_there(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "a", FILES)
    with open_frames(folder) as reader:
        assert isinstance(reader, ImageSequence)
    archive = packed(tmp_path, "tar", FILES)
    with open_frames(Path(archive), threads=1, deadline=None) as reader:
        assert isinstance(reader, ImageSequence)
    with open_frames(write_video(tmp_path / "v.mp4", numbered_frames(3))) as reader:
        assert isinstance(reader, VideoReader)
    with pytest.raises(UnreadableVideo, match="there is no such file"):
        open_frames(tmp_path / "none.mp4")


def test_archive_folders_counts_pictures(tmp_path: Path) -> None:
    archive = packed(tmp_path, "tar.gz", FILES).partition("!/")[0]
    assert archive_folders(archive) == {"1/real/7": 3, "1/real/7/deeper": 1, "1/real/8": 1}

"""A folder and a manifest of one's own: odd trees, and errors that name the file."""

import os
from pathlib import Path

import pytest
from adapter_trees import Make, found, read, root_of
from trees import put

from unswap.datasets import benchmarks
from unswap.datasets.benchmarks import BadBenchmark
from unswap.datasets.manifests import Manifest, Video

# A folder of one's own


def test_folder_stray_files_and_loose_pictures(make: Make) -> None:
    tree = make("folder")
    root = root_of(tree)
    put(root / "real" / "notes.txt")
    put(root / "fake" / "loose.png")
    put(root / "fake" / "myswap" / "loose.png")
    put(root / "real" / "back\\slash.mp4")
    put(root / "elsewhere.mp4")
    reading = read("folder", tree)
    assert [kind for kind, _ in found(reading)] == ["name"] * 4
    assert len(reading.videos) == tree.num_real + tree.num_fake


def test_folder_symbolic_links(make: Make) -> None:
    tree = make("folder")
    root = root_of(tree)
    (root / "real" / "loop").symlink_to(root / "real")
    (root / "real" / "nowhere.mp4").symlink_to(root / "not there.mp4")
    (root / "real" / "link.mp4").symlink_to(root / "real" / "a.mp4")
    reading = read("folder", tree)
    assert len(reading.videos) == tree.num_real + tree.num_fake + 2


def test_folder_that_may_not_be_read(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = make("folder")
    locked = root_of(tree) / "fake" / "myswap"
    real = os.scandir

    def scandir(path):
        if Path(path) == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(BadBenchmark, match=f"{locked}: this folder can't be read"):
        read("folder", tree)


def test_folder_without_videos(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    with pytest.raises(BadBenchmark, match="no video of a folder of one's own lies there"):
        read("folder", tmp_path)


def test_folder_is_no_benchmark_of_compressions(make: Make) -> None:
    with pytest.raises(BadBenchmark, match="leave --compression out"):
        benchmarks.read("folder", make("folder").roots, compression="c23")


# A manifest of one's own


def test_manifest_files_that_are_not_there(tmp_path: Path) -> None:
    put(tmp_path / "b.mp4")
    rows = [
        Video("a", "a.mp4", 0),
        Video("b", "b.mp4", 1, original="a", mask="m.mp4"),
        Video("c", "c.tar!/x", 0),
    ]
    Manifest.from_videos(rows).write(tmp_path / "manifest.parquet")
    reading = read("manifest", tmp_path)
    assert found(reading) == [
        ("mask", "m.mp4"),
        ("missing", "a.mp4"),
        ("missing", "c.tar!/x"),
        ("pair", "b.mp4"),
    ]
    assert reading.videos == [Video("b", "b.mp4", 1, root="manifest")]


def test_manifest_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(BadBenchmark, match="neither lies there"):
        read("manifest", tmp_path)
    path = put(tmp_path / "manifest.csv", "video_id,path,label\na,a.mp4,2\n")
    with pytest.raises(BadBenchmark, match=f"{path}: row 1: a: expected label 0 or 1, got 2"):
        read("manifest", tmp_path)
    put(tmp_path / "manifest.parquet", b"PAR1")
    with pytest.raises(BadBenchmark, match="both lie there"):
        read("manifest", tmp_path)


def test_manifest_with_mark_and_windows_line_ends(tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    put(tmp_path / "manifest.csv", b"\xef\xbb\xbfvideo_id,path,label\r\na,a.mp4,0\r\n")
    assert read("manifest", tmp_path).videos == [Video("a", "a.mp4", 0, root="manifest")]

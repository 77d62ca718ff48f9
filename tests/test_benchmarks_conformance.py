"""One suite for every benchmark's adapter: it is tested by being registered."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from trees import TREES, Tree

from unswap.datasets import benchmarks
from unswap.datasets.manifests import ARCHIVE_MARK, Manifest

NAMES = benchmarks.names()


@dataclass(frozen=True)
class Made:
    """A benchmark's small tree, and what its adapter read there."""

    name: str
    tree: Tree
    manifest: Manifest
    reading: benchmarks.Reading


@pytest.fixture(scope="module", params=NAMES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    name = request.param
    assert name in TREES, f"tests/trees has no tree for {name}"
    tree = TREES[name](tmp_path_factory.mktemp("tree"))
    manifest, reading = benchmarks.read_with_problems(name, tree.roots)
    return Made(name, tree, manifest, reading)


def test_finds_every_video_and_has_no_complaint(made: Made) -> None:
    tree, manifest, reading = made.tree, made.manifest, made.reading
    labels = manifest.column("label")
    assert (labels.count(0), labels.count(1)) == (tree.num_real, tree.num_fake)
    assert reading.problems == []


def test_rows_are_as_the_layout_says(made: Made) -> None:
    name, tree, manifest = made.name, made.tree, made.manifest
    rows = {row["video_id"]: row for row in manifest.rows()}
    assert tree.examples, f"the tree of {name} names no examples"
    for example in tree.examples:
        row = rows[str(example["video_id"])]
        assert {k: row[k] for k in example} == example


def test_ids_begin_with_the_benchmark_and_name_method_and_compression(made: Made) -> None:
    name, manifest = made.name, made.manifest
    if name == "manifest":
        return  # one's own ids
    for video in manifest.videos():
        parts = video.video_id.split("/", 3)
        assert len(parts) == 4
        if name != "deepfakebench":  # its ids carry the data set that the JSON names
            assert parts[0] == name
        assert parts[1] == (video.method or "real")
        assert parts[2] == (video.compression or "-")


def test_paths_exist(made: Made) -> None:
    tree, manifest = made.tree, made.manifest
    for column in ("path", "mask"):
        for path in manifest.paths(tree.roots, column):
            if path is not None:
                assert Path(path.partition(ARCHIVE_MARK)[0]).exists()


def test_originals_are_real_videos_of_the_manifest(made: Made) -> None:
    manifest = made.manifest
    by_id = {v.video_id: v for v in manifest.videos()}
    for video in by_id.values():
        if video.original is not None:
            assert video.label == 1
            assert by_id[video.original].label == 0


def test_groups_tie_what_shares_a_person(made: Made) -> None:
    name, manifest = made.name, made.manifest
    if name in ("manifest", "folder", "deepfakebench"):
        return  # they say nothing of people unless the user does
    group_of: dict[str, str | None] = {}
    for video in manifest.videos():
        assert video.group, f"{video.video_id} has no group"
        if video.target_id is not None:
            assert group_of.setdefault(video.target_id, video.group) == video.group
    by_id = {v.video_id: v for v in manifest.videos()}
    for video in by_id.values():
        if video.original is not None:
            assert by_id[video.original].group == video.group


def test_real_videos_are_of_their_own_person(made: Made) -> None:
    name, manifest = made.name, made.manifest
    for video in manifest.videos():
        if video.label == 0 and name != "manifest":
            assert video.source_id == video.target_id


def test_fakes_say_their_kind_and_method(made: Made) -> None:
    name, manifest = made.name, made.manifest
    if name in ("manifest", "folder", "deepfakebench"):
        return
    for video in manifest.videos():
        if video.label == 1:
            assert video.method
            assert video.kind


def test_no_person_stands_in_two_official_splits_beyond_what_is_published(made: Made) -> None:
    name, manifest = made.name, made.manifest
    known = benchmarks.get(name).card.known_leaks
    for column, kind in (
        ("target_id", "person"),
        ("source_id", "person"),
        ("original", "original"),
    ):
        splits: dict[str, set[str]] = {}
        for row in manifest.rows():
            if row[column] and row["split"]:
                splits.setdefault(row[column], set()).add(row["split"])
        if kind not in known:
            assert {k: v for k, v in splits.items() if len(v) > 1} == {}


def test_reading_twice_gives_the_same_bytes(made: Made, tmp_path: Path) -> None:
    name, tree, manifest = made.name, made.tree, made.manifest
    again = benchmarks.read(name, tree.roots)
    for k, m in enumerate((manifest, again)):
        m.write(tmp_path / f"{k}.parquet")
    assert (tmp_path / "0.parquet").read_bytes() == (tmp_path / "1.parquet").read_bytes()
    assert Manifest.read(tmp_path / "0.parquet").table.equals(manifest.table)


def test_the_card_is_complete(made: Made) -> None:
    name = made.name
    card = benchmarks.get(name).card
    assert card.name == name
    for text in (card.title, card.paper, card.licence, card.access, card.layout, card.split):
        assert len(text) > 3
    if name not in ("manifest", "folder"):
        assert card.url.startswith("https://")
        assert card.bibtex.startswith("@")


def _moved(tree: Tree, target: Path) -> dict[str, Path]:
    roots = {}
    for key, root in tree.roots.items():
        roots[key] = target / (key or "root")
        if root.is_dir():
            shutil.copytree(root, roots[key], symlinks=True)
    return roots


def test_a_missing_split_file_is_an_error_that_names_it(made: Made, tmp_path: Path) -> None:
    name, tree = made.name, made.tree
    for number, file in enumerate(tree.split_files):
        roots = _moved(tree, tmp_path / str(number))
        key = next(k for k, root in tree.roots.items() if file.is_relative_to(root))
        missing = roots[key] / file.relative_to(tree.roots[key])
        missing.unlink()
        with pytest.raises(benchmarks.BadBenchmark) as error:
            benchmarks.read(name, roots)
        assert str(missing) in str(error.value)


def test_a_wrong_root_is_an_error_that_names_it(made: Made, tmp_path: Path) -> None:
    name = made.name
    empty = tmp_path / "nothing here"
    empty.mkdir()
    with pytest.raises(benchmarks.BadBenchmark) as error:
        benchmarks.read(name, empty)
    assert str(empty) in str(error.value)

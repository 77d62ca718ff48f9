"""The traps of Celeb-DF, DeeperForensics, FFIW and UADFV."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from adapter_trees import one, read, told
from trees import TREES, put
from trees.celeb_df import LIST

from unswap.datasets import benchmarks
from unswap.datasets.benchmarks import BadBenchmark

FACES = (
    "faceforensics++",
    "dfd",
    "celeb-df-v1",
    "celeb-df-v2",
    "celeb-df++",
    "deeperforensics-1.0",
    "ffiw-10k",
    "uadfv",
)


@pytest.fixture
def celeb(tmp_path: Path) -> Path:
    return TREES["celeb-df-v1"](tmp_path / "celeb").roots[""]


@pytest.fixture
def celeb_pp(tmp_path: Path) -> Path:
    return TREES["celeb-df++"](tmp_path / "celeb").roots["cdfpp"]


@pytest.fixture
def deeper(tmp_path: Path) -> dict[str, Path]:
    return TREES["deeperforensics-1.0"](tmp_path / "deeper").roots


@pytest.fixture
def ffiw(tmp_path: Path) -> Path:
    return TREES["ffiw-10k"](tmp_path / "ffiw").roots[""]


# Celeb-DF


def test_the_test_list_reads_1_as_real(celeb: Path) -> None:
    lines = (celeb / LIST).read_text().splitlines()
    put(celeb / LIST, "\n".join(f"{1 - int(line[0])}{line[1:]}" for line in lines))
    reading = read("celeb-df-v1", celeb)
    assert told(reading) == [("polarity", line[2:]) for line in lines]
    # The folder decides, so nothing turns over.
    assert one(reading, "celeb-df-v1/real/-/YouTube-real/00170").label == 0
    assert one(reading, "celeb-df-v1/real/-/YouTube-real/00170").split == "test"


def test_one_wrong_line_is_one_problem(celeb: Path) -> None:
    text = (celeb / LIST).read_text()
    put(celeb / LIST, text.replace("0 Celeb-synthesis/", "1 Celeb-synthesis/"))
    assert told(read("celeb-df-v1", celeb)) == [("polarity", "Celeb-synthesis/id0_id1_0001.mp4")]


def test_a_dropped_line_moves_its_video_to_train_and_no_other(celeb: Path) -> None:
    before = {v.video_id: v.split for v in read("celeb-df-v1", celeb).videos}
    lines = (celeb / LIST).read_text().splitlines(keepends=True)
    put(celeb / LIST, "".join(lines[:-1]))
    after = {v.video_id: v.split for v in read("celeb-df-v1", celeb).videos}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"celeb-df-v1/Celeb-synthesis/-/id0_id1_0001"}
    assert Counter(before.values())["test"] == Counter(after.values())["test"] + 1
    # On the real thing the count tells: 518 in v2.
    expected = benchmarks.get("celeb-df-v2").card.expected
    assert sum(e.count for e in expected if e.split == "test") == 518


def test_listed_videos_that_are_not_there_aretold(celeb: Path) -> None:
    (celeb / "YouTube-real/00170.mp4").unlink()
    reading = read("celeb-df-v1", celeb)
    assert told(reading) == [("missing", "YouTube-real/00170.mp4")]


@pytest.mark.parametrize(
    "line", ["label path", "YouTube-real/00170.mp4", "2 YouTube-real/00170.mp4", "1"]
)
def test_a_test_list_of_another_form_is_an_error(celeb: Path, line: str) -> None:
    put(celeb / LIST, f"{line}\n{(celeb / LIST).read_text()}")
    with pytest.raises(BadBenchmark, match="entry 1: expected a line like"):
        read("celeb-df-v1", celeb)


def test_windows_line_ends_tabs_and_lines_of_nowhere(celeb: Path) -> None:
    text = (celeb / LIST).read_text().replace("\n", "\r\n").replace("1 Y", "1\tY")
    more = "0 Elsewhere/id0_id1_0001.mp4\r\n1 .\r\n"
    put(celeb / LIST, text + more + text.splitlines()[0])
    reading = read("celeb-df-v1", celeb)
    assert told(reading) == [
        ("split", "Elsewhere/id0_id1_0001.mp4"),
        ("split", "."),
        ("split", "YouTube-real/00170.mp4"),
    ]
    assert [v.split for v in reading.videos].count("test") == 3


def test_a_level_of_videos_changes_paths_only(celeb: Path) -> None:
    before = read("celeb-df-v1", celeb)
    for folder in ("Celeb-real", "YouTube-real", "Celeb-synthesis"):
        files = list((celeb / folder).iterdir())
        (celeb / folder / "videos").mkdir()
        for path in files:
            path.rename(celeb / folder / "videos" / path.name)
    after = read("celeb-df-v1", celeb)
    assert after.problems == []
    assert [(v.video_id, v.split) for v in after.videos] == [
        (v.video_id, v.split) for v in before.videos
    ]
    assert all("/videos/" in v.path for v in after.videos)


def test_a_fake_without_its_original_istold(celeb: Path) -> None:
    (celeb / "Celeb-real/id1_0000.mp4").unlink()
    put(celeb / "Celeb-synthesis/id0_id1.mp4")
    put(celeb / "YouTube-real/id7_0000.mp4")
    assert sorted(told(read("celeb-df-v1", celeb))) == [
        ("name", "Celeb-synthesis/id0_id1.mp4"),
        ("name", "YouTube-real/id7_0000.mp4"),
        ("pair", "Celeb-synthesis/id1_id0_0000.mp4"),
    ]


def test_versions_of_celeb_df_are_told_apart_by_their_folders(
    celeb: Path, celeb_pp: Path, tmp_path: Path
) -> None:
    # Both fixtures share a folder: here it holds v1's files and the ++ scenarios.
    with pytest.raises(BadBenchmark, match=r"read it as celeb-df\+\+"):
        read("celeb-df-v1", celeb_pp)
    old = TREES["celeb-df-v2"](tmp_path / "old").roots[""]
    with pytest.raises(BadBenchmark, match="celeb-df-v1 or celeb-df-v2"):
        read("celeb-df++", old)


def test_celeb_df_pp_reads_both_names_of_its_first_method(celeb_pp: Path) -> None:
    swaps = celeb_pp / "Celeb-synthesis" / "FaceSwap"
    (swaps / "Celeb-DF").rename(swaps / "Celeb-DF-v2")
    line = "0 Celeb-synthesis/FaceSwap/Celeb-DF-v2/id0_id1_0000.mp4\n"
    put(celeb_pp / LIST, (celeb_pp / LIST).read_text() + line)
    reading = read("celeb-df++", celeb_pp)
    assert reading.problems == []
    video = one(reading, "celeb-df++/Celeb-DF/-/id0_id1_0000")
    assert (video.method, video.split) == ("Celeb-DF", "test")


def test_celeb_df_pp_tells_unknown_scenarios_and_methods(celeb_pp: Path) -> None:
    put(celeb_pp / "Celeb-synthesis/FaceSwap/NewSwap/id0_id1_0000.mp4")
    put(celeb_pp / "Celeb-synthesis/FullBody/Gen/id0_0000.mp4")
    put(celeb_pp / "Celeb-synthesis/FaceReenact/LIA/id0_0000.mp4")
    assert told(read("celeb-df++", celeb_pp)) == [
        ("name", "Celeb-synthesis/FullBody"),
        ("name", "Celeb-synthesis/FaceSwap/NewSwap"),
        ("name", "Celeb-synthesis/FaceReenact/LIA/id0_0000.mp4"),
    ]


# DeeperForensics-1.0


def test_deeperforensics_says_why_it_needs_faceforensics(deeper: dict[str, Path]) -> None:
    with pytest.raises(BadBenchmark, match=r"c23 originals of FaceForensics\+\+.*--root ffpp="):
        read("deeperforensics-1.0", {"dfo": deeper["dfo"]})
    # One bare root can't hold both.
    with pytest.raises(BadBenchmark, match="--root ffpp="):
        read("deeperforensics-1.0", deeper["dfo"])


def test_deeperforensics_takes_no_source_video_and_no_c40(deeper: dict[str, Path]) -> None:
    reals = [v for v in read("deeperforensics-1.0", deeper).videos if v.label == 0]
    assert {v.root for v in reals} == {"ffpp"}
    assert all(v.path.startswith("original_sequences/youtube/c23/") for v in reals)
    # 974 and 720 are originals of FaceForensics++ but no fake's target.
    assert {v.target_id for v in reals} == {"ffpp-000", "ffpp-003", "ffpp-672", "ffpp-953"}


def test_deeperforensics_half_downloaded(deeper: dict[str, Path]) -> None:
    folder = "manipulated_videos/end_to_end"
    (deeper["dfo"] / folder / "000_M101.mp4").unlink()
    put(deeper["dfo"] / folder / "000.mp4")
    put(deeper["dfo"] / folder / "720_M007.mp4")
    (deeper["dfo"] / "manipulated_videos/end_to_end_level_1").mkdir()
    put(deeper["dfo"] / "manipulated_videos/start_to_end/000_M101.mp4")
    real = "original_sequences/youtube/c23/videos/953.mp4"
    (deeper["ffpp"] / real).unlink()
    reading = read("deeperforensics-1.0", deeper)
    assert told(reading) == [
        ("name", "manipulated_videos/start_to_end"),
        ("name", f"{folder}/000.mp4"),
        ("missing", f"{folder}/000_M101.mp4"),
        ("missing", "manipulated_videos/end_to_end_level_1"),
        ("pair", real),
        ("split", f"{folder}/720_M007.mp4"),
    ]
    assert one(reading, "deeperforensics-1.0/end_to_end/-/953_W101").original is None
    assert one(reading, "deeperforensics-1.0/end_to_end/-/720_M007").split is None
    assert one(reading, "deeperforensics-1.0/real/-/720").split is None


def test_deeperforensics_puts_an_original_of_two_splits_in_none(deeper: dict[str, Path]) -> None:
    path = deeper["dfo"] / "lists/splits/test.txt"
    put(path, path.read_text() + "000_M131.mp4\n")
    for method in ("end_to_end", "end_to_end_mix_3_distortions"):
        put(deeper["dfo"] / "manipulated_videos" / method / "000_M131.mp4")
    reading = read("deeperforensics-1.0", deeper)
    assert told(reading) == [("split", "original_sequences/youtube/c23/videos/000.mp4")]
    assert one(reading, "deeperforensics-1.0/real/-/000").split is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("end_to_end/000_M101.mp4\n", "expected lines like 000_M101.mp4"),
        ("000_003.mp4\n", "expected lines like 000_M101.mp4"),
        ("000_M101.mp4\n", r"000_M101 stands in train\.txt too"),
        ("\n", "is empty"),
    ],
)
def test_deeperforensics_lists_of_another_version(
    deeper: dict[str, Path], text: str, words: str
) -> None:
    put(deeper["dfo"] / "lists/splits/test.txt", text)
    with pytest.raises(BadBenchmark, match=words):
        read("deeperforensics-1.0", deeper)


def test_deeperforensics_knows_its_originals_youtube_ids(deeper: dict[str, Path]) -> None:
    table = {"000": "--b1Ua-kWJE 0", "720": "sNCVZ7VmJ98 0"}
    put(deeper["ffpp"] / "conversion_dict.json", json.dumps(table))
    assert read("deeperforensics-1.0", deeper).youtube == {"ffpp-000": "--b1Ua-kWJE"}


# FFIW-10K and UADFV


def test_ffiw_tells_what_has_no_pair_and_no_mask(ffiw: Path) -> None:
    (ffiw / "source/train/train_00000000.mp4").unlink()
    (ffiw / "target_mask/val/videos/val_00000001.mp4").unlink()
    put(ffiw / "target/train/a video.mp4")
    put(ffiw / "target/test/test_00000000.mp4")
    reading = read("ffiw-10k", ffiw)
    assert sorted(told(reading)) == [
        ("mask", "target/val/videos/val_00000001.mp4"),
        ("name", "target/test"),
        ("name", "target/train/a video.mp4"),
        ("pair", "target/train/train_00000000.mp4"),
    ]
    assert one(reading, "ffiw-10k/FFIW-10K/-/train/train_00000000").original is None


def test_ffiw_without_masks_is_fine(ffiw: Path) -> None:
    shutil.rmtree(ffiw / "target_mask")
    reading = read("ffiw-10k", ffiw)
    assert reading.problems == []
    assert {v.mask for v in reading.videos} == {None}


def test_uadfv_tells_what_has_no_pair_and_bad_names(tmp_path: Path) -> None:
    root = TREES["uadfv"](tmp_path).roots[""]
    (root / "real/0001.mp4").unlink()
    put(root / "fake/0007.mp4")
    reading = read("uadfv", root)
    assert told(reading) == [("name", "fake/0007.mp4"), ("pair", "fake/0001_fake.mp4")]
    assert one(reading, "uadfv/FakeApp/-/0001_fake").original is None


# All of them


def test_people_of_two_benchmarks_are_merged_only_where_they_are_the_same(tmp_path: Path) -> None:
    people: dict[str, set[str]] = {}
    ids: Counter[str] = Counter()
    for name in FACES:
        reading = read(name, TREES[name](tmp_path / name.replace("+", "p")).roots)
        ids.update(v.video_id for v in reading.videos)
        for video in reading.videos:
            for who in (video.source_id, video.target_id):
                if who is not None:
                    people.setdefault(who, set()).add(name)
    assert max(ids.values()) == 1
    shared = {frozenset(names) for names in people.values() if len(names) > 1}
    assert shared == {
        frozenset({"faceforensics++", "deeperforensics-1.0"}),
        frozenset({"celeb-df-v2", "celeb-df++"}),
    }


@pytest.mark.parametrize("name", FACES)
def test_a_link_that_leads_nowhere_is_a_video_that_is_there(name: str, tmp_path: Path) -> None:
    roots = TREES[name](tmp_path).roots
    before = read(name, roots)
    video = before.videos[0]
    path = roots.get(video.root, roots.get("", Path())) / video.path
    path.unlink()
    path.symlink_to(tmp_path / "gone.mp4")
    assert read(name, roots) == before

"""FakeAVCeleb and KoDF: their CSV lists, damaged and odd."""

import shutil
import unicodedata
from pathlib import Path

import pytest
from adapter_trees import Make, found, ids, read, root_of
from trees import put
from trees.fakeavceleb import HEADER, row
from trees.kodf import FAKE_HEADER

from unswap.datasets.benchmarks import BadBenchmark

# FakeAVCeleb


def write_meta(root: Path, rows: list[str], header: str = HEADER) -> Path:
    return put(root / "meta_data.csv", "\n".join([header, *rows]) + "\n")


def test_fakeavceleb_with_a_column_for_the_file_and_its_own_folder(make: Make) -> None:
    tree = make("fakeavceleb")
    root = root_of(tree)
    before = ids(read("fakeavceleb", tree))
    path = root / "meta_data.csv"
    lines = path.read_text().splitlines()
    header = lines[0].replace("path,", "filename,path")
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([header, *lines[1:]]).encode())
    for name in [p.name for p in root.iterdir() if p.is_dir()]:
        shutil.move(root / name, root / "FakeAVCeleb" / name)
    reading = read("fakeavceleb", tree)
    assert ids(reading) == before
    assert reading.problems == []


def test_fakeavceleb_problems(make: Make) -> None:
    tree = make("fakeavceleb")
    root = root_of(tree)
    top = "FakeVideo-RealAudio/African/men/id00076"
    put(root / top / "stray.mp4")
    put(root / top / "1.mp4")
    put(root / top / "2.mp4")
    lines = (root / "meta_data.csv").read_text().splitlines()[1:]
    more = [
        row("id00076", "id00166", "fsgan", "FR", "gone.mp4"),
        row("id00076", "id00166", "roop", "FR", "1.mp4"),
        row("id00076", "id00166", "fsgan", "FR", "2.mp4").replace(",FakeVideo-", ",RealVideo-", 1),
        lines[0],
        row("nobody", "-", "real", "RR", "x.mp4"),
    ]
    write_meta(root, [*lines, *more])
    reading = read("fakeavceleb", tree)
    real = "RealVideo-RealAudio/African/men"
    assert found(reading) == [
        ("missing", f"{top}/gone.mp4"),
        ("name", f"{top}/1.mp4"),
        ("name", f"{real}/id00076/00109.mp4"),
        ("name", f"{real}/nobody/x.mp4"),
        ("polarity", f"{top}/2.mp4"),
        ("split", f"{top}/stray.mp4"),
    ]
    assert len(reading.videos) == tree.num_real + tree.num_fake


def test_fakeavceleb_without_the_real_video_there_is_no_original(make: Make) -> None:
    tree = make("fakeavceleb")
    (root_of(tree) / "RealVideo-RealAudio/African/men/id00076/00109.mp4").unlink()
    reading = read("fakeavceleb", tree)
    originals = {v.group: v.original for v in reading.videos if v.label}
    assert originals["favc-id00076"] is None
    assert originals["favc-id00166"] is not None


@pytest.mark.parametrize(
    ("header", "line", "said"),
    [
        ("a,b", "1,2", "expected the columns source, method, type, path, got a, b"),
        (
            HEADER,
            row("id1", "-", "x", "RR", "1.mp4").replace("RealVideo-", "Real-", 1),
            "line 2: .*Real-",
        ),
    ],
)
def test_fakeavceleb_damaged_list(make: Make, header: str, line: str, said: str) -> None:
    tree = make("fakeavceleb")
    path = write_meta(root_of(tree), [line], header)
    with pytest.raises(BadBenchmark, match=f"{path}.*{said}"):
        read("fakeavceleb", tree)


# KoDF


def test_kodf_names_in_decomposed_hangul(make: Make) -> None:
    tree = make("kodf")
    root = root_of(tree)
    before = ids(read("kodf", tree))
    for path in sorted(root.rglob("*"), key=lambda p: -len(p.parts)):
        path.rename(path.with_name(unicodedata.normalize("NFD", path.name)))
    reading = read("kodf", tree)
    assert ids(reading) == before
    assert reading.problems == []


def test_kodf_problems(make: Make) -> None:
    tree = make("kodf")
    root = root_of(tree)
    path = next(root.rglob("변조영상_training_메타데이터.csv"))
    put(root / "more" / "odd.mp4")
    put(root / "more" / "alone.mp4")
    put(root / "more" / "stray.mp4")
    put(root / "more" / "aaa_001.mp4")
    lines = [
        "odd.mp4,aaa_001.mp4,aaa,bbb,newmodel,2020,",
        "alone,nowhere.mp4,aaa,bbb,dffs,2020,",
        "gone.mp4,aaa_001.mp4,aaa,bbb,dfl,2020,",
        "aaa_bbb_dfl_1.mp4,aaa_001.mp4,aaa,bbb,dfl,2020,",
    ]
    path.write_text(path.read_text() + "\n" + "\n".join(lines))
    reading = read("kodf", tree)
    assert found(reading) == [
        ("missing", "gone.mp4"),
        ("name", "aaa_bbb_dfl_1.mp4"),
        ("name", "more/aaa_001.mp4"),
        ("name", "more/odd.mp4"),
        ("pair", "more/alone.mp4"),
        ("split", "more/stray.mp4"),
    ]
    assert len(reading.videos) == tree.num_real + tree.num_fake + 1


def test_kodf_another_header_and_an_empty_list(make: Make) -> None:
    tree = make("kodf")
    path = next(root_of(tree).rglob("변조영상_training_메타데이터.csv"))
    path.write_text("a,b\n1,2\n")
    with pytest.raises(BadBenchmark, match=f"{path}.*타겟UUID.*, got a, b"):
        read("kodf", tree)
    path.write_text(FAKE_HEADER)
    with pytest.raises(BadBenchmark, match=f"{path}.*empty"):
        read("kodf", tree)

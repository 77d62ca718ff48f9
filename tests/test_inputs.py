"""Which videos a command line means."""

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from unswap.datasets.manifests import BadManifest, read_manifest_videos
from unswap.experiments.scoring.inputs import Inputs, NoInput, expand


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b.mp4", "a.MKV", "notes.txt", "sub/c.webm", "sub/deep/d.ts", "[1].mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _paths(inputs: Inputs) -> list[str]:
    return [job.path for job in inputs.jobs]


@pytest.mark.parametrize(
    ("given", "want"),
    [
        (["b.mp4"], ["b.mp4"]),
        (["notes.txt"], ["notes.txt"]),  # a file is taken whatever it is called
        (["sub"], ["sub/c.webm", "sub/deep/d.ts"]),
        (["."], ["./[1].mp4", "./a.MKV", "./b.mp4", "./sub/c.webm", "./sub/deep/d.ts"]),
        (["*.mp4"], ["[1].mp4", "b.mp4"]),
        (["s*/*.webm"], ["sub/c.webm"]),
        (["**/*.ts"], ["sub/deep/d.ts"]),
        (["[1].mp4"], ["[1].mp4"]),  # a file that looks like a pattern
        (["b.mp4", "a.MKV", "./b.mp4", "*.mp4"], ["b.mp4", "a.MKV", "[1].mp4"]),  # each once
    ],
)
def test_what_paths_name(tree: Path, given: Sequence[str], want: list[str]) -> None:
    inputs = expand(given, {})
    assert _paths(inputs) == [p.replace("/", os.sep) for p in want]
    assert all(job.video_id is None for job in inputs.jobs)
    assert inputs.manifest_sha256 is None


def test_a_dangling_link_is_a_video_to_be_reported(tree: Path) -> None:
    (tree / "sub" / "link.mp4").symlink_to(tree / "nowhere.mp4")
    assert _paths(expand(["sub/link.mp4"], {})) == ["sub/link.mp4"]
    assert os.path.join("sub", "link.mp4") in _paths(expand(["sub"], {}))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("gone.mp4", "gone.mp4: no such file or folder"),
        ("*.avi", r"\*\.avi: nothing matches"),
        ("empty", r"empty: no video in this folder \(1 files"),
        ("sub[9]", r"sub\[9\]: nothing matches"),
    ],
)
def test_what_names_nothing_is_an_error(tree: Path, given: str, why: str) -> None:
    (tree / "empty").mkdir()
    (tree / "empty" / "x.txt").write_text("x")
    with pytest.raises(NoInput, match=why):
        expand(["b.mp4", given], {})


def test_roots_go_with_a_manifest_and_a_manifest_stands_alone(tree: Path) -> None:
    with pytest.raises(NoInput, match="--root goes with a manifest"):
        expand(["b.mp4"], {"": tree})
    (tree / "m.csv").write_text("video_id,path\nv,b.mp4\n")
    with pytest.raises(NoInput, match="stands alone"):
        expand(["m.csv", "b.mp4"], {"": tree})


ROWS = [
    {"video_id": "ff/real/1", "root": "ffpp", "path": "x/1.mp4", "label": 0},
    {"video_id": "ff/fake/1", "root": "dfo", "path": "2.mp4", "label": 1},
]


def _manifest(path: Path, rows: list[dict[str, object]], encoding: str = "utf-8") -> Path:
    if path.suffix.lower() == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    else:
        lines = [",".join(rows[0])]
        lines += [",".join("" if v is None else str(v) for v in row.values()) for row in rows]
        path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("m.parquet", ""),
        ("M.PARQUET", ""),
        ("m.csv", "utf-8"),
        ("m.csv", "utf-8-sig"),
        ("M.CSV", "utf-8"),
    ],
)
def test_a_manifest_gives_ids_and_paths(tmp_path: Path, name: str, encoding: str) -> None:
    manifest = _manifest(tmp_path / name, ROWS, encoding)  # type: ignore[arg-type]
    roots = {"ffpp": Path("/ff"), "dfo": Path("/dfo")}
    inputs = expand([str(manifest)], roots)
    assert [(j.video_id, j.path) for j in inputs.jobs] == [
        ("ff/real/1", os.path.join("/ff", "x", "1.mp4")),
        ("ff/fake/1", os.path.join("/dfo", "2.mp4")),
    ]
    assert inputs.manifest_sha256 is not None
    assert len(inputs.manifest_sha256) == 64


def test_the_bare_root_is_for_all_that_have_none_of_their_own(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path / "m.csv", ROWS)  # type: ignore[arg-type]
    videos = read_manifest_videos(manifest, {"": Path("/all"), "dfo": Path("/dfo")})
    assert [v.path for v in videos] == [Path("/all/x/1.mp4"), Path("/dfo/2.mp4")]
    without = [{"video_id": "a", "path": "a.mp4"}]
    manifest = _manifest(tmp_path / "n.csv", without)  # type: ignore[arg-type]
    (video,) = read_manifest_videos(manifest, {"": Path("/all")})
    assert video.path == Path("/all/a.mp4")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no rows"),
        (b"video_id,path\n", "no rows"),
        (b"video_id,file\nv,1.mp4\n", "no column path; it has video_id, file"),
        (b"video_id;path\nv;1.mp4\n", "no column path, video_id; it has video_id;path"),
        (b"video_id,path\nv,1.mp4\nv,2.mp4\n", "'v' stands twice"),
        (b"video_id,path\nv,1.mp4\nw\n", "row 2 has no path"),
        (b"video_id,path\n,1.mp4\n", "row 1 has no video_id"),
        ("video_id,path\nv,é.mp4\n".encode("latin-1"), "not a UTF-8 CSV"),
        (b"video_id,path\nv," + b"x" * 200_000 + b"\n", "can't be read"),
    ],
)
def test_a_bad_manifest_says_what_is_wrong(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "m.csv").write_bytes(content)
    with pytest.raises(BadManifest, match=why) as error:
        expand([str(tmp_path / "m.csv")], {"": tmp_path})
    assert str(tmp_path / "m.csv") in str(error.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("video_id,path,root\nv,1.mp4,ffpp\n", r"root 'ffpp'.*given: other.*--root ffpp=FOLDER"),
        ("video_id,path\nv,1.mp4\n", "--root FOLDER"),
    ],
)
def test_a_root_that_was_not_given_is_asked_for(tmp_path: Path, content: str, why: str) -> None:
    (tmp_path / "m.csv").write_text(content)
    with pytest.raises(BadManifest, match=why):
        expand([str(tmp_path / "m.csv")], {"other": tmp_path})


def test_a_parquet_manifest_with_a_null_path(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"video_id": "a", "path": "a.mp4"},
        {"video_id": "b", "path": None},
    ]
    with pytest.raises(BadManifest, match="row 2 has no path"):
        read_manifest_videos(_manifest(tmp_path / "m.parquet", rows), {"": tmp_path})


def test_a_manifest_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "m.parquet").write_bytes(b"PAR1 but not really")
    (tmp_path / "folder.csv").mkdir()
    for name, why in [
        ("m.parquet", "not a readable Parquet"),
        ("folder.csv", "can't be read"),
        ("gone.csv", "no such file"),
    ]:
        with pytest.raises(BadManifest, match=why):
            expand([str(tmp_path / name)], {})

"""The manifest's table: what is allowed in it, and that it comes back as it was written."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unswap.datasets.manifests import BadManifest, Manifest, Video

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)
NAMES = st.text(st.sampled_from("aZ09-_. é,\"'"), min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..")
)


@st.composite
def videos(draw: st.DrawFn) -> list[Video]:
    rows = []
    for video_id in draw(st.lists(TEXT, min_size=1, max_size=5, unique=True)):
        fake = draw(st.booleans())
        rows.append(
            Video(
                video_id=video_id,
                path="/".join(draw(st.lists(NAMES, min_size=1, max_size=3))),
                label=int(fake),
                root=draw(st.sampled_from(["", "ffpp"])),
                kind=draw(st.sampled_from(["swap", "lip_sync", None])) if fake else None,
                method=draw(TEXT | st.none()) if fake else None,
                split=draw(st.sampled_from(["train", "val", "test", None])),
                source_id=draw(TEXT | st.none()),
                group=draw(TEXT | st.none()),
            )
        )
    return rows


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=videos(), ending=st.sampled_from([".parquet", ".csv"]))
def test_what_is_written_is_read_again(tmp_path: Path, rows: list[Video], ending: str) -> None:
    path = tmp_path / f"m{ending}"
    Manifest.from_videos(rows).write(path)
    once = path.read_bytes()
    again = Manifest.read(path)
    assert list(again.videos()) == rows
    again.write(path)
    assert path.read_bytes() == once


HEAD = "video_id,path,label"
WRONG = {
    "": "no rows",
    HEAD: "no rows",
    "id,file,label\na,a.mp4,0": "no column path, video_id; it has id, file, label",
    "video_id,path,label,path\na,a.mp4,0,b.mp4": "the column path stands twice",
    f"{HEAD}\na,a.mp4": "row 1 has no label",
    f"{HEAD}\n,a.mp4,0": "row 1 has no video_id",
    f"{HEAD}\na,a,b.mp4,0": "line 2 has 4 values for 3 columns",
    f"{HEAD}\na,a.mp4,2": "expected label 0 or 1, got 2",
    f"{HEAD}\na,a.mp4,real": "label",
    f"{HEAD}\na,b\\a.mp4,0": "forward slashes",
    f"{HEAD}\na,/data/a.mp4,0": "leaves its root",
    f"{HEAD}\na,../a.mp4,0": "leaves its root",
    f"{HEAD}\na,a.mp4,0\na,b.mp4,1": "the video_id 'a' stands twice",
    f"{HEAD},split\na,a.mp4,0,dev": "expected split train, val, test or none, got 'dev'",
    f"{HEAD},kind\na,a.mp4,1,deepfake": "expected kind swap",
    f"{HEAD},method\na,a.mp4,0,FaceSwap": "a real video has no method",
}


@pytest.mark.parametrize("text", WRONG, ids=WRONG.values())
def test_what_is_not_allowed_is_told_with_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(BadManifest) as error:
        Manifest.read(path)
    assert str(path) in str(error.value)
    assert WRONG[text] in str(error.value)


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(b"\xef\xbb\xbfvideo_id,path,label\r\na,a.mp4,1\r\n")
    assert list(Manifest.read(path).videos()) == [Video("a", "a.mp4", 1)]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"PAR1 not really"])
def test_a_file_that_is_no_table_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ("m.parquet" if content.startswith(b"PAR") else "m.csv")
    path.write_bytes(content)
    with pytest.raises(BadManifest, match=path.name):
        Manifest.read(path)


def test_columns_of_ones_own_are_kept() -> None:
    table: Any = pa.table({"lens": ["a", "b"], "label": [0, 1], "path": ["1", "2"]})
    manifest = Manifest(table.append_column("video_id", pa.array(["x", "y"])))
    assert manifest.column("lens") == ["a", "b"]
    assert manifest.select([False, True]).column("lens") == ["b"]
    assert manifest.with_column("split", ["train", "test"]).column("split") == ["train", "test"]
    with pytest.raises(ValueError, match="expected 2 values of split, got 1"):
        manifest.with_column("split", ["train"])


def test_each_root_has_its_folder(tmp_path: Path) -> None:
    manifest = Manifest.from_videos([Video("a", "a.mp4", 0, root="ff"), Video("b", "b.mp4", 1)])
    folders = {"ff": tmp_path / "one", "": tmp_path / "two"}
    assert manifest.paths(folders) == [str(tmp_path / "one/a.mp4"), str(tmp_path / "two/b.mp4")]
    with pytest.raises(BadManifest, match="add --root ff=FOLDER"):
        manifest.paths({"other": tmp_path})

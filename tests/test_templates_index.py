"""The template index on disk: adding, killing, damage, two at a time."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import template_clips as made
from clips import write_video

from unswap.experiments.templates import index as module
from unswap.experiments.templates.index import TemplateIndex
from unswap.experiments.templates.types import BadIndex, IndexBusy


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    return [made.write_original(folder, name) for name in made.PICTURES]


@pytest.fixture(scope="module")
def suspect(tmp_path_factory):
    return made.write_copy(tmp_path_factory.mktemp("s") / "s.mp4", "chelsea", 2, 8, made.cropped)


@pytest.fixture(scope="module")
def whole(originals, tmp_path_factory):
    """An index of one video."""
    return opened(tmp_path_factory.mktemp("indices") / "index", originals[:1]).folder


@pytest.fixture(scope="module")
def at_once(originals, tmp_path_factory):
    """An index of all, added at once."""
    return opened(tmp_path_factory.mktemp("indices") / "all", originals)


def opened(folder, paths=()):
    index = TemplateIndex.open(folder, create=True)
    index.add(paths)
    return index


def told(matches):
    """Matches without what an index's order may change."""
    return [m.to_dict() for m in matches]


def test_adding_one_by_one_answers_as_adding_all_at_once(originals, suspect, at_once, tmp_path):
    for path in originals:
        bit_by_bit = opened(tmp_path / "many", [path])
    assert len(at_once.segments) == 1
    assert len(bit_by_bit.segments) == len(originals)
    again = TemplateIndex.open(tmp_path / "many")
    assert [t.path for t in again.templates()] == [str(p) for p in originals]
    assert told(again.match(suspect)) == told(at_once.match(suspect)) != []
    again.compact()
    assert len(again.segments) == len(TemplateIndex.open(tmp_path / "many").segments) == 1
    assert len(list((tmp_path / "many" / "segments").iterdir())) == 1
    assert told(again.match(suspect)) == told(at_once.match(suspect))
    assert [t.path for t in again.templates()] == [str(p) for p in originals]


def test_many_small_segments_are_merged_while_adding(originals, suspect, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_FACTOR", 2)
    for path in originals:
        index = opened(tmp_path / "index", [path])
    assert len(index.segments) == 1
    assert [t.path for t in index.templates()] == [str(p) for p in originals]
    assert Path(index.match(suspect)[0].template.path).stem == "chelsea"


def test_what_is_known_of_a_video_is_kept(originals, tmp_path):
    (template,) = opened(tmp_path / "index", originals[:1]).templates()
    assert (template.width, template.height, template.fps) == (made.WIDTH, made.HEIGHT, made.FPS)
    assert template.duration_seconds == pytest.approx(made.SECONDS)
    assert (template.num_frames, template.num_keyframes) == (made.FPS * made.SECONDS, made.SECONDS)


def test_a_file_that_is_there_already_is_not_added_again(originals, tmp_path):
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(originals[0].read_bytes())
    index = TemplateIndex.open(tmp_path / "index", create=True)
    first = index.add([originals[0], copy])
    assert (len(first.added), first.known) == (1, (str(copy),))
    second = TemplateIndex.open(tmp_path / "index").add([originals[0]])
    assert (second.added, second.known) == ((), (str(originals[0]),))
    assert len(TemplateIndex.open(tmp_path / "index")) == 1


def test_unreadable_files_are_named_and_the_others_are_added(originals, tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    done = TemplateIndex.open(tmp_path / "index", create=True).add([text, originals[0]])
    assert [t.path for t in done.added] == [str(originals[0])]
    (failed,) = done.unreadable
    assert failed.path == str(text)
    assert "text.mp4" in failed.reason


def test_a_video_without_any_texture_can_be_added(tmp_path):
    import numpy as np

    blank = write_video(tmp_path / "b.mp4", [np.full((64, 64, 3), 90, np.uint8)] * 5, fps=5)
    index = opened(tmp_path / "index", [blank])
    assert len(TemplateIndex.open(tmp_path / "index")) == 1
    assert index.match(blank) == []


KILLED = """
import os, signal, sys
from unswap.experiments.templates import index, segments
index._VIDEOS = 1
index._FACTOR = 3
stage, nth, folder, *paths = sys.argv[1:]
calls = 0
module = index if stage == "_clean" else segments
real = getattr(module, stage)
def dies(*arguments):
    global calls
    calls += 1
    if calls == int(nth):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
setattr(module, stage, dies)
index.TemplateIndex.open(folder, create=True).add(paths)
"""


@pytest.mark.parametrize(
    ("stage", "nth", "kept"),
    [
        ("write_lists", 1, 0),  # amid the first segment's files
        ("_to_disk", 11, 1),  # the second one's files are written, and it is not yet named
        ("write_lists", 4, 3),  # amid a merge
        ("_clean", 2, 3),  # the merged segment is there, and so are those that it replaces
    ],
)
def test_a_kill_loses_at_most_the_segment_in_the_making(
    stage, nth, kept, originals, suspect, at_once, tmp_path
):
    folder = tmp_path / "index"
    paths = [str(p) for p in originals]
    command = [sys.executable, "-c", KILLED, stage, str(nth), str(folder), *paths]
    done = subprocess.run(command, capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert [t.path for t in TemplateIndex.open(folder).templates()] == paths[:kept]
    index = opened(folder, paths)
    assert [t.path for t in index.templates()] == paths
    assert told(index.match(suspect)) == told(at_once.match(suspect)) != []
    names = {p.name for p in (folder / "segments").iterdir()}
    assert names == {s.name for s in index.segments}  # nothing is left lying about


def test_an_interrupted_add_keeps_what_it_has_made(originals, tmp_path):
    index = TemplateIndex.open(tmp_path / "index", create=True)

    def stop(done, _):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.add(originals, on_progress=stop)
    assert len(TemplateIndex.open(tmp_path / "index")) == 2


def test_two_cannot_add_at_the_same_time(originals, tmp_path):
    index = opened(tmp_path / "index")
    other = TemplateIndex.open(tmp_path / "index")
    refused = []

    def meanwhile(*_):
        with pytest.raises(IndexBusy, match="another process is adding") as error:
            other.add(originals[1:2])
        refused.append(error)

    index.add(originals[:1], on_progress=meanwhile)
    assert refused
    assert len(TemplateIndex.open(tmp_path / "index")) == 1
    other.add(originals[1:2])
    assert len(TemplateIndex.open(tmp_path / "index")) == 2


@pytest.mark.parametrize(
    "name",
    ["videos.parquet", "codes.u8", "places.u32", "frames.u16", "lists.faiss", "segment.json"],
)
@pytest.mark.parametrize("harm", ["gone", "cut", "changed"])
def test_a_damaged_file_is_named(name, harm, whole, tmp_path):
    shutil.copytree(whole, tmp_path / "index")
    (path,) = (tmp_path / "index" / "segments").glob(f"*/{name}")
    content = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(
            content[:20] if harm == "cut" else bytes(b ^ 255 for b in content[:3]) + content[3:]
        )
    with pytest.raises(BadIndex, match=f"{name}: damaged.*add its videos again"):
        TemplateIndex.open(tmp_path / "index")


def test_what_is_no_index_is_refused(originals, tmp_path):
    with pytest.raises(BadIndex, match="no template index here; make one"):
        TemplateIndex.open(tmp_path / "none")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "holiday.txt").write_text("mine")
    with pytest.raises(BadIndex, match="no template index here"):
        TemplateIndex.open(foreign, create=True)
    assert [p.name for p in foreign.iterdir()] == ["holiday.txt"]
    (foreign / "index.json").write_text('{"pages": 3}')
    with pytest.raises(BadIndex, match="not of a template index"):
        TemplateIndex.open(foreign)
    (foreign / "index.json").write_text("{")
    with pytest.raises(BadIndex, match=r"index.json: can't be read"):
        TemplateIndex.open(foreign)


def test_another_versions_index_is_refused_with_both_sides(tmp_path):
    opened(tmp_path / "index")
    path = tmp_path / "index" / "index.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps({**settings, "fingerprint": 99}))
    with pytest.raises(BadIndex, match="fingerprint 99, expected"):
        TemplateIndex.open(tmp_path / "index")

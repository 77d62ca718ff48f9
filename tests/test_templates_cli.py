"""`unswap templates`: what it prints, writes and returns."""

import argparse
import json
from types import SimpleNamespace

import pytest
import template_clips as made

from unswap.cli.options import UsageError
from unswap.cli.templates import add_templates


def run(*arguments):
    parser = argparse.ArgumentParser()
    add_templates(parser)
    options = parser.parse_args([str(a) for a in arguments])
    return options.run(options)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    for name in ("coffee", "rocket"):
        made.write_original(folder, name)
    return folder


@pytest.fixture(scope="module")
def index(videos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("indices") / "index"
    assert run("add", videos, "--index", folder) == 0
    return folder


@pytest.fixture(scope="module")
def suspects(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suspects")
    made.write_copy(folder / "copy.mp4", "coffee", 3, 9, made.mirrored)
    made.write_copy(folder / "other.mp4", "chelsea", 3, 9)
    return folder


def test_add_counts_and_says_what_the_index_holds(videos, tmp_path, capsys):
    assert run("add", videos / "coffee.mp4", "--index", tmp_path / "i") == 0
    assert "1 added; " in capsys.readouterr().out
    assert run("add", str(videos / "*.mp4"), "--index", tmp_path / "i") == 0
    out = capsys.readouterr().out
    assert "1 added, 1 known already; " in out
    assert "holds 2 videos" in out
    assert run("compact", "--index", tmp_path / "i") == 0
    assert "in 1 segments" in capsys.readouterr().out


def test_add_goes_on_past_what_cannot_be_read(videos, tmp_path, capsys):
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    code = run("add", tmp_path / "bad.mp4", videos / "rocket.mp4", "--index", tmp_path / "i")
    assert code == 3
    told = capsys.readouterr()
    assert "bad.mp4" in told.err
    assert "1 added, 1 unreadable" in told.out


def test_add_of_an_empty_folder_is_wrong_usage(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no video in this folder"):
        run("add", tmp_path / "empty", "--index", tmp_path / "i")
    assert not (tmp_path / "i").exists()


def test_list_names_the_videos(index, videos, capsys):
    assert run("list", "--index", index) == 0
    assert str(videos / "coffee.mp4") in capsys.readouterr().out
    assert run("list", "--index", index, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["path"] for row in rows] == [str(videos / f"{n}.mp4") for n in ("coffee", "rocket")]
    assert len(rows[0]["sha256"]) == 64


def test_match_tells_which_and_where_and_none(index, videos, suspects, tmp_path, capsys):
    assert run("match", suspects, "--index", index, "--json", tmp_path / "m.json") == 0
    out = capsys.readouterr().out
    assert f"match  {videos / 'coffee.mp4'}" in out
    assert ", mirrored" in out
    assert "no match: the nearest template has" in out
    record = json.loads((tmp_path / "m.json").read_text())
    assert record["num_templates"] == 2
    copy, other = record["suspects"]
    assert (copy["status"], other["status"]) == ("matched", "no_match")
    assert other["matches"] == []
    assert "that a match needs" in other["reason"]
    assert other["nearest"] < 1
    (best,) = copy["matches"]
    assert best["template"]["path"] == str(videos / "coffee.mp4")
    assert best["mirrored"] is True
    assert best["template_seconds"] == pytest.approx([3, 9], abs=1)


def test_match_of_an_unreadable_file_goes_on_and_returns_3(index, suspects, tmp_path, capsys):
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    out = tmp_path / "m.json"
    paths = [tmp_path / "bad.mp4", suspects / "copy.mp4"]
    assert run("match", *paths, "--index", index, "--json", out) == 3
    statuses = [s["status"] for s in json.loads(out.read_text())["suspects"]]
    assert statuses == ["unreadable", "matched"]
    assert "bad.mp4" in capsys.readouterr().err


def test_wrong_usage_is_told_before_anything_is_done(index, suspects, tmp_path):
    with pytest.raises(UsageError, match="give --compare"):
        run("match", suspects, "--index", index, "--report", tmp_path)
    with pytest.raises(UsageError, match="no folder"):
        run("match", suspects, "--index", index, "--json", tmp_path / "none" / "m.json")
    with pytest.raises(UsageError, match="no template index here"):
        run("match", suspects, "--index", tmp_path / "none")
    with pytest.raises(UsageError, match="no such file"):
        run("match", tmp_path / "gone.mp4", "--index", index)


def test_a_full_disk_stops_with_what_is_kept(videos, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device", "lists.faiss")

    monkeypatch.setattr("unswap.experiments.templates.segments.write_lists", full)
    assert run("add", videos, "--index", tmp_path / "i") == 4
    assert "No space left" in capsys.readouterr().err
    assert list((tmp_path / "i" / "segments").iterdir()) == []


def test_compare_goes_to_the_matches_alone(index, videos, suspects, tmp_path, monkeypatch, capsys):
    """The comparison itself has tests of its own; here it is known that it is asked for, and told."""
    asked = []

    def compare(reference, suspect):
        asked.append((reference, suspect))
        finding = SimpleNamespace(key="a", title="It is the same film", verdict="supported")
        return SimpleNamespace(
            status="compared", reason="done", findings=(finding,), to_dict=lambda: {"a": 1}
        )

    monkeypatch.setattr("unswap.experiments.comparison.compare.compare", compare)
    out = tmp_path / "m.json"
    assert run("match", suspects, "--index", index, "--compare", "--json", out) == 0
    assert asked == [(str(videos / "coffee.mp4"), str(suspects / "copy.mp4"))]
    assert "(a) It is the same film: supported" in capsys.readouterr().out
    first, second = json.loads(out.read_text())["suspects"]
    assert first["comparisons"] == [{"template": asked[0][0], "a": 1}]
    assert second["comparisons"] == []


def test_a_template_that_has_moved_is_told_and_returns_3(suspects, tmp_path, capsys):
    moved = made.write_original(tmp_path, "coffee")
    run("add", moved, "--index", tmp_path / "i")
    moved.unlink()
    code = run("match", suspects / "copy.mp4", "--index", tmp_path / "i", "--compare")
    assert code == 3
    assert "can't be compared" in capsys.readouterr().err

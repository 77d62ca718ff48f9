"""`unswap datasets` and `unswap degrade`: what they list, what they refuse, and how they say it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from clips import numbered_frames, write_video

from unswap.cli import main
from unswap.datasets import benchmarks
from unswap.datasets.benchmarks import Card, Expected
from unswap.datasets.perturbations import degrade
from unswap.experiments.benchmark_cards import counts, table

CARDS = [benchmarks.get(name).card for name in benchmarks.names()]


def card(*expected: Expected) -> Card:
    return Card("toy", "Toy", "p", "b", "u", "l", "a", {"toy": "x"}, "l", expected, "s")


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ([], "-"),
        ([Expected(None, 9)], "-"),
        ([Expected("A", 5), Expected("B", 6), Expected("A", 2, "test")], "11"),
        ([Expected("A", 80, "train"), Expected("A", 5, "test")], "80 train, 5 test"),
        ([Expected("A", 5), Expected("B", 2, "test"), Expected("C", 3, "test")], "5 + 5 test"),
    ],
)
def test_a_cards_counts_in_one_cell(expected: list[Expected], said: str) -> None:
    assert counts(card(*expected), real=False) == said


@pytest.mark.parametrize("columns", [72, 80, 110, 120, 150, 200])
def test_the_table_keeps_to_the_screen_and_cuts_no_word(columns: int) -> None:
    lines = table(CARDS, columns)
    assert max(map(len, lines)) <= columns
    known = {w for c in CARDS for w in f"{c.name} {c.split} {c.licence}".split()}
    known |= {w for c in CARDS for side in (True, False) for w in counts(c, real=side).split()}
    known |= {w.rstrip(".") for w in known} | {"…", "name", "real", "manipulated", "split"}
    assert {w for line in lines for w in line.split()} - known <= {"licence"}
    assert {line.split()[0] for line in lines if line[0] != " "} >= set(benchmarks.names())


def test_all_cards_in_full_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "list", "--json"]) == 0
    told = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert list(told) == benchmarks.names()
    dfdc = told["dfdc"]
    assert {"method": None, "count": 2500, "split": "test"} in dfdc["expected"]
    assert main(["datasets", "list", "--full"]) == 0
    full = capsys.readouterr().out
    for one in CARDS:
        assert main(["datasets", "show", one.name]) == 0
        alone = capsys.readouterr().out
        assert alone in full
        assert all(text in alone for text in (one.title, one.bibtex, one.layout.split("\n")[0]))
        assert " ".join(one.access.split()) in " ".join(alone.split())


def test_a_reader_that_has_gone_is_no_fault_of_a_file() -> None:
    command = [sys.executable, "-P", "-m", "unswap.cli", "datasets", "list", "--full"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("real/a.mp4", "fake/b.mp4"):
        (tmp_path / "mine" / name).parent.mkdir(parents=True)
        (tmp_path / "mine" / name).write_bytes(b"")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "shut").mkdir()
    return tmp_path / "mine"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("manifest folder --root mine --out no/m.csv", "--out no/m.csv: there is no folder"),
        ("manifest folder --root mine --out folder.csv", "--out folder.csv: it is a folder; give"),
        ("manifest folder --root mine --out shut/m.csv", "may not be written to; change its perm"),
        ("check folder --root mine --json folder.csv", "--json folder.csv: it is a folder; give"),
        ("check folder --root mine --json shut/c.json", "may not be written to; change its perm"),
        ("check folder --root mine --report file", "--report file: it is a file; give the path"),
        ("check folder --root mine --report shut", "--report shut: this folder may not be written"),
        ("check folder --root mine --report no/r", "--report no/r: there is no folder"),
    ],
)
def test_what_could_not_be_written_is_refused_before_the_work(
    mine: Path,
    line: str,
    why: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allowed = os.access  # root may write anywhere, so the answer is played
    monkeypatch.setattr(os, "access", lambda p, m: Path(p).name != "shut" and allowed(p, m))
    assert main(["datasets", *line.split()]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert why in said.err
    assert len(said.err.splitlines()) == 1


def own_table(folder: Path, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "manifest.csv").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("video_id;path;label\na;a.mp4;0\n", "parted by semicolons: save it with commas"),
        ("video_id\tpath\tlabel\na\ta.mp4\t0\n", "parted by tabs: save it with commas"),
        ("video_id,path,label\na,a.mp4,real\n", "should hold 0 (real) or 1 (manipulated)"),
        ("video_id,path,label\na,C:/gone.mp4,0\n", "not read: C:/gone.mp4: manifest.csv names it"),
    ],
)
def test_a_table_of_ones_own_that_cant_be_used(
    tmp_path: Path, text: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own_table(tmp_path / "own", text)
    assert main(["datasets", "check", "manifest", "--root", str(tmp_path / "own")]) == 2
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("column", ["", "ffpp"])
def test_a_table_of_ones_own_may_be_given_by_its_trees_name(tmp_path: Path, column: str) -> None:
    folder = tmp_path / "own"
    own_table(folder, f"video_id,path,label,root\na,a.mp4,0,{column}\n")
    write_video(folder / "a.mp4", numbered_frames(3))
    assert main(["datasets", "check", "manifest", "--root", f"manifest={folder}"]) == 0
    assert main(["datasets", "check", "manifest", "--root", str(folder)]) == 0


def test_degrade_counts_every_frame(tmp_path: Path) -> None:
    clip = tmp_path / "in.mp4"
    write_video(clip, numbered_frames(7))
    seen: list[tuple[int, int]] = []
    degrade(clip, tmp_path / "out.mp4", ["GB:1"], on_progress=lambda *now: seen.append(now))
    assert seen == [(n, 7) for n in range(1, 8)]


def test_degrade_says_what_to_do_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = str(tmp_path / "in.mp4")
    write_video(clip, numbered_frames(3))
    assert main(["degrade", clip, "--with", "VC:3,GB:1", "--out", str(tmp_path / "o.mp4")]) == 2
    assert "give several conditions one by one" in capsys.readouterr().err
    (tmp_path / "o.mp4").write_bytes(b"precious")
    assert main(["degrade", clip, "--with", "VC:3", "--out", str(tmp_path / "o.mp4")]) == 2
    assert "remove it, or write to another file" in capsys.readouterr().err

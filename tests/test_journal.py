"""The journal keeps every finished video, whatever happens to the process that writes it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unswap.datasets.journal import Journal, JournalMismatch

SETTINGS = {"detector": {"name": "tiny", "sha256": "00"}, "num_frames": None, "person": None}
RECORDS = [
    {"video_id": "file/1", "status": "scored", "score": -1.25},
    {"video_id": "file/2", "status": "no_face", "reason": 'a "quoted"\nline, 中文'},
    {"video_id": "file/3", "status": "scored", "score": 1e-300},
]


def _written(path: Path) -> bytes:
    journal = Journal(path, SETTINGS, resume=False)
    for record in RECORDS:
        journal.add(record)
    journal.close()
    return path.read_bytes()


def _records(path: Path) -> list[dict[str, object]]:
    journal = Journal(path, SETTINGS, resume=True)
    try:
        return list(journal.records())
    finally:
        journal.close()


def test_what_was_added_is_on_disk_before_the_journal_is_closed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", SETTINGS, resume=False)
    assert journal.is_empty()
    journal.add(RECORDS[0])
    assert json.loads((tmp_path / "j").read_bytes().splitlines()[1]) == RECORDS[0]
    assert not journal.is_empty()
    journal.close()


def test_a_resumed_journal_goes_on(tmp_path: Path) -> None:
    _written(tmp_path / "j")
    journal = Journal(tmp_path / "j", SETTINGS, resume=True)
    assert list(journal.records()) == RECORDS
    journal.add({"video_id": "file/4"})
    journal.close()
    assert _records(tmp_path / "j") == [*RECORDS, {"video_id": "file/4"}]


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_cut_at_any_byte_whole_records_are_kept(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "j"
    path.unlink(missing_ok=True)
    whole = _written(path)
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    kept = max(0, whole[:cut].count(b"\n") - 1)
    assert _records(path) == RECORDS[:kept]
    journal = Journal(path, SETTINGS, resume=True)  # and what comes next stands on its own line
    journal.add({"video_id": "next"})
    assert list(journal.records()) == [*RECORDS[:kept], {"video_id": "next"}]
    journal.close()


def test_an_unfinished_run_is_not_overwritten(tmp_path: Path) -> None:
    before = _written(tmp_path / "j")
    with pytest.raises(JournalMismatch, match=r"unfinished run.*--resume"):
        Journal(tmp_path / "j", SETTINGS, resume=False)
    assert (tmp_path / "j").read_bytes() == before


def test_other_settings_are_refused_and_named(tmp_path: Path) -> None:
    before = _written(tmp_path / "j")
    with pytest.raises(JournalMismatch, match=r"other settings \(num_frames\)"):
        Journal(tmp_path / "j", {**SETTINGS, "num_frames": 8}, resume=True)
    other = {**SETTINGS, "detector": {"name": "tiny", "sha256": "01"}}
    with pytest.raises(JournalMismatch, match=r"other settings \(detector\)"):
        Journal(tmp_path / "j", other, resume=True)
    assert (tmp_path / "j").read_bytes() == before


@pytest.mark.parametrize("content", [b"my notes", b"my notes\n", b"\x00\xff\n", b'{"a": 1}\n'])
@pytest.mark.parametrize("resume", [False, True])
def test_another_file_of_that_name_is_left_alone(
    tmp_path: Path, content: bytes, resume: bool
) -> None:
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(JournalMismatch, match="j: "):
        Journal(tmp_path / "j", SETTINGS, resume=resume)
    assert (tmp_path / "j").read_bytes() == content


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    lines = _written(tmp_path / "j").splitlines(keepends=True)
    lines[2] = bytes(len(lines[2]) - 1) + b"\n"  # as a file system leaves it after a power cut
    (tmp_path / "j").write_bytes(b"".join(lines))
    journal = Journal(tmp_path / "j", SETTINGS, resume=True)
    with pytest.raises(JournalMismatch, match="line 3 is damaged"):
        list(journal.records())
    journal.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no lock on Windows")
def test_two_runs_cannot_write_at_the_same_time(tmp_path: Path) -> None:
    first = Journal(tmp_path / "j", SETTINGS, resume=False)
    first.add(RECORDS[0])
    for resume in (False, True):
        with pytest.raises(JournalMismatch, match="another run is writing"):
            Journal(tmp_path / "j", SETTINGS, resume=resume)
    first.add(RECORDS[1])
    assert list(first.records()) == RECORDS[:2]
    first.close()
    assert _records(tmp_path / "j") == RECORDS[:2]  # the lock went with it


@pytest.mark.skipif(sys.platform == "win32", reason="no lock on Windows")
def test_a_killed_run_leaves_no_lock(tmp_path: Path) -> None:
    program = (
        "import os, sys, pathlib\n"
        "from unswap.datasets.journal import Journal\n"
        f"j = Journal(pathlib.Path(sys.argv[1]), {SETTINGS!r}, resume=False)\n"
        f"j.add({RECORDS[0]!r})\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-P", "-c", program, str(tmp_path / "j")], check=False)
    assert _records(tmp_path / "j") == RECORDS[:1]


def test_a_discarded_journal_is_gone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", SETTINGS, resume=False)
    journal.discard()
    assert not (tmp_path / "j").exists()
    assert _records(tmp_path / "j") == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of a child process")
def test_a_full_disk_keeps_the_lines_before_and_no_half_line(tmp_path: Path) -> None:
    """In a child process that may write files of 400 bytes at most."""
    program = (
        "import resource, sys, pathlib\n"
        "from unswap.datasets.journal import Journal\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400))\n"
        f"j = Journal(pathlib.Path(sys.argv[1]), {SETTINGS!r}, resume=False)\n"
        "j.add({'video_id': 'small'})\n"
        "try:\n"
        "    j.add({'video_id': 'x' * 1000})\n"
        "except OSError as error:\n"
        "    print(type(error).__name__, error.errno)\n"
        "j.add({'video_id': 'after'})\n"  # the next line finds a clean end
        "j.close()\n"
    )
    command = [sys.executable, "-P", "-c", program, str(tmp_path / "j")]
    out = subprocess.run(command, check=True, capture_output=True, text=True)
    assert out.stdout.split() == ["OSError", "27"]  # EFBIG
    assert out.stderr == ""
    assert _records(tmp_path / "j") == [{"video_id": "small"}, {"video_id": "after"}]

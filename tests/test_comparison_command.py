"""`unswap compare` as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from comparison_pairs import change, filmed, head_and_shoulders, other_face, written

from unswap.cli import main


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("pair")
    original = change(filmed(head_and_shoulders(), 70), 0, (200, 200))
    swapped = change(filmed(other_face(head_and_shoulders()).picture, 70), 0, (200, 200))
    return (
        written(folder / "original.mp4", original, 18),
        written(folder / "suspect.mp4", swapped[10:60], 26),
    )


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "unswap.cli", "compare", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280)


def test_it_prints_findings_and_writes_what_is_asked_for(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    out = (tmp_path / "c.json", tmp_path / "report", tmp_path / "overlay.mp4")
    done = _run(*pair, "--json", out[0], "--report", out[1], "--overlay", out[2])
    assert done.returncode == 0, done.stderr
    assert "frames 0 to 49) = reference" in done.stdout
    assert "(c) The changed region is a face: supported" in done.stdout
    record = json.loads(out[0].read_text())
    assert record["stretches"][0]["reference_first"] == 10
    assert record["findings"][0]["verdict"] == "supported"
    (page,) = out[1].glob("*.html")
    text = page.read_text(encoding="utf-8")
    assert "The changed region is a face" in text
    assert page.stat().st_size < 20_000_000
    assert out[2].stat().st_size > 1000


def test_the_same_file_needs_no_comparison(pair: tuple[Path, Path], tmp_path: Path) -> None:
    done = _run(pair[0], pair[0], "--overlay", tmp_path / "o.mp4", "--report", tmp_path / "r")
    assert done.returncode == 0
    assert "equal, byte for byte" in done.stdout
    assert "no overlay" in done.stderr
    assert list((tmp_path / "r").glob("*.html"))


def test_bad_files_and_wrong_usage_are_told_apart(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def compared(*arguments: str | Path) -> tuple[int, str]:
        code = main(["compare", *map(str, arguments)])
        return code, capsys.readouterr().err

    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    code, told = compared(pair[0], empty)
    assert code == 3
    assert "empty.mp4" in told
    assert "What to do" in told
    for option, value, said in (
        ("--fdr", "2", "between 0 and 1, got 2.0"),
        ("--json", tmp_path / "no" / "c.json", "there is no folder"),
        ("--identity-weights", tmp_path / "none.onnx", "none.onnx: there is no such file"),
    ):
        code, told = compared(*pair, option, value)
        assert code == 2, option
        assert said in told
    code, told = compared(*pair, "--overlay", tmp_path / "o.avi")
    assert code == 4
    assert ".mp4" in told


def test_the_door_stays_light() -> None:
    code = (
        "import sys, unswap, unswap.cli; unswap.cli.build_parser(); "
        "print([m for m in ('torch', 'cv2', 'faiss', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200)
    assert done.stdout.strip() == "[]", done.stderr

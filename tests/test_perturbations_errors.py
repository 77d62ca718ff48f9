"""What happens when a file under conditions can not be written, and that nothing is left then."""

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from clips import write_sound
from perturbed_clips import COUNT, read, with_sound

from unswap.datasets.perturbations import CannotWrite, degrade
from unswap.datasets.perturbations import degrading as module
from unswap.datasets.types import Frame, UnreadableVideo


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 numbered frames at 25 fps, 96x80, with sound."""
    return with_sound(tmp_path_factory.mktemp("perturbed") / "in.mp4")


def test_an_output_is_replaced_only_when_asked(video: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"precious")
    with pytest.raises(CannotWrite, match=r"out\.mp4: it is there already\..*overwrite=True"):
        degrade(video, out, ["VC:1"])
    assert out.read_bytes() == b"precious"
    degrade(video, out, ["VC:1"], overwrite=True)
    assert len(read(out)) == COUNT


def make_link(video: Path, folder: Path) -> Path:
    (folder / "link.mp4").symlink_to(video)
    return folder / "link.mp4"


def make_folder(video: Path, folder: Path) -> Path:
    (folder / "folder.mp4").mkdir()
    return folder / "folder.mp4"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (lambda video, folder: video, r"in\.mp4: it is the input itself.*another file"),
        (make_link, r"link\.mp4: it is the input itself"),
        (make_folder, r"folder\.mp4: it is a folder"),
        (lambda video, folder: folder / "no" / "x.mp4", r"no/x\.mp4: there is no folder .*make it"),
        (lambda video, folder: folder / "x.avi", r"the ending '\.avi' is unknown.*\.mp4, \.mkv"),
        (lambda video, folder: folder / "x", r"the ending '' is unknown"),
    ],
)
def test_what_is_no_place_for_an_output_is_refused(
    target: Callable[[Path, Path], Path], message: str, video: Path, tmp_path: Path
) -> None:
    before = video.read_bytes()
    with pytest.raises(CannotWrite, match=message):
        degrade(video, target(video, tmp_path), ["VC:1"], overwrite=True)
    assert video.read_bytes() == before


def test_a_folder_that_may_not_be_written_to(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:  # root may write anywhere

        def refuse(*args: object, **kwargs: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("tempfile.mkstemp", refuse)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CannotWrite, match=r"may not be written to\. What to do: change its"):
            degrade(video, tmp_path / "out.mp4", ["VC:1"])
    finally:
        tmp_path.chmod(0o700)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_a_file_that_may_not_grow_leaves_nothing(ending: str, video: Path, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
    try:
        with pytest.raises(CannotWrite, match=r"out\.m.*[Ll]arge.*raise the limit"):
            degrade(video, tmp_path / f"out{ending}", ["GNC:5"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_named(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWrite, match=r"out\.mp4: the disk is full.*make room"):
        degrade(video, tmp_path / "out.mp4", ["VC:1"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, MemoryError])
def test_an_interrupt_leaves_nothing(
    error: type[BaseException], video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(frames: object, *args: object) -> object:
        for number, frame in enumerate(frames):  # type: ignore[arg-type, var-annotated]
            if number == 20:
                raise error
            yield frame

    monkeypatch.setattr(module, "perturb", stop)
    with pytest.raises(error):
        degrade(video, tmp_path / "out.mp4", ["GB:1"])
    assert list(tmp_path.iterdir()) == []


def test_an_unreadable_input_passes_through_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a video")
    write_sound(tmp_path / "sound.mp4")
    for name in ("missing.mp4", "text.mp4", "sound.mp4"):
        with pytest.raises(UnreadableVideo, match=name):
            degrade(tmp_path / name, tmp_path / "out.mp4", ["VC:1"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["sound.mp4", "text.mp4"]


def test_wrong_conditions_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected at least one condition"):
        degrade("missing.mp4", tmp_path / "out.mp4", [])
    with pytest.raises(ValueError, match="VC:6: levels are 1 to 5"):
        degrade("missing.mp4", tmp_path / "out.mp4", ["GB:1", "VC:6"])
    with pytest.raises(KeyError, match="unknown perturbation 'XX'"):
        degrade("missing.mp4", tmp_path / "out.mp4", ["XX:1"])
    with pytest.raises(ValueError, match="seed of at least 0"):
        degrade("missing.mp4", tmp_path / "out.mp4", ["VC:1"], seed=-1)


def test_pictures_that_change_their_size_are_named(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grow(frames: object, *args: object) -> object:
        for frame in frames:  # type: ignore[attr-defined]
            side = 64 if frame.index < 5 else 72
            yield Frame(frame.index, frame.pts_seconds, frame.image[:side, :side])

    monkeypatch.setattr(module, "perturb", grow)
    with pytest.raises(CannotWrite, match=r"in\.mp4 change their size \(frame 5 is 72x72"):
        degrade(video, tmp_path / "out.mp4", ["VC:1"])
    assert list(tmp_path.iterdir()) == []

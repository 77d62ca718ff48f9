"""The sweep of pairs with known answers: how it judges a comparison, and what its table says."""

import json

import numpy as np
import pytest

from unswap.datasets.types import VideoInfo
from unswap.experiments.comparison.sweep import table
from unswap.experiments.comparison.sweep.judging import failures, judge
from unswap.experiments.comparison.sweep.truth import Truth
from unswap.experiments.comparison.types import (
    Comparison,
    Finding,
    Geometry,
    Masks,
    PairRow,
    Region,
    Status,
    Stretch,
    Verdict,
)

FPS = 25.0
INFO = VideoInfo("x.mp4", "0" * 64, 1, "mp4", "h264", 160, 128, FPS, 4.0, 100)


def a_truth(count=40, altered=False, resampled=False, first=20) -> Truth:
    matrix = np.array([[1.5, 0, -3.0], [0, 1.5, 4.0]])
    mask = np.zeros((128, 160), dtype=bool)
    mask[32:64, 48:96] = True
    masks = np.repeat(np.packbits(mask)[None], count, axis=0) if altered else None
    return Truth(
        case={"kind": "derived", "plain": True, "alteration": None},
        frames=np.arange(first, first + count),
        parts=np.zeros(count, dtype=np.int64),
        alike=np.arange(200),
        resampled=resampled,
        matrix=matrix,
        mirrored=False,
        corners_xy=np.array([[0, 0], [100, 0], [100, 80], [0, 80.0]]),
        size=(160, 128),
        picture_xyxy=(0, 0, 160, 128),
        blended=masks,
        touched=masks,
    )


def a_comparison(truth, shift=0, move=(0.0, 0.0), cells=None, kind="face") -> Comparison:
    """What a comparison would say; `cells`: rows and columns of 8 pixels that changed."""
    count = len(truth.frames)
    pairs = tuple(
        PairRow(i, int(truth.frames[i]) + shift, i / FPS, 0.0, 0, 1.0, 0.0) for i in range(count)
    )
    first, last = int(truth.frames[0]) + shift, int(truth.frames[-1]) + shift
    stretch = Stretch(0, count - 1, first, last, (0, 1), (0, 1), 1.0, 0.9, 0.1)
    matrix = truth.matrix + np.array([[0, 0, move[0]], [0, 0, move[1]]])
    rows = tuple(tuple(float(v) for v in row) for row in matrix)
    geometry = Geometry(rows, False, 1.5, 1.5, 0.0, 0.1, 9, (0, 0, 1, 1), (0, 0, 1, 1))
    changed = np.zeros((16, 20), dtype=bool)
    regions = ()
    if cells is not None:
        changed[cells] = True
        box = (0.0, 0.0, 160.0, 128.0)
        regions = (Region(1, kind, "it", tuple(range(count)), (box,) * count, 1.0, 0.1),)
    findings = (
        Finding("a", "", Verdict.SUPPORTED, ()),
        Finding("c", "", Verdict.SUPPORTED if kind == "face" and regions else Verdict.NOT_SUPPORTED, ()),
    )  # fmt: skip
    return Comparison(
        status=Status.COMPARED,
        reason="",
        reference=INFO,
        suspect=INFO,
        stretches=(stretch,),
        geometry=geometry,
        regions=regions,
        findings=findings,
        pairs=pairs,
        masks=Masks(np.repeat(np.packbits(changed)[None], count, axis=0), 16, 20),
    )


def a_record(truth, comparison, **changes):
    case = {**truth.case, **changes}
    record = {"name": "x", "case": case, "tags": ["crop", "film"], "seconds": 2.0}
    record["judged"] = judge(truth, comparison)
    record["failures"] = failures(record)
    return json.loads(json.dumps(record))


ALTERED = {"alteration": {"outline": "inner", "blend": "feathered"}, "plain": False}
FACE_CELLS = np.s_[4:8, 6:12]


class TestJudging:
    def test_a_perfect_answer(self):
        truth = a_truth(altered=True)
        record = a_record(truth, a_comparison(truth, cells=FACE_CELLS), **ALTERED)
        judged = record["judged"]
        assert judged["matched"]
        assert judged["offset_exact"]
        assert judged["exact_share"] == 1
        assert judged["corner_max_px"] == 0
        assert judged["iou_blended"] > 0.9
        assert record["failures"] == []

    def test_one_frame_off_is_not_exact(self):
        truth = a_truth()
        judged = judge(truth, a_comparison(truth, shift=1))
        assert not judged["offset_exact"]
        assert judged["within_one_share"] == 1
        assert judged["median_offset_error"] == 1
        assert judged["wrong_stretches"] == 0

    def test_one_frame_off_is_right_where_two_are_equally_near(self):
        truth = a_truth(resampled=True)
        judged = judge(truth, a_comparison(truth, shift=-1))
        assert judged["offset_exact"]
        assert judged["strictly_exact_share"] == 0
        assert not judge(truth, a_comparison(truth, shift=2))["offset_exact"]

    def test_frames_that_look_alike_count_as_one(self):
        truth = a_truth()
        alike = Truth(**{**truth.__dict__, "alike": np.arange(200) // 100})
        assert judge(alike, a_comparison(truth, shift=1))["offset_exact"]

    def test_frames_left_out_count_unless_they_lie_at_an_edge(self):
        truth = a_truth()
        comparison = a_comparison(truth)
        edges = Comparison(**{**comparison.__dict__, "pairs": comparison.pairs[3:-3]})
        assert judge(truth, edges)["offset_exact"]
        few = Comparison(**{**comparison.__dict__, "pairs": comparison.pairs[8:]})
        judged = judge(truth, few)
        assert not judged["offset_exact"]
        assert judged["paired_share"] == pytest.approx(29 / 34)

    def test_frames_at_a_joint_do_not_count(self):
        truth = a_truth()
        parts = (np.arange(40) >= 20).astype(np.int64)
        joined = Truth(**{**truth.__dict__, "parts": parts})
        comparison = a_comparison(truth)
        kept = tuple(p for p in comparison.pairs if not 17 <= p.suspect_frame < 23)
        less = Comparison(**{**comparison.__dict__, "pairs": kept})
        assert judge(joined, less)["exact_share"] == 1
        assert judge(truth, less)["exact_share"] < 0.9

    def test_a_stretch_from_elsewhere_is_wrong_even_beside_a_right_one(self):
        truth = a_truth()
        comparison = a_comparison(truth)
        false = Stretch(10, 20, 100, 110, (0, 1), (0, 1), 1.0, 0.5, 0.4)
        both = Comparison(**{**comparison.__dict__, "stretches": (*comparison.stretches, false)})
        judged = judge(truth, both)
        assert judged["wrong_stretches"] == 1
        assert not judged["offset_exact"]

    def test_corner_error_is_the_shift(self):
        truth = a_truth()
        record = a_record(truth, a_comparison(truth, move=(3.0, 4.0)), plain=False)
        assert record["judged"]["corner_mean_px"] == pytest.approx(5)
        assert record["failures"] == ["corners: 5.0 px"]

    def test_iou_of_half_the_face_is_a_half(self):
        truth = a_truth(altered=True)
        judged = judge(truth, a_comparison(truth, cells=np.s_[4:8, 6:9]))
        assert judged["iou_blended"] == pytest.approx(0.5, abs=0.06)

    def test_change_outside_of_faces_is_no_face(self):
        truth = a_truth(altered=True)
        judged = judge(truth, a_comparison(truth, cells=FACE_CELLS, kind="other"))
        assert judged["iou_blended"] == 0
        assert judged["iou_blended_all"] > 0.9

    def test_what_lies_over_the_picture_is_left_out_of_both(self):
        truth = a_truth(altered=True)
        covered = Truth(**{**truth.__dict__, "overlays": (("sticker", 0, 39, 72, 0, 160, 128),)})
        judged = judge(covered, a_comparison(truth, cells=np.s_[4:8, 6:9]))
        assert judged["iou_blended"] > 0.9

    def test_a_face_that_was_not_altered(self):
        truth = a_truth()
        record = a_record(truth, a_comparison(truth, cells=FACE_CELLS), plain=False)
        assert record["judged"]["face_regions"] == 1
        assert record["failures"] == ["a face reported as changed that is not"]

    def test_no_match_of_a_derived_pair(self):
        truth = a_truth(altered=True)
        nothing = Comparison(Status.NO_MATCH, "nothing shared", INFO, INFO)
        record = a_record(truth, nothing, **ALTERED)
        assert not record["judged"]["matched"]
        assert record["judged"]["iou_blended"] == 0
        assert record["judged"]["corner_mean_px"] is None
        assert record["failures"] == ["not matched: no_match (nothing shared)"]

    def test_a_match_of_an_unrelated_pair(self):
        truth = Truth(**{**a_truth().__dict__, "matrix": None})
        record = a_record(truth, a_comparison(a_truth()), kind="unrelated")
        assert record["failures"] == ["unrelated, but compared; a supported"]


def figure(rows, start):
    (row,) = [r for r in rows if r.figure.startswith(start)]
    return row


class TestTable:
    def records(self):
        truth, altered = a_truth(), a_truth(altered=True)
        good = a_record(truth, a_comparison(truth))
        off = a_record(truth, a_comparison(truth, shift=5), plain=False)
        forged = a_record(altered, a_comparison(altered, cells=FACE_CELLS), **ALTERED)
        failed = {**good, "case": {**forged["case"]}, "error": "ValueError: x"}
        del failed["judged"]
        nothing = {"status": "no_match", "findings": {}, "regions": []}
        take = [
            {**good, "case": {**good["case"], "kind": "other take"}, "judged": nothing}
            for _ in range(50)
        ]
        return [*([good] * 6), *([off] * 2), forged, failed, *take]

    def test_counts_and_bounds(self):
        rows = table.summary(self.records())
        matched = figure(rows, "derived: matched")
        assert (matched.value, matched.n) == ("90.0%", 10)
        exact = figure(rows, "derived: offset exact")
        assert (exact.value, exact.n, exact.good) == ("70.0%", 10, False)
        plain = figure(rows, "plain re-encodings")
        assert (plain.value, plain.n, plain.good) == ("100.0%", 6, True)
        named = figure(rows, "altered: c supported")
        assert (named.value, named.n) == ("50.0%", 2)
        take = figure(rows, "other take: reported as a match")
        assert (take.value, take.n, take.interval) == ("0", 50, "at most 5.8%")
        assert figure(rows, "errors").value == "1"

    def test_an_altered_case_that_failed_has_an_iou_of_nothing(self):
        rows = table.summary(self.records())
        iou = figure(rows, "altered, feathered: IoU with blended")
        assert iou.n == 2
        assert float(iou.value) == pytest.approx(0.5, abs=0.05)

    def test_no_cases_of_a_kind_make_a_line_without_a_number(self):
        rows = table.summary(self.records()[:3])
        assert figure(rows, "unrelated: reported").n == 0
        assert figure(rows, "altered: c supported").value == "-"
        assert figure(rows, "altered: c supported").good is None

    def test_slices_have_the_worst_first(self):
        good, bad = self.records()[0], self.records()[6]
        records = [{**good, "tags": ["trim"]}] * 5 + [{**bad, "tags": ["speed"]}] * 5
        (rows,) = (rows for title, rows in table.slices(records) if title == "offset exact")
        assert [(r.figure.strip(), r.value) for r in rows] == [
            ("speed", "0.0%"),
            ("trim", "100.0%"),
        ]
        assert "speed" in table.printed(records)

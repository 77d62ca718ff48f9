"""Where stretches end, and which of two neighbours is left."""

from types import SimpleNamespace

import numpy as np
import pytest

from unswap.experiments.comparison import edges
from unswap.experiments.comparison.lines import Line
from unswap.experiments.comparison.pairing import AlignedStretch, Paired
from unswap.experiments.comparison.timing import Segment
from unswap.experiments.comparison.weighing import Evidence


def _stretch(first: int, count: int, start: int) -> AlignedStretch:
    places = np.arange(first, first + count)
    line = Line(first, first + count - 1, float(start), 1.0)
    segment = Segment(line, Evidence(0.9, 0.2, 1.0, True), (first, first + count - 1))
    return AlignedStretch(segment, Paired(places, places - first + start, np.ones(count), True))


@pytest.mark.parametrize(
    ("own", "taken", "left"),
    [
        (4.0, 1.0, 1),  # the neighbour explains it better: one stretch
        (1.0, 4.0, 2),  # worse, though it would hold
        (9.0, 8.0, 2),  # as well, but neither holds: nothing speaks for the neighbour
        (500.0, 900.0, 2),  # both are far off; differences above some bound count as much
    ],
)
def test_a_neighbour_takes_a_stretch_over_only_where_it_holds(
    monkeypatch: pytest.MonkeyPatch, own: float, taken: float, left: int
) -> None:
    class Course:
        def __init__(self, *given: object) -> None:
            self.stretch = given[3]

        def reference_of(self, places: np.ndarray) -> np.ndarray:
            paired = self.stretch.paired
            return paired.reference[0] + places - paired.suspect[0]

        def costs_against(self, places: np.ndarray, wanted: np.ndarray) -> np.ndarray:
            mine = np.array_equal(wanted, self.reference_of(places))
            return np.full(len(places), taken if mine else own)

        def over(self, first: int, last: int) -> Paired:
            places = np.arange(first, last + 1)
            return Paired(places, self.reference_of(places), np.ones(len(places)), True)

    monkeypatch.setattr(edges, "_Course", Course)
    scan = SimpleNamespace()
    given = (_stretch(0, 20, 100), _stretch(20, 60, 300))
    found = edges._taken_over(scan, scan, np.eye(2, 3), given, 30.0)
    assert len(found) == left
    if left == 1:
        assert found[0].paired.suspect.tolist() == list(range(80))
        assert found[0].paired.reference[0] == 280

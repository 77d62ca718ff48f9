"""The people of a report: a video's tracks, numbered from the highest score down."""

from dataclasses import dataclass

from ...detectors.scores import FrameScore, TrackScore, VideoScore

MARKERS = ("circle", "square", "triangle", "diamond", "down", "bar")
NUM_COLOURS = 8


@dataclass(frozen=True)
class Person:
    """One track as the report names it.

    `number`: 1 for the highest track score. `track_index`: its place in `VideoScore.tracks`, which
    pictures and points are keyed by. `colour`: 0 to 7, a class of the style sheet. `marker`: the
    shape of its points.
    """

    number: int
    track_index: int
    track: TrackScore
    colour: int
    marker: str

    @property
    def label(self) -> str:
        return f"Person {self.number}"


def people_of(score: VideoScore) -> tuple[Person, ...]:
    """Every track with a frame; equal scores keep the tracks' order."""
    order = sorted(
        (i for i, track in enumerate(score.tracks) if track.frames),
        key=lambda i: -score.tracks[i].score,
    )
    return tuple(
        Person(
            number=rank + 1,
            track_index=index,
            track=score.tracks[index],
            colour=rank % NUM_COLOURS,
            marker=MARKERS[rank % len(MARKERS)],
        )
        for rank, index in enumerate(order)
    )


def extremes(frames: tuple[FrameScore, ...], each: int) -> tuple[list[int], list[int]]:
    """Places in `frames` of the `each` highest scores (falling) and `each` lowest (rising).

    No frame stands in both: of fewer than `2 * each` frames, the upper half is the first.
    """
    order = sorted(range(len(frames)), key=lambda i: (-frames[i].score, frames[i].frame_index))
    num_high = min(each, (len(order) + 1) // 2)
    num_low = min(each, len(order) - num_high)
    return order[:num_high], order[len(order) - num_low :][::-1]

"""Which clips are made: every one by name, so that any of them can be made again alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ....datasets.manifests import Video, video_id
from ....datasets.moving.transport import Encoding
from .faces import Film
from .forging import TRAINING, VALIDATING

BENCHMARK = "made-clips"
GENUINE = "genuine"
_GOLDEN = 0.6180339887498949
CONDITIONS = (Encoding(23), Encoding(32), Encoding(23, scale=0.5), Encoding(32, scale=0.5))


@dataclass(frozen=True)
class Subject:
    """Whose clip: a portrait's number (`portrait`), or a film and its first frame."""

    portrait: int | None = None
    film: Film | None = None
    first: int = 0

    @property
    def name(self) -> str:
        return f"p{self.portrait:03}" if self.film is None else f"{self.film.name}-{self.first:05}"

    @property
    def person(self) -> str:
        return f"p{self.portrait:03}" if self.film is None else self.film.person


@dataclass(frozen=True)
class PairPlan:
    """A genuine clip and forged ones of the same frames, all encoded alike.

    `split`, `round`: what it is for; with the subject it names the pair and seeds all that is
    random. `ways`: of forging; empty: drawn (training). `encoding`: None: drawn (training).
    """

    split: str
    round: int
    subject: Subject
    ways: tuple[str, ...] = ()
    encoding: Encoding | None = None

    @property
    def stem(self) -> str:
        return f"{self.split}/{self.round:03}/{self.subject.name}"


def plan_pairs(
    people: Mapping[str, Sequence[int]],
    films: Sequence[Film],
    film_frames: Mapping[str, int],
    *,
    rounds: int,
    film_windows: Mapping[str, int],
    num_frames: int,
) -> Iterator[PairPlan]:
    """All pairs: `rounds` of each person who trains, and the validation's conditions for the others.

    Args:
        people: portraits by split.
        films: the filmed clips.
        film_frames: frames of each film, by name.
        rounds: pairs of each person who trains; a round's film windows lie elsewhere each time.
        film_windows: windows by split: of a round, or of each condition.
        num_frames: of a clip.
    """
    for number in range(rounds):
        for p in people["train"]:
            yield PairPlan("train", number, Subject(p))
        for subject in _windows(films, film_frames, "train", film_windows, num_frames, number):
            yield PairPlan("train", number, subject)
    for split in ("val", "test"):
        subjects = [Subject(p) for p in people[split]]
        subjects += _windows(films, film_frames, split, film_windows, num_frames, 0)
        for number, encoding in enumerate(CONDITIONS):
            for subject in subjects:
                yield PairPlan(split, number, subject, VALIDATING, encoding)


def _windows(
    films: Sequence[Film],
    frames: Mapping[str, int],
    split: str,
    count: Mapping[str, int],
    num_frames: int,
    number: int,
) -> list[Subject]:
    """So many windows spread over the split's films, by their lengths, shifted from round to round."""
    mine = [f for f in films if f.split == split]
    total = sum(frames[f.name] for f in mine)
    out: list[Subject] = []
    for film in mine:
        share = round(count.get(split, 0) * frames[film.name] / total)
        room = frames[film.name] - num_frames
        for k in range(share):
            shift = number * _GOLDEN % 1  # each round falls between the earlier ones
            out.append(Subject(film=film, first=int(room * (k + shift) / share)))
    return out


def video_of(plan: PairPlan, way: str | None, source: str | None = None) -> Video:
    """A clip's row of the manifest. `way`: None for the genuine one. `source`: whose face a forged
    one shows; None where that is not known."""
    condition = None if plan.encoding is None else condition_name(plan.encoding)
    name = plan.stem.partition("/")[2]
    genuine = video_id(BENCHMARK, None, condition, name)
    return Video(
        video_id=genuine if way is None else video_id(BENCHMARK, way, condition, name),
        path=f"{plan.stem}-{way or GENUINE}.mp4",
        label=0 if way is None else 1,
        kind=None if way is None else "swap",
        method=way,
        compression=condition,
        split=plan.split,
        source_id=plan.subject.person if way is None else source,
        target_id=plan.subject.person,
        original=None if way is None else genuine,
        group=plan.subject.person,
    )


def condition_name(encoding: Encoding) -> str:
    """
    >>> condition_name(Encoding(23)), condition_name(Encoding(32, scale=0.5))
    ('crf23', 'crf32-0.5')
    """
    return f"crf{encoding.crf}" + ("" if encoding.scale == 1 else f"-{encoding.scale:g}")


def training_ways() -> tuple[list[str], list[float]]:
    """Their names and shares."""
    return list(TRAINING), list(TRAINING.values())

"""A toy benchmark for the audits' tests: small encoded clips, listed in a manifest of their own."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from clips import write_video

from unswap.datasets.benchmarks import Card, Expected, Problem, Reading, Trees
from unswap.datasets.manifests import Manifest, Video

PEOPLE = 20
SPLIT_OF = ["train"] * 12 + ["val"] * 4 + ["test"] * 4


def card(name: str = "toy", **changes) -> Card:
    plain = Card(
        name=name,
        title="Toy Forensics",
        paper="Nobody, Nothing, 2020",
        bibtex="@misc{toy}",
        url="https://example.org",
        licence="none",
        access="none",
        trees={"toy": "the clips"},
        layout="videos.csv",
        expected=(Expected(None, PEOPLE), Expected("Swap", PEOPLE)),
        split="in the table",
    )
    return replace(plain, **changes)


@dataclass(frozen=True)
class Toy:
    """An adapter that reads `videos.csv`, and reports what it is told to."""

    card: Card = field(default_factory=card)
    problems: tuple[Problem, ...] = ()
    youtube: dict[str, str] = field(default_factory=dict)

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        manifest = Manifest.read(trees.folder("toy") / "videos.csv")
        return Reading(list(manifest.videos()), list(self.problems), self.youtube)


def real(person: int) -> Video:
    return Video(
        f"toy/real/-/{person:02d}",
        f"real/{person:02d}.mp4",
        0,
        split=SPLIT_OF[person],
        source_id=f"p{person:02d}",
        target_id=f"p{person:02d}",
        group=f"g{person:02d}",
    )


def fake(person: int) -> Video:
    return Video(
        f"toy/Swap/-/{person:02d}",
        f"fake/{person:02d}.mp4",
        1,
        kind="swap",
        method="Swap",
        split=SPLIT_OF[person],
        source_id=f"donor{person:02d}",
        target_id=f"p{person:02d}",
        original=f"toy/real/-/{person:02d}",
        group=f"g{person:02d}",
    )


def videos() -> list[Video]:
    """Twenty people, a real video and a fake of it each; nothing is wrong with them."""
    return [real(p) for p in range(PEOPLE)] + [fake(p) for p in range(PEOPLE)]


def changed(name: str, **changes) -> list[Video]:
    """The same, with one of them changed."""
    found = [replace(v, **changes) if v.video_id == name else v for v in videos()]
    assert found != videos()
    return found


def write_tree(root: Path, crf_of: Callable[[int], int]) -> Path:
    """Encodes the clips; a fake shows its original turned around, so both take as many bits."""
    for label, folder in enumerate(("real", "fake")):
        (root / folder).mkdir(parents=True)
        for person in range(PEOPLE):
            rng = np.random.default_rng([1, person])
            coarse = rng.integers(0, 256, (12, 12, 3)).repeat(6, axis=0).repeat(6, axis=1)
            noise = rng.normal(0, 2 + person, coarse.shape)
            picture = np.clip(coarse + noise, 0, 255).astype(np.uint8)
            frames = [picture[i % 8 :, i % 8 :][:64, :64] for i in range(10)]
            frames = [frame[:, ::-1] if label else frame for frame in frames]
            write_video(root / folder / f"{person:02d}.mp4", map(np.ascontiguousarray, frames),
                        crf=crf_of(label))  # fmt: skip
    write_table(root, videos())
    return root


def write_table(root: Path, rows: list[Video]) -> None:
    Manifest.from_videos(rows).write(root / "videos.csv")

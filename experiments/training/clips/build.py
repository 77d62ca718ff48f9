"""Makes the clips, and cuts the faces out of them with the code that scores videos."""

import importlib.metadata
import json
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import cv2
import torch
from tqdm import tqdm

from ....datasets.decoding import VideoReader
from ....datasets.faces import FaceDetector, create_face_detector
from ....datasets.manifests import Manifest, Video
from ....datasets.registry import unknown_name
from ....datasets.shards.layout import PrepareSpec
from ....datasets.types import SamplingSpec
from ...preparing.run import prepare
from ..errors import BadRecipe
from ..portraits import PORTRAITS, Portrait, fetch, portraits
from .autoencoder import Autoencoder, read_autoencoder, save_autoencoder, train_autoencoder
from .faces import SPLITS, Film, Window, as_picture, digest, films, read_window, split_people
from .making import make_pair
from .plans import GENUINE, PairPlan, plan_pairs, video_of

FILM_WINDOWS = {"train": 60, "val": 24, "test": 8}


@dataclass(frozen=True)
class ClipSettings:
    """How many clips, and of whom. `rounds`: pairs of each person who trains. `people_val`,
    `people_test`: portraits that choose, and that are reported on. `num_frames`: of a clip;
    `train_frames`, `check_frames`: of those that are cut out. `margin`: of what is cut out, at
    most `max_size` pixels. `benign`: genuine differences within pictures. `seed`: of everything."""

    rounds: int = 10
    people_val: int = 70
    people_test: int = 70
    num_frames: int = 10
    train_frames: int = 3
    check_frames: int = 4
    margin: float = 1.6
    max_size: int = 320
    film_windows: dict[str, int] = field(default_factory=lambda: dict(FILM_WINDOWS))
    benign: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        counts = ("rounds", "people_val", "people_test", "num_frames", "train_frames",
                  "check_frames", "max_size")  # fmt: skip
        wrong = [
            f"{name}: expected a whole number of at least 1, got {getattr(self, name)!r}"
            for name in counts
            if type(getattr(self, name)) is not int or getattr(self, name) < 1
        ]
        windows = self.film_windows
        if not isinstance(windows, dict) or windows.keys() - set(SPLITS):
            wrong.append(f"film_windows: expected numbers by {', '.join(SPLITS)}, got {windows!r}")
        if wrong:
            raise BadRecipe("; ".join(wrong))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "ClipSettings":
        """From a recipe's keys and values. Raises BadRecipe for what is unknown or impossible."""
        known = {f.name for f in fields(cls)}
        unknown = [
            unknown_name("setting of clips", str(k), known) for k in values if k not in known
        ]
        if unknown:
            raise BadRecipe("; ".join(unknown))
        return cls(**values)


def build(cache: Path, out: Path, settings: ClipSettings, *, jobs: int) -> dict[str, Path]:
    """Makes what isn't there yet; a run that was killed goes on.

    Args:
        cache: where packages are unpacked.
        out: the clips, `clips/`; their manifests, `train.parquet` and so on; the crops, `crops/`.
        settings: how many, of whom.
        jobs: processes.

    Returns:
        The folder of prepared crops of each split.

    Raises:
        RuntimeError: packages can't be fetched. ValueError: `out` was begun with other settings.
    """
    out.mkdir(parents=True, exist_ok=True)
    _same_settings(out / "settings.json", settings)
    people = portraits(fetch(PORTRAITS, cache, source=True), create_face_detector())
    split = split_people(people, settings.people_val, settings.people_test)
    filmed = films(cache)
    model_file = out / "autoencoder.npz"
    trained = train_autoencoder([as_picture(people[p]) for p in split["train"]], settings.seed)
    save_autoencoder(trained, model_file)
    plans = list(
        plan_pairs(
            split,
            filmed,
            {film.name: _length(film) for film in filmed},
            rounds=settings.rounds,
            film_windows=settings.film_windows,
            num_frames=settings.num_frames,
        )
    )
    folders: dict[str, Path] = {}
    for name in SPLITS:
        mine = [p for p in plans if p.split == name]
        _make(mine, people, split, out, settings, model_file, jobs)
        manifest = out / f"{name}.parquet"
        _manifest(out, mine, manifest)
        folders[name] = out / "crops" / (f"train-{settings.rounds}" if name == "train" else name)
        frames = settings.train_frames if name == "train" else settings.check_frames
        spec = PrepareSpec(SamplingSpec(frames), settings.margin, settings.max_size)
        summary = prepare(
            Manifest.read(manifest),
            {"": out / "clips"},
            folders[name],
            spec,
            version=importlib.metadata.version("unswap"),
            jobs=jobs,
            resume=True,
        )
        print("\n".join([name, *summary.lines()]), flush=True)
    return folders


def donor_of(plan: PairPlan, split: Sequence[int], seed: int) -> int:
    """The portrait whose face is laid over a pair's: another person of the same split."""
    others = [p for p in split if p != plan.subject.portrait]
    return others[digest(seed, "donor", plan.stem)[0] % len(others)]


def _make(
    plans: Sequence[PairPlan],
    people: Sequence[Portrait],
    split: dict[str, list[int]],
    out: Path,
    settings: ClipSettings,
    model_file: Path,
    jobs: int,
) -> None:
    todo = [p for p in plans if not _done_file(out, p).exists()]
    if not todo:
        return
    with ProcessPoolExecutor(
        jobs,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start,
        initargs=(list(people), split, out, settings, model_file),
    ) as pool:
        for _ in tqdm(
            pool.map(_work, todo, chunksize=8), total=len(todo), unit="pair", desc="clips"
        ):
            pass


@dataclass
class _Worker:
    people: list[Portrait]
    split: dict[str, list[int]]
    out: Path
    settings: ClipSettings
    model: Autoencoder
    faces: FaceDetector


_worker: list[_Worker] = []


def _start(
    people: list[Portrait],
    split: dict[str, list[int]],
    out: Path,
    settings: ClipSettings,
    model_file: Path,
) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    model = read_autoencoder(model_file)
    _worker.append(_Worker(people, split, out, settings, model, create_face_detector()))


def _work(plan: PairPlan) -> None:
    w = _worker[0]
    subject = plan.subject
    material: Portrait | Window | None
    if subject.film is None:
        assert subject.portrait is not None
        material = w.people[subject.portrait]
    else:
        material = read_window(subject.film, subject.first, w.settings.num_frames, w.faces)
    made: dict[str, object] = {"ways": None}
    if material is not None:
        donor = donor_of(plan, w.split[plan.split], w.settings.seed)
        ways = make_pair(
            plan,
            material,
            w.people[donor],
            w.out / "clips",
            w.settings.num_frames,
            w.model,
            seed=w.settings.seed,
            benign=w.settings.benign and plan.encoding is None,
        )
        made = {"ways": ways, "donor": f"p{donor:03}"}
    file = _done_file(w.out, plan)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(made))
    part.rename(file)


def _done_file(out: Path, plan: PairPlan) -> Path:
    return out / "made" / f"{plan.stem}.json"


def _manifest(out: Path, plans: Sequence[PairPlan], path: Path) -> None:
    """The clips that could be made; a film's window without a face gives none."""
    videos: list[Video] = []
    for plan in plans:
        made = json.loads(_done_file(out, plan).read_text())
        for way in made["ways"] or ():
            if way == GENUINE:
                videos.append(video_of(plan, None))
            else:
                videos.append(video_of(plan, way, _source(plan, way, made["donor"])))
    Manifest.from_videos(videos).write(path)


def _source(plan: PairPlan, way: str, donor: str) -> str | None:
    """Whose face a forged clip shows; None where it is one of two, and not kept which."""
    if way == "resampled":
        return None
    return plan.subject.person if way in ("self-blended", "autoencoded") else donor


def _same_settings(path: Path, settings: ClipSettings) -> None:
    now = asdict(settings)
    if not path.exists():
        path.write_text(json.dumps(now, indent=1))
        return
    begun = json.loads(path.read_text())
    changed = [k for k in now if k != "rounds" and begun.get(k) != now[k]]
    if changed:
        raise ValueError(
            f"{path}: begun with other settings ({', '.join(changed)}); choose another folder"
        )


def _length(film: Film) -> int:
    with VideoReader(film.path, threads=1) as reader:
        return reader.info.num_frames

"""DF40: forty methods of forgery, as face crops."""

import re
from pathlib import Path

from ..manifests import Video, video_id
from ..registry import unknown_name
from .base import BENCHMARKS, BadBenchmark, Card, Problem, Reading, Trees
from .deepfakebench_labels import meaning_of
from .df40_methods import METHODS
from .frame_lists import FrameList, find_below, json_files, missing_frames, read_list

CARD = Card(
    name="df40",
    title="DF40",
    paper="Yan, Yao, Chen, Zhao, Fu, Zhu, Luo, Wang, Ding, Wu, Yuan: DF40: Toward Next-Generation "
    "Deepfake Detection, NeurIPS 2024 Datasets and Benchmarks",
    bibtex="""@inproceedings{yan2024df40,
  title     = {{DF40}: Toward Next-Generation Deepfake Detection},
  author    = {Yan, Zhiyuan and Yao, Taiping and Chen, Shen and Zhao, Yandan and Fu, Xinghe
               and Zhu, Junwei and Luo, Donghao and Wang, Chengjie and Ding, Shouhong
               and Wu, Yunsheng and Yuan, Li},
  booktitle = {Advances in Neural Information Processing Systems (Datasets and Benchmarks)},
  volume    = {37},
  year      = {2024}
}""",
    url="https://github.com/YZY-stack/DF40",
    licence="CC BY-NC 4.0",
    access="ask by the form at https://github.com/YZY-stack/DF40; the real frames of FF++ and "
    "Celeb-DF are linked there too",
    trees={
        "df40": "the folder that holds dataset_json/ and DF40/ (and DF40_train/)",
        "ffpp": "the folder that holds FaceForensics++/ with the real frames, if you have them",
        "cdf2": "the folder that holds Celeb-DF-v2/ with the real frames, if you have them",
    },
    layout="""dataset_json/*.json
DF40/<method>/{ff,cdf}/frames/<video>/*.png
DF40/<method>/{fake,real}/.../*.png (methods with real pictures of their own)
DF40_train/<method>/frames/<video>/*.png
(the frames as the lists name them; the folder that is given may be DF40 itself)
ffpp: FaceForensics++/original_sequences/youtube/c23/frames/000/*.png
cdf2: Celeb-DF-v2/{Celeb-real,YouTube-real}/frames/<video>/*.png""",
    expected=(),
    split="in the lists: DF40/ is for testing, DF40_train/ for training",
    notes=(
        "the layout inside the archives was taken from public code that reads them; the lists "
        "themselves were not at hand: in some copies their paths and the folders differ (a level "
        "ff/ or frames/ too many), which shows as missing folders",
        "people are taken from the names as FF++ and Celeb-DF write them (target_source); that the "
        "methods keep this order is not stated",
        "wholly synthetic and edited faces (synthesis) belong to the video that they were made "
        "from, as its group, without a person",
        "some methods (StarGAN, MidJourney) have single images in one folder, no sequences: where "
        "a list names each as a video they are left out, and reported",
        "a video in several lists is one row; one in several splits is in test, then val, then "
        "train",
        "the frames are face crops: other crops can't be had",
    ),
)
_TREES = {"DF40": "df40", "DF40_train": "df40", "FaceForensics++": "ffpp", "Celeb-DF-v2": "cdf2"}
_FF = re.compile(r"(\d{3})(?:_(\d{3}))?")
_CELEB = re.compile(r"(id\d+)(?:_(id\d+))?_\d+")


class _Df40:
    card = CARD

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        """See `Benchmark.read`."""
        root = trees.folder("df40")
        paths = json_files(root)
        if not paths:
            raise BadBenchmark(
                f"{root}: no list of frames lies there; put DF40's dataset_json folder there, or "
                "give the folder that holds it as --root"
            )
        reading = Reading([])
        read: dict[str, Video] = {}
        for path in paths:
            lists, problems = read_list(path, root)
            reading.problems.extend(problems)
            absent: dict[str, int] = {}
            for frames in lists:
                label = meaning_of(frames.entry.label, path)[0]
                _add(reading, read, trees, path, frames, label, absent)
            for tree, count in absent.items():
                text = (
                    f"{count} real videos of this list lie in another tree, and are left out: "
                    f"give the folder that holds their frames as --root {tree}=FOLDER"
                )
                reading.problems.append(Problem("missing", path.relative_to(root).as_posix(), text))
        reading.videos.extend(read.values())
        return reading


def _add(
    reading: Reading,
    read: dict[str, Video],
    trees: Trees,
    path: Path,
    frames: FrameList,
    label: int,
    absent: dict[str, int],
) -> None:
    listed = "/".join(frames.folder)
    start = next((i for i, part in enumerate(frames.folder) if part in _TREES), None)
    if start is None or len(frames.folder) < start + 3:
        text = f"{path.name}: expected a folder below {', '.join(_TREES)}"
        reading.problems.append(Problem("name", listed, text))
        return
    parts = frames.folder[start:]
    tree = _TREES[parts[0]]
    if tree != "df40" and tree not in trees.roots:
        absent[tree] = absent.get(tree, 0) + 1
        return
    if label != (tree == "df40" and "real" not in parts[2:]):
        text = f"{path.name} labels it {frames.entry.label}, which does not fit its folder"
        reading.problems.append(Problem("polarity", listed, text))
        return
    if tree == "df40" and parts[1].lower() not in METHODS:
        text = f"{path.name}: {unknown_name('method', parts[1], METHODS)}"
        reading.problems.append(Problem("name", listed, text))
        return
    root = trees.folder(tree)
    place = find_below(root, parts, len(parts) - 1)
    count = missing_frames(frames, root / place)[0] if place is not None else len(frames.names)
    if place is None or count:
        text = f"{count} of {len(frames.names)} frames that {path.name} names are not there"
        reading.problems.append(Problem("missing", listed, text))
    if place is None or count == len(frames.names):
        return
    video = _video(parts, tree, place, label, frames.split)
    other = read.setdefault(video.video_id, video)
    if other != video:
        first, second = other.split, video.split
        text = f"{path.name} has it in the split {second}, a list before it in {first}"
        reading.problems.append(Problem("split", listed, text))


def _video(parts: tuple[str, ...], tree: str, place: str, label: int, split: str) -> Video:
    method = parts[1] if label else None
    kind = METHODS[parts[1].lower()] if label else None
    name = "/".join(parts)
    target, source = _people(parts)
    group = target or f"df40-{name}"
    if kind == "synthesis":
        target = source = None
    return Video(
        video_id=video_id("df40", method, None, name),
        root=tree,
        path=place,
        label=label,
        kind=kind,
        method=method,
        split=split,
        source_id=source if label else target,
        target_id=target,
        group=group,
    )


def _people(parts: tuple[str, ...]) -> tuple[str | None, str | None]:
    """Whose video it was and who gave the face, where the folder's name says so."""
    last = parts[-1]
    ff, celeb = _FF.fullmatch(last), _CELEB.fullmatch(last)
    if {"fake", "real"} & set(parts[2:]):
        return None, None  # methods with real pictures of their own: names of other data sets
    if celeb is not None:
        target, source = celeb.groups()
        return f"df40-cdf-{target}", f"df40-cdf-{source}" if source else None
    if ff is not None and "cdf" not in parts:
        target, source = ff.groups()
        return f"df40-ff-{target}", f"df40-ff-{source}" if source else None
    if parts[0] == "Celeb-DF-v2" and "YouTube-real" in parts:
        return f"df40-cdf-youtube-{last}", None
    return None, None


BENCHMARKS.register("df40")(_Df40())

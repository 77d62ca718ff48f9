"""Whatever was prepared with DeepfakeBench: frames, and JSON lists that name them."""

from pathlib import Path

from ..manifests import Video, video_id
from .base import BENCHMARKS, BadBenchmark, Card, Problem, Reading, Trees
from .deepfakebench_labels import meaning_of
from .frame_lists import FrameList, find_below, json_files, missing_frames, read_list

CARD = Card(
    name="deepfakebench",
    title="DeepfakeBench's prepared data",
    paper="Yan, Zhang, Yuan, Lyu, Wu: DeepfakeBench: A Comprehensive Benchmark of Deepfake "
    "Detection, NeurIPS 2023 Datasets and Benchmarks",
    bibtex="""@inproceedings{yan2023deepfakebench,
  title     = {{DeepfakeBench}: A Comprehensive Benchmark of Deepfake Detection},
  author    = {Yan, Zhiyuan and Zhang, Yong and Yuan, Xinhang and Lyu, Siwei and Wu, Baoyuan},
  booktitle = {Advances in Neural Information Processing Systems (Datasets and Benchmarks)},
  volume    = {36},
  year      = {2023}
}""",
    url="https://github.com/SCLBD/DeepfakeBench",
    licence="CC BY-NC 4.0 for its code and lists; each data set's frames stay under its own terms",
    access="prepare the data sets that you have with its scripts, or ask for each at its source",
    trees={"dfb": "the folder that holds the lists and the data sets' folders"},
    layout="""dataset_json/*.json (or preprocessing/dataset_json/*.json, or *.json)
FaceForensics++/original_sequences/youtube/c23/frames/000/*.png
FaceForensics++/manipulated_sequences/Deepfakes/c23/frames/000_003/*.png
Celeb-DF-v2/Celeb-real/frames/id0_0000/*.png ...
(the frames as the lists name them; folders of another machine before these are passed over, and
backslashes are read as slashes)""",
    expected=(),
    split="in the lists: train, val, test. Many lists name a video in several (those of Celeb-DF "
    "have the test videos in train and val too): it is taken as test, then val, then train",
    compressions=("raw", "c23", "c40"),
    notes=(
        "the frames are face crops, usually 32 per video at 256 px: other crops can't be had",
        "a row is a folder: all its pictures are read, also ones that the list leaves out",
        "every list in the folder is read: FF-DF.json repeats the real videos of "
        "FaceForensics++.json under another name, so keep only the lists that you want",
        "the lists say nothing of people and originals; use the benchmark's own adapter for that",
        "DFD, UADFV and the real videos of DeeperForensics have no split of their own: the lists "
        "have all their videos in all three",
    ),
)


class _DeepfakeBench:
    card = CARD

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        """See `Benchmark.read`."""
        root = trees.folder("dfb")
        paths = json_files(root)
        if not paths:
            raise BadBenchmark(
                f"{root}: no *.json lies there or in dataset_json/; put DeepfakeBench's lists "
                "there, or give the folder that holds them as --root"
            )
        reading = Reading([])
        read: dict[str, Video] = {}
        for path in paths:
            lists, problems = read_list(path, root)
            reading.problems.extend(problems)
            for frames in lists:
                label, kind = meaning_of(frames.entry.label, path)
                if compression is None or frames.entry.compression == compression:
                    _add(reading, read, root, path, frames, label, kind)
        reading.videos.extend(read.values())
        return reading


def _add(
    reading: Reading,
    read: dict[str, Video],
    root: Path,
    path: Path,
    frames: FrameList,
    label: int,
    kind: str | None,
) -> None:
    entry, listed = frames.entry, "/".join(frames.folder)
    if "/" in entry.dataset + entry.label_name + (entry.compression or ""):
        text = f"{path.name}: names with slashes: {entry.dataset}, {entry.label_name}"
        reading.problems.append(Problem("name", listed, text))
        return
    place = find_below(root, frames.folder)
    if place is None:
        text = f"{path.name} names this folder of frames, and it is not there"
        reading.problems.append(Problem("missing", listed, text))
        return
    count, first = missing_frames(frames, root / place)
    if count:
        text = (
            f"{count} of {len(frames.names)} frames that {path.name} names are not there: {first}"
        )
        reading.problems.append(Problem("missing", place, text))
    if count == len(frames.names):
        return
    method = entry.label_name if label else None
    name = f"{entry.label_name}/{entry.video}"
    video = Video(
        video_id=video_id(entry.dataset, method, entry.compression, name),
        root="dfb",
        path=place,
        label=label,
        kind=kind,
        method=method,
        compression=entry.compression,
        split=frames.split,
    )
    other = read.setdefault(video.video_id, video)
    if other != video:
        text = f"{path.name} says otherwise of {video.video_id} than a list before it"
        reading.problems.append(Problem("name", place, text))


BENCHMARKS.register("deepfakebench")(_DeepfakeBench())

"""What a report says in words: the score's standing, the facts, the settings, the command."""

import re
import shlex
import unicodedata
from dataclasses import dataclass
from pathlib import PurePath

from ...datasets.types import VideoInfo
from ...detectors.cards import GenuineReference, Measurement
from ...detectors.scores import Status, VideoScore

HIGHER = "higher means more like the detector's training forgeries"
MINUS = "\N{MINUS SIGN}"
MIN_CLIPS_FOR_PERCENTILE = 20
HIDDEN_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


@dataclass(frozen=True)
class KindWords:
    """How a `score_kind` is spoken of. `has_zero`: whether a zero line means something."""

    unit: str
    note: str
    has_zero: bool


KINDS = {
    "logit": KindWords(
        "logit",
        f"Uncalibrated logit: {HIGHER}. It is not a probability, and zero is not a threshold.",
        has_zero=True,
    ),
    "probability": KindWords(
        "number from 0 to 1, as the detector states it",
        f"Uncalibrated: {HIGHER}. Whatever the detector calls it, nothing here has shown that it "
        "can be read as a probability.",
        has_zero=False,
    ),
    "llr": KindWords(
        "log-likelihood ratio, as the detector states it",
        f"Uncalibrated for this report: {HIGHER}. Whether it can be read as a likelihood ratio "
        "for this video has not been tested here. It is not a probability.",
        has_zero=True,
    ),
    "ordinal": KindWords(
        "rank, as the detector states it",
        f"Uncalibrated: {HIGHER}. Only the order of such scores means something. It is not a "
        "probability.",
        has_zero=False,
    ),
}

STATUSES = {
    Status.SCORED: "A score was given.",
    Status.NO_FACE: "No face was found in the sampled frames.",
    Status.TOO_SMALL: "The faces found are too small for the detector.",
    Status.UNREADABLE: "The file could not be read as a video.",
    Status.REFUSED: "The detector refused the video.",
    Status.TIMEOUT: "The time limit was reached before a score was known.",
    Status.FAILED: "Scoring the video failed.",
}


@dataclass(frozen=True)
class Standing:
    """Where a score lies among `n` genuine clips: `below` of them lie below it, `tied` on it."""

    n: int
    below: int
    tied: int
    phrase: str
    detail: str


def visible(text: str) -> str:
    """Text with every character that is not seen (controls, text direction, ...) written out."""
    return "".join(
        c.encode("unicode_escape").decode("ascii")
        if unicodedata.category(c) in HIDDEN_CATEGORIES and c not in "\n\t"
        else c
        for c in text
    )


def number(value: float, digits: int = 2) -> str:
    """A number with `digits` decimals and a proper minus sign; no minus zero."""
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def ordinal(value: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th ..."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    ending = "th" if value % 100 in (11, 12, 13) else endings.get(value % 10, "th")
    return f"{value}{ending}"


def count(value: int, one: str, many: str) -> str:
    """`1 frame`, `2 frames`."""
    return f"{value:,} {one if value == 1 else many}"


def standing(genuine: GenuineReference, score: float) -> Standing:
    """Counts first; a percentile only between the ends, and only of 20 clips or more."""
    n = len(genuine.scores)
    below = sum(s < score for s in genuine.scores)
    tied = sum(s == score for s in genuine.scores)
    if below == n:
        phrase = f"above all {n} of {n}"
        detail = f"Beyond the set's highest score: n = {n} clips cannot say how far out that is."
    elif below == 0 and tied == 0:
        phrase = f"below all {n} of {n}"
        detail = f"Beyond the set's lowest score: n = {n} clips cannot say how far out that is."
    else:
        phrase = f"above {below} of {n}" + (f", level with {tied}" if tied else "")
        if n >= MIN_CLIPS_FOR_PERCENTILE:
            percentile = min(max(round(genuine.percentile(score)), 1), 99)
            detail = f"About the {ordinal(percentile)} percentile (n = {n}; "
            detail += f"one clip is {100 / n:.2g} percentile points)."
        else:
            detail = f"n = {n} clips are too few for a percentile."
    return Standing(n, below, tied, phrase, detail)


def file_name(score: VideoScore) -> str:
    """The last part of the path as given, or the video's id if there is none."""
    return PurePath(score.path).name or score.video_id


def video_facts(score: VideoScore) -> list[tuple[str, str]]:
    """(what, value) of the file; only what is known."""
    rows = [("Path as given", score.path), ("Video id", score.video_id)]
    video = score.input
    if video is None:
        return rows
    return [*rows, *file_facts(video)]


def file_facts(video: VideoInfo) -> list[tuple[str, str]]:
    """(what, value) of a file as it was probed."""
    turned = f"{video.rotation}° clockwise" if video.rotation else "none"
    return [
        ("SHA-256", video.sha256),
        ("Size", f"{video.bytes:,} bytes"),
        ("Container", video.container),
        ("Codec", video.codec),
        ("Pixel format", video.pixel_format or "not stated"),
        ("Picture as shown", f"{video.width} by {video.height} pixels"),
        ("Rotation by the player", turned),
        ("Mirrored by the player", "yes" if video.mirrored else "no"),
        ("Frame rate", f"{video.fps:.3f} frames per second on average"),
        ("Duration", f"{video.duration_seconds:.3f} seconds"),
        ("Frames", f"{video.num_frames:,} counted"),
    ]


def setting_facts(score: VideoScore) -> list[tuple[str, str]]:
    """(what, value) of how the score came to be."""
    rows = [
        ("Status", str(score.status)),
        ("Kind of score", score.score_kind),
        ("Aggregation", score.aggregation or "not stated"),
    ]
    if score.sampled_pts_seconds:
        first, last = min(score.sampled_pts_seconds), max(score.sampled_pts_seconds)
        sampled = count(len(score.sampled_pts_seconds), "frame", "frames")
        rows.append(("Sampled", f"{sampled}, from {first:.3f} s to {last:.3f} s"))
    else:
        rows.append(("Sampled", "not known"))
    if score.crop_spec:
        spec = "; ".join(f"{key} {shown(value)}" for key, value in score.crop_spec.items())
        rows.append(("Crop", spec))
    unchanged = score.condition == "none"
    rows.append(("Perturbation", "none: the file as it is" if unchanged else score.condition))
    if score.seconds:
        taken = "; ".join(f"{part} {seconds:.2f}" for part, seconds in score.seconds.items())
        rows.append(("Seconds taken", taken))
    return rows


def detector_facts(score: VideoScore) -> list[tuple[str, str]]:
    """(what, value) of the detector, down to its weights."""
    return [
        ("Detector", score.detector.name),
        ("Version", score.detector.version),
        ("Weights' SHA-256", score.detector.sha256),
    ]


def shown(value: object) -> str:
    """A setting's value in words: lists without brackets."""
    if isinstance(value, list | tuple):
        return ", ".join(shown(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def measured_value(m: Measurement) -> str:
    """To three decimals, or four figures from 100 on."""
    return _measured(m.value)


def measured_interval(m: Measurement) -> str:
    """`0.912 to 0.954`, or that there is none."""
    return (
        f"{_measured(m.interval[0])} to {_measured(m.interval[1])}" if m.interval else "none given"
    )


def _measured(value: float) -> str:
    return number(value, 3) if abs(value) < 100 else f"{value:.4g}"


def command_line(score: VideoScore) -> str:
    """The command that scores the file again, quoted for a POSIX shell (bash)."""
    words = ["unswap", "score", shell_quote(score.path)]
    if score.sampling_spec:
        words += ["--num-frames", str(score.sampling_spec["num_clips"])]
    words += ["--detector", shell_quote(score.detector.name)]
    alone = only_track(score)
    return " ".join(words if alone is None else [*words, "--person", str(alone)])


def only_track(score: VideoScore) -> int | None:
    """The track whose score is the video's, where the `aggregation` names one; else None."""
    named = re.search(r"/track-(\d+)$", score.aggregation)
    return int(named[1]) if named else None


def shell_quote(text: str) -> str:
    """One shell word, which no option parser takes for an option.

    Bytes that are no text, and characters that are not seen, are written out in bash's `$'...'`.
    """
    if text.startswith("-"):
        text = "./" + text
    if visible(text) == text and not set(text) & set("\n\t"):
        return shlex.quote(text)
    parts = []
    for c in text:
        if unicodedata.category(c) in HIDDEN_CATEGORIES:
            parts += [f"\\{byte:03o}" for byte in c.encode("utf-8", "surrogateescape")]
        else:
            parts.append("\\" + c if c in "\\'" else c)
    return "$'" + "".join(parts) + "'"

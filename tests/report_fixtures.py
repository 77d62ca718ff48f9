"""Made-up scores, cards and pictures for the report's tests. No picture is of a person."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from unswap.datasets.types import Float32, Uint8, VideoInfo
from unswap.detectors.cards import Card, GenuineReference, Measurement, TrainingData
from unswap.detectors.scores import (
    DetectorId,
    Evidence,
    FrameScore,
    Status,
    TrackEvidence,
    TrackScore,
    VideoScore,
)

SHA = "3f7a" * 16
WEIGHTS = "b01d" * 16
HOSTILE = "a'b\"</script><script>alert(1)</script>&amp; $(rm -rf x) 视频 \u202egnp.mp4"
DETECTOR = DetectorId("demo", WEIGHTS, "1.2.0")
WIDTH, HEIGHT = 1280, 720
Box = tuple[float, float, float, float]


def make_card(*, genuine: int = 61, **changes: Any) -> Card:
    """A card whose genuine set has scores spread around -2; `genuine=0`: none."""
    scores = np.random.default_rng(3).normal(-2, 0.9, genuine or 1).tolist()
    reference = GenuineReference(
        "interviews-2023",
        "61 clips of talking people, 720p H.264, filmed with their consent, none used in training.",
        tuple(scores),
    )
    card = Card(
        name="demo",
        version="1.2.0",
        summary="A small convolutional network trained on pseudo-fakes: real frames are blended "
        "with themselves, so that it looks for traces of blending, not for a certain generator.",
        licence="Apache-2.0",
        command="unswap train recipes/demo.yaml --seed 0 --out demo.safetensors",
        training_data=(
            TrainingData("talking-heads", 4120, "CC BY 4.0", "one frame of each clip"),
            TrainingData("portraits", 18_300, "CC0 1.0"),
        ),
        measured=(
            Measurement(
                "AUC",
                0.874,
                "held-out blends, unseen people",
                812,
                (0.851, 0.896),
                "bootstrap over people",
            ),
            Measurement(
                "EER (ROC convex hull)",
                0.207,
                "held-out blends, unseen people",
                812,
                (0.18, 0.236),
                "bootstrap over people",
            ),
            Measurement("AUC", 0.71, "face swaps by a tool not used in training", 64),
        ),
        limits=(
            "Heavy compression (c40) brings the scores of fake and real clips together.",
            "Not measured on children, masks or make-up.",
        ),
        recipe={"model": {"backbone": "resnet18", "size": 224}, "epochs": 12, "seed": 0},
        genuine=reference if genuine else None,
    )
    return replace(card, **changes)


def make_info(path: str, **changes: Any) -> VideoInfo:
    """A 12-second 720p video."""
    info = VideoInfo(
        path=path,
        sha256=SHA,
        bytes=8_123_456,
        container="mov,mp4,m4a,3gp,3g2,mj2",
        codec="h264",
        width=WIDTH,
        height=HEIGHT,
        fps=25.0,
        duration_seconds=12.0,
        num_frames=300,
        pixel_format="yuv420p",
    )
    return replace(info, **changes)


def make_score(
    *,
    people: int = 2,
    frames: int = 32,
    path: str = "exhibits/clip 07.mp4",
    evidence: bool = True,
    gaps: bool = True,
    heat: int = 2,
    grid: int = 7,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    **changes: Any,
) -> VideoScore:
    """A scored video; every second person misses frames 10 to 14 of those sampled, if `gaps`."""
    rng = np.random.default_rng(people * 1000 + frames)
    index = np.linspace(2, 296, frames).astype(int)
    times = index / 25
    tracks, kept = [], []
    boxes: dict[int, list[Box]] = {int(i): [] for i in index}
    for person in range(people):
        places = [k for k in range(frames) if not (gaps and person % 2 and 10 <= k < 15)]
        logits = 1.8 - 0.45 * person + np.cumsum(rng.normal(0, 0.35, len(places)))
        side = size[1] * 0.32 / (1 + 0.15 * person)
        x = size[0] * (0.1 + 0.55 * ((person * 0.618) % 1))
        row = []
        for k, logit in zip(places, logits, strict=True):
            left, top = x + 2.5 * k, size[1] * 0.2 + 8 * np.sin(k / 3)
            box = (float(left), float(top), float(left + side * 0.8), float(top + side))
            boxes[int(index[k])].append(box)
            row.append(FrameScore(int(index[k]), float(times[k]), float(logit), box))
        tracks.append(TrackScore(person * 3, float(np.mean([f.score for f in row])), tuple(row)))
        shown = tuple(f.frame_index for f in sorted(row, key=lambda f: -f.score)[:heat])
        kept.append(
            TrackEvidence(
                person * 3,
                np.stack([draw_crop(rng) for _ in row]),
                shown,
                tuple(draw_heat(rng, grid) for _ in shown),
            )
        )
    thumbnails = {i: draw_frame(b, size) for i, b in boxes.items()}
    info = make_info(path, width=size[0], height=size[1])
    score = VideoScore(
        video_id=f"file/{SHA}",
        path=path,
        status=Status.SCORED,
        score=max(t.score for t in tracks),
        detector=DETECTOR,
        tracks=tuple(tracks),
        input=info,
        seconds={"decode": 1.31, "faces": 4.02, "detector": 2.25, "total": 7.66},
        aggregation="mean of frames, max of tracks",
        crop_spec={"size": 224, "margin": 1.3, "align": "box", "mean": [0.5, 0.5, 0.5]},
        sampling_spec={"num_clips": len(times), "clip_length": 1, "stride": 1},
        sampled_pts_seconds=tuple(float(t) for t in times),
        evidence=Evidence(thumbnails, tuple(kept)) if evidence else None,
    )
    return replace(score, **changes)


def make_failure(status: Status, path: str = "exhibits/broken.mp4", **changes: Any) -> VideoScore:
    """A video without a score; the file itself is known unless it was unreadable."""
    readable = status is not Status.UNREADABLE
    score = VideoScore(
        video_id=f"file/{SHA}",
        path=path,
        status=status,
        score=None,
        detector=DETECTOR,
        input=make_info(path) if readable else None,
        seconds={"total": 0.4},
        sampling_spec={"num_clips": 3, "clip_length": 1, "stride": 1},
        sampled_pts_seconds=(0.0, 4.0, 8.0) if readable else (),
        reason=f"{status}: the reason <b>as told</b>",
    )
    return replace(score, **changes)


def draw_crop(rng: np.random.Generator, size: int = 224) -> Uint8:
    """A drawn egg with two eyes, on a blurred ground."""
    ground = rng.integers(60, 190, (6, 6, 3), dtype=np.uint8)
    image = cv2.resize(ground, (size, size), interpolation=cv2.INTER_LINEAR)
    middle = size // 2
    cv2.ellipse(
        image,
        (middle, middle),
        (size // 3, size * 2 // 5),
        0,
        0,
        360,
        (214, 178, 150),
        -1,
        cv2.LINE_AA,
    )
    for x in (-1, 1):
        cv2.circle(
            image,
            (middle + x * size // 8, size * 2 // 5),
            size // 24,
            (40, 40, 50),
            -1,
            cv2.LINE_AA,
        )
    cv2.ellipse(
        image,
        (middle, size * 2 // 3),
        (size // 9, size // 24),
        0,
        0,
        180,
        (150, 60, 60),
        3,
        cv2.LINE_AA,
    )
    return np.asarray(image, np.uint8)


def draw_frame(boxes: list[Box], size: tuple[int, int]) -> bytes:
    """A quarter-size JPEG of a grey room with an egg in each box."""
    width, height = size[0] // 4, size[1] // 4
    image = np.full((height, width, 3), (120, 130, 140), np.uint8)
    cv2.rectangle(image, (0, int(height * 0.75)), (width, height), (90, 84, 80), -1)
    for x1, y1, x2, y2 in boxes:
        centre = (int((x1 + x2) / 8), int((y1 + y2) / 8))
        axes = (int((x2 - x1) / 8 * 0.9), int((y2 - y1) / 8 * 0.95))
        cv2.ellipse(image, centre, axes, 0, 0, 360, (150, 178, 214), -1, cv2.LINE_AA)
    done, buffer = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert done
    return bytes(buffer)


def draw_heat(rng: np.random.Generator, grid: int) -> Float32:
    """A map with one hill above 0 and noise around 0."""
    y, x = np.mgrid[:grid, :grid] / max(grid - 1, 1)
    cx, cy = rng.uniform(0.3, 0.7, 2)
    hill = 1.4 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 0.05)
    return np.asarray(hill + rng.normal(0, 0.15, (grid, grid)), np.float32)

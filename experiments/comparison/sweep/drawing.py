"""What is done to a suspect: steps and encoder settings, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .overlay import KINDS as OVERLAYS

# name: (how often, what it excludes)
_STEPS: dict[str, tuple[float, str]] = {
    "trim": (3.0, "cut"),
    "joined": (1.2, "cut"),
    "reversed": (0.6, "direction"),
    "frame rate": (1.0, "pace"),
    "speed": (1.0, "pace"),
    "dropped": (0.7, "pace"),
    "repeated": (0.7, "pace"),
    "crop": (1.5, "crop"),
    "mirror": (0.8, "mirror"),
    "bars": (1.0, "bars"),
    "resize": (1.5, "size"),
    "aspect": (0.8, "size"),
    "rotation": (0.8, "rotation"),
    "colour": (1.2, "colour"),
    "overlay": (1.2, "overlay"),
}
STEPS = tuple(_STEPS)
_HOW_MANY = (0.25, 0.35, 0.25, 0.15)  # odds of 1 to 4 steps
_LEAST_SIDE = 112  # pixels of the suspect's shorter side
_JOINED_SECONDS = (2.0, 4.0)
_TRIM_SECONDS = (2.0, 8.0)
_LEAST_SECONDS = 1.2


@dataclass(frozen=True)
class Step:
    """Something that is done to the suspect: see `timeline`, `picture`, `overlay`."""

    name: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Encode:
    """`codec`: FFmpeg's encoder. `quality`: CRF, or MPEG-4's quantiser. `keyframes`: frames."""

    codec: str
    quality: int
    preset: str
    keyframes: int


def draw_encode(rng: np.random.Generator, *, x264_only: bool = False) -> Encode:
    """Encoder settings: x264 at CRF 15 to 40 mostly."""
    codec = str(
        rng.choice(["libx264", "libx265", "libvpx-vp9", "mpeg4"], p=[0.76, 0.1, 0.07, 0.07])
    )
    if x264_only:
        codec = "libx264"
    least, most = {
        "libx264": (15, 40),
        "libx265": (18, 36),
        "libvpx-vp9": (20, 48),
        "mpeg4": (2, 9),
    }[codec]
    quality = int(rng.integers(least, most + 1))
    preset = str(rng.choice(["veryfast", "fast", "medium"], p=[0.4, 0.2, 0.4]))
    return Encode(codec, quality, preset, int(rng.choice([48, 120, 250])))


def draw_plain(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Step, ...]:
    """Nothing, or another size."""
    return (Step("resize", _resize(rng, size)),) if rng.random() < 0.5 else ()


def draw_steps(
    rng: np.random.Generator,
    size: tuple[int, int],
    num_frames: int,
    fps: float,
    seconds: float,
) -> tuple[Step, ...]:
    """One to four steps that go together.

    Args:
        rng: all that is random comes from it.
        size: (width, height) of the reference.
        num_frames: of the reference.
        fps: of the reference.
        seconds: how long it is.
    """
    wanted = 1 + int(rng.choice(4, p=_HOW_MANY))
    odds = np.array([weight for weight, _ in _STEPS.values()])
    order = rng.choice(len(odds), len(odds), replace=False, p=odds / odds.sum())
    chosen: list[str] = []
    for place in order:
        name = list(_STEPS)[place]
        taken = {_STEPS[other][1] for other in chosen}
        if _STEPS[name][1] not in taken and len(chosen) < wanted:
            chosen.append(name)
    # in the order in which they are done
    return tuple(
        Step(name, _settings(name, rng, size, num_frames, fps, seconds))
        for name in _STEPS
        if name in chosen
    )


def _settings(
    name: str,
    rng: np.random.Generator,
    size: tuple[int, int],
    num_frames: int,
    fps: float,
    seconds: float,
) -> dict[str, Any]:
    if name == "trim":
        longest = min(_TRIM_SECONDS[1], 0.8 * seconds)
        length = rng.uniform(min(_TRIM_SECONDS[0], 0.5 * seconds), longest)
        count = round(length * fps)
        return {"first": int(rng.integers(num_frames - count + 1)), "count": count}
    if name == "joined":
        return {"parts": _joined(rng, num_frames, fps, seconds)}
    if name in ("reversed", "mirror"):
        return {}
    if name == "frame rate":
        usual = [15.0, 20.0, 24.0, 25.0, 30.0, 50.0]
        return {"fps": float(rng.choice([r for r in usual if abs(r - fps) > 0.5]))}
    if name == "speed":
        factor = float(rng.choice([rng.uniform(0.8, 0.95), rng.uniform(1.05, 1.25)]))
        return {"factor": factor, "how": str(rng.choice(["times", "frames"]))}
    if name == "dropped":
        share, seed = float(rng.uniform(0.02, 0.1)), int(rng.integers(2**31))
        return {"share": share, "seed": seed, "closed": bool(rng.random() < 0.5)}
    if name == "repeated":
        share, seed = float(rng.uniform(0.02, 0.1)), int(rng.integers(2**31))
        return {"share": share, "seed": seed, "instead": bool(rng.random() < 0.5)}
    if name == "crop":
        sides = ("left", "top", "right", "bottom")
        return {side: float(rng.uniform(0, 0.15) * (rng.random() < 0.75)) for side in sides}
    if name == "bars":
        return {
            "where": str(rng.choice(["above", "beside"])),
            "share": float(rng.uniform(0.05, 0.3)),
        }
    if name == "resize":
        return _resize(rng, size)
    if name == "aspect":
        ratio = float(np.exp(rng.choice([-1, 1]) * rng.uniform(np.log(1.02), np.log(1.1))))
        scale = float(rng.uniform(_least_scale(size), 1.3))
        return {"x": scale * ratio, "y": scale, "interpolation": _interpolation(rng, scale)}
    if name == "rotation":
        return {"degrees": float(rng.choice([-1, 1]) * rng.uniform(0.3, 2.0))}
    if name == "colour":
        return {
            "gamma": float(np.exp(rng.uniform(-0.35, 0.35))),
            "saturation": float(rng.uniform(0.6, 1.4)),
            "gains": [float(v) for v in rng.uniform(0.85, 1.12) * rng.uniform(0.94, 1.06, 3)],
            "offset": float(rng.uniform(-12, 12)),
        }
    if name == "overlay":
        kinds = [kind for kind in OVERLAYS if rng.random() < 0.45]
        return {
            "kinds": kinds or [str(rng.choice(OVERLAYS))],
            "seed": int(rng.integers(2**31)),
        }
    raise ValueError(f"unknown step {name!r}; known: {', '.join(_STEPS)}")


def _joined(
    rng: np.random.Generator, num_frames: int, fps: float, seconds: float
) -> list[list[int]]:
    """Two parts, [first, count] each: in swapped order, or with something left out between."""
    least, most = (
        min(v, share * seconds) for v, share in zip(_JOINED_SECONDS, (0.3, 0.4), strict=True)
    )
    counts = [round(rng.uniform(max(least, _LEAST_SECONDS), most) * fps) for _ in range(2)]
    free = num_frames - sum(counts)
    gap = int(rng.integers(max(1, free // 5), free + 1))
    first = int(rng.integers(free - gap + 1))
    parts = [[first, counts[0]], [first + counts[0] + gap, counts[1]]]
    return parts[::-1] if rng.random() < 0.5 else parts


def _resize(rng: np.random.Generator, size: tuple[int, int]) -> dict[str, Any]:
    scale = float(np.exp(rng.uniform(np.log(_least_scale(size)), np.log(1.5))))
    return {"x": scale, "y": scale, "interpolation": _interpolation(rng, scale)}


def _least_scale(size: tuple[int, int]) -> float:
    """0.4, but not so small that hardly a face is left, whatever is cropped."""
    return min(1.0, max(0.4, _LEAST_SIDE / (0.85 * min(size))))


def _interpolation(rng: np.random.Generator, scale: float) -> str:
    """What enlarges well, or shrinks without aliasing."""
    if scale < 0.75:
        return "area"
    return str(rng.choice(["linear", "cubic", "lanczos"]))

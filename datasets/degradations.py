"""What transport does to a picture: graded, resized, sharpened, compressed. The same for any label.

A Degradation is drawn once and applied to any number of pictures: a genuine face and the fake made
from it go through the very same, so that quality alone says nothing.
"""

from dataclasses import dataclass, field
from fractions import Fraction

import av
import cv2
import numpy as np

from .types import Uint8


@dataclass(frozen=True)
class Degradation:
    """A chain of steps, drawn at random: (name, settings) in order; `seed` of the noise."""

    steps: tuple[tuple[str, dict[str, float]], ...]
    seed: int = 0
    scale: float = field(default=1.0)

    def apply(self, image: Uint8) -> Uint8:
        """The degraded picture.

        Args:
            image: (H, W, 3) uint8 RGB.

        Returns:
            (H', W', 3) uint8, where H' and W' are H and W times about `scale`.
        """
        for name, settings in self.steps:
            image = _STEPS[name](image, settings, np.random.default_rng(self.seed))
        return image


def draw(rng: np.random.Generator, face_size: float) -> Degradation:
    """A random Degradation for a picture whose face is `face_size` pixels high."""
    steps: list[tuple[str, dict[str, float]]] = []
    if rng.random() < 0.5:
        steps.append(
            (
                "grade",
                {
                    "gain": 1 + rng.uniform(-0.2, 0.2),
                    "offset": rng.uniform(-25, 20),
                    "gamma": float(np.exp(rng.uniform(-0.3, 0.3))),
                    "saturation": 1 + rng.uniform(-0.4, 0.3),
                    "warmth": rng.uniform(-10, 10),
                    "vignette": rng.uniform(0, 0.4) * (rng.random() < 0.3),
                },
            )
        )
    if rng.random() < 0.2:
        steps.append(("blur", {"sigma": face_size * rng.uniform(0.002, 0.012)}))
    elif rng.random() < 0.12:
        steps.append(
            (
                "motion",
                {"length": face_size * rng.uniform(0.01, 0.05), "degrees": rng.uniform(0, 180)},
            )
        )
    if rng.random() < 0.15:
        steps.append(("smooth", {"colour": rng.uniform(10, 40), "space": rng.uniform(2, 4)}))
    # the face comes out between 60 px and its own size
    low = min(1.0, 60 / face_size)
    scale = float(np.exp(rng.uniform(np.log(low), 0))) if rng.random() < 0.75 else 1.0
    if scale < 1:
        steps.append(("resize", {"scale": scale, "how": float(rng.integers(3))}))
    if rng.random() < 0.25:
        steps.append(("sharpen", {"sigma": rng.uniform(0.7, 1.8), "amount": rng.uniform(0.2, 1.0)}))
    if rng.random() < 0.3:
        steps.append(("noise", {"sigma": float(np.exp(rng.uniform(np.log(1), np.log(10))))}))
    times = int(rng.choice(3, p=[0.15, 0.65, 0.2]))
    for k in range(times):
        if rng.random() < 0.75:
            crf = rng.uniform(16, 38) if k == 0 else rng.uniform(20, 34)
            frames = 1 + int(rng.random() < 0.6)
            steps.append(("h264", {"crf": float(round(crf)), "frames": float(frames)}))
        else:
            steps.append(("jpeg", {"quality": float(rng.integers(30, 96))}))
        if (k == 0 and times == 2) or rng.random() < 0.15:
            again = float(np.clip(rng.uniform(0.7, 1.6), 60 / (face_size * scale), 2))
            again = again if face_size * scale * again < 400 else 1.0
            scale *= again
            steps.append(("resize", {"scale": again, "how": float(rng.integers(3))}))
    return Degradation(tuple(steps), int(rng.integers(2**31)), scale)


def _grade(image: Uint8, s: dict[str, float], rng: np.random.Generator) -> Uint8:
    out = image.astype(np.float32)
    out = (out - 128) * np.float32(s["gain"]) + np.float32(128 + s["offset"])
    out = 255 * np.power(np.clip(out, 0, 255) / 255, np.float32(s["gamma"]))
    grey = out.mean(axis=2, keepdims=True)
    out = grey + (out - grey) * np.float32(s["saturation"])
    out += np.array([s["warmth"], 0, -s["warmth"]], dtype=np.float32)
    if s["vignette"]:
        y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in image.shape[:2])
        out *= (1 - np.float32(s["vignette"]) * (y[:, None] ** 2 + x[None] ** 2) / 2)[..., None]
    return _rounded(out)


def _blur(image: Uint8, s: dict[str, float], rng: np.random.Generator) -> Uint8:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(0.3, s["sigma"])), dtype=np.uint8)


def _motion(image: Uint8, s: dict[str, float], rng: np.random.Generator) -> Uint8:
    size = int(s["length"]) // 2 * 2 + 1
    kernel = np.zeros((size, size), dtype=np.float32)
    kernel[size // 2] = 1
    turn = cv2.getRotationMatrix2D((size / 2 - 0.5, size / 2 - 0.5), s["degrees"], 1)
    kernel = np.asarray(cv2.warpAffine(kernel, turn, (size, size)), dtype=np.float32)
    return np.asarray(cv2.filter2D(image, -1, kernel / max(kernel.sum(), 1e-6)), dtype=np.uint8)


def _smooth(image: Uint8, s: dict[str, float], rng: np.random.Generator) -> Uint8:
    return np.asarray(cv2.bilateralFilter(image, 5, s["colour"], s["space"]), dtype=np.uint8)


def _resize(image: Uint8, s: dict[str, float], rng: np.random.Generator) -> Uint8:
    height, width = (max(8, round(n * s["scale"])) for n in image.shape[:2])
    down = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
    up = (cv2.INTER_CUBIC, cv2.INTER_LINEAR, cv2.INTER_LANCZOS4)
    how = (down if s["scale"] < 1 else up)[int(s["how"])]
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), dtype=np.uint8)


def _sharpen(image: Uint8, s: dict[str, float], rng: np.random.Generator) -> Uint8:
    soft = cv2.GaussianBlur(image, (0, 0), s["sigma"])
    return np.asarray(
        cv2.addWeighted(image, 1 + s["amount"], soft, -s["amount"], 0), dtype=np.uint8
    )


def _noise(image: Uint8, s: dict[str, float], rng: np.random.Generator) -> Uint8:
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    return _rounded(image + noise * np.float32(s["sigma"]))


def _jpeg(image: Uint8, s: dict[str, float], rng: np.random.Generator) -> Uint8:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    ok, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(s["quality"])])
    if not ok:
        raise RuntimeError("OpenCV could not encode a JPEG")
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
    return np.asarray(decoded, dtype=np.uint8)


def _h264(image: Uint8, s: dict[str, float], rng: np.random.Generator) -> Uint8:
    """The last of one or two frames through x264: a key frame, or predicted from a shifted one."""
    height, width = (n // 2 * 2 for n in image.shape[:2])
    image = image[:height, :width]
    frames = [image]
    if s["frames"] > 1:
        move = np.array([[1, 0, rng.uniform(-2, 2)], [0, 1, rng.uniform(-2, 2)]])
        before = cv2.warpAffine(image, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
        frames.insert(0, np.asarray(before, dtype=np.uint8))
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    encoder.options = {"crf": str(int(s["crf"])), "preset": "veryfast", "tune": "zerolatency"}
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    packets = []
    for i, picture in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts, frame.time_base = i, Fraction(1, 25)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoded = [f for p in packets for f in decoder.decode(p)] + decoder.decode(None)
    return np.asarray(decoded[-1].to_ndarray(format="rgb24"), dtype=np.uint8)


def _rounded(image: np.ndarray) -> Uint8:
    return np.asarray(np.clip(np.rint(image), 0, 255), dtype=np.uint8)


_STEPS = {
    "grade": _grade,
    "blur": _blur,
    "motion": _motion,
    "smooth": _smooth,
    "resize": _resize,
    "sharpen": _sharpen,
    "noise": _noise,
    "jpeg": _jpeg,
    "h264": _h264,
}

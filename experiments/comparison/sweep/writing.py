"""Pictures into a video file, at their own times, by one of the usual encoders."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from ....datasets.perturbations.encoding import Encoder, Encoding, frame_rate
from ....datasets.types import Float64, Frame, Uint8
from .drawing import Encode

_COARSE_TICKS = 30_000  # per second; MPEG-4 knows no finer ones than 65,535
_LAMBDA = 118  # FFmpeg's FF_QP2LAMBDA


def encoding(how: Encode) -> Encoding:
    """FFmpeg's options for these settings. Raises ValueError for an unknown codec."""
    usual = {"g": str(how.keyframes)}
    if how.codec == "libx264":
        return Encoding("libx264", {**usual, "crf": str(how.quality), "preset": how.preset})
    if how.codec == "libx265":
        options = {**usual, "crf": str(how.quality), "preset": how.preset}
        return Encoding(
            "libx265", {**options, "x265-params": "log-level=none:pools=none:frame-threads=1"}
        )
    if how.codec == "libvpx-vp9":
        speed = {"deadline": "good", "cpu-used": "5", "row-mt": "0"}
        return Encoding("libvpx-vp9", {**usual, **speed, "crf": str(how.quality), "b": "0"})
    if how.codec == "mpeg4":
        quality = str(_LAMBDA * how.quality)
        return Encoding("mpeg4", {**usual, "flags": "+qscale", "global_quality": quality})
    raise ValueError(f"unknown codec {how.codec!r}; known: libx264, libx265, libvpx-vp9, mpeg4")


def write_video(path: Path, images: Sequence[Uint8], seconds: Float64, how: Encode) -> None:
    """Writes an MP4 file with a single thread.

    Args:
        path: ends in `.mp4`.
        images: (H, W, 3) uint8 RGB, all of one even size.
        seconds: (n,) when each is shown, rising, from 0.
        how: encoder settings.
    """
    wanted = encoding(how)
    opening = [Frame(i, float(seconds[i]), images[i]) for i in range(min(2, len(images)))]
    rate = frame_rate(opening)
    if len(seconds) > 2:  # the first two may have a dropped frame between them
        usual = 1 / float(np.median(np.diff(seconds)))
        rate = Fraction(usual).limit_denominator(1001)
    with av.open(str(path), "w") as output:
        stream = output.add_stream(wanted.codec, rate=rate)
        assert isinstance(stream, VideoStream)
        encoder = Encoder(wanted, opening[0], rate, stream.codec_context)
        encoder.context.thread_count = 1
        stream.time_base = encoder.context.time_base
        if how.codec == "mpeg4":
            encoder.context.time_base = stream.time_base = Fraction(1, _COARSE_TICKS)
        for i, image in enumerate(images):
            for packet in encoder.encode(Frame(i, float(seconds[i]), image)):
                packet.stream = stream
                output.mux_one(packet)
        for packet in encoder.finish():
            packet.stream = stream
            output.mux_one(packet)

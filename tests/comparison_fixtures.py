"""Comparisons of two real little clips, whose geometry, pairs and changed cells are known."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from clips import write_video
from face_clips import background, moving_head

from unswap.datasets.decoding import VideoReader
from unswap.datasets.types import VideoInfo
from unswap.experiments.comparison.types import (
    Comparison,
    EncoderSettings,
    Figures,
    Finding,
    Geometry,
    HeadMotion,
    Identity,
    Masks,
    NullModel,
    NullPoint,
    PairRow,
    Photometry,
    Region,
    Status,
    Stretch,
    Verdict,
)

WIDTH, HEIGHT, CELL = 320, 240, 8
FACE_XYXY = (51, 73, 116, 158)  # of moving_head's head, from the head's left edge
HOSTILE = "a'b\"</script><script>alert(1)</script>&amp; $(rm -rf x)\n视频 \u202egnp.mp4"
HOSTILE_FILE = "a'b\"<script>alert(1)<script>&amp; $(x)\n视频 \u202egnp.mp4"  # without a slash
SHA = "0123456789abcdef" * 4


def still_info(path: str, sha256: str = SHA, **changes: Any) -> VideoInfo:
    """A file that is only named."""
    info = VideoInfo(
        path=path, sha256=sha256, bytes=8_123_456, container="mp4", codec="h264", width=1280,
        height=720, fps=25.0, duration_seconds=12.0, num_frames=300, pixel_format="yuv420p",
    )  # fmt: skip
    return replace(info, **changes)


def not_compared(status: Status, **changes: Any) -> Comparison:
    """A comparison that ended before anything was measured."""
    made = Comparison(
        status=status,
        reason=f"{status}: the reason <b>as told</b>",
        reference=still_info("exhibits/original.mp4"),
        suspect=still_info("exhibits/app.mp4", "fedcba9876543210" * 4),
        notes=("the sound was not looked at",),
        limits=("it can't tell who made a file",),
        settings={"fdr": 0.05, "options": ["--fdr", "0.05"]},
        seconds=1.5,
    )
    return replace(made, **changes)


def face_of(frame: int, num_frames: int) -> tuple[int, int, int, int]:
    """The face's box in a frame of `moving_head`."""
    x = round((WIDTH - 160) * (0.2 + 0.6 * frame / max(1, num_frames - 1)))
    x1, y1, x2, y2 = FACE_XYXY
    return x + x1, y1, x + x2, y2


def altered(image: np.ndarray, box: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The picture with the colours in the box's ellipse turned, and that ellipse, (H, W) bool."""
    ellipse = np.zeros(image.shape[:2], np.uint8)
    x1, y1, x2, y2 = box
    centre, axes = ((x1 + x2) // 2, (y1 + y2) // 2), ((x2 - x1) // 2, (y2 - y1) // 2)
    cv2.ellipse(ellipse, centre, axes, 0, 0, 360, 1, -1)
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + 60) % 180
    turned = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return np.where(ellipse[..., None] > 0, turned, image), ellipse > 0


def make_comparison(
    folder: Path,
    *,
    num_frames: int = 40,
    shown: Sequence[int] = range(10, 34),
    faces: bool = True,
    scale: float = 1.0,
    missing: Sequence[int] = (),
    reference_name: str = "original.mp4",
    suspect_name: str = "app.mp4",
    **changes: Any,
) -> Comparison:
    """Two clips in `folder`, and what a comparison says of them.

    Args:
        folder: There.
        num_frames: Of the reference.
        shown: The reference's frames that the suspect shows, in the suspect's order. Each fall or
            jump begins another stretch; whole runs that fall are one that runs backwards.
        faces: Whether there is a face, altered in the suspect; or else a plain ground.
        scale: Of the reference's picture, in the middle of the suspect's.
        missing: Suspect frames that are in no pair.
        changes: Fields of the comparison to replace.
    """
    originals = list(moving_head(num_frames)) if faces else _plain(num_frames)
    matrix = np.array(
        [[scale, 0, (1 - scale) * WIDTH / 2], [0, scale, (1 - scale) * HEIGHT / 2]], np.float64
    )
    pictures, cells, boxes = [], [], []
    for number in shown:
        image, mask = originals[number], np.zeros((HEIGHT, WIDTH), bool)
        if faces:
            image, mask = altered(image, face_of(number, num_frames))
        pictures.append(cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_AREA))
        laid = cv2.warpAffine(mask.astype(np.float32), matrix, (WIDTH, HEIGHT))
        grid = cv2.resize(laid, (WIDTH // CELL, HEIGHT // CELL), interpolation=cv2.INTER_AREA)
        cells.append(grid > 0.5)
        boxes.append(tuple(float(v) for v in cv2.boundingRect(laid.astype(np.uint8))))
    reference = write_video(folder / reference_name, originals, options={"g": "10"})
    suspect = write_video(folder / suspect_name, pictures, options={"g": "6"})
    frames = [i for i in range(len(shown)) if i not in set(missing)]
    stretches = _stretches(shown)
    pairs = tuple(_row(i, shown[i], stretches, faces) for i in frames)
    made = Comparison(
        status=Status.COMPARED,
        reason="",
        reference=_info(reference),
        suspect=_info(suspect),
        stretches=stretches,
        geometry=_geometry(matrix, scale),
        photometry=Photometry(
            gamma=1.02,
            matrix=((1.01, 0.0, 0.01), (0.0, 0.99, 0.0), (-0.02, 0.0, 1.0)),
            offset=(1.5, -0.5, 0.0),
            residual_levels=1.3,
        ),
        null_model=_null_model(),
        regions=_regions(frames, boxes) if faces else (),
        figures=_figures(pairs, faces),
        identity=_identity() if faces else (),
        findings=_findings(faces),
        pairs=pairs,
        masks=Masks(
            bits=np.stack([np.packbits(cells[i].ravel()) for i in frames]),
            rows=HEIGHT // CELL,
            columns=WIDTH // CELL,
        ),
        notes=("the sound was not compared",),
        limits=("It can't tell which of the two files was there first.",),
        settings={"fdr": 0.05, "cell": 8, "options": ["--fdr", "0.05"]},
        seconds=12.3,
    )
    return replace(made, **changes)


def damage_packet(path: Path, number: int) -> None:
    """Spoils the picture in a file's packet of that number, so that a decoder can't show it."""
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        place, size = packets[number].pos, packets[number].size
    data = bytearray(path.read_bytes())
    data[place + 4 : place + size] = b"\xff" * (size - 4)
    path.write_bytes(data)


def pair_row(frame: int, stretch: int = 0, **changes: Any) -> PairRow:
    """A pair of equal numbers, at ten frames a second."""
    made = PairRow(frame, frame, frame / 10, frame / 10, stretch, 0.9, 0.1, 0.5)
    return replace(made, **changes)


def _plain(num_frames: int) -> list[np.ndarray]:
    frames = []
    for i in range(num_frames):
        image = background(WIDTH, HEIGHT)
        cv2.circle(image, (40 + 6 * i, 120), 24, (200, 80, 40), -1)
        frames.append(image)
    return frames


def _info(path: Path) -> VideoInfo:
    with VideoReader(path) as reader:
        return reader.info


def _stretches(shown: Sequence[int]) -> tuple[Stretch, ...]:
    starts, step = [0], None
    for i in range(1, len(shown)):
        jump = shown[i] - shown[i - 1]
        if step is not None and jump != step:
            starts.append(i)
            step = None
        else:
            step = jump
    ends = [*(s - 1 for s in starts[1:]), len(shown) - 1]
    return tuple(
        Stretch(
            suspect_first=a,
            suspect_last=b,
            reference_first=shown[a],
            reference_last=shown[b],
            suspect_seconds=(a / 25, b / 25),
            reference_seconds=(shown[a] / 25, shown[b] / 25),
            rate=float(np.sign(shown[b] - shown[a]) or 1),
            agreement=0.96,
            rival=0.41,
        )
        for a, b in zip(starts, ends, strict=True)
    )


def _row(frame: int, original: int, stretches: tuple[Stretch, ...], faces: bool) -> PairRow:
    place = next(i for i, s in enumerate(stretches) if s.suspect_first <= frame <= s.suspect_last)
    return PairRow(
        suspect_frame=frame,
        reference_frame=original,
        suspect_seconds=frame / 25,
        reference_seconds=original / 25,
        stretch=place,
        agree_outside=0.97 + 0.01 * float(np.sin(frame / 3)),
        changed_share=0.05 if faces else 0.0,
        face_changed=0.8 + 0.1 * float(np.cos(frame / 4)) if faces else None,
        change_in_face=0.94 if faces else None,
        difference_face=21.0 if faces else None,
        difference_outside=1.25,
    )


def _geometry(matrix: np.ndarray, scale: float) -> Geometry:
    left, top = (1 - scale) * WIDTH / 2, (1 - scale) * HEIGHT / 2
    first, second = (tuple(float(v) for v in row) for row in matrix)
    return Geometry(
        matrix=(first, second),
        mirrored=False,
        scale_x=scale,
        scale_y=scale,
        rotation_degrees=0.0,
        residual_px=0.08,
        num_points=214,
        reference_xyxy=(0.0, 0.0, float(WIDTH), float(HEIGHT)),
        suspect_xyxy=(left, top, WIDTH - left, HEIGHT - top),
    )


def _null_model() -> NullModel:
    return NullModel(
        settings=EncoderSettings("h264", "libx264", 23.0, 250, 812.0, 798.0, WIDTH, HEIGHT),
        curve=tuple(
            NullPoint(t, 0.4 + 0.09 * t, 0.9 + 0.2 * t, 1.3 + 0.27 * t, 4000)
            for t in (0.5, 2.0, 5.0, 10.0, 20.0, 40.0)
        ),
        inflation=1.12,
        fdr=0.05,
        p_threshold=0.0021,
        false_share=0.0009,
    )


def _regions(
    frames: list[int], boxes: list[tuple[float, float, float, float]]
) -> tuple[Region, ...]:
    corners = tuple((x, y, x + w, y + h) for x, y, w, h in (boxes[i] for i in frames))
    return (
        Region(1, "face", "face of person 1", tuple(frames), corners, 1.0, 0.056, 1, 0.83),
        Region(
            2, "text or sticker", "text or sticker at the lower right", tuple(frames[:5]),
            ((250.0, 200.0, 310.0, 230.0),) * len(frames[:5]), 0.2, 0.02,
        ),
    )  # fmt: skip


def _figures(pairs: tuple[PairRow, ...], faces: bool) -> Figures:
    return Figures(
        agree_outside=0.971,
        face_changed=0.8 if faces else None,
        change_in_face=0.94 if faces else None,
        heads=(HeadMotion(1, len(pairs), 0.6, 0.007, 58.0, 0.998, 0),) if faces else (),
        num_pairs=len(pairs),
        num_pairs_with_face=len(pairs) if faces else 0,
    )


def _identity() -> tuple[Identity, ...]:
    return (
        Identity(
            "face-net", SHA, 1, 0.31, (0.22, 0.4), 24, (0.5, 0.8), (-0.1, 0.3), "LFW, 6000 pairs"
        ),
    )


def _findings(faces: bool) -> tuple[Finding, ...]:
    face = Verdict.SUPPORTED if faces else Verdict.NOT_EXAMINED
    return (
        Finding("a", "The suspect shows frames of the reference", Verdict.SUPPORTED,
                ("They agree at 0.96; the best rival agrees at 0.41.",), {"agreement": 0.96}),
        Finding("b", "The picture was not moved within the frame", Verdict.SUPPORTED,
                ("One geometry fits all pairs.",), {"residual_px": 0.08, "num_points": 214}),
        Finding("c", "Outside the changed regions the two agree", Verdict.SUPPORTED,
                ("97.1 % of it agrees.",), {"agree_outside": 0.971}),
        Finding("d", "What changed lies in faces", face,
                ("94 % of the change does.",) if faces else ("There is no face.",),
                {"change_in_face": 0.94 if faces else None}),
        Finding("e", "The face is another person's", Verdict.INCONCLUSIVE if faces else face,
                ("0.31 lies between the two ranges.",) if faces else ("There is no face.",)),
    )  # fmt: skip

"""The report's pictures: frames, crops and heat maps, each embedded once under an id."""

import base64
from dataclasses import dataclass

import cv2
import numpy as np

from ...datasets.types import Float32, Uint8
from ...detectors.scores import FrameScore, TrackEvidence, VideoScore
from .people import Person, extremes

FULL_PEOPLE = 3
FRAMES_EACH = 3
MAPS_EACH = 4
CROP_PIXELS = 224
JPEG_QUALITY = 85
RAISES_RGB = (178, 24, 43)  # the ends of ColorBrewer's RdBu, told apart without red-green sight
LOWERS_RGB = (33, 102, 172)
MAP_OPACITY = 0.8
LEAST_LIMIT = 0.1  # logits: maps that do nothing shall not look as if they did


@dataclass(frozen=True)
class Picture:
    """An embedded picture: `uri` is a data URI. Drawn `width` by `height` in its plot's units."""

    id: str
    uri: str
    width: int
    height: int


@dataclass(frozen=True)
class Shot:
    """A frame, with the box, beside the crop that the detector saw.

    `frame_id`, `crop_id`: the embedded pictures, None where none was kept. `box_xywh`: pixels of
    the full frame, None if the frame's size is unknown. `width`, `height`: of the frame; `side`:
    that the crop is drawn with.
    """

    frame: FrameScore
    frame_id: str | None
    crop_id: str | None
    box_xywh: tuple[float, float, float, float] | None
    width: int
    height: int
    side: int


@dataclass(frozen=True)
class HeatMap:
    """An occlusion map over a crop. `most`, `least`: its extremes, logits; `cells`: per side."""

    frame: FrameScore
    crop_id: str
    map_id: str
    cells: int
    most: float
    most_at: tuple[int, int]
    least: float


@dataclass(frozen=True)
class Gallery:
    """One person's pictures."""

    person: Person
    high: tuple[Shot, ...]
    low: tuple[Shot, ...]
    maps: tuple[HeatMap, ...]


@dataclass(frozen=True)
class Album:
    """All pictures of a report. `limit`: the logits at the ends of the maps' common scale."""

    store: tuple[Picture, ...]
    galleries: tuple[Gallery, ...]
    limit: float | None


def build_album(score: VideoScore, people: tuple[Person, ...]) -> Album:
    """The pictures of the first people in full; of the others, the frames that they are in."""
    if score.evidence is None:
        return Album((), (), None)
    evidence = {t.track_id: t for t in score.evidence.tracks}
    full = people[:FULL_PEOPLE]
    store = {p.id: p for p in _frames(score, people)}
    maps = [m for p in full if p.track.track_id in evidence for m in _maps(p, evidence)]
    limit = max((float(np.abs(m).max()) for m in maps), default=0.0)
    limit = max(limit, LEAST_LIMIT)
    galleries = []
    for person in full:
        kept = evidence.get(person.track.track_id)
        if kept is not None:
            store.update({p.id: p for p in _crops(person, kept)})
        high, low = extremes(person.track.frames, FRAMES_EACH)
        heat, overlays = _heat_maps(person, kept, limit)
        store.update({p.id: p for p in overlays})
        galleries.append(
            Gallery(
                person,
                tuple(_shot(score, person, i, store) for i in high),
                tuple(_shot(score, person, i, store) for i in low),
                heat,
            )
        )
    return Album(tuple(store.values()), tuple(galleries), limit if maps else None)


def data_uri(kind: str, content: bytes) -> str:
    """`content` inside the page itself. `kind`: jpeg or png."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def encode_crop(image: Uint8) -> bytes:
    """(size, size, 3) RGB as JPEG, at most 224 pixels a side: to be looked at, not measured."""
    if image.shape[0] > CROP_PIXELS:
        small = cv2.resize(image, (CROP_PIXELS, CROP_PIXELS), interpolation=cv2.INTER_AREA)
        image = np.asarray(small, np.uint8)
    return _encode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])


def encode_map(heat: Float32, limit: float) -> bytes:
    """(g, g) logits as a PNG of g by g pixels: red above 0, blue below, clear at 0.

    Opacity rises in proportion to the value and is fullest at `limit`.
    """
    if heat.ndim != 2 or heat.shape[0] != heat.shape[1] or not np.isfinite(heat).all():
        raise ValueError(f"expected a finite heat map (g, g), got {heat.shape}: {heat.tolist()}")
    pixels = np.zeros((*heat.shape, 4), np.uint8)
    pixels[heat > 0, :3] = RAISES_RGB[::-1]
    pixels[heat <= 0, :3] = LOWERS_RGB[::-1]
    pixels[..., 3] = np.round(255 * MAP_OPACITY * np.clip(np.abs(heat) / limit, 0, 1))
    return _encode(".png", pixels, [])


def _encode(ending: str, image: Uint8, options: list[int]) -> bytes:
    done, buffer = cv2.imencode(ending, np.ascontiguousarray(image), options)
    if not done:
        raise ValueError(f"could not encode a picture of shape {image.shape} as {ending}")
    return bytes(buffer)


def _frames(score: VideoScore, people: tuple[Person, ...]) -> list[Picture]:
    """The thumbnails of all frames that somebody was scored in."""
    assert score.evidence is not None
    wanted = {f.frame_index for p in people for f in p.track.frames}
    pictures = []
    for index in sorted(wanted & set(score.evidence.thumbnails)):
        content = score.evidence.thumbnails[index]
        width, height = _size(score, content)
        pictures.append(Picture(f"frame-{index}", data_uri("jpeg", content), width, height))
    return pictures


def _size(score: VideoScore, jpeg: bytes) -> tuple[int, int]:
    """The full frame's width and height, or the thumbnail's own where that is unknown."""
    if score.input is not None:
        return score.input.width, score.input.height
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"expected a thumbnail as JPEG, got {len(jpeg)} bytes that are none")
    return image.shape[1], image.shape[0]


def _crops(person: Person, kept: TrackEvidence) -> list[Picture]:
    if len(kept.crops) != person.track.num_frames:
        raise ValueError(
            f"expected {person.track.num_frames} crops of track {kept.track_id}, one for each "
            f"frame score, got {len(kept.crops)}"
        )
    return [
        Picture(f"crop-{person.track_index}-{i}", data_uri("jpeg", encode_crop(crop)), 100, 100)
        for i, crop in enumerate(kept.crops)
    ]


def _maps(person: Person, evidence: dict[int, TrackEvidence]) -> tuple[Float32, ...]:
    return evidence[person.track.track_id].heat_maps[:MAPS_EACH]


def _heat_maps(
    person: Person, kept: TrackEvidence | None, limit: float
) -> tuple[tuple[HeatMap, ...], list[Picture]]:
    if kept is None:
        return (), []
    if len(kept.heat_maps) != len(kept.heat_frame_index):
        raise ValueError(
            f"expected {len(kept.heat_frame_index)} heat maps of track {kept.track_id}, "
            f"got {len(kept.heat_maps)}"
        )
    places = {f.frame_index: i for i, f in enumerate(person.track.frames)}
    heat_maps, overlays = [], []
    for index, heat in list(zip(kept.heat_frame_index, kept.heat_maps, strict=True))[:MAPS_EACH]:
        if index not in places:
            raise ValueError(
                f"expected heat maps for frames {sorted(places)} of track {kept.track_id}, "
                f"got one for frame {index}"
            )
        place = places[index]
        key = f"{person.track_index}-{place}"
        overlays.append(Picture(f"map-{key}", data_uri("png", encode_map(heat, limit)), 100, 100))
        row, column = divmod(int(np.argmax(heat)), heat.shape[1])
        heat_maps.append(
            HeatMap(
                frame=person.track.frames[place],
                crop_id=f"crop-{key}",
                map_id=f"map-{key}",
                cells=heat.shape[0],
                most=float(heat.max()),
                most_at=(row + 1, column + 1),
                least=float(heat.min()),
            )
        )
    return tuple(heat_maps), overlays


def _shot(score: VideoScore, person: Person, place: int, store: dict[str, Picture]) -> Shot:
    frame = person.track.frames[place]
    picture = store.get(f"frame-{frame.frame_index}")
    crop = store.get(f"crop-{person.track_index}-{place}")
    width, height = (picture.width, picture.height) if picture else (0, 0)
    x1, y1, x2, y2 = frame.box_xyxy
    known = picture is not None and score.input is not None
    return Shot(
        frame=frame,
        frame_id=picture.id if picture else None,
        crop_id=crop.id if crop else None,
        box_xywh=(x1, y1, x2 - x1, y2 - y1) if known else None,
        width=width,
        height=height,
        side=min(width, height) or 100,
    )

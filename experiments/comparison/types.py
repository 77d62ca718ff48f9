"""What a comparison says: the seam between measuring, the command line, the report and the JSON."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from typing import Any, Literal

import cv2
import numpy as np

from ...datasets.types import Uint8, VideoInfo

RegionKind = Literal["face", "text or sticker", "border", "other"]


class Status(StrEnum):
    """How a comparison ended."""

    COMPARED = "compared"  # a shared stretch was found and measured
    SAME_FILE = "same_file"  # the two files are equal, byte for byte
    NO_MATCH = "no_match"  # no stretch of the suspect was found in the reference
    UNDECIDED = "undecided"  # one of them shows too little to tell (one frame, black, still)


class Verdict(StrEnum):
    """What a finding comes to."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    INCONCLUSIVE = "inconclusive"
    NOT_EXAMINED = "not examined"


@dataclass(frozen=True)
class Finding:
    """One rung of the ladder.

    `key`: "a" to "e". `title`: the proposition, in plain words. `reasons`: sentences. `figures`:
    the numbers that it rests on, by name.
    """

    key: str
    title: str
    verdict: Verdict
    reasons: tuple[str, ...]
    figures: dict[str, float | int | str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Stretch:
    """A stretch of the suspect that shows a stretch of the reference.

    Frames are numbered from 0 in the order shown; first and last are both in it.
    `reference_first` belongs to `suspect_first`, so it is the larger one where the suspect runs
    backwards. Seconds: when these frames are shown, from each file's first frame. `rate`: seconds
    of the reference that go by in one second of the suspect; negative where it runs backwards.
    `agreement`: correlation, -1 to 1, of what moves in both. `rival`: the best agreement of any
    other place, rate or direction. `repeated`: how many stretches of the suspect show (part of)
    the same stretch of the reference, this one among them.
    """

    suspect_first: int
    suspect_last: int
    reference_first: int
    reference_last: int
    suspect_seconds: tuple[float, float]
    reference_seconds: tuple[float, float]
    rate: float
    agreement: float
    rival: float
    repeated: int = 1

    @property
    def margin(self) -> float:
        """By how much it agrees better than its best rival."""
        return self.agreement - self.rival


@dataclass(frozen=True)
class Geometry:
    """Where the reference's picture lies in the suspect's.

    `matrix`: 2x3, (suspect x, y) = matrix @ (reference x, y, 1), pixels, the centre of the upper
    left pixel at (0, 0). `mirrored`: left to right. `scale_x`, `scale_y`: suspect pixels for one
    reference pixel. `rotation_degrees`: clockwise as seen. `residual_px`: median shift that is
    left between matching patches, suspect pixels; `num_points`: of how many patches.
    `reference_xyxy`: the part of the reference's picture that the suspect shows. `suspect_xyxy`:
    the part of the suspect's picture that shows the reference (the rest is border).
    """

    matrix: tuple[tuple[float, float, float], tuple[float, float, float]]
    mirrored: bool
    scale_x: float
    scale_y: float
    rotation_degrees: float
    residual_px: float | None
    num_points: int
    reference_xyxy: tuple[float, float, float, float]
    suspect_xyxy: tuple[float, float, float, float]


@dataclass(frozen=True)
class Photometry:
    """How the reference's colours become the suspect's: matrix @ (255 (rgb / 255) ** gamma) + offset.

    `matrix`: 3x3. `offset`: (3,) levels of 255. `residual_levels`: median absolute difference left
    outside of faces.
    """

    gamma: float
    matrix: tuple[tuple[float, float, float], ...]
    offset: tuple[float, float, float]
    residual_levels: float


@dataclass(frozen=True)
class EncoderSettings:
    """How the suspect was encoded, as far as the file tells, and how that was imitated.

    `codec`, `preset`, `quality` (CRF or quantiser of `encoder`), `keyframe_interval` (frames),
    `kbps`: of the suspect over the aligned frames; `imitation_kbps`: of the imitation.
    """

    codec: str
    encoder: str
    quality: float
    keyframe_interval: int
    kbps: float
    imitation_kbps: float
    width: int
    height: int


@dataclass(frozen=True)
class NullPoint:
    """Differences that re-encoding alone makes where the picture is as textured as this.

    `texture`: local standard deviation, levels of 255 (the class's middle). `median`, `q95`,
    `q99`: of the local mean absolute difference, levels. `num`: cells.
    """

    texture: float
    median: float
    q95: float
    q99: float
    num: int


@dataclass(frozen=True)
class NullModel:
    """What compression alone would do.

    `curve`: by texture, rising. `inflation`: by how much the suspect's unchanged cells differ more
    than the imitation's (1: not at all); changes are judged after allowing for it. `fdr`: the share
    of cells called changed that may be wrongly so (Benjamini & Hochberg, 1995). `p_threshold`: the
    p-value that this comes to. `false_share`: share of the imitation's own cells that would be
    called changed at that, on pictures that were held out; None where there were too few.
    """

    settings: EncoderSettings
    curve: tuple[NullPoint, ...]
    inflation: float
    fdr: float
    p_threshold: float
    false_share: float | None


@dataclass(frozen=True)
class Region:
    """A changed region, followed over time.

    `name`: in words, such as "face of person 1". `frames`: suspect frame numbers in which it is
    seen, rising; `boxes_xyxy`: its box in each, suspect pixels. `persistence`: share of the aligned
    frames that show it. `area_share`: median share of the suspect's picture. `person`: which
    person's face, from 1. `inner_face_share`: median share of the inner face (brows to chin) that
    it covers.
    """

    region_id: int
    kind: RegionKind
    name: str
    frames: tuple[int, ...]
    boxes_xyxy: tuple[tuple[float, float, float, float], ...]
    persistence: float
    area_share: float
    person: int | None = None
    inner_face_share: float | None = None


@dataclass(frozen=True)
class PairRow:
    """One aligned pair of frames.

    `stretch`: index into the comparison's stretches. `agree_outside`: share of the picture outside
    changed regions that agrees within the null model. `changed_share`: share of the compared
    picture that changed. `face_changed`: share of the inner faces that changed; None without a
    face. `change_in_face`: share of the change that lies in faces; None without a change.
    `difference_face`, `difference_outside`: mean absolute difference in levels of 255, inside
    faces and outside of changed regions.
    """

    suspect_frame: int
    reference_frame: int
    suspect_seconds: float
    reference_seconds: float
    stretch: int
    agree_outside: float
    changed_share: float
    face_changed: float | None = None
    change_in_face: float | None = None
    difference_face: float | None = None
    difference_outside: float | None = None


@dataclass(frozen=True)
class HeadMotion:
    """Whether the heads move alike: the five points' courses in both, on the suspect's canvas.

    `person`: from 1. `num_frames`: pairs with the face found in both. `distance_px`: median
    distance of the points' middles after their constant offset is taken out; `distance_faces`: the
    same in face sizes. `moved_px`: how far the head moves in the reference (95th less 5th
    percentile, along its main direction). `correlation`: of the courses. `lag_frames`: the lag at
    which they agree best (0: same timing).
    """

    person: int
    num_frames: int
    distance_px: float
    distance_faces: float
    moved_px: float
    correlation: float
    lag_frames: int


@dataclass(frozen=True)
class Identity:
    """How alike the two faces are to a face-embedding model.

    `similarity`: median cosine over `num_frames` pairs; `interval`: 5th and 95th percentile.
    `same_range`, `different_range`: 5th to 95th percentile of the model's similarity for pairs of
    one person and of two, and `ranges_from`: where these come from.
    """

    model: str
    model_sha256: str
    person: int
    similarity: float
    interval: tuple[float, float]
    num_frames: int
    same_range: tuple[float, float] | None
    different_range: tuple[float, float] | None
    ranges_from: str


@dataclass(frozen=True)
class Figures:
    """The four figures that matter, over all aligned frames; shares from 0 to 1.

    `agree_outside`: of the pixels outside changed regions, those that agree within the null model.
    `face_changed`: of the inner faces, what changed. `change_in_face`: of the change, what lies in
    faces. `heads`: pose and timing, one entry a person. None: there is nothing to measure it on.
    """

    agree_outside: float | None
    face_changed: float | None
    change_in_face: float | None
    heads: tuple[HeadMotion, ...]
    num_pairs: int
    num_pairs_with_face: int


@dataclass(frozen=True)
class Masks:
    """Which cells changed, for each aligned pair.

    `bits`: (pairs, ceil(rows * columns / 8)) uint8, packed row by row. `rows`, `columns`: cells,
    that cover the suspect's picture evenly.
    """

    bits: Uint8 = field(repr=False)
    rows: int = 0
    columns: int = 0

    def cells(self, place: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(rows, columns) bool of one pair."""
        flat = np.unpackbits(self.bits[place], count=self.rows * self.columns)
        return flat.reshape(self.rows, self.columns).astype(bool)

    def at(self, place: int, width: int, height: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(height, width) bool of one pair, in pixels of the suspect's picture."""
        cells = self.cells(place).astype(np.float32)
        smooth = cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(smooth >= 0.5)


@dataclass(frozen=True)
class Comparison:
    """All that was found out about two videos.

    `pairs`: every aligned pair of frames, rising by suspect frame. `masks`: belongs to `pairs`;
    None where nothing was compared. `notes`: what was amiss or is to be known. `limits`: what this
    comparison can't tell. `settings`: what it was run with. `seconds`: how long it took.
    """

    status: Status
    reason: str
    reference: VideoInfo
    suspect: VideoInfo
    stretches: tuple[Stretch, ...] = ()
    geometry: Geometry | None = None
    photometry: Photometry | None = None
    null_model: NullModel | None = None
    regions: tuple[Region, ...] = ()
    figures: Figures | None = None
    identity: tuple[Identity, ...] = ()
    findings: tuple[Finding, ...] = ()
    pairs: tuple[PairRow, ...] = field(default=(), repr=False)
    masks: Masks | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As the JSON output has it: everything but the masks."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self) if f.name != "masks"}

    def finding(self, key: str) -> Finding:
        """The finding with this key, "a" to "e". Raises KeyError."""
        for finding in self.findings:
            if finding.key == key:
                return finding
        known = ", ".join(f.key for f in self.findings) or "none"
        raise KeyError(f"there is no finding {key!r}; there are: {known}")


def _plain(value: Any) -> Any:
    """Dataclasses as dicts, tuples as lists, numbers as JSON knows them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    return value

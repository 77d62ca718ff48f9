"""Pairs from prepared crops, made on the fly: a genuine face, and a pseudo-fake made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from ..crops import as_input
from ..registry import unknown_name
from ..shards.cutting import Cut
from ..shards.layout import BadShards, shard_path
from ..shards.reader import PreparedCrops
from ..shards.torch_data import CropDataset
from ..types import CropSpec, Float32, Uint8
from .degrading import Degrading, degraders
from .donors import Donors
from .makers import makers, shares
from .outlines import FacePicture
from .pictures import Framing, face_picture, in_mirror
from .styles import restyle

Item = dict[str, Any]
TARGETS = ("mask", "boundary")
ROOM = 0.1  # of the face size, left around the widest crop: what filters see beyond its edge


@dataclass(frozen=True)
class Pair:
    """`genuine`, `fake`: (size, size, 3) uint8 RGB. `targets`: by name, (size, size) float32, 0 to 1,
    of the fake."""

    genuine: Uint8 = field(repr=False)
    fake: Uint8 = field(repr=False)
    targets: Mapping[str, Float32] = field(repr=False)


def make_pair(
    face: FacePicture,
    donor: FacePicture | None,
    kind: str,
    framing: Framing,
    degradation: Degrading,
    rng: np.random.Generator,
    *,
    restyled: float = 0.5,
    targets: Sequence[str] = TARGETS,
) -> Pair:
    """A genuine face and its fake, degraded alike and cut alike.

    Args:
        face: the genuine face.
        donor: another person's; None for kinds that need none.
        kind: "sbi", "bi", "i2g" or "swap".
        framing: how both are cut.
        degradation: what both go through, before they are cut.
        rng: all else that is random comes from it.
        restyled: share of genuine pictures that are restyled as a whole, as fakes' parts are.
        targets: which truths are wanted: "mask", "boundary".

    Raises:
        KeyError: no such kind; lists the known ones.
    """
    fake = makers.get(kind)(face, donor, rng)
    genuine = face.image
    if rng.random() < restyled:
        genuine = restyle(genuine, face.size, rng)
    images = [framing.cut(degradation.apply(image), face) for image in (genuine, fake.image)]
    truths = {}
    for name in targets:
        # as whole numbers, so that the one definition of a crop cuts it too
        levels = cv2.convertScaleAbs(getattr(fake, name), alpha=255)
        cut = framing.cut(np.asarray(levels, dtype=np.uint8), face)
        truths[name] = np.asarray(cut * np.float32(1 / 255), dtype=np.float32)
    return Pair(images[0], images[1], truths)


class PairDataset(Dataset[Item]):
    """Pairs made of the genuine crops, or clips, of chosen videos; manipulated videos are left out.

    An item is a pair, both of it along the first axis, genuine first: `clips`, float32
    (2, T, 3, size, size), normalised as the spec says, T = 1 for single crops; `label`, float32 (2,)
    0 and 1; `mask`, `boundary`, where `targets` name them, float32 (2, size, size), of the first
    frame, 0 for the genuine one. And int64 (2,): `video`, row of `crops.videos`; `row`, of the index,
    of the first frame; `donor`, row of the index of the face laid over it, -1 for none; `kind`,
    number of the pseudo-fake in `kinds`, -1 for the genuine one. So joined items (`collate_pairs`)
    are a batch for a detector's loss, with both of every pair in it.

    What is random in an item depends on `seed`, the epoch and the item's number alone, not on who
    loads it; in a clip it is the same for all frames.

    Args:
        crops: the prepared crops.
        spec: size, margin, alignment, mean and std.
        kinds: "sbi", "bi", "i2g" or "swap", or several with their shares.
        degradation: what both go through: "video" (graded, scaled, blurred, noised, H.264 or JPEG),
            "picture" (the same without video codecs), "none".
        targets: which truths come with them, for detectors that learn from them: "mask",
            "boundary" (see `blending.boundary`).
        clip_length, stride, split, method, videos: see CropDataset. A donor is one still picture.
        margin_jitter: each pair's margin is `spec.margin` times 1 - margin_jitter to 1 +
            margin_jitter. box_shift: the crop's largest shift to either side, in face sizes.
        mirrored: share of pairs that are mirrored.
        restyled: share of genuine pictures restyled as a whole, as fakes' parts are.
        detail: pictures are forged at their own size, but with at most so many pixels for each pixel
            of the network's crop; the larger ones are shrunk first.
        candidates: faces among which the nearest in pose is laid over another.
        seed: of what is random.

    Raises:
        ValueError: unknown names; the crops can't contain what is wanted; only one person, where
            two are needed. BadShards: a crop's description can't be read.
    """

    def __init__(
        self,
        crops: PreparedCrops,
        spec: CropSpec,
        *,
        kinds: str | Mapping[str, float] = "sbi",
        degradation: str = "video",
        targets: Sequence[str] = (),
        clip_length: int | None = None,
        stride: int | None = None,
        split: str | None = None,
        method: str | None = None,
        videos: NDArray[Any] | Sequence[int] | None = None,
        margin_jitter: float = 0.1,
        box_shift: float = 0.05,
        mirrored: float = 0.5,
        restyled: float = 0.5,
        detail: float = 1.0,
        candidates: int = 100,
        seed: int = 0,
    ) -> None:
        for name, share in (("mirrored", mirrored), ("restyled", restyled)):
            if not 0 <= share <= 1:
                raise ValueError(f"expected {name} from 0 to 1, got {share}")
        if not 0 <= box_shift < 0.5:
            raise ValueError(f"expected a box_shift from 0 to below 0.5, got {box_shift}")
        if detail <= 0:
            raise ValueError(f"expected detail above 0, got {detail}")
        for name in targets:
            if name not in TARGETS:
                raise ValueError(unknown_name("target", name, TARGETS))
        try:
            self.degrade = degraders.get(degradation)
        except KeyError as error:
            raise ValueError(error.args[0]) from None
        self.kinds, self.targets = shares(kinds), tuple(targets)
        self.genuine = CropDataset(
            crops,
            spec,
            clip_length=clip_length,
            stride=stride,
            split=split,
            label=0,
            method=method,
            videos=videos,
            # a crop that is shifted needs as much more to both sides
            margin_jitter=margin_jitter + 2 * box_shift / spec.margin,
            seed=seed,
        )
        self.crops, self.spec, self.seed = crops, spec, seed
        self.margin_jitter, self.box_shift = margin_jitter, box_shift
        self.mirrored, self.restyled, self.detail = mirrored, restyled, detail
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # see CropDataset
        self.donors = None
        if any(makers.get(kind).needs_donor for kind in self.kinds):
            self.donors = Donors(crops, self.genuine.starts, candidates=candidates)

    def __len__(self) -> int:
        return len(self.genuine)

    @property
    def video(self) -> NDArray[np.int32]:
        """Each item's row of `crops.videos`, (n,)."""
        return self.genuine.video

    def set_epoch(self, epoch: int) -> None:
        """What is random is drawn anew; call it before going through a loader again."""
        self._epoch.fill_(epoch)

    def __getitem__(self, item: int) -> Item:
        """Raises BadShards where a crop is damaged; no other one is put in its place."""
        return self.take(item, np.random.default_rng([self.seed, int(self._epoch), item]))

    def take(self, item: int, rng: np.random.Generator) -> Item:
        """As `self[item]`, with what is random drawn from `rng`."""
        if not 0 <= item < len(self):
            raise IndexError(f"expected an item from 0 to {len(self) - 1}, got {item}")
        first = int(self.genuine.starts[item])
        kind = int(rng.choice(len(self.kinds), p=list(self.kinds.values())))
        name = list(self.kinds)[kind]
        flip = bool(rng.random() < self.mirrored)
        framing = self._framing(rng)
        donor_row, donor = -1, None
        if makers.get(name).needs_donor:
            assert self.donors is not None
            donor_row = self.donors.choose(item, rng)
            donor = self._face(donor_row, flip)
        key = int(rng.integers(2**62))
        degradation: Degrading | None = None
        pairs: list[Pair] = []
        for row in range(first, first + (self.genuine.clip_length or 1)):
            face = self._face(row, flip)
            # the same numbers for every frame: a clip is forged in one way
            again = np.random.default_rng(key)
            drawn = self.degrade(again, face.size)
            degradation = degradation or drawn
            wanted = () if pairs else self.targets
            try:
                pair = make_pair(
                    face, donor, name, framing, degradation, again,
                    restyled=self.restyled, targets=wanted,
                )  # fmt: skip
            except ValueError as error:
                video = self.crops.video_id(int(self.crops.video[row]))
                frame = int(self.crops.frame[row])
                raise ValueError(
                    f"{self.crops.folder}: {video!r}, frame {frame}: no {name!r} can be made of it "
                    f"({error})"
                ) from error
            pairs.append(pair)
        return self._item(pairs, first, donor_row, kind)

    def _face(self, row: int, flip: bool) -> FacePicture:
        description, image = self.crops.read_sample(row)
        if description["label"] != 0:
            path = shard_path(self.crops.folder, int(self.crops.shard[row]))
            name = self.crops.video_id(int(self.crops.video[row]))
            raise BadShards(
                f"{path}: {name!r} is manipulated there and genuine in videos.parquet; prepare again"
            )
        cut: Cut = self.genuine.cut
        most = self.detail * self.spec.size / self.spec.margin
        face = face_picture(description, image, margin=cut.margin_needed + ROOM, most=most)
        return in_mirror(face) if flip else face

    def _framing(self, rng: np.random.Generator) -> Framing:
        factor = rng.uniform(1 - self.margin_jitter, 1 + self.margin_jitter)
        x, y = rng.uniform(-self.box_shift, self.box_shift, 2).tolist()
        return Framing(self.spec, factor, (x, y))

    def _item(self, pairs: list[Pair], first: int, donor: int, kind: int) -> Item:
        pictures = np.stack([p.genuine for p in pairs] + [p.fake for p in pairs])
        clips = torch.from_numpy(as_input(pictures, self.spec)).unflatten(0, (2, len(pairs)))
        video = int(self.crops.video[first])
        item = {
            "clips": clips,  # channels last in memory: joining a batch copies it once
            "label": torch.tensor([0.0, 1.0]),
            "video": torch.tensor([video, video]),
            "row": torch.tensor([first, first]),
            "donor": torch.tensor([-1, donor]),
            "kind": torch.tensor([-1, kind]),
        }
        for name, values in pairs[0].targets.items():
            both: Float32 = np.zeros((2, *values.shape), dtype=np.float32)
            both[1] = values
            item[name] = torch.from_numpy(both)
        return item


def collate_pairs(items: Sequence[Item]) -> dict[str, torch.Tensor]:
    """Pairs as a batch: joined along the first axis, so genuine, fake, genuine, fake, ..."""
    return {name: torch.cat([item[name] for item in items]) for name in items[0]}

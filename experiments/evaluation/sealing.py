"""Sealed hold-outs: ids and labels that only a key opens, and a ledger of every look at them.

A hold-out that is looked at often is one that is tuned on. Sealing writes a folder:

    videos.csv    what a detector is run on: `video_id` (an HMAC of the true id) and a path; no labels
    sealed.bin    the manifest under these ids, encrypted (Fernet: AES-128-CBC and HMAC-SHA-256)
    seal.json     which manifest, how many videos, the key's fingerprint
    ledger.jsonl  one line a look, each bound to the line before it by an HMAC

The key lies elsewhere. Whoever has it can read the labels by other means than this software, and can
cut the ledger's end off: the last line's hash, which is printed with every look, is what to keep.
"""

import base64
import hashlib
import hmac
import io
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ...datasets.journal import try_lock
from ...datasets.manifests import Manifest

FILES = ("videos.csv", "sealed.bin", "seal.json", "ledger.jsonl")
KEY_BYTES = 32
FIRST = "0" * 64  # what the ledger's first line is bound to


class BadSeal(Exception):
    """A sealed set that can't be made or opened; the message names the file and what to do."""


@dataclass(frozen=True)
class Seal:
    """An opened sealed set: its manifest under the hashed ids, and its ledger.

    `key`: 32 bytes. `manifest`: `video_id`, `original` and `path` are hashed, people and groups too.
    """

    folder: Path
    key: bytes
    manifest: Manifest
    about: Mapping[str, Any]

    def looks(self) -> list[dict[str, Any]]:
        """The ledger's lines, checked. Raises BadSeal where one was changed or is missing."""
        return list(_read_ledger(self.folder / "ledger.jsonl", self.key))

    def look(self, what: Mapping[str, Any], at: str) -> dict[str, Any]:
        """Writes a look into the ledger, on disk before this returns.

        Args:
            what: which scores, by hash, and what for. at: the time, as it shall stand there.

        Returns:
            The line, with `number` and `hash`.

        Raises:
            BadSeal: the ledger is damaged, or another process writes to it. OSError: it can't be
                written.
        """
        path = self.folder / "ledger.jsonl"
        with path.open("r+b") as file:
            if not try_lock(file.fileno()):
                raise BadSeal(f"{path}: another process is writing to it; try again")
            before = self.looks()
            previous = before[-1]["hash"] if before else FIRST
            entry = {"number": len(before) + 1, "at": at, **what, "previous": previous}
            entry["hash"] = _bound(entry, self.key)
            file.seek(0, os.SEEK_END)
            file.write((json.dumps(entry, sort_keys=True) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
        return entry


def seal(manifest: Manifest, folder: Path, key_file: Path, *, note: str, at: str) -> int:
    """Seals a manifest.

    Args:
        manifest: of the hold-out alone.
        folder: made here, must not be there. key_file: made here, readable by its owner alone; not
            inside the folder.
        note: what the set is, in the owner's words; stands in `seal.json`, in the open.
        at: when, as it shall stand there.

    Returns:
        How many videos were sealed.

    Raises:
        BadSeal: the folder or the key is there already, or the key would lie inside the folder.
        OSError: they can't be written.
    """
    from pyarrow import parquet

    for path, what in ((folder, "folder"), (key_file, "key")):
        if path.exists():
            raise BadSeal(f"{path}: there is something already; choose another {what}")
    if folder.absolute() in key_file.absolute().parents:
        raise BadSeal(f"{key_file}: the key may not lie in the sealed folder, which is handed on")
    if not key_file.absolute().parent.is_dir():
        raise BadSeal(f"{key_file}: there is no folder {key_file.absolute().parent}; make it first")
    key = secrets.token_bytes(KEY_BYTES)
    hidden = _hidden(manifest, key)
    folder.mkdir(parents=True)
    # by hashed id, so that the order gives nothing away
    rows = sorted(zip(hidden.column("video_id"), hidden.column("path"), strict=True))
    text = "".join(f"{name},{path}\n" for name, path in [("video_id", "path"), *rows])
    (folder / "videos.csv").write_text(text, encoding="utf-8")
    plain = io.BytesIO()  # labels are on no disk, not even for a moment
    parquet.write_table(hidden.table, plain)
    (folder / "sealed.bin").write_bytes(_fernet(key).encrypt(plain.getvalue()))
    about = {
        "note": note,
        "sealed_at": at,
        "manifest_sha256": manifest.sha256,
        "videos": len(manifest),
        "key_fingerprint": _fingerprint(key),
    }
    (folder / "seal.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    (folder / "ledger.jsonl").touch()
    descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key.hex() + "\n")
    return len(manifest)


def is_sealed(path: Path) -> bool:
    """Whether a path is a sealed set's folder."""
    return path.is_dir() and all((path / name).exists() for name in FILES)


def open_seal(folder: Path, key_file: Path | None) -> Seal:
    """Opens a sealed set. Reading its manifest alone is no look: `Seal.look` writes that.

    Raises:
        BadSeal: no key, another key, a file that was changed.
    """
    from cryptography.fernet import InvalidToken
    from pyarrow import parquet

    if key_file is None:
        raise BadSeal(f"{folder}: it is sealed; give its key with --key FILE")
    try:
        key = bytes.fromhex(key_file.read_text(encoding="ascii").strip())
        about = json.loads((folder / "seal.json").read_text(encoding="utf-8"))
        fingerprint = about["key_fingerprint"]
    except FileNotFoundError as error:
        raise BadSeal(f"{error.filename}: no such file") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadSeal(
            f"{key_file} or {folder / 'seal.json'}: not as it was written ({error})"
        ) from None
    if len(key) != KEY_BYTES or not hmac.compare_digest(_fingerprint(key), str(fingerprint)):
        raise BadSeal(f"{key_file}: not the key of {folder} (its fingerprint is {fingerprint})")
    try:
        plain = _fernet(key).decrypt((folder / "sealed.bin").read_bytes())
    except InvalidToken:
        raise BadSeal(
            f"{folder / 'sealed.bin'}: it was changed; take the folder as it was handed out"
        ) from None
    table = parquet.read_table(io.BytesIO(plain))
    public = hashlib.sha256((folder / "videos.csv").read_bytes()).hexdigest()
    return Seal(folder, key, Manifest(table, str(folder), public), about)


def hashed(value: str, key: bytes, what: str = "id") -> str:
    """A name under the key: 32 hex digits of HMAC-SHA-256; nobody without the key can guess it."""
    return hmac.new(key, f"{what}\0{value}".encode(), hashlib.sha256).hexdigest()[:32]


def _hidden(manifest: Manifest, key: bytes) -> Manifest:
    """The manifest with hashed ids, paths, people and groups; equal ones stay equal."""
    table = manifest
    for column, what in (
        ("video_id", "id"),
        ("original", "id"),
        ("source_id", "person"),
        ("target_id", "person"),
        ("group", "group"),
    ):
        values = [None if v is None else hashed(v, key, what) for v in manifest.column(column)]
        table = table.with_column(column, values)
    names = table.column("video_id")
    suffixes = [PurePosixPath(path).suffix for path in manifest.column("path")]
    table = table.with_column("path", [n + s for n, s in zip(names, suffixes, strict=True)])
    table = table.with_column("root", [""] * len(manifest))
    return table.with_column("mask", [None] * len(manifest))


def sealed_names(manifest: Manifest, key: bytes) -> Iterator[tuple[int, str]]:
    """Each row's place and the file name that `videos.csv` has for it."""
    for place, name in enumerate(_hidden(manifest, key).column("path")):
        yield place, str(name)


def read_key(key_file: Path) -> bytes:
    """A key as `seal` wrote it. Raises BadSeal."""
    try:
        return bytes.fromhex(key_file.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise BadSeal(f"{key_file}: not a key ({error})") from None


def _fernet(key: bytes) -> Any:
    from cryptography.fernet import Fernet

    return Fernet(base64.urlsafe_b64encode(hmac.new(key, b"labels", hashlib.sha256).digest()))


def _fingerprint(key: bytes) -> str:
    return hmac.new(key, b"fingerprint", hashlib.sha256).hexdigest()[:16]


def _bound(entry: Mapping[str, Any], key: bytes) -> str:
    said = {k: v for k, v in entry.items() if k != "hash"}
    return hmac.new(key, json.dumps(said, sort_keys=True).encode(), hashlib.sha256).hexdigest()


def _read_ledger(path: Path, key: bytes) -> Iterator[dict[str, Any]]:
    previous = FIRST
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            entry = json.loads(line)
            good = (
                entry["number"] == number
                and entry["previous"] == previous
                and hmac.compare_digest(entry["hash"], _bound(entry, key))
            )
        except (ValueError, KeyError, TypeError):
            good = False
        if not good:
            raise BadSeal(
                f"{path}: line {number} was changed, or a line before it is missing: what was looked at "
                "is no longer known"
            )
        previous = entry["hash"]
        yield entry

"""The log of a run's calls to a service: what was sent, what it may cost, what was answered.

It lies beside the output while the run goes on. Every process of the run appends to it, under a
lock, a line of JSON for each event, and what must not be forgotten is on the disk before the next
step is taken:

`run`     a run begins, or goes on.
`begin`   a request that the vendor may charge for is about to be sent.
`sent`    its last bytes go out now: from here on it may have been received, and charged.
`unsent`  it was not received whole.
`answer`  what the service answered to a request, and whether that is charged.
`job`     the service's name for the video, under which its result can be asked for again.
`final`   the answer that holds the result. It is read again, and never paid for again.
`outcome` how the video ended.
`slot`    a request that costs nothing, for the rate.
`pause`   the service asked all to wait until `until`.

A run that was killed knows from it which videos the service has, and asks for those results.
"""

import gzip
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .limits import MOST_REQUESTS, Budget, Rate
from .locks import lock, unlock

Key = tuple[str, str, str]  # video_id, condition, SHA-256 of the bytes


class BudgetSpent(Exception):
    """The next call would go over the budget; the message says by what."""


@dataclass
class Known:
    """What the log says of a video.

    `job`: the service's name for it. `uploaded`: all of the file may have gone to the address for
    uploads. `finalised`: the service has confirmed it. `unanswered`: a request went out whole, and its
    answer is not known. `final`: where in the log the result's answer stands.
    """

    job: str | None = None
    uploaded: bool = False
    finalised: bool = False
    unanswered: bool = False
    final: int | None = None
    price: float = 0.0


@dataclass
class Totals:
    """`calls`: requests that may be charged for, sent whole. `money`: the price of those that were not
    answered with a refusal."""

    calls: int = 0
    money: float = 0.0


class CallLog:
    """The log's file, open in one process.

    Args:
        path: made if need be.
        clock: seconds since 1970.

    Raises:
        OSError: it can't be written.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._file = open(path, "a+b", buffering=0)  # noqa: SIM115 (open for the whole run)
        os.chmod(path, 0o600)
        self._read_to = 0
        self._run = 0
        self._known: dict[Key, Known] = {}
        self._by_bytes: dict[tuple[str, str], int] = {}
        self._reserved: dict[Key, tuple[int, float]] = {}
        self._slots: deque[float] = deque(maxlen=MOST_REQUESTS)
        self._pause = 0.0
        self.totals = Totals()
        self.failures = 0

    def close(self) -> None:
        self._file.close()

    def begin_run(self, facts: dict[str, Any]) -> None:
        """Notes that a run begins; what earlier ones had reserved and not sent is free again."""
        with self._locked():
            self._add({"event": "run", **facts}, durable=True)

    def known(self, key: Key) -> Known:
        """What there is about a video."""
        with self._locked():
            return self._known.get(key) or Known()

    def answer_of(self, key: Key) -> tuple[dict[str, Any], bool] | None:
        """The final answer, and whether it was given for this very video (or for the same bytes under
        another id); None where there is none."""
        with self._locked():
            mine = self._known.get(key)
            place = mine.final if mine else None
            own = place is not None
            if place is None:
                place = self._by_bytes.get(key[1:])
            if place is None:
                return None
            with open(self.path, "rb") as file:
                file.seek(place)
                return json.loads(file.readline()), own

    def reserve(
        self,
        key: Key,
        step: str,
        facts: dict[str, Any],
        price: float,
        budget: Budget,
        rate: Rate | None,
    ) -> float:
        """Takes a charged call from the budget, before it is made.

        Returns:
            Seconds to wait before it, as the rate wants it.

        Raises:
            BudgetSpent: there is none left.
        """
        with self._locked():
            held = [p for k, (run, p) in self._reserved.items() if run == self._run and k != key]
            calls = self.totals.calls + len(held)
            money = self.totals.money + sum(held)
            if budget.calls is not None and calls + 1 > budget.calls:
                raise BudgetSpent(f"the budget of {budget.calls} calls is used up")
            if budget.money is not None and money + price > budget.money + 1e-9:
                raise BudgetSpent(
                    f"the budget of {budget.money:g} does not cover the next call: {money:g} is "
                    f"spent, and it costs {price:g}"
                )
            at = self._next_slot(rate)
            self._add(
                {"event": "begin", **_named(key), "step": step, "price": price, "at": at, **facts},
                durable=True,
            )
            return max(0.0, at - self._clock())

    def slot(self, rate: Rate | None) -> float:
        """Seconds to wait before a request that costs nothing."""
        with self._locked():
            at = self._next_slot(rate)
            if rate is not None:
                self._add({"event": "slot", "at": at}, durable=False)
            return max(0.0, at - self._clock())

    def pause(self, seconds: float) -> None:
        """Has every process wait before its next request."""
        with self._locked():
            self._add({"event": "pause", "until": self._clock() + seconds}, durable=False)

    def note(self, event: str, key: Key, durable: bool = True, **facts: Any) -> None:
        """One event of a video."""
        with self._locked():
            self._add({"event": event, **_named(key), **facts}, durable=durable)

    def export(self, path: Path) -> None:
        """The log as it is kept with the results: gzip, without the slots; in one step."""
        draft = path.with_name(path.name + ".part")
        try:
            with self._locked(), open(self.path, "rb") as log:
                # no time in the header: the same log gives the same bytes
                with draft.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
                    for line in log:
                        if json.loads(line)["event"] not in ("slot", "pause"):
                            file.write(line)
                os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock(self._file.fileno())
        try:
            self._catch_up()
            yield
        finally:
            unlock(self._file.fileno())

    def _catch_up(self) -> None:
        """Takes in what other processes wrote; a line that a kill tore is cut off."""
        self._file.seek(self._read_to)
        data = self._file.read()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            self._file.truncate(self._read_to + whole)
        for line in data[:whole].splitlines(keepends=True):
            self._take_in(json.loads(line), self._read_to)
            self._read_to += len(line)

    def _add(self, event: dict[str, Any], *, durable: bool) -> None:
        line = (json.dumps({"at": self._clock(), **event}) + "\n").encode()
        start = self._file.seek(0, os.SEEK_END)
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
            if durable:
                os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(start)
            raise
        self._take_in(json.loads(line), start)
        self._read_to = start + len(line)

    def _take_in(self, entry: dict[str, Any], place: int) -> None:
        event = entry["event"]
        if event == "run":
            self._run += 1
            self.failures = 0
            return
        if event == "slot":
            self._slots.append(entry["at"])
            return
        if event == "pause":
            self._pause = max(self._pause, entry["until"])
            return
        key = (entry["video_id"], entry["condition"], entry["sha256"])
        video = self._known.setdefault(key, Known())
        if event == "begin":
            self._slots.append(entry["at"])
            self._reserved[key] = (self._run, entry["price"])
        elif event == "sent":
            charged = self._reserved.pop(key, None) if entry["charged"] else None
            if charged:
                self.totals.calls += 1
                # tries at one job, or under one idempotency key, are one sale
                more = 0.0 if video.price else charged[1]
                self.totals.money += more
                video.price += more
            video.unanswered |= entry["step"] == "submit"
            video.uploaded |= entry["step"] == "upload"
        elif event == "unsent":
            self._reserved.pop(key, None)
        elif event == "answer":
            video.unanswered = False
            if entry.get("refund"):
                self.totals.money -= entry["refund"]
                video.price -= entry["refund"]
            good = entry["http"] < 300
            if entry["step"] == "upload":
                video.uploaded = good
            video.finalised |= entry["step"] == "finalise" and good
        elif event == "job":
            video.job, video.unanswered = entry["job"], False
            video.uploaded = video.finalised = False
        elif event == "final":
            video.final = place
            video.unanswered = False
            self._by_bytes.setdefault(key[1:], place)
        elif event == "outcome":
            self.failures = self.failures + 1 if entry["failure"] else 0
        else:
            raise ValueError(
                f"{self.path}: unknown event {event!r}; a newer unswap may have written it"
            )

    def _next_slot(self, rate: Rate | None) -> float:
        now = max(self._clock(), self._pause)
        if rate is None or len(self._slots) < rate.requests:
            return now
        return max(now, self._slots[-rate.requests] + rate.per_seconds)


def _named(key: Key) -> dict[str, str]:
    return dict(zip(("video_id", "condition", "sha256"), key, strict=True))


def read_calls(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a log, while it is written or as it is kept (.gz).

    Raises:
        OSError: it can't be read.
    """
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)

"""A vendor's HTTP service as a VideoScorer."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ...datasets.probing import hash_file
from ...datasets.types import UnreadableVideo
from ..scores import DetectorId, Status, VideoScore
from .answers import unanswered
from .bodies import ChangedFile
from .calls import CallLog, Key
from .keys import Keys
from .requests import NoScore, Requests, StopRun
from .sending import Sending
from .service_description import HttpService
from .transport import OutOfTime


class ServiceScorer:
    """Scores videos with a service.

    Args:
        service: its description.
        log: where every call is noted.
        keys: of the environment by default.
        sleep, seed: how to wait, and of the waits' randomness.

    Raises:
        BadDescription: the key is not there.
    """

    def __init__(
        self,
        service: HttpService,
        log: CallLog,
        keys: Keys | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        seed: int = 0,
    ) -> None:
        self.service = service
        self.detector = DetectorId(service.name, service.sha256(), service.version)
        self.keys = keys or Keys(service)
        self.log = log
        self.requests = Requests(service, self.keys, log, sleep=sleep, seed=seed)

    def score(
        self,
        path: str | Path,
        *,
        video_id: str | None = None,
        condition: str = "none",
        time_limit_seconds: float | None = None,
    ) -> VideoScore:
        """Scores one video. An answer that the log holds is read again, and nothing is sent.

        Args:
            path: a video file.
            video_id: `file/<sha256>` by default.
            condition: which sending of it this is.
            time_limit_seconds: the status is `timeout` when it takes longer.

        Raises:
            StopRun: the run must end. OSError: the log can't be written.
        """
        path = Path(path)
        kind = self.service.score.kind
        blank = unanswered(self.detector, kind, path, video_id, condition)
        reason = _unsendable(path)
        if reason:
            return replace(blank, status=Status.UNREADABLE, reason=f"{path}: {reason}")
        try:
            sha256, size = hash_file(path), path.stat().st_size
        except (OSError, UnreadableVideo) as error:
            return replace(blank, status=Status.UNREADABLE, reason=f"{path}: {error}")
        most = self.service.limits.max_bytes
        if most is not None and size > most:
            reason = (
                f"{path}: {size / 1e6:.1f} MB, and {self.service.name} takes {most / 1e6:.1f} MB"
            )
            return replace(blank, status=Status.REFUSED, reason=reason)
        key = (blank.video_id, condition, sha256)
        deadline = None if time_limit_seconds is None else time.monotonic() + time_limit_seconds
        sending = Sending(self.requests, path, key, size, deadline)
        self.requests.begin_video()
        score, status, failure, said = None, Status.SCORED, False, None
        try:
            score = sending.score()
            said = sending.note
        except NoScore as error:
            status, failure, said = error.status, error.failure, error.reason
        except OutOfTime:
            status, failure = Status.TIMEOUT, True
            said = f"no result in {time_limit_seconds:g} s" + sending.asked()
        except (ChangedFile, OSError) as error:
            if isinstance(error, OSError) and error.filename != str(path):
                raise
            self.log.note("unsent", key)
            status, said = Status.UNREADABLE, "it changed, or could not be read, while it was sent"
        self._end(key, status, failure, said)
        price = self.service.price
        return replace(
            blank,
            status=status,
            score=score,
            reason=None if said is None else self.keys.redact(f"{path}: {said}"),
            seconds={} if sending.resumed else self._seconds(),
            cost=None if price is None else round(max(0.0, self.log.known(key).price), 6),
        )

    def _seconds(self) -> dict[str, float]:
        """`total`: with the service. `waited`: for our own rate and back-off, not in it."""
        mine = self.requests
        return {"total": round(mine.with_the_service, 4), "waited": round(mine.waited, 4)}

    def _end(self, key: Key, status: Status, failure: bool, said: str | None) -> None:
        """Notes the outcome; too many failures on end mean that the service, or what the description
        says of it, has changed."""
        self.log.note("outcome", key, status=str(status), failure=failure)
        most = self.service.limits.stop_after_failures
        if failure and self.log.failures >= most:
            raise StopRun(
                self.keys.redact(
                    f"{self.service.name} had no proper answer for {most} videos on end (the last: "
                    f"{said}); see to it, and go on with --resume"
                )
            )


def _unsendable(path: Path) -> str:
    """Why a path can't be sent; "" where it can."""
    if not os.path.lexists(path):
        return "no such file"
    if path.is_dir():
        return "a folder of pictures can't be sent to a service; make a video of it"
    if not path.is_file():
        return "not a file"
    try:
        return "" if path.stat().st_size else "the file is empty (0 bytes)"
    except OSError as error:
        return f"it can't be read ({error.strerror})"

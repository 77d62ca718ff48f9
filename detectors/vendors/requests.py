"""Requests to a service, sent again where that helps and can't cost twice."""

import email.utils
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..scores import Status
from .bodies import Body
from .calls import BudgetSpent, CallLog, Key
from .json_paths import maybe
from .keys import Keys
from .service_description import HttpService
from .transport import NotAnswered, NotSent, OutOfTime, Response, Transport


class StopRun(Exception):
    """The whole run must end: budget, key or credit; the message says which and what to do."""


class NoScore(Exception):
    """A video without a score. `failure`: it was the service that had no proper answer."""

    def __init__(self, status: Status, reason: str, *, failure: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.failure = failure


@dataclass(frozen=True)
class Answer:
    """`data`: the JSON, or the text where it is none. `is_json`: which of them."""

    http: int
    data: Any
    is_json: bool
    retry_after: float | None

    @property
    def good(self) -> bool:
        return 200 <= self.http < 300


@dataclass(frozen=True)
class Step:
    """One kind of request. `charged`: the vendor may want money for it. `repeatable`: two of them are
    no more than one (a GET, another try at the same job)."""

    name: str
    charged: bool = False
    repeatable: bool = True


class Requests:
    """Sends a video's requests.

    Args:
        service, keys, log: whose.
        sleep, seed: how to wait, and of the waits' randomness.
    """

    def __init__(
        self,
        service: HttpService,
        keys: Keys,
        log: CallLog,
        *,
        sleep: Callable[[float], None] = time.sleep,
        seed: int = 0,
    ) -> None:
        self.service = service
        self.keys = keys
        self.log = log
        self.sleep = sleep
        self.random = random.Random(seed)
        self.transport = Transport(service.base_url, keys.header, service.limits.timeout_seconds)
        self.with_the_service = 0.0  # seconds, of the video that is being done
        self.waited = 0.0

    def begin_video(self) -> None:
        """Sets the clocks to zero."""
        self.with_the_service = self.waited = 0.0

    def wait(self, seconds: float, deadline: float | None, *, polling: bool = False) -> None:
        """Sleeps. Raises OutOfTime where the video's time would be over before the end of it."""
        if deadline is not None and time.monotonic() + seconds >= deadline:
            raise OutOfTime
        started = time.monotonic()
        if seconds > 0:
            self.sleep(seconds)
        spent = time.monotonic() - started
        if polling:
            self.with_the_service += spent
        else:
            self.waited += spent

    def send(
        self,
        step: Step,
        key: Key,
        method: str,
        url: str,
        *,
        body: Callable[[], Body | None] = lambda: None,
        headers: dict[str, str] | None = None,
        deadline: float | None = None,
        facts: dict[str, Any] | None = None,
    ) -> Answer:
        """One request, and again as the service's `retry` says.

        Args:
            body: makes it anew for each try.
            facts: about what is sent, for the log.

        Raises:
            StopRun, NoScore, OutOfTime: there is no answer to go on with.
        """
        retry = self.service.limits.retry
        tries = 0
        while True:
            tries += 1
            self._wait_turn(step, key, deadline, facts or {})
            try:
                answer = self._once(step, key, method, url, body(), headers or {}, deadline)
                if answer.http not in retry.http:
                    return answer
                why, silent = self.said(answer), False
            except NotSent as error:
                self.log.note("unsent", key)
                why, silent, answer = self.keys.redact(str(error)), False, None
            except NotAnswered as error:
                why, silent, answer = self.keys.redact(str(error)), error.silent, None
                if not step.repeatable:
                    raise NoScore(
                        Status.TIMEOUT if silent else Status.FAILED,
                        f"{why}, after the video had been sent; not sent again, as that might be "
                        "charged twice",
                        failure=True,
                    ) from None
            if tries > retry.times:
                if answer is not None and answer.http == 429:
                    raise StopRun(
                        f"{self.service.name} takes no more requests: {why}; go on with --resume later"
                    )
                status = Status.TIMEOUT if silent else Status.FAILED
                raise NoScore(status, f"{why}, {tries} times", failure=True)
            self._wait_before(tries, answer, deadline)

    def said(self, answer: Answer) -> str:
        """An answer's code, and what the service says to it."""
        words = maybe(answer.data, self.service.message) if answer.is_json else answer.data
        if words is None and answer.is_json:
            words = json.dumps(answer.data)
        text = " ".join(str(words or "").split())
        return f"HTTP {answer.http}" + (f": {text[:200]}" if text else "")

    def _wait_turn(
        self, step: Step, key: Key, deadline: float | None, facts: dict[str, Any]
    ) -> None:
        limits, price = self.service.limits, self.service.price
        if not step.charged:
            self.wait(self.log.slot(limits.rate), deadline)
            return
        try:
            seconds = self.log.reserve(
                key,
                step.name,
                facts,
                price.per_call if price else 0.0,
                limits.budget,
                limits.rate,
            )
        except BudgetSpent as error:
            raise StopRun(
                f"{self.service.name}: {error}; raise limits.budget and go on with --resume"
            ) from None
        try:
            self.wait(seconds, deadline)
        except OutOfTime:
            self.log.note("unsent", key)
            raise

    def _once(
        self,
        step: Step,
        key: Key,
        method: str,
        url: str,
        body: Body | None,
        headers: dict[str, str],
        deadline: float | None,
    ) -> Answer:
        whole = False

        def before_the_last() -> None:
            nonlocal whole
            whole = True
            if step.name != "poll":
                self.log.note("sent", key, step=step.name, charged=step.charged)

        started = time.monotonic()
        try:
            response = self.transport.send(
                method,
                url,
                body=body,
                headers=headers,
                deadline=deadline,
                before_the_last=before_the_last,
            )
        except OutOfTime:
            if not whole:
                self.log.note("unsent", key)
            raise
        finally:
            self.with_the_service += time.monotonic() - started
        answer = self._read(response)
        if step.name != "poll":
            # where it hung up early it had not been sent whole, and nothing was charged
            price = self.service.price.per_call if self.service.price else 0.0
            refund = price if step.charged and whole and not self._charged(answer) else 0.0
            if not whole:
                self.log.note("unsent", key)
            self.log.note("answer", key, step=step.name, http=answer.http, refund=refund)
        return answer

    def _charged(self, answer: Answer) -> bool:
        price = self.service.price
        if price and price.billable and answer.is_json:
            billable = maybe(answer.data, price.billable)
            if isinstance(billable, bool):
                return billable
        return answer.good

    def _read(self, response: Response) -> Answer:
        text = response.data.decode("utf-8", "replace")
        after = _retry_after(response.headers.get("retry-after"), time.time())
        try:
            return Answer(response.status, self.keys.clean(json.loads(text)), True, after)
        except ValueError:
            return Answer(response.status, self.keys.redact(text)[:4000], False, after)

    def _wait_before(self, tries: int, answer: Answer | None, deadline: float | None) -> None:
        retry = self.service.limits.retry
        seconds = min(retry.most_seconds, retry.first_seconds * retry.factor ** (tries - 1))
        seconds *= 1 + retry.jitter * self.random.uniform(-1, 1)
        told = answer.retry_after if answer is not None else None
        if told is not None:
            seconds = max(told, 0.0)
            self.log.pause(seconds)  # the other processes need not be told one by one
        try:
            self.wait(seconds, deadline)
        except OutOfTime:
            if answer is not None and answer.http == 429:
                raise StopRun(
                    f"{self.service.name} wants no request for {seconds:.0f} s, longer than "
                    "--time-limit leaves; go on with --resume later"
                ) from None
            raise


def _retry_after(value: str | None, now: float) -> float | None:
    """Seconds, from a Retry-After header: a number of them, or a date.

    >>> _retry_after("7", 0), _retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 50.0)
    (7.0, 10.0)
    >>> _retry_after("soon", 0) is None
    True
    """
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except (TypeError, ValueError):
        return None

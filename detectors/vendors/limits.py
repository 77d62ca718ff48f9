"""What may be asked of a service: how often, how long, how much of it, and at what price."""

from dataclasses import dataclass, field

from .json_paths import check_path

MOST_REQUESTS = 10_000  # of a rate


@dataclass(frozen=True)
class Rate:
    """At most so many requests in so many seconds, over all processes of a run."""

    requests: int
    per_seconds: float

    def __post_init__(self) -> None:
        if not 1 <= self.requests <= MOST_REQUESTS or self.per_seconds <= 0:
            raise ValueError(f"expected 1 to {MOST_REQUESTS} requests in more than 0 seconds")


@dataclass(frozen=True)
class Retry:
    """After which `http` codes, and failed connections, a request is sent again.

    The wait before attempt n + 1 is `first_seconds * factor**(n - 1)`, at most `most_seconds`, and
    drawn from within `jitter` of that (0.5: half as long to one and a half times). A Retry-After in
    the answer stands in its place.
    """

    times: int = 4
    first_seconds: float = 1.0
    factor: float = 2.0
    most_seconds: float = 60.0
    jitter: float = 0.5
    http: tuple[int, ...] = (429, 500, 502, 503, 504)

    def __post_init__(self) -> None:
        if self.times < 0 or self.first_seconds < 0 or self.most_seconds < 0 or self.factor < 1:
            raise ValueError("expected times and seconds of 0 or more, and a factor of 1 or more")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter: expected 0 to 1, got {self.jitter:g}")


@dataclass(frozen=True)
class Budget:
    """What a run may use up. `calls`: requests that the vendor may charge for, failed ones too.
    `money`: their price, in the price's currency."""

    calls: int | None = None
    money: float | None = None

    def __post_init__(self) -> None:
        if (self.calls is not None and self.calls < 0) or (
            self.money is not None and self.money < 0
        ):
            raise ValueError("expected calls and money of 0 or more")


@dataclass(frozen=True)
class Limits:
    """What is asked of the service, and waited for. Not part of which detector it is.

    `timeout_seconds`: of silence in one request. `max_bytes`: the largest file that it takes.
    `at_a_time`: videos. `stop_after_failures`: so many videos one after another that the service had
    no proper answer for end the run.
    """

    timeout_seconds: float = 120.0
    max_bytes: int | None = None
    at_a_time: int = 2
    rate: Rate | None = None
    retry: Retry = field(default_factory=Retry)
    budget: Budget = field(default_factory=Budget)
    stop_after_failures: int = 5

    def __post_init__(self) -> None:
        if self.timeout_seconds <= 0 or self.at_a_time < 1 or self.stop_after_failures < 1:
            raise ValueError(
                "expected timeout_seconds above 0, at_a_time and stop_after_failures of at least 1"
            )


@dataclass(frozen=True)
class Price:
    """`per_call`: of one video. `billable`: where an answer says (true or false) if it is charged."""

    per_call: float
    currency: str
    billable: str | None = None

    def __post_init__(self) -> None:
        if self.per_call < 0:
            raise ValueError(f"per_call: expected 0 or more, got {self.per_call}")
        if self.billable:
            check_path(self.billable)

"""What there is to say about a vendor's HTTP service: data, in a YAML file, and no code."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from .addresses import insecure
from .json_paths import check_path
from .limits import Limits, Price
from .scales import ScoreRule

# What may stand in braces in paths, fields and JSON bodies; `variables` adds to it.
PLACEHOLDERS = ("file_name", "sha256", "size", "content_type", "request_id")
_BRACES = re.compile(r"\{(\w*)\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True)
class Auth:
    """`env`: the environment variable that holds the key. It goes into `header`, after `prefix`."""

    env: str
    header: str = "Authorization"
    prefix: str = ""

    def __post_init__(self) -> None:
        if not _VARIABLE.fullmatch(self.env):
            raise ValueError(f"env: expected the name of an environment variable, got {self.env!r}")
        if not _HEADER.fullmatch(self.header):
            raise ValueError(f"header: expected a header's name, got {self.header!r}")


@dataclass(frozen=True)
class Submit:
    """The request that begins a video.

    `upload`: `multipart` sends the file in it, as `file_field`, beside `fields`; `presigned` sends
    `json` and gets an address at `upload_url` in the answer, which the file is then put to, with
    `upload_headers` and without the key. `request_id`: where the answer says how to ask for the
    result. `idempotency_header`: under which the service takes a video's own key, and so sends a
    second answer rather than a second bill for the same one.
    """

    path: str
    upload: Literal["multipart", "presigned"]
    method: Literal["POST", "PUT"] = "POST"
    file_field: str | None = None
    fields: dict[str, str] = field(default_factory=dict)
    json: dict[str, Any] = field(default_factory=dict)
    request_id: str | None = None
    upload_url: str | None = None
    upload_method: Literal["PUT", "POST"] = "PUT"
    upload_headers: dict[str, str] = field(default_factory=dict)
    idempotency_header: str | None = None

    def __post_init__(self) -> None:
        for path in (self.request_id, self.upload_url):
            if path is not None:
                check_path(path)
        if self.upload == "multipart":
            if not self.file_field:
                raise ValueError("a multipart upload needs file_field, the name of the file's part")
            if self.json or self.upload_url:
                raise ValueError("json and upload_url go with upload: presigned")
        else:
            if not self.upload_url or not self.request_id:
                raise ValueError("a pre-signed upload needs upload_url and request_id")
            if self.file_field or self.fields:
                raise ValueError("file_field and fields go with upload: multipart")


@dataclass(frozen=True)
class Call:
    """One more request to the service: `path`, and a `json` body where the method is not GET."""

    path: str
    method: Literal["GET", "POST", "PUT"] = "POST"
    json: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Poll:
    """How the result is waited for.

    `state`: where the answer says how it stands. `running`: states that mean "ask again", `done`: that
    there is a result, `failed`: that there will be none, `stop`: that the whole run must end (no
    credit left). `not_yet_http`: HTTP codes that mean "ask again" too.
    """

    path: str
    state: str
    running: tuple[Any, ...]
    done: tuple[Any, ...]
    failed: tuple[Any, ...] = ()
    stop: tuple[Any, ...] = ()
    not_yet_http: tuple[int, ...] = ()
    every_seconds: float = 5.0

    def __post_init__(self) -> None:
        check_path(self.state)
        if not self.done:
            raise ValueError("done: expected at least one state")
        if self.every_seconds < 0:
            raise ValueError(f"every_seconds: expected 0 or more, got {self.every_seconds}")
        states = [json.dumps(s) for s in (*self.running, *self.done, *self.failed, *self.stop)]
        twice = sorted({s for s in states if states.count(s) > 1})
        if twice:
            raise ValueError(f"the state {', '.join(twice)} stands in two lists")


@dataclass(frozen=True)
class Result:
    """Where the result lies, if not in the last answer: a `path` of the service, or at the address
    that stands at `url` in the last answer (the key goes there only if it is the same host)."""

    path: str | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        if (self.path is None) == (self.url is None):
            raise ValueError("expected path or url, one of the two")
        if self.url:
            check_path(self.url)


@dataclass(frozen=True)
class StatusRule:
    """Answers that are no score: those with one of the HTTP codes, or with one of the values at `path`.

    `status`: what the video's status is then; `stop` ends the run.
    """

    status: Literal["no_face", "too_small", "unreadable", "refused", "timeout", "failed", "stop"]
    path: str | None = None
    equals: tuple[Any, ...] = ()
    http: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.path and not self.http:
            raise ValueError("expected path with equals, or http, or both")
        if bool(self.path) != bool(self.equals):
            raise ValueError("path and equals go together")
        if self.path:
            check_path(self.path)


@dataclass(frozen=True)
class HttpService:
    """A vendor's service.

    `version`: of the model behind it, or the day on which this was written down. `statuses`: asked in
    order, the first that fits counts. `message`: where the service says what went wrong. `variables`:
    more names for braces, each with the environment variable that holds its value (an account's
    number; treated as the key is). `notes`: for readers.
    """

    kind: Literal["http"]
    name: str
    base_url: str
    submit: Submit
    score: ScoreRule
    version: str = ""
    auth: Auth | None = None
    finalise: Call | None = None
    poll: Poll | None = None
    result: Result | None = None
    statuses: tuple[StatusRule, ...] = ()
    message: str | None = None
    variables: dict[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    price: Price | None = None
    notes: str = ""

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise ValueError("; ".join(problems))

    @property
    def origin(self) -> str:
        """The host that the key goes to, and no other: `https://api.vendor.example`."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    def sha256(self) -> str:
        """Over all that can change a score: not over limits, price and notes."""
        data = asdict(self)
        for name in ("limits", "price", "notes"):
            del data[name]
        return hashlib.sha256(json.dumps(data).encode()).hexdigest()

    def _problems(self) -> Iterator[str]:
        if not self.name or "@" in self.name or not self.name.isprintable():
            yield f"name: expected a name without '@', got {self.name!r}"
        reason = insecure(self.base_url)
        if reason:
            yield f"base_url: {reason}"
        if bool(self.poll) != bool(self.submit.request_id):
            yield "poll and submit.request_id go together: where to ask, and for what"
        if self.result and not self.poll:
            yield "result goes with poll: without it, the answer to the upload is the result"
        if self.finalise and self.submit.upload != "presigned":
            yield "finalise goes with upload: presigned"
        if self.message is not None:
            try:
                check_path(self.message)
            except ValueError as error:
                yield f"message: {error}"
        known = {*PLACEHOLDERS, *self.variables}
        taken = sorted(set(PLACEHOLDERS) & set(self.variables))
        if taken:
            yield f"variables: {', '.join(taken)} has a meaning already"
        for where, text in self._texts():
            for name in _BRACES.findall(text):
                if name not in known:
                    yield (
                        f"{where}: unknown {{{name}}} in {text!r}; known: "
                        + ", ".join(f"{{{n}}}" for n in sorted(known))
                    )

    def _texts(self) -> Iterator[tuple[str, str]]:
        """The texts in which names in braces may stand."""
        yield "submit.path", self.submit.path
        for name, value in (*self.submit.fields.items(), *self.submit.upload_headers.items()):
            yield f"submit, {name}", value
        yield from _inside("submit.json", self.submit.json)
        if self.finalise:
            yield "finalise.path", self.finalise.path
            yield from _inside("finalise.json", self.finalise.json)
        if self.poll:
            yield "poll.path", self.poll.path
        if self.result and self.result.path:
            yield "result.path", self.result.path


def fill(value: Any, names: dict[str, Any]) -> Any:
    """A text, or texts inside objects and lists, with what stands in braces put in.

    >>> fill({"name": "{sha256}.mp4", "size": "{size}"}, {"sha256": "ab", "size": 7})
    {'name': 'ab.mp4', 'size': 7}
    """
    if isinstance(value, str):
        alone = _BRACES.fullmatch(value)
        if alone:
            return names[alone[1]]
        return _BRACES.sub(lambda m: str(names[m[1]]), value)
    if isinstance(value, dict):
        return {key: fill(v, names) for key, v in value.items()}
    if isinstance(value, list):
        return [fill(v, names) for v in value]
    return value


def _inside(where: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _inside(f"{where}.{key}", inner)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _inside(f"{where}[{i}]", inner)

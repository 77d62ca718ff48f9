"""One video's way through a service: sent, waited for, its answer judged."""

import json
import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

from ...datasets.suffixes import VIDEO_SUFFIXES
from ..scores import Status
from .bodies import Body, file_body, json_body, multipart_body
from .calls import Key, Known
from .json_paths import NotThere, find
from .requests import Answer, NoScore, Requests, Step, StopRun
from .scales import NotAScore
from .service_description import Call, StatusRule, fill
from .transport import origin, without_query

SLOWEST_POLL = 8  # the pause between two questions grows up to so many times `every_seconds`


class Sending:
    """One video's way through the service.

    Args:
        requests: how they are sent.
        path, size: the file.
        key: how the log calls this sending of it.
        deadline: of `time.monotonic`, or None.

    Attributes:
        job: the service's name for the video.
        resumed: whether an earlier run had begun it.
        note: what is to be known of the score, or None.
    """

    def __init__(
        self, requests: Requests, path: Path, key: Key, size: int, deadline: float | None
    ) -> None:
        self.path, self.key, self.size = path, key, size
        self.deadline = deadline
        self.requests, self.keys = requests, requests.keys
        self.service, self.log = requests.service, requests.log
        self.job: str | None = None
        self.resumed = False
        self._kept = False  # the last answer, in the log
        self.note: str | None = None  # what is to be known of a score
        suffix = path.suffix.lower()
        suffix = suffix if suffix in VIDEO_SUFFIXES else ".mp4"
        self.file_name = key[2] + suffix  # a path or a name may say who is in it
        self.content_type = mimetypes.guess_type(self.file_name)[0] or "application/octet-stream"

    def asked(self) -> str:
        """For a reason: under which name the service has it."""
        return f"; the service's id for it is {self.job}" if self.job else ""

    def score(self) -> float:
        """The score. Raises NoScore, StopRun, OutOfTime."""
        held = self.log.answer_of(self.key)
        if held:
            self.resumed = self._kept = True
            if not held[1]:
                self.note = "the same bytes as another video of this run: not sent again"
            return self._read(Answer(held[0]["http"], held[0]["body"], held[0]["is_json"], None))
        known = self.log.known(self.key)
        answer = self._go_on(known) if known.job or known.unanswered else None
        if answer is None:
            answer = self._begin()
        if self._is_final(answer):
            self._kept = True
            self.log.note(
                "final", self.key, http=answer.http, is_json=answer.is_json, body=answer.data
            )
        return self._read(answer)

    def _is_final(self, answer: Answer) -> bool:
        """Whether asking again would give no other answer: not so where the key was refused, or the
        credit was used up."""
        rule = next((r for r in self.service.statuses if _fits(r, answer)), None)
        return answer.good if rule is None else rule.status != "stop"

    def _go_on(self, known: Known) -> Answer | None:
        """What an earlier run had begun; None where it must be begun (and nothing was charged)."""
        submit = self.service.submit
        self.job = known.job
        if submit.upload == "presigned":
            if not known.job or not known.uploaded:
                return None  # the file never was there whole
            self.resumed = True
            if not known.finalised:
                self._finalise()
            return self._result()
        if known.job:
            self.resumed = True
            return self._result()
        if submit.idempotency_header:
            return None
        self.resumed = True
        raise NoScore(
            Status.FAILED,
            "an earlier run was ended between sending it and the answer; it may have been charged, "
            "and is not sent again. To send it anyway, score it with an --out of its own",
        )

    def _begin(self) -> Answer:
        submit = self.service.submit
        presigned = submit.upload == "presigned"
        step = Step(
            "submit",
            charged=not presigned,
            repeatable=presigned or submit.idempotency_header is not None,
        )
        headers = {}
        if submit.idempotency_header:
            headers[submit.idempotency_header] = f"{self.key[2]}-{self.key[1]}"
        answer = self.requests.send(
            step,
            self.key,
            submit.method,
            self._url(submit.path),
            body=self._json(submit.json) if presigned else self._form,
            headers=headers,
            deadline=self.deadline,
            facts=self._facts(self.service.origin),
        )
        if submit.request_id is None:
            return answer
        self._check(answer, "the answer to the upload")
        self.job = str(self._find(answer, submit.request_id))
        address = str(self._find(answer, submit.upload_url)) if submit.upload_url else ""
        self.log.note("job", self.key, job=self.job)
        if presigned:
            self._upload(address)
            self._finalise()
        return self._result() if self.service.poll else answer

    def _upload(self, address: str) -> None:
        submit = self.service.submit
        reason = self.requests.transport.may_go_to(address)
        if reason:
            raise NoScore(Status.FAILED, f"the address for the upload: {reason}", failure=True)
        answer = self.requests.send(
            Step("upload", charged=self.service.finalise is None),
            self.key,
            submit.upload_method,
            address,
            body=lambda: file_body(self.path, self.size, self.content_type),
            headers=fill(submit.upload_headers, self._names()),
            deadline=self.deadline,
            facts=self._facts(without_query(address)),
        )
        if not answer.good:
            raise NoScore(
                Status.FAILED, f"the upload was refused: HTTP {answer.http}", failure=True
            )

    def _finalise(self) -> None:
        call = self.service.finalise
        if call:
            answer = self._call(Step("finalise", charged=True), call)
            self._check(answer, "the answer to the end of the upload")

    def _result(self) -> Answer:
        """Asks until the service has done with it."""
        poll = self.service.poll
        assert poll
        pause = poll.every_seconds
        while True:
            answer = self._call(Step("poll"), Call(poll.path, "GET"))
            if answer.http not in poll.not_yet_http:
                state = self._state(answer)
                if state in map(_typed, poll.done):
                    break
                if state in map(_typed, (*poll.failed, *poll.stop)):
                    self._keep(answer)
                    if state in map(_typed, poll.stop):
                        raise StopRun(
                            f"{self.service.name}: {self.requests.said(answer)} (state {state[1]!r})"
                        )
                    self._apply_rules(answer)
                    raise NoScore(
                        Status.FAILED,
                        f"the service failed (state {state[1]!r}): {self.requests.said(answer)}",
                    )
                if state not in map(_typed, poll.running):
                    raise NoScore(
                        Status.FAILED,
                        f"unknown state {state[1]!r} at {poll.state!r}; known: "
                        + ", ".join(repr(s) for s in (*poll.running, *poll.done, *poll.failed)),
                        failure=True,
                    )
            self.requests.wait(pause, self.deadline, polling=True)
            pause = min(pause * 1.5, poll.every_seconds * SLOWEST_POLL)
        return self._fetch(answer)

    def _fetch(self, answer: Answer) -> Answer:
        result = self.service.result
        if result is None:
            return answer
        if result.path:
            fetched = self._call(Step("poll"), Call(result.path, "GET"))
        else:
            assert result.url
            address = urljoin(self.service.base_url, str(self._find(answer, result.url)))
            reason = self.requests.transport.may_go_to(address)
            if reason:
                raise NoScore(Status.FAILED, f"the result's address: {reason}", failure=True)
            fetched = self.requests.send(
                Step("poll"), self.key, "GET", address, deadline=self.deadline
            )
            if origin(address) != origin(self.service.base_url) and not fetched.good:
                raise NoScore(
                    Status.FAILED, f"the result is not there: HTTP {fetched.http}", failure=True
                )
        return fetched

    def _state(self, answer: Answer) -> tuple[type, Any]:
        poll = self.service.poll
        assert poll
        self._check(answer, "the answer to the question for the result")
        return _typed(self._find(answer, poll.state))

    def _read(self, answer: Answer) -> float:
        self._check(answer, "the answer")
        try:
            return self.service.score.read(answer.data)
        except NotAScore as error:
            raise NoScore(
                Status.FAILED, f"{error}; has the service's answer changed?", failure=True
            ) from None

    def _check(self, answer: Answer, what: str) -> None:
        """Raises NoScore or StopRun where the answer is none to go on with."""
        self._apply_rules(answer)
        if answer.http in (401, 403):
            self._keep(answer)
            auth = self.service.auth
            where = f" (the environment variable {auth.env})" if auth else ""
            raise StopRun(
                f"{self.service.name} refused the key{where}: {self.requests.said(answer)}"
            )
        if 300 <= answer.http < 400:
            self._keep(answer)
            raise NoScore(
                Status.FAILED,
                f"{what} sends on to another address (HTTP {answer.http}), which is not followed: "
                "the key goes to one host alone",
                failure=True,
            )
        if not answer.good:
            self._keep(answer)
            raise NoScore(Status.FAILED, self.requests.said(answer), failure=True)
        if not answer.is_json:
            self._keep(answer)
            start = " ".join(answer.data.split())[:80]
            raise NoScore(Status.FAILED, f"{what} is not JSON: {start!r}", failure=True)

    def _apply_rules(self, answer: Answer) -> None:
        for rule in self.service.statuses:
            if _fits(rule, answer):
                self._keep(answer)
                if rule.status == "stop":
                    raise StopRun(f"{self.service.name}: {self.requests.said(answer)}")
                raise NoScore(Status(rule.status), self.requests.said(answer))

    def _keep(self, answer: Answer) -> None:
        """Keeps an answer that holds no score."""
        if self._kept:
            return
        self._kept = True
        self.log.note(
            "answer", self.key, step="kept", http=answer.http, body=answer.data, durable=False
        )

    def _find(self, answer: Answer, path: str) -> Any:
        try:
            found = find(answer.data, path)
        except NotThere as error:
            found, why = None, str(error)
        else:
            why = f"it is {found!r}"
        if found is None or isinstance(found, dict | list) or found == "":
            self._keep(answer)
            raise NoScore(
                Status.FAILED,
                f"nothing at {path!r} in the answer: {why}; has the service's answer changed?",
                failure=True,
            )
        return found

    def _call(self, step: Step, call: Call) -> Answer:
        return self.requests.send(
            step,
            self.key,
            call.method,
            self._url(call.path),
            body=self._json(call.json) if call.method != "GET" else lambda: None,
            deadline=self.deadline,
        )

    def _json(self, data: dict[str, Any]) -> Callable[[], Body]:
        return lambda: json_body(fill(data, self._names()))

    def _form(self) -> Body:
        submit = self.service.submit
        assert submit.file_field
        return multipart_body(
            self.path,
            self.size,
            field=submit.file_field,
            file_name=self.file_name,
            content_type=self.content_type,
            fields={k: str(v) for k, v in fill(submit.fields, self._names()).items()},
        )

    def _url(self, path: str) -> str:
        names = {k: quote(str(v), safe="") for k, v in self._names().items()}
        return self.service.base_url.rstrip("/") + "/" + str(fill(path, names)).lstrip("/")

    def _names(self) -> dict[str, Any]:
        return {
            **self.keys.variables,
            "file_name": self.file_name,
            "sha256": self.key[2],
            "size": self.size,
            "content_type": self.content_type,
            "request_id": self.job or "",
        }

    def _facts(self, to: str) -> dict[str, Any]:
        """What the log says of an upload."""
        return {"to": to, "file_name": self.file_name, "bytes": self.size}


def _typed(value: Any) -> tuple[type, Any]:
    """So that true is not 1."""
    return type(value), json.dumps(value) if isinstance(value, dict | list) else value


def _fits(rule: StatusRule, answer: Answer) -> bool:
    if rule.http and answer.http not in rule.http:
        return False
    if rule.path is None:
        return True
    if not answer.is_json:
        return False
    try:
        found = find(answer.data, rule.path)
    except NotThere:
        return False
    many = found if isinstance(found, list) else [found]
    return any(_typed(f) in map(_typed, rule.equals) for f in many)

"""Six vendors' services on this machine, with the faults that services have.

    with VendorStub("reality-defender", faults={"poll": ["429", "500", "cut"]}) as stub:
        description = stub.describe(tmp_path)

Each step's faults are taken one after another, one for each request; after the last one the step works.
Faults: an HTTP code (`429`, `500`), `429:0.05` with that Retry-After, `hang`, `cut` (the connection ends
without an answer), `half` (in the middle of one), `malformed`, `off_scale`, `contract` (the score's key
has another name), `no_face`, `redirect`, `echo` (an error that says the key), `ok` (no fault).
"""

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from unswap.detectors.vendors import examples

KEY = "key-of-the-tests/+123456789"
ACCOUNT = "account-of-the-tests-42"
ENVIRONMENT = {
    "REALITY_DEFENDER_API_KEY": KEY,
    "AUTHENTA_API_KEY": KEY,
    "NEURALDEFEND_API_KEY": KEY,
    "CYBERETTE_API_KEY": KEY,
    "BEHAVIORAL_SIGNALS_API_KEY": KEY,
    "BEHAVIORAL_SIGNALS_CID": ACCOUNT,
    "SEALED_ROSE_API_KEY": KEY,
}
FLOWS = tuple(examples.names())
_HEADER = {
    "reality-defender": ("X-API-KEY", KEY),
    "authenta": ("Authorization", f"Bearer {KEY}"),
    "neural-defend": ("x-api-key", KEY),
    "cyberette": ("cyberette-api-key", KEY),
    "behavioral-signals": ("X-Auth-Token", KEY),
    "sealed-rose": ("Authorization", f"Bearer {KEY}"),
}
Routes = Callable[["_Request"], tuple[str, str | None]]


def score_of(sha256: str) -> float:
    """What the stub thinks of a file, from 0 to 1, by its bytes."""
    return int(sha256[:6], 16) / 0xFFFFFF


class VendorStub:
    """One vendor, and the storage that pre-signed addresses lead to (on another port).

    Args:
        flow: which vendor; one of `FLOWS`.
        faults: by step: `submit`, `upload`, `finalise`, `poll`, `result`.
        scores: by SHA-256, in place of `score_of`.
        running_polls: how often "not yet" is said before the result.

    Attributes:
        seen: (step, method, path, headers, body) of each request.
        sold: how often each file, by its SHA-256, was taken for analysis: what would be charged.
        leaks: requests to the storage that carried the key.
        slow_reading: bodies are left in the pipe, after their first bytes, until `go` is set.
    """

    def __init__(
        self,
        flow: str,
        *,
        faults: Mapping[str, list[str]] | None = None,
        scores: Mapping[str, float] | None = None,
        running_polls: int = 1,
    ) -> None:
        assert flow in FLOWS, flow
        self.flow = flow
        self.faults = {step: list(f) for step, f in (faults or {}).items()}
        self.scores = dict(scores or {})
        self.running_polls = running_polls
        self.seen: list[tuple[str, str, str, dict[str, str], bytes]] = []
        self.sold: Counter[str] = Counter()
        self.leaks: list[str] = []
        self.held = ""
        self.slow_reading = False
        self.arrived = threading.Event()
        self.go = threading.Event()
        self.lock = threading.Lock()
        self.jobs: dict[str, dict[str, Any]] = {}
        self.shift = 0.0  # added to every score: a model that was changed
        self._api = _Server(self, storage=False)
        self._storage = _Server(self, storage=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._api.server_port}"

    @property
    def storage_url(self) -> str:
        return f"http://127.0.0.1:{self._storage.server_port}"

    def __enter__(self) -> "VendorStub":
        for server in (self._api, self._storage):
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go.set()
        for server in (self._api, self._storage):
            server.shutdown()
            server.server_close()

    def hold_second(self, step: str) -> None:
        """Has that step wait for `let_go`, in the second video's turn, when it has been done and before
        it is answered; `arrived` is set when it is there."""
        self.arrived.clear()
        self.go.clear()
        self.held = step

    def let_go(self) -> None:
        """No step waits any more."""
        self.held = ""
        self.go.set()

    def steps(self) -> list[str]:
        """The requests so far, by step."""
        with self.lock:
            return [step for step, *_ in self.seen]

    def describe(self, folder: Path, **changes: Any) -> Path:
        """Writes the vendor's description as it ships, but for the address and quick waits.

        Args:
            changes: more keys of the description; a mapping is laid over the one that is there.
        """
        data = yaml.safe_load(examples.locate(self.flow).read_text(encoding="utf-8"))
        data["base_url"] = self.url + ("/v5" if self.flow == "behavioral-signals" else "")
        data.setdefault("limits", {})
        quick = {"first_seconds": 0.01, "most_seconds": 0.05}
        data["limits"]["retry"] = {**data["limits"].get("retry", {}), **quick}
        data["limits"]["timeout_seconds"] = 5
        if "poll" in data:
            data["poll"]["every_seconds"] = 0.01
        for name, value in changes.items():
            old = data.get(name)
            data[name] = (
                {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
            )
        path = folder / f"{self.flow}.yaml"
        path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        return path

    def score(self, sha256: str) -> float:
        return self.scores.get(sha256, score_of(sha256)) + self.shift


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, stub: VendorStub, *, storage: bool) -> None:
        self.stub = stub
        self.storage = storage
        super().__init__(("127.0.0.1", 0), _Request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no news."""


class _Request(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the screen."""

    def do_GET(self) -> None:
        self._do()

    def do_POST(self) -> None:
        self._do()

    def do_PUT(self) -> None:
        self._do()

    def _do(self) -> None:
        stub = self.server.stub
        self.close_connection = True
        if stub.slow_reading:
            self.rfile.read(1000)
            stub.arrived.set()
            stub.go.wait(250)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if len(body) < int(self.headers.get("Content-Length") or 0):
            return  # a client that was killed in the middle
        step, job = self._step()
        with stub.lock:
            headers = dict(self.headers.items())
            stub.seen.append((step, self.command, self.path, headers, body))
            waiting = stub.faults.get(step)
            fault = waiting.pop(0) if waiting else "ok"
            name, key = _HEADER[stub.flow]
            if self.server.storage and KEY in str(headers):
                stub.leaks.append(f"{step} {self.path}")
        if not self.server.storage and self.headers.get(name) != key:
            self._say(401, {"message": "who are you?"})
            return
        if step == "unknown":
            self._say(404, {"message": "no such path"})
            return
        if fault.split(":")[0].isdigit():
            code, _, after = fault.partition(":")
            self._say(
                int(code), {"message": f"fault {code}"}, {"Retry-After": after} if after else {}
            )
            return
        if fault == "redirect":
            self._say(302, {}, {"Location": f"{stub.storage_url}/elsewhere"})
            return
        if fault == "echo":
            self._say(400, {"message": f"bad key {key}", "detail": [KEY, {KEY: 1}]})
            return
        answer = self._answer(step, job, body)
        if stub.held == step and self._is_second(job):
            stub.arrived.set()
            stub.go.wait(250)
        if fault == "hang":
            stub.go.wait(250)
            return
        if fault == "cut":
            return
        if fault in ("off_scale", "contract", "no_face") and isinstance(answer[1], dict):
            answer = _spoilt(stub.flow, fault, answer[1])
        if fault == "malformed":
            self._send(200, b'{"score": 0.9', {})
            return
        self._say(*answer, half=fault == "half")

    def _step(self) -> tuple[str, str | None]:
        path = self.path.partition("?")[0]
        if self.server.storage:
            job = path.rsplit("/", 1)[-1].removesuffix(".json")
            return ("upload" if self.command == "PUT" else "result"), job
        patterns = {
            "submit": "/api/files/aws-presigned|/api/v1/jobs|/detect/video|/api/upload|/api/verify-video"
            f"|/v5/detection/clients/{ACCOUNT}/processes/video",
            "finalise": "/api/v1/jobs/(?P<job>[^/]+)/finalize",
            "result": f"/v5/detection/clients/{ACCOUNT}/processes/video/(?P<job>[^/]+)/results",
            "poll": "/api/media/users/(?P<job>[^/]+)|/api/v1/jobs/(?P<other>[^/]+)"
            f"|/v5/detection/clients/{ACCOUNT}/processes/video/(?P<third>[^/]+)",
        }
        for step, pattern in patterns.items():
            match = re.fullmatch(pattern, path)
            if match and (self.command == "POST") == (step in ("submit", "finalise")):
                return step, next((g for g in match.groups() if g), None)
        return "unknown", None

    def _answer(self, step: str, job: str | None, body: bytes) -> tuple[int, Any]:
        stub = self.server.stub
        with stub.lock:
            if step == "submit":
                return self._submit(body)
            held = stub.jobs.get(job or "")
            if held is None:
                return 404, {"message": "no such job"}
            if step == "upload":
                held["sha256"] = hashlib.sha256(body).hexdigest()
                if stub.flow == "reality-defender":
                    _sell(stub, held)
                return 200, None
            if step == "finalise":
                if held["sha256"] is None:
                    return 409, {"message": "nothing was uploaded"}
                _sell(stub, held)
                return 200, {"id": job}
            if not held["sold"]:
                return 404, {"message": "not yet"}
            if step == "poll" and held["polls"] < stub.running_polls:
                held["polls"] += 1
                return 200, _poll(stub, str(job), running=True)
            if step == "poll":
                return 200, _poll(stub, str(job), running=False)
            return 200, _result(stub, str(job))

    def _is_second(self, job: str | None) -> bool:
        return job == "job-1" or (job is None and len(self.server.stub.jobs) == 2)

    def _submit(self, body: bytes) -> tuple[int, Any]:
        stub = self.server.stub
        job = f"job-{len(stub.jobs)}"
        stub.jobs[job] = held = {"sha256": None, "polls": 0, "sold": 0}
        address = f"{stub.storage_url}/bucket/{job}?X-Amz-Signature=secret-of-{job}"
        if stub.flow == "reality-defender":
            return 200, {"requestId": job, "response": {"signedUrl": address}}
        if stub.flow == "authenta":
            return 201, {"id": job, "inputs": [{"uploadUrl": address}]}
        held["sha256"] = hashlib.sha256(_file_in(body)).hexdigest()
        _sell(stub, held)
        if stub.flow == "behavioral-signals":
            return 200, {"pid": job, "status": 0}
        return 200, _result(stub, job)

    def _say(
        self, code: int, data: Any, headers: dict[str, str] | None = None, half: bool = False
    ) -> None:
        text = b"" if data is None else json.dumps(data).encode()
        self._send(code, text, headers or {}, half=half)

    def _send(self, code: int, text: bytes, headers: dict[str, str], half: bool = False) -> None:
        try:
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text[: len(text) // 2] if half else text)
        except OSError:
            pass  # the client was killed


def _sell(stub: VendorStub, held: dict[str, Any]) -> None:
    if not held["sold"]:  # one job is one sale, however often it is begun
        stub.sold[held["sha256"]] += 1
    held["sold"] = 1


def _poll(stub: VendorStub, job: str, *, running: bool) -> dict[str, Any]:
    if stub.flow == "reality-defender":
        score = stub.score(stub.jobs[job]["sha256"])
        if running:
            return {"resultsSummary": {"status": "ANALYZING"}}
        status = "FAKE" if score > 0.5 else "AUTHENTIC"
        return {
            "requestId": job,
            "resultsSummary": {"status": status, "metadata": {"finalScore": 100 * score}},
            "models": [{"name": "one", "predictionNumber": score}],
        }
    if stub.flow == "authenta":
        if running:
            return {"status": "PROCESSING"}
        address = f"{stub.storage_url}/bucket/results/{job}.json"
        return {"status": "COMPLETED", "result": {"url": address}}
    return {"pid": job, "status": 1 if running else 2}


def _result(stub: VendorStub, job: str) -> dict[str, Any]:
    score = stub.score(stub.jobs[job]["sha256"])
    if stub.flow == "authenta":
        return {"fake": score > 0.5}
    if stub.flow == "neural-defend":
        risk = {"video_risk_score": 0.1 + 9.9 * score, "video_risk_level": "some"}
        return {"code": 0, "unified_video_authenticity_score": risk, "billable": True}
    if stub.flow == "cyberette":
        return {"downstream_body": {"score": score}}
    if stub.flow == "behavioral-signals":
        segments = [
            {
                "startTime": str(i),
                "task": "visual_deepfake",
                "prediction": [
                    {"label": "spoofed", "posterior": f"{value:.9f}"},
                    {"label": "bonafide", "posterior": f"{1 - value:.9f}"},
                ],
            }
            for i, value in enumerate((score / 2, score))
        ]
        return {"pid": job, "code": 0, "video_results": [{"task": "diarization"}, *segments]}
    return {"verdict": "fake" if score > 0.5 else "real", "deepfakeScore": score}


def _spoilt(flow: str, fault: str, answer: dict[str, Any]) -> tuple[int, Any]:
    """The answer with a fault in what it says."""
    if fault == "no_face":
        return (
            (200, {"code": 6, "message": "no usable face"})
            if flow == "neural-defend"
            else (
                422,
                {"message": "no usable face"},
            )
        )
    text = json.dumps(answer)
    names = "finalScore|video_risk_score|deepfakeScore|posterior|fake|score"
    if fault == "contract":
        return 200, json.loads(re.sub(f'"({names})":', '"renamed":', text))
    return 200, json.loads(re.sub(f'"({names})": "?[^,}}\\]"]+"?', r'"\1": 1234', text))


def _file_in(body: bytes) -> bytes:
    """The file in a form."""
    boundary = body[: body.index(b"\r\n")]
    for part in body.split(boundary):
        head, _, rest = part.partition(b"\r\n\r\n")
        if b"filename=" in head:
            return rest[:-2]
    raise ValueError("no file in the form")

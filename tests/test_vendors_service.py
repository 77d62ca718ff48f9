"""A service's scorer against six vendors' stand-ins, with everything that goes wrong."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from vendor_stub import ACCOUNT, ENVIRONMENT, FLOWS, KEY, VendorStub, score_of

from unswap.datasets.probing import hash_file
from unswap.detectors.scores import VideoScore
from unswap.detectors.vendors.binding import BadDescription
from unswap.detectors.vendors.calls import CallLog, read_calls
from unswap.detectors.vendors.opening import locate, open_scorer
from unswap.detectors.vendors.requests import StopRun
from unswap.detectors.vendors.service import ServiceScorer
from unswap.detectors.vendors.transport import Transport

SINGLE = ("neural-defend", "cyberette", "sealed-rose")
PRESIGNED = ("reality-defender", "authenta")
POLLED = (*PRESIGNED, "behavioral-signals")


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Bytes that no service of ours looks into, of several chunks."""
    path = tmp_path / "Jane Doe at the bank.MP4"
    path.write_bytes(bytes(range(256)) * 600)
    return path


Start = Callable[..., tuple[VendorStub, ServiceScorer]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a stub and a scorer for it."""
    stubs = []

    def begin(flow: str, changes: dict[str, Any] | None = None, **options: Any) -> Any:
        stub = VendorStub(flow, **options)
        stubs.append(stub)
        stub.__enter__()
        return stub, _scorer(stub, tmp_path, **(changes or {}))

    yield begin
    for stub in stubs:
        stub.__exit__()


def _scorer(stub: VendorStub, folder: Path, **changes: Any) -> ServiceScorer:
    made = open_scorer(locate(stub.describe(folder, **changes)), calls=folder / "scores.csv.calls")
    assert isinstance(made, ServiceScorer)
    return made


def _score(scorer: ServiceScorer, path: Path, **options: Any) -> VideoScore:
    return scorer.score(path, **{"time_limit_seconds": 20, **options})


def _score_many(scorer: ServiceScorer, folder: Path, count: int, statuses: list[str]) -> None:
    """Scores files of different bytes, and adds each one's status."""
    for i in range(count):
        path = folder / f"{i}.mp4"
        path.write_bytes(bytes([i]) * 1000)
        statuses.append(str(_score(scorer, path).status))


def _events(folder: Path) -> list[dict[str, Any]]:
    return list(read_calls(folder / "scores.csv.calls"))


@pytest.mark.parametrize("flow", FLOWS)
def test_each_vendors_answer_becomes_a_score(flow: str, start: Start, video: Path) -> None:
    stub, scorer = start(flow)
    score = _score(scorer, video)
    sha256 = hash_file(video)
    truth = score_of(sha256)
    expected = {
        "authenta": float(truth > 0.5),
        "neural-defend": 0.1 + 9.9 * truth,  # an ordinal score stays on the vendor's own scale
    }.get(flow, truth)
    assert (score.status, score.reason) == ("scored", None)
    assert score.score == pytest.approx(expected, abs=1e-8)
    ordinal = flow in ("authenta", "neural-defend")
    assert score.score_kind == ("ordinal" if ordinal else "probability")
    assert score.video_id == f"file/{sha256}"
    assert score.detector.name == flow
    assert stub.sold == {sha256: 1}
    assert set(score.seconds) == {"total", "waited"}


@pytest.mark.parametrize("flow", FLOWS)
def test_the_file_is_called_by_its_hash_and_the_key_goes_to_the_vendor_alone(
    flow: str, start: Start, video: Path, tmp_path: Path
) -> None:
    stub, scorer = start(flow)
    _score(scorer, video)
    for step, _, path, headers, body in stub.seen:
        to_storage = step == "upload" or (flow == "authenta" and step == "result")
        assert (KEY in str(headers)) != to_storage, step
        text = f"{path} {headers} {body!r}"
        assert "Jane" not in text
        assert str(tmp_path) not in text
    assert stub.leaks == []
    name = f"{hash_file(video)}.mp4"
    assert any(name.encode() in body for *_, body in stub.seen)
    kept = (tmp_path / "scores.csv.calls").read_text()
    assert KEY not in kept
    assert ACCOUNT not in kept
    assert "X-Amz-Signature" not in kept
    assert "Jane" not in kept
    assert (tmp_path / "scores.csv.calls").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("fault", ["429:0.01", "429", "500", "503"])
def test_a_refusal_for_now_is_tried_again_and_paid_once(
    flow: str, fault: str, start: Start, video: Path
) -> None:
    stub, scorer = start(
        flow, {"price": {"per_call": 0.25, "currency": "EUR"}}, faults={"submit": [fault]}
    )
    score = _score(scorer, video)
    assert score.status == "scored"
    assert score.cost == 0.25
    assert scorer.log.totals.money == 0.25
    assert stub.sold.total() == 1
    assert stub.steps().count("submit") == 2
    assert score.seconds["waited"] > 0


@pytest.mark.parametrize("flow", POLLED)
@pytest.mark.parametrize("fault", ["429:0.01", "500", "cut", "half"])
def test_polling_goes_on_after_a_fault(flow: str, fault: str, start: Start, video: Path) -> None:
    stub, scorer = start(flow, faults={"poll": [fault, fault]})
    assert _score(scorer, video).status == "scored"
    assert stub.sold.total() == 1


def test_retry_after_is_kept_to(start: Start, video: Path) -> None:
    stub, scorer = start("cyberette", faults={"submit": ["429:0.3"]})
    began = time.monotonic()
    assert _score(scorer, video).status == "scored"
    assert time.monotonic() - began >= 0.3
    assert len(stub.seen) == 2


def test_a_vendor_that_takes_no_more_ends_the_run(start: Start, video: Path) -> None:
    _, scorer = start("cyberette", faults={"submit": ["429"] * 9})
    with pytest.raises(StopRun, match=r"takes no more requests: HTTP 429.*--resume"):
        _score(scorer, video)


def test_a_wait_longer_than_the_time_limit_ends_the_run(start: Start, video: Path) -> None:
    _, scorer = start("cyberette", faults={"submit": ["429:3600"]})
    with pytest.raises(StopRun, match="wants no request for 3600 s"):
        _score(scorer, video, time_limit_seconds=1)


def test_a_service_that_stays_broken_is_a_failure_of_the_video(start: Start, video: Path) -> None:
    stub, scorer = start("cyberette", faults={"submit": ["500"] * 5})
    score = _score(scorer, video)
    assert (score.status, score.score) == ("failed", None)
    assert str(score.reason) == f'{video}: HTTP 500: {{"message": "fault 500"}}, 5 times'
    assert stub.sold.total() == 0
    assert scorer.log.totals.money == 0
    assert scorer.log.totals.calls == 5


@pytest.mark.parametrize("flow", SINGLE)
@pytest.mark.parametrize("fault", ["cut", "half", "hang"])
def test_what_may_have_been_charged_is_not_sent_again(
    flow: str, fault: str, start: Start, video: Path
) -> None:
    limits = {"limits": {"timeout_seconds": 0.2}, "price": {"per_call": 1, "currency": "EUR"}}
    stub, scorer = start(flow, limits, faults={"submit": [fault]})
    score = _score(scorer, video)
    assert score.status == ("timeout" if fault == "hang" else "failed")
    assert "not sent again, as that might be charged twice" in str(score.reason)
    assert stub.steps() == ["submit"]
    assert score.cost == 1  # that is what must be reckoned with


def test_with_an_idempotency_key_it_is_sent_again(start: Start, video: Path) -> None:
    submit = {"submit": {"idempotency_header": "Idempotency-Key"}}
    stub, scorer = start("cyberette", submit, faults={"submit": ["cut", "ok"]})
    assert _score(scorer, video).status == "scored"
    keys = [headers["Idempotency-Key"] for *_, headers, _ in stub.seen]
    assert keys == [f"{hash_file(video)}-none"] * 2


def test_a_cut_upload_is_put_again_to_the_same_address(start: Start, video: Path) -> None:
    stub, scorer = start("reality-defender", faults={"upload": ["500", "cut"]})
    assert _score(scorer, video).status == "scored"
    assert stub.sold.total() == 1
    assert stub.steps().count("submit") == 1
    assert stub.steps().count("upload") == 3


@pytest.mark.parametrize(
    ("flow", "step", "fault", "says"),
    [
        ("cyberette", "submit", "malformed", "the answer is not JSON: '{\"score\": 0.9'"),
        ("reality-defender", "poll", "malformed", "is not JSON"),
        ("cyberette", "submit", "off_scale", "1234, outside of its scale 0 to 1"),
        ("neural-defend", "submit", "off_scale", "1234, outside of its scale 0.1 to 10"),
        ("behavioral-signals", "result", "off_scale", "1234, outside of its scale 0 to 1"),
        ("sealed-rose", "submit", "contract", "no 'deepfakeScore' at the top; there is renamed"),
        ("cyberette", "submit", "contract", "no 'score' at 'downstream_body'"),
        ("behavioral-signals", "result", "contract", "no 'posterior' at"),
        ("authenta", "result", "contract", "no 'fake' at the top"),
        ("authenta", "result", "off_scale", "expected one of True, False at 'fake', got 1234"),
        ("cyberette", "submit", "redirect", "sends on to another address (HTTP 302)"),
        ("cyberette", "submit", "400", "HTTP 400: "),
        ("reality-defender", "upload", "403", "the upload was refused: HTTP 403"),
    ],
)
def test_an_answer_that_is_none_is_a_failure_with_a_reason(
    flow: str, step: str, fault: str, says: str, start: Start, video: Path, tmp_path: Path
) -> None:
    _, scorer = start(flow, faults={step: [fault]})
    score = _score(scorer, video)
    assert (score.status, score.score) == ("failed", None)
    assert says in str(score.reason)
    assert str(score.reason).startswith(f"{video}: ")
    if fault != "403":
        assert any("body" in e for e in _events(tmp_path))  # the answer itself is kept


def test_the_key_does_not_follow_a_redirect(start: Start, video: Path) -> None:
    stub, scorer = start("reality-defender", faults={"poll": ["redirect"]})
    assert _score(scorer, video).status == "scored"  # 404 over there, which is "not yet" here
    assert stub.leaks == []
    assert any(path == "/elsewhere" for _, _, path, *_ in stub.seen)  # followed, without it


def test_a_key_that_a_service_says_back_is_taken_out(
    start: Start, video: Path, tmp_path: Path
) -> None:
    _, scorer = start("cyberette", faults={"submit": ["echo"]})
    score = _score(scorer, video)
    assert "<key>" in str(score.reason)
    assert KEY not in json.dumps(score.to_dict())
    kept = (tmp_path / "scores.csv.calls").read_text()
    assert "<key>" in kept
    assert KEY not in kept


@pytest.mark.parametrize(
    ("flow", "status"), [("neural-defend", "no_face"), ("cyberette", "refused")]
)
def test_what_the_vendor_will_not_score_is_no_failure_of_ours(
    flow: str, status: str, start: Start, video: Path
) -> None:
    _, scorer = start(flow, {"limits": {"stop_after_failures": 1}}, faults={"submit": ["no_face"]})
    score = _score(scorer, video)
    assert (score.status, score.score) == (status, None)
    assert "no usable face" in str(score.reason)


def test_a_vendors_own_failure_and_an_unknown_state(start: Start, video: Path) -> None:
    _, scorer = start(
        "reality-defender", {"poll": {"done": ["X"], "failed": ["FAKE", "AUTHENTIC"]}}
    )
    score = _score(scorer, video)
    assert score.status == "failed"
    assert "the service failed (state " in str(score.reason)
    _, scorer = start("reality-defender", {"poll": {"done": ["X"]}})
    assert "unknown state " in str(_score(scorer, video, condition="again").reason)


def test_no_credit_ends_the_run(start: Start, video: Path) -> None:
    _, scorer = start("behavioral-signals", {"poll": {"done": [3], "stop": [2]}})
    with pytest.raises(StopRun, match="state 2"):
        _score(scorer, video)


def test_a_refused_key_ends_the_run_and_the_video_is_sent_when_it_is_right(
    start: Start, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CYBERETTE_API_KEY", "a wrong one")
    stub, scorer = start("cyberette")
    with pytest.raises(StopRun, match=r"refused the key .*CYBERETTE_API_KEY.*HTTP 401"):
        _score(scorer, video)
    monkeypatch.setenv("CYBERETTE_API_KEY", KEY)
    assert _score(_scorer(stub, tmp_path), video).status == "scored"


@pytest.mark.parametrize("value", ["", "  ", "abc", "kéy-of-mine", "key\nX-Other: 1"])
def test_a_key_that_is_none_is_told_before_anything_is_sent(
    value: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CYBERETTE_API_KEY", value)
    with pytest.raises(BadDescription, match="CYBERETTE_API_KEY") as told:
        start("cyberette")
    assert not value.strip() or value not in str(told.value)


def test_the_time_limit_is_kept_while_a_service_takes_its_time(start: Start, video: Path) -> None:
    stub, scorer = start("reality-defender", running_polls=10**6)
    began = time.monotonic()
    score = _score(scorer, video, time_limit_seconds=0.4)
    assert time.monotonic() - began < 2
    assert score.status == "timeout"
    assert "no result in 0.4 s; the service's id for it is job-0" in str(score.reason)
    assert stub.sold.total() == 1


def test_many_failures_on_end_end_the_run(start: Start, tmp_path: Path) -> None:
    stub, scorer = start(
        "cyberette",
        {"limits": {"stop_after_failures": 3}},
        faults={"submit": ["contract", "contract", "ok", *["contract"] * 9]},
    )
    statuses: list[str] = []
    with pytest.raises(StopRun, match="no proper answer for 3 videos on end"):
        _score_many(scorer, tmp_path, 9, statuses)
    assert statuses == ["failed", "failed", "scored", "failed", "failed"]
    assert len(stub.seen) == 6


@pytest.mark.parametrize("limit", [{"calls": 2}, {"money": 0.5}, {"money": 0.74}])
def test_the_budget_is_not_exceeded(limit: dict[str, float], start: Start, tmp_path: Path) -> None:
    changes = {"limits": {"budget": limit}, "price": {"per_call": 0.25, "currency": "EUR"}}
    stub, scorer = start("sealed-rose", changes)
    with pytest.raises(StopRun, match=r"budget.*--resume"):
        _score_many(scorer, tmp_path, 4, [])
    assert stub.sold.total() == 2


def test_processes_share_the_budget(tmp_path: Path, start: Start) -> None:
    """A call that another process has begun counts, whatever becomes of it."""
    _, one = start("sealed-rose", {"limits": {"budget": {"calls": 1}}})
    two = CallLog(one.log.path)
    key = ("a", "none", "0" * 64)
    one.log.begin_run({})
    assert two.reserve(key, "submit", {}, 0.0, one.service.limits.budget, None) == 0
    path = tmp_path / "x.mp4"
    path.write_bytes(b"x" * 99)
    with pytest.raises(StopRun, match="budget of 1 calls"):
        _score(one, path)
    two.note("unsent", key)
    assert _score(one, path).status == "scored"
    two.close()


def test_the_rate_is_kept_over_processes(start: Start, tmp_path: Path) -> None:
    stub, one = start("sealed-rose", {"limits": {"rate": {"requests": 2, "per_seconds": 0.3}}})
    two = _scorer(stub, tmp_path, limits={"rate": {"requests": 2, "per_seconds": 0.3}})
    began = time.monotonic()
    for i in range(5):
        path = tmp_path / f"{i}.mp4"
        path.write_bytes(bytes([i]) * 1000)
        assert _score((one, two)[i % 2], path).status == "scored"
    assert time.monotonic() - began >= 0.6
    times = [e["at"] for e in _events(tmp_path) if e["event"] == "begin"]
    assert all(b - a >= 0.3 - 1e-6 for a, b in zip(times, times[2:], strict=False))


@pytest.mark.parametrize(
    ("make", "status", "says"),
    [
        (lambda p: p.touch(), "unreadable", "empty"),
        (lambda p: p.mkdir(), "unreadable", "a folder of pictures can't be sent"),
        (lambda p: None, "unreadable", "no such file"),
        (lambda p: os.mkfifo(p), "unreadable", "not a file"),
        (lambda p: p.write_bytes(b"x" * 2001), "refused", "0.0 MB"),
    ],
)
def test_what_can_not_be_sent_is_not(
    make: Callable[[Path], None], status: str, says: str, start: Start, tmp_path: Path
) -> None:
    stub, scorer = start("cyberette", {"limits": {"max_bytes": 2000}})
    path = tmp_path / "x.mp4"
    make(path)
    score = _score(scorer, path)
    assert score.status == status
    assert says in str(score.reason)
    assert stub.seen == []


def test_an_answer_is_paid_for_once_and_read_again(
    start: Start, video: Path, tmp_path: Path
) -> None:
    price = {"price": {"per_call": 2, "currency": "EUR"}}
    stub, scorer = start("reality-defender", price)
    first = _score(scorer, video, video_id="a")
    again = _score(_scorer(stub, tmp_path, **price), video, video_id="a")
    assert (again.score, again.cost) == (first.score, 2)
    assert again.seconds == {}  # how long it took is not known any more
    other = _score(_scorer(stub, tmp_path, **price), video, video_id="b")
    assert (other.score, other.cost) == (first.score, 0)
    assert "the same bytes as another video" in str(other.reason)
    second = _score(_scorer(stub, tmp_path, **price), video, video_id="a", condition="repeat")
    assert (second.score, second.cost) == (first.score, 2)
    assert stub.sold.total() == 2


def test_an_address_for_uploads_is_not_believed(start: Start, video: Path) -> None:
    stub, scorer = start("reality-defender")
    for address, says in [
        ("http://storage.vendor.example/x", "expected https"),
        ("file:///etc/passwd", "begins with https"),
        ("ftp://127.0.0.1/x", "begins with https"),
    ]:
        assert says in scorer.requests.transport.may_go_to(address)
    assert stub.seen == []
    far = Transport("https://api.vendor.example", {}, 1)
    assert "is this machine" in far.may_go_to("https://127.0.0.1/upload")
    assert far.may_go_to("https://storage.vendor.example/upload?a=b") == ""


def test_a_service_that_is_not_there(start: Start, video: Path) -> None:
    stub, scorer = start("cyberette")
    stub.__exit__()
    score = _score(scorer, video)
    assert score.status == "failed"
    assert "refused" in str(score.reason)
    assert scorer.log.totals.calls == 0  # nothing was sent


def test_a_torn_line_of_the_log_is_cut_off(start: Start, video: Path, tmp_path: Path) -> None:
    stub, scorer = start("cyberette")
    _score(scorer, video)
    log = tmp_path / "scores.csv.calls"
    with log.open("ab") as file:
        file.write(b'{"at": 1, "event": "fin')
    assert _score(_scorer(stub, tmp_path), video).status == "scored"
    assert stub.sold.total() == 1
    assert all(line.endswith(b"}\n") for line in log.read_bytes().splitlines(keepends=True))

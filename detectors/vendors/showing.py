"""What a detector from outside is, and what would be sent to it, for a person; nothing is sent."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from ...datasets.probing import hash_file
from ...datasets.types import UnreadableVideo
from .descriptions import Function, OnnxModel, Program, ScoreTable
from .opening import Source, open_scorer
from .service_description import Call, HttpService, fill
from .tables import TableScorer

_NO_VIDEO = "<sha256>"


def show(source: Source, video: Path | None = None) -> Iterator[str]:
    """Lines of text.

    Args:
        source: from `locate`, which has checked the description.
        video: what the requests are shown for; placeholders stand in for one otherwise.

    Raises:
        ValueError: a video that can't be read. BadDescription: a table that can't be used.
    """
    detector = source.detector
    yield f"{detector.name}  version {detector.version or '-'}  {source.kind}"
    yield f"sha256 {detector.sha256}"
    description = source.description
    if isinstance(description, HttpService):
        yield from _service(description, video)
    elif isinstance(description, Program):
        yield f"runs {json.dumps(list(description.argv))} in {source.folder.absolute()}, without a shell"
    elif isinstance(description, Function):
        yield f"calls {description.function} with the path of each video"
    elif isinstance(description, OnnxModel):
        yield f"input {description.layout}, {description.channels}; output {description.output}"
        yield f"{description.crop}"
        yield f"{description.sampling}"
    elif isinstance(description, ScoreTable):
        scorer = open_scorer(source)
        assert isinstance(scorer, TableScorer)
        yield f"a table of {len(scorer.videos)} videos"
    if source.uploads_to:
        yield f"videos go to {source.uploads_to}: scoring needs --consent-upload"


def _service(service: HttpService, video: Path | None) -> Iterator[str]:
    sha256, size, suffix = _NO_VIDEO, "<bytes>", ".mp4"
    if video is not None:
        try:
            sha256, size = hash_file(video), str(video.stat().st_size)
        except (OSError, UnreadableVideo) as error:
            raise ValueError(str(error)) from None
        suffix = video.suffix.lower()
    names = {
        "sha256": sha256,
        "file_name": sha256 + suffix,
        "size": int(size) if size.isdigit() else size,
        "content_type": "video/mp4",
        "request_id": "<the service's id>",
        **{name: f"<{env}>" for name, env in service.variables.items()},
    }
    submit = service.submit
    if service.auth:
        there = "is set" if os.environ.get(service.auth.env) else "is NOT set"
        yield f"the key: the environment variable {service.auth.env}, which {there}"
        yield f"it goes to {service.origin} alone, as {service.auth.header}: {service.auth.prefix}<key>"
    base = service.base_url.rstrip("/")
    step = 1
    yield f"{step}. {submit.method} {base}{fill(submit.path, names)}"
    if submit.upload == "multipart":
        for name, value in fill(submit.fields, names).items():
            yield f"   {name} = {value}"
        yield f"   {submit.file_field} = the file, as {names['file_name']}"
    else:
        yield f"   {json.dumps(fill(submit.json, names))}"
        step += 1
        way = f"{submit.upload_method} the file to the address at {submit.upload_url}"
        yield f"{step}. {way}, without the key"
    calls = [
        *([service.finalise] if service.finalise else []),
        *([Call(service.poll.path, "GET")] if service.poll else []),
        *([Call(service.result.path, "GET")] if service.result and service.result.path else []),
    ]
    for call in calls:
        step += 1
        yield f"{step}. {call.method} {base}{fill(call.path, names)}"
    if service.result and service.result.url:
        step += 1
        yield f"{step}. GET the address at {service.result.url}"
    rule = service.score
    scale = f", {rule.scale[0]:g} to {rule.scale[1]:g}" if rule.scale else ""
    yield f"the score: {rule.path}{scale}, high means {rule.higher_means}, becomes {rule.kind}"
    budget = service.limits.budget
    calls_left = "any number of" if budget.calls is None else f"at most {budget.calls}"
    money = "" if budget.money is None else f", at most {budget.money:g} in money"
    yield f"a run makes {calls_left} calls that may be charged{money}"
    if service.notes:
        yield f"notes: {service.notes.strip()}"

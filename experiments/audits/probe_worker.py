"""The process that probes files; started by the pool (see `jobs.pool`, `jobs.serving`)."""

from collections.abc import Iterator
from typing import Any

from ..jobs.serving import Message, serve


def main() -> None:
    """Answers each job with what its file is, or why it can't be read."""
    serve(_load, _work)


def _load(settings: Message) -> Any:
    from .files import look_at

    return look_at


def _work(look_at: Any, settings: Message, job: Message) -> Iterator[Message]:
    facts = look_at(job["video_id"], job["path"], threads=settings["threads"])
    yield {"answer": "facts", "facts": facts.to_dict()}


if __name__ == "__main__":
    main()

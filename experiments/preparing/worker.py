"""The process that prepares shards; started by the pool (see `jobs.pool`, `jobs.serving`)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..jobs.serving import Message, Unusable, serve, set_threads


def main() -> None:
    """Tells of each video as `progress`, and of each shard that it is `done`."""
    serve(_load, _work)


def _load(settings: Message) -> Any:
    from ...datasets.faces import create_face_detector

    set_threads(settings["threads"])
    try:
        return create_face_detector(settings["face_detector"])
    except (KeyError, RuntimeError, OSError) as error:
        raise Unusable(f"face detector {settings['face_detector']!r}: {error}") from error


def _work(faces: Any, settings: Message, job: Message) -> Iterator[Message]:
    from ...datasets.shards.layout import Prepared
    from .shard_job import Task, prepare_shard

    folder = Path(settings["folder"])
    records = prepare_shard(
        folder,
        job["shard"],
        [Task.from_dict(task) for task in job["tasks"]],
        Prepared.from_json(settings["prepared"], folder),
        faces,
        run=settings["run"],
        time_limit_seconds=settings["time_limit_seconds"],
        hung=job.get("hung", False),
    )
    for record in records:
        yield {"answer": "progress", "record": record}
    yield {"answer": "done"}


if __name__ == "__main__":
    main()

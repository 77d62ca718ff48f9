"""Worker processes: each scores one video at a time, is ended when it hangs, replaced when it dies."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any

START_LIMIT_SECONDS = 300.0  # for loading the detector
KILL_GRACE_SECONDS = 10.0  # beyond a video's limit, which the worker itself keeps between frames


class UnusableDetector(Exception):
    """The workers can't load the detector, or can't use the device."""


class MustStop(Exception):
    """The run can't go on (a full disk); what is finished is kept."""


@dataclass(frozen=True)
class Answer:
    """What became of one job: a VideoScore as a dict, or a status and reason without one."""

    key: int
    score: dict[str, Any] | None
    status: str
    reason: str | None
    report: str | None = None


class _Worker:
    """One process, with a thread that hands its answers to the pool's queue."""

    def __init__(self, settings: dict[str, Any], inbox: "queue.Queue[tuple[_Worker, Any]]") -> None:
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        environment = {**os.environ, "OMP_NUM_THREADS": str(settings["threads"])}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "unswap.experiments.scoring.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            text=True,
            encoding="ascii",
            env=environment,
        )
        self.key: int | None = None
        self.path = ""
        self.started = time.monotonic()
        self._send(settings)
        threading.Thread(target=self._listen, args=(inbox,), daemon=True).start()

    def give(self, key: int, path: str, video_id: str | None) -> None:
        self.key, self.path, self.started = key, path, time.monotonic()
        self._send({"path": path, "video_id": video_id})

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        try:
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it died: its thread tells the pool

    def _listen(self, inbox: "queue.Queue[tuple[_Worker, Any]]") -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            try:
                inbox.put((self, json.loads(line)))
            except json.JSONDecodeError:
                break  # killed in the middle of a line
        inbox.put((self, None))

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self.stderr.close()

    def last_words(self) -> str:
        """How the process ended: its signal or exit code, and the last line that it wrote."""
        code = self.process.wait()
        self.stderr.seek(0)
        lines = self.stderr.read().decode(errors="replace").strip().splitlines()
        said = f"; it said: {lines[-1][:300]}" if lines else ""
        return f"{'signal' if code < 0 else 'exit code'} {abs(code)}{said}"


def _overdue(
    workers: list[_Worker], inbox: "queue.Queue[tuple[_Worker, Any]]", limit: float | None
) -> list[_Worker]:
    """The workers that took too long and have not answered, however full the inbox is."""
    with inbox.mutex:
        answered = [worker for worker, _ in inbox.queue]
    now, late = time.monotonic(), []
    for worker in workers:
        allowed = START_LIMIT_SECONDS
        if worker.key is not None:
            allowed = float("inf") if limit is None else limit + KILL_GRACE_SECONDS
        if worker not in answered and now - worker.started > allowed:
            late.append(worker)
    return late


def run_jobs(
    jobs: Iterable[tuple[int, str, str | None]],
    settings: dict[str, Any],
    num_workers: int,
) -> Generator[Answer]:
    """Scores jobs in worker processes, and gives each answer as it comes.

    Args:
        jobs: (key, path, video_id or None); taken one by one as workers become free.
        settings: what `worker` reads, `time_limit_seconds` among them.
        num_workers: processes.

    Yields:
        One Answer for each job.

    Raises:
        UnusableDetector: no worker could be set up. MustStop: a worker met a full disk, or was
            killed or hung while it started.
    """
    waiting = iter(jobs)
    inbox: queue.Queue[tuple[_Worker, Any]] = queue.Queue()
    workers = [_Worker(settings, inbox) for _ in range(num_workers)]
    limit = settings["time_limit_seconds"]
    try:
        while workers:
            for hung in _overdue(workers, inbox, limit):
                key, path = hung.key, hung.path
                hung.end()
                if key is None:
                    raise MustStop(f"a worker process did not start in {START_LIMIT_SECONDS:g} s")
                workers[workers.index(hung)] = _Worker(settings, inbox)
                yield Answer(key, None, "timeout", f"{path}: hung, and was ended after {limit:g} s")
            try:
                worker, message = inbox.get(timeout=0.25)
            except queue.Empty:
                continue
            if worker not in workers:
                continue  # ended by us
            if message is None:
                words = worker.last_words()
                if worker.key is None and worker.process.returncode < 0:
                    raise MustStop(f"a worker process was killed while it started ({words})")
                if worker.key is None:
                    raise UnusableDetector(f"a worker process could not start ({words})")
                answer = Answer(
                    worker.key,
                    None,
                    "failed",
                    f"{worker.path}: the process that scored it died ({words})",
                )
                worker.end()
                workers[workers.index(worker)] = _Worker(settings, inbox)
                yield answer
                continue
            if message["answer"] == "unusable":
                raise UnusableDetector(message["reason"])
            if message["answer"] == "stop":
                raise MustStop(message["reason"])
            finished = worker.key
            worker.key = None
            job = next(waiting, None)
            if job is None:
                workers.remove(worker)
                worker.end()
            else:
                worker.give(*job)
            if message["answer"] == "score":
                assert finished is not None
                status = message["score"]["status"]
                yield Answer(finished, message["score"], status, None, message["report"])
            elif message["answer"] == "failed":
                assert finished is not None
                yield Answer(finished, None, "failed", message["reason"])
    finally:
        for worker in workers:
            worker.end()

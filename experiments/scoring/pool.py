"""Worker processes: each scores one video at a time, is ended when it hangs, replaced when it dies."""

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
        self.started = 0.0
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
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass
        self.stderr.close()

    def last_words(self) -> str:
        """How the process ended: its signal or exit code, and the last line that it wrote."""
        code = self.process.wait()
        self.stderr.seek(0)
        lines = self.stderr.read().decode(errors="replace").strip().splitlines()
        said = f"; it said: {lines[-1][:300]}" if lines else ""
        return f"{'signal' if code < 0 else 'exit code'} {abs(code)}{said}"


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
        UnusableDetector: no worker could be set up. MustStop: a worker met a full disk.
    """
    waiting = iter(jobs)
    inbox: queue.Queue[tuple[_Worker, Any]] = queue.Queue()
    workers = [_Worker(settings, inbox) for _ in range(num_workers)]
    limit = settings["time_limit_seconds"]
    try:
        while workers:
            with inbox.mutex:
                answered = [worker for worker, _ in inbox.queue]
            for i, busy in enumerate(workers):  # however busy the others keep the inbox
                if limit is not None and busy.key is not None and busy not in answered:
                    if time.monotonic() - busy.started > limit + KILL_GRACE_SECONDS:
                        reason = f"{busy.path}: hung, and was ended after {limit:g} s"
                        key = busy.key
                        busy.end()
                        workers[i] = _Worker(settings, inbox)
                        yield Answer(key, None, "timeout", reason)
            try:
                worker, message = inbox.get(timeout=0.25)
            except queue.Empty:
                continue
            if worker not in workers:
                continue  # ended by us
            if message is None:
                words = worker.last_words()
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

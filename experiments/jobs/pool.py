"""Worker processes: each does one job at a time, is ended when it hangs, replaced when it dies.

A process of its own for each worker, so that a decoder that crashes or hangs takes one video with
it and not the run. `serving` is the worker's side of the conversation.
"""

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
from dataclasses import dataclass, field
from typing import Any, Literal

START_LIMIT_SECONDS = 300.0  # for loading the networks
KILL_GRACE_SECONDS = 10.0  # beyond a video's limit, which the worker itself keeps between frames
MAX_IDLE_DEATHS = 5  # of workers on one job, one after another, without any progress between


class UnusableWorker(Exception):
    """The workers can't load what they need, or can't use the device."""


class MustStop(Exception):
    """The run can't go on (a full disk); what is finished is kept."""


@dataclass(frozen=True)
class Event:
    """Something that became of a job.

    `kind`: `done` (its last answer), `progress` (an answer, and the job goes on), `died` or `hung`
    (its process did, and was replaced). `message`: the answer. `reason`: how the process ended.
    """

    key: int
    kind: Literal["done", "progress", "died", "hung"]
    message: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


class _Worker:
    """One process, with a thread that hands its answers to the pool's queue."""

    def __init__(
        self, module: str, settings: dict[str, Any], inbox: "queue.Queue[tuple[_Worker, Any]]"
    ) -> None:
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        environment = {**os.environ, "OMP_NUM_THREADS": str(settings["threads"])}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            text=True,
            encoding="ascii",
            env=environment,
        )
        self.key: int | None = None
        self.job: dict[str, Any] = {}
        self.idle_deaths = 0
        self.started = time.monotonic()
        self._send(settings)
        threading.Thread(target=self._listen, args=(inbox,), daemon=True).start()

    def give(self, key: int, job: dict[str, Any], idle_deaths: int = 0) -> None:
        self.key, self.job, self.started = key, job, time.monotonic()
        self.idle_deaths = idle_deaths
        self._send(job)

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
    jobs: Iterable[tuple[int, dict[str, Any]]],
    settings: dict[str, Any],
    num_workers: int,
    module: str,
    *,
    again: bool = False,
) -> Generator[Event]:
    """Has jobs done by worker processes, and tells of each as it goes.

    Args:
        jobs: (key, what the worker is sent); taken one by one as workers become free.
        settings: what the worker is sent first; `threads` and `time_limit_seconds` (between two
            answers, or None) are read here too.
        num_workers: processes.
        module: whose `main` is the worker.
        again: whether a job whose process died or hung is given to the process that replaces it,
            with `hung` set in it to tell which.

    Yields:
        Events; for each job one that is `done`, or (unless `again`) `died` or `hung`.

    Raises:
        UnusableWorker: no worker could be set up. MustStop: a worker met a full disk, was killed or
            hung while it started, or a job kills one process after another.
    """
    waiting = iter(jobs)
    inbox: queue.Queue[tuple[_Worker, Any]] = queue.Queue()
    workers = [_Worker(module, settings, inbox) for _ in range(num_workers)]
    fresh: dict[_Worker, tuple[int, dict[str, Any], int]] = {}  # what a replacement has to do
    limit = settings["time_limit_seconds"]

    def replace(worker: _Worker, *, hung: bool = False) -> None:
        new = _Worker(module, settings, inbox)
        workers[workers.index(worker)] = new
        if again:
            assert worker.key is not None
            if worker.idle_deaths + 1 >= MAX_IDLE_DEATHS:
                raise MustStop(
                    f"{MAX_IDLE_DEATHS} processes died one after another on the same work"
                )
            fresh[new] = (worker.key, {**worker.job, "hung": hung}, worker.idle_deaths + 1)

    try:
        while workers:
            for hung in _overdue(workers, inbox, limit):
                hung.end()
                if hung.key is None:
                    raise MustStop(f"a worker process did not start in {START_LIMIT_SECONDS:g} s")
                replace(hung, hung=True)
                yield Event(hung.key, "hung", hung.job, f"hung, and was ended after {limit:g} s")
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
                    raise UnusableWorker(f"a worker process could not start ({words})")
                worker.end()
                replace(worker)
                yield Event(worker.key, "died", worker.job, f"died ({words})")
                continue
            if message["answer"] == "unusable":
                raise UnusableWorker(message["reason"])
            if message["answer"] == "stop":
                raise MustStop(message["reason"])
            if message["answer"] == "progress":
                assert worker.key is not None
                worker.started, worker.idle_deaths = time.monotonic(), 0
                yield Event(worker.key, "progress", message)
                continue
            finished = worker.key
            worker.key = None
            if worker in fresh:
                worker.give(*fresh.pop(worker))
            else:
                job = next(waiting, None)
                if job is None:
                    workers.remove(worker)
                    worker.end()
                else:
                    worker.give(*job)
            if message["answer"] != "ready":
                assert finished is not None
                yield Event(finished, "done", message)
    finally:
        for worker in workers:
            worker.end()

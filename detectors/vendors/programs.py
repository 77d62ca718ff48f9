"""A program as a VideoScorer: a line of JSON in, a line of JSON out."""

import contextlib
import ctypes
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import IO

from ..scores import DetectorId, Status, VideoScore
from .answers import as_video_score, failed, unanswered
from .descriptions import Program

LONGEST_LINE = 1 << 20  # characters
_PR_SET_PDEATHSIG = 1


class ProgramScorer:
    """Keeps a program running and asks it about one video after another.

    Args:
        description: which program.
        folder: where it is started.
        detector: what it is called.
    """

    def __init__(self, description: Program, folder: Path, detector: DetectorId) -> None:
        self.description = description
        self.folder = folder
        self.detector = detector
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._stderr: IO[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._answered = 0

    def score(
        self,
        path: str | Path,
        *,
        video_id: str | None = None,
        condition: str = "none",
        time_limit_seconds: float | None = None,
    ) -> VideoScore:
        """Scores one video. The program is killed, and started again for the next one, when it takes
        longer than the limit; it may as well end by itself after each."""
        started = time.perf_counter()
        kind = self.description.score.kind
        blank = unanswered(self.detector, kind, path, video_id, condition)
        if not os.path.exists(path):
            return failed(blank, "no such file", Status.UNREADABLE)
        score = self._ask(blank, Path(path).absolute(), time_limit_seconds)
        return replace(score, seconds={"total": round(time.perf_counter() - started, 4)})

    def close(self) -> None:
        """Ends the program, and what it has started."""
        process, self._process = self._process, None
        if process is None:
            return
        self._answered = 0
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
        if self._reader:
            self._reader.join(timeout=5)  # it reads to the end, so that nobody closes under it
        for pipe in (process.stdin, process.stdout, self._stderr):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _ask(self, blank: VideoScore, path: Path, limit: float | None) -> VideoScore:
        question = json.dumps({"video_id": blank.video_id, "path": str(path)}) + "\n"
        try:
            line = self._line_for(question, limit)
            if line is None and self._answered:
                # one that ends after each answer may have been asked while it ended
                self.close()
                line = self._line_for(question, limit)
        except OSError as error:
            return failed(blank, f"can't start {self.description.argv[0]!r}: {error.strerror}")
        except queue.Empty:
            self.close()
            return failed(blank, f"took longer than {limit:g} s; killed", Status.TIMEOUT)
        if line is None:
            words = self._last_words()
            self.close()
            return failed(blank, f"the program ended without an answer ({words})")
        self._answered += 1
        try:
            answer = json.loads(line)
        except ValueError:
            self.close()  # its next line might belong to this question
            return failed(blank, f"expected a line of JSON, got {line.strip()!r:.80}")
        if isinstance(answer, dict) and answer.get("video_id", blank.video_id) != blank.video_id:
            self.close()
            return failed(blank, f"it answered for another video, {answer['video_id']!r:.80}")
        return as_video_score(blank, answer, self.description.score)

    def _line_for(self, question: str, limit: float | None) -> str | None:
        """The line that answers; None where the program ends. Raises OSError, queue.Empty."""
        self._start()
        assert self._process
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # it has ended: the queue says so
            self._process.stdin.write(question)
            self._process.stdin.flush()
        return self._lines.get(timeout=limit)

    def _start(self) -> None:
        if self._process and self._process.poll() is None:
            return
        self.close()
        self._lines = queue.Queue()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (closed when it is replaced)
        self._process = subprocess.Popen(
            list(self.description.argv),
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            preexec_fn=_die_with_the_parent if sys.platform == "linux" else None,
        )
        self._reader = threading.Thread(
            target=_listen, args=(self._process, self._lines), daemon=True
        )
        self._reader.start()

    def _last_words(self) -> str:
        assert self._process
        assert self._stderr
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "it closed its output"
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        said = f"; it said: {lines[-1][:300]}" if lines else ""
        return f"{'signal' if code < 0 else 'exit code'} {abs(code)}{said}"


def _listen(process: "subprocess.Popen[str]", lines: "queue.Queue[str | None]") -> None:
    assert process.stdout
    with contextlib.suppress(ValueError):  # closed by us
        while line := process.stdout.readline(LONGEST_LINE):
            if line.strip():
                lines.put(line)
    lines.put(None)


def _die_with_the_parent() -> None:
    """In the child, before it becomes the program: nothing of a killed run goes on."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

"""Processes that take turns, and the statistics of their turns.

A worker answers with one line of JSON when it is ready and after every turn. What fails or takes too long is reported
and left out; no worker outlives this process.
"""

import collections
import contextlib
import json
import os
import queue
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

REST = 1.0  # seconds before every turn: threads of the worker before may spin for a while


class WorkerError(Exception):
    """Why a worker is left out."""


def parse_answer(line: str | None) -> dict:
    """The facts in a worker's line; None stands for the end of its output.

    Raises:
        WorkerError: if the worker failed, ended, or wrote something else.
    """
    if line is None:
        raise WorkerError("ended without an answer")
    try:
        facts = json.loads(line)
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        raise WorkerError(f"answered {line.strip()[:80]!r}, which is not an object in JSON")
    if "failed" in facts:
        raise WorkerError(" ".join(str(facts["failed"]).split())[:200])
    return facts


class Worker:
    """A process that answers in lines of JSON.

    Args:
        command: to start it.
        environment: of the process.
        limit: seconds that an answer may take.
    """

    def __init__(self, command: list[str], environment: dict[str, str], limit: float):
        self.limit = limit
        # A group of its own: one signal then ends the worker and whatever its compiler has started.
        group = {"process_group": 0} if os.name == "posix" else {}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(
            command, env=environment, text=True, errors="replace", **pipes, **group
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._errors: collections.deque[str] = collections.deque(maxlen=20)
        self._readers = [
            threading.Thread(target=read, daemon=True) for read in (self._read, self._read_errors)
        ]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _read_errors(self) -> None:
        self._errors.extend(self.process.stderr)

    def answer(self) -> dict:
        """The next answer.

        Raises:
            WorkerError: if the worker failed, ended, or took longer than its limit.
        """
        waited = 0
        while True:  # second by second: if the machine sleeps in between, that is not the worker's time
            try:
                line = self._lines.get(timeout=1)
                break
            except queue.Empty:
                waited += 1
            if waited >= self.limit:
                raise WorkerError(f"took longer than {self.limit:g} s")
        if line is None:
            raise WorkerError(self._end())
        return parse_answer(line)

    def _end(self) -> str:
        code = self.process.wait()
        self._readers[1].join(timeout=5)
        lines = "".join(self._errors).strip().splitlines()
        cause = f"ended by signal {-code}" if code < 0 else f"ended with status {code}"
        return f"{cause}: {lines[-1][:200]}" if lines else cause

    def turn(self) -> dict:
        """Let it take a turn."""
        try:
            self.process.stdin.write("turn\n")
            self.process.stdin.flush()
        except OSError:
            raise WorkerError(self._end()) from None
        return self.answer()

    def kill(self) -> None:
        """End it now."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(timeout=5)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError):
                pipe.close()


@dataclass
class Contest:
    """Workers that have taken turns.

    Attributes:
        ready: what each worker answered when it was ready, `seconds` included.
        turns: what each worker answered in each turn.
        left_out: why a worker has no turns.
    """

    ready: dict[str, dict] = field(default_factory=dict)
    turns: dict[str, list[dict]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def ms(self) -> dict[str, list[float]]:
        """Milliseconds of every turn of every worker."""
        return {name: [turn["ms"] for turn in turns] for name, turns in self.turns.items()}

    def leave_out(self, name: str, why: str) -> None:
        """Report a worker and forget its turns."""
        self.left_out[name] = why
        self.turns.pop(name, None)
        say(f"left out: {name}: {why}")


def say(line: str) -> None:
    """Print a line now, even into a file or a pipe."""
    print(line, flush=True)


@contextlib.contextmanager
def ended_workers() -> Iterator[dict[str, Worker]]:
    """A dictionary for workers; all that are in it are killed at the end, however it comes."""
    workers: dict[str, Worker] = {}
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield workers
    finally:
        for worker in workers.values():
            worker.kill()
        signal.signal(signal.SIGTERM, before)


def compete(
    starts: dict[str, tuple[list[str], dict[str, str]]],
    turns: int,
    limit: float,
    slowest: float | None = None,
    spared: str = "residual",
    rest: float = REST,
) -> Contest:
    """Start workers one after the other, then let them take turns; everything is reported as it comes.

    Args:
        starts: command and environment of each worker.
        turns: of each.
        limit: seconds until a worker must be ready, and for a turn.
        slowest: a worker that takes so many times as long as the fastest gets no turns; None spares all.
        spared: how the names begin of workers that are never too slow.
        rest: seconds before every turn.
    """
    contest = Contest()
    with ended_workers() as workers:
        for name, (command, environment) in starts.items():
            say(f"start: {name}")
            _start(contest, workers, name, Worker(command, environment, limit))
        _leave_out_slow(contest, workers, slowest, spared)
        contest.turns = {name: [] for name in workers}
        for number in range(turns):
            for name in rotate(list(workers), number):
                time.sleep(rest)
                _take_turn(contest, workers, name, f"{number + 1}/{turns}")
    return contest


def _start(contest: Contest, workers: dict[str, Worker], name: str, worker: Worker) -> None:
    workers[name] = worker
    started = time.perf_counter()
    try:
        facts = worker.answer()
    except WorkerError as error:
        contest.leave_out(name, str(error))
        workers.pop(name).kill()
        return
    seconds = time.perf_counter() - started
    contest.ready[name] = facts | {"seconds": round(seconds, 1)}
    say(f"ready {seconds:.0f} s: {name}")


def _leave_out_slow(contest: Contest, workers: dict[str, Worker], slowest: float | None, spared: str) -> None:
    """Leave out those that are too slow in their first steps and in a turn after them: one may be disturbed."""
    ms = {name: facts["ms"] for name, facts in contest.ready.items()}
    for name in too_slow(ms, slowest, spared):
        try:
            ms[name] = min(ms[name], workers[name].turn()["ms"])
        except WorkerError as error:
            contest.leave_out(name, str(error))
            workers.pop(name).kill()
            ms.pop(name)
    for name, why in too_slow(ms, slowest, spared).items():
        contest.leave_out(name, why)
        workers.pop(name).kill()


def _take_turn(contest: Contest, workers: dict[str, Worker], name: str, number: str) -> None:
    try:
        facts = workers[name].turn()
    except WorkerError as error:
        contest.leave_out(name, str(error))
        workers.pop(name).kill()
        return
    contest.turns[name].append(facts)
    say(f"turn {number}  {format_ms(facts['ms']):>7} ms  {name}")


def rotate(names: list[str], number: int) -> list[str]:
    """The order of a turn: each turn begins with another name."""
    start = number % len(names) if names else 0
    return names[start:] + names[:start]


def too_slow(ms: dict[str, float], slowest: float | None, spared: str) -> dict[str, str]:
    """Those that take more than `slowest` times as long as the fastest, and why they get no turns."""
    if not ms or slowest is None:
        return {}
    fastest = min(ms, key=ms.__getitem__)
    return {
        name: f"{format_ms(value)} ms a step, {value / ms[fastest]:.1f} times as long as {fastest}"
        for name, value in ms.items()
        if value > slowest * ms[fastest] and not name.startswith(spared)
    }


def median_ratio(ms: list[float], others: list[float]) -> float:
    """Median of the turns' ratios: what else the machine does falls on both of a turn."""
    return statistics.median(a / b for a, b in zip(ms, others, strict=True))


def middle_half(values: list[float]) -> tuple[float, float]:
    """First and third quartile; of fewer than four values the least and the largest."""
    if len(values) < 4:
        return min(values), max(values)
    low, _, high = statistics.quantiles(values, n=4)
    return low, high


def fastest(ms: dict[str, list[float]], start: str = "") -> str | None:
    """The name with the least median among those that begin with `start`; None if there is none."""
    medians = {name: statistics.median(turns) for name, turns in ms.items() if name.startswith(start)}
    return min(medians, key=medians.__getitem__) if medians else None


def format_ms(ms: float) -> str:
    """Milliseconds with three digits that count: 4.13, 41.3, 413, 4,130."""
    return f"{ms:,.0f}" if ms >= 100 else f"{ms:.1f}" if ms >= 10 else f"{ms:.2f}"


def format_table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first stand to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))

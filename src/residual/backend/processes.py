"""The other processes that train together: what they say to each other, and what happens when one of them dies.

Short texts go through the store of JAX's coordinator, which process 0 runs. Every process writes there that it is
alive. JAX itself would let the others wait until its own timeout, and then abort them with a stack trace.
"""

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from residual.backend.cluster import Cluster
from residual.backend.error_filter import guard_stderr
from residual.backend.signs_of_life import BEAT, SILENCE, SignsOfLife
from residual.errors import ResidualError

_GRACE = 8.0  # seconds in which all processes may raise the same error
_HEARTBEAT, _MEET, _LEAVE = 300, 300, 60  # seconds of JAX: until it aborts, to meet, and to leave together
_LONGEST = 7 * 24 * 3600  # seconds that processes wait for what process 0 does alone
_KEYS = "residual"


class Processes:
    """The processes that train together, as one of them sees them.

    Args:
        client: JAX's connection to its coordinator.
        process: the number of this one, from 0.
        count: how many there are.

    Attributes:
        advice: a sentence that says how to continue, for the message when a process dies.
    """

    def __init__(self, client: Any, process: int, count: int) -> None:
        self._client, self.process, self.count = client, process, count
        self.advice = "Start all processes again."
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._watch_others, name="other processes", daemon=True)
        self._found: tuple[dict[int, str] | None, dict[int, str]] = None, {}
        self._hosts = [f"process {i}" for i in range(count)]
        self._client.key_value_set(f"{_KEYS}/host/{process}", f"{socket.gethostname()}, id {os.getpid()}")

    @property
    def leads(self) -> bool:
        """Whether this is process 0, which alone writes and prints."""
        return self.process == 0

    def share(self, name: str, text: str | None = None) -> str:
        """What process 0 says, in every process.

        Args:
            name: of the text; each is used once.
            text: what it says; the others give None.
        """
        key = f"{_KEYS}/said/{name}"
        if self.leads and text is not None:
            self._client.key_value_set(key, text)
            return text
        return self._wait(key)

    def collect(self, name: str, text: str) -> list[str]:
        """What every process says, in process 0; the others get nothing.

        Args:
            name: of the texts; each is used once.
            text: what this one says.
        """
        self._client.key_value_set(f"{_KEYS}/{name}/{self.process}", text)
        return [self._wait(f"{_KEYS}/{name}/{i}") for i in range(self.count)] if self.leads else []

    def broadcast(self, name: str, content: bytes | None) -> bytes:
        """What process 0 has, in every process: as many bytes as memory holds."""
        import numpy as np
        from jax.experimental.multihost_utils import broadcast_one_to_all

        size = int(self.share(name, None if content is None else str(len(content))))
        own = np.zeros(size, np.uint8) if content is None else np.frombuffer(content, np.uint8)
        found: np.ndarray = broadcast_one_to_all(own)
        return np.asarray(found).tobytes()

    def gather(self, name: str, content: bytes) -> list[bytes]:
        """What every process has, in every process, in the order of their numbers.

        Args:
            name: of what they have; each is used once.
            content: what this one has.
        """
        import numpy as np
        from jax.experimental.multihost_utils import process_allgather

        found = self.collect(f"{name}/size", str(len(content)))
        sizes = [int(size) for size in self.share(f"{name}/sizes", ",".join(found) or None).split(",")]
        if not any(sizes):
            return [b""] * self.count
        own = np.zeros(max(sizes), np.uint8)
        own[: len(content)] = np.frombuffer(content, np.uint8)
        rows: np.ndarray = process_allgather(own)  # all must have the same shape
        return [np.asarray(row)[:size].tobytes() for row, size in zip(rows, sizes, strict=True)]

    def say_first(self, name: str, text: str) -> None:
        """Say something to all, unless another process has said it."""
        with contextlib.suppress(RuntimeError):  # it has
            self._client.key_value_set(f"{_KEYS}/said/{name}", text)

    def read(self, name: str) -> str | None:
        """What a process has said first to all; None if none has."""
        try:
            return self._client.key_value_try_get(f"{_KEYS}/said/{name}")
        except RuntimeError:  # there is nothing yet
            return None

    def describe(self, process: int) -> str:
        """A process by its number, and where it runs."""
        return self._hosts[process]

    def _wait(self, key: str) -> str:
        while True:
            try:
                return self._client.blocking_key_value_get(key, 10_000)
            except RuntimeError as error:
                if "DEADLINE_EXCEEDED" not in str(error):
                    raise

    def start(self) -> None:
        """Learn where the others run, and watch them from now on."""
        self._hosts = [f"process {i} ({self._wait(f'{_KEYS}/host/{i}')})" for i in range(self.count)]
        self._watch.start()

    def leave(self) -> None:
        """Wait until all processes have come to this point; watch them no more."""
        self._client.wait_at_barrier(f"{_KEYS}/leave", _LONGEST * 1000)
        self._ended.set()
        self._watch.join()

    def fail(self, text: str) -> None:
        """Let the others end, because this process cannot continue.

        Args:
            text: why; "" if the others know.
        """
        self._ended.set()
        with contextlib.suppress(RuntimeError):
            self._client.key_value_set(f"{_KEYS}/ended/{self.process}", text)

    def _watch_others(self) -> None:
        """End this process if another is dead, or cannot continue."""
        signs, failed_at = SignsOfLife(self.count, time.monotonic()), 0.0
        threading.Thread(target=self._beat, name="signs of life", daemon=True).start()
        while not self._ended.wait(BEAT):
            (alive, ended), self._found = self._found, (None, {})
            now = time.monotonic()
            dead = signs.look(now, alive)
            if dead is not None and dead != self.process:
                self._end(f"{self._hosts[dead]} has ended, or has not answered for {SILENCE:.0f} seconds.")
            failed_at = failed_at or (now if ended else 0.0)
            if 0 in ended or (ended and now - failed_at > _GRACE):
                process = min(ended)
                self._end(f"{self._hosts[process]}: {ended[process].removesuffix('.')}.", 2, in_order=True)

    def _beat(self) -> None:
        """Say that this process is alive, and read what the others say; a thread of its own, as it may wait long."""
        beat = 0
        while not self._ended.wait(BEAT / 2):
            beat += 1
            # If process 0 is gone, JAX ends this one, and `error_filter` says why.
            with contextlib.suppress(RuntimeError):
                self._client.key_value_set(f"{_KEYS}/alive/{self.process}", str(beat), allow_overwrite=True)
                self._found = self._list("alive"), self._list("ended")

    def _list(self, name: str) -> dict[int, str]:
        """The texts of the processes that have written one, by their numbers."""
        found = self._client.key_value_dir_get(f"{_KEYS}/{name}/")
        return {int(key.rpartition("/")[2]): text for key, text in found}

    def _end(self, text: str, code: int = 1, in_order: bool = False) -> None:
        """End this process, whose main thread may wait for one that is gone; process 0 says why."""
        if self._ended.is_set():
            return
        if self.leads:
            sys.stdout.flush()
            os.write(2, f"\nresidual: {text} The training ends in all processes. {self.advice}\n".encode())
            if not in_order:
                time.sleep(3 * BEAT)  # the others see it too, and end before their coordinator does
        if in_order:  # the process that cannot continue waits until all leave
            with contextlib.suppress(RuntimeError):
                self._client.shutdown()
        os._exit(code)


@contextlib.contextmanager
def join(cluster: Cluster) -> Iterator[Processes]:
    """Meet the other processes, and part from them at the end.

    Args:
        cluster: says where they meet; checked.

    Raises:
        ResidualError: if they cannot meet.
    """
    import jax

    with guard_stderr(_describe_coordinator(cluster)):
        client, process, count = _connect(cluster)
        link = Processes(client, process, count)
        link.start()
        _connect_devices()
        asked_to_end = None
        try:
            yield link
        except SystemExit as error:  # all processes were asked to end, and do
            asked_to_end = error
        except BaseException as error:
            if _may_come_from_others(error):
                time.sleep(
                    2 * SILENCE
                )  # if another has died, the watch ends this process before, and names it
            link.fail(str(error) or type(error).__name__)
            _drop_connection()
            raise
        link.leave()
        jax.distributed.shutdown()
    if asked_to_end is not None:
        raise asked_to_end


def _may_come_from_others(error: BaseException) -> bool:
    """Whether a process that died may have caused an error: JAX raises RuntimeError or ValueError for a lost peer."""
    return isinstance(error, Exception) and not isinstance(error, ResidualError)


def _describe_coordinator(cluster: Cluster) -> str:
    """What a process says when JAX ends it."""
    if cluster.process_id == 0:
        return "residual: another process has ended. The training ends in all processes."
    where = f" ({cluster.coordinator})" if cluster.coordinator else ""
    return f"residual: process 0{where} has ended. The training ends in all processes."


def _connect(cluster: Cluster) -> tuple[Any, int, int]:
    """JAX's connection to its coordinator, the number of this process, and how many there are."""
    import jax
    from jax._src import distributed  # there is no public way to its store of texts

    with contextlib.suppress(AttributeError, ValueError):  # it handles SIGTERM in its own way
        jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(
            coordinator_address=cluster.coordinator,
            num_processes=cluster.processes,
            process_id=cluster.process_id,
            initialization_timeout=_MEET,
            heartbeat_timeout_seconds=_HEARTBEAT,
            shutdown_timeout_seconds=_LEAVE,
        )
    except TypeError as error:
        raise ResidualError(f"Several processes need a newer JAX than {jax.__version__}: {error}.") from None
    except (RuntimeError, ValueError) as error:
        raise ResidualError(_explain(cluster, error)) from None
    state = distributed.global_state
    return state.client, state.process_id, state.num_processes


def _connect_devices() -> None:
    """Let the devices of all processes meet. On processors Gloo says so on standard output, where results go."""
    from jax.experimental.multihost_utils import sync_global_devices

    sys.stdout.flush()
    kept, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    try:
        sync_global_devices(_KEYS)
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


def _explain(cluster: Cluster, error: Exception) -> str:
    first = str(error).strip().splitlines()[0]
    if "before any JAX" in first or "called before" in first:
        return "Several processes must be joined before JAX computes: train in a new process."
    where = cluster.coordinator or "the address that the launcher gave"
    return (
        f"coordinator must be reached by all processes within {_MEET} seconds; {where} was not: {first} Start all "
        "processes, and check that the port is free and open."
    )


def _drop_connection() -> None:
    """Leave together with the others, which end too."""
    from jax._src import distributed

    with contextlib.suppress(RuntimeError):
        distributed.global_state.shutdown()

"""What JAX writes to standard error of a process whose coordinator dies, in one sentence.

JAX ends such a process at once, from C++, with thirty lines and a stack trace. A child process that reads its standard
error passes on everything else. It is run as a program, without the package.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

_NOISE = (b"[Gloo] Rank ", b"preemption_sync_manager.cc")
_FATAL = (b"coordination_service", b"client.h", b"Terminating process because the JAX distributed service")


@contextlib.contextmanager
def guard_stderr(message: str) -> Iterator[None]:
    """Write one message in place of JAX's lines when it ends the process, because its coordinator is gone.

    Args:
        message: what is written.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", os.path.abspath(__file__), message],
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the training
    )
    assert child.stdin is not None
    os.dup2(child.stdin.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        child.stdin.close()
        child.wait()


def pass_lines(message: str) -> None:
    """Copy standard input to standard error; the first fatal line of JAX becomes the message, and ends it."""
    fatal = False
    for line in sys.stdin.buffer:
        if fatal or any(word in line for word in _NOISE):
            continue
        if line[:1] in b"EF" and any(word in line for word in _FATAL):
            fatal = True
            line = message.encode() + b"\n"
        os.write(2, line)


if __name__ == "__main__":
    pass_lines(sys.argv[1])

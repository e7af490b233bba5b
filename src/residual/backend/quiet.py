"""What Keras and TensorFlow print that says nothing to a user: dropped, and everything else is let through."""

import importlib
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from residual.errors import ResidualError

# Lines that TensorFlow's C++ writes before TF_CPP_MIN_LOG_LEVEL counts: I and W, and on a machine without an NVIDIA
# driver the errors of CUDA.
_NOISE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog|[IW]\d{4} [\d:.]+ +\d+ \S+\.cc:\d+\]"
    rb"|\d{4}-\d\d-\d\d [\d:.]+: [IW] |To enable the following instructions:"
)
_CUDA_ERROR = re.compile(
    rb"(E\d{4} [\d:.]+ +\d+ |\d{4}-\d\d-\d\d [\d:.]+: E )\S*cuda\S*\.cc:\d+\]", re.IGNORECASE
)
_HOLDING = threading.Lock()  # standard error is that of the whole process
_DRIVER = Path("/proc/driver/nvidia")


def import_keras_quietly() -> None:
    """Import Keras without the lines that TensorFlow writes to standard error when it starts.

    Raises:
        ResidualError: if the backend that KERAS_BACKEND names is unknown or not installed.
    """
    if "keras" in sys.modules:
        return
    try:
        with drop_lines(is_noise):
            importlib.import_module("keras")
            if tensorflow := sys.modules.get("tensorflow"):
                tensorflow.config.list_physical_devices()  # says here, and not later, that there is no GPU
    except (ImportError, ValueError) as error:
        backend = os.environ.get("KERAS_BACKEND", "tensorflow")
        raise ResidualError(
            f"Keras cannot start on KERAS_BACKEND={backend}: {error}. Use tensorflow, jax or torch, installed with "
            "pip install 'residual-learning[jax]' or 'residual-learning[torch]'."
        ) from None


@contextmanager
def drop_lines(is_dropped: Callable[[bytes], bool]) -> Iterator[None]:
    """Hold back what is written to standard error, by C++ and by other threads too; in the end write what is left.

    Args:
        is_dropped: whether a line is left out.
    """
    import tempfile

    sys.stderr.flush()
    with _HOLDING, tempfile.TemporaryFile() as held:
        kept = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            os.write(2, b"".join(line for line in held if not is_dropped(line)))


def is_noise(line: bytes) -> bool:
    """Whether a line on standard error is one that TensorFlow writes on every start."""
    return bool(_NOISE.match(line) or (_CUDA_ERROR.match(line) and not _DRIVER.exists()))


@contextmanager
def hide_tensorflow() -> Iterator[None]:
    """Let nobody import TensorFlow on JAX and torch, unless it is there already.

    When Keras writes or reads a model, it imports TensorFlow if it can, to ask whether a value is one of its shapes.
    That takes seconds and 0.7 GiB. Keras remembers that it found none, and is made to forget it afterwards.
    """
    if sys.modules["keras"].backend.backend() == "tensorflow" or "tensorflow" in sys.modules:
        yield
        return
    sys.modules["tensorflow"] = None  # type: ignore[assignment]  # an import raises ImportError
    try:
        yield
    finally:
        del sys.modules["tensorflow"]
        importlib.import_module("keras.src.utils.module_utils").tensorflow._available = None


@contextmanager
def allow_retracing() -> Iterator[None]:
    """Drop TensorFlow's warnings of functions that are traced again, also as a decorator.

    For calls of a model with images of many sizes, and for one training after another: each network is traced anew.
    """
    import logging

    def is_other(record: logging.LogRecord) -> bool:
        return "retracing" not in record.getMessage()

    logger = logging.getLogger("tensorflow")
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)

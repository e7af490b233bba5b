"""On which device Keras computes: the processor or a graphics card, if the user asks for one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from residual.errors import ResidualError

AUTO = "auto"
_ALLOWED = re.compile(r"auto|cpu|gpu(:\d+)?")
_CHOSEN: ContextVar[str] = ContextVar("the device that was asked for", default=AUTO)


def check_device(device: str) -> None:
    """Refuse a word that names no device. Nothing is loaded.

    Raises:
        ResidualError: naming what is allowed.
    """
    if not isinstance(device, str) or not _ALLOWED.fullmatch(device):
        raise ResidualError(f"device must be auto, cpu, gpu, or gpu:1 for the second one; got {device!r}.")


@contextmanager
def use_device(device: str = AUTO) -> Iterator[None]:
    """Let Keras compute on a device; "auto" leaves the choice to its backend.

    Args:
        device: "auto", "cpu", "gpu", or "gpu:1" for the second one.

    Raises:
        ResidualError: for another word, or if the device is not there; the message lists those that are.
    """
    check_device(device)
    if device == AUTO:
        yield
        return
    import keras

    name = f"{device}:0" if device == "gpu" else device
    found = list_devices()
    if name not in found:
        raise ResidualError(
            f"device {device} is not there: {keras.backend.backend()} finds {', '.join(found)}. Choose one of "
            "these, or auto."
        )
    before = _CHOSEN.set(name)
    try:
        with keras.device(_name_for_keras(name)):
            yield
    finally:
        _CHOSEN.reset(before)


def is_cpu_chosen() -> bool:
    """Whether the user asked for the processor, although there may be a graphics card."""
    return _CHOSEN.get() == "cpu"


def list_devices() -> list[str]:
    """ "cpu", and the graphics cards that Keras's backend can use: "gpu:0", "gpu:1", ..."""
    import keras

    count = {"tensorflow": _count_tensorflow, "jax": _count_jax, "torch": _count_torch}
    return ["cpu", *(f"gpu:{i}" for i in range(count[keras.backend.backend()]()))]


def _count_tensorflow() -> int:
    import tensorflow as tf

    return len(tf.config.list_physical_devices("GPU"))


def _count_jax() -> int:
    import jax

    return sum(device.platform in ("gpu", "cuda", "rocm") for device in jax.devices())


def _count_torch() -> int:
    import torch

    return torch.cuda.device_count() or int(torch.backends.mps.is_available())


def _name_for_keras(name: str) -> str:
    """The name that `keras.device` takes. On torch "cpu:0" is another device than that of the tensors, "cpu"."""
    import keras

    if keras.backend.backend() != "torch":
        return "cpu:0" if name == "cpu" else name
    import torch

    return name if name == "cpu" or torch.cuda.is_available() else "mps"

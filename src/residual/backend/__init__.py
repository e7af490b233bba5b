"""The only place that asks which Keras backend runs.

Importing this room loads nothing heavy; each function imports what it needs.
"""

import importlib
import importlib.util
import json
import os
import sys

from residual.backend.devices import is_cpu_chosen
from residual.backend.distribution import current
from residual.backend.quiet import import_keras_quietly as import_keras_quietly
from residual.backend.tensorflow_cpu.allocator import keep_freed_pages
from residual.backend.tensorflow_cpu.runtime_flags import enable_onednn, onednn_is_on


def prefer_backend() -> None:
    """Choose the Keras backend before Keras is imported, unless the user has.

    `KERAS_BACKEND` and Keras's own configuration file are respected. Otherwise JAX is used if its
    GPU plug-in is installed, and else Keras's default, TensorFlow: on a CPU it trains residual networks several
    times faster than JAX. Without TensorFlow it is JAX or torch, whichever is installed. TensorFlow's start-up
    messages are turned off, its faster kernels are turned on, and memory that it frees is kept for its next step.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    chosen = find_chosen_backend()
    if chosen != "tensorflow":
        os.environ["KERAS_BACKEND"] = chosen
    else:
        enable_onednn()
        keep_freed_pages()


def find_chosen_backend() -> str:
    """The backend that Keras will use, as `prefer_backend` chooses it; nothing is imported."""
    if chosen := os.environ.get("KERAS_BACKEND") or _backend_in_file():
        return chosen
    if any(map(_is_installed, ("jax_cuda12_plugin", "jax_cuda13_plugin", "jax_rocm7_plugin"))):
        return "jax"
    if _is_installed("tensorflow"):
        return "tensorflow"
    return next(filter(_is_installed, ("jax", "torch")), "tensorflow")


def _is_installed(name: str) -> bool:
    """Whether a module is there, or was imported before; it is not imported here."""
    return name in sys.modules or importlib.util.find_spec(name) is not None


def _backend_in_file() -> str | None:
    """The backend that Keras's configuration file names; None for TensorFlow, which Keras writes there itself."""
    try:
        with open(os.path.expanduser("~/.keras/keras.json"), encoding="utf-8") as file:
            name = json.load(file).get("backend", "tensorflow")
    except (OSError, ValueError, AttributeError):
        return None
    return None if name == "tensorflow" else name


def compile_options() -> dict:
    """Arguments of `keras.Model.compile` that make training fast here.

    TensorFlow's XLA jit is kept off on a CPU. Keras releases that turned it on by default trained ResNets
    more slowly; with Keras 3.15 it makes no difference (benchmarks/step.py).
    """
    return {"jit_compile": False} if on_tensorflow_cpu() else {}


def on_cpu() -> bool:
    """Whether Keras's backend has no accelerator here, or is asked to use the processor."""
    import keras

    if is_cpu_chosen():
        return True
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.default_backend() == "cpu"
    if backend == "torch":
        import torch

        return not (torch.cuda.is_available() or torch.backends.mps.is_available())
    return backend != "tensorflow" or on_tensorflow_cpu()


def on_tensorflow_cpu() -> bool:
    """Whether Keras runs on TensorFlow without an accelerator. Then `accelerate` has layers and updates of its own."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return False
    if is_cpu_chosen():
        return True
    import tensorflow as tf

    return not (tf.config.list_physical_devices("GPU") or tf.config.list_physical_devices("TPU"))


def set_seeds(seed: int) -> None:
    """Make what Python, NumPy and the backend draw from here on depend on `seed` alone.

    On TensorFlow this is `keras.utils.set_random_seed`. Elsewhere that function would import TensorFlow if it is
    installed, which takes seconds and 0.7 GiB. Initializers and dropouts draw their seeds from Python's generator when
    they are made. Keras's global generator, which `keras.random` uses outside of layers, stays as it is.
    """
    import random

    import keras
    import numpy

    backend = keras.backend.backend()
    if backend == "tensorflow":
        keras.utils.set_random_seed(seed)
        return
    random.seed(seed)
    numpy.random.seed(seed)
    if backend == "torch":
        import torch

        torch.manual_seed(seed)


def training_forward(model):
    """A function of a batch that runs `model` in training mode, updating its batch-norm statistics.

    It is compiled if the backend can do that with side effects, or if several devices train together, and eager
    otherwise.
    """
    import keras

    if group := current():
        return group.training_forward(model)
    run = _compile_forward(lambda batch: model(batch, training=True), keras.backend.backend())
    return lambda batch: run(keras.ops.convert_to_tensor(batch, "float32"))


def _compile_forward(forward, backend: str):
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(forward, autograph=False, jit_compile=False, reduce_retracing=True)
    if backend == "torch":
        import torch

        return torch.no_grad()(forward)
    return forward


def no_gradients():
    """A context in which torch, which otherwise keeps what a gradient would need, keeps nothing."""
    import contextlib

    import keras

    if keras.backend.backend() != "torch":
        return contextlib.nullcontext()
    import torch

    return torch.no_grad()


def settle_state(model) -> None:
    """Bring the variables of a model up to date during `fit`: JAX's training holds their values elsewhere."""
    import keras

    if keras.backend.backend() == "jax":
        model.jax_state_sync()


def is_out_of_memory(error: Exception) -> bool:
    """Whether a backend, or Python, raised this for want of memory; each has words of its own for that."""
    words = (
        "RESOURCE_EXHAUSTED",
        "ResourceExhausted",
        "OOM when allocating",
        "out of memory",
        "not enough memory",
    )
    text = f"{type(error).__name__}: {error}"
    return isinstance(error, MemoryError) or any(word in text for word in words)


def versions() -> dict[str, str]:
    """Versions of Keras, its backend and NumPy, and whether TensorFlow uses oneDNN, for a run's record."""
    import keras
    import numpy

    backend = keras.backend.backend()
    found = {"keras": keras.__version__, "backend": backend, "numpy": numpy.__version__}
    module = importlib.import_module(backend) if backend in ("tensorflow", "jax", "torch") else None
    if module is not None:
        found[backend] = str(module.__version__)
    if backend == "tensorflow" and onednn_is_on() is not None:
        found["onednn"] = "on" if onednn_is_on() else "off"
    return found

"""The small part of TensorFlow that old notebooks use, on Keras 3 and any backend.

tf1   sessions, placeholders and feed dictionaries, which run a block as a Keras model
tf2   random.set_seed, keras, and functions by their names in keras.ops
"""

import contextlib
import functools
from typing import Any

import keras
import numpy as np

from residual.course.initializers import tf2_set_seed
from residual.course.learning_phase import PHASE, LearningPhase
from residual.course.old_modules import OldModule, find_old_module

_NOTHING = object()  # what initializing variables fetches: Keras has initialized them already


def set_seed(seed: int) -> None:
    """Start the streams of the seeded initializers anew, and seed Keras, NumPy and Python.

    Stands for `tf.random.set_seed`. It leaves NumPy's stream alone, as TensorFlow does.
    """
    state = np.random.get_state()
    keras.utils.set_random_seed(int(seed))
    np.random.set_state(state)
    tf2_set_seed(seed)


def placeholder(dtype="float32", shape=None, name: str | None = None):
    """An input whose value comes with `Session.run`: a Keras tensor.

    Args:
        dtype: "float" or a name that Keras knows.
        shape: the whole shape, images first.
        name: of the input.
    """
    dtype = {"float": "float32", "int": "int32"}.get(str(dtype), dtype)
    return keras.Input(batch_shape=tuple(shape or (None,)), dtype=dtype, name=name)


class Session:
    """Runs Keras tensors: each is computed from the values of the placeholders that it depends on."""

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *error) -> None:
        return None

    def run(self, fetches, feed_dict: dict | None = None):
        """The values of Keras tensors as NumPy arrays.

        Args:
            fetches: a tensor, or a list of tensors; `global_variables_initializer()` gives None.
            feed_dict: values of placeholders, and 0 or 1 for `K.learning_phase()`.

        Returns:
            An array, or a list of arrays.
        """
        feed = dict(feed_dict or {})
        training = next((bool(feed.pop(key)) for key in list(feed) if isinstance(key, LearningPhase)), None)
        if isinstance(fetches, list | tuple):
            return [self._run_one(fetch, feed, training) for fetch in fetches]
        return self._run_one(fetches, feed, training)

    def _run_one(self, fetch, feed: dict, training: bool | None):
        if fetch is _NOTHING:
            return None
        if not isinstance(fetch, keras.KerasTensor):
            return np.asarray(keras.ops.convert_to_numpy(fetch))
        inputs = list(feed)
        model = keras.Model(inputs, fetch)
        values = [keras.ops.convert_to_tensor(np.asarray(feed[one]), dtype=one.dtype) for one in inputs]
        mode = bool(PHASE) if training is None else training
        return np.asarray(
            keras.ops.convert_to_numpy(model(values if len(values) > 1 else values[0], training=mode))
        )

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


class SmallTensorFlow(OldModule):
    """`tf` of one era. What is not listed here is looked up in Keras 3; the rest explains itself.

    Args:
        version: 1 or 2.
        initializers: of the era, which take the place of Keras's in `tf.keras.initializers`.
    """

    def __init__(self, version: int, initializers: dict[str, Any]):
        super().__init__("tensorflow")
        self.__version__ = f"{version}.x, as residual.course has it"
        self.random = OldModule("tensorflow.random")
        self.set_random_seed = set_seed
        vars(self.random).update(set_seed=set_seed, set_random_seed=set_seed)
        if version == 1:
            self.Session = self.InteractiveSession = Session
            self.placeholder = placeholder
            self.reset_default_graph = _do_nothing
            self.global_variables_initializer = self.initialize_all_variables = _get_nothing
            self.get_default_graph = contextlib.nullcontext
            self.float32, self.float64, self.int32, self.int64 = "float32", "float64", "int32", "int64"
        self.keras = find_old_module("tensorflow.keras")
        own = OldModule("keras.initializers", keras.initializers)
        vars(own).update(initializers)
        vars(self.keras)["initializers"] = own

    def _find(self, name: str):
        found = super()._find(name)
        if isinstance(found, OldModule) and keras.backend.backend() == "tensorflow":
            import tensorflow

            return getattr(tensorflow, name, found)
        return found


@functools.cache
def make_tf(version: int, era: tuple[tuple[str, type], ...] = ()) -> SmallTensorFlow:
    """The `tf` of an era, one for the whole process.

    Args:
        version: 1 or 2.
        era: names and classes of its initializers.
    """
    return SmallTensorFlow(version, dict(era))


def _do_nothing(*args, **options) -> None:
    """Keras 3 has no graph that could be reset."""


def _get_nothing():
    return _NOTHING

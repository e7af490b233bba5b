"""Glorot and uniform initializers that draw what TensorFlow 1 and TensorFlow 2.9 drew.

The course's notebooks print numbers that follow from seeded kernels. Keras 3's own initializers give
others, different again on each backend; these give those of the notebooks, on every backend:

    tf1_glorot_uniform, tf1_random_uniform    every call begins its stream anew
    tf2_glorot_uniform, tf2_random_uniform    calls share a stream, which `tf2_set_seed` restarts

Each is used as the notebooks use an initializer: `kernel_initializer=tf1_glorot_uniform(seed=0)`.

Seeds follow TensorFlow (`tensorflow/python/framework/random_seed.py`, `get_seed`): a kernel is drawn
by the op `RandomUniform(global seed, op seed)`, both modulo 2**31 - 1; without a global seed the
first is 87654321, and (0, 0), which the op reads as "unseeded", becomes (0, 2**31 - 1).
"""

import abc
import math
import operator
from typing import Any

import keras
import numpy as np

from residual.course.philox import UniformStream
from residual.errors import ResidualError

_DEFAULT_GLOBAL_SEED = 87654321
_SEED_MODULUS = 2**31 - 1


def _seed(value: Any, name: str) -> int:
    """`value` as a Python integer, or a ResidualError that names the argument."""
    try:
        return operator.index(value)
    except TypeError:
        raise ResidualError(
            f"{name} must be an integer; received {value!r}. These initializers repeat recorded draws; "
            "for fresh ones use keras.initializers.GlorotUniform() or keras.initializers.RandomUniform()."
        ) from None


def _op_seeds(global_seed: int | None, op_seed: int) -> tuple[int, int]:
    """The op's two seeds for a global and an op seed, by TensorFlow's `get_seed`."""
    first = _DEFAULT_GLOBAL_SEED if global_seed is None else global_seed % _SEED_MODULUS
    second = op_seed % _SEED_MODULUS
    return (0, _SEED_MODULUS) if (first, second) == (0, 0) else (first, second)


def glorot_fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan_in, fan_out) of a kernel: its channels in and out, each times the window's size.

    Args:
        shape: (in, out) for a dense kernel, (*window, in, out) for a convolution. A vector counts
            as (n, n) and a scalar as (1, 1), as Keras has it.
    """
    if len(shape) < 2:
        size = math.prod(shape)
        return size, size
    *window, channels_in, channels_out = shape
    return math.prod(window) * channels_in, math.prod(window) * channels_out


class _SharedStreams:
    """The streams of an eager TensorFlow 2 process, one for each op seed.

    TensorFlow caches the op's kernel by its seeds, and the kernel holds the counter: that is why
    layers with equal seeds draw from one stream. Setting the global seed empties the cache.
    """

    def __init__(self):
        self.restart(None)

    def restart(self, global_seed: int | None) -> None:
        self._global_seed = global_seed
        self._streams: dict[int, UniformStream] = {}

    def stream(self, op_seed: int) -> UniformStream:
        op_seed %= _SEED_MODULUS
        if op_seed not in self._streams:
            self._streams[op_seed] = UniformStream(*_op_seeds(self._global_seed, op_seed))
        return self._streams[op_seed]


_shared = _SharedStreams()


def tf2_set_seed(seed: int | None) -> None:
    """Set the global seed of the `tf2_` initializers and start all their streams anew.

    Stands for `tf.random.set_seed(seed)` in TensorFlow 2.9. Until it is first called, and after
    `tf2_set_seed(None)`, there is no global seed, which TensorFlow reads as 87654321.

    Args:
        seed: integer, taken modulo 2**31 - 1, or None.

    Raises:
        ResidualError: seed is neither.
    """
    _shared.restart(None if seed is None else _seed(seed, "seed"))


class _SeededUniform(keras.initializers.Initializer, abc.ABC):
    """Uniform float32 draws between bounds; a subclass gives the bounds, the era's class the stream.

    A saved layer, and so a saved model, records the stock Keras initializer of the same seed: the
    file must open where this package is absent, and its kernels are stored, not drawn again. It
    follows that `keras.models.clone_model` draws its new kernels by the stock initializer.
    """

    _stock: type

    def __init__(self, seed: int = 0):
        self.seed = _seed(seed, "seed")

    # Keras writes an object's class by what `__class__` says; `type()` still tells the truth.
    @property
    def __class__(self):
        return self._stock

    def __call__(self, shape, dtype=None):
        """Draw a tensor on the current backend.

        Args:
            shape: the tensor's shape, for a convolution (height, width, in, out).
            dtype: a floating type, `keras.config.floatx()` by default. The draw is in float32 and
                then cast, where TensorFlow has other streams for its other types.

        Raises:
            ResidualError: dtype is not a floating type.
        """
        dtype = keras.backend.standardize_dtype(dtype)
        if not keras.backend.is_float_dtype(dtype):
            raise ResidualError(f"dtype must be a floating type such as 'float32'; received {dtype!r}.")
        shape = tuple(shape)
        low, high = (np.float32(bound) for bound in self._bounds(shape))
        units = self._next_stream().draw(math.prod(shape))
        return keras.ops.convert_to_tensor((units * (high - low) + low).reshape(shape), dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, in its order."""
        return {"seed": self.seed}

    def clone(self):
        return type(self)(**self.get_config())

    def __reduce__(self):
        # Copying and pickling would otherwise rebuild what `__class__` says.
        return type(self), tuple(self.get_config().values()), dict(self.__dict__)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"

    @abc.abstractmethod
    def _bounds(self, shape: tuple[int, ...]) -> tuple[float, float]:
        """Lowest value, and the one that no draw reaches."""

    @abc.abstractmethod
    def _next_stream(self) -> UniformStream:
        """The stream from which the next kernel is drawn."""


class _Glorot(_SeededUniform):
    """Bounds of Glorot and Bengio (2010): plus and minus sqrt(6 / (fan_in + fan_out))."""

    _stock = keras.initializers.GlorotUniform

    def _bounds(self, shape):
        fan_in, fan_out = glorot_fans(shape)
        limit = math.sqrt(3.0 / max(1.0, (fan_in + fan_out) / 2))
        return -limit, limit


class _Between(_SeededUniform):
    """Bounds given by hand; the defaults are those of Keras, then and now."""

    _stock = keras.initializers.RandomUniform

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int = 0):
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def get_config(self):
        return {"minval": self.minval, "maxval": self.maxval, "seed": self.seed}

    def _bounds(self, shape):
        return self.minval, self.maxval


class _TF1(_SeededUniform):
    """Every draw is an op of its own in the graph, so each one starts at the stream's beginning."""

    def _next_stream(self):
        return UniformStream(*_op_seeds(None, self.seed))


class _TF2(_SeededUniform):
    """Draws share the process's stream; an object called again moves on to the next op seed.

    The moving on is Keras 2.9's (`RandomGenerator.make_legacy_seed`). It concerns only an object that
    initializes several variables; the notebooks make a new one for each layer.
    """

    _calls = 0

    def _next_stream(self):
        self._calls += 1
        return _shared.stream(self.seed + self._calls - 1)


class TF1GlorotUniform(_TF1, _Glorot):
    """Glorot uniform as drawn by Keras 2 on TensorFlow 1 without a graph seed.

    Args:
        seed: the op seed, an integer.

    Raises:
        ResidualError: seed is not an integer (None would have been a new draw each time).
    """


class TF1RandomUniform(_TF1, _Between):
    """Uniform in [minval, maxval) as drawn by Keras 2 on TensorFlow 1 without a graph seed.

    Args:
        minval: lower bound.
        maxval: upper bound.
        seed: the op seed, an integer.

    Raises:
        ResidualError: seed is not an integer (None would have been a new draw each time).
    """


class TF2GlorotUniform(_TF2, _Glorot):
    """Glorot uniform as drawn by Keras 2.9 on TensorFlow 2.9; see `tf2_set_seed`.

    Args:
        seed: the op seed, an integer.

    Raises:
        ResidualError: seed is not an integer (None would have been a new draw each time).
    """


class TF2RandomUniform(_TF2, _Between):
    """Uniform in [minval, maxval) as drawn by Keras 2.9 on TensorFlow 2.9; see `tf2_set_seed`.

    Args:
        minval: lower bound.
        maxval: upper bound.
        seed: the op seed, an integer.

    Raises:
        ResidualError: seed is not an integer (None would have been a new draw each time).
    """


# The notebooks' own spelling.
tf1_glorot_uniform = TF1GlorotUniform
tf1_random_uniform = TF1RandomUniform
tf2_glorot_uniform = TF2GlorotUniform
tf2_random_uniform = TF2RandomUniform

"""Short timings of single operations on TensorFlow and a CPU, each way in turns with the others."""

import functools
import time
from collections.abc import Callable

import keras
import tensorflow as tf

from residual.backend.tensorflow_cpu import operations
from residual.backend.tensorflow_cpu.operations import DIRECTIONS, LIBRARY, PRODUCT, WAYS, Shape

KERAS, FUSED = "keras", "fused"
_ROUNDS, _SECONDS = (
    5,
    0.05,
)  # the rounds of a comparison end with the first of the two, but not before the second
_GAIN, _LEAST_SECONDS = 0.03, 30e-6  # what another way than the usual one must gain


def find_fastest(ways: dict[str, Callable], usual: str) -> tuple[str, float]:
    """The fastest of several functions of nothing, and its seconds.

    Each runs twice before its time counts, because the first calls compile. The usual way stays unless another gains 3%
    and 30 microseconds: smaller differences are noise.
    """
    for run in ways.values():
        run()
        run()
    best, started = dict.fromkeys(ways, float("inf")), time.perf_counter()
    for number in range(_ROUNDS):
        for name, run in ways.items():
            began = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - began)
        if number and time.perf_counter() - started > _SECONDS:
            break
    winner = min(best, key=best.__getitem__)
    gains = best[usual] - best[winner] > max(_GAIN * best[usual], _LEAST_SECONDS)
    chosen = winner if gains else usual
    return chosen, best[chosen]


def time_convolution(
    shape: Shape, n: int, precision: str, *, only_library: bool = False
) -> tuple[tuple[str, ...], float]:
    """The fastest ways of a convolution of n images, and its seconds with its gradients.

    Args:
        shape, n, precision: of the convolution.
        only_library: measure TensorFlow's operations alone.

    Returns:
        The ways for `operations.convolution`, and the sum of their seconds.
    """
    x = _make_array((n, shape.height, shape.width, shape.channels), precision)
    kernel = _make_array((shape.side, shape.side, shape.channels, shape.filters), precision)
    dy = _make_array((n, *shape.output, shape.filters), precision)
    size = tf.shape(x)
    calls = {
        "forward": lambda do, columns: do(x, kernel, shape, columns),
        "images": lambda do, columns: do(dy, kernel, shape, size),
        "kernel": lambda do, columns: do(x, dy, shape, columns),
    }
    ways, total = [], 0.0
    for direction, usual in zip(DIRECTIONS, shape.usual_ways(), strict=True):
        tried = (LIBRARY,) if only_library else shape.ways(direction)
        shared = ways[0] == PRODUCT if direction == "kernel" else False
        found = operations.columns_of(x, shape) if shared else None
        runs = {
            way: _compile(functools.partial(calls[direction], WAYS[direction][way]), x, shape, found)
            for way in tried
        }
        way, seconds = find_fastest(runs, usual if usual in tried else LIBRARY)
        ways.append(way)
        total += seconds
    return tuple(ways), total


def _compile(do: Callable, x, shape: Shape, found) -> Callable:
    """A compiled function of nothing that does one direction of a convolution, given columns that were found before."""

    def run():
        columns = (
            (lambda: found) if found is not None else functools.cache(lambda: operations.columns_of(x, shape))
        )
        return do(columns)

    return tf.function(run, autograph=False, jit_compile=False)


def time_norm(size: tuple[int, ...], n: int, precision: str) -> str:
    """The faster way of a batch norm with its gradients: Keras's own or fused."""
    from residual.backend.tensorflow_cpu.convolution import Normalization

    x, dy = _make_array((n, *size), precision), _make_array((n, *size), precision)
    runs = {}
    for name, kind in ((KERAS, keras.layers.BatchNormalization), (FUSED, Normalization)):
        policy = precision if precision == "float32" else f"mixed_{precision}"
        layer = kind(dtype=policy)
        layer.build(x.shape)
        runs[name] = tf.function(
            functools.partial(_gradients, layer, x, dy), autograph=False, jit_compile=False
        )
    return find_fastest(runs, FUSED)[0]


def _gradients(layer, x, dy):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    return tape.gradient(y, [x, layer.gamma.value, layer.beta.value], output_gradients=dy)


def time_optimizer(optimizer: keras.optimizers.Optimizer, shape: tuple[int, ...]) -> str:
    """The faster update of a weight of this shape: Keras's own or fused."""
    from residual.backend.tensorflow_cpu.optimizers import FUSED_CLASSES

    gradient, runs = _make_array(shape, "float32"), {}
    config = {**optimizer.get_config(), "learning_rate": 1e-3}
    for name in (KERAS, FUSED):
        copy = type(optimizer).from_config(config)
        if name == FUSED:
            copy.__class__ = FUSED_CLASSES[type(copy)]
        weight = keras.Variable(tf.zeros(shape))
        copy.build([weight])
        runs[name] = tf.function(
            functools.partial(copy.apply, [gradient], [weight]), autograph=False, jit_compile=False
        )
    return find_fastest(runs, FUSED)[0]


def _make_array(shape: tuple[int, ...], precision: str):
    """An array to compute with; its values do not matter to the time."""
    return tf.fill(shape, tf.constant(0.5, precision))

"""Checks of the learner's own blocks and models; the notebooks know this module as `public_tests`.

A block is checked by its numbers: its kernels are set through its `initializer` argument, and the output
must be that of the same block in plain NumPy. Any notebook's signature will do; a block without a
`training` argument is called under the learning phase.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from residual.course import by_hand
from residual.course.initializers import tf2_glorot_uniform, tf2_set_seed
from residual.course.learning_phase import use_learning_phase
from residual.errors import NetworkError

# The course's own batch norm and Keras's: a right block has the one or the other throughout.
EPSILONS = (1e-6, 1e-3)
_SEED = 2


def identity_block_test(target: Callable) -> None:
    """Check an identity block with kernels of ones, in inference and in training; print that it passed.

    Args:
        target: called as target(X, f=..., filters=..., initializer=...), with n_f in place of filters,
            and with training, epsilon, stage and block where it has them.

    Raises:
        AssertionError: a shape or a number is wrong; the message says which.
        NetworkError: target has no `initializer`, without which its numbers are not determined.
    """
    x, epsilons = sample_images(), list(EPSILONS)
    for f, filters, training in ((2, [4, 4, 3], False), (3, [3, 3, 3], True)):
        got = _run(target, x, training, f=f, filters=filters, initializer=_ones)
        kernels = [np.ones(shape) for shape in _kernel_shapes(3, f, filters)]
        wanted = {epsilon: by_hand.block(x, kernels, epsilon, training) for epsilon in epsilons}
        epsilons = _matching(got, wanted, f"identity block, f={f}, filters={filters}, training={training}")
    _print_passed("identity_block", epsilons)


def convolutional_block_test(target: Callable) -> None:
    """Check a convolutional block with seeded Glorot kernels: stride 4, stride 2, and stride 2 in training.

    The kernels are those of TensorFlow 2.9 after `tf.random.set_seed(2)`, drawn in the order main path,
    shortcut, block after block; the input's shape and the second block's output for the first image are printed, as
    the course does. Afterwards the
    stream of the `tf2_` initializers stands behind these draws.

    Args:
        target: as in `identity_block_test`, with s as well.

    Raises:
        AssertionError, NetworkError: as in `identity_block_test`.
    """
    x, f, filters, epsilons = sample_images(), 2, [2, 4, 6], list(EPSILONS)
    cases, outputs = ((4, False), (2, False), (2, True)), []
    drawn = _seeded_kernels(len(cases), [*_kernel_shapes(3, f, filters), (1, 1, 3, filters[-1])])
    tf2_set_seed(_SEED)
    print(f"The original X shape is {x.shape}")
    for (s, training), kernels in zip(cases, drawn, strict=True):
        got = _run(target, x, training, f=f, filters=filters, s=s, initializer=tf2_glorot_uniform)
        wanted = {epsilon: by_hand.block(x, kernels, epsilon, training, s) for epsilon in epsilons}
        what = f"convolutional block, f={f}, filters={filters}, s={s}, training={training}"
        epsilons = _matching(got, wanted, what)
        outputs.append(got)
        if len(outputs) == 2:
            print(got[0])
    _print_passed("convolutional_block", epsilons)


def sample_images() -> np.ndarray:
    """The notebooks' three inputs, all -1, all 1 and all 3: float32 (3, 4, 4, 3)."""
    return np.concatenate([np.full((1, 4, 4, 3), value, np.float32) for value in (-1, 1, 3)])


def summary(model: keras.Model) -> list[list]:
    """One row per layer: class, output shape, number of parameters, and what sets the layer apart.

    That is padding, activation and kernel initializer of a convolution, window, strides and padding of a
    max pooling, the padding of a zero padding, the activation of a dense layer, the rate of a dropout.
    """
    return [
        [type(layer).__name__, tuple(layer.output.shape), layer.count_params(), *_details(layer)]
        for layer in model.layers
    ]


def comparator(learner: Sequence, instructor: Sequence) -> None:
    """Compare two summaries row by row and print that they agree.

    Raises:
        AssertionError: naming the first layer that differs, or that one has more layers.
    """
    for i, (got, wanted) in enumerate(zip(learner, instructor, strict=False), 1):
        if _plain(got) != _plain(wanted):
            raise AssertionError(f"Layer {i} differs: expected {list(wanted)}, got {list(got)}.")
    if len(learner) != len(instructor):
        raise AssertionError(f"Expected {len(instructor)} layers, got {len(learner)}.")
    print(f"All {len(learner)} layers agree.")


def _plain(row: Sequence) -> list:
    """A row as lists; Keras 2 has the shape of an input in a list of its own: [(None, 64, 64, 3)]."""
    values = [list(value) if isinstance(value, list | tuple) else value for value in row]
    return [list(value[0]) if _holds_one_shape(value) else value for value in values]


def _holds_one_shape(value) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], list | tuple)


_DETAILS: dict[type, Callable[[Any], list]] = {
    keras.layers.Conv2D: lambda layer: [
        layer.padding,
        layer.activation.__name__,
        layer.kernel_initializer.__class__.__name__,
    ],
    keras.layers.MaxPooling2D: lambda layer: [layer.pool_size, layer.strides, layer.padding],
    keras.layers.ZeroPadding2D: lambda layer: [layer.padding],
    keras.layers.Dense: lambda layer: [layer.activation.__name__],
    keras.layers.Dropout: lambda layer: [layer.rate],
}


def _details(layer) -> list:
    return _DETAILS.get(type(layer), lambda layer: [])(layer)


def _ones(seed=None):
    """A kernel of ones, whatever the seed."""
    return keras.initializers.Constant(1.0)


def _kernel_shapes(channels: int, f: int, filters: Sequence[int]) -> list[tuple[int, ...]]:
    """Kernel shapes of the main path, from `channels` input channels."""
    inputs = [channels, *filters]
    return [(side, side, inputs[i], filters[i]) for i, side in enumerate((1, f, 1))]


def _seeded_kernels(blocks: int, shapes) -> list[list[np.ndarray]]:
    """The kernels that `blocks` blocks in a row draw after the seed is set."""
    tf2_set_seed(_SEED)

    def draw(shape) -> np.ndarray:
        return _array(tf2_glorot_uniform(seed=0)(shape)).astype(np.float64)

    return [[draw(shape) for shape in shapes] for _ in range(blocks)]


def _run(target: Callable, x: np.ndarray, training: bool, **arguments) -> np.ndarray:
    """target's output on x, called by the names that its signature has."""
    names = inspect.signature(target).parameters
    if "initializer" not in names:
        raise NetworkError(
            "The block needs an argument `initializer`, called with seed=0 for each kernel: without it the "
            f"kernels, and so its numbers, are not determined. It has {', '.join(names)}."
        )
    if "filters" not in names:
        arguments["n_f"] = arguments.pop("filters")
    for name, value in {"stage": 2, "block": "a", "epsilon": EPSILONS[0]}.items():
        if name in names and (name == "epsilon" or names[name].default is inspect.Parameter.empty):
            arguments[name] = value
    if "training" in names:
        return _array(target(x, training=training, **arguments))
    with use_learning_phase(training):
        return _array(target(x, **arguments))


def _array(tensor) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def _matching(got: np.ndarray, wanted: dict[float, np.ndarray], what: str) -> list[float]:
    """The epsilons whose numbers `got` has; AssertionError where there is none."""
    shape = next(iter(wanted.values())).shape
    if got.shape != shape:
        raise AssertionError(f"{what}: the output must have shape {shape}, got {got.shape}.")
    matching = [eps for eps, numbers in wanted.items() if np.allclose(got, numbers, rtol=1e-5, atol=1e-5)]
    if not matching:
        away = {eps: np.abs(got - numbers).max() for eps, numbers in wanted.items()}
        nearest = min(away, key=lambda eps: away[eps])
        off = np.abs(got - wanted[nearest])
        image, row, column = np.unravel_index(off.argmax(), off.shape)[:3]
        raise AssertionError(
            f"{what}: the numbers are up to {away[nearest]:.3g} off. In image {image}, pixel ({row}, {column}) must be "
            f"{np.round(wanted[nearest][image, row, column], 5)}, got {np.round(got[image, row, column], 5)}. "
            "The block is conv-norm-relu, conv-norm-relu, conv-norm, plus the shortcut, relu; kernels are made by "
            "initializer(seed=0) in that order, the shortcut's last."
        )
    return matching


def _print_passed(block: str, epsilons: list[float]) -> None:
    print(f"{block}: all numbers are right, with a batch norm of epsilon {epsilons[0]:g}.")

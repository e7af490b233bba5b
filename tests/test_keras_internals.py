"""The private parts of Keras, and its undocumented habits, on which the package relies.

Each check fails with a sentence that says what Keras changed and which modules use it. A private attribute that is
used without a check fails here too.
"""

import ast
import contextlib
import importlib.util
import re
from pathlib import Path

import keras
import numpy as np
import pytest

import residual

SOURCE = Path(residual.__file__).parent
GRAPH = {"_keras_history", "_inbound_nodes"}
OPTIMIZERS = {
    "_apply_weight_decay",
    "_backend_update_step",
    "_get_variable_index",
    "_momentums",
    "_use_weight_decay",
    "_velocities",
}
LAYERS = {"_flatten_layers"}
LAZY = {"_available"}
CHECKED = GRAPH | OPTIMIZERS | LAYERS | LAZY
OF_PYTHON = {"_Unpickler", "_getframe", "_replace", "_exit"}  # of pickle, sys, named tuples and os


def modules_that_use(pattern: str) -> list[str]:
    """The modules of the package whose text matches a regular expression."""
    return [
        ".".join(("residual", *path.relative_to(SOURCE).with_suffix("").parts))
        for path in sorted(SOURCE.rglob("*.py"))
        if re.search(pattern, path.read_text("utf-8"))
    ]


@contextlib.contextmanager
def expect_of_keras(what: str, pattern: str):
    """Run a check of `what`, which the modules whose text matches `pattern` rely on."""
    users = modules_that_use(pattern)
    assert users, f"No module uses {what} any more: delete its check."
    try:
        yield
    except Exception as error:
        pytest.fail(
            f"Keras changed {what}: {type(error).__name__} {error}. Keras {keras.__version__} is installed; "
            f"{', '.join(users)} rely on it.",
            pytrace=False,
        )


def private_names(tree: ast.AST) -> tuple[set[str], set[str]]:
    """The private names that a module reads as attributes, and those that it defines itself."""
    used, defined = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match("_(?!_)", node.attr):
            (used if isinstance(node.ctx, ast.Load) else defined).add(node.attr)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            defined.add(node.id)
        elif isinstance(node, ast.alias):
            defined.add((node.asname or node.name).rpartition(".")[2])
    return used, defined


def test_every_private_attribute_of_keras_is_checked_here():
    names = [private_names(ast.parse(path.read_text("utf-8"))) for path in SOURCE.rglob("*.py")]
    foreign = set().union(*(used for used, _ in names)) - set().union(*(defined for _, defined in names))
    assert foreign - OF_PYTHON <= CHECKED


def small_model() -> keras.Model:
    x = keras.Input((4, 4, 3))
    y = keras.layers.Conv2D(3, 3, padding="same", name="conv")(x)
    y = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x + y))
    return keras.Model(x, y)


def test_a_tensor_knows_the_call_that_made_it():
    x = keras.Input((4,))
    layer = keras.layers.Dense(3)
    first, second = layer(x), layer(x)
    with expect_of_keras("`KerasTensor._keras_history`", "_keras_history"):
        operation, node_index, tensor_index = second._keras_history
        assert (operation, node_index, tensor_index) == (layer, 1, 0)
        assert second._keras_history.operation is layer
        assert second._keras_history.node_index == 1
    with expect_of_keras("`Operation._inbound_nodes`", "_inbound_nodes"):
        nodes = layer._inbound_nodes
        assert [node.outputs[0] for node in nodes] == [first, second]
        assert all(node.operation is layer and list(node.input_tensors) == [x] for node in nodes)
    with expect_of_keras("`Node.arguments`", r"\.arguments\b"):
        dropped = keras.layers.Dropout(0.5)(x, training=True)
        arguments = dropped._keras_history.operation._inbound_nodes[0].arguments
        assert arguments.args == (x,)
        assert arguments.kwargs["training"] is True
    with expect_of_keras("the node of an operator such as x + y", "_keras_history"):
        operator = (first + second)._keras_history.operation
        assert list(operator._inbound_nodes[0].input_tensors) == [first, second]
    with expect_of_keras("the node of an Input, which has no inputs", "_inbound_nodes"):
        assert list(x._keras_history.operation._inbound_nodes[0].input_tensors) == []


def test_every_symbolic_call_passes_two_methods(monkeypatch):
    """A learner's calls are recorded in `Layer.__call__` and `Operation.symbolic_call`."""
    seen = []

    def record(owner, name):
        original = getattr(owner, name)
        monkeypatch.setattr(
            owner, name, lambda self, *a, **k: (seen.append(name), original(self, *a, **k))[1]
        )

    with expect_of_keras("`Layer.__call__` and `Operation.symbolic_call`", "symbolic_call"):
        record(keras.layers.Layer, "__call__")
        record(keras.Operation, "symbolic_call")
        x = keras.Input((4,))
        keras.layers.Dense(3)(x)
        assert "__call__" in seen
        seen.clear()
        keras.ops.relu(x + x)
        assert seen == ["symbolic_call"] * 2


class Doubled(keras.layers.Conv2D):
    def call(self, inputs):
        return 2 * super().call(inputs)


def test_a_built_layer_takes_another_class_and_precision_and_gives_them_back():
    model = small_model()
    layer, x = model.get_layer("conv"), np.ones((1, 4, 4, 3), "float32")
    single = keras.ops.convert_to_numpy(layer(x))
    with expect_of_keras("the assignment of a layer's `__class__`", r"\.__class__ ="):
        layer.__class__ = Doubled
        np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(x)), 2 * single, rtol=1e-5)
        layer.__class__ = keras.layers.Conv2D
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(x)), single)
    with expect_of_keras("the assignment of a layer's `dtype_policy`", r"\.dtype_policy ="):
        layer.dtype_policy = keras.DTypePolicy("mixed_bfloat16")
        assert keras.backend.standardize_dtype(layer(x).dtype) == "bfloat16"
        assert keras.backend.standardize_dtype(layer.kernel.dtype) == "float32"
        layer.dtype_policy = keras.DTypePolicy("float32")
        assert keras.backend.standardize_dtype(layer(x).dtype) == "float32"


def test_a_compiled_function_is_forgotten_when_it_is_set_to_none():
    model = small_model()
    model.compile("sgd", "mse")
    x, y = np.ones((2, 4, 4, 3), "float32"), np.ones((2, 2), "float32")
    names = ("train_function", "test_function", "predict_function")
    with expect_of_keras(
        "`Model.train_function`, `test_function` and `predict_function`", "train_function = "
    ):
        model.fit(x, y, verbose=0)
        model.evaluate(x, y, verbose=0)
        model.predict(x, verbose=0)
        before = [getattr(model, name) for name in names]
        assert None not in before
        for name in names:
            setattr(model, name, None)
        model.fit(x, y, verbose=0)
        model.evaluate(x, y, verbose=0)
        model.predict(x, verbose=0)
        assert all(getattr(model, name) is not old for name, old in zip(names, before, strict=True))


@pytest.mark.parametrize(
    ("optimizer", "slots"),
    [
        (keras.optimizers.SGD(momentum=0.9, weight_decay=0.1), ("momentums",)),
        (keras.optimizers.Adam(weight_decay=0.1), ("_momentums", "_velocities")),
        (keras.optimizers.AdamW(weight_decay=0.1), ("_momentums", "_velocities")),
    ],
    ids=["sgd", "adam", "adamw"],
)
def test_an_optimizer_finds_the_slots_of_a_variable(optimizer, slots):
    variables = [keras.Variable(np.ones(size, "float32")) for size in (2, 3)]
    name = type(optimizer).__name__
    with expect_of_keras(f"`{name}._get_variable_index` or its slots", "_get_variable_index"):
        optimizer.build(variables)
        assert [optimizer._get_variable_index(variable) for variable in variables] == [0, 1]
        for slot in slots:
            assert [tuple(held.shape) for held in getattr(optimizer, slot)] == [(2,), (3,)]
    with expect_of_keras(f"`{name}._use_weight_decay`", "_use_weight_decay"):
        optimizer.exclude_from_weight_decay([variables[0]])
        assert [optimizer._use_weight_decay(variable) for variable in variables] == [False, True]


def test_an_optimizer_updates_by_three_methods():
    """The fused optimizers replace `update_step`, `_apply_weight_decay` and `_backend_update_step`."""
    seen = []

    class Recorded(keras.optimizers.SGD):
        def update_step(self, gradient, variable, learning_rate):
            seen.append("update_step")
            return super().update_step(gradient, variable, learning_rate)

        def _apply_weight_decay(self, variables):
            seen.append("_apply_weight_decay")
            return super()._apply_weight_decay(variables)

        def _backend_update_step(self, grads, trainable_variables, learning_rate):
            seen.append("_backend_update_step")
            return super()._backend_update_step(grads, trainable_variables, learning_rate)

    optimizer, variable = keras.optimizers.SGD(1.0, weight_decay=0.5), keras.Variable(np.ones(2, "float32"))
    with expect_of_keras(
        "`update_step`, `_apply_weight_decay` or `_backend_update_step` of optimizers", "_backend_update_step"
    ):
        optimizer.__class__ = Recorded
        optimizer.build([variable])
        optimizer.apply([keras.ops.ones(2)], [variable])
        assert sorted(seen) == ["_apply_weight_decay", "_backend_update_step", "update_step"]
        np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), -0.5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="reads TensorFlow's variables")
def test_a_variable_holds_one_of_tensorflow():
    import tensorflow as tf

    with expect_of_keras("`Variable.value` on TensorFlow", r"\.value\b"):
        assert isinstance(keras.Variable(np.ones(2, "float32")).value, tf.Variable)


def test_keras_remembers_whether_tensorflow_is_there():
    with expect_of_keras("`keras.src.utils.module_utils.tensorflow._available`", r"\b_available\b"):
        from keras.src.utils.module_utils import LazyModule, tensorflow

        assert hasattr(tensorflow, "_available")
        missing = LazyModule("no_module_of_this_name")
        assert (missing._available, missing.available, missing._available) == (None, False, False)


def test_jax_backends_can_bring_a_model_up_to_date():
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    with expect_of_keras("`Model.jax_state_sync` on JAX", "jax_state_sync"):
        from keras.src.backend.jax.trainer import JAXTrainer

        assert callable(JAXTrainer.jax_state_sync)


class Noted(keras.utils.PyDataset):
    """Two batches, and a note of each end of an epoch."""

    def __init__(self, notes: list):
        super().__init__()
        self.notes = notes

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return np.ones((2, 4, 4, 3), "float32"), np.ones((2, 2), "float32")

    def on_epoch_end(self):
        self.notes.append("end of data")


class Counted(keras.callbacks.Callback):
    """Notes epochs, and sets every metric variable when the first begins."""

    def __init__(self, notes: list):
        super().__init__()
        self.notes = notes

    def on_epoch_begin(self, epoch, logs=None):
        self.notes.append(f"epoch {epoch}")
        if epoch == 0:
            for variable in self.model.metrics_variables:
                variable.assign(np.full(variable.shape, 7))

    def on_train_batch_end(self, batch, logs=None):
        if batch == 0:
            self.notes.append(max(float(np.max(v.numpy())) for v in self.model.metrics_variables) > 7)


def test_an_epoch_begins_and_ends_in_the_order_that_a_resumed_training_needs():
    notes: list = []
    model = small_model()
    model.compile("sgd", "mse", metrics=["mae"], run_eagerly=keras.backend.backend() == "jax")
    model.fit(Noted(notes), epochs=2, verbose=0, shuffle=False, callbacks=[Counted(notes)])
    with expect_of_keras("when `fit` calls `PyDataset.on_epoch_end`", "def on_epoch_end"):
        ends = [note for note in notes if isinstance(note, str)]
        assert ends[:4] == ["end of data", "epoch 0", "end of data", "epoch 1"]
    with expect_of_keras("that `fit` resets the metrics before `on_epoch_begin`", "metrics_variables"):
        assert [note for note in notes if isinstance(note, bool)] == [True, False]


def test_a_layer_lists_the_layers_inside_it():
    class Outer(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = keras.layers.Dense(2)

    outer = Outer()
    with expect_of_keras("the private list of a layer's own layers", r"\b_flatten_layers\b"):
        assert list(outer._flatten_layers(include_self=False)) == [outer.inner]


def test_an_initializer_is_saved_by_its_dunder_class():
    class Own(keras.initializers.Initializer):
        @property
        def __class__(self):
            return keras.initializers.GlorotUniform

        def get_config(self):
            return {"seed": 3}

    with expect_of_keras("how an initializer's class is written to a file", r"def __class__"):
        saved = keras.saving.serialize_keras_object(Own())
        assert (saved["class_name"], saved["module"]) == ("GlorotUniform", "keras.initializers")

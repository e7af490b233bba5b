"""Several devices that train one network together: `keras.distribution` on JAX.

Every device holds all variables, and its share of each batch. A batch whose size is no multiple of the devices is
filled up before it is cut into shares, and cut back to its own size in the compiled step. The compiler then masks what
was filled in, so that loss, gradients, metrics and batch statistics are those of the batch as it is on one device.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_AXIS = "batch"
_CURRENT: ContextVar["Group | None"] = ContextVar("the devices that train together", default=None)


def current() -> "Group | None":
    """The devices that train together here; None if one device does what there is to do."""
    return _CURRENT.get()


@contextlib.contextmanager
def use_one_device() -> Iterator[None]:
    """Let everything inside be done by one device, as if no others took part."""
    before = _CURRENT.set(None)
    try:
        yield
    finally:
        _CURRENT.reset(before)


class Group:
    """Devices that train together, of this process and perhaps of others.

    Args:
        devices: JAX's devices, those of each process together and the processes in their order.

    Attributes:
        count: how many devices there are in all processes.
        local: how many belong to this process.
        processes: how many there are.
        process: the number of this one, from 0.
    """

    def __init__(self, devices: Sequence[Any]) -> None:
        import jax
        import keras
        import numpy as np
        from jax.sharding import Mesh, NamedSharding, PartitionSpec

        self.process: int = jax.process_index()
        self.processes = len({device.process_index for device in devices})
        self.count = len(devices)
        self.local = sum(device.process_index == self.process for device in devices)
        names = [f"{device.platform}:{device.id}" for device in devices]
        self._variables = keras.distribution.DataParallel(devices=names)
        mesh = Mesh(np.array(devices), (_AXIS,))
        self._split, self._whole = (
            NamedSharding(mesh, PartitionSpec(_AXIS)),
            NamedSharding(mesh, PartitionSpec()),
        )

    @contextlib.contextmanager
    def use(self) -> Iterator["Group"]:
        """Let everything inside train on these devices."""
        before = _CURRENT.set(self)
        try:
            yield self
        finally:
            _CURRENT.reset(before)

    def variables(self) -> contextlib.AbstractContextManager:
        """A context in which each variable that Keras makes lies on all devices."""
        return self._variables.scope()

    def rows(self, count: int) -> slice:
        """The images of a batch that this process reads.

        Args:
            count: images of the batch.
        """
        share = self._share(count)
        first = self.process * share
        return slice(min(first, count), min(first + share, count))

    def _share(self, count: int) -> int:
        """Images of a batch that each process holds, with those that fill it up."""
        return -(-count // self.count) * self.local

    def place(self, x: "np.ndarray", y: "np.ndarray") -> tuple[Any, Any]:
        """A batch on the devices: images cut into equal shares, labels whole on each.

        Args:
            x: this process's images (m, h, w, c), those of `rows(len(y))`.
            y: labels (n, classes) of the whole batch, the same in every process.

        Returns:
            Two arrays of JAX: (n or more, h, w, c), filled up with zeros, and (n, classes).
        """
        import jax
        import numpy as np

        share = self._share(len(y))
        if len(x) < share:
            x = np.concatenate([x, np.zeros((share - len(x), *x.shape[1:]), x.dtype)])
        whole = (share * self.processes, *x.shape[1:])
        return (
            jax.make_array_from_process_local_data(self._split, x, whole),
            jax.make_array_from_process_local_data(self._whole, y, y.shape),
        )

    def _cut(self, data: tuple) -> tuple:
        """The batch as it is: without the images that fill it up, still in shares. Called in a compiled step."""
        import jax

        x, y, *rest = data
        return (jax.lax.with_sharding_constraint(x[: len(y)], self._split), y, *rest)

    def prepare(self, model: Any) -> None:
        """Let `fit`, `evaluate` and `predict` of a compiled model take batches that `place` made.

        They keep Keras's own steps. It is called again if the model has been compiled again.

        Args:
            model: compiled; its variables lie on the devices.
        """
        import keras

        with self.variables():  # Keras makes the variables of metrics when they see their first values
            if not model.optimizer.built:
                model.optimizer.build(model.trainable_variables)
            y = keras.ops.ones((1, *model.output_shape[1:]))
            model.compute_metrics(None, y, y, None)
            model.compute_loss(None, y, y, None)
            model.reset_metrics()
        model.train_function = self._compile(model.train_step)
        model.test_function = self._compile(model.test_step)
        self.prepare_predict(model)

    def prepare_predict(self, model: Any) -> None:
        """Let `predict` of a model take batches that `place` made; what it returns is whole in every process."""

        def step(state, data):
            outputs, rest = model.predict_step(state, data)
            return outputs, (state[0], rest)

        model.predict_function = self._compile(step)

    def _compile(self, step: Callable) -> Callable:
        """What `fit` calls for each step, made of a step of Keras's: takes the state and an iterator of batches."""
        import jax

        def run(state, data):
            return step(state, self._cut(data))

        compiled = jax.jit(run, donate_argnums=0, out_shardings=self._whole)
        return lambda state, iterator: compiled(state, next(iterator))

    def training_forward(self, model: Any) -> "Callable[[np.ndarray], None]":
        """A function of a whole batch that runs `model` in training mode, updating its batch-norm statistics."""
        import jax
        import numpy as np

        def run(trained, others, data):
            return model.stateless_call(trained, others, self._cut(data)[0], training=True)[1]

        compiled = jax.jit(run, out_shardings=self._whole)

        def forward(batch: "np.ndarray") -> None:
            data = self.place(batch[self.rows(len(batch))], np.zeros((len(batch), 1), np.float32))
            states = (
                [v.value for v in model.trainable_variables],
                [v.value for v in model.non_trainable_variables],
            )
            for variable, value in zip(model.non_trainable_variables, compiled(*states, data), strict=True):
                variable.assign(value)

        return forward

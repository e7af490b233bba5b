"""`K`: the names of `keras.backend` that old notebooks use, on Keras 3."""

import keras

from residual.course.learning_phase import learning_phase, set_learning_phase
from residual.course.missing import NoStandIn


def _int_shape(x) -> tuple:
    return tuple(x.shape)


def _get_value(x):
    return keras.ops.convert_to_numpy(x)


class Backend:
    """The old `keras.backend`: settings by their old names, and arithmetic from `keras.ops`.

    `learning_phase` and `set_learning_phase` are those of `residual.course.learning_phase`.
    """

    _OWN = {
        "learning_phase": learning_phase,
        "set_learning_phase": set_learning_phase,
        "set_image_data_format": keras.config.set_image_data_format,
        "image_data_format": keras.config.image_data_format,
        "image_dim_ordering": lambda: "tf",
        "set_image_dim_ordering": lambda order: None,
        "clear_session": keras.utils.clear_session,
        "floatx": keras.config.floatx,
        "set_floatx": keras.config.set_floatx,
        "epsilon": keras.config.epsilon,
        "backend": keras.backend.backend,
        "int_shape": _int_shape,
        "get_value": _get_value,
        "eval": _get_value,
    }

    def __getattr__(self, name: str):
        if name in self._OWN:
            return self._OWN[name]
        for place in (keras.ops, keras.backend):
            if not name.startswith("__") and hasattr(place, name):
                return getattr(place, name)
        raise NoStandIn(f"K.{name}", "is gone from Keras 3. Use keras.ops or keras.config in its place.")


K = Backend()

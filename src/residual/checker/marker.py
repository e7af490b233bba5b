"""What the checker passes to a block: an initializer that it recognizes in the layers, and layers for a shortcut."""

import keras


class Marker(keras.initializers.Initializer):
    """An initializer that can be recognized in a layer, whichever way a block uses its argument.

    It is a function (`initializer(seed=0)` returns one that knows its seed) and an initializer at once,
    so that blocks written for either take it. `marker_seed` is the seed that it was asked for.
    """

    def __init__(self, seed="uncalled"):
        self.marker_seed = seed

    def __call__(self, shape=None, dtype=None, *, seed=None, **kwargs):
        if shape is None or isinstance(shape, int):
            return Marker(seed if shape is None else shape)
        # Distinct values, so that no two channels hide a fault from each other.
        return keras.random.uniform(shape, -0.5, 0.5, dtype=dtype or "float32", seed=11)

    def get_config(self):
        return {"seed": self.marker_seed}


class Projection:
    """The layers of a shortcut, for blocks that take them as an argument (`downsample=None`)."""

    def __init__(self, filters: int, stride: int):
        self._layers = keras.layers.Conv2D(filters, 1, strides=stride), keras.layers.BatchNormalization()

    def __call__(self, x, training=None):
        conv, norm = self._layers
        return norm(conv(x), training=training)

"""Keras 2's learning phase on Keras 3: which mode a batch norm has if nobody says `training`.

Keras 3 has no such switch. While one is set here, `BatchNormalization` and `Dropout` that are called on arrays,
without `training` and outside of a model, take it for their default. `fit`, `evaluate` and `predict` say `training`
themselves, so they are not affected.
"""

import contextlib
import functools

import keras

_LAYERS = (keras.layers.BatchNormalization, keras.layers.Dropout)
_ORIGINAL = {layer: layer.call for layer in _LAYERS}


class LearningPhase:
    """What `K.learning_phase()` returns: a key of a session's feed dictionary, and 0 or 1 by itself."""

    def __init__(self):
        self.value: bool | None = None

    def __bool__(self) -> bool:
        return bool(self.value)

    def __int__(self) -> int:
        return int(bool(self.value))

    def __repr__(self) -> str:
        return f"<learning phase {int(self)}>"


PHASE = LearningPhase()


def learning_phase() -> LearningPhase:
    """The learning phase of this process."""
    return PHASE


def set_learning_phase(value) -> None:
    """Set the mode of layers that are called on arrays without `training`.

    Args:
        value: True or 1 for training, False or 0 for inference, which is Keras 3's own default.
    """
    PHASE.value = bool(int(value))
    for layer, original in _ORIGINAL.items():
        setattr(layer, "call", _follow_phase(original) if PHASE.value else original)  # noqa: B010


@contextlib.contextmanager
def use_learning_phase(value):
    """Set the learning phase for some lines."""
    before = bool(PHASE)
    set_learning_phase(value)
    try:
        yield
    finally:
        set_learning_phase(before)


def _follow_phase(original):
    @functools.wraps(original)
    def call(self, inputs, training=None, **options):
        is_array = not isinstance(inputs, keras.KerasTensor)
        return original(
            self, inputs, training=PHASE.value if training is None and is_array else training, **options
        )

    return call

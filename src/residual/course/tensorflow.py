"""The notebooks' name `tf`: TensorFlow where Keras runs on it, else a word on what to use instead."""

import keras


class NoTensorFlow:
    """Stands for TensorFlow on another backend: every use of it explains itself."""

    def __getattr__(self, name: str):
        raise AttributeError(
            f"tf.{name}: tf is TensorFlow, and Keras runs on {keras.backend.backend()} here. Set "
            "KERAS_BACKEND=tensorflow before Keras is first imported, or use what runs on every backend: "
            "keras.utils.set_random_seed, keras.optimizers, keras.ops."
        )


def tensorflow_or_explanation():
    """The module tensorflow if it is Keras's backend, else a `NoTensorFlow`."""
    if keras.backend.backend() != "tensorflow":
        return NoTensorFlow()
    import tensorflow

    return tensorflow

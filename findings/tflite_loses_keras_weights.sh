#!/usr/bin/env bash
# TensorFlow 2.21.0 with Keras 3.15.1: converting a concrete function to LiteRT loses the weights of the model silently.
#
# Behaviour: `TFLiteConverter.from_concrete_functions` leaves the weights of a Keras 3 model out of the file, although it
# is given the model as `trackable_obj`. No warning says so; the converted network answers with whatever stands in
# memory: NaN or probabilities that change from run to run. `from_keras_model` stores them. Freezing the function first,
# with `convert_variables_to_constants_v2`, helps too.
#
# Why it matters: a concrete function is how one gives the file a uint8 input. Give the Keras model a uint8 input instead
# and use `from_keras_model`; and compare the answers of every converted file.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   from_concrete_functions: equal to Keras: False
#   from_keras_model: equal to Keras: True
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q tensorflow-cpu==2.21.0 keras==3.15.1 ai-edge-litert==2.3.0
cd "$room"
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python - 2>/dev/null <<'PY'
import contextlib
import io
import sys

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

layers = keras.layers
model = keras.Sequential(
    [
        keras.Input((16, 16, 3)),
        layers.Rescaling(1 / 255),
        layers.Conv2D(8, 3),
        layers.BatchNormalization(),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, activation="softmax"),
    ]
)
images = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3)).astype(np.uint8)
expected = model.predict(images, verbose=0)


@tf.function(input_signature=[tf.TensorSpec((None, 16, 16, 3), tf.uint8)])
def serve(image):
    return model(tf.cast(image, tf.float32), training=False)


def answer(content):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


convert = tf.lite.TFLiteConverter
pixels = keras.Input((16, 16, 3), dtype="uint8")
whole = keras.Model(pixels, model(keras.ops.cast(pixels, "float32")))
with contextlib.redirect_stdout(io.StringIO()):
    files = {
        "from_concrete_functions": convert.from_concrete_functions([serve.get_concrete_function()], model).convert(),
        "from_keras_model": convert.from_keras_model(whole).convert(),
    }
equal = {name: bool(np.allclose(answer(content), expected, atol=1e-5)) for name, content in files.items()}
for name, value in equal.items():
    print(f"{name}: equal to Keras: {value}")
sys.exit(equal != {"from_concrete_functions": False, "from_keras_model": True})
PY

#!/usr/bin/env bash
# Keras 3.15.1: a Sequential model that starts with an Input has `inputs`, and raises AttributeError for `input`.
#
# Behaviour: `keras.Sequential([keras.Input((4,)), ...])` is built at once. It has `inputs`, `outputs`, `input_shape`
# and `output_shape`. `input` and `output`, which every layer and every functional model has, raise AttributeError. Keras
# 2 has all six.
#
# Why it matters: `keras.Model(model.input, model.layers[-2].output)`, the usual way to the features of a network, fails
# for a Sequential model alone. `model.inputs[0]` works for both.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   Sequential: inputs, outputs, input_shape, output_shape
#   functional: input, output, inputs, outputs, input_shape, output_shape
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras==3.15.1 jax==0.10.2
cat > "$room/names.py" <<'PY'
import keras

NAMES = ("input", "output", "inputs", "outputs", "input_shape", "output_shape")


def list_names(model):
    found = []
    for name in NAMES:
        try:
            getattr(model, name)
        except AttributeError:
            continue
        found.append(name)
    return ", ".join(found)


source = keras.Input((4,))
print("Sequential:", list_names(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])))
print("functional:", list_names(keras.Model(source, keras.layers.Dense(2)(source))))
PY
seen=$(KERAS_BACKEND=jax "$room/venv/bin/python" "$room/names.py" 2>/dev/null)
echo "$seen"
[ "$seen" = "Sequential: inputs, outputs, input_shape, output_shape
functional: input, output, inputs, outputs, input_shape, output_shape" ]

#!/usr/bin/env bash
# Keras 3.15.1: `get_weights` and `save_weights` differ in what they hold: the random state of dropout is only in the file.
#
# Behaviour: a Dropout layer draws its masks from a SeedGenerator, whose state changes in every training step.
# `model.get_weights()` leaves that state out, and `model.variables` and `save_weights` hold it. So a training that
# is continued from `get_weights` and the optimizer's variables draws the masks of the first steps again.
#
# Why it matters: to continue a training bit for bit, save `model.variables`, or the seed states beside the weights.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64, JAX 0.10.2):
#   keras 3.15.1
#   arrays: 2 in get_weights, 3 in variables
#   continued from get_weights: other losses
#   continued from variables: the same losses
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras==3.15.1 jax==0.10.2
cat > "$room/resume.py" <<'PY'
import os

os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np

rng = np.random.default_rng(0)
x, y = rng.normal(size=(64, 8)).astype("float32"), rng.normal(size=(64, 1)).astype("float32")


def make():
    drop = keras.layers.Dropout(0.5, seed=1)
    model = keras.Sequential([keras.Input((8,)), drop, keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")  # plain SGD: its only state is the number of steps
    return model


def train(model):
    return model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0).history["loss"]


print(f"keras {keras.__version__}")
first = make()
train(first)
arrays, variables = first.get_weights(), [np.array(one) for one in first.variables]
further = train(first)

by_weights = make()
by_weights.set_weights(arrays)
by_variables = make()
for one, value in zip(by_variables.variables, variables, strict=True):
    one.assign(value)
same = [train(model) == further for model in (by_weights, by_variables)]
words = ["the same losses" if one else "other losses" for one in same]
print(f"arrays: {len(arrays)} in get_weights, {len(first.variables)} in variables")
print(f"continued from get_weights: {words[0]}")
print(f"continued from variables: {words[1]}")
raise SystemExit(0 if same == [False, True] and len(arrays) == 2 else 1)
PY
"$room/venv/bin/python" "$room/resume.py" 2>"$room/err" || { cat "$room/err"; exit 1; }

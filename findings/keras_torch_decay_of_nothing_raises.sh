#!/usr/bin/env bash
# Keras 3.15.1 on torch: an optimizer with weight decay raises if it finds no weight to decay; on TensorFlow it trains.
#
# Behaviour: `exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])` leaves biases and norms alone, the usual
# choice. If the other weights are frozen, so that only biases and norms are trained, the first step on torch ends in a
# RuntimeError about an empty list of tensors. On TensorFlow the same program takes the step.
#
# Why it matters: a program that trains only the norms of a network, or its weights in groups with rates of their own, has
# to turn the decay off itself, on this backend alone.
#
# Output seen (2026-11-29, Python 3.11, Linux x86-64):
#   keras 3.15.1 on tensorflow: gamma and beta changed
#   keras 3.15.1 on torch: RuntimeError: Tensor list must have at least one tensor.
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0 torch==2.13.0
cat > "$room/step.py" <<'PY'
import sys

import keras
import numpy as np

network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, trainable=False), keras.layers.BatchNormalization()])
optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.01)
optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
network.compile(optimizer, "mse")
x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
before = [keras.ops.convert_to_numpy(w).copy() for w in network.trainable_variables]
name = f"keras {keras.__version__} on {keras.backend.backend()}"
try:
    network.train_on_batch(x, np.ones((8, 3), "float32"))
except RuntimeError as error:
    print(f"{name}: RuntimeError: {str(error).splitlines()[0]}")
    sys.exit(3)
after = [keras.ops.convert_to_numpy(w) for w in network.trainable_variables]
assert all((one != other).any() for one, other in zip(before, after, strict=True))
print(f"{name}: {' and '.join(w.name for w in network.trainable_variables)} changed")
PY
export TF_CPP_MIN_LOG_LEVEL=3
KERAS_BACKEND=tensorflow "$room/venv/bin/python" "$room/step.py" 2> /dev/null
code=0
KERAS_BACKEND=torch "$room/venv/bin/python" "$room/step.py" 2> /dev/null || code=$?
test "$code" = 3

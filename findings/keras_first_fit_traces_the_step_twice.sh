#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: the first `fit` builds the whole training step twice.
#
# Behaviour: `compile` does not create the optimizer's variables. The first call of the step does, inside its first
# tracing, so TensorFlow traces the step a second time, without creating variables. Every layer's `call` runs twice, and
# each slot variable gets a conditional initializer in the graph. If `optimizer.build(model.trainable_variables)` is
# called after `compile`, the step is traced once.
#
# Why it matters: tracing is most of the wait before the first step of a deep network on a CPU.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   keras 3.15.1, tensorflow 2.21.0
#   optimizer built by fit: the layer was called 2 times
#   optimizer built before: the layer was called 1 time
# Exits with 1 if the counts change.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0
cat > "$room/count.py" <<'PY'
import os

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", KERAS_BACKEND="tensorflow")
import keras
import numpy as np
import tensorflow as tf


def count_calls(build_first):
    """How often a layer runs in Python while `fit` takes two equal steps."""
    calls = []

    class Counter(keras.layers.Layer):
        def call(self, x):
            calls.append(1)
            return x

    model = keras.Sequential([keras.Input((8,)), Counter(), keras.layers.Dense(4)])
    model.compile(keras.optimizers.Adam(), "mse")
    if build_first:
        model.optimizer.build(model.trainable_variables)
    calls.clear()
    model.fit(np.ones((8, 8), "float32"), np.ones((8, 4), "float32"), batch_size=4, verbose=0)
    return len(calls)


print(f"keras {keras.__version__}, tensorflow {tf.__version__}")
late, early = count_calls(False), count_calls(True)
print(f"optimizer built by fit: the layer was called {late} times")
print(f"optimizer built before: the layer was called {early} time")
raise SystemExit(0 if (late, early) == (2, 1) else 1)
PY
"$room/venv/bin/python" "$room/count.py" 2>/dev/null

#!/usr/bin/env bash
# Keras 3.15.1 on JAX 0.10.2: `keras.utils.set_random_seed` imports TensorFlow if it is installed.
#
# Behaviour: on the JAX backend `import keras`, building a model and `fit` leave TensorFlow alone.
# `keras.utils.set_random_seed` also seeds TensorFlow, "since many workflows use tf.data", and finds out whether
# TensorFlow is there by importing it: seconds of waiting and hundreds of megabytes that the program never uses.
# `keras.config` has no switch for it.
#
# Why it matters: the call is in every reproducible script. To seed Keras on JAX without the import, seed
# Python's `random` and NumPy and give layers and initializers their own seeds.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64; two cores of an AMD EPYC):
#   keras 3.15.1, jax 0.10.2, tensorflow 2.21.0 installed
#   after fit: TensorFlow imported: False
#   after set_random_seed: TensorFlow imported: True
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras==3.15.1 jax==0.10.2 tensorflow-cpu==2.21.0
cat > "$room/seed.py" <<'PY'
import importlib.metadata
import os
import resource
import sys
import time

os.environ.update(KERAS_BACKEND="jax", TF_CPP_MIN_LOG_LEVEL="3")
import jax
import keras
import numpy as np

print(f"keras {keras.__version__}, jax {jax.__version__}, tensorflow {importlib.metadata.version('tensorflow_cpu')} installed")
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(np.ones((4, 3), "float32"), np.ones((4, 1), "float32"), verbose=0)
before = "tensorflow" in sys.modules
print(f"after fit: TensorFlow imported: {before}")
start, memory = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
keras.utils.set_random_seed(0)
after = "tensorflow" in sys.modules
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
print(f"after set_random_seed: TensorFlow imported: {after}")
print(f"({time.perf_counter() - start:.1f} s and {grown:.0f} MiB)", file=sys.stderr)
raise SystemExit(0 if (before, after) == (False, True) else 1)
PY
"$room/venv/bin/python" "$room/seed.py" 2>"$room/err" || { cat "$room/err"; exit 1; }

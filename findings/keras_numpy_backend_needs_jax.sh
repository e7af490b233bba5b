#!/usr/bin/env bash
# Keras 3.15.1: the numpy backend starts only if JAX and SciPy are installed, and Keras requires neither.
#
# Behaviour: `KERAS_BACKEND=numpy` looks like the backend without a framework, for inference in a small container. On
# `import keras` it imports SciPy (in its linear algebra) and parts of the JAX backend. The metadata of Keras names
# numpy and neither of the two, so `pip install keras` ends in ModuleNotFoundError, first for scipy and then for jax.
# With both installed it works, and JAX is loaded.
#
# Why it matters: whoever chooses this backend to save the weight of a framework does not save it.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   keras 3.15.1 alone: No module named 'scipy'
#   with scipy 1.17.1: No module named 'jax'
#   with jax 0.10.2 too: keras.backend.backend() is numpy, jax imported: True
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
cat > "$room/start.py" <<'PY'
import os
import sys

os.environ["KERAS_BACKEND"] = "numpy"
try:
    import keras
except ModuleNotFoundError as error:
    print(error)
else:
    print(f"keras.backend.backend() is {keras.backend.backend()}, jax imported: {'jax' in sys.modules}")
PY
start() { "$room/venv/bin/python" "$room/start.py" 2>/dev/null; }
"$room/venv/bin/pip" install -q keras==3.15.1
alone=$(start)
echo "keras 3.15.1 alone: $alone"
"$room/venv/bin/pip" install -q scipy==1.17.1
scipy=$(start)
echo "with scipy 1.17.1: $scipy"
"$room/venv/bin/pip" install -q jax==0.10.2
jax=$(start)
echo "with jax 0.10.2 too: $jax"
[ "$alone" = "No module named 'scipy'" ]
[ "$scipy" = "No module named 'jax'" ]
[ "$jax" = "keras.backend.backend() is numpy, jax imported: True" ]

#!/usr/bin/env bash
# keras 3.15.1: a SavedModel that `model.export` writes holds every weight twice.
#
# Behaviour: `model.export("folder")` tracks the variables of the model in two lists. The checkpoint of TensorFlow saves a
# value for each place where a variable is found under another object, so the file of the variables is twice as large as
# the weights. Predictions are the same.
#
# Why it matters: what is sent to a server or a phone is twice as large as it needs to be, and nothing says so.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   keras 3.15.1: weights 2,262,000 bytes, variables on disk 4,525,580 bytes
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0
cat > "$room/export.py" <<'PY'
import pathlib
import sys

import keras

image = keras.Input((64,))
x = keras.layers.Dense(1000)(image)
model = keras.Model(image, keras.layers.Dense(500)(x))
model.export(sys.argv[1], verbose=False)
stored = sum(file.stat().st_size for file in pathlib.Path(sys.argv[1], "variables").iterdir())
weights = 4 * model.count_params()
print(f"keras {keras.__version__}: weights {weights:,} bytes, variables on disk {stored:,} bytes")
sys.exit(0 if 1.9 < stored / weights < 2.1 else 1)
PY
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$room/venv/bin/python" "$room/export.py" "$room/saved" 2>/dev/null

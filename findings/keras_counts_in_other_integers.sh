#!/usr/bin/env bash
# Keras 3.15.1: the same .keras file gives integers of another width on TensorFlow than on JAX.
#
# Behaviour: the variable `count` of an adapted Normalization layer is made with dtype "int", which Keras takes for int64
# on TensorFlow and for int32 on JAX. A file that one backend wrote is read by the other without a word; the values are
# equal, and the arrays of `get_weights()` are not equal byte for byte.
#
# Why it matters: a checksum over `get_weights()` says that a network was changed when it was only opened on another
# backend. Whole numbers have to be converted to one type before they are hashed.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   keras 3.15.1 on tensorflow: float32 float32 int64
#   keras 3.15.1 on jax: float32 float32 int32
#   values equal: True, checksums equal: False
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0 jax==0.10.2
cat > "$room/read.py" <<'PY'
import hashlib
import json
import sys
from pathlib import Path

import keras
import numpy as np

file = Path(sys.argv[1]) / "model.keras"
if not file.exists():
    layer = keras.layers.Normalization(axis=-1)
    layer.adapt(np.random.default_rng(0).random((64, 3)).astype("float32"))
    keras.Sequential([keras.Input((3,)), layer]).save(file)
weights = keras.models.load_model(file).get_weights()
print(f"keras {keras.__version__} on {keras.backend.backend()}:", *(w.dtype for w in weights), file=sys.stderr)
digest = hashlib.sha256(b"".join(w.tobytes() for w in weights)).hexdigest()
print(json.dumps({"types": [str(w.dtype) for w in weights], "values": [w.tolist() for w in weights], "digest": digest}))
PY
for backend in tensorflow jax; do
    KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 "$room/venv/bin/python" "$room/read.py" "$room" \
        > "$room/$backend.json" 2> >(grep "^keras " >&2)
done
"$room/venv/bin/python" - "$room" <<'PY'
import json
import sys
from pathlib import Path

one, other = (json.loads((Path(sys.argv[1]) / f"{name}.json").read_text()) for name in ("tensorflow", "jax"))
values, digests = one["values"] == other["values"], one["digest"] == other["digest"]
print(f"values equal: {values}, checksums equal: {digests}")
sys.exit(not (values and not digests and one["types"][2] == "int64" and other["types"][2] == "int32"))
PY

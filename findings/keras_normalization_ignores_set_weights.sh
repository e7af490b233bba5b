#!/usr/bin/env bash
# Keras 3.15.1: a Normalization layer whose weights are set computes with the old ones.
#
# Behaviour: `Normalization` makes constants of its mean and variance when it is built, adapted or loaded from a file, and
# computes with these. `set_weights` changes the variables and not the constants. So a copy by `from_config` and
# `set_weights`, the usual way to copy a layer, returns its input unchanged, and `get_weights` shows that all is well.
# `finalize_state()` makes new constants. A model that is saved and loaded is right.
#
# Why it matters: a copied network sees raw pixels in place of normalized ones. Batch norm hides that in training; frozen
# features are worthless.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64), the mean of what the layer returns for numbers around 100:
#   original: 0.0
#   copy: 100.0, though its weights are equal: True
#   copy after finalize_state: 0.0
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras==3.15.1 jax==0.10.2
cat > "$room/normalize.py" <<'PY'
import keras
import numpy as np

x = np.random.default_rng(0).normal(100, 3, (1000, 4)).astype("float32")
original = keras.layers.Normalization()
original.adapt(x)
copy = keras.layers.Normalization.from_config(original.get_config())
copy.build(x.shape)
copy.set_weights(original.get_weights())


def mean(layer):
    return abs(round(float(np.asarray(layer(x)).mean()), 1))


equal = all(np.array_equal(a, b) for a, b in zip(copy.get_weights(), original.get_weights(), strict=True))
print(f"original: {mean(original)}")
print(f"copy: {mean(copy)}, though its weights are equal: {equal}")
copy.finalize_state()
print(f"copy after finalize_state: {mean(copy)}")
PY
seen=$(KERAS_BACKEND=jax "$room/venv/bin/python" "$room/normalize.py" 2>/dev/null)
echo "$seen"
[ "$seen" = "original: 0.0
copy: 100.0, though its weights are equal: True
copy after finalize_state: 0.0" ]

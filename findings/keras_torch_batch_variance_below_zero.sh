#!/usr/bin/env bash
# Keras 3.15.1 on torch 2.13.0: the variance of a batch can be negative, and batch normalization then returns NaN.
#
# Behaviour: the torch backend computes the variance as E[x^2] - E[x]^2 in float32 and does not clip it at zero. If a
# channel is nearly constant and far from zero, the rounding of the two terms is larger than the variance. The
# negative figure goes into the reciprocal square root, so every output of the layer is NaN, and the moving
# variance keeps it. The documentation of BatchNormalization does not mention it. PyTorch's own batch norm
# returns the right variance for the same numbers.
#
# Why it matters: a flat border, a synthetic channel or an unscaled 16-bit image is enough. The loss becomes NaN at the
# first step, on this backend only. If the images are normalized before the first batch norm, it does not happen.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   keras 3.15.1, torch 2.13.0
#   mean 100, standard deviation 0.001
#   variance in float64:      1.0e-06
#   Keras, moving variance:   -2.0e-03, NaN in 100% of the outputs
#   torch.nn.BatchNorm2d:     1.0e-06, NaN in 0% of the outputs
# Exits with 1 if Keras's variance is no longer negative.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras==3.15.1 torch==2.13.0
cat > "$room/variance.py" <<'PY'
import os

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np
import torch

x = (100 + np.random.default_rng(0).normal(0, 1e-3, (32, 16, 16, 1))).astype("float32")

layer = keras.layers.BatchNormalization(momentum=0.0)
outputs = keras.ops.convert_to_numpy(layer(x, training=True))
variance = float(keras.ops.convert_to_numpy(layer.moving_variance)[0])

native = torch.nn.BatchNorm2d(1, momentum=1.0)
plain = native(torch.from_numpy(x.transpose(0, 3, 1, 2))).detach().numpy()

print(f"keras {keras.__version__}, torch {torch.__version__.partition('+')[0]}")
print("mean 100, standard deviation 0.001")
print(f"variance in float64:      {x.astype('float64').var():.1e}")
print(f"Keras, moving variance:   {variance:.1e}, NaN in {np.isnan(outputs).mean():.0%} of the outputs")
print(f"torch.nn.BatchNorm2d:     {native.running_var.item():.1e}, NaN in {np.isnan(plain).mean():.0%} of the outputs")
raise SystemExit(0 if variance < 0 and np.isnan(outputs).all() and not np.isnan(plain).any() else 1)
PY
"$room/venv/bin/python" "$room/variance.py" 2>/dev/null

#!/usr/bin/env bash
# Keras 3.15.1: on a network of convolutions, keras.optimizers.Muon orthogonalizes the last layer alone.
#
# Behaviour: Muon's step is taken for weights with two axes, as its documentation says. Kernels of convolutions have four,
# and are trained with AdamW without a message, at the same learning rate. What is left for Muon is the kernel of the last
# Dense layer, which the same documentation wants excluded; with exclude_layers as it advises, no weight at all gets Muon's
# step. torch 2.13.0 refuses such weights. The original method flattens a kernel to a matrix.
#
# Why it matters: a comparison "Muon against AdamW" on a residual network in Keras compares AdamW with AdamW.
#
# Output seen (2026-11-29, Python 3.11, Linux x86-64):
#   keras 3.15.1: 1 of 7 weights gets a step with equal singular values: head/kernel
#   keras 3.15.1, head excluded: 0 of 7 weights
#   torch 2.13.0: ValueError, Muon only supports 2D parameters
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0 torch==2.13.0
cat > "$room/steps.py" <<'PY'
import sys

import keras
import numpy as np
import torch


def make_network():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            *(layers.Conv2D(16, 3, activation="relu", use_bias=False, name=f"conv{i}") for i in range(3)),
            layers.BatchNormalization(name="norm"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(16, name="head"),
        ]
    )


def list_turned(excluded):
    """The weights whose first step has singular values that are about equal, as Muon's has."""
    network = make_network()
    optimizer = keras.optimizers.Muon(0.01, weight_decay=None, adam_weight_decay=None, exclude_layers=excluded)
    weights, draw = network.trainable_variables, np.random.default_rng(0)
    optimizer.build(weights)
    found = []
    before = [w.numpy() for w in weights]
    # A gradient that is large in one direction: Muon's step evens that out, Adam's takes the sign of each number.
    grads = [0.01 * draw.normal(size=w.shape) + 1 for w in weights]
    optimizer.apply([keras.ops.convert_to_tensor(g.astype("float32")) for g in grads], weights)
    for weight, old in zip(weights, before, strict=True):
        if len(weight.shape) > 1:
            change = (weight.numpy() - old).reshape(-1, weight.shape[-1])
            values = np.linalg.svd(change, compute_uv=False)
            if values[1] > values[0] / 3:
                found.append(weight.path.split("/", 1)[-1])
    return found, len(weights)


turned, number = list_turned(None)
print(f"keras {keras.__version__}: {len(turned)} of {number} weights gets a step with equal singular values:", *turned)
none, _ = list_turned(["head"])
print(f"keras {keras.__version__}, head excluded: {len(none)} of {number} weights")
try:
    torch.optim.Muon([torch.nn.Parameter(torch.zeros(16, 3, 3, 3))])
    refused = False
except ValueError as error:
    refused = "2D" in str(error)
    print(f"torch {torch.__version__.partition('+')[0]}: ValueError, {str(error).split(' parameters')[0]} parameters")
sys.exit(not (turned == ["head/kernel"] and none == [] and refused))
PY
TF_CPP_MIN_LOG_LEVEL=3 "$room/venv/bin/python" "$room/steps.py" 2> >(grep Traceback -A20 >&2)

#!/usr/bin/env bash
# NumPy 2.4.6: the mean of each column of a long float32 array is far too small.
#
# Behaviour: `x.mean(0)` of float32 (n, 3) adds row after row in float32. Around 2**31 neighbouring floats are 256 apart, so
# that adding a colour of 128 changes nothing, and the sums stop there; with brighter colours they stop at 2**32. `x.mean()` of the same array is
# right, as NumPy adds in pairs only along the axis that lies together in memory. There is no warning.
#
# Why it matters: the mean colour of the pixels of a data set, as every tutorial on normalization computes it, is right for
# a thousand images and wrong for 45,000 of 32x32.
#
# Output seen (2026-11-29, Python 3.11, Linux x86-64), 46,080,000 pixels whose colours are all 128:
#   columns of 1,024,000 pixels: 128.0 128.0 128.0
#   columns of 46,080,000 pixels: 46.6 46.6 46.6
#   in float64: 128.0 128.0 128.0
#   all numbers of the same array: 128.0
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q numpy==2.4.6
cat > "$room/mean.py" <<'PY'
import numpy as np

x = np.full((46_080_000, 3), 128, np.float32)


def show(name, means):
    print(f"{name}:", *(f"{value:.1f}" for value in np.atleast_1d(means)))


show("columns of 1,024,000 pixels", x[:1_024_000].mean(0))
show("columns of 46,080,000 pixels", x.mean(0))
show("in float64", x.mean(0, dtype=np.float64))
show("all numbers of the same array", x.mean())
PY
seen=$("$room/venv/bin/python" "$room/mean.py")
echo "$seen"
[ "$seen" = "columns of 1,024,000 pixels: 128.0 128.0 128.0
columns of 46,080,000 pixels: 46.6 46.6 46.6
in float64: 128.0 128.0 128.0
all numbers of the same array: 128.0" ]

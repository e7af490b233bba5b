#!/usr/bin/env bash
# keras-hub 0.32.0: the image converter of a timm ResNet does not antialias, and leaves out timm's crop.
#
# Behaviour: a preset folder of timm says in its config.json how photos are to be prepared: size, interpolation, crop_pct,
# mean and deviation. keras-hub reads all of them but crop_pct, and makes a converter whose `antialias` is False, the
# default of keras.layers.Resizing. timm scales with Pillow, which always averages over the pixels that it scales down,
# and cuts out the middle.
#
# Why it matters: the same weights get other pixels than they were trained and tested on, and nothing says so. The
# difference is large on a photo with fine detail, scaled from 500 to 224 pixels, and small on a smooth one. With
# `converter.resizing.antialias = True` it is small on both. The crop is a second difference, which the script avoids by a
# crop_pct of 1.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   keras-hub 0.32.0, keras 3.15.1
#   antialias False, interpolation bicubic
#   fine detail: as it comes 39.6 grey levels apart, with antialias 0.2
#   smooth:      as it comes 0.3 grey levels apart, with antialias 0.3
# Exits with 1 if the converter antialiases.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras-hub==0.32.0 keras==3.15.1 tensorflow-cpu==2.21.0 pillow==12.0.0
mkdir "$room/preset"
cat > "$room/preset/config.json" <<'JSON'
{"architecture": "resnet18", "num_classes": 1000, "pretrained_cfg": {"input_size": [3, 224, 224], "crop_pct": 1.0,
 "interpolation": "bicubic", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}}
JSON
cat > "$room/converter.py" <<'PY'
import sys

import keras
import keras_hub
import numpy as np
from PIL import Image

print(f"keras-hub {keras_hub.__version__}, keras {keras.__version__}")
converter = keras_hub.layers.ImageConverter.from_preset(sys.argv[1])
print(f"antialias {converter.antialias}, interpolation {converter.interpolation}")
y, x = np.mgrid[0:500, 0:750]


def scale(photo, antialias):
    converter.resizing.antialias = antialias
    return np.asarray(converter.resizing(photo[None].astype("float32")))[0]


for name, wave in (("fine detail:", np.sin(x * y / 150)), ("smooth:     ", np.sin(x / 60) * np.sin(y / 45))):
    photo = np.repeat((127.5 + 100 * wave)[..., None], 3, 2).astype("uint8")
    image = Image.fromarray(photo).resize((336, 224), Image.BICUBIC).crop((56, 0, 280, 224))
    pillow = np.asarray(image, "float32")
    plain, averaged = (np.abs(scale(photo, word) - pillow).mean() for word in (False, True))
    print(f"{name} as it comes {plain:.1f} grey levels apart, with antialias {averaged:.1f}")
sys.exit(int(bool(converter.get_config()["antialias"])))
PY
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$room/venv/bin/python" "$room/converter.py" "$room/preset" 2>/dev/null

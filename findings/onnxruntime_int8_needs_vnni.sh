#!/usr/bin/env bash
# ONNX Runtime 1.32.0: int8 weights in their full range overflow on x86 processors without VNNI, without a warning.
#
# Behaviour: a convolution that `quantize_static` made with uint8 activations and int8 weights is computed with
# VPMADDUBSW if the processor has AVX2 or AVX-512 but no VNNI. That instruction adds two products of 8 bits in 16 bits
# and saturates at 32,767. 64 channels with the activation 255 and the weight 127 add up to half of what they should. With
# VNNI the same file gives the right sum. Weights of 7 bits (`reduce_range=True`) or the session entry
# `session.x64quantprecision` = "1" give the right sum everywhere. `quantize_static` uses the full range by default.
#
# Why it matters: a file that was tested on a server with VNNI loses its accuracy on an older laptop. A ResNet-10 that was
# right on 97.2% of 216 SIGNS photos was right on 75.0% there (on 97.2% with `reduce_range`); a network on digits lost
# nothing. Zen 1 to 3 and Intel processors before Ice Lake have no VNNI, apart from Cascade Lake servers.
#
# Needs qemu-user (package qemu-user) to show both kinds of processor on one machine.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64, AMD Zen 4 with VNNI):
#   onnxruntime 1.32.0, the right sum is 16256
#   this machine (avx512_vnni):                full range 16256   7 bits 16256   full range, x64quantprecision 16256
#   QEMU, Haswell without VNNI:                full range 8223   7 bits 16256   full range, x64quantprecision 16256
# Exits with 1 if the full range gives the right sum on Haswell.
set -euo pipefail
command -v qemu-x86_64 > /dev/null || { echo "qemu-x86_64 is needed: apt-get install qemu-user" >&2; exit 2; }
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q onnxruntime==1.32.0 onnx==1.23.2
cat > "$room/make.py" <<'PY'
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

room = sys.argv[1]
weights = numpy_helper.from_array(np.ones((1, 64, 1, 1), np.float32), "weights")
image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 64, 4, 4])
result = helper.make_tensor_value_info("sum", TensorProto.FLOAT, [1, 1, 4, 4])
graph = helper.make_graph(
    [helper.make_node("Conv", ["image", "weights"], ["sum"], name="conv")], "sum", [image], [result], [weights]
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.save(model, f"{room}/float.onnx")


class Reader(CalibrationDataReader):
    def __init__(self):
        values = [np.zeros((1, 64, 4, 4), np.float32), np.full((1, 64, 4, 4), 254, np.float32)]
        self.batches = iter([{"image": value} for value in values])

    def get_next(self):
        return next(self.batches, None)


for name, reduced in (("full", False), ("reduced", True)):
    quantize_static(
        f"{room}/float.onnx", f"{room}/{name}.onnx", Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
        reduce_range=reduced, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
    )
PY
cat > "$room/run.py" <<'PY'
import sys

import numpy as np
import onnxruntime

room = sys.argv[1]
image = np.full((1, 64, 4, 4), 254, np.float32)
found = []
for name, precise in (("full", "0"), ("reduced", "0"), ("full", "1")):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.x64quantprecision", precise)
    session = onnxruntime.InferenceSession(f"{room}/{name}.onnx", options, providers=["CPUExecutionProvider"])
    found.append(int(session.run(None, {"image": image})[0].max()))
print(*found)
PY
"$room/venv/bin/python" "$room/make.py" "$room" 2> /dev/null
here=$("$room/venv/bin/python" "$room/run.py" "$room")
old=$(qemu-x86_64 -cpu Haswell "$room/venv/bin/python" "$room/run.py" "$room" 2> /dev/null)
vnni=$(grep -o -m1 -w -E 'avx512_vnni|avx_vnni' /proc/cpuinfo | head -n1 || true)
echo "onnxruntime 1.32.0, the right sum is $((64 * 254))"
printf '%-42s full range %s   7 bits %s   full range, x64quantprecision %s\n' \
  "this machine (${vnni:-no VNNI}):" $here "QEMU, Haswell without VNNI:" $old
read -r full reduced precise <<< "$old"
[ "$full" -lt 12000 ] && [ "$reduced" -gt 16000 ] && [ "$precise" -gt 16000 ]

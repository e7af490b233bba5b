#!/usr/bin/env bash
# OpenVINO 2026.4.1: importing it writes an identity into the home folder, and reports the import, without asking.
#
# Behaviour: `import openvino` imports `openvino.tools.ovc`, which starts openvino_telemetry with the opt-in dialog turned
# off. That writes ~/intel/openvino_ga_cid, a random identity, and ~/intel/stats, and sends an "import" event to Google
# Analytics unless `opt_in_out --opt_out` was run before. If the package openvino_telemetry cannot be imported, OpenVINO
# uses a stub of its own and does neither.
#
# Why it matters: a library that only computes predictions should write nothing into the home folder and call nobody.
# Hiding the package while openvino is imported, as below, needs no file in the home folder and no uninstalling.
#
# The home folder is a temporary one, and a proxy that does not exist keeps the event on this machine.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   import openvino: writes ['openvino_ga_cid', 'stats']
#   with openvino_telemetry hidden: writes []
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q openvino==2026.4.1 openvino-telemetry==2025.2.0
look() {
  mkdir "$room/$1"
  env -u CI HOME="$room/$1" https_proxy=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9 \
    "$room/venv/bin/python" -c "$2" >"$room/log" 2>&1
  "$room/venv/bin/python" - "$room/$1/intel" <<'PY'
import os
import sys

print(sorted(os.listdir(sys.argv[1])) if os.path.isdir(sys.argv[1]) else [])
PY
}
plain=$(look plain "import openvino")
hidden=$(look hidden "import sys; sys.modules['openvino_telemetry'] = None; import openvino")
echo "import openvino: writes $plain"
echo "with openvino_telemetry hidden: writes $hidden"
[ "$plain" = "['openvino_ga_cid', 'stats']" ]
[ "$hidden" = "[]" ]

#!/usr/bin/env bash
# tf_keras 2.21.0 with tensorflow-cpu 2.21.0: pip installs `tensorflow` beside `tensorflow-cpu`, into the same folder.
#
# Behaviour: tf_keras requires the distribution `tensorflow` by name. `tensorflow-cpu` has the same package under another
# name and does not count, so pip plans both. They hold the same files, so the one that is unpacked last wins, and
# uninstalling either leaves the other without its files.
#
# Why it matters: tf_keras is how old Keras 2 files and Keras 2 itself are had beside Keras 3. A project that asks for
# the small CPU wheel gets the large one as soon as one of its extras asks for tf_keras. Install tf_keras with
# --no-deps beside tensorflow-cpu, or keep it in an environment of its own. pip gives no warning.
#
# The script makes pip plan the installation, and installs nothing.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   planned without tf_keras: tensorflow_cpu 2.21.0
#   planned with tf_keras: tensorflow 2.21.0, tensorflow_cpu 2.21.0, tf_keras 2.21.0
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
plan() {
  "$room/venv/bin/pip" install -q --dry-run --report "$room/plan.json" "$@"
  "$room/venv/bin/python" - "$room/plan.json" <<'PY'
import json
import sys

with open(sys.argv[1]) as file:
    planned = [row["metadata"] for row in json.load(file)["install"]]
rows = sorted((row["name"].lower().replace("-", "_"), row["version"]) for row in planned)
wanted = {"tensorflow", "tensorflow_cpu", "tf_keras"}
print(", ".join(f"{name} {version}" for name, version in rows if name in wanted))
PY
}
without=$(plan tensorflow-cpu==2.21.0)
with=$(plan tensorflow-cpu==2.21.0 tf_keras==2.21.0)
echo "planned without tf_keras: $without"
echo "planned with tf_keras: $with"
[ "$without" = "tensorflow_cpu 2.21.0" ]
[ "$with" = "tensorflow 2.21.0, tensorflow_cpu 2.21.0, tf_keras 2.21.0" ]

#!/usr/bin/env bash
# nncf 2.16.0 cannot be installed from wheels alone; 2.17.0 can.
#
# Behaviour: nncf up to 2.16 requires jstyleson, which has no wheel on the index. `pip install --only-binary :all:` ends
# in "No matching distribution found for jstyleson". nncf 2.17.0 no longer requires it.
#
# Why it matters: images and build machines that allow wheels only cannot have an earlier nncf, and a lower bound such
# as `nncf>=2.15` cannot be tested there.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   nncf 2.16.0 from wheels: no, jstyleson has none
#   nncf 2.17.0 from wheels: yes
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
try() {
  if "$room/venv/bin/pip" install -q --dry-run --only-binary :all: "nncf==$1" >"$room/log" 2>&1; then
    echo yes
  elif grep -q "No matching distribution found for jstyleson" "$room/log"; then
    echo "no, jstyleson has none"
  else
    tail -n 3 "$room/log" >&2
    echo "no, for another reason"
  fi
}
old=$(try 2.16.0)
new=$(try 2.17.0)
echo "nncf 2.16.0 from wheels: $old"
echo "nncf 2.17.0 from wheels: $new"
[ "$old" = "no, jstyleson has none" ]
[ "$new" = yes ]

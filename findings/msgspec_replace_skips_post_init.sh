#!/usr/bin/env bash
# msgspec 0.20.0: a copy made with `structs.replace` is not checked by `__post_init__`. From 0.21.0 on it is.
#
# Behaviour: the documentation says that `__post_init__` is called after a struct is created, and by `replace`. Up to
# 0.20.0 it is called by the constructor and by `convert`, but not by `msgspec.structs.replace` (and not by `copy.copy`,
# which copies what was checked before). A frozen struct whose rules stand in `__post_init__` can so hold a value that
# breaks them.
#
# Why it matters: values that are changed by copying (settings, recipes) pass unchecked on a version that `pip` may well
# choose. A lower bound of 0.21 is needed wherever `__post_init__` validates.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   msgspec 0.20.0: replace(Rate(0.1), value=-1) gives Rate(value=-1)
#   msgspec 0.21.0: replace(Rate(0.1), value=-1) is refused
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
cat > "$room/copy.py" <<'PY'
import sys

import msgspec


class Rate(msgspec.Struct, frozen=True):
    """A learning rate, never below zero."""

    value: float

    def __post_init__(self):
        if self.value < 0:
            raise ValueError("below zero")


try:
    outcome = f"gives {msgspec.structs.replace(Rate(0.1), value=-1)}"
except ValueError:
    outcome = "is refused"
print(f"msgspec {msgspec.__version__}: replace(Rate(0.1), value=-1) {outcome}")
raise SystemExit(outcome != sys.argv[1])
PY
"$room/venv/bin/pip" install -q msgspec==0.20.0
(cd "$room" && mkdir empty && mv copy.py empty/replace_copy.py && venv/bin/python empty/replace_copy.py "gives Rate(value=-1)")
"$room/venv/bin/pip" install -q msgspec==0.21.0
(cd "$room" && venv/bin/python empty/replace_copy.py "is refused")

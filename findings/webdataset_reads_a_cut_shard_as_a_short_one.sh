#!/usr/bin/env bash
# webdataset 1.0.2 reads a shard that was cut short as a shard with fewer samples, at two of five places without a word.
#
# Behaviour: a tar ends with blocks of zeros. Neither webdataset nor the tarfile of Python asks for them: if the file ends
# between two members, or in the zeros that fill up a member, the members before are read and nothing is said. An error
# comes at the other places, where the file ends inside of a content or a header.
#
# Why it matters: an epoch then has fewer images, and often none of some classes. A cut copy looks like a whole one.
#
# Output seen (2026-11-29, Python 3.11, Linux x86-64):
#   a whole shard: 100 samples
#   cut at 200 places: 79 read without an error, with 1 to 79 samples
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q webdataset==1.0.2
cd "$room"
"$room/venv/bin/python" - <<'PYTHON'
import sys
import warnings

import webdataset

COUNT, CUTS = 100, 200
with webdataset.TarWriter("whole.tar", mtime=0) as shard:
    for i in range(COUNT):
        shard.write({"__key__": f"{i:06}", "jpg": b"x" * 700, "cls": i % 10})


def count_samples(path):
    return sum(1 for _ in webdataset.WebDataset(path, shardshuffle=False))


whole = open("whole.tar", "rb").read()
members = len(whole.rstrip(b"\0"))
silent = []
warnings.simplefilter("error", UserWarning)  # what it says counts as an error
for i in range(CUTS):
    with open("cut.tar", "wb") as file:
        file.write(whole[: 1 + members * i // CUTS])
    try:
        silent.append(count_samples("cut.tar"))
    except Exception:
        pass
full = count_samples("whole.tar")
print(f"a whole shard: {full} samples")
print(f"cut at {CUTS} places: {len(silent)} read without an error, with {min(silent)} to {max(silent)} samples")
sys.exit(0 if full == COUNT and len(silent) > CUTS // 4 and min(silent) < COUNT // 2 else 1)
PYTHON

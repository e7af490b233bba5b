#!/usr/bin/env bash
# webdataset 1.0.2: `TarWriter` ignores its argument `format`, and writes 1,024 bytes more for each member than needed.
#
# Behaviour: it chooses the USTAR format and does not pass it on to tarfile, whose default is PAX. The time of a member is
# a number with a fraction, for which PAX adds a header of two blocks. A whole number as `mtime` avoids it.
#
# Why it matters: shards of small images become nearly twice as large, and have twice as many headers to read.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   an image of 700 bytes and its label: 4,710 bytes in the shard
#   with format="USTAR_FORMAT": 4,710 bytes
#   with mtime=0: 2,662 bytes
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q webdataset==1.0.2
cd "$room"
"$room/venv/bin/python" - <<'PYTHON'
import os
import sys

import webdataset


def bytes_of_a_sample(count=100, **options):
    with webdataset.TarWriter("shard.tar", **options) as shard:
        for i in range(count):
            shard.write({"__key__": f"{i:06}", "jpg": b"x" * 700, "cls": i % 10})
    return os.path.getsize("shard.tar") / count


usual = bytes_of_a_sample()
asked = bytes_of_a_sample(format="USTAR_FORMAT")
whole = bytes_of_a_sample(mtime=0)
print(f"an image of 700 bytes and its label: {usual:,.0f} bytes in the shard")
print(f'with format="USTAR_FORMAT": {asked:,.0f} bytes')
print(f"with mtime=0: {whole:,.0f} bytes")
sys.exit(0 if usual == asked and usual - whole > 2000 else 1)
PYTHON

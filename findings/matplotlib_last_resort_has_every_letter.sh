#!/usr/bin/env bash
# Matplotlib 3.11.2: a search for an installed font that has a letter always finds one, and it draws a box.
#
# Behaviour: Matplotlib carries the font "Last Resort High-Efficiency" and lists it in `font_manager.fontManager` among
# all others. Its character map has an entry for every letter of Unicode, and each entry is a box with the name of the
# letter's script. Code that looks through the list for the first font whose character map has a letter, which is the
# usual advice for Chinese, Japanese and Korean labels, therefore never reports that there is none, and the text is
# drawn as boxes without the warning of a missing glyph.
#
# Why it matters: leave fonts with "Last Resort" in their name out of such a search.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   matplotlib 3.11.2: of its own fonts these have U+732B: Last Resort High-Efficiency
#   warnings of a missing glyph when the letter is drawn with it: 0
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q matplotlib==3.11.2
cat > "$room/fonts.py" <<'PY'
import os
import tempfile
import warnings

os.environ["MPLCONFIGDIR"] = tempfile.mkdtemp()
import matplotlib

matplotlib.use("Agg")
from matplotlib import font_manager
from matplotlib import pyplot as plt

own = os.path.join(matplotlib.get_data_path(), "fonts", "ttf")
LETTER = "\u732b"  # Chinese and Japanese for cat


def has(entry) -> bool:
    return ord(LETTER) in font_manager.get_font(entry.fname).get_charmap()


shipped = [entry for entry in font_manager.fontManager.ttflist if entry.fname.startswith(own)]
names = sorted({entry.name for entry in shipped if has(entry)})
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    figure = plt.figure()
    figure.text(0, 0, LETTER, family=names or None)
    figure.canvas.draw()
missing = sum("missing" in str(one.message) for one in seen)
print(f"matplotlib {matplotlib.__version__}: of its own fonts these have U+732B: {', '.join(names) or 'none'}")
print(f"warnings of a missing glyph when the letter is drawn with it: {missing}")
raise SystemExit(0 if names == ["Last Resort High-Efficiency"] and missing == 0 else 1)
PY
"$room/venv/bin/python" "$room/fonts.py" 2>"$room/err" || { cat "$room/err"; exit 1; }

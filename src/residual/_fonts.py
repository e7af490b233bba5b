"""Fonts for the names in a picture: Matplotlib's own font lacks the letters of Chinese, Japanese, Korean and others."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.font_manager import FontEntry

OWN = "DejaVu Sans"  # which comes with Matplotlib
# Families with Chinese, Japanese and Korean letters, on Linux, Windows and macOS. They are tried before all others.
WIDE = (
    *(
        "Noto Sans CJK",
        "Noto Sans SC",
        "Noto Sans JP",
        "Noto Sans KR",
        "Source Han Sans",
        "WenQuanYi",
        "Droid Sans",
    ),
    *("Microsoft YaHei", "SimHei", "Yu Gothic", "MS Gothic", "Meiryo", "Malgun Gothic"),
    *("Hiragino Sans", "PingFang", "Heiti", "Apple SD Gothic", "Arial Unicode"),
)


_BOXES = ("Last Resort", "LastResort", ".LastResort")  # fonts that have a box for every letter


def choose_fonts(names: Iterable[str]) -> tuple[list[str], set[str]]:
    """Installed families that together have the letters of all names, and the letters that none of them has.

    Args:
        names: that are drawn.
    """
    from matplotlib.font_manager import fontManager

    families, missing = [OWN], {letter for letter in "".join(names) if not letter.isascii()}
    for entry in sorted(fontManager.ttflist, key=_order):
        if not missing:
            break
        if found := _find_letters(entry, missing):
            missing -= found
            families.append(entry.name)
    return list(dict.fromkeys(families)), missing


def choose_font_file(names: Iterable[str]) -> str | None:
    """The file of an installed font that has all letters of the names; None if they are ASCII, or no font has all."""
    from matplotlib.font_manager import fontManager

    letters = set("".join(names))
    letters = {letter for letter in letters if letter.isprintable()}
    if all(letter.isascii() for letter in letters):
        return None
    fonts = sorted(fontManager.ttflist, key=_order)
    return next((entry.fname for entry in fonts if _find_letters(entry, letters) == letters), None)


def _order(entry: "FontEntry") -> tuple[bool, bool, bool, str]:
    """Upright fonts of usual weight first, among them Matplotlib's own and those with many letters."""
    is_usual = entry.style == "normal" and str(entry.weight) in ("400", "normal", "regular")
    return not is_usual, entry.name != OWN, not entry.name.startswith(WIDE), entry.name


def _find_letters(entry: "FontEntry", letters: set[str]) -> set[str]:
    """Those of the letters that a font has; none if it cannot be read or, as with coloured emoji, not be drawn."""
    from matplotlib.font_manager import get_font

    if entry.name.startswith(_BOXES):
        return set()
    try:
        font = get_font(entry.fname)
    except (OSError, RuntimeError):
        return set()
    return {letter for letter in letters if font.scalable and font.get_char_index(ord(letter))}

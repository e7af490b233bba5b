"""Whether a file is a zip archive."""

import zipfile
from pathlib import Path


def is_zip(path: Path) -> bool:
    """Whether a file ends as a zip archive does, damaged or not: `zipfile.is_zipfile` raises for some damage."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        return True

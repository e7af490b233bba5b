"""Formats of image files: one table of endings and first bytes, and what to do about formats that cannot be read."""

import functools
from typing import NamedTuple


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


class Format(NamedTuple):
    """One format that Pillow reads.

    Attributes:
        name: as Pillow calls it.
        suffixes: endings of its files, the usual one first.
        magic: (offset, bytes) by which a file is known without its name.
        advice: what to install if Pillow has no reader for it.
    """

    name: str
    suffixes: tuple[str, ...]
    magic: tuple[tuple[int, bytes], ...]
    advice: str = ""


_NEW_PILLOW = "pip install -U pillow"
_HEIF = "pip install 'residual-learning[heif]'"
# Pillow knows many more formats; some of them start other programs (EPS), so only these are tried.
FORMATS = (
    Format("PNG", (".png", ".apng"), ((0, b"\x89PNG\r\n\x1a\n"),)),
    Format("JPEG", (".jpg", ".jpeg", ".jfif", ".jpe", ".jif"), ((0, b"\xff\xd8\xff"),)),
    Format("MPO", (".jpg", ".jpeg", ".mpo"), ()),  # two JPEGs in one file, as some phones write
    Format("WEBP", (".webp",), ((8, b"WEBP"),)),
    Format("BMP", (".bmp", ".dib"), ((0, b"BM"),)),
    Format("GIF", (".gif",), ((0, b"GIF8"),)),
    Format("TIFF", (".tif", ".tiff"), ((0, b"II*\0"), (0, b"MM\0*"))),
    Format("PPM", (".ppm", ".pgm", ".pbm", ".pnm"), tuple((0, b"P%d\n" % i) for i in range(1, 7))),
    Format("AVIF", (".avif", ".avifs"), ((4, b"ftypavif"), (4, b"ftypavis")), _NEW_PILLOW),
    Format(
        "JPEG2000",
        (".jp2", ".j2k", ".jpx", ".jpf", ".j2c"),
        ((0, b"\0\0\0\x0cjP  "), (0, b"\xff\x4f\xff\x51")),
    ),
    Format("HEIF", (".heic", ".heif", ".hif"), ((4, b"ftyphei"), (4, b"ftyphev"), (4, b"ftypmif1")), _HEIF),
)
_CONVERT = "save as JPEG or PNG"
# Images too, for which there is no reader here.
UNREAD_SUFFIXES = dict.fromkeys(
    _words(
        ".cr2 .cr3 .nef .arw .dng .raf .orf .rw2 .psd .svg .eps .ai .exr .hdr .dcm .dicom .nii .tga .jxl .ico .xcf .pcx"
    ),
    _CONVERT,
)
# Endings that say that a file is no image, so that nobody looks inside.
_OTHER_SUFFIXES = frozenset(
    _words(
        ".txt .csv .tsv .json .jsonl .xml .yaml .yml .toml .md .rst .html .htm .pdf .doc .docx .xls .xlsx .py .ipynb "
        ".pyc .sh .log .db .ini .lnk .url .zip .tar .gz .tgz .7z .rar .h5 .hdf5 .npz .npy .mat .parquet .pkl .mp4 .mov "
        ".avi .mkv .mp3 .wav .keras .onnx .pt .pth .cls .bin .aae .xmp .thm"
    )
)
HEAD_BYTES = 16  # that tell a format


@functools.cache
def list_readable() -> tuple[str, ...]:
    """Names of the formats that this Pillow reads."""
    from PIL import Image

    Image.init()
    try:
        import pillow_heif

        pillow_heif.register_heif_opener()
    except ImportError:
        pass
    return tuple(format.name for format in FORMATS if format.name in Image.OPEN)


@functools.cache
def find_unread() -> dict[str, str]:
    """{ending: what to do} of image files that cannot be read here."""
    lacking = {
        suffix: format.advice
        for format in FORMATS
        if format.advice and format.name not in list_readable()
        for suffix in format.suffixes
    }
    return {**UNREAD_SUFFIXES, **lacking}


@functools.cache
def list_suffixes() -> frozenset[str]:
    """Endings of image files that can be read here."""
    known = {suffix for format in FORMATS for suffix in format.suffixes}
    # Without the optional formats nothing has to be imported to answer.
    return frozenset(known - {suffix for suffix in known if suffix in find_unread()})


# The endings of files that every installation reads.
SUFFIXES = tuple(
    dict.fromkeys(suffix for format in FORMATS if not format.advice for suffix in format.suffixes)
)


def get_suffix(name: str) -> str:
    """The ending of a file's name in small letters, "" if it has none."""
    dot = name.rfind(".")
    return name[dot:].lower() if dot > max(name.rfind("/"), name.rfind("\\")) + 1 else ""


def may_be_unnamed_image(suffix: str) -> bool:
    """Whether only the content can tell if a file with this ending is an image."""
    return suffix not in _OTHER_SUFFIXES and suffix not in find_unread()


def find_format(head: bytes) -> str | None:
    """The format of a file by its first bytes, or None if it is no image that can be read."""
    for format in FORMATS:
        if format.name in list_readable() and any(
            head[at : at + len(magic)] == magic for at, magic in format.magic
        ):
            return format.name
    return None


def get_format_suffixes(name: str) -> tuple[str, ...]:
    """The endings that fit a format, by Pillow's name."""
    return next((format.suffixes for format in FORMATS if format.name == name), ())

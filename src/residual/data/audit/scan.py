"""One pass over all images: what each one is, in about 300 bytes per image, whatever its size."""

import hashlib
import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

from residual.data.images import FORMATS, QUIET, to_upright_rgb
from residual.data.raw import Raw
from residual.errors import DataError

SIDE = 16  # of the grey miniature that each image leaves behind
_CHUNK_IMAGES, _CHUNK_BYTES = 64, 16 * 1024**2
_THREADS = 2
_STRIP = 2**20  # pixels hashed at a time
_NO_MEMORY = "it needs more memory than there is"
_ENDINGS = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "MPO": (".jpg", ".jpeg"),
    "WEBP": (".webp",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "TIFF": (".tif", ".tiff"),
}
_KNOWN_ENDINGS = {ending for endings in _ENDINGS.values() for ending in endings}

# Why an image cannot be read.
EMPTY, CUT, TEXT, UNKNOWN, HUGE, DAMAGED, LOCKED = (
    "empty",
    "cut short",
    "a text or web page",
    "no image",
    "too large",
    "damaged",
    "not readable",
)


@dataclass(eq=False)
class Facts:
    """What a scan found, by the index of the image.

    Attributes:
        size: int32 (n, 2), width and height in pixels; 0 where it could not be read.
        digest: uint64 (n, 2), equal for images whose pixels are equal.
        miniature: uint8 (n, 16, 16), grey.
        constant: bool (n,), whether all pixels are one colour.
        problems: why an image could not be read: (kind, what the reader said).
        wrong_ending: the format of images whose names end otherwise: "PNG".
    """

    size: np.ndarray
    digest: np.ndarray
    miniature: np.ndarray
    constant: np.ndarray
    problems: dict[int, tuple[str, str]] = field(default_factory=dict)
    wrong_ending: dict[int, str] = field(default_factory=dict)

    @property
    def readable(self) -> np.ndarray:
        """bool (n,)."""
        return self.size[:, 0] > 0


class Unreadable(Exception):
    """An image that cannot be read.

    Args:
        kind: one of the kinds above.
        said: what the reader said.
    """

    def __init__(self, kind: str, said: str = ""):
        super().__init__(kind, said)
        self.kind, self.said = kind, said


def scan(raw: Raw, progress: Callable[[int], None] = lambda done: None) -> Facts:
    """Read every image once, whole; memory holds a few of them at a time.

    Args:
        raw: what to read.
        progress: called with the number of images done.
    """
    n = len(raw.entries)
    facts = Facts(
        np.zeros((n, 2), np.int32),
        np.zeros((n, 2), np.uint64),
        np.zeros((n, SIDE, SIDE), np.uint8),
        np.zeros(n, bool),
    )
    waiting: deque[tuple[Sequence[int], Future]] = deque()
    done = 0
    with QUIET, ThreadPoolExecutor(_THREADS) as pool:
        for indices, contents in _chunks(raw):
            waiting.append((indices, pool.submit(_examine_all, contents)))
            if len(waiting) > 2 * _THREADS:
                done += _note(raw, facts, *waiting.popleft())
                progress(done)
        while waiting:
            done += _note(raw, facts, *waiting.popleft())
            progress(done)
    return facts


def pixels(content: bytes | np.ndarray):
    """The whole image upright, as RGB image of Pillow, and its format ("" for an array).

    Raises:
        Unreadable: when it cannot be read.
    """
    from PIL import Image

    if isinstance(content, np.ndarray):
        return Image.fromarray(content), ""
    if not content:
        raise Unreadable(EMPTY)
    try:
        with QUIET, Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            return to_upright_rgb(opened), opened.format or ""
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unreadable(HUGE, f"over {Image.MAX_IMAGE_PIXELS:,} pixels") from None
    except MemoryError:
        raise Unreadable(HUGE, _NO_MEMORY) from None
    except Exception as error:  # Pillow's decoders raise whatever their format raises
        raise Unreadable(*_why(error, content)) from None


def _why(error: Exception, content: bytes) -> tuple[str, str]:
    said = str(error).split("\n")[0] or type(error).__name__
    if "truncated" in said.lower() or isinstance(error, EOFError):
        return CUT, said
    if "cannot identify" not in said:
        return DAMAGED, said
    head = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<") or _is_text(content[:512]):
        return TEXT, head[:40].decode("utf-8", "replace").split("\n")[0]
    return UNKNOWN, "its content is no known image format"


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:  # a letter of several bytes may be cut at the end
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\t\r\n" for character in text)


def _chunks(raw: Raw) -> Iterator[tuple[list[int], list]]:
    """Indices and contents, a few megabytes at a time; a content that cannot be had is the Unreadable."""
    indices, contents, held = [], [], 0
    for i in range(len(raw.entries)):
        content = content_of(raw, i)
        indices.append(i)
        contents.append(content)
        held += len(content) if isinstance(content, bytes) else 0
        if len(indices) == _CHUNK_IMAGES or held > _CHUNK_BYTES:
            yield indices, contents
            indices, contents, held = [], [], 0
    yield indices, contents


def content_of(raw: Raw, i: int) -> bytes | np.ndarray | Unreadable:
    """The content of entry i, or why it cannot be had."""
    try:
        return raw.open(i)
    except OSError as error:
        return Unreadable(LOCKED, error.strerror or str(error))
    except DataError as error:
        return Unreadable(HUGE if "unpack to" in str(error) else LOCKED, str(error))


@dataclass(frozen=True)
class _Seen:
    """What one image is."""

    size: tuple[int, int]
    digest: bytes
    miniature: np.ndarray
    constant: bool
    format: str


def _examine_all(contents: list) -> list:
    return [_examine(content) for content in contents]


def _examine(content) -> "_Seen | Unreadable":
    if isinstance(content, Unreadable):
        return content
    try:
        return _seen(*pixels(content))
    except Unreadable as problem:
        return problem
    except MemoryError:
        return Unreadable(HUGE, _NO_MEMORY)


def _seen(image, kind: str) -> _Seen:
    from PIL import Image

    miniature = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    constant = all(low == high for low, high in image.getextrema())
    return _Seen(image.size, _digest(image), np.asarray(miniature), constant, kind)


def _digest(image) -> bytes:
    """16 bytes, equal for images whose pixels are equal; some rows at a time, to hold no second image."""
    digest = hashlib.blake2b(f"{image.size}".encode(), digest_size=16)
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):
        digest.update(image.crop((0, top, image.width, min(top + rows, image.height))).tobytes())
    return digest.digest()


def _note(raw: Raw, facts: Facts, indices: Sequence[int], future: Future) -> int:
    """Put the results of a chunk in their places; how many there were."""
    for i, seen in zip(indices, future.result(), strict=True):
        if isinstance(seen, Unreadable):
            facts.problems[i] = (seen.kind, seen.said)
            continue
        facts.size[i] = seen.size
        facts.digest[i] = np.frombuffer(seen.digest, np.uint64)
        facts.miniature[i] = seen.miniature
        facts.constant[i] = seen.constant
        ending = PurePosixPath(raw.entries[i].name).suffix.lower()
        if seen.format and ending in _KNOWN_ENDINGS and ending not in _ENDINGS.get(seen.format, (ending,)):
            facts.wrong_ending[i] = seen.format
    return len(indices)

"""Changes that leave a container whole, so that what lies inside it is reached."""

import gzip
import io
import random
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable

import atheris

Mutator = Callable[[bytes, random.Random], bytes]
# fmt: off
_ODD = (0, 1, 2, 3, 4, 7, 8, 16, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1)
# fmt: on
_MOST = 1 << 16


def any_bytes(content: bytes, rng: random.Random) -> bytes:
    """Insertions, deletions and flips, as libFuzzer makes them."""
    return atheris.Mutate(content, _MOST)


def same_length(content: bytes, rng: random.Random) -> bytes:
    """A few bytes or numbers overwritten: offsets inside the file keep their meaning."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5))):
        width = rng.choice((1, 1, 2, 4, 8))
        if len(changed) < width:
            break
        place = _place(len(changed) - width, rng)
        number = rng.choice(_ODD) if rng.random() < 0.5 else rng.getrandbits(8 * width)
        changed[place : place + width] = (number % 256**width).to_bytes(width, rng.choice(("little", "big")))
    return bytes(changed)


def _place(last: int, rng: random.Random) -> int:
    """Anywhere, or near the start or the end, where most formats say what follows."""
    near = min(last, 600)
    return rng.choice((rng.randint(0, last), rng.randint(0, near), last - rng.randint(0, near)))


def either(content: bytes, rng: random.Random) -> bytes:
    """One of the two."""
    return (any_bytes if rng.random() < 0.4 else same_length)(content, rng)


def image(content: bytes, rng: random.Random) -> bytes:
    """Of a PNG the checksums are made right again, as readers stop at a wrong one."""
    changed = either(content, rng)
    return mended_png(changed) if changed.startswith(b"\x89PNG\r\n\x1a\n") else changed


def mended_png(content: bytes) -> bytes:
    """The same file with the checksum of every whole chunk made right."""
    changed, start = bytearray(content), 8
    while start + 12 <= len(changed):
        (length,) = struct.unpack_from(">I", changed, start)
        end = start + 8 + length
        if end + 4 > len(changed):
            break
        struct.pack_into(">I", changed, end, zlib.crc32(changed[start + 4 : end]))
        start = end + 4
    return bytes(changed)


def words(*vocabulary: str) -> Mutator:
    """Text: at times a word of its language is put in, or a line doubled or left out."""

    def mutate(content: bytes, rng: random.Random) -> bytes:
        if rng.random() < 0.4:
            return any_bytes(content, rng)
        place = rng.randint(0, len(content))
        if rng.random() < 0.6:
            word = rng.choice(vocabulary).encode("utf-8", "surrogatepass")
            return content[:place] + word + content[min(len(content), place + rng.choice((0, 0, 1, 4))) :]
        lines = content.split(b"\n")
        line = rng.randrange(len(lines))
        lines[line : line + 1] = [lines[line]] * rng.choice((0, 2))
        return b"\n".join(lines)

    return mutate


def zip_members(inner: Mutator) -> Mutator:
    """The content or the name of a member; in a quarter of the cases the bytes of the archive itself."""

    def mutate(content: bytes, rng: random.Random) -> bytes:
        if rng.random() < 0.25:
            return either(content, rng)
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                members = [
                    (info, archive.read(info)) for info in archive.infolist() if info.file_size <= _MOST
                ]
            chosen = rng.randrange(len(members))
            packed = io.BytesIO()
            with warnings.catch_warnings(), zipfile.ZipFile(packed, "w") as archive:
                warnings.simplefilter("ignore")  # two members of one name are welcome
                for i, (info, inside) in enumerate(members):
                    name = info.filename
                    if i == chosen:
                        inside, name = _changed(name, inside, inner, rng)
                    archive.writestr(name, inside, compress_type=info.compress_type)
        except Exception:  # an archive that earlier changes damaged
            return either(content, rng)
        return packed.getvalue()

    return mutate


def _changed(name: str, inside: bytes, inner: Mutator, rng: random.Random) -> tuple[bytes, str]:
    if rng.random() < 0.8:
        return inner(inside, rng), name
    return inside, any_bytes(name.encode("utf-8", "replace"), rng).decode("utf-8", "replace")[:200]


def tar_members(inner: Mutator) -> Mutator:
    """The content of a member of a tar.gz, the tar itself, or the compressed bytes."""

    def mutate(content: bytes, rng: random.Random) -> bytes:
        try:
            tar = gzip.decompress(content)
        except Exception:  # earlier changes damaged it
            return either(content, rng)
        way = rng.random()
        if way < 0.2:
            return either(content, rng)
        if way < 0.6:
            return gzip.compress(same_length(tar, rng), 1, mtime=0)
        return gzip.compress(_tar_with_another_member(tar, inner, rng), 1, mtime=0)

    return mutate


def _tar_with_another_member(tar: bytes, inner: Mutator, rng: random.Random) -> bytes:
    try:
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            members = [(info, archive.extractfile(info).read()) for info in archive if info.isfile()]
        chosen = rng.randrange(len(members))
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for i, (info, inside) in enumerate(members):
                changed = inner(inside, rng) if i == chosen else inside
                info.size = len(changed)
                archive.addfile(info, io.BytesIO(changed))
    except Exception:  # earlier changes damaged it
        return same_length(tar, rng)
    return packed.getvalue()

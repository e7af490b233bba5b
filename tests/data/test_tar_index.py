"""The quick index of a tar against `tarfile`: the same names, places and sizes, and damage is refused."""

import io
import tarfile

import pytest

from residual.data.tar_file import TarFile
from residual.data.tar_index import TarScanner, read_member
from residual.errors import DataError

LONG = "n" * 60 + "/" + "m" * 95 + ".jpg"


def write(path, format, names=("a/1.jpg", "grüße.jpg", LONG, "c.cls")) -> dict[str, bytes]:
    held = {name: bytes([i % 256]) * (700 * (i % 5)) for i, name in enumerate(names)}
    with tarfile.open(path, "w", format=format) as archive:
        folder = tarfile.TarInfo("a")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in held.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1.5 if format == tarfile.PAX_FORMAT else 1
            archive.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "a/1.jpg"
        archive.addfile(link)
    return held


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_members_are_those_of_tarfile(tmp_path, format):
    path = tmp_path / "a.tar"
    held = write(path, format)
    with tarfile.open(path) as archive:
        expected = [(m.name, m.offset_data, m.size) for m in archive if m.isreg()]
    with TarScanner(path) as scanner:
        found = [tuple(member) for member in scanner.list_files()]
    assert found == expected
    assert {name: read_member(path, name, offset, size) for name, offset, size in found} == held


def test_contents_are_read_between_headers(tmp_path):
    path = tmp_path / "a.tar"
    held = write(path, tarfile.USTAR_FORMAT, [f"{i}.cls" for i in range(300)])
    with TarScanner(path) as scanner:
        assert {m.name: scanner.read(m.offset, m.size) for m in scanner.list_files()} == held


@pytest.mark.parametrize("place", [0, 100, 130, 156, 300])
def test_a_damaged_header_is_refused(tmp_path, place):
    path = tmp_path / "a.tar"
    write(path, tarfile.GNU_FORMAT, ["1.jpg", "2.jpg"])
    content = bytearray(path.read_bytes())
    content[512 + place] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="is not a tar that can be read"), TarScanner(path) as scanner:
        list(scanner.list_files())


def test_a_tar_cut_short_is_refused(tmp_path):
    path = tmp_path / "a.tar"
    write(path, tarfile.USTAR_FORMAT, ["1.jpg", "2.jpg"])
    path.write_bytes(path.read_bytes()[: 512 * 3 + 100])
    with pytest.raises(DataError, match="ends too early"), TarScanner(path) as scanner:
        list(scanner.list_files())
    with pytest.raises(DataError, match="has become shorter"):
        read_member(path, "2.jpg", 512 * 3, 700)


def scan(path) -> list[str]:
    with TarScanner(path) as scanner:
        return [member.name for member in scanner.list_files()]


READERS = {"index": scan, "tarfile": lambda path: [name for name in TarFile(path).members if name[-1] != "/"]}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_tar_cut_short_anywhere_is_refused(tmp_path, read):
    path = tmp_path / "a.tar"
    held = write(path, tarfile.USTAR_FORMAT, ["1.jpg", "2.jpg", "3.jpg"])
    content = path.read_bytes()
    end = len(content.rstrip(b"\0")) // 512 * 512 + 512
    assert read(path) == list(held)
    for size in range(0, end + 511, 73):
        path.write_bytes(content[:size])
        with pytest.raises(DataError, match="is not a tar that can be read"):
            read(path)
    path.write_bytes(content[: end + 512])
    assert read(path) == list(held), "one block of zeros is an end"


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_members_after_an_end_mark_are_not_passed_over_in_silence(tmp_path, read):
    path = tmp_path / "a.tar"
    write(path, tarfile.USTAR_FORMAT, ["1.jpg", "2.jpg"])
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(DataError, match="goes on after its end mark"):
        read(path)


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_a_hard_link_is_another_name_of_its_file(tmp_path, format):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=format) as archive:
        for target, link in (("a/1.jpg", "b/2.jpg"), (LONG + "x" * 60, "b/" + LONG)):
            info = tarfile.TarInfo(target)
            info.size = 3
            archive.addfile(info, io.BytesIO(target[:3].encode()))
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.LNKTYPE, target
            archive.addfile(info)
    with TarScanner(path) as scanner:
        held = {member.name for member in scanner.list_files()}
    assert dict(scanner.links) == {"b/2.jpg": "a/1.jpg", "b/" + LONG: LONG + "x" * 60}
    assert set(dict(scanner.links).values()) == held
    archive = TarFile(path)
    assert (archive.read("b/2.jpg"), archive.read("b/" + LONG)) == (b"a/1", b"nnn")

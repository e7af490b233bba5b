"""Every format of image that is read, by its ending and by its content; formats that are not, and 16 bits."""

import io

import numpy as np
import pytest
from PIL import Image, features

from residual.data import formats
from residual.data.formats import find_format, find_unread, list_suffixes
from residual.data.image_file import read_image
from residual.data.load import load_data, open_source
from residual.errors import DataError
from tests.support.image_files import photos


def save(path, kind, color=(200, 30, 30), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    file = io.BytesIO()
    Image.new("RGB", (16, 16), color).save(file, kind, **options)
    path.write_bytes(file.getvalue())
    return path


KINDS = [
    ("PNG", ".png"),
    ("JPEG", ".jfif"),
    ("WEBP", ".webp"),
    ("BMP", ".dib"),
    ("TIFF", ".tif"),
    ("PPM", ".ppm"),
]
KINDS += [
    kind
    for feature, kind in (("avif", ("AVIF", ".avif")), ("jpg_2000", ("JPEG2000", ".jp2")))
    if feature in features.get_supported()  # an older Pillow warns if it is asked about AVIF
]


@pytest.mark.parametrize(("kind", "suffix"), KINDS)
def test_a_format_is_read_by_any_name(tmp_path, kind, suffix):
    for name in ("a", "b"):
        for i in range(3):
            save(tmp_path / name / f"{i}{suffix}", kind, (60 * i, 30, 30))
            (tmp_path / name / f"x{i}").write_bytes((tmp_path / name / f"{i}{suffix}").read_bytes())
    source = open_source(tmp_path)
    assert (len(source), source.passed_over) == (12, ())
    assert abs(read_image(tmp_path / "a" / f"1{suffix}").astype(int) - [60, 30, 30]).max() < 12


def test_endings_and_first_bytes_agree(tmp_path):
    for kind, suffix in KINDS:
        assert suffix in list_suffixes()
        assert find_format(save(tmp_path / f"a{suffix}", kind).read_bytes()[: formats.HEAD_BYTES]) == kind
    assert find_format(b"%!PS-Adobe-3.0  ") is None
    assert find_format(b"") is None


def test_heic_names_what_reads_it(tmp_path):
    if ".heic" in list_suffixes():
        pytest.skip("pillow-heif is installed")
    for name, content in photos("cats", "dogs").items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "cats" / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(64))
    (item,) = open_source(tmp_path).passed_over
    assert (item.name.endswith("IMG_1.HEIC"), item.reason) == (True, "pip install 'residual-learning[heif]'")
    assert find_unread()[".heic"] == "pip install 'residual-learning[heif]'"
    with pytest.raises(DataError, match=r"To read \.heic files: pip install 'residual-learning\[heif\]'\."):
        read_image(tmp_path / "cats" / "IMG_1.HEIC")


def write_deep(top, brightest: int):
    for label, name in enumerate(("a", "b")):
        (top / name).mkdir(parents=True)
        for i in range(4):
            values = np.full((8, 8), 260 * (4 * label + i), np.uint16)
            values[0, 0] = brightest
            Image.fromarray(values).save(top / name / f"{i}.png")


def test_12_bits_in_16_are_said_and_white_is_an_option(tmp_path):
    write_deep(tmp_path, 3000)
    source = open_source(tmp_path)
    (note,) = source.notes
    assert note == (
        f"16-bit images use values up to 3,000 of 65,535 and look nearly black; {tmp_path}::white=4095 takes "
        "4,095 for white"
    )
    assert load_data(tmp_path, 8).train.x.max() == 12
    assert load_data(f"{tmp_path}::white=4095", 8).train.x.max() == round(3000 / 4095 * 255)
    with pytest.raises(DataError, match="white must be the value of a white pixel, such as 4095; got '0'"):
        open_source(f"{tmp_path}::white=0")


def test_16_bits_that_are_used_need_no_word(tmp_path):
    write_deep(tmp_path, 60000)
    assert open_source(tmp_path).notes == ()

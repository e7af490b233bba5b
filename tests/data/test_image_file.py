"""Image files of every kind as RGB arrays: pixels by hand, exact errors, nothing but DataError."""

import io
import os
import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from residual.data.image_file import read_image
from residual.errors import DataError

# 2 rows, 3 columns: every pixel another colour, so that each of the 8 orientations looks different.
SIX = np.array(
    [[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[255, 255, 0], [0, 255, 255], [255, 0, 255]]], np.uint8
)
ALLOWED = "Allowed: PNG, JPEG, WebP, GIF, BMP, TIFF, PPM, AVIF, JPEG 2000 and HEIC files."


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def solid(mode: str, colour, size=(4, 4)) -> Image.Image:
    return Image.new(mode, size, colour)


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, SIX),
        (2, SIX[:, ::-1]),
        (3, SIX[::-1, ::-1]),
        (4, SIX[::-1]),
        (5, SIX.transpose(1, 0, 2)),
        (6, np.rot90(SIX, -1)),
        (7, SIX[::-1, ::-1].transpose(1, 0, 2)),
        (8, np.rot90(SIX, 1)),
        (9, SIX),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_camera_rotation_is_undone(orientation, upright, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = read_image(encoded(Image.fromarray(SIX), kind, exif=exif))
    np.testing.assert_array_equal(image, upright)


def test_rotated_jpeg_is_upright_at_reduced_decoding_too():
    exif = Image.Exif()
    exif[0x0112] = 6
    left_dark = np.zeros((64, 96, 3), np.uint8)
    left_dark[:, 48:] = 255
    image = read_image(encoded(Image.fromarray(left_dark), "JPEG", exif=exif), (8, 8))
    assert image[:3].max() < 5  # the left half is up after a turn to the right
    assert image[5:].min() > 250


def test_damaged_exif_does_not_cost_the_image():
    good = encoded(Image.fromarray(SIX), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + bytes(40))
    assert read_image(good).shape == (2, 3, 3)


@given(st.binary(max_size=200))
@settings(max_examples=30, deadline=None)
def test_any_exif_bytes_leave_the_image_readable(block):
    good = encoded(Image.fromarray(SIX), "JPEG", exif=b"Exif\0\0" + block)
    assert sorted(read_image(good).shape) == [2, 3, 3]


@pytest.mark.parametrize(
    ("image", "kind", "rgb"),
    [
        (solid("L", 77), "PNG", (77, 77, 77)),
        (solid("1", 1), "PNG", (255, 255, 255)),
        (solid("1", 0), "TIFF", (0, 0, 0)),
        (solid("RGBA", (10, 20, 30, 255)), "PNG", (10, 20, 30)),
        (solid("RGBA", (10, 20, 30, 0)), "PNG", (255, 255, 255)),
        (solid("RGBA", (0, 0, 0, 51)), "PNG", (204, 204, 204)),  # a fifth black on white
        (solid("LA", (0, 0)), "PNG", (255, 255, 255)),
        (solid("CMYK", (255, 0, 0, 0)), "TIFF", (0, 255, 255)),
        (solid("I;16", 65535), "PNG", (255, 255, 255)),
        (solid("I;16", 32896), "TIFF", (128, 128, 128)),
        (solid("I;16", 200), "PNG", (1, 1, 1)),  # a dark image stays dark
        (solid("I", 200), "TIFF", (200, 200, 200)),
        (solid("F", 0.5), "TIFF", (128, 128, 128)),
        (solid("F", float("nan")), "TIFF", (0, 0, 0)),
        (solid("RGBA", (10, 20, 30, 0)), "WEBP", (255, 255, 255)),
        (solid("RGB", (9, 8, 7)), "BMP", (9, 8, 7)),
    ],
)
def test_every_mode_becomes_rgb(image, kind, rgb):
    options = {"lossless": True} if kind == "WEBP" else {}
    out = read_image(encoded(image, kind, **options))
    assert out.dtype == np.uint8
    np.testing.assert_array_equal(out, np.full((4, 4, 3), rgb))


def test_cmyk_jpeg_keeps_its_colour():
    out = read_image(encoded(solid("CMYK", (0, 255, 255, 0), (16, 16)), "JPEG", quality=95))
    assert np.abs(out.astype(int) - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize("transparency", [0, b"\x00\xff"])
def test_transparent_palette_entries_become_white(transparency):
    image = Image.new("P", (2, 1))
    image.putpalette([200, 0, 0, 0, 100, 0])
    image.putdata([0, 1])
    for kind in ("PNG", "GIF") if transparency == 0 else ("PNG",):
        out = read_image(encoded(image, kind, transparency=transparency))
        assert out.tolist() == [[[255, 255, 255], [0, 100, 0]]]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF"])
def test_first_frame_of_an_animation(kind, tmp_path):
    first, second = solid("RGB", (255, 0, 0)), solid("RGB", (0, 0, 255))
    options = {"lossless": True} if kind == "WEBP" else {}
    file = tmp_path / "two.bin"
    file.write_bytes(encoded(first, kind, save_all=True, append_images=[second], **options))
    assert read_image(file)[0, 0].tolist() == [255, 0, 0]


def test_size_cuts_the_middle_out():
    row = np.zeros((2, 6, 3), np.uint8)
    row[:, 2:4] = (10, 20, 30)
    np.testing.assert_array_equal(
        read_image(encoded(Image.fromarray(row)), (2, 2)), np.full((2, 2, 3), (10, 20, 30))
    )
    assert read_image(encoded(Image.fromarray(row)), (5, 7)).shape == (5, 7, 3)


def test_scaled_jpeg_is_close_to_the_one_decoded_whole():
    ramp = np.broadcast_to(np.linspace(0, 255, 640)[None, :, None], (640, 640, 3)).astype(np.uint8)
    file = encoded(Image.fromarray(ramp), "JPEG", quality=95)
    whole = Image.open(io.BytesIO(file)).resize((32, 32), Image.Resampling.BILINEAR)
    assert np.abs(read_image(file, (32, 32)).astype(int) - np.asarray(whole, int)).max() <= 4


def test_zero_bytes_and_text_are_no_images(tmp_path):
    for content, reason in (
        (b"", "it is empty"),
        (b"hello, I am text\n", "its content is no known image format"),
    ):
        file = tmp_path / "photo.jpg"
        file.write_bytes(content)
        with pytest.raises(DataError) as caught:
            read_image(file)
        assert str(caught.value) == (f"{file} is not an image that can be read ({reason}). {ALLOWED}")
        with pytest.raises(
            DataError, match=re.escape(f"photo.jpg is not an image that can be read ({reason})")
        ):
            read_image(content, name="photo.jpg")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
def test_truncated_images_name_the_file_and_the_formats(kind, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    good = encoded(Image.fromarray(noise), kind)
    file = tmp_path / "cut"
    for share in (0.1, 0.5, 0.9):
        file.write_bytes(good[: int(len(good) * share)])
        with pytest.raises(DataError) as caught:
            read_image(file)
        text = str(caught.value)
        assert re.fullmatch(
            re.escape(f"{file} is not an image that can be read (") + r".+\)\. Allowed.*", text
        )
        assert caught.value.__suppress_context__


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_bytes_give_an_image_or_a_data_error(data):
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"]))
    damaged = bytearray(encoded(Image.fromarray(SIX), kind))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = read_image(bytes(damaged), (4, 4))
    except DataError:
        return
    assert image.shape == (4, 4, 3)


@pytest.mark.parametrize("limit", [15, 8, 7])
def test_decompression_bombs_are_refused_without_a_warning(limit, monkeypatch):
    # 16 pixels: Pillow only warns up to twice its limit, and raises above.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    file = encoded(solid("RGB", "red"))
    with warnings.catch_warnings(record=True, action="always") as seen, pytest.raises(DataError) as caught:
        read_image(file, name="big.png")
    assert str(caught.value) == (
        f"big.png is too large to open safely: over {limit} pixels. Scale it down first."
    )
    assert not seen


def test_formats_that_start_other_programs_are_not_tried():
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\nshowpage\n"
    with pytest.raises(DataError, match="no known image format"):
        read_image(postscript)
    with pytest.raises(DataError, match="no known image format"):
        read_image(encoded(solid("RGB", "red"), "PCX"))


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(DataError, match=re.escape(f"There is no file {tmp_path / 'no.png'}.")):
        read_image(tmp_path / "no.png")
    with pytest.raises(DataError, match=re.escape(f"{tmp_path} is a folder, not an image.")):
        read_image(str(tmp_path))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a user who can be refused")
def test_forbidden_file(tmp_path):
    file = tmp_path / "mine.png"
    file.write_bytes(encoded(solid("RGB", "red")))
    file.chmod(0)
    with pytest.raises(DataError, match="permission denied"):
        read_image(file)


def test_bytes_are_called_by_the_name_given():
    with pytest.raises(DataError, match=r"^upload 3 is not an image"):
        read_image(b"x", name="upload 3")
    with pytest.raises(DataError, match=r"^image is not an image"):
        read_image(b"x")

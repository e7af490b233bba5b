"""The digest of an image: equal pixels give equal digests, whichever way the image comes in."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from residual.auditing import scan
from residual.data import pixel_store
from residual.data.decoding import decode_images
from residual.data.digests import (
    describe_known,
    find_in,
    group_duplicates,
    hash_array,
    hash_images,
    read_digests,
    write_digests,
)
from residual.data.images import Images
from tests.support.image_files import png

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (20, 5, 4, 3), dtype=np.uint8)


def test_size_and_pixels_count():
    assert hash_array(PIXELS[0]) == hashlib.blake2b(b"(4, 5)" + PIXELS[0].tobytes(), digest_size=16).digest()
    assert hash_array(PIXELS[0]) != hash_array(PIXELS[0].reshape(4, 5, 3))
    assert hash_array(PIXELS[0][::-1]) == hash_array(PIXELS[0][::-1].copy())


def test_of_many_is_that_of_each(monkeypatch):
    monkeypatch.setattr(pixel_store, "_PIECE", 7 * 60)
    expected = [np.frombuffer(hash_array(image), np.uint64).tolist() for image in PIXELS]
    assert hash_images(PIXELS).tolist() == expected
    assert hash_images(PIXELS[:0]).shape == (0, 2)


def test_decoding_and_the_audit_hash_alike():
    _, digests = decode_images([(png(i), "") for i in range(40)], 40, None, "here")
    facts = [scan._examine(png(i)).digest for i in range(40)]
    assert digests.tobytes() == b"".join(facts)


@pytest.mark.parametrize("strip", [1, 10, 2**20])
def test_strips_give_the_digest_of_the_whole(strip, monkeypatch):
    monkeypatch.setattr(scan, "_STRIP", strip)
    assert scan._measure(Image.fromarray(PIXELS[0]), "PNG").digest == hash_array(PIXELS[0])


def test_duplicates_have_the_number_of_the_first():
    x = np.zeros((5, 2, 2, 3), np.uint8)
    x[1], x[3] = 7, 7
    x[4, 0, 0, 0] = 1
    assert group_duplicates(hash_images(x)).tolist() == [0, 1, 0, 1, 4]


def test_zero_bytes_in_digests_are_not_padding():
    digests = np.array([[1, 0], [0, 1], [1, 0], [0, 0], [1, 1]], np.uint64)
    assert group_duplicates(digests).tolist() == [0, 1, 0, 3, 4]
    assert find_in(digests, [digests[:1], digests[3:4]]).tolist() == [True, False, True, True, False]
    assert not find_in(digests, []).any()


def test_images_are_hashed_once(monkeypatch):
    images = Images(PIXELS, np.arange(20))
    digests = images.digests
    monkeypatch.setattr("residual.data.images.hash_images", None)
    part = images.take([4, 2])
    np.testing.assert_array_equal(part.digests, digests[[4, 2]])
    np.testing.assert_array_equal(part.and_also(images.take([7])).digests, digests[[4, 2, 7]])


def test_digests_are_kept_and_read(tmp_path):
    digests = hash_images(PIXELS)
    write_digests(tmp_path / "digests.npy", digests)
    read = read_digests(tmp_path / "digests.npy")
    assert sorted(map(tuple, read.tolist())) == sorted(map(tuple, digests.tolist()))
    assert (tmp_path / "digests.npy").stat().st_size == 128 + 16 * len(PIXELS)
    others = np.concatenate([PIXELS[:3], RNG.integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)])
    known = find_in(hash_images(others), [read])
    assert known.tolist() == [True] * 3 + [False] * 2
    assert describe_known(known, "photos").startswith(
        "3 of the 5 images of photos are images that the network was"
    )
    assert describe_known(~known[:3], "photos") == ""


def test_damaged_digests_are_none(tmp_path):
    path = tmp_path / "digests.npy"
    assert read_digests(path) is None
    for content in (b"", b"\x93NUMPY", b"x" * 200):
        path.write_bytes(content)
        assert read_digests(path) is None
    np.save(path, np.zeros((3, 3)))
    assert read_digests(path) is None

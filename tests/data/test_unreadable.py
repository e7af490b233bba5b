"""A few damaged images are skipped and told of, wherever the images lie: files, members of a zip, rows."""

import csv
import json
import re

import pytest

from residual.data.load import load_data
from residual.errors import DataError
from tests.support.image_files import pack, png

DAMAGED = 7  # of 40, image i of class i % 2


def contents() -> list[bytes]:
    return [b"not a photo" if i == DAMAGED else png(i) for i in range(40)]


def names() -> list[str]:
    return [f"{'dog' if i % 2 else 'cat'}/{i}.png" for i in range(40)]


def folder(place):
    for name, content in zip(names(), contents(), strict=True):
        (place / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "photos" / name).write_bytes(content)
    return place / "photos", str(place / "photos" / names()[DAMAGED])


def archive(place):
    path = pack(place / "photos.zip", dict(zip(names(), contents(), strict=True)))
    return path, f"{path}: {names()[DAMAGED]}"


def comma_separated(place):
    folder(place)
    path = place / "photos" / "all.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *((name, name[:3]) for name in names())])
    return path, f"{path}: {names()[DAMAGED]}"


def json_lines(place):
    folder(place)
    path = place / "photos" / "all.jsonl"
    path.write_text("\n".join(json.dumps({"path": name, "label": name[:3]}) for name in names()))
    return path, f"{path}: {names()[DAMAGED]}"


def parquet(place, labels=None):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = place / "photos.parquet"
    cells = pa.array(
        [{"bytes": content, "path": None} for content in contents()],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    )
    pq.write_table(pa.table({"image": cells, "label": labels or [i % 2 for i in range(40)]}), path)
    return path, f"{path} row {DAMAGED}"


KINDS = (folder, archive, comma_separated, json_lines, parquet)


@pytest.mark.parametrize("kind", KINDS)
def test_one_of_forty_is_skipped_and_told_of(tmp_path, kind):
    path, name = kind(tmp_path)
    data = load_data(path)
    (told,) = data.unreadable
    assert told.startswith(f"{name} is not an image that can be read (its content is no known image format)")
    labels = {
        int(x[0, 0, 0]): int(y)
        for part in (data.train, data.test)
        for x, y in zip(part.x, part.y, strict=True)
    }
    assert labels == {i: i % 2 for i in range(40) if i != DAMAGED}  # greys: each image kept its own label


@pytest.mark.parametrize("kind", KINDS)
def test_more_than_is_allowed(tmp_path, kind):
    path, name = kind(tmp_path)
    with pytest.raises(DataError) as caught:
        load_data(path, max_unreadable=0.02)
    assert str(caught.value).startswith(
        f"{path}: 1 of 40 image files cannot be read, more than 2%. The first: {name} is not an image"
    )
    assert str(caught.value).endswith("or allow more with max_unreadable.")


def test_the_only_row_of_a_class(tmp_path):
    path, name = parquet(tmp_path, [2 if i == DAMAGED else i % 2 for i in range(40)])
    says = (
        f"{path} has no training images for 2 that can be read. The first that cannot: {name} is not an image"
    )
    with pytest.raises(DataError, match=f"^{re.escape(says)}"):
        load_data(path)


def test_the_only_image_of_a_class_in_a_zip(tmp_path):
    files = {f"{'a' if i else 'b'}/{i}.png": png(i) if i else b"" for i in range(40)}
    with pytest.raises(DataError) as caught:
        load_data(pack(tmp_path / "photos.zip", files))
    path = tmp_path / "photos.zip"
    assert str(caught.value).startswith(
        f"{path} has no training images for b that can be read. The first that cannot: {path}: b/0.png is not an image"
    )


def test_all_test_images_of_a_zip(tmp_path):
    files = {f"train/{name}": content for name, content in zip(names(), contents(), strict=True)}
    path = pack(tmp_path / "photos.zip", {**files, "test/cat/0.png": b"", "test/dog/0.png": b""})
    with pytest.raises(DataError) as caught:
        load_data(path, max_unreadable=0.1)
    assert str(caught.value).startswith(
        f"{path}: none of the test images can be read. The first: {path}: test/cat/0.png is not an image"
    )

"""Data sets as they are published: MNIST, SVHN, STL-10, CIFAR-100, WebDataset, and a checkout from a hub."""

import contextlib
import gzip
import io
import json
import pickle
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from residual.data import matlab_file
from residual.data.load import open_source
from residual.errors import DataError
from tests.support.image_files import png

RNG = np.random.default_rng(0)


def said(path) -> str:
    with pytest.raises(DataError) as caught:
        open_source(path)
    return str(caught.value)


def counts(source) -> list[int]:
    return [len(source.indices(split)) for split in ("train", "validation", "test")]


def idx(array: np.ndarray) -> bytes:
    return (
        b"\0\0\x08"
        + bytes([array.ndim])
        + np.array(array.shape, ">u4").tobytes()
        + array.astype(np.uint8).tobytes()
    )


def write_mnist(folder, prefix="", packed=True, middle="-", ending="-ubyte"):
    x = RNG.integers(0, 256, (12, 5, 5), np.uint8)
    for split, number in (("train", 12), ("t10k" if not prefix else "test", 6)):
        for kind, array, digit in (("images", x[:number], 3), ("labels", np.arange(number) % 3, 1)):
            content = idx(array)
            name = f"{prefix}{split}{middle}{kind}{'-' if ending[0] == '-' else '.'}idx{digit}{ending}"
            (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(content) if packed else content)
    return x


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("style", [("", "-ubyte"), ("", ".ubyte"), ("emnist-letters-", "-ubyte")])
def test_mnist(tmp_path, packed, style):
    x = write_mnist(tmp_path, style[0], packed, ending=style[1])
    file = next(tmp_path.glob("*train-images*"))
    for path in (tmp_path, file):
        source = open_source(path)
        assert (counts(source), source.classes) == ([12, 0, 6], ("0", "1", "2"))
        np.testing.assert_array_equal(source.open(3)[..., 1], x[3])


def test_mnist_that_is_damaged(tmp_path):
    write_mnist(tmp_path, packed=False)
    images = tmp_path / "train-images-idx3-ubyte"
    whole = images.read_bytes()
    images.write_bytes(whole[:-1])
    assert said(tmp_path) == f"{images} declares 300 values and has 299: it is damaged. Download it again."
    images.write_bytes(b"\0\0\x08\x03" + b"\xff" * 12 + bytes(300))
    assert "declares" in said(tmp_path)
    images.write_bytes(whole[:7])
    assert "declares" in said(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    assert said(tmp_path).startswith(f"{images} has no companion with the labels")


def test_two_data_sets_of_idx_files(tmp_path):
    write_mnist(tmp_path, "emnist-letters-")
    write_mnist(tmp_path, "emnist-digits-")
    assert "several data sets: emnist-digits, emnist-letters" in said(tmp_path)
    assert counts(open_source(tmp_path / "emnist-digits-train-images-idx3-ubyte.gz")) == [12, 0, 6]


def test_svhn(tmp_path):
    x = RNG.integers(0, 256, (32, 32, 3, 20), np.uint8)
    y = np.arange(20)[:, None] % 10 + 1
    for split, n in (("train", 20), ("test", 10)):
        scipy.io.savemat(tmp_path / f"{split}_32x32.mat", {"X": x[..., :n], "y": y[:n]}, do_compression=True)
    for path in (tmp_path, tmp_path / "train_32x32.mat"):
        source = open_source(path)
        assert (counts(source), source.classes) == ([20, 0, 10], tuple("0123456789"))
        assert source.labels[:10].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
        np.testing.assert_array_equal(source.open(4), x[..., 4])
    (tmp_path / "train_32x32.mat").write_bytes((tmp_path / "train_32x32.mat").read_bytes()[:500])
    assert str(tmp_path / "train_32x32.mat") in said(tmp_path)


@given(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
    st.booleans(),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_anywhere_in_a_matlab_file(tmp_path, damage, packed):
    """SciPy's compiled reader ended the process."""
    path = tmp_path / "all.mat"
    x = np.arange(4 * 4 * 3 * 8, dtype=np.uint8).reshape(4, 4, 3, 8)
    scipy.io.savemat(path, {"X": x, "y": np.arange(8)[:, None] % 2}, do_compression=packed)
    content = bytearray(path.read_bytes())
    for place, value in damage:
        content[int(place * len(content))] = value
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        assert open_source(path).open(0).shape[-1] == 3


def test_a_matlab_bomb_is_refused(tmp_path, monkeypatch):
    scipy.io.savemat(tmp_path / "all.mat", {"X": np.zeros((100, 100, 3, 100), np.uint8)}, do_compression=True)
    monkeypatch.setattr(matlab_file, "FREE", 100_000)
    assert "unpacks to more than 100 times what it stores" in said(tmp_path / "all.mat")


def test_numbers_of_matlab(tmp_path):
    held = {"X": np.arange(96.0).reshape(2, 4, 4, 3) * 2, "y": np.array([[1.0], [2.0]])}
    held |= {"text": "abc", "c": np.ones(2) * 1j}
    scipy.io.savemat(tmp_path / "a.mat", held)
    arrays = matlab_file.read_arrays(tmp_path / "a.mat")
    assert set(arrays) == {"X", "y"}
    np.testing.assert_array_equal(arrays["X"], held["X"])


def test_stl10(tmp_path):
    x = RNG.integers(0, 256, (6, 3, 96, 96), np.uint8)  # channels, columns, rows
    for split, n in (("train", 6), ("test", 4)):
        (tmp_path / f"{split}_X.bin").write_bytes(x[:n].tobytes())
        (tmp_path / f"{split}_y.bin").write_bytes((np.arange(n) % 2 + 1).astype(np.uint8).tobytes())
    (tmp_path / "class_names.txt").write_text("airplane\nbird\n")
    (tmp_path / "unlabeled_X.bin").write_bytes(x.tobytes())
    source = open_source(tmp_path)
    assert (counts(source), source.classes, source.labels[:2].tolist()) == (
        [6, 0, 4],
        ("airplane", "bird"),
        [0, 1],
    )
    np.testing.assert_array_equal(source.open(2), x[2].transpose(2, 1, 0))
    assert [item.name for item in source.passed_over] == ["unlabeled_X.bin"]
    (tmp_path / "test_y.bin").write_bytes(b"\1")
    assert "test_X.bin has 110,592 bytes" in said(tmp_path)


def write_cifar100(folder):
    folder.mkdir(parents=True)
    for split, n in (("train", 12), ("test", 6)):
        held = {
            b"data": RNG.integers(0, 256, (n, 3072), np.uint8),
            b"fine_labels": [i % 4 for i in range(n)],
            b"coarse_labels": [i % 2 for i in range(n)],
        }
        (folder / split).write_bytes(pickle.dumps(held, protocol=2))
    meta = {
        b"fine_label_names": [b"ant", b"bee", b"cow", b"dog"],
        b"coarse_label_names": [b"insect", b"mammal"],
    }
    (folder / "meta").write_bytes(pickle.dumps(meta, protocol=2))


def test_cifar100(tmp_path):
    write_cifar100(tmp_path / "cifar-100-python")
    with tarfile.open(tmp_path / "cifar-100-python.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "cifar-100-python", arcname="cifar-100-python")
    for path in (tmp_path, tmp_path / "cifar-100-python", tmp_path / "cifar-100-python.tar.gz"):
        source = open_source(path)
        assert (counts(source), source.classes) == ([12, 0, 6], ("ant", "bee", "cow", "dog"))
        assert any("the fine labels are read" in note for note in source.notes)
        assert open_source(f"{path}::label=coarse").classes == ("insect", "mammal")
    assert "label must be fine (100 classes) or coarse (20); got 'big'." in said(f"{path}::label=big")

    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    (tmp_path / "cifar-100-python" / "meta").write_bytes(pickle.dumps(Evil()))
    assert "refused, nothing was run" in said(tmp_path / "cifar-100-python")


def write_shard(path, first: int, count: int, label=lambda i: ("cls", str(i % 2).encode())):
    with tarfile.open(path, "w") as archive:
        for i in range(first, first + count):
            for ending, content in (("png", png(i)), label(i)):
                info = tarfile.TarInfo(f"{i:06}.{ending}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))


LABEL_FILES = {
    "number": lambda i: ("cls", b"%d\n" % (i % 2)),
    "text": lambda i: ("cls", [b"cat", b"dog"][i % 2]),
}


@pytest.mark.parametrize("kind", LABEL_FILES)
def test_webdataset(tmp_path, kind):
    write_shard(tmp_path / "pets-train-000000.tar", 0, 6, LABEL_FILES[kind])
    write_shard(tmp_path / "pets-train-000001.tar", 6, 4, LABEL_FILES[kind])
    write_shard(tmp_path / "pets-val-000000.tar", 10, 4, LABEL_FILES[kind])
    source = open_source(tmp_path)
    assert (counts(source), len(source.classes)) == ([10, 0, 4], 2)
    assert source.to_dataset(4).train.x[:, 0, 0, 0].tolist() == list(range(10))
    assert counts(open_source(tmp_path / "pets-train-000000.tar")) == [6, 0, 0]


def test_webdataset_with_json(tmp_path):
    write_shard(tmp_path / "a.tar", 0, 6)
    with tarfile.open(tmp_path / "a.tar", "a") as archive:
        for name, content in (
            ("9.png", png(9)),
            ("9.json", json.dumps({"caption": "x", "label": 1}).encode()),
            ("8.png", png(8)),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    source = open_source(tmp_path / "a.tar")
    assert (len(source), source.labels[-1]) == (7, 1)
    assert [(item.name, item.reason) for item in source.passed_over] == [("a.tar: 8.png", "without a label")]


def test_webdataset_with_json_alone(tmp_path):
    write_shard(tmp_path / "a.tar", 0, 6, lambda i: ("json", b'{"label": %d}' % (i % 2)))
    source = open_source(tmp_path / "a.tar")
    assert (source.layout, source.labels.tolist()) == ("WebDataset shards", [0, 1] * 3)


@pytest.mark.parametrize(
    ("members", "layout"),
    [
        (["cover.png", "cover.json", "x/1.png", "x/2.png", "y/1.png", "y/2.png"], "a tar of class folders"),
        (["cat_1.png", "cat_1.json", "cat_2.png", "dog_1.png", "dog_2.png"], "a tar of class folders"),
    ],
)
def test_a_json_without_a_label_makes_no_webdataset(tmp_path, members, layout):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for i, name in enumerate(members):
            content = (
                png(i) if name.endswith(".png") else b'{"label": 1}' if "/" in "".join(members) else b"{}"
            )
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    flat = "" if "/" in "".join(members) else "::label=name"
    assert open_source(f"{tmp_path / 'a.tar'}{flat}").layout == layout


def test_webdataset_without_a_label_says_what_one_is(tmp_path):
    write_shard(tmp_path / "a.tar", 0, 3, lambda i: ("cls", b""))
    assert "no image has a label. An image and its label share a name" in said(tmp_path / "a.tar")


def test_webdataset_whose_first_image_is_large(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for i in range(4):
            for ending, content in (
                ("png", png(i) + bytes(2**21 if i == 0 else 0)),
                ("cls", b"%d" % (i % 2)),
            ):
                info = tarfile.TarInfo(f"{i}.{ending}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    assert open_source(tmp_path / "a.tar").layout == "WebDataset shards"


def test_a_shard_without_images_is_named(tmp_path):
    write_shard(tmp_path / "train-0.tar", 0, 6)
    tarfile.open(tmp_path / "train-1.tar", "w").close()
    source = open_source(tmp_path)
    assert len(source) == 6
    assert [item.name for item in source.passed_over] == ["train-1.tar"]


def test_images_under_two_names_in_a_tar_are_read_twice(tmp_path):
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        for i, name in enumerate(("a/1.png", "a/2.png", "b/1.png")):
            info = tarfile.TarInfo(name)
            info.size = len(png(i))
            archive.addfile(info, io.BytesIO(png(i)))
        link = tarfile.TarInfo("b/2.png")
        link.type, link.linkname = tarfile.LNKTYPE, "b/1.png"
        archive.addfile(link)
    source = open_source(tmp_path / "photos.tar")
    assert sorted(source.names) == ["a/1.png", "a/2.png", "b/1.png", "b/2.png"]
    assert source.read(list(source.names).index("b/2.png")) == png(2)


@pytest.mark.parametrize("name", ["../x.png", "/etc/x.png"])
def test_a_tar_that_leads_outside_is_refused(tmp_path, name):
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        for i, member in enumerate(("a/1.png", "a/2.png", "b/1.png", "b/2.png", name)):
            info = tarfile.TarInfo(member)
            info.size = len(png(i))
            archive.addfile(info, io.BytesIO(png(i)))
    assert "leads out of the archive: refused" in said(tmp_path / "photos.tar")


def test_a_tar_bomb_is_refused(tmp_path, monkeypatch):
    from residual.data import limits

    monkeypatch.setattr(limits, "FREE", 1000)
    monkeypatch.setattr(limits.check_unpacked, "__defaults__", (1000,))
    with tarfile.open(tmp_path / "photos.tgz", "w:gz") as archive:
        for member in ("a/1.png", "b/1.png"):
            info = tarfile.TarInfo(member)
            info.size = 3_000_000
            archive.addfile(info, io.BytesIO(bytes(3_000_000)))
    assert "is damaged or made to fill the memory" in said(tmp_path / "photos.tgz")


def write_parquet(path, first: int, count: int, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [{"bytes": png(first + i), "path": f"{i}.png"} for i in range(count)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = columns or {"label": [i % 2 for i in range(count)]}
    pq.write_table(pa.table({"image": pa.array(cells, kind), **columns}), path)


@pytest.mark.parametrize(
    "names",
    [
        ("data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"),
        ("default/train/0000.parquet", "default/test/0000.parquet"),
        ("plain_text/train-00000-of-00001.parquet", "plain_text/test-00000-of-00001.parquet"),
        ("train.parquet", "test.parquet"),
    ],
)
def test_a_checkout_from_a_hub(tmp_path, names):
    write_parquet(tmp_path / names[0], 0, 8)
    write_parquet(tmp_path / names[1], 8, 4)
    (tmp_path / "README.md").write_text("a card")
    source = open_source(tmp_path)
    assert counts(source) == [8, 0, 4]
    assert source.to_dataset().test.x[:, 0, 0, 0].tolist() == [8, 9, 10, 11]


def test_several_configurations(tmp_path):
    for config in ("small", "large"):
        write_parquet(tmp_path / config / "train" / "0000.parquet", 0, 8)
    assert f"{tmp_path} has several data sets: large, small. Name one: {tmp_path}::config=large" in said(
        tmp_path
    )
    assert len(open_source(f"{tmp_path}::config=small")) == 8


def test_columns_of_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    write_parquet(path, 0, 8, species=["ant", "bee"] * 4, size=list(range(8)))
    assert open_source(path).classes == ("ant", "bee")
    write_parquet(path, 0, 8, genus=["x", "y"] * 4, species=["ant", "bee"] * 4)
    assert "several labels: genus, species. Name one:" in said(path)
    assert open_source(f"{path}::label=genus").classes == ("x", "y")
    write_parquet(path, 0, 8, label=[1, 3] * 4)
    assert open_source(path).classes == ("1", "3")

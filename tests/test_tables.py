"""Arrays in .npz files and images in Parquet tables."""

import io
import json
import pickle
import sys

import numpy as np
import pytest
from PIL import Image

from residual.data.sources import load_data
from residual.errors import DataError


def said(path, size=None) -> str:
    with pytest.raises(DataError) as caught:
        load_data(path, size)
    return str(caught.value)


def arrays(n: int, size: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Image i is all i, its label i % 2."""
    x = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, size, size, 3))
    return x, np.arange(n) % 2


class TestNpz:
    def write(self, tmp_path, **content):
        np.savez(tmp_path / "mine.npz", **content)
        return tmp_path / "mine.npz"

    def test_both_parts(self, tmp_path):
        (x, y), (x_test, y_test) = arrays(6), arrays(3)
        path = self.write(tmp_path, x_train=x, y_train=y[:, None], x_test=x_test, y_test=y_test)
        data = load_data(path)
        assert (data.name, data.classes, data.made_test) == ("mine", ("0", "1"), False)
        np.testing.assert_array_equal(data.train.x, x)
        assert data.test.y.tolist() == [0, 1, 0]
        assert str(path) in data.source

    def test_one_part_is_split(self, tmp_path):
        x, y = arrays(20)
        path = self.write(tmp_path, x=x[..., 0], y=y.astype(np.uint8), classes=["cat", "dog"])
        data = load_data(path, 8)
        assert (data.classes, data.made_test, data.size) == (("cat", "dog"), True, (8, 8))
        assert (len(data.train), len(data.test)) == (16, 4)
        assert sorted([*data.train.x[:, 0, 0, 0], *data.test.x[:, 0, 0, 0]]) == list(range(20))
        assert data.source == f"20 images from {path}; 4 of them set aside as the test set"

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ({"a": 1}, " needs x_train, y_train, x_test and y_test, or x and y; it holds a."),
            ({}, " needs x_train, y_train, x_test and y_test, or x and y; it holds nothing."),
            (
                {"x": np.zeros((2, 4, 4, 3)), "y": [0, 1]},
                ": images must be uint8 from 0 to 255, got float64.",
            ),
            (
                {"x": np.zeros((2, 4, 4, 3), np.uint8), "y": ["a", "b"]},
                ": 2 images need as many whole-number labels; got <U1 (2,).",
            ),
            (
                {"x": np.zeros((2, 4, 4, 3), np.uint8), "y": [-3, -1]},
                ": labels must be 0 to 0, got -3 to -1.",
            ),
            (
                {"x": np.zeros((2, 4, 4, 3), np.uint8), "y": [0, 2**60]},
                ": labels must be 0 to 99999 at most, got 0 to 1152921504606846976.",
            ),
            (
                {"x": np.zeros((2, 4, 4, 3), np.uint8), "y": [0, 2], "classes": ["a", "b"]},
                ": labels must be 0 to 1, got 0 to 2.",
            ),
            (
                {"x": np.zeros((2, 4, 4, 3), np.uint8), "y": [0, 1], "classes": ["a", "a"]},
                " names a class twice: a, a.",
            ),
            (
                {"x": np.zeros((2, 4, 4, 3), np.uint8), "y": [0, 1]},
                " has no test images. No class has two images, so none can be set aside: add images.",
            ),
        ],
    )
    def test_what_does_not_fit_names_the_file(self, tmp_path, content, says):
        path = self.write(tmp_path, **content)
        assert said(path).startswith(f"{path}{says}")

    def test_parts_of_two_sizes(self, tmp_path):
        (x, y), (x_test, y_test) = arrays(6), arrays(3, size=5)
        path = self.write(tmp_path, x_train=x, y_train=y, x_test=x_test, y_test=y_test)
        assert said(path).startswith(f"{path}: test images are 5x5, training images 4x4")

    def test_pickled_arrays_are_refused(self, tmp_path):
        path = self.write(tmp_path, x=np.array([{}], dtype=object), y=[0])
        assert said(path) == (
            f"{path} is not an .npz that can be read safely (Object arrays cannot be loaded when "
            "allow_pickle=False). Write plain arrays with numpy.savez."
        )

    def test_other_files_in_disguise(self, tmp_path):
        path = tmp_path / "mine.npz"
        npy = io.BytesIO()
        np.save(npy, np.zeros(3))
        for content in (b"", b"text", pickle.dumps([1]), npy.getvalue()):
            path.write_bytes(content)
            assert said(path) == f"{path} is not an .npz: it is no zip archive. Write it with numpy.savez."

    def test_truncated_and_damaged(self, tmp_path):
        x, y = arrays(20)
        path = self.write(tmp_path, x=x, y=y)
        whole = path.read_bytes()
        for length in (50, len(whole) // 2, len(whole) - 5):
            path.write_bytes(whole[:length])
            assert said(path).startswith(f"{path} is not an .npz")
        damaged = bytearray(whole)
        damaged[300:310] = bytes(10)
        damaged[60] ^= 255
        path.write_bytes(damaged)
        assert said(path).startswith(f"{path} is not an .npz that can be read safely (")


def png(grey: int, size: int = 4) -> bytes:
    file = io.BytesIO()
    Image.new("L", (size, size), grey).save(file, "PNG")
    return file.getvalue()


class TestParquet:
    @pytest.fixture(autouse=True)
    def arrow(self):
        self.pa = pytest.importorskip("pyarrow", reason="reading Parquet needs the optional pyarrow")
        self.pq = pytest.importorskip("pyarrow.parquet")

    def write(self, path, files, labels, names=None, image="image", label="label"):
        path.parent.mkdir(parents=True, exist_ok=True)
        cells = [file if file is None else {"bytes": file, "path": None} for file in files]
        kind = self.pa.struct([("bytes", self.pa.binary()), ("path", self.pa.string())])
        table = self.pa.table({image: self.pa.array(cells, kind), label: labels})
        if names is not None:
            feature = {"names": names, "_type": "ClassLabel"}
            info = {"info": {"features": {image: {"_type": "Image"}, label: feature}}}
            table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
        self.pq.write_table(table, path)
        return path

    def test_pair_with_the_names_of_the_schema(self, tmp_path):
        folder = tmp_path / "pets"
        self.write(folder / "train-00000-of-00001.parquet", map(png, range(6)), [0, 1] * 3, ["cat", "dog"])
        self.write(folder / "test-00000-of-00001.parquet", map(png, range(9, 11)), [0, 0], ["cat", "dog"])
        data = load_data(folder)
        assert (data.name, data.classes, data.made_test) == ("pets", ("cat", "dog"), False)
        assert data.train.x[:, 0, 0].tolist() == [[i] * 3 for i in range(6)]
        assert data.test.y.tolist() == [0, 0]
        assert str(folder) in data.source

    def test_names_in_one_file_serve_both(self, tmp_path):
        self.write(tmp_path / "train.parquet", map(png, range(4)), [0, 1, 1, 1], ["cat", "dog"])
        self.write(tmp_path / "test.parquet", map(png, range(2)), [0, 0])
        assert load_data(tmp_path).classes == ("cat", "dog")

    def test_parts_that_name_different_classes(self, tmp_path):
        self.write(tmp_path / "train.parquet", map(png, range(2)), [0, 1], ["cat", "dog"])
        self.write(tmp_path / "test.parquet", map(png, range(2)), [0, 1], ["dog", "cat"])
        assert said(tmp_path) == (
            f"{tmp_path / 'train.parquet'} and {tmp_path / 'test.parquet'} name different classes: "
            "cat, dog and dog, cat. Both must give the same names in the same order."
        )

    def test_one_file_is_split(self, tmp_path):
        path = self.write(
            tmp_path / "all.parquet", map(png, range(20)), [0, 1] * 10, image="img", label="labels"
        )
        data = load_data(path)
        assert (data.classes, data.made_test, len(data.train), len(data.test)) == (("0", "1"), True, 16, 4)

    @pytest.mark.parametrize(
        ("folder", "first"), [("cifar10", "airplane"), ("CIFAR-10", "airplane"), ("mine", "0")]
    )
    def test_only_a_folder_called_cifar10_gets_its_names(self, tmp_path, folder, first):
        place = tmp_path / "about-cifar10" / folder
        for part in ("train", "test"):
            self.write(place / f"{part}.parquet", map(png, range(10)), range(10))
        assert load_data(place).classes[0] == first

    def test_cifar10_is_found_by_name(self, tmp_path, monkeypatch):
        place = tmp_path / "datasets" / "cifar10"
        for part in ("train", "test"):
            self.write(place / f"{part}.parquet", map(png, range(10)), range(10))
        monkeypatch.setenv("RESIDUAL_DATA", str(tmp_path / "datasets"))
        data = load_data("cifar10")
        assert (data.name, data.classes[9], len(data.test)) == ("cifar10", "truck", 10)
        monkeypatch.delenv("RESIDUAL_DATA")
        assert load_data("cifar10").name == "cifar10"  # ./datasets
        monkeypatch.chdir(place)
        assert load_data("cifar10", root=".").name == "cifar10"

    def test_sizes(self, tmp_path):
        path = self.write(tmp_path / "all.parquet", [png(1, 4), png(2, 5), png(3, 6)], [0, 0, 1])
        assert said(path) == (
            f"{path} row 1 has 5x5 pixels, {path} row 0 4x4; give --size to scale all to one."
        )
        assert load_data(path, 3).train.x.shape == (2, 3, 3, 3)

    def test_images_that_cannot_be_read_name_their_row(self, tmp_path):
        path = self.write(tmp_path / "all.parquet", [png(1), b"text", png(2)], [0, 0, 0])
        many = f"{path}: 1 of 2 image files cannot be read, more than 5%. The first: {path} row 1"
        assert said(path).startswith(
            f"{many.replace('of 2', 'of 3')} is not an image that can be read (its content is no known"
        )
        for nothing in ([png(1), None], [png(1), {}]):
            cells = [file if isinstance(file, bytes) else None for file in nothing]
            self.write(path, cells, [0, 0])
            assert said(path).startswith(
                f"{many} holds no image: every row needs the bytes of an image file."
            )

    def test_image_kept_by_path_only(self, tmp_path):
        kind = self.pa.struct([("bytes", self.pa.binary()), ("path", self.pa.string())])
        cells = self.pa.array([{"bytes": None, "path": "/etc/passwd"}], kind)
        self.pq.write_table(self.pa.table({"image": cells, "label": [0]}), tmp_path / "all.parquet")
        assert "row 0 holds no image" in said(tmp_path / "all.parquet")

    @pytest.mark.parametrize(
        ("labels", "says"),
        [
            ([0, None], ": 2 images need as many whole-number labels; got object (2,)."),
            (["a", "b"], ": 2 images need as many whole-number labels; got <U1 (2,)."),
            ([-1, -1], ": labels must be 0 to 0, got -1 to -1."),
        ],
    )
    def test_labels(self, tmp_path, labels, says):
        path = self.write(tmp_path / "all.parquet", map(png, range(2)), labels)
        assert said(path).startswith(f"{path}{says}")

    def test_no_rows(self, tmp_path):
        path = self.write(tmp_path / "all.parquet", [], self.pa.array([], self.pa.int64()))
        assert said(path) == f"{path}: there are no images."

    def test_columns(self, tmp_path):
        path = tmp_path / "all.parquet"
        self.pq.write_table(self.pa.table({"text": ["a"], "label": [0]}), path)
        assert said(path) == (
            f"{path} needs an image column of {{bytes, path}} and a column label; it has text, label. "
            "Write the file with both."
        )

    @pytest.mark.parametrize("metadata", [b"no json", b"[]", b'{"info": 3}', b'{"info": {"features": {}}}'])
    def test_odd_metadata_means_no_names(self, tmp_path, metadata):
        path = self.write(tmp_path / "all.parquet", map(png, range(4)), [0, 1] * 2)
        table = self.pq.read_table(path).replace_schema_metadata({"huggingface": metadata})
        self.pq.write_table(table, path)
        assert load_data(path).classes == ("0", "1")

    def test_damaged(self, tmp_path):
        path = self.write(tmp_path / "all.parquet", map(png, range(4)), [0, 1] * 2)
        whole = path.read_bytes()
        for content in (b"", b"text", whole[: len(whole) // 2], whole[:-4]):
            path.write_bytes(content)
            text = said(path)
            assert text.startswith(f"{path} is not a Parquet file that can be read (")
            assert text.endswith("). Download it again.")

    def shards(self, folder, **parts):
        """Two files of three images per part, named as Hugging Face does; greys count on."""
        for part, start in parts.items():
            for i in range(2):
                greys = range(start + 3 * i, start + 3 * i + 3)
                path = folder / f"{part}-0000{i}-of-00002.parquet"
                self.write(path, map(png, greys), [grey % 2 for grey in greys], ["cat", "dog"])

    def greys(self, images) -> list[int]:
        return images.x[:, 0, 0, 0].tolist()

    def test_parts_in_several_files_are_read_in_their_order(self, tmp_path):
        self.shards(tmp_path, train=0, test=10, validation=20)
        data = load_data(tmp_path)
        assert [self.greys(part) for part in (data.train, data.test, data.validation)] == [
            [*range(6)],
            [*range(10, 16)],
            [*range(20, 26)],
        ]
        assert data.validation.y.tolist() == [0, 1] * 3
        assert (data.classes, data.made_test) == (("cat", "dog"), False)
        assert data.source == (
            f"{data.name} from {tmp_path / 'train-00000-of-00002.parquet'} to train-00001-of-00002.parquet "
            f"(6 images) and {tmp_path / 'test-00000-of-00002.parquet'} to test-00001-of-00002.parquet (6 images)"
        )

    def test_validation_files_are_the_test_set_where_there_is_none(self, tmp_path):
        self.shards(tmp_path, train=0, val=10)
        data = load_data(tmp_path)
        assert (self.greys(data.test), data.validation) == ([*range(10, 16)], None)

    @pytest.mark.parametrize("part", ["train", "data"])
    def test_one_part_in_several_files_is_split(self, tmp_path, part):
        self.shards(tmp_path, **{part: 0})
        data = load_data(tmp_path)
        assert data.made_test
        assert sorted(self.greys(data.train) + self.greys(data.test)) == [*range(6)]

    def test_test_files_alone(self, tmp_path):
        self.shards(tmp_path, test=0)
        assert said(tmp_path) == (
            f"{tmp_path} has test images, but no train*.parquet to learn from; it holds "
            "test-00000-of-00002.parquet, test-00001-of-00002.parquet."
        )

    def test_files_of_a_part_that_do_not_fit_each_other(self, tmp_path):
        one = self.write(tmp_path / "train-0.parquet", map(png, range(2)), [0, 1], ["cat", "dog"])
        two = self.write(tmp_path / "train-1.parquet", map(png, range(2)), [0, 1], ["dog", "cat"])
        assert said(tmp_path).startswith(f"{one} and {two} name different classes: cat, dog and dog, cat.")
        self.write(two, [png(1), b"text"], [0, 1], ["cat", "dog"])
        assert f"1 of 4 image files cannot be read, more than 5%. The first: {two} row 1 is not" in said(
            tmp_path
        )
        self.write(two, [png(1), png(2, 5)], [0, 1], ["cat", "dog"])
        assert (
            said(tmp_path) == f"{two} row 1 has 5x5 pixels, {one} row 0 4x4; give --size to scale all to one."
        )

    def test_parts_of_two_sizes(self, tmp_path):
        self.shards(tmp_path, train=0, test=10)
        self.write(tmp_path / "val.parquet", [png(1, 5), png(2, 5)], [0, 1])
        assert said(tmp_path).startswith(
            f"{tmp_path / 'val.parquet'}: validation images are 5x5, training images 4x4"
        )

    @pytest.mark.shared
    def test_the_real_cifar10_test_images(self, shared_data):
        data = load_data(shared_data / "cifar10" / "test.parquet")
        images = np.concatenate([data.train.y, data.test.y])
        assert np.bincount(images).tolist() == [1000] * 10
        assert (data.size, data.classes[3]) == ((32, 32), "cat")

    @pytest.mark.shared
    @pytest.mark.slow
    def test_the_real_cifar10(self, shared_data):
        data = load_data("cifar10", root=shared_data)
        assert (len(data.train), len(data.test), data.size) == (50_000, 10_000, (32, 32))
        assert np.bincount(data.train.y).tolist() == [5000] * 10
        assert data.test.y[:4].tolist() == [3, 8, 8, 0]  # the official order: cat, ship, ship, airplane


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    path = tmp_path / "all.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert said(path) == f"Reading {path} needs pyarrow: pip install 'residual[parquet]'."


def test_one_class_alone_is_refused(tmp_path):
    x, _ = arrays(6)
    np.savez(tmp_path / "one.npz", x=x, y=np.zeros(6, int))
    assert said(tmp_path / "one.npz").endswith("there must be at least two classes to tell apart; it has 1.")

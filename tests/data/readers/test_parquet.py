"""Images in Parquet tables."""

import io
import json
import sys

import numpy as np
import pytest
from PIL import Image

from residual.data.load import load_data, open_source
from residual.data.readers import parquet
from residual.errors import DataError


def said(path, size=None) -> str:
    with pytest.raises(DataError) as caught:
        load_data(path, size)
    return str(caught.value)


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
        assert load_data("cifar10", search_dir=".").name == "cifar10"

    def test_sizes(self, tmp_path):
        path = self.write(tmp_path / "all.parquet", [png(1, 4), png(2, 5), png(3, 6)], [0, 0, 1])
        assert said(path) == (
            f"{path} row 1 has 5x5 pixels, {path} row 0 4x4; give `image_size` to scale all to one."
        )
        assert load_data(path, 3).train.x.shape == (2, 3, 3, 3)

    def test_images_that_cannot_be_read_name_their_row(self, tmp_path):
        path = self.write(tmp_path / "all.parquet", [png(1), b"text", png(2)], [0, 0, 1])
        many = f"{path}: 1 of 2 image files cannot be read, more than 5%. The first: {path} row 1"
        assert said(path).startswith(
            f"{many.replace('of 2', 'of 3')} is not an image that can be read (its content is no known"
        )
        for nothing in ([png(1), None, png(2)], [png(1), {}, png(2)]):
            cells = [file if isinstance(file, bytes) else None for file in nothing]
            self.write(path, cells, [0, 1, 1])
            assert said(path).startswith(
                f"{many.replace('of 2', 'of 3')} holds no image: every row needs the bytes of an image file."
            )

    def test_image_kept_by_path_only(self, tmp_path):
        kind = self.pa.struct([("bytes", self.pa.binary()), ("path", self.pa.string())])
        cells = self.pa.array([{"bytes": None, "path": "/etc/passwd"}] * 3, kind)
        self.pq.write_table(self.pa.table({"image": cells, "label": [0, 1, 1]}), tmp_path / "all.parquet")
        assert "row 0 holds no image" in said(tmp_path / "all.parquet")

    @pytest.mark.parametrize(
        ("labels", "says"),
        [
            ([0, None], ": row 1 has no label in column label."),
            ([0.5, 1.0], ": labels must be whole numbers or text, got float64 such as 0.5."),
            ([-1, -1], ": labels must be 0 to 99999 at most, got -1 to -1."),
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
            f"Name them: {path}::image=COLUMN,label=COLUMN"
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
        assert data.source == f"18 images from {tmp_path} (Parquet in Hugging Face's image layout)"

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
            said(tmp_path)
            == f"{two} row 1 has 5x5 pixels, {one} row 0 4x4; give `image_size` to scale all to one."
        )

    def test_parts_of_two_sizes(self, tmp_path):
        self.shards(tmp_path, train=0, test=10)
        self.write(tmp_path / "val.parquet", [png(1, 5), png(2, 5)], [0, 1])
        assert said(tmp_path).startswith(f"{tmp_path}: validation images are 5x5, training images 4x4")

    @pytest.mark.shared
    def test_the_real_cifar10_test_images(self, shared_data):
        data = load_data(shared_data / "cifar10" / "test.parquet")
        images = np.concatenate([data.train.y, data.test.y])
        assert np.bincount(images).tolist() == [1000] * 10
        assert (data.size, data.classes[3]) == ((32, 32), "cat")

    @pytest.mark.shared
    @pytest.mark.slow
    def test_the_real_cifar10(self, shared_data):
        data = load_data("cifar10", search_dir=shared_data)
        assert (len(data.train), len(data.test), data.size) == (50_000, 10_000, (32, 32))
        assert np.bincount(data.train.y).tolist() == [5000] * 10
        assert data.test.y[:4].tolist() == [3, 8, 8, 0]  # the official order: cat, ship, ship, airplane


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    path = tmp_path / "all.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert said(path) == f"Reading {path} needs pyarrow: pip install 'residual-learning[parquet]'."


class TestOrderOfReading:
    """Rows come a few at a time in their order, and whole groups of rows if they are asked for again."""

    @pytest.fixture
    def source(self, tmp_path):
        pa = pytest.importorskip("pyarrow", reason="reading Parquet needs the optional pyarrow")
        pq = pytest.importorskip("pyarrow.parquet")
        for number, count in enumerate((150, 90)):
            cells = pa.array([{"bytes": b"%d-%d" % (number, i), "path": None} for i in range(count)])
            table = pa.table({"image": cells, "label": [i % 2 for i in range(count)]})
            pq.write_table(table, tmp_path / f"part-{number}.parquet", row_group_size=80)
        return open_source(tmp_path)

    def expected(self, i: int) -> bytes:
        return b"0-%d" % i if i < 150 else b"1-%d" % (i - 150)

    def test_in_order_from_the_front_and_from_the_back(self, source):
        for order in (range(240), reversed(range(240)), (7, 70, 79, 80, 3, 239, 81, 149, 148, 0)):
            for i in order:
                assert source.open(i) == self.expected(i)

    def test_random(self, source):
        for i in np.random.default_rng(0).integers(0, 240, 500).tolist():
            assert source.open(i) == self.expected(i)

    def test_names_and_splits(self, source):
        assert (source.names[149], source.names[150]) == ("part-0.parquet row 149", "part-1.parquet row 0")
        assert len(source.names) == len(source) == 240
        with pytest.raises(IndexError):
            source.names[240]

    def test_a_file_is_opened_once_to_read_it_in_order(self, source, monkeypatch):
        opened, open_file = [], parquet._open_parquet
        monkeypatch.setattr(parquet, "_open_parquet", lambda path: opened.append(path) or open_file(path))
        assert [source.open(i) for i in range(240)] == [self.expected(i) for i in range(240)]
        assert [path.name for path in opened] == ["part-0.parquet", "part-1.parquet"]

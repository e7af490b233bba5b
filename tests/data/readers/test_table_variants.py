"""Tables as people write them: separators, headers, names of columns and of files, splits, and pixels in the table."""

import numpy as np
import pytest

from residual.data.load import open_source
from residual.errors import DataError
from tests.support.image_files import png


@pytest.fixture
def top(tmp_path):
    """A folder with images/0.png to images/11.png."""
    (tmp_path / "images").mkdir()
    for i in range(12):
        (tmp_path / "images" / f"{i}.png").write_bytes(png(i))
    return tmp_path


def write(top, text: str, name: str = "all.csv"):
    (top / name).parent.mkdir(parents=True, exist_ok=True)
    (top / name).write_text(text)
    return top / name


def rows(line: str, header: str = "", count: int = 12) -> str:
    """A line for each image; N is its number, L its class."""
    lines = [line.replace("N", str(i)).replace("L", "ab"[i % 2]) for i in range(count)]
    return "\n".join(([header] if header else []) + lines) + "\n"


def said(path) -> str:
    with pytest.raises(DataError) as caught:
        open_source(path)
    return str(caught.value)


def greys(source) -> list[int]:
    data = source.to_dataset(4, 0)
    return sorted([*data.train.x[:, 0, 0, 0].tolist(), *data.test.x[:, 0, 0, 0].tolist()])


TABLES = {
    "semicolons": rows("images/N.png;L", "path;label"),
    "tabs": rows("images/N.png\tL", "path\tlabel"),
    "bars": rows("images/N.png|L", "path|label"),
    "no header": rows("images/N.png,L"),
    "blanks in the header": rows("images/N.png, L", "path , label"),
    "capitals": rows("images/N.png,L", "PATH,Label"),
    "Kaggle: id and breed": rows("N,L", "id,breed"),
    "Kaggle: image_id and label": rows("N.png,L", "image_id,label"),
    "Kaggle: id_code and diagnosis": rows("N,L", "id_code,diagnosis"),
    "ImageId": rows("N,L", "ImageId,Class Name"),
    "backslashes": rows("images\\N.png,L", "path,label"),
    "a path from another machine": rows("C:\\Users\\me\\images\\N.png,L", "path,label"),
    "another folder": rows("/kaggle/input/train/N.png,L", "filename,category"),
    "an index column": rows("N,images/N.png,L", ",path,label"),
    "one-hot": "\n".join(["filename, cat, dog", *(f"images/{i}.png,{1 - i % 2},{i % 2}" for i in range(12))]),
    "a separator at the end": rows("images/N.png,L,", "path,label,"),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_is_read(top, kind):
    source = open_source(write(top, TABLES[kind]))
    assert source.classes == (("cat", "dog") if kind == "one-hot" else ("a", "b"))
    assert source.labels.tolist() == [0, 1] * 6
    assert greys(source) == list(range(12))


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("train", "val", "test"), (4, 4, 4)),
        (("Training", "PublicTest", "PrivateTest"), (4, 4, 4)),
        (("TRAIN", "validate", "testing"), (4, 4, 4)),
        (("train", "train", "holdout"), (8, 0, 4)),
        (("train", "train", "eval"), (8, 0, 4)),
    ],
)
def test_words_for_splits(top, words, wanted):
    text = "path,label,Usage\n" + "".join(
        f"images/{i}.png,{'ab'[i // 3 % 2]},{words[i % 3]}\n" for i in range(12)
    )
    source = open_source(write(top, text))
    assert tuple(len(source.indices(split)) for split in ("train", "validation", "test")) == wanted


def test_one_table_for_each_split(top):
    write(top, rows("images/N.png,L", "path,label", 8), "train.csv")
    write(top, "path,label\nimages/8.png,a\nimages/9.png,b\n", "test.csv")
    for path in (top, top / "train.csv"):
        source = open_source(path)
        assert (len(source.indices("train")), len(source.indices("test"))) == (8, 2)
        assert "the labels are those in train.csv, test.csv" in source.notes
    write(top, "id\n8\n9\n", "test.csv")
    source = open_source(top / "train.csv")
    assert (len(source), source.passed_over[0].name) == (8, "test.csv")


def test_a_folder_with_a_table(top):
    write(top, rows("N,L", "id,label"), "labels.csv")
    write(top, "id,label\n1,a\n", "sample_submission.csv")
    source = open_source(top)
    assert greys(source) == list(range(12))


def test_roboflow(tmp_path):
    for split, numbers in (("train", range(6)), ("valid", range(6, 9)), ("test", range(9, 12))):
        (tmp_path / split).mkdir()
        for i in numbers:
            (tmp_path / split / f"{i}.png").write_bytes(png(i))
        lines = [f"{i}.png, {1 - i % 2}, {i % 2}" for i in numbers]
        write(tmp_path, "\n".join(["filename, cat, dog", *lines]), f"{split}/_classes.csv")
    source = open_source(tmp_path)
    assert source.classes == ("cat", "dog")
    assert [len(source.indices(split)) for split in ("train", "validation", "test")] == [6, 3, 3]
    assert source.labels.tolist() == [0, 1] * 3 + [0, 1, 0] + [1, 0, 1]


def test_two_files_of_one_name(top):
    (top / "more").mkdir()
    (top / "more" / "0.png").write_bytes(png(50))
    path = write(top, rows("N.png,L", "path,label"))
    assert "names '0.png', which may be " in said(path)
    assert greys(open_source(write(top, rows("images/N.png,L", "path,label"), "b.csv"))) == list(range(12))


def test_rows_of_several_classes_are_refused(top):
    text = "filename,cat,dog\n" + "".join(f"images/{i}.png,1,{i % 2}\n" for i in range(12))
    assert "line 3 is of 2 classes by its columns cat, dog" in said(write(top, text))


def test_the_choice_of_one_label_of_two_is_said(top):
    source = open_source(write(top, rows("images/N.png,L,x", "path,species,genus")))
    assert source.classes == ("a", "b")
    assert "the labels are in column species; all.csv::label=genus takes genus" in source.notes


def grid(label: str, seed: int, side: int = 9) -> tuple[str, np.ndarray]:
    values = np.random.default_rng(seed).integers(0, 256, side * side)
    values[0] = 255
    return label, values


PIXELS = {
    "label first": (["label", *(f"pixel{i}" for i in range(81))], lambda label, v: [label, *map(str, v)]),
    "label last": ([*(f"pixel{i:04}" for i in range(81)), "label"], lambda label, v: [*map(str, v), label]),
    "no header": (None, lambda label, v: [label, *map(str, v)]),
    "rows and columns": (
        ["label", *(f"{i}x{j}" for i in range(9) for j in range(9))],
        lambda label, v: [label, *map(str, v)],
    ),
    "one cell": (["emotion", "pixels", "Usage"], lambda label, v: [label, " ".join(map(str, v)), "Training"]),
}


@pytest.mark.parametrize("kind", PIXELS)
def test_pixels_in_the_table(tmp_path, kind):
    header, make = PIXELS[kind]
    images = [grid(str(i % 3), i) for i in range(12)]
    lines = ([",".join(header)] if header else []) + [",".join(make(*image)) for image in images]
    source = open_source(write(tmp_path, "\n".join(lines), "digits_train.csv"))
    assert source.classes == ("0", "1", "2")
    np.testing.assert_array_equal(source.open(5)[..., 0], images[5][1].reshape(9, 9))
    write(tmp_path, "\n".join(lines[:4]), "digits_test.csv")
    if kind != "one cell":
        assert len(open_source(tmp_path / "digits_train.csv").indices("test")) == 4 - bool(header)


def test_the_splits_of_fer2013(tmp_path):
    words = ("Training", "PublicTest", "PrivateTest")
    lines = [f"{i % 2},{' '.join(map(str, grid('', i)[1]))},{words[i % 3]}" for i in range(12)]
    source = open_source(write(tmp_path, "\n".join(["emotion,pixels,Usage", *lines]), "fer2013.csv"))
    assert [len(source.indices(split)) for split in ("train", "validation", "test")] == [4, 4, 4]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda line: line.rsplit(",", 1)[0], "line 5 is not a label and pixels"),
        (lambda line: line + ",7", "line 5"),
        (lambda line: line.replace(",", ",x", 1), "line 5 is not a label and pixels"),
    ],
)
def test_a_damaged_row_of_pixels(tmp_path, change, says):
    lines = [",".join([str(i % 3), *map(str, grid("", i)[1])]) for i in range(12)]
    lines = [",".join(["label", *(f"pixel{i}" for i in range(81))]), *lines]
    lines[4] = change(lines[4])
    path = write(tmp_path, "\n".join(lines))
    assert said(path).startswith(f"{path} ")
    assert says in said(path)

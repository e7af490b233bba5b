"""Tables as people write them: separators, headers, names of columns and of files, splits, and pixels in the table."""

import json
import os

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
    "one-hot in words": "\n".join(
        ["filename,cat,dog", *(f"images/{i}.png,{i % 2 == 0},{i % 2 == 1}" for i in range(12))]
    ),
    "another ending": rows("images/N.jpg,L", "path,label"),
    "a semicolon and quotes": rows('"images/N.png";"L"', '"image";"label"'),
    "a decimal comma beside semicolons": rows("images/N.png;L;0,5", "path;label;score"),
    "the label first, without a header": rows("L,images/N.png"),
    "a path without a usual name": rows("images/N.png,L", "scan_location,label"),
    "a separator at the end": rows("images/N.png,L,", "path,label,"),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_is_read(top, kind):
    source = open_source(write(top, TABLES[kind]))
    assert source.classes == (("cat", "dog") if kind.startswith("one-hot") else ("a", "b"))
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


LISTS = {
    "labels.txt": rows("images/N.png L"),
    "list.txt": rows("images/N.png,L"),
    "gt.txt": rows("images/N.png\tL"),
    "train_list.txt": rows("images/N.png  L"),
    "labels.csv": rows("images/N.png,L"),
    "labels.tsv": rows("images/N.png,L", "path,label"),
    "labels.json": json.dumps([{"file": f"images/{i}.png", "label": "ab"[i % 2]} for i in range(12)]),
    "annotations.json": json.dumps({f"images/{i}.png": "ab"[i % 2] for i in range(12)}),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_read_by_its_name_and_in_its_folder(top, name):
    write(top, LISTS[name], name)
    for path in (top / name, top):
        source = open_source(path)
        assert (source.classes, source.labels.tolist()) == (("a", "b"), [0, 1] * 6)
        assert greys(source) == list(range(12))


def test_names_with_blanks_in_a_list(tmp_path):
    for i in range(6):
        (tmp_path / f"my photo {i}.png").write_bytes(png(i))
    source = open_source(
        write(tmp_path, "".join(f"my photo {i}.png {'ab'[i % 2]}\n" for i in range(6)), "a.txt")
    )
    assert (source.classes, greys(source)) == (("a", "b"), list(range(6)))


def test_images_of_a_folder_that_no_row_names(top):
    write(top, rows("images/N.png,L", "path,label", 8), "labels.csv")
    assert [item.name for item in open_source(top).passed_over] == [
        os.path.join("images", f"{i}.png") for i in (10, 11, 8, 9)
    ]
    assert open_source(top / "labels.csv").passed_over == ()


FLAGS = {"is_valid": ("False", "True"), "is_training_img": ("1", "0"), "isTest": ("no", "yes")}


@pytest.mark.parametrize("column", FLAGS)
def test_a_column_of_yes_and_no_for_a_split(top, column):
    train, other = FLAGS[column]
    lines = [f"images/{i}.png,{'ab'[i % 2]},{train if i < 8 else other}" for i in range(12)]
    source = open_source(write(top, "\n".join([f"path,label,{column}", *lines])))
    assert [len(source.indices(split)) for split in ("train", "validation", "test")] == [8, 0, 4]
    assert any(f"column {column} says which images are for" in note for note in source.notes)


@pytest.mark.parametrize(
    ("labels", "header", "says"),
    [
        (("a", "b", "a|b"), "path,label", "labels such as 'a|b' name several classes"),
        (("Cat", "cat", "dog"), "path,label", "classes Cat and cat differ in capitals or blanks alone"),
        (("0.5", "1.5", "2"), "path,label", "each of the numbers 0.5, 1.5, 2, ... is a class of its own"),
        (("a", "b", "b"), "path,label,fold", "column fold is not read: the images of all folds are together"),
    ],
)
def test_what_may_be_meant_otherwise_is_said(top, labels, header, says):
    more = ",1" if header.endswith("fold") else ""
    text = "\n".join([header, *(f"images/{i}.png,{labels[i % 3]}{more}" for i in range(12))])
    assert any(says in note for note in open_source(write(top, text)).notes)


def test_whole_floats_are_whole_numbers(top):
    text = "\n".join(["path,label", *(f"images/{i}.png,{i % 2}.0" for i in range(12))])
    assert open_source(write(top, text)).classes == ("0", "1")


def test_measurements_are_no_classes(tmp_path):
    text = "\n".join(["path,label", *(f"{i}.png,{i * 0.37:.2f}" for i in range(60))])
    assert "labels are numbers such as 0.00, 60 of them for 60 images." in said(write(tmp_path, text))


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
    "semicolons": (["label", *(f"p{i}" for i in range(81))], lambda label, v: [label, *map(str, v)]),
    "a number for each row": (
        ["", "label", *(f"pixel{i}" for i in range(81))],
        lambda label, v: ["7", label, *map(str, v)],
    ),
    "label last, no header": (None, lambda label, v: [*map(str, v), label]),
    "one cell": (["emotion", "pixels", "Usage"], lambda label, v: [label, " ".join(map(str, v)), "Training"]),
}


@pytest.mark.parametrize("kind", PIXELS)
def test_pixels_in_the_table(tmp_path, kind):
    header, make = PIXELS[kind]
    images = [grid(str(i % 3), i) for i in range(12)]
    sign = ";" if kind == "semicolons" else ","
    lines = ([sign.join(header)] if header else []) + [sign.join(make(*image)) for image in images]
    source = open_source(write(tmp_path, "\n".join(lines), "digits_train.csv"))
    assert source.classes == ("0", "1", "2")
    np.testing.assert_array_equal(source.open(5)[..., 0], images[5][1].reshape(9, 9))
    write(tmp_path, "\n".join(lines[:4]), "digits_test.csv")
    if kind != "one cell":
        for path in (tmp_path / "digits_train.csv", tmp_path):
            assert len(open_source(path).indices("test")) == 4 - bool(header)


def test_a_label_that_may_stand_first_or_last_is_asked_for(tmp_path):
    lines = [",".join([str(i % 3), *map(str, grid("", i)[1]), str(i % 4)]) for i in range(12)]
    path = write(tmp_path, "\n".join(lines))
    assert f"{path}::label=first or {path}::label=last" in said(path)
    assert f"{path} has no header: label must be first or last; got 'x'." == said(f"{path}::label=x")


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

"""Tables of paths and labels: CSV, TSV and JSON lines."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from residual.data.load import load_data, open_source
from residual.errors import DataError
from tests.support.image_files import png


@pytest.fixture
def photos(tmp_path):
    """A folder with 12 grey images, images/0.png to images/11.png."""
    (tmp_path / "images").mkdir()
    for i in range(12):
        (tmp_path / "images" / f"{i}.png").write_bytes(png(i))
    return tmp_path


def table(folder, header: str, *rows: str, name="all.csv"):
    (folder / name).write_text("\n".join((header, *rows)))
    return folder / name


def greys(images) -> list[int]:
    return sorted(images.x[:, 0, 0, 0].tolist())


def said(data) -> str:
    with pytest.raises(DataError) as caught:
        load_data(data)
    return str(caught.value)


def test_csv_with_a_split(photos):
    parts = ["train"] * 6 + ["val"] * 2 + ["Test"] * 4
    rows = [f"images/{i}.png,{'dog' if i % 2 else 'cat'},{part}" for i, part in enumerate(parts)]
    path = table(photos, "path,label,split", *rows)
    data = load_data(path, 8)
    assert (data.name, data.classes, data.made_test) == ("all", ("cat", "dog"), False)
    assert [greys(part) for part in (data.train, data.validation, data.test)] == [
        [*range(6)],
        [6, 7],
        [*range(8, 12)],
    ]
    assert (data.test.y == [0, 1, 0, 1]).all()
    assert data.source == f"12 images from {path} (a table of paths and labels)"


def test_val_without_test_is_the_test_set(photos):
    path = table(
        photos,
        "path,label,split",
        *(f"images/{i}.png,{i % 2},{'val' if i > 7 else 'train'}" for i in range(12)),
    )
    data = load_data(path, 8)
    assert (greys(data.test), data.validation, data.made_test) == ([8, 9, 10, 11], None, False)


def test_json_lines_with_columns_of_other_names(photos):
    rows = [{"where": f"images/{i}.png", "kind": i % 3, "camera": i // 6} for i in range(12)]
    path = photos / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    assert (
        said(path)
        == f"{path} has no column label; it has where, kind, camera. Say which it is: {path}::label=COLUMN"
    )
    data = load_data(f"{path}::path=where,label=kind", 8)
    assert (data.classes, data.made_test, len(data.train) + len(data.test)) == (("0", "1", "2"), True, 12)


def test_groups_stay_together(photos):
    path = table(
        photos,
        "path\tlabel\tperson",
        *(f"images/{i}.png\t{i % 2}\t{i // 4}" for i in range(12)),
        name="a.tsv",
    )
    data = load_data(f"{path}::group=person", 8)
    assert len(data.test) == 4
    assert len({grey // 4 for grey in greys(data.test)}) == 1
    assert {
        (grey // 4, group) for grey, group in zip(data.train.x[:, 0, 0, 0], data.groups, strict=True)
    } == {(group, group) for group in set(data.groups)}
    assert open_source(f"{path}::group=person").groups.tolist() == [i // 4 for i in range(12)]


def test_quotes_blank_lines_a_byte_order_mark_and_absolute_paths(photos):
    rows = [f'"{photos}/images/0.png",a,"one, two"', "images/1.png,b,", "images/2.png,a,", "images/3.png,b,"]
    text = "\n".join(("\ufeffpath,label,note", "", *rows, ""))
    (photos / "x.csv").write_text(text, "utf-8")
    assert load_data(photos / "x.csv", 8).classes == ("a", "b")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no rows. It needs a path and a label per image."),
        ("path,label\n", "has no rows."),
        ("path,kind\na.png,1\n", "has no column label; it has path, kind. Say which it is: "),
        ("path,label\na.png\n", "line 2 has 1 values for 2 columns: path, label."),
        ("path,label\na.png,\n", "line 2 has no label: ''. Every row needs one."),
        ("path,path\na,b\n", "names a column twice in its first row: path, path."),
        ("path,label,split\na.png,1,future\n", "line 2: split must be train, val or test; got 'future'."),
        ("path,label,split\na.png,1,test\n", "has no training images: no row whose split is train."),
        (
            "path,label\nimages/0.png,1\nimages/1.png,1\n",
            "there must be at least two classes to tell apart; it has 1.",
        ),
        (
            "path,label\nimages/0.png,1\nimages/1.png,1\nimages/99.png,2\n",
            "images/99.png cannot be read: No such file or directory.",
        ),
        (
            "path,label\nimages,1\nimages/1.png,2\nimages/2.png,2\n",
            ": images cannot be read: Is a directory.",
        ),
        ("path,label\na\0b.png,1\nimages/1.png,2\nimages/2.png,2\n", "no path"),
    ],
)
def test_what_is_wrong_is_said(photos, text, says):
    (photos / "x.csv").write_text(text)
    assert said(photos / "x.csv").startswith(str(photos / "x.csv"))
    assert says in said(photos / "x.csv")


@pytest.mark.parametrize(
    "line", ["[1]", "{", "3", '{"path": "a", "label": 1.5}', '{"path": null, "label": 1}']
)
def test_json_lines_that_are_none(photos, line):
    (photos / "x.jsonl").write_text('{"path": "images/0.png", "label": 0}\n' + line)
    assert f"{photos / 'x.jsonl'} line 2 " in said(photos / "x.jsonl")


def test_options_that_do_not_fit(photos):
    path = table(photos, "path,label", "images/0.png,1")
    assert said(f"{path}::colour=red") == (
        f"{path}: colour must be one of decode, group, label, path, split, validation, white."
    )
    assert said(f"{path}::label") == "What stands behind :: must be like images=x,labels=y; got 'label'."
    path.unlink()
    assert "label must be folder, parent or name; got 'x'." in said(f"{photos}::label=x")


@given(
    st.one_of(st.text(), st.text(st.sampled_from('path,label\n"1{}:[]\t\0\r'))),
    st.sampled_from(["csv", "tsv", "jsonl"]),
)
@settings(max_examples=80, deadline=None)
def test_any_text_is_a_table_or_a_data_error(tmp_path_factory, text, suffix):
    path = tmp_path_factory.mktemp("tables") / f"x.{suffix}"
    path.write_text(text, "utf-8", errors="replace")
    try:
        source = open_source(path)
    except DataError as error:
        source, said = None, str(error)
    if source is None:
        assert str(path) in said
        return
    assert len(source) >= 1
    assert (np.unique(source.labels) == np.arange(len(source.classes))).all()


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"path,label\n\xff\xfe,1\n")
    assert said(tmp_path / "x.csv") == f"{tmp_path / 'x.csv'} is not UTF-8 text. Save it as UTF-8."

"""Bytes changed anywhere in a file: its images, or a DataError that names it; and nothing else, no warning either."""

import numpy as np
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from residual.data.load import load_data
from residual.errors import DataError, RecipeError
from residual.training.find_recipe import load_recipe
from residual.training.recipes import CIFAR10_PAPER, SIGNS
from tests.support.image_files import png, write_cifar

# (where, between the start and the end; what) of the bytes that are changed, and the share that is kept
DAMAGE = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=5)
KEPT = st.one_of(st.just(1.0), st.floats(0, 1))
X, Y = np.arange(20 * 4 * 4 * 3, dtype=np.uint8).reshape(20, 4, 4, 3), np.arange(20) % 2


def npz(path):
    np.savez(path, x=X, y=Y, classes=np.array(["cat", "dog"]))


def packed_npz(path):
    np.savez_compressed(path, x=X, y=Y)


def parquet(path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    cells = pa.array([{"bytes": png(i), "path": None} for i in range(20)])
    pq.write_table(pa.table({"image": cells, "label": Y}), path)


KINDS = {
    "a.npz": npz,
    "packed.npz": packed_npz,
    "a.parquet": parquet,
    "cifar-10-python.tar.gz": write_cifar,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    """A valid file of every kind, by its name."""
    folder = tmp_path_factory.mktemp("whole")
    for name, write in KINDS.items():
        write(folder / name)
    return {name: (folder / name).read_bytes() for name in KINDS}


@pytest.mark.parametrize("name", KINDS)
def test_images_or_a_data_error(whole, tmp_path_factory, name):
    path = tmp_path_factory.mktemp("damaged") / name

    @given(DAMAGE, KEPT)
    @settings(max_examples=40, deadline=None, database=None)
    def check(damage, kept):
        content = bytearray(whole[name])
        for place, value in damage:
            content[int(place * len(content))] = value
        path.write_bytes(content[: int(kept * len(content))])
        try:
            data, said = load_data(path, max_unreadable=0.5), ""
        except DataError as error:
            data, said = None, str(error)
        if data is None:
            assert str(path) in said
            return
        assert (data.train.x.dtype, data.train.x.shape[3]) == (np.uint8, 3)
        assert len(data.train.x) == len(data.train.y) > 0
        assert set(data.train.y.tolist()) <= set(range(len(data.classes)))

    check()


TABLES = [{"recipe": table.to_table()} for table in (SIGNS, CIFAR10_PAPER)]
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
)


@given(st.data())
@settings(max_examples=80, deadline=None, database=None)
def test_any_value_in_a_recipe(tmp_path_factory, data):
    """Any value of any key, of the recipe or of a table in it, is taken or refused by name."""
    path = tmp_path_factory.getbasetemp() / "any.toml"
    table = dict(data.draw(st.sampled_from(TABLES))["recipe"])
    key = data.draw(st.sampled_from([*table, "unknown"]))
    inner = table.pop(key, None)
    if isinstance(inner, dict) and data.draw(st.booleans()):
        table[key] = {**inner, data.draw(st.sampled_from([*inner, "unknown"])): data.draw(VALUES)}
    elif data.draw(st.booleans()):
        table[key] = data.draw(VALUES)
    path.write_text(tomli_w.dumps({"recipe": table}), "utf-8")
    try:
        found, said = load_recipe(str(path)), ""
    except RecipeError as error:
        found, said = None, str(error)
    if found is None:
        assert str(path) in said
        return
    assert type(found).from_table(found.to_table()) == found
    assert len(found.schedule.rates(2, min(found.epochs, 20))) == 2 * min(found.epochs, 20)


@given(st.text(st.sampled_from('[]{}="\n.,+-_0123456789einfatruls recipe'), max_size=60))
@settings(max_examples=80, deadline=None, database=None)
def test_any_text_as_a_recipe(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "text.toml"
    path.write_text("[recipe]\n" + text, "utf-8")
    try:
        said = ""
        load_recipe(str(path))
    except RecipeError as error:
        said = str(error)
    assert not said or str(path) in said

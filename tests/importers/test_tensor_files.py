"""Files of tensors: what they hold, in every format; and what is wrong with them, in one message. Nothing is run."""

import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from residual.errors import RunError
from residual.importers.tensor_files import open_tensors
from tests.support.tensor_files import call, write_pth, write_safetensors

DAMAGE = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=5)
KEPT = st.one_of(st.just(1.0), st.floats(0, 1))
ARRAYS = {
    "a.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    "half": np.array([0.5, -2, 65504], np.float16),
    "brain": np.array([0x3F80, 0xC000], np.uint16),  # 1 and -2 in bfloat16
    "count": np.array(3, np.int64),
}


def check(found) -> None:
    assert [list(tensor.shape) for tensor in found.values()] == [[2, 3, 2, 2], [3], [2], []]
    np.testing.assert_array_equal(found["a.weight"].read(), ARRAYS["a.weight"])
    np.testing.assert_array_equal(found["half"].read(), [0.5, -2, 65504])
    np.testing.assert_array_equal(found["brain"].read(), [1, -2])
    assert found["brain"].read().dtype == np.float32
    assert [tensor.is_float for tensor in found.values()] == [True, True, True, False]


def test_safetensors(tmp_path):
    check(open_tensors(write_safetensors(tmp_path / "a.safetensors", ARRAYS)).tensors)


@pytest.mark.parametrize("is_zip", [True, False])
def test_files_of_torch_save(is_zip, tmp_path):
    torch = pytest.importorskip("torch")
    state = {name: torch.from_numpy(array.copy()) for name, array in ARRAYS.items() if name != "brain"}
    state["brain"] = torch.tensor([1, -2], dtype=torch.bfloat16)
    state["a.weight"] = state["a.weight"].to(memory_format=torch.channels_last)  # strides of another order
    checkpoint = {"epoch": 3, "model": {f"module.{name}": state[name] for name in ARRAYS}}
    torch.save(checkpoint, tmp_path / "a.pth", _use_new_zipfile_serialization=is_zip)
    found = open_tensors(tmp_path / "a.pth")
    check(found.tensors)
    assert found.notes == ("The weights are those under 'model' in the checkpoint.",)


def test_shards(tmp_path):
    names = list(ARRAYS)
    places = {name: f"part-{i // 2}.safetensors" for i, name in enumerate(names)}
    for part in set(places.values()):
        write_safetensors(tmp_path / part, {n: ARRAYS[n] for n in names if places[n] == part})
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    check(open_tensors(index).tensors)
    index.write_text(json.dumps({"weight_map": {**places, "other": "part-0.safetensors"}}))
    with pytest.raises(RunError, match="other should be in part-0.safetensors, which does not hold it"):
        open_tensors(index)
    index.write_text(json.dumps({"weight_map": {**places, "half": "../part-0.safetensors"}}))
    with pytest.raises(RunError, match="half is said to be in ../part-0.safetensors; shards must lie beside"):
        open_tensors(index)
    index.write_text(json.dumps({"weight_map": {name: places[name] for name in names[:3]}}))
    with pytest.raises(RunError, match="does not list count, which its shards hold"):
        open_tensors(index)
    index.write_text(json.dumps({"weight_map": places}))
    (tmp_path / "part-1.safetensors").unlink()
    with pytest.raises(RunError, match="its shard part-1.safetensors is missing. Put all shards into"):
        open_tensors(index)


@pytest.mark.parametrize(
    ("module", "name"), [("builtins", "print"), ("os", "getcwd"), ("posix", "system"), ("torch", "load")]
)
@pytest.mark.parametrize("wrap", [True, False])
def test_a_pickle_runs_nothing(module, name, wrap, tmp_path, capsys):
    path, pickle = tmp_path / "a.pth", call(module, name, "touch ran")
    if wrap:
        write_pth(path, pickle)
    else:
        magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}."
        path.write_bytes(magic + pickle)
    with pytest.raises(
        RunError, match=f"asks to load {module}.{name}, which weights do not need: refused, nothing was run"
    ):
        open_tensors(path)
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "ran").exists()


def test_a_whole_model_is_refused(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "a.pth")
    with pytest.raises(RunError, match=r"asks to load torch.nn.modules.linear.Linear.*model.state_dict\(\)"):
        open_tensors(tmp_path / "a.pth")


FLOAT = {"dtype": "F32", "shape": [24], "data_offsets": [0, 96]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"half": {**FLOAT, "dtype": "F8_E4M3"}}, "half is of type F8_E4M3; weights must be F64, F32, "),
        (
            {"half": {**FLOAT, "shape": [25]}},
            "half of shape .25,. and type F32 needs 100 bytes; .* gives it 96",
        ),
        ({"half": FLOAT}, "half should stand in bytes .*; its place overlaps others or leaves a gap"),
        ({"half": {**FLOAT, "data_offsets": [0, -96]}}, "the header's entry for half is damaged"),
        ({"half": 3}, "the header's entry for half is damaged: 3"),
    ],
)
def test_damaged_headers(changes, message, tmp_path):
    path = write_safetensors(tmp_path / "a.safetensors", ARRAYS, **changes)
    with pytest.raises(RunError, match=message) as error:
        open_tensors(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("kept", [0, 5, 40, 0.5, 0.98, 0.999])
@pytest.mark.parametrize("kind", ["a.safetensors", "a.pth", "legacy.pth"])
def test_files_that_are_cut_short(kind, kept, tmp_path):
    path = tmp_path / kind
    if kind == "a.safetensors":
        write_safetensors(path, ARRAYS)
    else:
        torch = pytest.importorskip("torch")
        state = {"a.weight": torch.zeros(40, 40)}
        torch.save(state, path, _use_new_zipfile_serialization=kind == "a.pth")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.raises(RunError) as error:
        [tensor.read() for tensor in open_tensors(path).tensors.values()]
    assert str(error.value).startswith(str(path))
    assert len(str(error.value)) < 300 + len(str(path))


@pytest.mark.parametrize("kind", ["a.safetensors", "a.pth", "legacy.pth"])
def test_changed_bytes_are_numbers_or_one_message(kind, tmp_path_factory):
    path = tmp_path_factory.mktemp("damaged") / kind
    if kind == "a.safetensors":
        write_safetensors(path, ARRAYS)
    else:
        torch = pytest.importorskip("torch")
        state = {name: torch.from_numpy(array.copy()) for name, array in ARRAYS.items() if name != "brain"}
        torch.save(state, path, _use_new_zipfile_serialization=kind == "a.pth")
    whole = path.read_bytes()

    @given(DAMAGE, KEPT)
    @settings(max_examples=60, deadline=None, database=None)
    def check_damaged(damage, kept):
        content = bytearray(whole)
        for place, value in damage:
            content[int(place * len(content))] = value
        path.write_bytes(content[: int(kept * len(content))])
        message = str(path)
        try:
            for tensor in open_tensors(path).tensors.values():
                assert tensor.read().shape == tensor.shape
        except RunError as error:
            message = str(error)
        assert str(path) in message

    check_damaged()


def test_what_torch_does_not_save(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("hello", "x")
    with pytest.raises(RunError, match=r"it has no data\.pkl"):
        open_tensors(tmp_path / "a.pth")
    with pytest.raises(RunError, match="holds no weights by name"):
        open_tensors(write_pth(tmp_path / "b.pth", b"N."))
    (tmp_path / "c.pth").write_bytes(b"<html>")
    with pytest.raises(RunError, match="is not a file of torch.save. Open it in torch and save"):
        open_tensors(tmp_path / "c.pth")

"""Arrays in .npz files: found or refused, and never unpickled."""

import io
import pickle

import numpy as np
import pytest

from residual.data.load import load_data
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
            ({"a": 1}, " holds a (1): which are the images and which their labels is not obvious."),
            ({}, " holds nothing: which are the images and which their labels is not obvious."),
            (
                {"x": np.full((2, 4, 4, 3), 7.5), "y": [0, 1]},
                ": images are float64 from 7.5 to 7.5, which does not say what is white.",
            ),
            (
                {"x": np.zeros((2, 4, 4, 3), np.uint8), "y": [0.5, 1]},
                ": labels must be whole numbers or text, got float64 such as 0.5.",
            ),
            (
                {"x": np.zeros((2, 4, 4, 3), np.uint8), "y": [-3, -1]},
                ": labels must be 0 to 99999 at most, got -3 to -1.",
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


def test_one_class_alone_is_refused(tmp_path):
    x, _ = arrays(6)
    np.savez(tmp_path / "one.npz", x=x, y=np.zeros(6, int))
    assert said(tmp_path / "one.npz").endswith("there must be at least two classes to tell apart; it has 1.")


def test_the_only_pair_is_found(tmp_path):
    x, y = arrays(20)
    np.savez(tmp_path / "mine.npz", photos=x, kinds=y)
    data = load_data(tmp_path / "mine.npz")
    assert (len(data.train), len(data.test), data.made_test) == (16, 4, True)
    assert data.source.startswith(f"20 images from {tmp_path / 'mine.npz'}; 4 of them")

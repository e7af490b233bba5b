"""The one door to .npz files: no pickles, and no more than the file declares."""

import warnings
import zipfile
from pathlib import Path

import numpy as np

from residual._zip_file import is_zip
from residual.data.limits import check_unpacked
from residual.errors import DataError


def list_npz(path: Path) -> dict[str, tuple[np.dtype, tuple[int, ...]]]:
    """Type and shape of every array of an .npz, from the headers alone.

    Raises:
        DataError: if it is damaged.
    """
    found = {}
    try:
        with zipfile.ZipFile(path) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as below
            for name in archive.namelist():
                with archive.open(name) as member:
                    version = np.lib.format.read_magic(member)
                    read = (
                        np.lib.format.read_array_header_1_0
                        if version == (1, 0)
                        else np.lib.format.read_array_header_2_0
                    )
                    shape, _, dtype = read(member)
                found[name.removesuffix(".npy")] = (dtype, shape)
    except OSError:
        raise
    except Exception as error:  # zip, header and dtype errors alike
        raise _explain_damage(path, error) from None
    return found


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Every array of an .npz by its name, not what else is in it.

    Raises:
        DataError: if it is damaged, would need unpickling, or declares far more than it stores.
    """
    # Without this look np.load would take any .npy or pickle for what its suffix says it is not.
    if not is_zip(path):
        raise DataError(f"{path} is not an .npz: it is no zip archive. Write it with numpy.savez.")
    try:
        # Opened here, as NumPy leaves the file open if its directory is damaged.
        with (
            path.open("rb") as opened,
            np.load(opened, allow_pickle=False) as file,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # a damaged header is Python that Python warns of
            check_unpacked(
                sum(held.file_size for held in file.zip.infolist()), path.stat().st_size, str(path)
            )
            members = {key: file[key] for key in file.files}
    except DataError:
        raise
    except Exception as error:  # zip, header and dtype errors alike
        raise _explain_damage(path, error) from None
    return {key: held for key, held in members.items() if isinstance(held, np.ndarray)}


def _explain_damage(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path} is not an .npz that can be read safely ({str(error) or type(error).__name__}). "
        "Write plain arrays with numpy.savez."
    )

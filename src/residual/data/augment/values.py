"""What the augmentations share: checks of their values, and whole numbers rounded."""

import numpy as np

from residual.errors import RecipeError


def check_range(augmentation, name: str, most: float) -> None:
    """Refuse a field that is no number from 0 to `most`."""
    value = getattr(augmentation, name)
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating) or not 0 <= value <= most:
        raise RecipeError(f"augment {augmentation.kind}: {name} must be 0 to {most}; got {value!r}.")


def check_whole(augmentation, name: str) -> None:
    """Refuse a field that is no whole number from 0."""
    value = getattr(augmentation, name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise RecipeError(
            f"augment {augmentation.kind}: {name} must be a whole number from 0; got {value!r}."
        )


def rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """float `values`, rounded in place where `dtype` holds whole numbers only; assigning converts them."""
    return values if np.issubdtype(dtype, np.floating) else np.rint(values, out=values)

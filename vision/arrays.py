"""Array types of `vision` and the one gate through which arrays enter its messages."""

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vision.errors import ShapeError

Float64Array = NDArray[np.float64]
Float32Array = NDArray[np.float32]
UInt8Array = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_Scalar = TypeVar("_Scalar", bound=np.generic)


def read_only(
    values: ArrayLike,
    *,
    name: str,
    dtype: type[_Scalar],
    shape: tuple[int | None, ...],
) -> NDArray[_Scalar]:
    """Return `values` as a read-only C-contiguous array of `dtype`.

    Args:
        values: anything numpy can read; it is copied only when it is not already read-only,
            contiguous and of `dtype`.
        name: how the error text calls the array.
        dtype: numpy scalar type of the result.
        shape: expected shape, `None` for a free axis.

    Raises:
        ShapeError: when the shape differs; the text carries expected and actual shape.
    """
    array = np.asarray(values, dtype=dtype)
    fits = array.ndim == len(shape) and all(
        want is None or want == have for want, have in zip(shape, array.shape, strict=False)
    )
    if not fits:
        expected = "(" + ", ".join("N" if n is None else str(n) for n in shape) + ")"
        raise ShapeError(f"{name}: expected shape {expected}, got {array.shape}")
    if array.flags.writeable or not array.flags.c_contiguous:
        array = np.array(array, dtype=dtype, order="C", copy=True)
        array.flags.writeable = False
    return array


def picture(values: NDArray[np.uint8], *, name: str = "image_bgr") -> UInt8Array:
    """Return a (height, width, 3) uint8 picture as a read-only view, without copying it.

    Raises:
        ShapeError: when it is not uint8 of three channels.
    """
    if values.dtype != np.uint8 or values.ndim != 3 or values.shape[2] != 3:
        actual = f"{values.dtype} of {values.shape}"
        raise ShapeError(f"{name}: expected uint8 of shape (height, width, 3), got {actual}")
    view = values.view()
    view.flags.writeable = False
    return view


__all__ = [
    "BoolArray",
    "Float32Array",
    "Float64Array",
    "IntArray",
    "UInt8Array",
    "picture",
    "read_only",
]


def median(values: ArrayLike) -> float:
    """The median of a few finite numbers, as `numpy.median` gives it at ten times the cost.

    Raises:
        ValueError: there are none.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    count = len(ordered)
    if not count:
        raise ValueError("no numbers have no median")
    upper = float(ordered[count // 2])
    return upper if count % 2 else (float(ordered[count // 2 - 1]) + upper) / 2.0

"""Whether an ONNX file from elsewhere stands on its own."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, Final

import onnx

from inference.core.errors import BundleInvalid

_MOST_IN_A_ROW: Final = 1 << 26  # elements of one input or output
# Four of the smallest elements share a byte at most, and an empty tensor has none.
_ELEMENTS_PER_BYTE: Final = 4


def check(data: bytes) -> None:
    """Raises BundleInvalid for a broken graph, and for one that would read other files."""
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's errors differ between its implementations
        raise BundleInvalid("The file is no ONNX model.") from error
    for tensor in tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise BundleInvalid("The model keeps weights in other files; save it as one file.")
        _refuse_tensor(tensor, len(data))
    for value in (*model.graph.input, *model.graph.output):
        _refuse_shape(value)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise BundleInvalid(f"The ONNX model is not valid: {str(error)[:200]}") from error


def tensors(message: Any) -> Iterator[Any]:
    """Every tensor, however deep: subgraphs and attributes hold some, too."""
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        for item in value if hasattr(value, "__len__") else (value,):
            if isinstance(item, onnx.TensorProto):
                yield item
            else:
                yield from tensors(item)


def _refuse_tensor(tensor: Any, size: int) -> None:
    if any(each < 0 for each in tensor.dims) or prod(tensor.dims) > _ELEMENTS_PER_BYTE * size:
        raise BundleInvalid(f"The tensor {tensor.name[:60]!r} is larger than the file.")


def _refuse_shape(value: Any) -> None:
    sizes = [each.dim_value for each in value.type.tensor_type.shape.dim]
    if any(each < 0 for each in sizes) or prod(each or 1 for each in sizes) > _MOST_IN_A_ROW:
        raise BundleInvalid(f"The tensor {value.name[:60]!r} has the shape {sizes[:8]}.")

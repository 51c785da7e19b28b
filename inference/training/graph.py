"""Whether an ONNX file from elsewhere stands on its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import onnx

from inference.core.errors import BundleInvalid


def check(data: bytes) -> None:
    """Raises BundleInvalid for a broken graph, and for one that would read other files."""
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's errors differ between its implementations
        raise BundleInvalid("The file is no ONNX model.") from error
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in tensors(model)):
        raise BundleInvalid("The model keeps weights in other files; save it as one file.")
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

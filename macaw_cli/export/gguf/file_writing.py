"""Writing a GGUF file tensor by tensor, so that the weights are in memory once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from macaw_cli.export.gguf.number_formats import file_type, tensor_type


@dataclass(frozen=True)
class Stored:
    """One tensor of the file."""

    name: str
    """In GGUF."""
    make: Callable[[], Tensor]
    """Its values, in any float type; called twice."""
    number_format: str = ""
    """`f32` or `f16` whatever the file has; empty for the file's."""


def write_gguf(
    path: Path, architecture: str, keys: Mapping[str, Any], tensors: Iterable[Stored], number_format: str
) -> None:
    """Write a file.

    Args:
        path: of the new file.
        architecture: `general.architecture`.
        keys: name to a str, bool, int (32 bits, without sign unless it is negative), float (fp32) or a list of one of
            them.
        tensors: in the order of the file.
        number_format: `f32`, `f16` or `q8_0`; vectors are fp32 in each.
    """
    from gguf import GGUFWriter, quant_shape_to_byte_shape, quantize

    writer = GGUFWriter(path, architecture)
    for name, value in {**keys, "general.file_type": file_type(number_format)}.items():
        _add(writer, name, value)
    writer.add_quantization_version(2)
    kinds = []
    tensors = list(tensors)
    for stored in tensors:
        values = _values(stored)
        kind = tensor_type(stored.number_format or number_format, values)
        kinds.append(kind)
        shape = quant_shape_to_byte_shape(values.shape, kind)
        writer.add_tensor_info(stored.name, shape, np.dtype(np.uint8), int(np.prod(shape)), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for stored, kind in zip(tensors, kinds, strict=True):
        writer.write_tensor_data(quantize(_values(stored), kind))
    writer.close()


def _values(stored: Stored) -> NDArray[np.float32]:
    values: NDArray[np.float32] = stored.make().detach().to(torch.float32).contiguous().cpu().numpy()
    return values


def _add(writer: Any, name: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(name, value)
    elif isinstance(value, int):
        (writer.add_int32 if value < 0 else writer.add_uint32)(name, value)
    elif isinstance(value, float):
        writer.add_float32(name, value)
    elif isinstance(value, str):
        writer.add_string(name, value)
    else:
        writer.add_array(name, value)

"""In which format each tensor of a GGUF file is stored."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType

LARGEST_HALF = 65504.0
"""Beyond it a half-precision number is infinite."""


def file_type(name: str) -> int:
    """The number by which GGUF calls the format of a file: `f32`, `f16` or `q8_0`."""
    from gguf import LlamaFileType

    return int({"f32": LlamaFileType.ALL_F32, "f16": LlamaFileType.MOSTLY_F16, "q8_0": LlamaFileType.MOSTLY_Q8_0}[name])


def tensor_type(name: str, values: NDArray[Any]) -> "GGMLQuantizationType":
    """The format of one tensor.

    Vectors stay fp32, as llama.cpp needs them. A matrix whose rows are no whole number of blocks of 32 cannot be q8_0
    and is f16; one with a value that f16 does not hold is fp32.

    Args:
        name: of the file's format.
        values: fp32.
    """
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    if name == "f32" or values.ndim < 2:
        return GGMLQuantizationType.F32
    if name == "q8_0" and values.shape[-1] % GGML_QUANT_SIZES[GGMLQuantizationType.Q8_0][0] == 0:
        return GGMLQuantizationType.Q8_0
    if np.abs(values).max(initial=0) > LARGEST_HALF:
        return GGMLQuantizationType.F32
    return GGMLQuantizationType.F16

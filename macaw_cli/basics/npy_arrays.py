"""The door for `.npy` files: arrays of plain numbers, read without pickle and without evaluating the header."""

import re
from mmap import mmap
from typing import TYPE_CHECKING

from macaw_cli.basics.errors import DamagedError

if TYPE_CHECKING:
    import numpy as np

_NPY = re.compile(
    rb"\x93NUMPY(?:\x01\x00..|[\x02\x03]\x00....)"
    rb"\{ *'descr': *'(?P<dtype>[<>|=]?[biufc][0-9]{1,2})', *'fortran_order': *(?P<fortran>True|False),"
    rb" *'shape': *\((?P<shape>[0-9, ]{0,200})\),? *\} *\n",
    re.DOTALL,
)
"""The beginning of an npy file as numpy writes it, of numbers only: numpy's own reader takes the header for Python."""
_REPAIR = "Make it again, or restore it from a copy; `macaw inspect --verify` lists everything that is damaged."


def parse_npy(content: bytes | mmap, where: str) -> "np.ndarray":
    """The array in the bytes of an `.npy` file, without copying and without pickle.

    Args:
        content: the whole file; one that is mapped stays so.
        where: named in the error.

    Raises:
        DamagedError: the bytes are not a whole `.npy` file of plain numbers.
    """
    import numpy as np

    found = _NPY.match(content)
    if found is None:
        why = "its header is truncated or does not describe plain numbers (Python objects are never read)"
        raise DamagedError(f"{where} is not a complete npy array ({why}).", _REPAIR)
    shape = tuple(int(size) for size in found["shape"].split(b",") if size.strip())
    try:
        array = np.frombuffer(content, np.dtype(found["dtype"].decode()), offset=found.end())
        return array.reshape(shape, order="F" if found["fortran"] == b"True" else "C")
    except (ValueError, TypeError, OverflowError) as error:
        raise DamagedError(f"{where} is not a complete npy array ({error}).", _REPAIR) from None

"""Point clouds from files of strangers: PLY, XYZ and NumPy, as (points, 3) or, with colours, (points, 6)."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.media.number_tables import MOST_BYTES, load_npy, require_size
from macaw_cli.media.size_limits import TooLarge

_TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4",
    "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float32": "f4", "float64": "f8",
}  # fmt: skip
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}
_COLOURS = (("red", "green", "blue"), ("r", "g", "b"), ("diffuse_red", "diffuse_green", "diffuse_blue"))
_DIGITS = 12
_HEADER = re.compile(rb"\Aply\r?\n(?P<lines>.{0,16000}?)end_header\r?\n", re.DOTALL)


def read_points(path: Path) -> NDArray[np.float64]:
    """The points of a file: x, y, z, and where it has colours red, green, blue from 0 to 1.

    Raises:
        TooLarge: it has too many bytes or points.
        InputError: it cannot be read, or holds no points.
    """
    kind = path.suffix.lower()
    points = load_npy(path) if kind == ".npy" else _from_ply(path) if kind == ".ply" else _from_lines(path)
    if points.ndim != 2 or points.shape[1] not in (3, 6):
        raise InputError(f"{path} has the shape {points.shape}; (points, 3), or (points, 6) with colours, is needed.")
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        raise InputError(f"{path} holds no points.")
    if points.shape[1] == 6 and points[:, 3:].max() > 1:
        points = np.concatenate([points[:, :3], points[:, 3:] / 255], axis=1)
    return points


def _content(path: Path) -> bytes:
    with open_regular(path) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise TooLarge(f"{path} has more than {MOST_BYTES >> 20} MiB.", "Sample fewer points.")
    return content


def _from_lines(path: Path) -> NDArray[np.float64]:
    """Numbers separated by spaces, one point per line; lines that begin with # are left out."""
    lines = (line.split() for line in _content(path).splitlines() if line.strip() and not line.startswith(b"#"))
    try:
        rows = [[float(number) for number in line] for line in lines]
        return np.array(rows, dtype=np.float64)
    except ValueError:
        raise InputError(f"{path} is not a list of points: each line has 3 numbers, or 6 with colours.") from None


def _from_ply(path: Path) -> NDArray[np.float64]:
    content = _content(path)
    header = _HEADER.match(content)
    if header is None:
        raise InputError(f"{path} does not begin with the header of a PLY file.")
    order, count, names, kinds = _vertices(path, header["lines"].decode("latin-1").split("\n"))
    require_size(path, count, len(names))
    body = content[header.end() :]
    if order:
        dtype = np.dtype([(name, order + kind) for name, kind in zip(names, kinds, strict=True)])
        if len(body) < count * dtype.itemsize:
            raise InputError(f"{path} is truncated: it says that it has {count} points.")
        read = np.frombuffer(body, dtype, count)
        columns = {name: read[name].astype(np.float64) for name in names}
    else:
        columns = _ascii(path, body, count, names)
    colours = next((trio for trio in _COLOURS if set(trio) <= set(names)), ())
    if not {"x", "y", "z"} <= set(names):
        raise InputError(f"{path} has no x, y and z of its points.")
    scale = {name: 255.0 if kinds[names.index(name)] == "u1" else 1.0 for name in colours}
    wanted = [*(columns[name] for name in "xyz"), *(columns[name] / scale[name] for name in colours)]
    return np.stack(wanted, axis=1)


def _ascii(path: Path, body: bytes, count: int, names: list[str]) -> dict[str, NDArray[np.float64]]:
    lines = body.split(b"\n", count)[:count]
    try:
        values = np.array([[float(number) for number in line.split()[: len(names)]] for line in lines])
        return {name: values[:, place] for place, name in enumerate(names)}
    except (ValueError, IndexError):
        raise InputError(f"{path} is truncated, or has points with too few numbers.") from None


def _vertices(path: Path, lines: list[str]) -> tuple[str, int, list[str], list[str]]:
    """Byte order, number of points, and names and types of a point's properties."""
    order, count, names, kinds, element = "", -1, list[str](), list[str](), ""
    for words in (line.split() for line in lines):
        if words[:1] == ["format"] and len(words) == 3 and words[1] in _ORDERS:
            order = _ORDERS[words[1]]
        elif words[:1] == ["element"] and len(words) == 3 and words[2].isdigit() and len(words[2]) < _DIGITS:
            if count >= 0:
                break  # what stands behind the points is not read
            if words[1] != "vertex":
                raise InputError(f"{path} has {words[1]} before its points, which is not supported.")
            element, count = words[1], int(words[2])
        elif words[:1] == ["property"] and element == "vertex":
            if len(words) != 3 or words[1] not in _TYPES or words[2] in names:
                raise InputError(f"{path} has points with a property that is not supported: {' '.join(words)[:60]}.")
            names.append(words[2])
            kinds.append(_TYPES[words[1]])
    if count < 1 or not names:
        raise InputError(f"{path} holds no points.")
    return order, count, names, kinds

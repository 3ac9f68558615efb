"""Names that mean the same on every machine, for whatever is hashed or shared."""

import posixpath
from pathlib import PurePosixPath

from macaw_cli.basics.file_names import printable


def portable_name(name: str) -> str:
    """A relative path in its plain form; of an absolute one only the last part; always UTF-8."""
    return printable(PurePosixPath(name).name if PurePosixPath(name).is_absolute() else posixpath.normpath(name))

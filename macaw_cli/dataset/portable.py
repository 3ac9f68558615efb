"""Names that mean the same on every machine, for whatever is hashed or shared."""

import posixpath
from pathlib import PurePosixPath


def portable_name(name: str) -> str:
    """A relative path in its plain form; of an absolute one only the last part."""
    return PurePosixPath(name).name if PurePosixPath(name).is_absolute() else posixpath.normpath(name)

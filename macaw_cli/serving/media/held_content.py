"""Bytes that a client sent, under a path that a decoder process can open, and gone with this process."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_BEGINNINGS = (
    (b"RIFF", ".wav"), (b"fLaC", ".flac"), (b"OggS", ".ogg"), (b"ID3", ".mp3"), (b"\xff\xfb", ".mp3"),
    (b"\xff\xf3", ".mp3"), (b"\xff\xf2", ".mp3"), (b"FORM", ".aiff"), (b".snd", ".au"),
)  # fmt: skip


def suffix_of(content: bytes) -> str:
    """The extension by which audio decoders choose their library; empty where the content alone decides."""
    return next((suffix for beginning, suffix in _BEGINNINGS if content.startswith(beginning)), "")


@contextmanager
def held(content: bytes) -> Iterator[str]:
    """A path to the bytes; on Linux they lie in memory, and nothing is left when this process is killed."""
    if sys.platform == "linux":
        with os.fdopen(os.memfd_create("macaw-serve"), "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/{os.getpid()}/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile(prefix="macaw-serve-") as named:
            named.write(content)
            named.flush()
            yield named.name

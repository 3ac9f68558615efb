"""PNGs without their texts: Pillow refuses a whole image for a text of more than a megabyte in it."""

import io
from pathlib import Path
from typing import BinaryIO

from macaw_cli.basics.regular_files import open_regular

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS = {b"tEXt", b"zTXt", b"iTXt", b"iCCP"}
"""Nothing of what is shown: the colour profile is not applied either."""
_ORIENTATION = b"XML:com.adobe.xmp\0\0"
"""Of the texts the one that may turn the image, where it is not compressed."""
_SMALL = 1 << 20


def without_texts(path: Path) -> BinaryIO:
    """The content of a PNG with the chunks alone that its image is made of."""
    kept = io.BytesIO()
    with open_regular(path) as content:
        kept.write(content.read(len(SIGNATURE)))
        while len(head := content.read(8)) == 8:
            size, name = int.from_bytes(head[:4]), head[4:]
            body = content.read(size + 4)
            if name not in _TEXTS or (size < _SMALL and body.startswith(_ORIENTATION)):
                kept.write(head + body)
    kept.seek(0)
    return kept

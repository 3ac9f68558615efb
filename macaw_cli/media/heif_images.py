"""HEIC and HEIF images, as phones take them: through Pillow's plugin, an extra of macaw."""

import importlib.util

_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
"""What stands behind `ftyp` in a file of still images (ISO 23008-12)."""
HEAD_BYTES = 12
WITHOUT_PLUGIN = "it is a HEIC image, and Pillow's plugin for HEIC is not installed (pip install 'macaw-cli[heic]')"


def is_heif(head: bytes) -> bool:
    """Whether a file that begins so is a HEIC or HEIF image."""
    return head[4:8] == b"ftyp" and head[8:12] in _BRANDS


def register_plugin() -> bool:
    """Let Pillow open such images; False when the plugin is not installed."""
    if importlib.util.find_spec("pillow_heif") is None:
        return False
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)
    return True

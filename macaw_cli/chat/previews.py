"""A small version of an attached image, shown in terminals that can."""

import io
from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.terminal_images import image_protocol, show_image
from macaw_cli.inference.attachments import Attachment

LARGEST = (480, 320)
"""Pixels of what is shown."""


def show_preview(attachment: Attachment, file: Path) -> None:
    """Show an image; nothing happens for other media and in other terminals."""
    protocol = image_protocol()
    if protocol is None or attachment.modality != "image":
        return
    from macaw_cli.media.images import load_image  # takes a second, and few terminals show images

    try:
        image = load_image(file)
    except InputError:  # it was read a moment ago: somebody has removed it
        return
    image.thumbnail(LARGEST)
    content = io.BytesIO()
    image.save(content, "PNG")
    show_image(content.getvalue(), protocol)

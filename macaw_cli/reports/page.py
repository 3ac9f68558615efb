"""Pages that need no other file, no network and no script, from templates with one base.

The templates are in `templates/`, all of which extend `base.html.jinja`. They get data structures and escape every text
in them; no other part of macaw writes HTML.
"""

import base64
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import atomic_path
from macaw_cli.basics.owned_folders import GENERATOR, require_own_page
from macaw_cli.basics.redaction import redacted
from macaw_cli.reports.drawing import DARK, LIGHT, PALETTE


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """A small image, audio or video inside a page.

    Attributes:
        content: its bytes.
        alt: what it is, for those who do not see or hear it.
        mime_type: such as `image/png`.
        kind: class in the style sheet.
        size: width and height in pixels of the page; None leaves them to the style sheet.
    """

    content: bytes
    alt: str
    mime_type: str = "image/png"
    kind: str = ""
    size: tuple[int, int] | None = None


def write_page(target: Path, template: str, **content: Any) -> None:
    """Write a page, whole or not at all; what the template iterates over may be a generator.

    Args:
        target: the file.
        template: name of the page's template, without its endings.
        content: what the template shows; `title` always.

    Raises:
        InputError: a file that is no page of macaw's is there.
    """
    require_own_page(target)
    from jinja2 import Environment, PackageLoader, StrictUndefined  # here: most commands write no page
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("macaw_cli.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["data_url"] = _data_url
    style = environment.get_template("style.css.jinja").render(light=LIGHT, dark=DARK, palette=PALETTE)
    style_hash = base64.b64encode(sha256(style.encode()).digest()).decode()
    pieces = environment.get_template(f"{template}.html.jinja").generate(
        generator=Markup(GENERATOR), style=Markup(style), style_hash=style_hash, **content
    )
    # names of files may hold bytes that are no UTF-8
    with (
        atomic_path(target) as temporary,
        temporary.open("w", encoding="utf-8", errors="xmlcharrefreplace", newline="\n") as out,
    ):
        out.writelines(map(redacted, pieces))


def _data_url(content: bytes, mime_type: str = "image/png") -> str:
    return f"data:{mime_type};base64,{base64.b64encode(content).decode()}"

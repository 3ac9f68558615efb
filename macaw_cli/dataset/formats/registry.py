"""Every format of `--source FORMAT:PATH`.

A new one: write a small file with a `Format`, and add it here. Other packages add theirs by an entry point in the group
`macaw.formats`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.plug_ins import plug_ins
from macaw_cli.dataset.formats.alpaca import ALPACA
from macaw_cli.dataset.formats.canonical import CANONICAL
from macaw_cli.dataset.formats.coco_captions import COCO_CAPTIONS
from macaw_cli.dataset.formats.entry import Format
from macaw_cli.dataset.formats.llava import LLAVA

GROUP = "macaw.formats"
"""Of entry points."""
BUILT_IN = (CANONICAL, ALPACA, LLAVA, COCO_CAPTIONS)


def with_plug_ins() -> Mapping[str, Format]:
    """The formats of macaw, and behind them those of other packages, by name.

    Raises:
        UsageError: an entry point names something else, or a name that is taken.
    """
    formats = {one.name: one for one in BUILT_IN}
    for package, found in plug_ins(GROUP):
        if not isinstance(found, Format) or found.name in formats:
            fault = f"the format {found.name}, which exists" if isinstance(found, Format) else repr(found)
            raise UsageError(
                f"The package {package} adds {fault} to {GROUP}, where a Format of a new name is expected.",
                f"Repair the package, or uninstall it: pip uninstall {package}.",
            )
        formats[found.name] = found
    return MappingProxyType(formats)


FORMATS = with_plug_ins()
"""Name to format."""

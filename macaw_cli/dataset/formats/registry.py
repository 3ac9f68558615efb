"""Every format of `--source FORMAT:PATH`.

A new one: write a small file with a `Format`, and add it here. Other packages add theirs by an entry point in the group
`macaw.formats`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.plug_ins import plug_ins
from macaw_cli.dataset.formats.alpaca import ALPACA
from macaw_cli.dataset.formats.avsd import AVSD
from macaw_cli.dataset.formats.canonical import CANONICAL
from macaw_cli.dataset.formats.charades import CHARADES
from macaw_cli.dataset.formats.coco_captions import COCO_CAPTIONS
from macaw_cli.dataset.formats.coco_vqa import COCO_VQA
from macaw_cli.dataset.formats.csv_table import CSV
from macaw_cli.dataset.formats.entry import Format
from macaw_cli.dataset.formats.hugging_face import HUGGING_FACE
from macaw_cli.dataset.formats.llava import LLAVA
from macaw_cli.dataset.formats.macaw_llm import MACAW_LLM
from macaw_cli.dataset.formats.openai_chat import OPENAI
from macaw_cli.dataset.formats.parquet_table import PARQUET
from macaw_cli.dataset.formats.scienceqa import SCIENCEQA
from macaw_cli.dataset.formats.sharegpt import SHAREGPT

GROUP = "macaw.formats"
"""Of entry points."""
BUILT_IN = (
    CANONICAL, ALPACA, LLAVA, SHAREGPT, OPENAI, MACAW_LLM, COCO_CAPTIONS, COCO_VQA, CHARADES, AVSD, SCIENCEQA, CSV,
    PARQUET, HUGGING_FACE,
)  # fmt: skip


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

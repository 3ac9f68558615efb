"""Every modality, those of macaw and those that other packages add, and the token ids that follow from the table.

A modality of macaw is a file of this folder and a place in `BUILT_IN`. Another package adds one by an entry point in
the group `macaw.modalities` that names a `ModalityEntry`: see docs/own-parts.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from macaw_cli.basics.errors import MismatchError
from macaw_cli.basics.plug_ins import plug_ins
from macaw_cli.modalities.audio import AUDIO
from macaw_cli.modalities.depth import DEPTH
from macaw_cli.modalities.entry import EncoderRole, Modality, ModalityEntry, require_usable
from macaw_cli.modalities.fmri import FMRI
from macaw_cli.modalities.image import IMAGE
from macaw_cli.modalities.imu import IMU
from macaw_cli.modalities.normal import NORMAL
from macaw_cli.modalities.points import POINTS
from macaw_cli.modalities.series import SERIES
from macaw_cli.modalities.video import VIDEO

__all__ = [
    "BUILT_IN", "ENCODER_OF", "MODALITIES", "ROLES", "TABLE", "EncoderRole", "Modality", "ModalityEntry", "TokenIds",
    "begin_end", "in_words", "named_in", "require_known", "token_ids",
]  # fmt: skip

GROUP = "macaw.modalities"
"""The group of entry points."""
BUILT_IN = (IMAGE, AUDIO, VIDEO, SERIES, IMU, DEPTH, NORMAL, POINTS, FMRI)


def _with_plug_ins() -> Mapping[Modality, ModalityEntry]:
    """The rows of macaw, and behind them those of other packages, sorted by the names of their entry points."""
    rows = {row.name: row for row in BUILT_IN}
    for package, found in plug_ins(GROUP):
        row = require_usable(found, rows, package)
        rows[row.name] = row
    return MappingProxyType(rows)


TABLE: Mapping[Modality, ModalityEntry] = _with_plug_ins()
MODALITIES: tuple[Modality, ...] = tuple(TABLE)
"""In the order in which their blocks stand before the first user text."""
ENCODER_OF: Mapping[Modality, EncoderRole] = {name: row.encoder for name, row in TABLE.items() if row.encoder}
"""The role of the encoder that makes the features of a modality, where one does."""
ROLES: tuple[EncoderRole, ...] = tuple(dict.fromkeys(ENCODER_OF.values()))


def require_known(names: Iterable[str], what: str, fingerprints: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Refuse what holds a modality that the table lacks.

    Args:
        names: of modalities.
        what: holds them, such as "The model".
        fingerprints: of their features, which tell the decoder that makes them.

    Raises:
        MismatchError: with the name of the first that is missing.
    """
    for name in names:
        if name not in TABLE:
            decoder = fingerprints.get(name, {}).get("model")
            raise MismatchError(
                f"{what} has the modality {name}, which neither macaw nor an installed package provides"
                f" (known: {', '.join(MODALITIES)}).",
                f"Install the package that adds {name}{f'; its decoder is {decoder}' if decoder else ''}.",
            )


def in_words(joined: str = "or") -> str:
    """`"image, audio or video"`: for people, the usual ones and those of installed packages."""
    *names, last = (name for name, row in TABLE.items() if row.original or row not in BUILT_IN)
    return f"{', '.join(names)} {joined} {last}"


def begin_end(name: str) -> tuple[str, str]:
    """The begin and the end token of a modality as text."""
    return f"<{name}>", f"</{name}>"


def named_in(bridged: Iterable[str]) -> list[Modality]:
    """The modalities that a new model has ids for: the original three, and of others only the bridged ones.

    So what a newer macaw or another package adds changes nothing where it is not used.
    """
    wanted = {row.name for row in TABLE.values() if row.original} | set(bridged)
    return [name for name in MODALITIES if name in wanted]


@dataclass(frozen=True)
class TokenIds:
    """Ids that stand for media in a model's `input_ids`, per modality; none is a row of the LLM's matrix."""

    soft: dict[str, int]
    """Id of one soft token."""
    begin_end: dict[str, list[int]]
    """Ids of the begin and the end token."""
    null: dict[str, int]
    """Id of one soft token of an absent medium."""


def token_ids(vocabulary: int, names: Iterable[str]) -> TokenIds:
    """The ids behind an LLM's vocabulary: first the soft tokens, then begin and end tokens, then the null features.

    A model keeps its ids in its `config.json`, so that this table may grow without changing them.

    Args:
        vocabulary: V, the first free id.
        names: of the modalities, see `named_in`.
    """
    names = list(names)
    begin = vocabulary + len(names)
    null = begin + 2 * len(names)
    return TokenIds(
        soft={name: vocabulary + place for place, name in enumerate(names)},
        begin_end={name: [begin + 2 * place, begin + 2 * place + 1] for place, name in enumerate(names)},
        null={name: null + place for place, name in enumerate(names)},
    )

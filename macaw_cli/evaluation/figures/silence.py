"""How much of the audio features that a model reads lies beyond the end of the audio."""

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

from macaw_cli.basics.errors import MismatchError
from macaw_cli.encoders.padding import window_layout
from macaw_cli.modalities.table import Modality
from macaw_cli.shards.training_rows import ConversationRow


def padding_share(
    rows: Iterable[ConversationRow], fingerprints: Mapping[Modality, Mapping[str, Any]], *, trimmed: bool
) -> dict[str, float]:
    """Share of the tokens that stand for padding, where that is known: `{"audio": 0.97}`, else nothing.

    It is not known where stored features do not fill whole windows.

    Args:
        rows: the conversations whose audio counts.
        fingerprints: of the encoders, per modality.
        trimmed: whether a view removes these tokens when features are read.
    """
    fingerprint = fingerprints.get("audio", {})
    layout = window_layout(fingerprint)
    if layout is None or trimmed or fingerprint.get("audio_padding") == "drop":
        return {}
    heard = read = 0
    for ref in (ref for row in rows for ref in row.media if ref.modality == "audio"):
        if ref.seconds is None:
            continue
        tokens = prod((ref.stored_shape or ref.shape)[:-1])
        try:
            heard += layout.layers * sum(layout.heard(tokens, ref.seconds))
        except MismatchError:
            return {}
        read += tokens
    return {"audio": 1 - heard / read} if read else {}

"""How much of the audio features that a model reads lies beyond the end of the sounds."""

from collections.abc import Iterable, Mapping
from typing import Any

from macaw_cli.config.settings import Modality
from macaw_cli.encoders.padding import window_layout
from macaw_cli.shards.training_rows import ConversationRow


def padding_share(
    rows: Iterable[ConversationRow], fingerprints: Mapping[Modality, Mapping[str, Any]], *, trimmed: bool
) -> dict[str, float]:
    """Share of the tokens that stand for padding, where that is known: `{"audio": 0.97}`, else nothing.

    Args:
        rows: the conversations whose sounds count.
        fingerprints: of the encoders, per modality.
        trimmed: whether a view removes these tokens when features are read.
    """
    fingerprint = fingerprints.get("audio", {})
    layout = window_layout(fingerprint)
    if layout is None or trimmed or fingerprint.get("audio_padding") == "drop":
        return {}
    seconds = [ref.seconds for row in rows for ref in row.media if ref.modality == "audio" and ref.seconds is not None]
    whole = layout.samples / layout.sampling_rate * fingerprint.get("audio_windows", 1)
    heard = sum(min(one, whole) for one in seconds)
    return {"audio": 1 - heard / (whole * len(seconds))} if seconds else {}

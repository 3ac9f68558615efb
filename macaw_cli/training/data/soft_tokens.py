"""How many soft tokens the media of conversations make."""

from macaw_cli.modalities.table import Modality
from macaw_cli.model.bridges.registry import soft_token_count
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.shards.training_rows import ConversationRow


class SoftTokenCounter:
    """Counts the soft tokens of a conversation's media; each shape of features is worked out once.

    Args:
        config: of the model.
    """

    def __init__(self, config: MacawConfig) -> None:
        self._config = config
        self._known: dict[tuple[Modality, tuple[int, ...]], int] = {}  # counting takes longer than looking it up

    def __call__(self, row: ConversationRow) -> dict[Modality, list[int]]:
        """Modality to the soft tokens of each of its media; without those that the conversation lacks."""
        found: dict[Modality, list[int]] = {}
        for ref in row.media:
            key = ref.modality, ref.shape
            if key not in self._known:
                self._known[key] = soft_token_count(self._config, *key)
            found.setdefault(ref.modality, []).append(self._known[key])
        return found

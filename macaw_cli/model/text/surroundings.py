"""What stands around a medium's soft tokens."""

from macaw_cli.modalities.table import Modality
from macaw_cli.model.configuration import MacawConfig


def around_media(config: MacawConfig, modality: Modality) -> tuple[list[int], list[int]]:
    """The ids before and after the soft tokens of one medium: its begin and end token, as a rule."""
    if modality not in config.begin_end_ids:
        before, after = config.surrounding_ids.get(modality, ([], []))
        return before, after
    opening, closing = config.begin_end_ids[modality]
    return [opening], [closing]

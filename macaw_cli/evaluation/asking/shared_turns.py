"""Whether one row of a batch can score the answers of several turns of a conversation at once."""

from collections.abc import Sequence

from macaw_cli.modalities.table import MODALITIES
from macaw_cli.model.fusion.instructions import reads_instructions
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.shards.training_rows import MediaRef


def can_share_rows(model: MacawForConditionalGeneration) -> bool:
    """Whether what comes later in a prompt changes nothing before it.

    A bridge that reads the instruction sees the questions of later turns, and an injection may show later media.
    """
    return not reads_instructions(model) and model.injection is None


def holds_turn(
    later: Sequence[int], later_media: Sequence[MediaRef], turn: Sequence[int], media: Sequence[MediaRef]
) -> bool:
    """Whether a prompt begins with an earlier turn and its answer, on the same media.

    A chat template that rewrites earlier turns has other ids there.

    Args:
        later: ids of the prompt of a later turn.
        later_media: its media.
        turn: ids of the earlier prompt and its answer.
        media: the earlier media.
    """
    if list(later[: len(turn)]) != list(turn):
        return False
    for name in MODALITIES:
        keys = [ref.key for ref in media if ref.modality == name]
        if [ref.key for ref in later_media if ref.modality == name][: len(keys)] != keys:
            return False
    return True

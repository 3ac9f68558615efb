"""The weights of a model of macaw under the names that a family's checkpoints have for them."""

from typing import Any

from torch import Tensor

from macaw_cli.basics.errors import MismatchError
from macaw_cli.export.families.family import Family
from macaw_cli.export.formats.stock.media_tokens import MediaTokens, embedding_scale, with_rows
from macaw_cli.export.importing.family_import import base_name
from macaw_cli.export.importing.published.names import summarised

NOT_CARRIED = ("fusion.begin_end_embeddings.", "fusion.null_features_")
"""Weights of a model of macaw that have no place of their own: the first become rows of the embedding matrix."""


def stock_weights(family: type[Family], model: Any, tokens: MediaTokens, size: int) -> dict[str, Tensor]:
    """All weights of a model under a family's names.

    Args:
        family: its table of names counts.
        model: of macaw, with its encoder.
        tokens: new ids become rows.
        size: rows of the embedding matrix.

    Raises:
        MismatchError: the family has no place for one.
    """
    llm = base_name(model.config.text_config)
    ours = dict(model.state_dict())
    embeddings = _embeddings(model, tokens, size)
    head = model.get_output_embeddings()
    of_head = f"{next(name for name, module in model.named_modules() if module is head)}."
    for name, tensor in ours.items():
        if tensor.data_ptr() == model.embedding_matrix.data_ptr():
            ours[name] = embeddings  # also of a head that is tied to it
        elif name.startswith(of_head):
            ours[name] = with_rows(tensor, size)
    kept = [name for name in ours if not name.startswith((*NOT_CARRIED, *family.left_out))]
    renamed = {name: family.original_name(name, llm) for name in kept}
    if lost := [name for name, theirs in renamed.items() if theirs is None]:
        problem = f"{family.class_name} of transformers has no place for {summarised(lost)}."
        raise MismatchError(problem, "Nothing was exported. Please report this.")
    return {theirs: ours[name] for name, theirs in renamed.items() if theirs}


def _embeddings(model: Any, tokens: MediaTokens, size: int) -> Tensor:
    """(size, D): the LLM's, and the begin and end tokens as rows."""
    matrix = with_rows(model.embedding_matrix.detach(), size)
    if tokens.place_of:
        first = min(identity for pair in model.config.begin_end_ids.values() for identity in pair)
        scale = embedding_scale(model.get_input_embeddings())
        for ours, theirs in tokens.place_of.items():
            matrix[theirs] = model.fusion.begin_end_embeddings.weight.detach()[ours - first] / scale
    return matrix

"""The loss without the logits: how training calls the model."""

from typing import Any

from torch import Tensor
from transformers.modeling_outputs import CausalLMOutputWithPast

from macaw_cli.model.losses import divided, predicting_positions, response_loss, supervised_places
from macaw_cli.model.packing.language_head import plain_head
from macaw_cli.model.packing.row_layout import RowLayout
from macaw_cli.model.packing.token_weights import TokenWeights, weighted_sum


def loss_alone(
    model: Any, inputs: dict[str, Any], labels: Tensor,
    num_supervised: Tensor | int | None, layout: RowLayout | None,
) -> CausalLMOutputWithPast:  # fmt: skip
    """The loss; where the LLM computes its logits in its own way, from those that are needed.

    Args:
        model: a MacawForConditionalGeneration.
        inputs: of the LLM; and `token_weights`, a `TokenWeights`, where tokens do not all count the same.
        labels: (B, T), -100 where nothing is supervised.
        num_supervised: divides the summed loss; None for the number of supervised tokens in this call.
        layout: of the rows, where it is known.
    """
    tokens: TokenWeights | None = inputs.pop("token_weights", None)
    parts = plain_head(model.language_model)
    if parts is None:
        positions = predicting_positions(labels)
        output: CausalLMOutputWithPast = model.language_model(**inputs, logits_to_keep=positions)
        targets = labels[:, positions + 1]
        if tokens is None:
            loss = response_loss(output.logits, targets, num_supervised)
        else:
            loss = divided(weighted_sum(output.logits, targets, tokens), len(tokens.weights), num_supervised)
        return CausalLMOutputWithPast(loss=loss, past_key_values=output.get("past_key_values"))
    # first, because without a layout a GPU is waited for until they are known
    places, targets = layout.supervised if layout else supervised_places(labels)
    output = parts.backbone(**inputs)
    hidden = output.last_hidden_state.flatten(0, 1).index_select(0, places)
    model.supervised_loss.may_use(parts.head)
    loss = divided(model.supervised_loss(hidden, parts.head, targets, tokens), len(places), num_supervised)
    return CausalLMOutputWithPast(loss=loss, past_key_values=output.get("past_key_values"))

"""Whether an LLM's logits are its head on its last hidden states and nothing else, so that a loss may go around them.

Most LLMs are that. Some cap, scale or shift their logits in code of their own (Gemma 2, Cohere, Granite), which no list
of setting names covers for good. So the LLM's own forward is asked: once, on a copy of its structure without weights.
"""

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions

PROBE_VOCABULARY = 5


class PlainHead(NamedTuple):
    """The two parts of an LLM whose logits are `head(backbone(...).last_hidden_state)`."""

    backbone: nn.Module
    head: nn.Linear


def without_adapter(llm: Any) -> Any:
    """The transformers LLM inside a PEFT model, with the adapter's layers in it; any other LLM as it is."""
    return llm.get_base_model() if hasattr(llm, "get_base_model") else llm


def plain_head(llm: Any) -> PlainHead | None:
    """Backbone and head of this LLM; None where its logits need its own forward.

    Args:
        llm: of transformers, or wrapped by PEFT.
    """
    llm = without_adapter(llm)
    head = llm.get_output_embeddings()
    if type(head) is not nn.Linear:  # an adapter on the head, or a quantised one, is more than its weights
        return None
    if not hasattr(llm, "_macaw_head_is_plain"):
        llm._macaw_head_is_plain = logits_are_the_heads(llm)
    return PlainHead(llm.get_decoder(), head) if llm._macaw_head_is_plain else None


def logits_are_the_heads(llm: Any) -> bool:
    """Run the LLM's own forward on known hidden states and a known head, and compare.

    The values are large, so that a cap shows. Nothing of the LLM itself is run or changed, and no random number drawn.
    """
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            shell = type(llm)(copy.deepcopy(llm.config))
        hidden_size = shell.get_output_embeddings().in_features
        backbone = shell.get_decoder()
        states = torch.linspace(-3, 5, 3 * hidden_size).view(1, 3, hidden_size)
        head = nn.utils.skip_init(nn.Linear, hidden_size, PROBE_VOCABULARY)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            head.weight.copy_(torch.linspace(-2, 1, head.weight.numel()).view_as(head.weight))
            head.bias.copy_(torch.arange(PROBE_VOCABULARY))
            shell.set_output_embeddings(head)
            known = BaseModelOutputWithPastAndCrossAttentions(last_hidden_state=states)
            known.router_logits = None  # LLMs of several experts ask for it
            backbone.forward = lambda *_, **__: known
            logits: Tensor = shell(inputs_embeds=states, use_cache=False).logits
            return backbone is not shell and torch.equal(logits, head(states))
    except (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError):
        return False  # too unusual to be taken apart: its own forward is used, as for generation

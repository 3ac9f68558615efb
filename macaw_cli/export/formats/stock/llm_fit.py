"""Whether a class that has the LLM and a head beside each other computes what the LLM's own class computes.

LLMs of transformers differ in what they do behind their last layer: a bias, a soft cap, a factor. So a tiny copy of the
LLM is asked; no list of names covers them for good.
"""

import json
from functools import lru_cache
from typing import Any

import torch
from transformers import AutoConfig, AutoModel

from macaw_cli.encoders.pretrained import causal_lm_of
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.model.packing.packing_support import CANNOT, WITHOUT_EFFECT
from macaw_cli.model.packing.tiny_config import small_copies

IDS = (1, 2, 3, 4, 5, 6)
TOLERANCE = 1e-5
HEAD, EMBEDDINGS = "lm_head", "embed_tokens.weight"


def llm_obstacles(llm_config: Any) -> list[str]:
    """Why a stock class that puts a plain `lm_head` on the LLM cannot have this one; none where it can.

    Args:
        llm_config: of a causal LLM of transformers; no weights are needed.
    """
    fields = json.loads(llm_config.to_json_string(use_diff=False))
    told = _tried(json.dumps({name: value for name, value in fields.items() if name not in WITHOUT_EFFECT}))
    return [f"the model's LLM ({llm_config.model_type}) {told}"] if told else []


@lru_cache(maxsize=32)
def _tried(config: str) -> str:
    with quiet_transformers(), torch.random.fork_rng(devices=[]), torch.no_grad():
        for fields in small_copies(json.loads(config)):
            torch.default_generator.manual_seed(0)
            try:
                small = AutoConfig.for_model(**fields)
                llm = causal_lm_of(small, dtype=torch.float32).eval()
                embedded = llm.get_input_embeddings()(torch.tensor([IDS]))
                logits = llm(inputs_embeds=embedded, use_cache=False).logits
                hidden = llm.base_model(inputs_embeds=embedded, use_cache=False)[0]
                plain = hidden @ llm.get_output_embeddings().weight.T
            except (*CANNOT, ValueError):
                continue  # this copy does not fit together; the next one changes less
            return _difference(llm, logits, plain)
    return ""  # it could not be tried: the proof of the export will tell


def _difference(llm: Any, logits: torch.Tensor, plain: torch.Tensor) -> str:
    begin = f"{llm.base_model_prefix}."
    others = {name for name in llm.state_dict() if not name.startswith(begin)}
    if others - {f"{HEAD}.weight"} or AutoModel._model_mapping[type(llm.config)] is not type(llm.base_model):
        return "has other parts than layers and a head without bias"
    if f"{begin}{EMBEDDINGS}" not in llm.state_dict():
        return f"has no {EMBEDDINGS}, which the class ties its head to"
    if logits.shape != plain.shape or (logits - plain).abs().max() > TOLERANCE * logits.abs().max():
        return "does more to its logits than a head does"
    return ""

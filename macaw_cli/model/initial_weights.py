"""Initial weights of bridges and begin/end tokens, module by module, without touching what was loaded.

transformers builds models on the `meta` device and then initialises what the files did not hold, so nothing that a
constructor computes survives. Its own init functions leave loaded tensors alone, torch's would overwrite them.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.modalities.table import begin_end
from macaw_cli.model.bridges.calibrated_norm import root_mean_square


@torch.no_grad()
def initialise_begin_end(rows: Tensor, matrix: Tensor, modalities: Iterable[str], tokenizer: Any = None) -> None:
    """Give the begin and end tokens of the modalities their initial embeddings.

    A frozen LLM reads the words that it knows better than a vector that it has never seen.

    Args:
        rows: (2 x modalities, D), changed in place.
        matrix: (V, D), the LLM's embeddings.
        modalities: in the order of their rows.
        tokenizer: the LLM's; None takes random vectors with the RMS of the matrix.
    """
    if tokenizer is None:
        nn.init.normal_(rows, std=root_mean_square(matrix))
        return
    texts = [text for name in modalities for text in begin_end(name)]
    for row, text in zip(rows, texts, strict=True):
        ids = tokenizer(text, add_special_tokens=False).input_ids
        row.copy_(matrix[torch.tensor(ids, device=matrix.device)].float().mean(dim=0))


def initialise(module: nn.Module, embedding_std: float) -> None:
    """Initialise one module's own parameters; its children come on their own, before it.

    Args:
        module: any module outside the LLM and the encoders.
        embedding_std: standard deviation of the LLM's own initial embeddings, used for begin and end tokens.
    """
    if own := getattr(module, "initialise", None):
        own()
    elif isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
        init.kaiming_uniform_(module.weight, a=math.sqrt(5))  # torch's own default for all of them
        bound = 1 / math.sqrt(module.weight[0].numel())
        if module.bias is not None:
            init.uniform_(module.bias, -bound, bound)
    elif isinstance(module, nn.Embedding):
        init.normal_(module.weight, std=embedding_std)
    elif isinstance(module, nn.LayerNorm):
        init.ones_(module.weight)
        init.zeros_(module.bias)
    elif isinstance(module, nn.RMSNorm):
        init.ones_(module.weight)

"""Initial weights of bridges and tags, module by module, without touching what was loaded.

transformers builds models on the `meta` device and then initialises what the files did not hold, so nothing that a
constructor computes survives. Its own init functions leave loaded tensors alone, torch's would overwrite them.
"""

import math

from torch import nn
from transformers import initialization as init

from macaw_cli.model.bridges.attention import BiasedAttention
from macaw_cli.model.bridges.calibrated_norm import CalibratedNorm
from macaw_cli.model.bridges.macaw import MacawBridge


def initialise(module: nn.Module, embedding_std: float) -> None:
    """Initialise one module's own parameters; its children come on their own.

    Args:
        module: any module outside the LLM and the encoders.
        embedding_std: standard deviation of the LLM's own initial embeddings, used for the tags.
    """
    if isinstance(module, nn.Linear | nn.Conv1d):
        init.kaiming_uniform_(module.weight, a=math.sqrt(5))  # torch's own default for both
        bound = 1 / math.sqrt(module.weight[0].numel())
        if module.bias is not None:
            init.uniform_(module.bias, -bound, bound)
    elif isinstance(module, nn.Embedding):
        init.normal_(module.weight, std=embedding_std)
    elif isinstance(module, BiasedAttention):  # torch.nn.MultiheadAttention's own
        init.xavier_uniform_(module.in_proj_weight)
        init.zeros_(module.in_proj_bias)
        init.xavier_normal_(module.bias_k)
        init.xavier_normal_(module.bias_v)
        init.zeros_(module.out_proj.bias)
    elif isinstance(module, nn.LayerNorm):
        init.constant_(module.weight, module.unit if isinstance(module, CalibratedNorm) else 1.0)
        init.zeros_(module.bias)
    elif isinstance(module, MacawBridge) and module.residual:
        init.constant_(module.embedding_rms, module.initial_rms)

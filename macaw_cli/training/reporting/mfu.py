"""Model FLOPs utilisation: how much of what the GPUs can do at most goes into the model's own arithmetic.

Counted is what the method needs, not what is computed: recomputed activations, padding and the loss on positions
without an answer do not raise the figure, which follows the definition of PaLM (arXiv 2204.02311, appendix B).
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import torch

from macaw_cli.modalities.table import Modality
from macaw_cli.model.tapped_layers import bridge_config
from macaw_cli.shards.training_rows import ConversationRow
from macaw_cli.training.data.epoch_plan import PlannedStep, capacity
from macaw_cli.training.data.soft_tokens import SoftTokenCounter

DENSE_BF16_TFLOPS = {
    # NVIDIA's data sheets of each product; where one gives figures with sparsity only, half of them
    "B200": 2250.0,
    "GB200": 2500.0,
    "B300": 2250.0,
    "GB300": 2500.0,
    "H200 NVL": 835.0,
    "H200": 989.4,
    "H100 NVL": 835.0,
    "H100 PCIe": 756.0,
    "H100 80GB HBM2e": 756.0,  # what early drivers call the PCIe card
    "H100": 989.4,
    "H800 PCIe": 756.0,
    "H800": 989.4,
    "GH200": 989.4,
    "H20": 148.0,
    "A100": 312.0,
    "A800": 312.0,
    "A40": 149.7,
    "A30": 165.0,
    "A10": 125.0,
    "L40S": 362.0,
    "L40": 181.0,
    "L4": 121.0,
    "RTX 6000 Ada": 364.2,
    "RTX A6000": 154.8,
    # the architecture white papers of NVIDIA, bf16 with fp32 accumulation
    "RTX PRO 6000 Blackwell": 503.8,
    "RTX 5090": 209.5,
    "RTX 4090": 165.2,
    "RTX 3090 Ti": 80.0,
    "RTX 3090": 71.0,
    # AMD's data sheets
    "MI325X": 1307.4,
    "MI300X": 1307.4,
    "MI210": 181.0,
}
"""Part of the device's name to the highest dense bf16 rate, in 10^12 operations a second."""
_OTHER_CHIP = re.compile(r"\b(Laptop|Max-Q|MIG|D|GRID)\b|-\d+[ABCQ](ME)?\b")
"""Words after which the same number names a slower chip, or a part of one: MIG's, or a virtual GPU's (`A40-48Q`)."""


def peak_flops(device_name: str) -> float | None:
    """Highest dense bf16 rate of a device in operations per second; None for one that the table does not know."""
    if _OTHER_CHIP.search(device_name):
        return None
    known = [name for name in DENSE_BF16_TFLOPS if re.search(rf"\b{re.escape(name)}\b", device_name)]
    return DENSE_BF16_TFLOPS[max(known, key=len)] * 1e12 if known else None


def peak_of(device: torch.device) -> float | None:
    """Peak operations per second of a torch device; None for a CPU."""
    return peak_flops(torch.cuda.get_device_name(device)) if device.type == "cuda" else None


@dataclass(frozen=True)
class StepWork:
    """What one optimizer step has to do, over all ranks."""

    capacity: int
    """Ranks x tokens of the rank with the most: what is not real tokens of it is waited for."""
    flops: float


@dataclass(frozen=True)
class BridgeWork:
    """What the bridge of one modality has to do beyond a few products per soft token, forward and backward.

    Attributes:
        soft_tokens: of each conversation.
        forward: operations of a forward pass with so many soft tokens, see `Bridge.extra_operations`.
        passes: 1, and 1 more each for the gradients of what it reads of the LLM and of the bridge.
    """

    soft_tokens: Sequence[int]
    forward: Callable[[int], float]
    passes: int

    def __call__(self, sequence: Sequence[int]) -> float:
        """The operations of one packed sequence of conversations, which pass together."""
        return self.passes * self.forward(sum(self.soft_tokens[example] for example in sequence))


@dataclass(frozen=True)
class WorkCounter:
    """Counts the work of planned steps.

    Attributes:
        lengths: tokens of each conversation.
        world_size: number of ranks.
        per_token: operations for each token, forward and backward.
        per_answer_token: the same of the output layer, for each supervised token.
        per_pair: the same of attention, for each pair of a token and one that it sees.
        bridges: of bridges that do more than a few products per soft token.
        injection: operations of the injection for each conversation; empty where there is none.
    """

    lengths: Sequence[int]
    world_size: int
    per_token: float = 0.0
    per_answer_token: float = 0.0
    per_pair: float = 0.0
    bridges: Sequence[BridgeWork] = ()
    injection: Sequence[float] = ()

    def __call__(self, step: PlannedStep) -> StepWork:
        """The work of one step."""
        lengths = self.lengths
        sizes = [[lengths[example] for example in sequence] for sequence in step.sequences]
        pairs = sum(size * (size + 1) // 2 for sequence in sizes for size in sequence) if self.per_pair else 0
        flops = self.per_token * step.tokens + self.per_answer_token * step.supervised_tokens + self.per_pair * pairs
        flops += sum(one(sequence) for one in self.bridges for sequence in step.sequences)
        if self.injection:
            flops += sum(self.injection[example] for sequence in step.sequences for example in sequence)
        return StepWork(capacity(step, lengths, self.world_size), flops)


def work_counter(
    model: Any, lengths: Sequence[int], world_size: int, rows: Sequence[ConversationRow] = ()
) -> WorkCounter:
    """Count the LLM's operations from its parameters, and those of bridges and injections that do much.

    Bridges do much where they attend to the embedding matrix; all else is for a few tokens each, and left out.

    A weight costs 2 operations a token forward, 2 backward for the gradient of its input, and 2 more where it is
    trained itself. Attention costs 2 x 2 x width a pair and layer forward, and twice that backward.

    Args:
        model: the Macaw model as it is trained, its frozen part marked.
        lengths: tokens of each conversation.
        world_size: number of ranks.
        rows: the conversations themselves, for their media.
    """
    llm = model.language_model
    apart = {id(table.weight) for table in (model.get_input_embeddings(), llm.get_output_embeddings()) if table}
    output = llm.get_output_embeddings()
    media = [*map(SoftTokenCounter(model.config), rows)]
    config = model.config.text_config
    heads = getattr(config, "num_attention_heads", 0)  # an LLM that only carries a state has none
    width = heads * (getattr(config, "head_dim", None) or config.hidden_size // max(heads, 1))
    return WorkCounter(
        lengths=lengths,
        world_size=world_size,
        per_token=_operations(weight for weight in llm.parameters() if id(weight) not in apart),
        per_answer_token=_operations(output.parameters()) if output is not None else 0.0,
        per_pair=12.0 * width * config.num_hidden_layers,
        bridges=_bridges(model, media) if rows else (),
        injection=_injection(model, lengths, media) if rows else (),
    )


def _bridges(model: Any, media: Sequence[Mapping[Modality, Sequence[int]]]) -> list[BridgeWork]:
    found = []
    for modality, bridge in model.fusion.bridges.items():
        forward = partial(bridge.extra_operations, bridge_config(model.config), modality)
        if forward(1):
            reads_trained = "embedding_matrix" in bridge.needs and model.embedding_matrix.requires_grad
            passes = 1 + reads_trained + any(weight.requires_grad for weight in bridge.parameters())
            found.append(BridgeWork([sum(one.get(modality, ())) for one in media], forward, passes))
    return found


def _injection(
    model: Any, lengths: Sequence[int], media: Sequence[Mapping[Modality, Sequence[int]]]
) -> Sequence[float]:
    """Operations of the injection for each conversation, forward and backward."""
    if model.injection is None:
        return ()
    passes = 2 + any(weight.requires_grad for weight in model.injection.parameters())
    return [
        passes * model.injection.extra_operations(model.config, length, [*chain.from_iterable(one.values())])
        for length, one in zip(lengths, media, strict=True)
    ]


def _operations(weights: Iterable[torch.nn.Parameter]) -> float:
    return float(sum(_size(weight) * (6 if weight.requires_grad else 4) for weight in weights if _is_matrix(weight)))


def _is_matrix(weight: torch.nn.Parameter) -> bool:
    return len(getattr(weight, "ds_shape", weight.shape)) > 1


def _size(weight: torch.nn.Parameter) -> int:
    """Values of a weight, also of one that ZeRO-3 has split or bitsandbytes has packed."""
    packed = getattr(weight, "quant_state", None)
    if packed is not None:
        return math.prod(packed.shape)
    return int(getattr(weight, "ds_numel", weight.numel()))

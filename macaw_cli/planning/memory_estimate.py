"""How much memory a training needs, counted before anything is loaded. Pure functions of sizes and settings.

Parameters, gradients and optimizer state are counted as DeepSpeed's source keeps them; activations by kind of layer,
for a transformer with a gated feed-forward part. Compared with real steps was one process on a CPU, in fp32 without
ZeRO: the sum is within 1.5 times of what they took (the tests repeat that). Of GPUs, 16 bits and ZeRO nothing was
measured. `macaw train --plan` shows what three real steps took beside the sum.

Letters: T tokens of a packed sequence, D the LLM's hidden size, I its feed-forward size, V its vocabulary size,
n soft tokens.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.model.packing.chunked_loss import chunk_positions
from macaw_cli.training.processes import Processes
from macaw_cli.training.steps.deepspeed_config import GATHERED_VALUES, MESSAGE_VALUES, gradient_buffers

Place = Literal["device", "host"]
RUNTIME = 96 * 2**20
"""Workspaces of kernels, and what the allocator holds without use."""
BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
QUANTISED = 0.53
"""Bytes of a weight in 4 bits, its share of the block constants included."""


class InjectionMemory(Protocol):
    """Bytes as a function of positions, soft tokens and bytes per value, and of whether layers are recomputed."""

    def __call__(self, tokens: int, soft_tokens: int, value_bytes: int, *, recomputed: bool = False) -> float:
        """See `Injection.extra_memory`."""


@dataclass(frozen=True)
class ModelSize:
    """What of a model costs memory."""

    trained: int
    """Values that are trained, of an adapter included."""
    frozen: int
    """Values that are not."""
    quantised: int
    """How many of the frozen ones are held in 4 bits."""
    head: int
    """Trained values of the output layer; its gradient exists twice for a moment."""
    hidden_size: int
    layers: int
    feed_forward: int
    vocabulary: int
    key_value_size: int
    """Width of keys and of values: less than D where heads share them."""
    bridges: Mapping[str, Callable[[int, int], float]]
    """Modality to the bytes that its bridge keeps for the backward pass beyond a few vectors per soft token, as a
    function of soft tokens and of bytes per value: see `Bridge.extra_memory`."""
    injection: InjectionMemory | None = None
    """The bytes that the injection keeps for the backward pass: see `Injection.extra_memory`."""


@dataclass(frozen=True)
class SequenceSize:
    """A large sequence of the plan."""

    tokens: int
    supervised: int
    soft_tokens: Mapping[str, int]
    """Modality to soft tokens of all its media."""


Memory = dict[Place, dict[str, float]]
"""Bytes of one process, by what they are for: on the device that computes, and in the host's memory."""


def estimate(size: ModelSize, sequence: SequenceSize, training: TrainingSettings, processes: Processes) -> Memory:
    """Bytes of one process at the fullest moment of a step.

    Args:
        size: of the model.
        sequence: the largest that one forward pass takes.
        training: precision, ZeRO stage, offload, checkpointing hold.
        processes: over all machines, and on what.
    """
    stage, value = training.zero_stage, BYTES[training.precision]
    shared = (("state", 1), ("gradients", 2), ("all", 3))
    share = {name: processes.count if stage >= least else 1 for name, least in shared}
    plain = size.trained + size.frozen - size.quantised
    weights = (plain * value + size.quantised * QUANTISED) / share["all"]
    # AdamW's two moments in fp32, and a master copy where training is in 16 bits or the state is split
    state = size.trained * (8 + (4 if value == 2 or stage else 0)) / share["state"]
    memory: Memory = {
        "device": {
            "weights": weights,
            "gradients": size.trained * value / share["gradients"] + size.head * value,
            "gradients in fp32": size.trained * 4 / share["state"] if value == 2 or stage else 0,
            "optimizer state": state,
            "activations": activations(size, sequence, training),
            "loss": loss_chunk(size, sequence, value, processes.device),
            "bridges": bridges(size, sequence, value),
            "injection": injection(size, sequence, training),
            "communication": _communication(size, stage, value, processes),
            "runtime": RUNTIME,
        },
        "host": {},
    }
    if training.offload and stage >= 2:
        memory["host"]["optimizer state"] = memory["device"].pop("optimizer state")
        memory["host"]["gradients in fp32"] = memory["device"].pop("gradients in fp32")
    if training.offload and stage == 3:
        memory["host"]["weights"] = memory["device"].pop("weights")
    return {"device": _above_zero(memory["device"]), "host": _above_zero(memory["host"])}


def total(memory: Memory, place: Place) -> float:
    """Bytes in one place."""
    return sum(memory[place].values())


def activations(size: ModelSize, sequence: SequenceSize, training: TrainingSettings) -> float:
    """What the forward pass keeps for the backward pass.

    Per token and layer: two norms keep their input in fp32, what they scaled and their output; attention keeps its
    queries before and after rotation, keys and values, and its output; the feed-forward part keeps the gate before and
    after its activation, the other half and their product. The probabilities of attention are not kept.
    """
    value = BYTES[training.precision]
    norms = size.hidden_size * (2 * 4 + 4 * value)
    attention = (3 * size.hidden_size + 3 * size.key_value_size) * value
    layer = sequence.tokens * (norms + attention + 4 * size.feed_forward * value)
    if training.gradient_checkpointing:
        return size.layers * sequence.tokens * size.hidden_size * value + layer
    return size.layers * layer + 2 * sequence.tokens * size.hidden_size * 4


def loss_chunk(size: ModelSize, sequence: SequenceSize, value: int, device: str) -> float:
    """One chunk of logits, with its probabilities and their gradient in fp32, and the head's gradient."""
    positions = min(sequence.supervised, chunk_positions(size.vocabulary, device))
    return float(positions * size.vocabulary * (value + 8))


def bridges(size: ModelSize, sequence: SequenceSize, value: int) -> float:
    """What bridges keep beyond a few vectors per soft token, such as attention to the embedding matrix."""
    return sum(kept(sequence.soft_tokens.get(modality, 0), value) for modality, kept in size.bridges.items())


def injection(size: ModelSize, sequence: SequenceSize, training: TrainingSettings) -> float:
    """What an injection keeps, which stands beside the LLM's layers."""
    if size.injection is None:
        return 0.0
    value, soft = BYTES[training.precision], sum(sequence.soft_tokens.values())
    return size.injection(sequence.tokens, soft, value, recomputed=training.gradient_checkpointing)


def _communication(size: ModelSize, stage: int, value: int, processes: Processes) -> float:
    """Gradients on their way to the process that owns them, and under ZeRO-3 weights that were gathered.

    A buffer takes its whole size on a GPU; in a CPU's memory, what of it is written to.
    """
    buffer = MESSAGE_VALUES if processes.device == "cuda" else min(size.trained, MESSAGE_VALUES)
    gathered = min(size.trained + size.frozen, GATHERED_VALUES) if stage == 3 else 0
    return float((buffer * gradient_buffers(stage, processes) + gathered) * value)


def _above_zero(parts: dict[str, float]) -> dict[str, float]:
    return {name: size for name, size in parts.items() if size}

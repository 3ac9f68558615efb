"""What of a model costs memory, read off a model without weights, and what of a plan: its largest sequence."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch import nn

from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.modalities.table import Modality
from macaw_cli.model.bridges.registry import bridge_class
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.injections.registry import injection_class
from macaw_cli.model.tapped_layers import bridge_config
from macaw_cli.planning.memory_estimate import InjectionMemory, ModelSize, SequenceSize
from macaw_cli.training.data.epoch_plan import PlannedStep
from macaw_cli.training.data.soft_tokens import SoftTokenCounter
from macaw_cli.training.training_inputs import TrainingInputs
from macaw_cli.training.tuning.parameter_groups import counts_by_group

SEQUENCES_LOOKED_AT = 2000
PASSES = 5
"""Each medium goes through its bridge with the objective `media-text`: alone, three times beside a text to be judged,
and beside the text to be generated. The texts are not counted."""


def model_size(model: Any, training: TrainingSettings) -> ModelSize:
    """Sizes of the model as one stage trains it.

    Args:
        model: as for `counts_by_group`.
        training: of the stage.
    """
    config, counts = model.config.text_config, counts_by_group(model, training).values()
    heads = getattr(config, "num_attention_heads", None) or 1  # none in an LLM that only carries a state
    per_head = getattr(config, "head_dim", None) or config.hidden_size // heads
    adapter = training.adapter.kind
    head = model.get_output_embeddings()
    runs_llm = training.objective == "answers"
    return ModelSize(
        trained=sum(trained for trained, _ in counts),
        frozen=sum(frozen for _, frozen in counts),
        quantised=_quantised(model) if adapter == "qlora" and runs_llm else 0,
        head=head.weight.numel() if "llm" in training.train and adapter == "none" else 0,
        hidden_size=config.hidden_size,
        layers=config.num_hidden_layers if runs_llm else 0,
        feed_forward=getattr(config, "intermediate_size", None) or 4 * config.hidden_size,
        vocabulary=model.config.vocabulary_size,
        key_value_size=per_head * (getattr(config, "num_key_value_heads", None) or heads),
        bridges=_kept_by_bridges(model.config, PASSES if not runs_llm else 1),
        injection=_kept_by_injection(model.config) if runs_llm else None,
    )


def _kept_by_bridges(config: MacawConfig, passes: int) -> dict[str, Callable[[int, int], float]]:
    def kept(modality: Modality, soft_tokens: int, value_bytes: int) -> float:
        design = bridge_class(config.bridge_settings(modality).name)
        return design.extra_memory(bridge_config(config), modality, passes * soft_tokens, value_bytes)

    return {name: partial(kept, name) for name in config.modalities}


def _kept_by_injection(config: MacawConfig) -> InjectionMemory | None:
    kind = injection_class(config)
    return None if kind is None else partial(kind.extra_memory, config)


def _quantised(model: Any) -> int:
    """Values of the LLM's linear layers, which bitsandbytes holds in 4 bits: not the output layer, not the adapter."""
    head = model.get_output_embeddings()
    layers = [(name, layer) for name, layer in model.language_model.named_modules() if isinstance(layer, nn.Linear)]
    return sum(layer.weight.numel() for name, layer in layers if layer is not head and "lora_" not in name)


def largest_sequence(inputs: TrainingInputs, steps: Sequence[PlannedStep]) -> SequenceSize:
    """Most tokens, most response tokens and, by modality, most soft tokens that sequences of the plan have."""
    lengths, supervised = inputs.tokens.lengths.tolist(), inputs.tokens.supervised_counts.tolist()
    sequences = [sequence for step in steps for sequence in step.sequences if sequence]
    count, soft = SoftTokenCounter(inputs.config), Counter[str]()
    for sequence in sequences[:: max(1, len(sequences) // SEQUENCES_LOOKED_AT)]:
        of_sequence = Counter[str]()
        for example in sequence:
            of_sequence.update({name: sum(counts) for name, counts in count(inputs.rows[example]).items()})
        soft |= of_sequence
    return SequenceSize(
        tokens=max(sum(lengths[example] for example in sequence) for sequence in sequences),
        supervised=max(sum(supervised[example] for example in sequence) for sequence in sequences),
        soft_tokens=dict(soft),
    )

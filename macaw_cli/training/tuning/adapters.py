"""Small adapters of the LLM: LoRA, DoRA, LoRA on an LLM that is held in 4 bits (QLoRA), or its norms and biases.

The adapter is put into the LLM's own layers, so that everything else finds the LLM where it was. The first three are
PEFT's, which takes a while to import: only a training with one of them does.
"""

import importlib.util
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch

from macaw_cli.basics.errors import MissingDependencyError, UsageError
from macaw_cli.config.stages import trained_groups
from macaw_cli.config.training_settings import AdapterSettings, TrainingSettings
from macaw_cli.encoders.pretrained import load_causal_lm
from macaw_cli.training.tuning.norms_and_biases import add_biases, norms_and_biases

NAME = "default"
"""Name under which PEFT keeps the adapter inside the model."""
FOLDER = "adapter"
"""Folder beside the model's weights in which the adapter alone is saved."""
ALL_LINEAR = "all-linear"


def require_possible_adapter(settings: TrainingSettings) -> None:
    """Refuse an adapter that cannot be trained here, before anything heavy is loaded.

    Raises:
        UsageError: an adapter that no stage trains, or 4-bit weights under ZeRO-3, which cannot split them.
        MissingDependencyError: bitsandbytes is not installed.
    """
    kind = settings.adapter.kind
    if kind != "none" and "llm" not in trained_groups(settings):
        raise UsageError(
            f"training.adapter={kind} is trained as part of the group llm, which training.train does not name.",
            "Add llm to training.train, or --set training.adapter=none.",
        )
    if kind != "qlora":
        return
    if settings.zero_stage == 3:
        raise UsageError(
            "training.adapter=qlora holds the LLM in 4 bits, which training.zero_stage=3 cannot split.",
            "Add --set training.zero_stage=2, or --set training.adapter=lora.",
        )
    if importlib.util.find_spec("bitsandbytes") is None:
        raise MissingDependencyError(
            "training.adapter=qlora needs bitsandbytes, which is not installed.",
            'pip install "macaw-cli[qlora]", or add --set training.adapter=lora.',
        )


def add_adapter(llm: Any, settings: AdapterSettings, seed: int, base: str = "") -> None:
    """Put a new adapter into the layers of an LLM; at first it changes nothing of what the LLM computes.

    Its parameters are the LLM's `tuned_parameters` from then on.

    Args:
        llm: a causal LLM of transformers; changed.
        settings: kind, size and targets.
        seed: of the adapter's first weights, so that they are the same on every rank and under every ZeRO stage.
        base: the LLM's name or folder, as the adapter's own configuration is to call it.

    Raises:
        UsageError: a target that the LLM does not have.
    """
    if settings.kind == "none":
        return
    if settings.kind == "norms-and-biases":
        add_biases(llm)
        llm.tuned_parameters = norms_and_biases(llm)
        return
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # PEFT imports it, and it tells which kernels it lacks
    from peft import LoraConfig, inject_adapter_in_model

    torch.manual_seed(seed)
    config = LoraConfig(
        base_model_name_or_path=base,
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        use_dora=settings.kind == "dora",
        target_modules=_targets(llm, settings.targets),
    )
    inject_adapter_in_model(config, llm, adapter_name=NAME)
    llm.tuned_parameters = frozenset(name for name, _ in llm.named_parameters() if ".lora_" in name)


def load_four_bit_llm(source: str, dtype: torch.dtype, device: str, load: Callable[..., Any] = load_causal_lm) -> Any:
    """An LLM whose linear layers are held in 4 bits (NF4, its scales quantised as well), the rest in fp32.

    Args:
        source: folder or hub id.
        dtype: number format that 4-bit weights are turned into to compute with.
        device: where the weights go.
        load: what reads the LLM.
    """
    from transformers import BitsAndBytesConfig

    quantization = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    llm = load(
        source, dtype=torch.float32, quantization_config=quantization, device_map={"": device}
    )
    for layer in filter(_is_four_bit, llm.modules()):
        # on some CPUs bitsandbytes packs a layer anew when it is first evaluated, and rounds: training would not repeat
        layer.support_avx512bf16_for_cpu = False
    return llm


@dataclass(frozen=True)
class AdapterFiles:
    """An adapter alone, as `PeftModel.from_pretrained(base, folder)` reads it."""

    weights: dict[str, torch.Tensor]
    config: Any

    @classmethod
    def of(cls, llm: Any) -> Self:
        """The adapter of an LLM, before it is merged."""
        from peft import get_peft_model_state_dict

        weights = get_peft_model_state_dict(llm, adapter_name=NAME, save_embedding_layers=False)
        own = {f"base_model.model.{name}": weight.detach().cpu().contiguous() for name, weight in weights.items()}
        config = llm.peft_config[NAME]
        config.inference_mode = True  # who loads it to train it further says so
        return cls(own, config)

    def write(self, model_folder: Path) -> None:
        """Write the folder `adapter` in the folder of the model."""
        from safetensors.torch import save_file

        folder = model_folder / FOLDER
        folder.mkdir()
        save_file(self.weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
        self.config.save_pretrained(folder)


def has_adapter(llm: torch.nn.Module) -> bool:
    """Whether the LLM holds an adapter of PEFT's, which `merge_adapter` makes part of its weights."""
    return hasattr(llm, "peft_config")


@torch.no_grad()
def merge_adapter(llm: torch.nn.Module) -> None:
    """Add the adapter to the LLM's own weights, those held in 4 bits written out first; what is left is a plain LLM.

    Args:
        llm: changed.
    """
    from peft.tuners.lora import LoraLayer

    for name, layer in [(name, layer) for name, layer in llm.named_modules() if isinstance(layer, LoraLayer)]:
        base = layer.get_base_layer()
        if hasattr(base.weight, "quant_state"):
            layer.base_layer = base = _written_out(base)
            base.weight += layer.get_delta_weight(NAME).to(base.weight.dtype)
        else:
            layer.merge(safe_merge=True, adapter_names=[NAME])  # refuses non-finite weights
        llm.set_submodule(name, base)
    del llm.peft_config, llm.tuned_parameters
    for name, layer in [(name, layer) for name, layer in llm.named_modules() if _is_four_bit(layer)]:
        llm.set_submodule(name, _written_out(layer))
    if hasattr(llm.config, "quantization_config"):
        del llm.config.quantization_config


def _targets(llm: torch.nn.Module, wanted: tuple[str, ...]) -> str | list[str]:
    """The targets as PEFT takes them.

    Raises:
        UsageError: one that names no linear layer.
    """
    if ALL_LINEAR in wanted:
        return ALL_LINEAR
    linear = [name for name, layer in llm.named_modules() if _is_linear(layer)]
    unknown = [target for target in wanted if not any(f".{name}".endswith(f".{target}") for name in linear)]
    if unknown:
        found = ", ".join(sorted({name.rpartition(".")[2] for name in linear}))
        raise UsageError(
            f"training.adapter.targets names {', '.join(unknown)}, but the LLM has no linear layers of that name. "
            f"It has {found}.",
            f"Choose some of them, or {ALL_LINEAR}.",
        )
    return list(wanted)


def _is_linear(layer: torch.nn.Module) -> bool:
    from transformers.pytorch_utils import Conv1D

    return isinstance(layer, torch.nn.Linear | Conv1D)  # GPT-2's linear layers are called Conv1D


def _is_four_bit(layer: torch.nn.Module) -> bool:
    return hasattr(getattr(layer, "weight", None), "quant_state")


def _written_out(layer: Any) -> torch.nn.Linear:
    """A 4-bit linear layer with the weights that it computes with."""
    from bitsandbytes.functional import dequantize_4bit

    weight = dequantize_4bit(layer.weight.data, layer.weight.quant_state)
    plain = torch.nn.Linear(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
    plain.weight = torch.nn.Parameter(weight, requires_grad=False)
    plain.bias = layer.bias
    return plain

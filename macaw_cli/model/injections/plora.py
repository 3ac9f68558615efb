"""`plora`: low-rank additions to the LLM's linear layers at the positions of soft tokens (InternLM-XComposer2).

Source: Partial LoRA of InternLM-XComposer2 (arXiv 2401.16420, section 3.2) and its published code.

Letters: B rows, T positions, r the rank.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast

import torch
from torch import Tensor, nn

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.injections.plora import PloraSettings
from macaw_cli.model.blocks.zero_layers import ZeroLinear
from macaw_cli.model.compilation import decoder_layers
from macaw_cli.model.injections.injection import Injection
from macaw_cli.model.injections.linear_layers import LinearSize, linear_layers, linear_sizes
from macaw_cli.model.partitions import is_partitioned

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig

SETTING = "injection.targets"


class Plora(Injection):
    """`y = W x + m (alpha / r) B A dropout(x)`, where m is 1 at the positions of soft tokens and 0 elsewhere.

    At text, generated tokens included, the LLM's linear layers are what they were, to the bit. An adapter of PEFT's on
    the same layers is added as if there were no injection; only DoRA, which rescales what its layer gives, is refused
    where the training is planned. The published code never runs its own initialisation; here B starts as zeros, as the
    paper says. A is applied at all positions, as where media stand is not known on the CPU in every call.

    Args:
        sizes: of the linear layers by name, for each layer of the LLM.
        settings: of this design.
    """

    takes_media = False
    looks_at_positions = True

    def __init__(self, sizes: Sequence[Mapping[str, LinearSize]], settings: PloraSettings) -> None:
        super().__init__()
        self.targets = settings.targets
        made = [{_key(name): LowRank(*size, settings) for name, size in layer.items()} for layer in sizes]
        self.layers = nn.ModuleList(map(nn.ModuleDict, made))

    @classmethod
    def from_config(cls, config: "MacawConfig") -> Self:
        """Matrices for the linear layers of the LLM in `config`.

        Raises:
            UsageError: a target that the LLM does not have.
        """
        settings = _settings(config)
        return cls(linear_sizes(config.text_config, settings.targets, SETTING), settings)

    @staticmethod
    def extra_memory(
        config: "MacawConfig", tokens: int, soft_tokens: int, value_bytes: int, *, recomputed: bool = False
    ) -> float:
        """The input behind its dropout, that dropout's mask, and r values per position and linear layer."""
        settings = _settings(config)
        of_input = (value_bytes + 1) if settings.dropout else 0
        kept = [
            sum(tokens * (size.inputs * of_input + settings.rank * value_bytes) for size in layer.values())
            for layer in linear_sizes(config.text_config, settings.targets, SETTING)
        ]
        return float(max(kept) if recomputed else sum(kept))

    @staticmethod
    def extra_operations(config: "MacawConfig", tokens: int, media: Sequence[int]) -> float:
        """Two products with r rows or columns per position and linear layer."""
        settings = _settings(config)
        sizes = linear_sizes(config.text_config, settings.targets, SETTING)
        return 2.0 * tokens * settings.rank * sum(sum(size) for layer in sizes for size in layer.values())

    def attach(self, llm: nn.Module) -> None:
        """Add to what the linear layers give.

        Raises:
            MismatchError: the LLM's linear layers are not those of its configuration.
        """
        found = [linear_layers(layer, self.targets) for layer in decoder_layers(llm)]
        added: Any = list(self.layers)
        if [[*map(_key, layer)] for layer in found] != [[*layer] for layer in added]:
            raise MismatchError(
                "The linear layers of the LLM are not those that the injection plora was made for.",
                "Choose another LLM, or set injection to none.",
            )
        for layer, own in zip(found, added, strict=True):
            for name, module in layer.items():
                module.register_forward_hook(partial(self._behind_linear, own[_key(name)]))

    def _behind_linear(self, added: "LowRank", module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Any:
        """What the linear layer gives, with the addition."""
        now = self._bound
        if now is None or (now.is_behind_media and not self.training and not is_partitioned(next(added.parameters()))):
            return None  # a decode step, where every rank has whole weights
        assert now.soft_tokens is not None
        at_media = now.soft_tokens >= 0
        if inputs[0].shape[:-1].numel() != at_media.numel():
            raise MismatchError(
                "A linear layer of the LLM does not read all positions, so the injection plora cannot tell which are "
                "those of media.",
                f"Leave layers of this kind ({type(module).__name__}) out of {SETTING}, or set injection to none.",
            )
        return output + added(inputs[0], at_media.view(inputs[0].shape[:-1])).to(output.dtype)


class LowRank(nn.Module):
    """`m (alpha / r) B A dropout(x)`.

    Args:
        inputs: channels of x.
        outputs: channels of what it gives.
        settings: of the design.
    """

    def __init__(self, inputs: int, outputs: int, settings: PloraSettings) -> None:
        super().__init__()
        self.scale = settings.alpha / settings.rank
        self.dropout = nn.Dropout(settings.dropout)
        self.down = nn.Linear(inputs, settings.rank, bias=False)
        self.up = ZeroLinear(settings.rank, outputs, bias=False)

    def forward(self, values: Tensor, at_media: Tensor) -> Tensor:
        """What is added, 0 where there is no medium.

        Args:
            values: (..., inputs).
            at_media: (...) bool.

        Returns:
            (..., outputs).
        """
        low = self.down(self.dropout(values))
        added: Tensor = self.up(low * self.scale)
        return torch.where(at_media[..., None], added, 0)


def _settings(config: "MacawConfig") -> PloraSettings:
    return cast("PloraSettings", config.injection_settings)


def _key(name: str) -> str:
    """A module cannot be held under a name with dots."""
    return name.replace(".", "_")

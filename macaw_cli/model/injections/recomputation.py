"""Gradient checkpointing of a model with an injection."""

from functools import partial
from typing import Any

from macaw_cli.model.injections.injection import Injection


class InjectionRecomputation:
    """Has the media bound again while a layer of the LLM is computed again in the backward pass."""

    injection: Injection | None

    def _set_gradient_checkpointing(
        self, enable: bool = True, gradient_checkpointing_func: Any = None, **options: Any
    ) -> None:
        """Called by transformers when checkpointing is switched on or off."""
        if enable and self.injection is not None:
            gradient_checkpointing_func = partial(self.injection.checkpointed, gradient_checkpointing_func)
        inherited: Any = super()
        inherited._set_gradient_checkpointing(enable, gradient_checkpointing_func, **options)

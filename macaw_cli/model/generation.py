"""`generate` for a model whose prompts hold media."""

from typing import Any

import torch
from torch import Tensor
from transformers import GenerationMixin

from macaw_cli.modalities.table import TABLE
from macaw_cli.model.raw_media import ANSWERS, LENGTHS, RAW_INPUTS
from macaw_cli.model.text.own_instructions import KEYWORDS

MEDIA = (
    *(row.features_keyword for row in TABLE.values()), *RAW_INPUTS.values(), LENGTHS, ANSWERS, *KEYWORDS.values()
)


class MediaGeneration(GenerationMixin):  # type: ignore[misc]
    """transformers' generation from fused inputs: media are looked at once, whatever the number of steps and beams."""

    fuse_inputs: Any

    @torch.no_grad()
    def generate(self, inputs: Tensor | None = None, **kwargs: Any) -> Any:
        """As in transformers, with the media of `forward`. A repetition penalty applies to new tokens only.

        Args:
            inputs: (B, T) prompt ids, also accepted as `input_ids`.
            **kwargs: media as in `forward`, and every option of transformers.

        Returns:
            As in transformers: prompt ids, placeholders included, followed by the new ids; or a dict-like output.
        """
        input_ids = kwargs.pop("input_ids", inputs)
        if input_ids is None:
            return super().generate(**kwargs)
        media = {name: kwargs.pop(name, None) for name in MEDIA}
        mask = kwargs.pop("attention_mask", None)
        mask = torch.ones_like(input_ids) if mask is None else mask
        embeds, mask, _, bound_media = self.fuse_inputs(input_ids, mask, **media)
        shown = {} if bound_media is None else {"bound_media": bound_media}
        output = super().generate(inputs_embeds=embeds, attention_mask=mask, **shown, **kwargs)
        copies = (output if isinstance(output, Tensor) else output.sequences).shape[0] // len(input_ids)
        prompt = input_ids.repeat_interleave(copies, dim=0)
        if isinstance(output, Tensor):
            return torch.cat([prompt, output], dim=1)
        output.sequences = torch.cat([prompt, output.sequences], dim=1)
        return output

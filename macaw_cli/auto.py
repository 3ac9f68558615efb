"""`import macaw_cli.auto` makes the Auto classes of transformers find Macaw models."""

from transformers import (  # noqa: TID253 - importing this module is asking for transformers
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoProcessor,
)

from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.processing import MacawProcessor

AutoConfig.register("macaw", MacawConfig, exist_ok=True)
AutoModelForImageTextToText.register(MacawConfig, MacawForConditionalGeneration, exist_ok=True)
AutoModelForCausalLM.register(MacawConfig, MacawForConditionalGeneration, exist_ok=True)
AutoProcessor.register(MacawConfig, MacawProcessor, exist_ok=True)

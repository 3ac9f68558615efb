"""`import macaw_cli.auto` makes the Auto classes and the pipelines of transformers find Macaw models."""

from transformers import (  # noqa: TID253 - importing this module is asking for transformers
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoModelForMultimodalLM,
    AutoProcessor,
)
from transformers.models.auto.modeling_auto import (  # noqa: TID253
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES,
)

from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.stock_processor import MacawProcessor

AutoConfig.register("macaw", MacawConfig, exist_ok=True)
AutoModelForImageTextToText.register(MacawConfig, MacawForConditionalGeneration, exist_ok=True)
AutoModelForMultimodalLM.register(MacawConfig, MacawForConditionalGeneration, exist_ok=True)
AutoModelForCausalLM.register(MacawConfig, MacawForConditionalGeneration, exist_ok=True)
AutoProcessor.register(MacawConfig, MacawProcessor, exist_ok=True)
# pipelines look here whether a model is one of theirs
for names in (MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES, MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES):
    names["macaw"] = MacawForConditionalGeneration.__name__

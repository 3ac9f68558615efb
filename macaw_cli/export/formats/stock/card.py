"""The README.md of a stock folder: what it is, how it was proved, and Python that needs transformers alone."""

from collections.abc import Mapping
from typing import Any

from macaw_cli import __version__
from macaw_cli.config.bridges.designs import bridge_in_words
from macaw_cli.export.model_card import evaluation_section
from macaw_cli.export.proving.proof import Proof
from macaw_cli.modalities.table import Modality

_MEDIA: dict[Modality, tuple[str, str, str]] = {
    "image": (
        "from PIL import Image",
        'image = Image.new("RGB", (224, 224), "red")  # or Image.open("cat.jpg").convert("RGB")',
        "What is in the image?",
    ),
    "audio": (
        "import numpy as np",
        "rate = processor.feature_extractor.sampling_rate\n"
        "audio = np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)  # one second, mono",
        "What do you hear?",
    ),
}


def stock_card(
    name: str, stock_class: str, config: Any, parameters: int, proof: Proof, figures: Mapping[str, Any], snippet: str
) -> str:
    """The text of README.md.

    Args:
        name: what to call the model.
        stock_class: of transformers.
        config: of the source.
        parameters: how many the source has, the encoder included.
        proof: of this export.
        figures: of the run's evaluation; empty where there was none.
        snippet: Python that uses it.
    """
    modality = config.modalities[0]
    return f"""---
library_name: transformers
pipeline_tag: {"image-text-to-text" if modality == "image" else "audio-text-to-text"}
tags: [macaw, multimodal, {modality}]
---

# {name}

A model that was trained with [macaw](https://pypi.org/project/macaw-cli/) {__version__} and exported as a checkpoint of
`{stock_class}`: a `{config.text_config.model_type}` LLM with hidden size {config.text_config.hidden_size},
the bridge {bridge_in_words(config.bridge, config.modalities)}, and the frozen {modality} encoder;
{parameters:,} parameters in all.

## Use

`pip install transformers`, then, in this folder:

```python
{snippet}
```

The chat template is that of the training, with the tokens that stand around {modality} input.
{evaluation_section(figures)}
## Proof

Before this folder was called done, a fresh process loaded it with `{stock_class}` and `AutoProcessor`, and was
given the examples as raw media; the source model answered the same ones. {str(proof).capitalize()}.
`macaw inspect . --verify` compares every file with its hash in `export_report.json`.

Licence and intended use are those of the LLM, of the encoder and of the data that it was trained on.
"""


def stock_snippet(stock_class: str, modality: Modality, *, of_tokenizer: bool = False) -> str:
    """Python that asks the model about one medium, runnable inside the folder.

    Args:
        stock_class: of transformers.
        modality: of the medium.
        of_tokenizer: whether the chat template is the tokenizer's.
    """
    imports, medium, question = _MEDIA[modality]
    template = "\n    chat_template=processor.tokenizer.chat_template," if of_tokenizer else ""
    return f"""\
{imports}
from transformers import AutoProcessor, {stock_class}

model = {stock_class}.from_pretrained(".")
processor = AutoProcessor.from_pretrained(".")
{medium}
parts = [{{"type": "{modality}", "{modality}": {modality}}}, {{"type": "text", "text": "{question}"}}]
inputs = processor.apply_chat_template(
    [{{"role": "user", "content": parts}}], add_generation_prompt=True, tokenize=True, return_dict=True,
    return_tensors="pt",{template}
).to(model.device, model.dtype)
output = model.generate(**inputs, max_new_tokens=64, do_sample=False)
print(processor.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))"""

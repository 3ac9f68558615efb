"""The README.md of an exported model: what it is, how it was proved, and a snippet that runs as it stands."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from macaw_cli import __version__
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT, Fields
from macaw_cli.config.bridges.designs import bridge_in_words
from macaw_cli.config.bridges.table import PACKAGES
from macaw_cli.config.injections.table import PACKAGES as INJECTION_PACKAGES
from macaw_cli.config.run_files import SETTINGS_NAME
from macaw_cli.encoders.architectures import package_of
from macaw_cli.evaluation.presentation import COLUMNS, TEXT_COLUMNS, table_rows, text_rows
from macaw_cli.export.proving.proof import Proof
from macaw_cli.modalities.table import ENCODER_OF, ROLES, TABLE, Modality
from macaw_cli.reports.dataset_card import markdown_table
from macaw_cli.reports.tables import Table

_SNIPPETS = {
    "image": (
        "from PIL import Image",
        'image = Image.new("RGB", (224, 224), "red")  # or Image.open("cat.jpg").convert("RGB")',
        'inputs = processor("What is in the image?", images=[image])',
    ),
    "audio": (
        "import numpy as np",
        "rate = processor.feature_extractor.sampling_rate\n"
        "audio = np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)  # one second, mono",
        'inputs = processor("What do you hear?", audio=[audio])',
    ),
    "video": (
        "import numpy as np",
        'frames = np.zeros((model.config.feature_shapes["video"][0], 224, 224, 3), np.uint8)  # (F, H, W, 3), RGB',
        'inputs = processor("What happens?", videos=[frames])',
    ),
}
EVALUATION = "evaluation/figures.json"
_FIGURES = Fields({"modalities": OBJECT, "kinds": OBJECT})
_TEXT_SNIPPET = ("", "", 'inputs = processor("Who are you?")')


def model_card(name: str, config: Any, parameters: int, proof: Proof, figures: Mapping[str, Any]) -> str:
    """The text of README.md.

    Args:
        name: what to call the model.
        config: its configuration.
        parameters: how many it has, encoders included.
        proof: of this export.
        figures: of the run's evaluation; empty where there was none.
    """
    bridge = bridge_in_words(config.bridge, config.modalities)
    packages = " ".join(["macaw-cli", *_packages(config)])
    media = "\n".join(
        f"| {modality} | {' x '.join(map(str, config.feature_shapes[modality]))} |"
        f" {_maker(config, modality)} |"
        for modality in config.modalities
    )
    return f"""---
library_name: transformers
pipeline_tag: image-text-to-text
tags: [macaw, multimodal, {", ".join(config.modalities) or "text"}]
---

# {name}

A multi-modal instruction model made with [macaw](https://pypi.org/project/macaw-cli/) {__version__}: a
`{config.text_config.model_type}` LLM with hidden size {config.text_config.hidden_size}, the
bridge {bridge}, and the frozen encoders, {parameters:,} parameters in all. Everything is in this folder.

| modality | features | encoder |
|---|---|---|
{media}

## Use

`pip install {packages}`, then, in this folder:

```python
{_told_snippet(config) if config.expert_texts else usage_snippet(config.modalities, config.feature_shapes)}
```

Or in a terminal: `macaw chat .`
{evaluation_section(figures)}
## Proof

Before this folder was called done, a fresh process loaded it and was shown raw media; the source model was
given the features of the same media. {str(proof).capitalize()}.
`macaw inspect . --verify` compares every file with its hash in `export_report.json`.

Licence and intended use are those of the LLM, of the encoders and of the data that it was trained on.
"""


def figures_of(model_folder: Path) -> dict[str, Any]:
    """The figures of the newest evaluation of the run that a model folder belongs to; empty where there is none."""
    file = model_folder.parent / EVALUATION
    if not (model_folder.parent / SETTINGS_NAME).is_file() or not file.is_file():
        return {}
    figures: dict[str, Any] = read_object(file, _FIGURES)
    return figures


def evaluation_section(figures: Mapping[str, Any]) -> str:
    """The figures of the run as a table; empty without any."""
    if not figures:
        return ""
    rows = [row for row in table_rows(figures) if any(cell != "-" for cell in row[2:])]
    table = "\n".join(markdown_table(Table("", COLUMNS, rows)))
    if free := text_rows(figures):
        free_table = "\n".join(markdown_table(Table("", TEXT_COLUMNS, free)))
        table += f"\n\nAnswers without choices, compared with the reference:\n\n{free_table}"
    return f"""
## Evaluation

Accuracy on held-out questions with the real media, with none (the prompt as it is, or told so), with another example's,
and of the best constant answer. Reliance is real minus swapped, with its 95 % interval.

{table}
"""


def usage_snippet(modalities: tuple[str, ...], shapes: Mapping[str, Sequence[int]] = MappingProxyType({})) -> str:
    """Python that asks the model about one medium, runnable inside the folder.

    Args:
        modalities: of the model.
        shapes: of the features of those without an encoder.
    """
    imports, medium, question = _snippet(modalities[0], shapes) if modalities else _TEXT_SNIPPET
    lines = [
        imports,
        "from macaw_cli import MacawForConditionalGeneration, MacawProcessor\n",
        'model = MacawForConditionalGeneration.from_pretrained(".")',
        'processor = MacawProcessor.from_pretrained(".")',
        medium,
        question,
        "output = model.generate(**inputs, max_new_tokens=64, do_sample=False)",
        'print(processor.decode(output[0, inputs["input_ids"].shape[1] :]))',
    ]
    return "\n".join(line for line in lines if line)


def _told_snippet(config: Any) -> str:
    """Python that asks a model that reads experts' texts, which its engine makes."""
    names = ", ".join(one["name"] for one in config.expert_texts["experts"])
    modality = next(name for one in config.expert_texts["experts"] for name in one["modalities"])
    return "\n".join([
        f"from macaw_cli import Engine  # makes the texts of {names}, which the model reads of its media",
        "",
        'engine = Engine.from_pretrained(".")',
        f'print(engine.answer("What is this?", {modality}="{TABLE[modality].example}"))',
    ])


def _snippet(modality: Modality, shapes: Mapping[str, Sequence[int]]) -> tuple[str, str, str]:
    """Imports, a medium and a question; without an encoder the features that the decoder gives."""
    if modality in _SNIPPETS:
        return _SNIPPETS[modality]
    if TABLE[modality].is_image:
        medium = f"{modality} = np.zeros((224, 224, 3), np.uint8)  # (H, W, 3), as macaw's decoder renders it"
        return "import numpy as np", medium, f'inputs = processor("What is this?", {modality}=[{modality}])'
    channels = (shapes.get(modality) or TABLE[modality].feature_shape or (1,))[-1]
    medium = f"{modality} = np.zeros({(1, channels)}, np.float32)  # (tokens, {channels})"
    return "import numpy as np", medium, f'inputs = processor("What is this?", {modality}=[{modality}])'


def _packages(config: Any) -> list[str]:
    """The packages whose bridges, injection and encoders the model has."""
    names = [PACKAGES.get(config.bridge_settings(modality).name) for modality in config.modalities]
    names.append(INJECTION_PACKAGES.get(config.injection_settings.name))
    for role in ROLES:
        found = getattr(config, f"{role}_encoder_config")
        names.append(package_of(f"{role}_encoder", found.model_type) if found is not None else None)
    return sorted({name for name in names if name})


def _maker(config: Any, modality: Modality) -> str:
    """The encoder of a modality, or the decoder that reads its features."""
    if modality not in ENCODER_OF:
        return TABLE[modality].decoder
    return str(config.encoders.get(ENCODER_OF[modality], {}).get("model", ""))

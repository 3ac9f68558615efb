"""A Macaw model without the layers of its LLM: it turns a prompt and its media into what the LLM reads.

The LLM itself runs elsewhere, such as in a server of its own, and is sent these embeddings.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.encoders.pretrained import causal_lm_of, load_model_class
from macaw_cli.encoders.source import quiet_transformers, trouble_is_told
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.folder import CONFIG_FILE, model_folder, require_all_weights
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.processing import PROCESSOR_FILE, MacawProcessor

BESIDE_LLM = "media"
"""Subfolder of an exported LLM that holds its `MediaEmbedder`."""
_LAYERS = "language_model."


class MediaEmbedder(MacawForConditionalGeneration):
    """`fuse_inputs` of a Macaw model, with the bridges, the encoders, and of the LLM the input embeddings alone.

    Args:
        config: of the model.

    Raises:
        UsageError: the model has an injection, or the LLM's embeddings are narrower than its layers.
    """

    def __init__(self, config: MacawConfig) -> None:
        if obstacles := why_not_elsewhere(config):
            raise UsageError(f"The LLM cannot run in another program: {'; '.join(obstacles)}.")
        super().__init__(config, only_embeddings(causal_lm_of(config.text_config)))

    @classmethod
    def of(cls, model: MacawForConditionalGeneration) -> Self:
        """The embedder of a loaded model, with which it shares its weights."""
        with torch.device("meta"):
            made = cls(model.config)
        weights = {name: value for name, value in model.state_dict().items() if name in made.state_dict()}
        made.load_state_dict(weights, assign=True)
        made.generation_config = model.generation_config
        made.eval()
        return made

    @classmethod
    def load(cls, folder: Path, device: str | torch.device = "cpu") -> tuple[Self, MacawProcessor]:
        """Load the embedder, and the processor that belongs to it, from a model folder; the LLM's layers are not read.

        Args:
            folder: see `embedder_folder`.
            device: where the weights go.

        Raises:
            InputError: the folder holds none of them.
            MismatchError: its weights are not those that its configuration describes.
            UsageError: the model needs its LLM in the same program.
        """
        folder = embedder_folder(folder)
        if not (folder / PROCESSOR_FILE).is_file():
            raise InputError(f"The model in {folder} has no tokenizer.", "Import it again with --tokenizer FOLDER.")
        with quiet_transformers(), trouble_is_told(folder):
            found: Mapping[str, Any]
            model, found = load_model_class(
                cls, folder, dtype="auto", output_loading_info=True, ignore_mismatched_sizes=True
            )
        rest = [name for name in found["unexpected_keys"] if not name.startswith(_LAYERS)]
        require_all_weights(folder, {**found, "unexpected_keys": rest})
        return model.to(device).eval(), MacawProcessor.from_pretrained(folder)

    def get_output_embeddings(self) -> Any:
        """None: the LLM's head is where its layers are."""
        return None

    def forward(self, *_: Any, **__: Any) -> Any:
        """Not here.

        Raises:
            TypeError: always.
        """
        raise TypeError("A MediaEmbedder has no LLM. Use fuse_inputs, or MacawForConditionalGeneration.")

    @torch.inference_mode()
    def prompt_embeds(self, inputs: Mapping[str, Any]) -> Tensor:
        """What the LLM reads of one prompt.

        Args:
            inputs: of one row, as `MacawProcessor` or `inference.prompts.prompt_batch` make them.

        Returns:
            (T, D), in the number format of the weights.
        """
        given = {name: value for name, value in inputs.items() if name not in ("input_ids", "attention_mask")}
        return self.fuse_inputs(inputs["input_ids"], **given).inputs_embeds[0]


def embedder_folder(path: Path) -> Path:
    """The folder to load: of a model folder, a run that holds one, an exported LLM, or the folder of an embedder.

    Raises:
        InputError: `path` is none of them.
    """
    beside = path / BESIDE_LLM
    return beside if (beside / CONFIG_FILE).is_file() else model_folder(path)


def why_not_elsewhere(config: MacawConfig) -> list[str]:
    """What keeps the LLM of a model from running in a program that is given embeddings alone; none where nothing does.

    Args:
        config: of the model.
    """
    reasons = []
    if config.injection:
        name = config.injection_settings.name
        reasons.append(f"the injection {name} reaches into the LLM's layers, which another program does not have")
    hidden = getattr(config.text_config, "hidden_size", config.embedding_size)
    if hidden != config.embedding_size:
        reasons.append(f"the LLM's embeddings are narrower ({config.embedding_size}) than its layers ({hidden})")
    return reasons


def only_embeddings(llm: PreTrainedModel) -> PreTrainedModel:
    """An LLM without anything but its input embeddings, whose names stay as they are.

    Args:
        llm: changed in place.
    """
    kept = llm.get_input_embeddings()
    _prune(llm, kept)
    llm.all_tied_weights_keys = {}  # there is no head any more that could share them
    return llm


def _prune(module: nn.Module, kept: nn.Module) -> None:
    """Take out of a module everything that does not hold `kept`."""
    for name, child in list(module.named_children()):
        if child is kept:
            continue
        if any(one is kept for one in child.modules()):
            _prune(child, kept)
        else:
            setattr(module, name, nn.Identity())
    for name, _ in list(module.named_parameters(recurse=False)):
        setattr(module, name, None)

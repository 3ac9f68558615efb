"""Import of a checkpoint of another family: a stock folder in, a model folder of macaw's out, with the same logits."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from macaw_cli.basics.counts import counted
from macaw_cli.basics.disk import disk_full_is_told, require_free_space
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.owned_folders import require_apart
from macaw_cli.basics.shell_words import to_type
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import TEXT, Fields
from macaw_cli.encoders.architectures import encoder_class
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.pretrained import load_tokenizer
from macaw_cli.encoders.source import quiet_transformers, short_name
from macaw_cli.export.companions import Companions
from macaw_cli.export.export_report import exported_text
from macaw_cli.export.families.family import Description, Family, Original, require_all, require_shapes
from macaw_cli.export.importing.published.names import summarised
from macaw_cli.export.importing.published.run import require_place
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.extraction_settings import extraction_words
from macaw_cli.model.folder import save_model
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.processing import MacawProcessor
from macaw_cli.model.text.templates import TemplateName

OLD_TEMPLATE_FILE, OLD_TEMPLATE = "chat_template.json", Fields({"chat_template": TEXT})
"""Where processors of transformers before version 4.52 kept their chat template."""
HEAD = "language_model.lm_head.weight"
USUAL_MAX_LENGTH = 2048
"""For an LLM that names no longest sequence."""


@dataclass(frozen=True)
class FamilyReport:
    """What was imported."""

    folder: Path
    family: str
    tensors: int
    """Weights taken over."""
    ignored: tuple[str, ...]
    """Names in the files that the computation of logits does not need."""
    note: str = ""
    """What else is to be known."""
    extraction: tuple[str, ...] = ()
    """The command that makes the features on which the model can be trained further."""

    @property
    def next_command(self) -> str:
        """What to type next, before the folder."""
        return "chat"

    def as_json(self) -> dict[str, Any]:
        """The object of `macaw import-checkpoint --json`."""
        return {
            "out": str(self.folder), "from": self.family, "weights": self.tensors, "missing": [],
            "ignored": list(self.ignored), "note": self.note or None, "extract_features": list(self.extraction),
        }  # fmt: skip

    def lines(self) -> list[str]:
        """The report for people, without the last line."""
        lines = [f"Imported {counted(self.tensors, 'weight')} as --from {self.family}."]
        if self.ignored:
            lines.append(f"In the files, but without effect on the logits: {summarised(self.ignored)}.")
        lines += [self.note] * bool(self.note)
        return [*lines, f"To train it further, make features with its encoder: {to_type(*self.extraction)}"]


def import_family(
    kind: type[Family], folder: Path, out: Path, companions: Companions = Companions()  # noqa: B008 - frozen
) -> FamilyReport:
    """Write the model folder of a checkpoint.

    Args:
        kind: its family.
        folder: of the checkpoint, as published.
        out: folder to write.
        companions: models that the checkpoint only names.

    Raises:
        InputError: the folder is of another family or has a form that macaw cannot compute, weights are missing or
            quantised, or the folder wants to run code; or `out` is there already, or lies in a run.
        ResourceError: the disk has too little room.
        LockedError: another process writes there.
    """
    require_place(out)
    require_apart(out, [folder, *companions.places()])
    require_free_space(out, sum(file.stat().st_size for file in folder.glob("*.safetensors")))
    with quiet_transformers():
        model, processor, report = load_family(kind, folder, companions, out)
        with disk_full_is_told(out):
            save_model(model, processor, out, replaces=False)
    return report


def load_family(
    kind: type[Family], folder: Path, companions: Companions = Companions(), out: Path = Path()  # noqa: B008 - frozen
) -> tuple[MacawForConditionalGeneration, MacawProcessor, FamilyReport]:
    """A checkpoint as a model in evaluation mode, with its processor; errors as in `import_family`."""
    original_config = kind.config(folder, companions)
    tokenizer = _tokenizer(kind, folder)
    description = kind.describe(original_config, tokenizer)
    _require_known_llm(description.llm)
    original = kind.read(folder, original_config)
    weights, unused = _renamed(kind, original, base_name(description.llm))
    weights = kind.completed(weights, original_config)
    encoder = _encoder(kind, folder, original_config, description, weights)
    own = exported_text(folder)
    around = own.around.get(kind.modality) if own else None
    if around:
        description = replace(description, before=around[0], after=around[1])
    config = _config(kind, description, encoder, weights)
    if asked := kind.instruction_tokenizer(folder):
        config.instruction_tokenizers = {kind.modality: asked}
    _require_exactly(folder, config, weights)
    model = MacawForConditionalGeneration.from_pretrained(
        None, trust_remote_code=False, config=config, state_dict=weights, dtype=_number_format(weights)
    ).eval()
    if original.generation is not None:
        model.generation_config = original.generation
    length = getattr(description.llm, "max_position_embeddings", None) or USUAL_MAX_LENGTH
    template: TemplateName = own.template if own else ("chat" if tokenizer.chat_template else "alpaca")
    length = own.max_length if own else length
    parts = {"image_processor" if kind.modality == "image" else "feature_extractor": encoder.processor}
    processor = MacawProcessor(tokenizer, config, template, length, **parts)
    words = tuple(extraction_words(config, out))
    return model, processor, FamilyReport(out, kind.name, len(weights), unused, kind.note, words)


def _tokenizer(kind: type[Family], folder: Path) -> Any:
    tokenizer = load_tokenizer(folder)
    if not tokenizer.chat_template and (folder / OLD_TEMPLATE_FILE).is_file():
        tokenizer.chat_template = read_object(folder / OLD_TEMPLATE_FILE, OLD_TEMPLATE)["chat_template"]
    template = tokenizer.chat_template or kind.chat_template
    writes = kind.begins_behind_media or _writes_first_token(tokenizer, template)
    if template and _adds_first_token(tokenizer) and not writes:
        template = "{{ bos_token }}" + template
    tokenizer.chat_template = template or None
    return tokenizer


def _adds_first_token(tokenizer: Any) -> bool:
    """Whether the tokenizer, and not the template, puts the token in front that every sequence begins with."""
    first: int | None = tokenizer.bos_token_id
    return first is not None and tokenizer("a").input_ids[:1] == [first]


def _writes_first_token(tokenizer: Any, template: Any) -> bool:
    return "bos_token" in str(template) or str(tokenizer.bos_token) in str(template)


def _require_known_llm(config: Any) -> None:
    if type(config) not in AutoModelForCausalLM._model_mapping:
        raise InputError(
            f"The checkpoint's LLM is of the type {config.model_type}, which is no causal LLM of transformers.",
            "Choose a checkpoint with an LLM that writes its text from left to right.",
        )


def base_name(config: Any) -> str:
    """What the class of an LLM calls the LLM without its head, such as `model`."""
    return str(AutoModelForCausalLM._model_mapping[type(config)].base_model_prefix)


def _renamed(kind: type[Family], original: Original, llm: str) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The weights under macaw's names, and the original's names of those that are left out."""
    weights: dict[str, Tensor] = {}
    unused = [*original.ignored]
    for name, tensor in original.weights.items():
        ours = kind.renamed(name, llm)
        if ours is None:
            unused.append(name)
        else:
            weights[ours] = tensor
    return weights, tuple(sorted(unused))


def _encoder(
    kind: type[Family], folder: Path, original: Any, description: Description, weights: dict[str, Tensor]
) -> FrozenEncoder:
    """The encoder alone, in fp32, to know the shape of its features and its fingerprint."""
    serves = encoder_class(f"{kind.modality}_encoder", description.encoder.model_type)
    begin = f"{kind.modality}_encoder."
    own = {name.removeprefix(begin): tensor.float() for name, tensor in weights.items() if name.startswith(begin)}
    module = serves.module(description.encoder)(description.encoder)
    require_shapes(folder, _other_shapes(own, module.state_dict()))
    found = module.load_state_dict(own, assign=True, strict=False)
    require_all(folder, [f"{begin}{name}" for name in found.missing_keys])
    processor = kind.processor(folder, original) or serves.load_processor(
        description.encoder, str(folder), description.settings
    )
    encoder = serves(module, processor, description.settings, "cpu", "fp32")
    encoder.fingerprint["model"] = short_name(str(folder))
    return encoder


def _config(
    kind: type[Family], description: Description, encoder: FrozenEncoder, weights: dict[str, Tensor]
) -> MacawConfig:
    llm = description.llm
    llm.tie_word_embeddings = _is_tied(weights)
    config = MacawConfig.for_llm(
        llm, description.bridge, {kind.modality: encoder.feature_shape}, {kind.modality: description.settings},
        {kind.modality: encoder.fingerprint},
        surrounding_ids={kind.modality: (list(description.before), list(description.after))},
    )  # fmt: skip
    config.encoders[kind.modality] = asdict(description.settings) | {"model": encoder.fingerprint["model"]}
    config.line_behind_media = kind.line_behind_media
    setattr(config, f"{kind.modality}_encoder_config", description.encoder)
    return config


def _is_tied(weights: dict[str, Tensor]) -> bool:
    """Whether the LLM's head is its embedding matrix."""
    head = weights.get(HEAD)
    return head is None or any(one.data_ptr() == head.data_ptr() for name, one in weights.items() if name != HEAD)


def _number_format(weights: dict[str, Tensor]) -> torch.dtype:
    """Of the LLM, for the whole model."""
    return next(tensor.dtype for name, tensor in weights.items() if name.startswith("language_model."))


def _require_exactly(folder: Path, config: MacawConfig, weights: dict[str, Tensor]) -> None:
    """Every weight of the model comes from the checkpoint, and has its shape."""
    with torch.device("meta"):
        expected = MacawForConditionalGeneration(config).state_dict()
    require_all(folder, sorted(set(expected) - set(weights)))
    if unknown := sorted(set(weights) - set(expected)):
        raise InputError(f"{folder} has weights that do not fit: {summarised(unknown)}.", "Please report this.")
    require_shapes(folder, _other_shapes(weights, expected))


def _other_shapes(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, tuple[Any, Any]]:
    """Names of the weights of another shape, with the one that is there and the one that is expected."""
    return {
        name: (tensor.shape, expected[name].shape)
        for name, tensor in found.items() if name in expected and tensor.shape != expected[name].shape
    }  # fmt: skip

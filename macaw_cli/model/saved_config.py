"""What the `config.json` of a model folder must hold, checked before a configuration is made of it.

Tokenizers of bridges are long, so each is a file beside it, which `config.json` names.
"""

import json
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from transformers import PretrainedConfig

from macaw_cli.basics.atomic_files import write_text
from macaw_cli.basics.errors import DamagedError, InputError, MacawError
from macaw_cli.basics.shown_text import cut
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import (
    COUNT,
    FLAG,
    OBJECT,
    PAIR,
    PLAIN_NAME,
    TEXT,
    Fields,
    Kind,
    is_shape,
    list_of,
    mapping_of,
    one_of,
)
from macaw_cli.encoders import unpadded_whisper  # noqa: F401 - registers the type of its configuration
from macaw_cli.shards.expert_texts import DESCRIBED

_FEATURE_SHAPE = Kind(
    "the shape of features, such as [257, 1024]", list,
    lambda value: is_shape(value) and len(value) in (2, 3) and min(value) > 0,
)  # fmt: skip
_IDS, _PAIRS, _SECTIONS = mapping_of(COUNT), mapping_of(PAIR), mapping_of(OBJECT)
_BEFORE_AND_AFTER = Kind(
    "the ids before and after a medium, such as [[5], [6]]", list,
    lambda value: len(value) == 2 and all(list_of(COUNT).holds(ids) for ids in value),
)  # fmt: skip
TOKENIZERS = "instruction_tokenizers"
"""The key of the names of their files."""
_EXPERT_TEXTS = Fields(
    {}, {"experts": DESCRIBED, "media": one_of(("keep", "replace")), "max_words": COUNT, "system": TEXT}
)
_OPTIONAL = {
    "bridge": OBJECT, "injection": OBJECT, "feature_shapes": mapping_of(_FEATURE_SHAPE), "views": _SECTIONS,
    "expert_texts": _EXPERT_TEXTS,
    "encoders": _SECTIONS, "fingerprints": _SECTIONS, "soft_token_ids": _IDS, "begin_end_ids": _PAIRS,
    "null_token_ids": _IDS, "null_features": FLAG, "format_version": COUNT,
    "surrounding_ids": mapping_of(_BEFORE_AND_AFTER), "null_media": FLAG, "tag_ids": _PAIRS, "conv": _PAIRS,
    TOKENIZERS: mapping_of(PLAIN_NAME), "line_behind_media": FLAG,
}  # fmt: skip
CONFIG = Fields(
    {"text_config": OBJECT},
    {"image_encoder_config": OBJECT, "audio_encoder_config": OBJECT, "align_heads": COUNT, **_OPTIONAL},
)


class CheckedConfig(PretrainedConfig):  # type: ignore[misc]
    """A configuration of transformers whose JSON is checked first."""

    instruction_tokenizers: dict[str, str] = field(default_factory=dict)
    """Modality to the tokenizer of a bridge that reads the instruction in tokens of its own, as JSON of `tokenizers`;
    absent ones read ids of the LLM's."""

    def to_dict(self) -> dict[str, Any]:
        """As in transformers, with the names of the tokenizers' files instead of their contents."""
        content: dict[str, Any] = super().to_dict()
        if content.pop(TOKENIZERS, None):
            content[TOKENIZERS] = {name: _file_of(name) for name in self.instruction_tokenizers}
        return content

    def save_pretrained(self, save_directory: Any, push_to_hub: bool = False, **options: Any) -> None:
        """As in transformers, with the tokenizers of bridges beside `config.json`."""
        super().save_pretrained(save_directory, push_to_hub, **options)
        for name, content in self.instruction_tokenizers.items():
            write_text(Path(save_directory) / _file_of(name), content)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, **options: Any) -> Any:
        """As in transformers; errors as of `from_dict`, which is told the folder."""
        options.setdefault("name_or_path", str(pretrained_model_name_or_path))
        return super().from_pretrained(pretrained_model_name_or_path, **options)

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **options: Any) -> Any:
        """As in transformers; keys of ours that are null have their defaults.

        Raises:
            DamagedError: the content is not what macaw writes, or describes nothing that can be built.
            InputError: a tokenizer that it names is not there.
            MismatchError: a newer macaw wrote it.
        """
        folder = options.get("name_or_path") or config_dict.get("_name_or_path")
        where = f"config.json of {folder or 'the model'}"
        CONFIG.checked(config_dict, where)
        given = {name: value for name, value in config_dict.items() if value is not None or name not in _OPTIONAL}
        if TOKENIZERS in given:
            given[TOKENIZERS] = _contents(Path(folder or ""), given[TOKENIZERS])
        try:
            return super().from_dict(given, **options)
        except (MacawError, OSError):
            raise
        except Exception as error:  # of the LLM's section, which transformers answers with anything
            told = cut((str(error).strip().splitlines() or [type(error).__name__])[0])
            raise DamagedError(
                f"{where} describes no model that can be built: {told}", "Restore it from a copy."
            ) from error


def _file_of(modality: str) -> str:
    return f"{modality}_instruction_tokenizer.json"


def _contents(folder: Path, names: Mapping[str, str]) -> dict[str, str]:
    """The tokenizers of bridges, by modality.

    Raises:
        InputError: a file is missing.
        DamagedError: it holds no JSON object.
    """
    for name in names.values():
        if not (folder / name).is_file():
            raise InputError(
                f"{folder} lacks {name}, the tokenizer of a bridge.", "Copy the whole model folder, or download it."
            )
    compact: Any = {"ensure_ascii": False, "separators": (",", ":")}  # as `tokenizers` writes it
    return {
        modality: json.dumps(read_object(folder / name, OBJECT), **compact) for modality, name in names.items()
    }

"""What the `config.json` of a model folder must hold, checked before a configuration is made of it."""

from typing import Any

from transformers import PretrainedConfig

from macaw_cli.basics.errors import DamagedError, MacawError
from macaw_cli.basics.shown_text import cut
from macaw_cli.basics.typed_rows import (
    COUNT,
    FLAG,
    OBJECT,
    PAIR,
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
_EXPERT_TEXTS = Fields(
    {}, {"experts": DESCRIBED, "media": one_of(("keep", "replace")), "max_words": COUNT, "system": TEXT}
)
_OPTIONAL = {
    "bridge": OBJECT, "injection": OBJECT, "feature_shapes": mapping_of(_FEATURE_SHAPE), "views": _SECTIONS,
    "expert_texts": _EXPERT_TEXTS,
    "encoders": _SECTIONS, "fingerprints": _SECTIONS, "soft_token_ids": _IDS, "begin_end_ids": _PAIRS,
    "null_token_ids": _IDS, "null_features": FLAG, "format_version": COUNT,
    "surrounding_ids": mapping_of(_BEFORE_AND_AFTER), "null_media": FLAG, "tag_ids": _PAIRS, "conv": _PAIRS,
}  # fmt: skip
CONFIG = Fields(
    {"text_config": OBJECT},
    {"image_encoder_config": OBJECT, "audio_encoder_config": OBJECT, "align_heads": COUNT, **_OPTIONAL},
)


class CheckedConfig(PretrainedConfig):  # type: ignore[misc]
    """A configuration of transformers whose JSON is checked first."""

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **options: Any) -> Any:
        """As in transformers; keys of ours that are null have their defaults.

        Raises:
            DamagedError: the content is not what macaw writes, or describes nothing that can be built.
            MismatchError: a newer macaw wrote it.
        """
        folder = options.get("name_or_path") or config_dict.get("_name_or_path")
        where = f"config.json of {folder or 'the model'}"
        CONFIG.checked(config_dict, where)
        given = {name: value for name, value in config_dict.items() if value is not None or name not in _OPTIONAL}
        try:
            return super().from_dict(given, **options)
        except (MacawError, OSError):
            raise
        except Exception as error:  # of the LLM's section, which transformers answers with anything
            told = cut((str(error).strip().splitlines() or [type(error).__name__])[0])
            raise DamagedError(
                f"{where} describes no model that can be built: {told}", "Restore it from a copy."
            ) from error

"""Model folders of earlier versions: the names that their weights have there."""

from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import COUNT, Fields

CONFIG_FILE = "config.json"
EARLIER_NAMES = {
    "^bridges\\.": "fusion.bridges.",
    "^tag_embeddings\\.": "fusion.begin_end_embeddings.",
    "^null_features_": "fusion.null_features_",
}
"""Names of weights before format version 3, as patterns, to those of today."""
LATER_BUFFERS = (".feature_mean",)
"""Ends of the names of buffers that earlier folders lack. They are zero then, and change nothing."""
_CONFIG = Fields({}, {"format_version": COUNT})


class EarlierFolders(PreTrainedModel):  # type: ignore[misc]
    """`from_pretrained` that also knows the names of earlier format versions."""

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *inputs: Any, **options: Any) -> Any:
        """As in transformers; a folder of an earlier version is saved with the names of today."""
        earlier = _is_earlier(pretrained_model_name_or_path)
        if earlier:
            options = {"key_mapping": EARLIER_NAMES, **options}
        loaded = super().from_pretrained(pretrained_model_name_or_path, *inputs, **options)
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        if earlier:  # transformers would give them back when the model is saved
            conversions = getattr(model, "_weight_conversions", None) or []
            model._weight_conversions = [
                one for one in conversions if not set(one.source_patterns) & set(EARLIER_NAMES)
            ]
        return loaded


def _is_earlier(folder: Any) -> bool:
    file = Path(folder) / CONFIG_FILE if folder is not None else None
    if file is None or not file.is_file():
        return False
    content = read_object(file, _CONFIG)
    return bool(content.get("model_type") == "macaw" and (content.get("format_version") or 1) < 3)

"""The weights of a model that a training starts from: its LLM, its bridges, its begin/end tokens and its injection."""

import copy
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import Tensor

from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import PLAIN_NAME, Fields, mapping_of
from macaw_cli.encoders.pretrained import load_causal_lm
from macaw_cli.encoders.source import trouble_is_told
from macaw_cli.modalities.table import Modality
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.earlier_names import EARLIER_NAMES
from macaw_cli.model.folder import require_all_weights

ADDED = ("fusion.", "injection.")
"""How the names of weights begin that are neither the LLM's nor an encoder's."""
_INDEX = Fields({"weight_map": mapping_of(PLAIN_NAME)})
_LLM = {"^language_model\\.": ""}


def load_llm_inside(folder: str, config: MacawConfig, **options: Any) -> Any:
    """The LLM out of a model folder of macaw.

    Args:
        folder: of the model.
        config: of the model.
        **options: as for `load_causal_lm`.

    Raises:
        InputError: it cannot be read.
        MismatchError: weights are missing.
    """
    llm, found = load_causal_lm(
        folder, config=copy.deepcopy(config.text_config), key_mapping=_LLM, output_loading_info=True, **options
    )
    require_all_weights(Path(folder), {**found, "unexpected_keys": []})  # those are the bridges
    conversions = getattr(llm, "_weight_conversions", None) or []  # transformers would rename them back when it saves
    llm._weight_conversions = [one for one in conversions if not set(one.source_patterns) & set(_LLM)]
    return llm


def load_added(model: Any, folder: Path, new: Iterable[Modality]) -> None:
    """Give a model all that the model in `folder` has besides the LLM, in its own number format.

    Args:
        model: with fresh weights; changed.
        folder: of the model to start from.
        new: modalities that only `model` has; they stay fresh.

    Raises:
        MismatchError: weights are missing, or belong to another model.
        DamagedError: the files are cut.
    """
    saved = _saved(folder)
    state = {name: tensor for name, tensor in model.state_dict().items() if name.startswith(ADDED)}
    fresh = tuple(begin for name in new for begin in (f"fusion.bridges.{name}.", f"fusion.null_features_{name}"))
    found = {
        "missing_keys": [name for name in state if name not in saved and not name.startswith(fresh)],
        "unexpected_keys": [name for name in saved if name not in state],
        "mismatched_keys": [(name,) for name in saved if name in state and saved[name].shape != state[name].shape],
    }
    require_all_weights(folder, found)
    model.load_state_dict({name: tensor.to(state[name].dtype) for name, tensor in saved.items()}, strict=False)


def _saved(folder: Path) -> dict[str, Tensor]:
    """Name, as it is today, to weight."""
    from safetensors import safe_open

    found: dict[str, Tensor] = {}
    with trouble_is_told(folder):
        for file in _files(folder):
            with safe_open(file, framework="pt") as weights:
                for name in weights.keys():  # noqa: SIM118 - it is no dictionary
                    today = _name_of_today(name)
                    if today.startswith(ADDED):
                        found[today] = weights.get_tensor(name)
    return found


def _files(folder: Path) -> list[Path]:
    """Those that transformers reads, which may not be all that are there."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return [folder / "model.safetensors"]
    return [folder / name for name in sorted(set(read_object(index, _INDEX)["weight_map"].values()))]


def _name_of_today(name: str) -> str:
    for pattern, later in EARLIER_NAMES.items():
        name = re.sub(pattern, later, name)
    return name

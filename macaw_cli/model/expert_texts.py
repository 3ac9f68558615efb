"""What a model reads of experts' texts: from the settings of its training to its configuration, and back."""

from collections.abc import Sequence
from typing import Any

from macaw_cli.basics.console import say
from macaw_cli.config.expert_text_settings import ExpertTextSettings
from macaw_cli.config.experts.table import TABLE
from macaw_cli.shards.expert_texts import text_use
from macaw_cli.shards.told_media import TextUse


def use_of_settings(settings: ExpertTextSettings, experts: Sequence[dict[str, Any]], where: str) -> TextUse:
    """What a training reads.

    Args:
        settings: of the workspace.
        experts: of the dataset, as it describes them.
        where: the dataset's name, for the message.

    Raises:
        InputError: an expert is named that the dataset does not have.
    """
    instead = settings.media == "replace"
    return text_use(
        experts, settings.names, where, instead=instead, max_words=settings.max_words, system=settings.system
    )


def saved_texts(settings: ExpertTextSettings, use: TextUse, experts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The `expert_texts` of the configuration of a model; empty where it reads none.

    Args:
        settings: of its training.
        use: what they come to.
        experts: of the dataset.
    """
    if not use.names:
        return {}
    known = {one["name"]: one for one in experts}
    return {
        "experts": [known[name] for name in use.names], "media": settings.media, "max_words": use.max_words,
        "system": use.system,
    }  # fmt: skip


def use_of_config(config: Any) -> TextUse:
    """What a trained model reads."""
    saved = config.expert_texts
    if not saved:
        return TextUse()
    return text_use(
        saved["experts"], None, "the model", instead=saved.get("media") == "replace",
        max_words=saved.get("max_words", 200), system=saved.get("system", ""),
    )  # fmt: skip


def tell_texts(config: Any) -> None:
    """Say before a training where its model can be used, if it reads texts of experts."""
    names = [one["name"] for one in config.expert_texts.get("experts", ())]
    if not names:
        return
    told = f"The model reads texts of {', '.join(names)}"
    if _of_datasets_alone(config):
        say(f"{told}: `macaw evaluate` on a dataset takes such a model, and nothing else.")
    else:
        say(f"{told}: evaluate, chat, serve and `macaw export --format hf` take such a model; other formats refuse it.")


def why_not_told(config: Any, *, everywhere: bool) -> list[str]:
    """What keeps a model from leaving macaw, for the experts whose texts it reads; nothing where it reads none.

    Args:
        config: of the model.
        everywhere: whether it goes where nothing makes such texts; else only where files are described.
    """
    names = [one["name"] for one in config.expert_texts.get("experts", ())]
    if names and everywhere:
        return [f"it reads texts of experts ({', '.join(names)}), which nothing makes there"]
    return [f"it reads texts of {name}, which describes the media of a dataset and no others"
            for name in _of_datasets_alone(config)]  # fmt: skip


def _of_datasets_alone(config: Any) -> list[str]:
    names = [one["name"] for one in config.expert_texts.get("experts", ())]
    return [name for name in names if name in TABLE and not TABLE[name].at_inference]

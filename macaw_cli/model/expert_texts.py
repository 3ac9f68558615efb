"""What a model reads of experts' texts: from the settings of its training to its configuration, and back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from macaw_cli.basics.console import say
from macaw_cli.basics.errors import InputError
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
    alone = [name for name in names if not TABLE[name].at_inference]
    told = f"The model reads texts of {', '.join(names)}"
    if alone:
        say(f"{told}: `macaw evaluate` takes such a model; `macaw chat`, `macaw serve` and `macaw export` refuse it.")
    else:
        say(f"{told}: evaluate, chat and serve take such a model; `macaw export` refuses it.")


def require_no_texts(config: Any, folder: Path, command: str) -> None:
    """Refuse a model that reads experts' texts, where nothing makes them.

    Args:
        config: of the model.
        folder: of the model, for the message.
        command: that refuses, such as `macaw serve`.

    Raises:
        InputError: it does, with the names of the experts.
    """
    if config.expert_texts:
        names = ", ".join(one["name"] for one in config.expert_texts["experts"])
        raise InputError(
            f"The model in {folder} reads texts of experts ({names}), which `{command}` does not make.",
            "Use `macaw chat` or `macaw serve`, which make them for every file, or train a model without: "
            "`--set expert_texts.names=[]`.",
        )

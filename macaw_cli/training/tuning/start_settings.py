"""A training that starts from a model: its folder, and the settings that follow from it."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from macaw_cli.basics.console import say
from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import TEXT, Fields
from macaw_cli.config.bridges.designs import BridgePerModality, BridgeSettings, design_of
from macaw_cli.config.bridges.table import default_design
from macaw_cli.config.injections.none import NoInjectionSettings
from macaw_cli.config.loading import Workspace
from macaw_cli.config.view_settings import ViewSettings
from macaw_cli.encoders.source import quiet_transformers, trouble_is_told
from macaw_cli.modalities.table import MODALITIES
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.processing import PROCESSOR_FILE
from macaw_cli.training.tuning.llm_source import start_folder

Design = TypeVar("Design")
_PROCESSOR = Fields({}, {"template": TEXT})
_TEMPLATES = ("alpaca", "chat", "plain")
_HINT = "Leave {key} out to go on with the model's, or leave out training.start_from to train a new model."


def start_config(workspace: Workspace) -> MacawConfig | None:
    """The configuration of the model that the training starts from; None where it starts from an LLM.

    Raises:
        InputError: there is no such model, or it has no tokenizer.
        MismatchError: a newer macaw wrote it.
    """
    folder = start_folder(workspace)
    if folder is None:
        return None
    if not (folder / PROCESSOR_FILE).is_file():
        raise InputError(f"The model in {folder} has no tokenizer.", "Import it again with --tokenizer FOLDER.")
    with quiet_transformers(), trouble_is_told(folder):
        config: MacawConfig = MacawConfig.from_pretrained(folder)
    return config


def with_start(workspace: Workspace, *, quiet: bool = False) -> Workspace:
    """The workspace with the designs, views and template of the model that its training starts from, and no other LLM.

    What the settings leave at its default is the model's. A modality that the model lacks has what they say.

    Args:
        workspace: its settings hold; without `training.start_from` it is returned as it is.
        quiet: do not tell that `llm` is not read.

    Raises:
        UsageError: a setting names another design, view or form than the model has.
        InputError: as `start_config`.
        MismatchError: as `start_config`.
    """
    config = start_config(workspace)
    if config is None:
        return workspace
    settings, folder = workspace.settings, start_folder(workspace)
    assert folder is not None
    if settings.training.as_published != config.null_features:
        given, needed = (str(one).lower() for one in (settings.training.as_published, config.null_features))
        raise UsageError(
            f"training.as_published is {given}, but the model in {folder} was made with {needed}.",
            f"Add --set training.as_published={needed}.",
        )
    if settings.llm and not quiet:
        say(f"The LLM is that of {folder}: `llm` is not read where training.start_from is set.")
    injection = _held("injection", settings.injection, config.injection_settings, NoInjectionSettings(), folder)
    template = settings.training.template or _template(folder)
    training = replace(settings.training, template=template)  # type: ignore[arg-type]
    changed = replace(
        settings, llm="", bridge=_bridge(settings.bridge, config, folder), injection=injection,
        views=_views(settings.views, config, folder), training=training,
    )  # fmt: skip
    return Workspace(workspace.root, changed)


def _bridge(chosen: BridgeSettings, config: MacawConfig, folder: Path) -> BridgeSettings:
    """The model's design for each modality that it has; for the others the one that is set."""
    designs: dict[str, Any] = {name: design_of(chosen, name) for name in MODALITIES}
    for name in config.modalities:
        own = config.bridge_settings(name)
        designs[name] = _held(f"bridge.{name}", designs[name], own, default_design(), folder)
    first = next(iter(designs.values()))
    return first if all(one == first for one in designs.values()) else BridgePerModality(**designs)


def _held(key: str, chosen: Any, own: Design, unset: Any, folder: Path) -> Design:
    """The model's own design, unless the settings name another one, or other options of this one.

    Raises:
        UsageError: they do; with both.
    """
    if chosen == unset:
        return own
    there = getattr(own, "name", "")
    if chosen.name != there:
        raise UsageError(
            f"{key} is {chosen.name}, but the model in {folder} has {there}.", _HINT.format(key=key.partition(".")[0])
        )
    usual = type(chosen)()
    for name in (one.name for one in fields(chosen)):
        value = getattr(chosen, name)
        if value not in (getattr(usual, name), getattr(own, name)):
            raise UsageError(
                f"{key}.{name} is {value}, but the model in {folder} has {getattr(own, name)}.",
                _HINT.format(key=f"{key}.{name}"),
            )
    return own


def _views(chosen: ViewSettings, config: MacawConfig, folder: Path) -> ViewSettings:
    kept: dict[str, Any] = {}
    for name in config.modalities:
        own, there = chosen.of(name), config.view_settings.of(name)
        if own not in (there, ViewSettings().of(name)):
            raise UsageError(
                f"views.{name} is {own}, but the model in {folder} was trained with {there}.",
                _HINT.format(key=f"views.{name}"),
            )
        kept[name] = there
    return replace(chosen, **kept)


def _template(folder: Path) -> str | None:
    """The one that the model is asked in; None for the published code's, which `training.as_published` names."""
    named = read_object(folder / PROCESSOR_FILE, _PROCESSOR).get("template")
    return named if named in _TEMPLATES else None

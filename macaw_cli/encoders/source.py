"""Where an encoder comes from: a folder or a hub id, and the one line that tells why it cannot be had."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError, MacawError, MissingDependencyError, UsageError


def model_config(source: str, revision: str, section: str) -> Any:
    """The transformers configuration of `source`.

    Args:
        source: folder or hub id.
        revision: hub revision, or empty.
        section: the settings section that names it, such as `image_encoder`.

    Raises:
        UsageError: no encoder is set.
        InputError: the folder holds no model, or the hub has no such one.
        MissingDependencyError: it must be downloaded, accepted or logged in for first.
    """
    from transformers import AutoConfig

    if not source:
        raise UsageError(
            f"`features.{section}.model` is not set, but there are files that need it.",
            f"Give --{section.replace('_', '-')} FOLDER_OR_HUB_ID, or set it in macaw.yaml.",
        )
    if _is_path(source) and not (Path(source) / "config.json").is_file():
        problem = f"`features.{section}.model`: {source} is not a model folder, it has no config.json."
        raise InputError(problem, "Name a folder in the transformers format, or a hub id.")
    with quiet_transformers():
        try:
            return AutoConfig.from_pretrained(source, revision=revision or None)
        except (OSError, ValueError) as error:
            raise explain(source, error) from error


def explain(source: str, error: Exception) -> MacawError:
    """The clear form of what transformers raised while loading `source`."""
    from huggingface_hub import errors as hub

    causes = list(_causes(error))
    if any(isinstance(cause, hub.GatedRepoError) for cause in causes):
        return MissingDependencyError(
            f"{source} is gated: its licence must be accepted first.",
            f"Accept it at https://huggingface.co/{source}, then type `hf auth login`.",
        )
    if any(isinstance(cause, hub.RepositoryNotFoundError) for cause in causes):
        problem = f"The hub has no model {source}, or it is private."
        return InputError(problem, "Check the name, or type `hf auth login`.")
    if any(isinstance(cause, hub.LocalEntryNotFoundError | hub.OfflineModeIsEnabled) for cause in causes):
        return MissingDependencyError(
            f"{source} is neither a folder nor in the local cache, and the hub cannot be reached.",
            f"Where there is a network, type `hf download {source}`, or name a folder that holds it.",
        )
    return InputError(f"{source} cannot be loaded: {str(error).strip().splitlines()[0]}")


def load_weights(kind: Any, source: str, revision: str, **options: Any) -> Any:
    """`kind.from_pretrained` in fp32, which fails when a weight is missing instead of inventing it.

    Raises:
        InputError: weights are missing or damaged.
    """
    import torch
    from safetensors import SafetensorError

    try:
        model, found = kind.from_pretrained(
            source, revision=revision or None, dtype=torch.float32, output_loading_info=True, **options
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise explain(source, error) from error
    if found["missing_keys"]:
        example = sorted(found["missing_keys"])[0]
        raise InputError(
            f"{source} has no weights for {len(found['missing_keys'])} parts of {kind.__name__}, such as {example}.",
            "It may hold another kind of model, or only half of one.",
        )
    return model


def has_processor(source: str, revision: str) -> bool:
    """Whether the folder or hub repository brings settings for preprocessing."""
    from transformers.utils import cached_file

    names = ("preprocessor_config.json", "processor_config.json")
    return any(
        cached_file(source, name, revision=revision or None, _raise_exceptions_for_missing_entries=False,
                    _raise_exceptions_for_connection_errors=False)
        for name in names
    )  # fmt: skip


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Loading without progress bars and reports; what matters is checked and raised by us."""
    from transformers.utils import logging as transformers_logging

    verbosity = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.CRITICAL)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()


def short_name(source: str) -> str:
    """A hub id as it is, a folder by its name alone: fingerprints hold no paths."""
    return Path(source).resolve().name if _is_path(source) else source


def _is_path(source: str) -> bool:
    return Path(source).is_dir() or source.startswith(("/", ".", "~")) or source.count("/") > 1


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

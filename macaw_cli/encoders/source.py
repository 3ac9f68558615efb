"""Where an encoder comes from: a folder or a hub id, and the one line that tells why it cannot be had."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from macaw_cli.basics.errors import DamagedError, InputError, MacawError, MissingDependencyError
from macaw_cli.basics.shown_text import cut


def explain(source: str, error: Exception) -> MacawError:
    """The clear form of what transformers raised while loading `source`."""
    from huggingface_hub import errors as hub

    causes = list(_causes(error))
    if is_path(source) and not Path(source).exists():
        return InputError(f"There is no folder {source}.", "Name a folder in the transformers format, or a hub id.")
    if any(isinstance(cause, hub.HFValidationError) for cause in causes):
        problem = f"{source} is neither a folder nor a possible name on the model hub."
        return InputError(problem, "Name a folder in the transformers format, or a hub id.")
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
            f"Run `hf download {source}` where there is a network, or name a folder that holds it.",
        )
    return InputError(f"{source} cannot be loaded: {cut(_first_sentence(error), 500)}")


@contextmanager
def trouble_is_told(source: str | Path) -> Iterator[None]:
    """Whatever transformers raises for files that are damaged, or do not fit together, as one clear error.

    Args:
        source: folder or hub id.

    Raises:
        DamagedError: its weights are cut or changed.
        InputError: anything else, with the first line of what was raised.
    """
    import torch
    from safetensors import SafetensorError

    try:
        yield
    except (MacawError, MemoryError, torch.OutOfMemoryError):
        raise
    except SafetensorError as error:
        problem = f"The weights in {source} are truncated or changed ({error})."
        raise DamagedError(problem, "Restore them from a copy.") from error
    except Exception as error:  # there is no narrower class
        raise explain(str(source), error) from error


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
    return Path(source).resolve().name if is_path(source) else source


def is_path(source: str) -> bool:
    """Whether `source` is a folder, or can only be meant as one."""
    return Path(source).is_dir() or source.startswith(("/", ".", "~")) or source.count("/") > 1


def _first_sentence(error: Exception) -> str:
    """The first line of a message, with what follows a colon at its end."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    length = next((number for number, line in enumerate(lines, 1) if not line.endswith(":")), len(lines))
    return " ".join(lines[:length])


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

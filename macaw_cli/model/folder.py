"""Model folders: written whole or not at all, loaded with a clear message, and the newest one of a workspace."""

import os
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch

from macaw_cli.basics.atomic_files import publish_folder, require_replaceable_folder
from macaw_cli.basics.console import say
from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.basics.locks import writer_of
from macaw_cli.basics.owned_folders import FolderKind, marker_content, require_new_folder, require_own_folder
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT
from macaw_cli.basics.working_files import remove_leftovers, remove_own, working_folder
from macaw_cli.config.loading import Workspace
from macaw_cli.encoders.pretrained import load_model_class
from macaw_cli.encoders.source import quiet_transformers, trouble_is_told
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.earlier_names import LATER_BUFFERS
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.processing import PROCESSOR_FILE, MacawProcessor

CONFIG_FILE, MODEL_FOLDER = "config.json", "model"
WITHOUT_LLM = "MediaEmbedder"
"""What the configuration of a `MediaEmbedder` names as its class."""
SHOWN_WEIGHTS = 3
"""Names in a message; more are counted."""
OWN_NAMES = re.compile(
    r"(config|generation_config|processor_config|preprocessor_config|macaw_\w+|export_report|special_tokens_map)\.json|README\.md"
    r"|[\w.-]*(token|vocab|merges|normalizer|spiece|sentencepiece|bpe)[\w.-]*\.(json|txt|model|tiktoken)"
    r"|chat_template\.(jinja|json)|additional_chat_templates|adapter|model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?"
)
"""What a model folder of macaw's, or an export, may hold: one with anything else is not replaced."""


def _is_model(folder: Path) -> bool:
    return (marker_content(folder / CONFIG_FILE) or {}).get("model_type") == "macaw"


_FOREIGN = (
    "Name a Macaw model. `macaw import-checkpoint` makes one of checkpoints of LLaVA and its kin; what `macaw export"
    " --format llm` wrote is served by vLLM, and `macaw serve FOLDER --backend URL` adds media."
)
MODEL = FolderKind("model", _is_model)
"""The only kind of existing folder that a new model may replace."""


def require_own_model_folder(folder: Path) -> None:
    """Refuse to write a model where anything else is; call it before any work.

    Raises:
        InputError: the folder is no model of macaw's, or holds a file that does not belong to one.
    """
    require_own_folder(folder, MODEL)
    require_replaceable_folder(folder, OWN_NAMES)


def require_new_model_folder(folder: Path) -> None:
    """Refuse to write a model where one is, or anything else; call it before any work.

    Raises:
        InputError: see above.
    """
    require_own_model_folder(folder)
    hint = "Runs and features may refer to it. Choose another --out, or delete it."
    require_new_folder(folder, "an import", hint)


def load_model(
    folder: Path | str, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
) -> tuple[MacawForConditionalGeneration, MacawProcessor]:
    """Load a model and its processor, in evaluation mode.

    Args:
        folder: a model folder, or a run that holds one.
        device: where the weights go.
        dtype: number format of the weights; default: as they are stored.

    Raises:
        InputError: the folder holds no Macaw model, or one without tokenizer.
        MismatchError: a newer macaw wrote it, it is of an earlier form that is no longer read, or its weights are not
            those of the model that its configuration describes.
        DamagedError: its weights are cut.
    """
    folder = model_folder(Path(folder))
    if not (folder / PROCESSOR_FILE).is_file():
        raise InputError(f"The model in {folder} has no tokenizer.", "Import it again with --tokenizer FOLDER.")
    if read_object(folder / CONFIG_FILE, OBJECT).get("architectures") == [WITHOUT_LLM]:
        raise InputError(
            f"{folder} holds what is beside an LLM, and not the LLM.",
            "Name the model that was exported; or serve it: macaw serve FOLDER --backend URL.",
        )
    with quiet_transformers(), trouble_is_told(folder):
        model, found = load_model_class(
            MacawForConditionalGeneration, folder, dtype=dtype or "auto", output_loading_info=True,
            ignore_mismatched_sizes=True,
        )  # fmt: skip
    require_all_weights(folder, found)
    return model.to(device).eval(), MacawProcessor.from_pretrained(folder)


def require_all_weights(folder: Path, found: Mapping[str, Any]) -> None:
    """Refuse what transformers only warns of: weights it has left random, ignored, or found in another shape.

    Args:
        folder: of the model.
        found: `missing_keys`, `unexpected_keys` and `mismatched_keys`, as transformers tells them.

    Raises:
        MismatchError: there are any, other than buffers that earlier folders lack.
    """
    shapes = [name for name, *_ in found["mismatched_keys"]]
    missing = [name for name in found["missing_keys"] if not name.endswith(LATER_BUFFERS)]
    kinds = {"missing": missing, "unexpected": found["unexpected_keys"], "of another shape": shapes}
    problems = [f"{len(names)} {kind} ({_first(names)})" for kind, names in kinds.items() if names]
    if problems:
        raise MismatchError(
            f"The weights in {folder} do not fit its config.json: {', '.join(problems)}.",
            "Restore the folder from a copy, train again, or use the macaw that made it.",
        )


def _first(names: Collection[str]) -> str:
    shown = sorted(names)[:SHOWN_WEIGHTS]
    return ", ".join([*shown, "..."] if len(names) > len(shown) else shown)


def model_folder(path: Path) -> Path:
    """The model folder that `path` is, or that the run at `path` holds.

    Raises:
        InputError: neither.
    """
    for folder in (path, path / MODEL_FOLDER):
        if (folder / CONFIG_FILE).is_file():
            kind = read_object(folder / CONFIG_FILE, OBJECT).get("model_type")
            if kind != "macaw":
                raise InputError(f"{folder} holds a model of type {kind!r}, expected 'macaw'.", _FOREIGN)
            return folder
    if writer := writer_of(path):
        raise InputError(f"{path} has no model yet: {writer} is training it.", "Wait for it, or name another run.")
    if next(path.glob("*.gguf"), None):
        raise InputError(f"{path} holds GGUF files, which macaw does not load.", "Run them in llama.cpp or Ollama.")
    raise InputError(f"There is no model in {path}.", "`macaw train` writes one to runs/NAME/model.")


def newest_model(workspace: Workspace) -> Path:
    """The model folder of the workspace's newest run that has one.

    Raises:
        InputError: no run has a model yet.
    """
    runs = workspace.path(workspace.settings.training.runs)
    found = list(runs.glob(f"*/{MODEL_FOLDER}/{CONFIG_FILE}"))
    training = [(run, writer) for run in sorted(runs.glob("*/")) if (writer := writer_of(run))]
    if not found:
        hint = f"{'Wait for it' if training else 'Run `macaw train` first'}, or name a model folder."
        still = "".join(f" {writer} is training {run.name}." for run, writer in training)
        raise InputError(f"No run in {runs} has a model yet.{still}", hint)
    newest = max(found, key=lambda file: (file.stat().st_mtime_ns, str(file))).parent
    for run, writer in training:
        say(f"{run.name} is still being trained by {writer}; the newest finished model is {newest.parent.name}.")
    return newest


def save_model(
    model: MacawForConditionalGeneration,
    processor: MacawProcessor | None,
    folder: Path,
    *,
    beside: Callable[[Path], None] | None = None,
    replaces: bool = True,
) -> None:
    """Write a model folder; an older one of that name is replaced when the new one is whole.

    Args:
        model: weights are written as they are, in safetensors.
        processor: None leaves the tokenizer out.
        folder: the folder to write: missing, empty or a model of macaw's.
        beside: writes what else belongs into the folder that it is given.
        replaces: False refuses a model that is there, also one that another process writes meanwhile.

    Raises:
        InputError: something else is there.
    """
    require_own_model_folder(folder)
    remove_leftovers(folder.parent, folder.name, "tmp")
    unfinished = working_folder(folder)
    try:
        _write(model, processor, unfinished, beside)
        if not replaces:
            require_new_model_folder(folder)
        publish_folder(unfinished, folder, OWN_NAMES)
    except BaseException:
        remove_own(unfinished)
        raise


def _write(
    model: MacawForConditionalGeneration,
    processor: MacawProcessor | None,
    unfinished: Path,
    beside: Callable[[Path], None] | None,
) -> None:
    # transformers imports deepspeed here, which would say on stdout that it found no GPU
    if not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    _forget_origin(model.config)
    with quiet_transformers():
        model.save_pretrained(unfinished)
    if processor is not None:
        processor.save_pretrained(unfinished)
    if beside is not None:
        beside(unfinished)


def _forget_origin(config: MacawConfig) -> None:
    """Take out where transformers loaded the parts from: a path of this machine, in a folder that can be moved."""
    for part in (config, *(getattr(config, name) for name in config.sub_configs)):
        if part is not None:
            part._name_or_path = ""

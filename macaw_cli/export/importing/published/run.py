"""Import of the published Macaw-LLM weights: published names in, a model folder out.

Neither encoders nor tokenizer are needed; where they are given they become part of the folder.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from macaw_cli.basics.atomic_files import read_json
from macaw_cli.basics.counts import counted
from macaw_cli.basics.disk import disk_full_is_told, require_free_space
from macaw_cli.basics.errors import InputError, LockedError, MismatchError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.owned_folders import require_apart
from macaw_cli.basics.working_files import is_in_the_making
from macaw_cli.config.run_files import SETTINGS_NAME
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.export.companions import Companions, attach_companions
from macaw_cli.export.importing.published.config import EMBEDDING, SAID, published_config
from macaw_cli.export.importing.published.names import published_name, renamed, summarised
from macaw_cli.export.weight_files import read_weights, stored_bytes
from macaw_cli.model.folder import require_new_model_folder, save_model
from macaw_cli.model.modeling import MacawForConditionalGeneration

MAY_BE_MISSING = ("fusion.bridges.video.self_attention.", "fusion.null_features_")
"""The published file lacks the video self-attention; null features come from the encoders."""


@dataclass(frozen=True)
class ImportReport:
    """What was imported."""

    folder: Path
    tensors: int
    """Weights taken over."""
    missing: tuple[str, ...]
    """Published names that the file lacks; they got initial weights."""
    ignored: tuple[str, ...]
    """Names in the file that the model does not use."""

    @property
    def next_command(self) -> str:
        """What to type next, before the folder."""
        return "inspect"

    def as_json(self) -> dict[str, Any]:
        """The object of `macaw import-checkpoint --json`."""
        return {
            "out": str(self.folder), "from": "macaw", "weights": self.tensors, "missing": list(self.missing),
            "ignored": list(self.ignored), "note": None, "extract_features": None,
        }  # fmt: skip

    def lines(self) -> list[str]:
        """The report for people, without the last line."""
        lines = [f"Imported {counted(self.tensors, 'weight')}."]
        if self.missing:
            lines.append(f"Missing from the file and initialised at random: {summarised(self.missing)}.")
        if any(name.startswith("video_long_self_attention") for name in self.missing):
            lines.append("Video needs training before its answers mean anything. Image and audio are as published.")
        if self.ignored:
            lines.append(f"In the file but not needed for stored features: {summarised(self.ignored)}.")
        return lines


def import_published(
    file: Path, config_file: Path | None, out: Path, companions: Companions = Companions()  # noqa: B008 - frozen
) -> ImportReport:
    """Write the model folder of a published checkpoint.

    Args:
        file: `.safetensors`, `pytorch_model*.bin`, an index of several, or their folder.
        config_file: JSON with the configuration; default: the safetensors metadata under `config`, then the
            published sizes.
        out: folder to write.
        companions: tokenizer and encoders that become part of the folder.

    Raises:
        InputError: no such file, no published checkpoint, or an unusable configuration; or `out` is there
            already, lies in a run, or is, contains or lies inside what is read.
        MismatchError: configuration and weights contradict each other.
        ResourceError: the disk has too little room.
        LockedError: another process writes there.
    """
    require_place(out)
    require_apart(out, [file, *([config_file] if config_file else []), *companions.places()])
    require_free_space(out, stored_bytes(file))
    model, report = load_published(file, config_file, out)
    processor = attach_companions(model, companions)
    with disk_full_is_told(out):
        save_model(model, processor, out, replaces=False)
    return report


def require_place(out: Path) -> None:
    """Refuse a place where something is, or another import writes; call it before any work.

    A run's model belongs to its settings and figures; another in its place would be taken for what was trained.

    Raises:
        InputError: `out` is there already, or lies in a run.
        LockedError: another process writes a model there.
    """
    run = out.absolute().parent
    if (run / SETTINGS_NAME).is_file():
        problem = f"{out} lies in the run {run.name}, whose model is that of its training."
        raise InputError(problem, "Name a folder outside of it with --out.")
    require_new_model_folder(out)
    if is_in_the_making(out):
        raise LockedError(f"{out} is being written by another macaw.", "Wait for it, or stop it first.")


def load_published(
    file: Path, config_file: Path | None = None, out: Path = Path()
) -> tuple[MacawForConditionalGeneration, ImportReport]:
    """A published checkpoint as a model in evaluation mode; arguments and errors as in `import_published`."""
    published, metadata = read_weights(file)
    found = renamed(published)
    if not found.weights:
        raise InputError(
            f"{file} holds none of the published Macaw-LLM weights, but {_first(found.unknown)}.",
            "Name the published checkpoint, whose weights are called llm.*, project_image.* and so on.",
        )
    said, origin = _configuration(config_file, metadata, file)
    config = published_config(found.weights, said, origin)
    expected = _expected_shapes(config)
    _require_shapes(found.weights, expected)
    missing = sorted(set(expected) - set(found.weights))
    essential = [published_name(name) for name in missing if not name.startswith(MAY_BE_MISSING)]
    if essential:
        raise InputError(
            f"{file} lacks {counted(len(essential), 'weight')}: {summarised(essential)}.",
            "If it is one of several files, name their folder.",
        )
    with quiet_transformers():
        model = MacawForConditionalGeneration.from_pretrained(
            None, trust_remote_code=False, config=config, state_dict=found.weights, dtype=found.weights[EMBEDDING].dtype
        ).eval()
    lacking = tuple(published_name(name) for name in missing if not name.startswith("fusion.null_features_"))
    return model, ImportReport(out, len(found.weights), lacking, tuple(sorted([*found.unused, *found.unknown])))


def _configuration(config_file: Path | None, metadata: dict[str, str], file: Path) -> tuple[dict[str, Any], str]:
    if config_file is not None:
        if not config_file.is_file():
            raise InputError(f"There is no {config_file}.", "--config takes a JSON file.")
        content, origin = read_json(config_file), str(config_file)
    elif "config" in metadata:
        origin = f"the metadata of {file}"
        content = parse_json(metadata["config"], f"`config` in {origin}", hint="Give it with --config JSON.")
    else:
        content, origin = {}, "the published configuration"
    if not isinstance(content, dict):
        raise InputError(f"{origin} must hold a JSON object, found {type(content).__name__}.")
    said = SAID.checked(content, origin, InputError)
    return {key: value for key, value in said.items() if value is not None}, origin


def _first(names: list[str]) -> str:
    shown = summarised(names) or "nothing"
    return shown if len(shown) < 100 else f"{shown[:100]}..."


def _expected_shapes(config: Any) -> dict[str, torch.Size]:
    with torch.device("meta"):
        model = MacawForConditionalGeneration(config)
    return {name: tensor.shape for name, tensor in model.state_dict().items()}


def _require_shapes(weights: dict[str, torch.Tensor], expected: dict[str, torch.Size]) -> None:
    wrong = [
        f"{published_name(name)} is {tuple(tensor.shape)}, expected {tuple(expected[name])}"
        for name, tensor in weights.items()
        if name in expected and tensor.shape != expected[name]
    ]
    strange = [published_name(name) for name in weights if name not in expected]
    if strange:
        wrong.append(f"the configured model has no {summarised(strange)}")
    if wrong:
        more = f" (and {len(wrong) - 3} more)" if len(wrong) > 3 else ""
        raise MismatchError(
            f"The weights do not fit the configuration: {'; '.join(wrong[:3])}{more}.", "Correct it with --config JSON."
        )

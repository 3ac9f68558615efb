"""`macaw export`: what every format has in common, from the checks before any work to the report at the end."""

from dataclasses import dataclass, replace
from itertools import count as count_from
from pathlib import Path
from typing import Any

import torch

from macaw_cli import __version__
from macaw_cli.basics.atomic_files import fsync_folder, write_json, write_text
from macaw_cli.basics.console import say
from macaw_cli.basics.disk import disk_full_is_told, require_free_space
from macaw_cli.basics.errors import LockedError, MismatchError
from macaw_cli.basics.fingerprints import sha256_file
from macaw_cli.basics.owned_folders import require_apart, require_new_folder
from macaw_cli.basics.shell_words import to_type
from macaw_cli.basics.sigterm import sigterm_is_raised
from macaw_cli.basics.working_files import is_in_the_making, remove_leftovers, remove_own, working_folder
from macaw_cli.config.exports.base import ExportSettings
from macaw_cli.config.loading import Workspace
from macaw_cli.encoders.source import quiet_transformers, trouble_is_told
from macaw_cli.export.export_report import REPORT_NAME, REPORT_VERSION, text_report
from macaw_cli.export.formats.format import ExportFormat
from macaw_cli.export.formats.registry import export_format
from macaw_cli.export.hub import push, require_own_repository
from macaw_cli.export.proving.proof import Proof
from macaw_cli.export.source import ExportSource
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.folder import model_folder, newest_model
from macaw_cli.model.processing import PROCESSOR_FILE, MacawProcessor

CARD_NAME = "README.md"


@dataclass(frozen=True)
class ExportReport:
    """What was exported."""

    format: str
    source: Path
    out: Path
    nbytes: int
    proof: Proof
    notes: tuple[str, ...]
    """What the user should know of it."""
    next_command: tuple[str, ...]
    """Words of the command to type next; empty where the folder is not for macaw."""
    url: str = ""
    """Where it was sent."""

    def as_json(self) -> dict[str, Any]:
        """The object of `macaw export --json`."""
        return {
            "format": self.format, "model": str(self.source), "out": str(self.out), "bytes": self.nbytes,
            "proof": self.proof.as_json(), "notes": list(self.notes), **({"url": self.url} if self.url else {}),
        }  # fmt: skip


def export_model(workspace: Workspace, model: Path | None) -> ExportReport:
    """Export a model to the folder that `export.out` or the format names, in the format `export.format`.

    Args:
        workspace: its settings name format and target; encoders are looked for in it.
        model: a model or run folder; None means the workspace's newest.

    Raises:
        InputError: no model, an encoder that is not found, or a target that is there already.
        MismatchError: the format does not take the model, an encoder is not the one of the training, or the loaded
            export gives other answers; nothing is left behind then.
        ResourceError: the disk has too little room.
        LockedError: another export is writing there.
    """
    settings = workspace.settings.export
    out, kind = workspace.path(settings.folder), export_format(settings)
    source = model_folder(model) if model else newest_model(workspace)
    _require_taken(kind, source)
    kind.require_parts(source)
    _require_new(out, source)  # last: who has to delete something hears before whether it is of use
    if settings.push_to_hub:
        require_own_repository(settings.push_to_hub, private=settings.private)
    remove_leftovers(out.parent, out.name)
    with disk_full_is_told(out.parent), sigterm_is_raised():  # which leaves no gigabytes behind either
        unfinished = working_folder(out)
        try:
            report = _written(kind, workspace, source, out, unfinished)
            _require_new(out, source, meanwhile=True)
            unfinished.rename(out)
        except BaseException:
            remove_own(unfinished)
            raise
        fsync_folder(out.parent)
    if settings.push_to_hub:
        say(f"Sending {out} to {settings.push_to_hub}")
        report = replace(report, url=push(out, settings.push_to_hub))
    return report


def _require_new(out: Path, source: Path, *, meanwhile: bool = False) -> None:
    another = next(name for count in count_from(2) if not (name := out.with_name(f"{out.name}-{count}")).exists())
    hint = f"Choose another folder, for example {to_type('--out', another)}, or delete it."
    require_new_folder(out, "an export", hint)
    require_apart(out, [source])
    if not meanwhile and is_in_the_making(out):
        raise LockedError(f"{out} is being written by another macaw export.", "Wait for it, or stop it first.")


def _require_taken(kind: ExportFormat[ExportSettings], source: Path) -> None:
    """Refuse a model that the format does not take, before its weights are read."""
    with quiet_transformers(), trouble_is_told(source):
        config = MacawConfig.from_pretrained(source)
        obstacles = kind.why_not(config)
        if not obstacles and (source / PROCESSOR_FILE).is_file():
            obstacles = kind.text_obstacles(MacawProcessor.from_pretrained(source).encoder)
    if obstacles:
        hint = "Use it in `macaw evaluate`, or train a model without: `--set expert_texts.names=[]`."
        if not kind.carries_experts:
            hint = "--format hf takes every model; docs/export.md tells what the others need."
        problem = f"--format {kind.settings.format} does not take the model {source}: {'; '.join(obstacles)}."
        raise MismatchError(problem, hint)


def _written(
    kind: ExportFormat[ExportSettings], workspace: Workspace, folder: Path, out: Path, unfinished: Path
) -> ExportReport:
    """Everything below `unfinished/`, proved."""
    with quiet_transformers():
        dtype = getattr(kind.settings, "dtype", None)
        source = ExportSource.load(workspace, folder, getattr(torch, dtype) if dtype else None)
        say(f"Computing the answers of {folder} to {len(source.examples)} examples")
        _ = source.expected  # before `write` may change the model
        require_free_space(out.parent, int(1.05 * kind.weight_bytes(source)))
        say("Writing")
        kind.write(source, unfinished)
        say(f"Loading it in a fresh process, with {kind.loader}")
        proof = kind.prove(source, unfinished)
    if not proof.holds:
        raise MismatchError(
            f"The loaded export differs from the model: {proof}.", "Nothing was exported. Please report this."
        )
    if card := kind.card(source, out.name, proof):
        write_text(unfinished / CARD_NAME, card)
    files = sorted(file for file in unfinished.rglob("*") if file.is_file())
    hashes = {file.relative_to(unfinished).as_posix(): sha256_file(file) for file in files}
    report = {
        "format_version": REPORT_VERSION, "macaw": __version__, "format": kind.settings.format, "loader": kind.loader,
        **text_report(source.processor.encoder), **kind.report(), "proof": proof.as_json(), "files": hashes,
    }  # fmt: skip
    write_json(unfinished / REPORT_NAME, report)
    for file in unfinished.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)  # safetensors writes for the owner alone; this is for others
    nbytes = sum(file.stat().st_size for file in unfinished.rglob("*") if file.is_file())
    notes, after = tuple(kind.notes(source)), tuple(kind.next_command(out))
    return ExportReport(kind.settings.format, folder, out, nbytes, proof, notes, after)

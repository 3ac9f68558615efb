"""`macaw export --format hf`: a transformers folder with the encoders inside, proved before it gets its name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macaw_cli import __version__
from macaw_cli.basics.atomic_files import fsync_folder, write_json, write_text
from macaw_cli.basics.console import say
from macaw_cli.basics.disk import disk_full_is_told, require_free_space
from macaw_cli.basics.errors import InputError, LockedError, MismatchError
from macaw_cli.basics.fingerprints import sha256_file
from macaw_cli.basics.owned_folders import is_untouched, require_apart
from macaw_cli.basics.working_files import is_in_the_making, kind_of, remove_leftovers, remove_own, working_folder
from macaw_cli.config.loading import Workspace
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.export.model_card import model_card
from macaw_cli.export.proof import Proof, prove, source_logits
from macaw_cli.export.sample_media import sample_media
from macaw_cli.modalities.table import ENCODER_OF, ROLES, EncoderRole, Modality
from macaw_cli.model.attached_encoders import attach
from macaw_cli.model.folder import load_model, model_folder, newest_model, save_model
from macaw_cli.model.model_encoders import ModelEncoders
from macaw_cli.model.processing import MacawProcessor

REPORT_NAME = "macaw_export.json"
REPORT_VERSION = 1


@dataclass(frozen=True)
class ExportReport:
    """What was exported."""

    source: Path
    out: Path
    nbytes: int
    proof: Proof

    def as_json(self) -> dict[str, Any]:
        """The object of `macaw export --json`."""
        return {"model": str(self.source), "out": str(self.out), "bytes": self.nbytes, "proof": self.proof.as_json()}


def export_hf(workspace: Workspace, model: Path | None) -> ExportReport:
    """Export a model to the folder `export.out`.

    Args:
        workspace: its settings name the target; encoders are looked for in it.
        model: a model or run folder; None means the workspace's newest.

    Raises:
        InputError: no model, an encoder that is not found, or a target that is there already.
        MismatchError: an encoder is not the one of the training, or the reloaded export gives other logits; nothing
            is left behind then.
        ResourceError: the disk has too little room.
        LockedError: another export is writing there.
    """
    out = workspace.path(workspace.settings.export.out)
    source = model_folder(model) if model else newest_model(workspace)
    _require_new(out, source)
    remove_leftovers(out.parent, out.name)
    with disk_full_is_told(out.parent):
        unfinished = working_folder(out)
        try:
            proof = _write(workspace, source, out, unfinished)
            _require_new(out, source, meanwhile=True)
            unfinished.rename(out)
        except BaseException:
            remove_own(unfinished)
            raise
        fsync_folder(out.parent)
    return ExportReport(source, out, _bytes(out), proof)


def _require_new(out: Path, source: Path, *, meanwhile: bool = False) -> None:
    if kind_of(out) and not (kind_of(out) == "a folder" and is_untouched(out)):
        raise InputError(
            f"{out} exists already, and an export never overwrites.",
            "Choose another --out, or delete it.",
        )
    require_apart(out, [source])
    if not meanwhile and is_in_the_making(out):
        raise LockedError(f"{out} is being written by another macaw export.", "Wait for it, or stop it first.")


def _write(workspace: Workspace, source: Path, out: Path, unfinished: Path) -> Proof:
    """Everything below `unfinished/`, and the proof that it is the same model."""
    with quiet_transformers():
        model, processor = load_model(source)
        encoders = ModelEncoders(model, processor, source, workspace, precision="fp32")
        media = sample_media(model.config, _sampling_rate(model, encoders))
        say(f"Computing the logits of {source} from stored features")
        expected = source_logits(model, processor, encoders, media)
        exported = _with_encoders(model, processor, encoders)
        require_free_space(out.parent, int(1.05 * _weight_bytes(model)))
        folder = unfinished / "model"
        say("Writing")
        save_model(model, exported, folder)
    say("Reloading it in a fresh process")
    proof = prove(folder, media, expected, model.dtype)
    if not proof.holds:
        raise MismatchError(
            f"The reloaded export differs from the model: {proof}.",
            "Nothing was exported. Please report this.",
        )
    count = sum(parameter.numel() for parameter in model.parameters())
    write_text(folder / "README.md", model_card(out.name, model.config, count, proof))
    hashes = {file.name: sha256_file(file) for file in sorted(folder.iterdir())}
    report = {"format_version": REPORT_VERSION, "macaw": __version__, "proof": proof.as_json(), "files": hashes}
    write_json(folder / REPORT_NAME, report)
    for file in folder.iterdir():
        file.chmod(0o644)  # safetensors writes for the owner alone, but an export is for others
        file.rename(unfinished / file.name)
    folder.rmdir()
    return proof


def _with_encoders(model: Any, processor: MacawProcessor, encoders: ModelEncoders) -> MacawProcessor:
    """Put the encoders into `model`, and return the processor that prepares raw media for them."""
    encoded = [modality for modality in model.config.modalities if modality in ENCODER_OF]
    names: dict[EncoderRole, Modality] = {ENCODER_OF[modality]: modality for modality in encoded}
    loaded = {role: encoders.encoder(modality) for role, modality in names.items()}
    attach(model, *(loaded[role].model if role in loaded else None for role in ROLES))
    for role, encoder in loaded.items():  # the path leads nowhere from the new place; the name still tells what it is
        model.config.encoders.setdefault(role, {})["model"] = encoder.fingerprint["model"]
    prepares = {role: encoder.processor for role, encoder in loaded.items()}
    return MacawProcessor(
        processor.tokenizer, model.config, processor.encoder.template, processor.encoder.max_length,
        image_processor=prepares.get("image"), feature_extractor=prepares.get("audio"),
    )  # fmt: skip


def _sampling_rate(model: Any, encoders: ModelEncoders) -> int:
    return encoders.encoder("audio").sampling_rate or 0 if "audio" in model.config.modalities else 0


def _weight_bytes(model: Any) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())

"""`hf`: a transformers folder for `MacawForConditionalGeneration`, with the encoders inside; takes every model."""

from pathlib import Path

from macaw_cli.basics.atomic_files import write_bytes
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.working_files import make_folder
from macaw_cli.config.exports.hf import HfExportSettings
from macaw_cli.export.exchange import answers_of_child
from macaw_cli.export.formats.format import ExportFormat
from macaw_cli.export.model_card import figures_of, model_card
from macaw_cli.export.proof import LIMITS, Proof, compare
from macaw_cli.export.source import ExportSource
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.folder import save_model

ADAPTER, ADAPTER_FILES = "adapter", ("adapter_config.json", "adapter_model.safetensors")


class HfExport(ExportFormat[HfExportSettings]):
    """Everything of the model in one folder."""

    loader = "MacawForConditionalGeneration of macaw"
    takes = "every model"

    def obstacles(self, config: MacawConfig) -> list[str]:
        """None."""
        del config
        return []

    def write(self, source: ExportSource, folder: Path) -> None:
        """The model with its encoders, the processor that prepares raw media for them, and the model's page."""
        processor = source.attach_encoders()
        save_model(source.model, processor, folder / "model")
        for file in (folder / "model").iterdir():
            file.rename(folder / file.name)
        (folder / "model").rmdir()
        if self.settings.keep_adapters:
            _keep_adapter(source.folder / ADAPTER, folder / ADAPTER)

    def prove(self, source: ExportSource, folder: Path) -> Proof:
        """Logits and greedy tokens from raw media, by a process that has nothing but the folder."""
        answers = answers_of_child("macaw_cli.export.own_answers", folder, source.examples)
        return compare(source.expected, answers, source.examples, LIMITS[source.dtype], self.loader)

    def card(self, source: ExportSource, name: str, proof: Proof) -> str:
        """README.md."""
        count = sum(parameter.numel() for parameter in source.model.parameters())
        return model_card(name, source.model.config, count, proof, figures_of(source.folder))

    def next_command(self, folder: Path) -> list[str]:
        """It is a model of macaw's."""
        return ["chat", str(folder)]


def _keep_adapter(adapter: Path, target: Path) -> None:
    if not (adapter / ADAPTER_FILES[1]).is_file():
        raise InputError(
            f"{adapter.parent} has no {ADAPTER} beside it: it was trained without one.", "Leave --keep-adapters out."
        )
    make_folder(target)
    for name in ADAPTER_FILES:
        write_bytes(target / name, (adapter / name).read_bytes())

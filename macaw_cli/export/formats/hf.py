"""`hf`: a transformers folder for `MacawForConditionalGeneration`, with the encoders inside; takes every model."""

from pathlib import Path

from macaw_cli.config.exports.hf import HfExportSettings
from macaw_cli.export.exchange import answers_of_child
from macaw_cli.export.formats.format import ExportFormat
from macaw_cli.export.model_card import model_card
from macaw_cli.export.proof import LIMITS, Proof, compare
from macaw_cli.export.source import ExportSource
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.folder import save_model


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

    def prove(self, source: ExportSource, folder: Path) -> Proof:
        """Logits and greedy tokens from raw media, by a process that has nothing but the folder."""
        answers = answers_of_child("macaw_cli.export.own_answers", folder, source.examples)
        return compare(source.expected, answers, source.examples, LIMITS[source.dtype], self.loader)

    def card(self, source: ExportSource, name: str, proof: Proof) -> str:
        """README.md."""
        count = sum(parameter.numel() for parameter in source.model.parameters())
        return model_card(name, source.model.config, count, proof)

    def next_command(self, folder: Path) -> list[str]:
        """It is a model of macaw's."""
        return ["chat", str(folder)]

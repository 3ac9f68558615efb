"""What an export format is: what it takes, how it is written, and how it is proved."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from macaw_cli.config.exports.base import ExportSettings
from macaw_cli.export.proving.proof import Proof
from macaw_cli.export.source import ExportSource
from macaw_cli.modalities.table import Modality
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.expert_texts import why_not_told
from macaw_cli.model.text.encoding import ConversationEncoder

Options = TypeVar("Options", bound=ExportSettings)


class ExportFormat(ABC, Generic[Options]):
    """One format. `export/run.py` does what all have in common: the new folder, room on the disk, hashes, the report.

    Args:
        settings: the section `export:` of this format.
    """

    loader: ClassVar[str]
    """Who loads the folder, as people know it: a class of transformers, a program."""
    stock_class: ClassVar[str] = ""
    """The class of transformers that loads the folder, where one does: what bridges call it in `stock_loaders`."""
    carries_experts: ClassVar[bool] = False
    """Whether the folder makes the texts of experts, for a model that reads them."""
    takes: ClassVar[str]
    """What it takes, in a few words, for the table of formats in the documentation."""

    def __init__(self, settings: Options) -> None:
        self.settings = settings

    def why_not(self, config: MacawConfig) -> list[str]:
        """Everything in a model's configuration that keeps this format from taking it.

        Args:
            config: of the model.
        """
        return [*why_not_told(config, everywhere=not self.carries_experts), *self.obstacles(config)]

    @abstractmethod
    def obstacles(self, config: MacawConfig) -> list[str]:
        """What keeps this format from taking a model, each in a few words; none where nothing does.

        Asked before a training as well (`macaw train --plan`), so that it reads the configuration alone.

        Args:
            config: of the model; it has no weights yet.
        """

    def text_obstacles(self, encoder: ConversationEncoder) -> list[str]:
        """What keeps this format from taking a model's template or tokenizer; none by default. Asked as `obstacles` is.

        Args:
            encoder: turns conversations into ids for the model; its `config`, `tokenizer` and `template` are known.
        """
        del encoder
        return []

    def require_parts(self, folder: Path) -> None:
        """Refuse a machine without a package of the format, or a model folder without a part that the settings ask for.

        Nothing is needed by default. Asked before any work.

        Args:
            folder: of the model.

        Raises:
            InputError: the part is not there.
            MissingDependencyError: the package is not installed.
        """
        del folder

    def is_meant_for(self, config: MacawConfig) -> bool:
        """Whether somebody who trains such a model may want to hear why this format does not take it; True by default.

        Args:
            config: of the model.
        """
        del config
        return True

    def losses(self, config: MacawConfig) -> dict[Modality, list[str]]:
        """The modalities that an export would be without, each with the reasons in a few words; none by default.

        Asked before a training as well, as `obstacles`.

        Args:
            config: of the model.
        """
        del config
        return {}

    def weight_bytes(self, source: ExportSource) -> int:
        """Bytes that `write` needs on the disk; by default those of the model with its encoders, as it is."""
        return source.weight_bytes()

    @abstractmethod
    def write(self, source: ExportSource, folder: Path) -> None:
        """Write everything but the report, which `export/run.py` adds when the proof holds.

        Args:
            source: the model; it may be changed, for example be cast or be given its encoders: what the proof
                compares with was computed before.
            folder: an empty folder, which gets its name when everything is done.

        Raises:
            MacawError: it cannot be written.
        """

    @abstractmethod
    def prove(self, source: ExportSource, folder: Path) -> Proof:
        """Load the folder in a fresh process, with the loader that it is for, and compare it with the source.

        Args:
            source: `source.expected` are the answers to compare with.
            folder: what `write` wrote.

        Raises:
            MismatchError: it does not load.
        """

    def card(self, source: ExportSource, name: str, proof: Proof) -> str:
        """The text of README.md; empty where the format has none.

        Args:
            source: the model.
            name: of the folder.
            proof: of this export.
        """
        del source, name, proof
        return ""

    def notes(self, source: ExportSource) -> list[str]:
        """What the user should know of this export, one sentence each: what the format cannot carry, for example."""
        del source
        return []

    def next_command(self, folder: Path) -> list[str]:
        """The words of the command to type next; empty where the folder is not for macaw."""
        del folder
        return []

    def report(self) -> dict[str, Any]:
        """What stands in `export_report.json` besides what every format has."""
        return {}

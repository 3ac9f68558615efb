"""`macaw import-checkpoint`: which of the ways to import a checkpoint is taken."""

from pathlib import Path

from macaw_cli.basics.errors import UsageError
from macaw_cli.export.companions import Companions
from macaw_cli.export.importing.checkpoint_kind import OWN, chosen_family
from macaw_cli.export.importing.family_import import FamilyReport, import_family
from macaw_cli.export.importing.published.run import ImportReport, import_published

OWN_OPTIONS = ("--config", "--tokenizer", "--image-encoder", "--audio-encoder")
"""What the published Macaw-LLM weights can be given."""


def import_any(
    place: Path, family: str, config_file: Path | None, out: Path, companions: Companions
) -> ImportReport | FamilyReport:
    """Write the model folder of a checkpoint.

    Args:
        place: file or folder of the checkpoint.
        family: `--from`; empty where its config.json is to tell.
        config_file: for the published Macaw-LLM weights, see `import_published`.
        out: folder to write.
        companions: models that are named beside the checkpoint.

    Raises:
        UsageError: no such family, or an option that is not for the checkpoint's.
        MacawError: as `import_published` and `import_family`.
    """
    kind = chosen_family(place, family)
    given = {"--config": config_file, **companions.options()}
    for option, value in given.items():
        if value and option not in (kind.options if kind else OWN_OPTIONS):
            name = kind.name if kind else OWN
            raise UsageError(f"{option} is not for checkpoints of the family {name}.", f"Leave {option} out.")
    if kind is None:
        return import_published(place, config_file, out, companions)
    return import_family(kind, place, out, companions)

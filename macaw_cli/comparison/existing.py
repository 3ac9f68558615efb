"""`macaw compare --from RUNS...`: runs that exist, those that differ in nothing but their seed as one design."""

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from textwrap import shorten

from macaw_cli.basics.errors import InputError, MacawError, UsageError
from macaw_cli.basics.shell_words import to_type
from macaw_cli.comparison.designs import Design
from macaw_cli.comparison.gathering import DesignRuns, side_by_side
from macaw_cli.config.bridges.short_forms import short_bridge, short_design
from macaw_cli.config.loading import parse_settings
from macaw_cli.model.bridges.registry import soft_token_count
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.folder import model_folder
from macaw_cli.reports.design_comparison import DesignComparison
from macaw_cli.reports.run_record import RunRecord, read_run
from macaw_cli.training.checkpoints.resume_checks import learning_settings
from macaw_cli.training.run_folder import RunFolder
from macaw_cli.training.tuning.model_setup import model_without_weights
from macaw_cli.training.tuning.parameter_groups import counts_by_group

_NAME_LENGTH = 60
"""Characters of a name; more options are cut."""


def compare_existing(folders: Sequence[Path]) -> DesignComparison:
    """Read runs and put them side by side; nothing is trained or evaluated.

    Args:
        folders: of runs, finished or not.

    Raises:
        InputError: one is no run.
        UsageError: one is named twice.
        DamagedError: a file of a run is not what macaw writes.
        MismatchError: a newer macaw wrote a run.
    """
    _require_runs(folders)
    groups: dict[str, list[RunRecord]] = {}
    for folder in folders:
        record = read_run(folder)
        groups.setdefault(_but_for_the_seed(record), []).append(record)
    names = [_name(records[0]) for records in groups.values()]
    counts = Counter(names)
    designs = [
        _design(name if counts[name] == 1 else records[0].name, records)
        for name, records in zip(names, groups.values(), strict=True)
    ]
    return side_by_side(designs, max(map(len, groups.values())))


def _require_runs(folders: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"There is no folder {folder}.", "--from takes folders of runs, such as runs/mlp-1.")
        if not RunFolder(folder).is_run:
            hint = f"--from takes folders of runs. To see what it is: {to_type('macaw', 'inspect', folder)}"
            raise InputError(f"{folder} is not a run of macaw train.", hint)
        if folder.resolve() in seen:
            raise UsageError(f"{folder} is named twice.", "Name every run once.")
        seen.add(folder.resolve())


def _but_for_the_seed(record: RunRecord) -> str:
    """What two runs share that are one design with two seeds."""
    settings = learning_settings(parse_settings(dict(record.settings), str(record.folder)))
    return json.dumps({key: value for key, value in settings.items() if key != "seed"}, sort_keys=True, default=str)


def _name(record: RunRecord) -> str:
    """As `--bridges` and `--injections` would name the design: with the options that are not its defaults."""
    settings = parse_settings(dict(record.settings), str(record.folder))
    texts = settings.expert_texts
    experts = tuple(texts.names or ()) if texts.media == "replace" else ()
    design = Design(short_bridge(settings.bridge), short_design(settings.injection), experts)
    return shorten(design.label, _NAME_LENGTH, placeholder=" ...")


def _design(name: str, records: Sequence[RunRecord]) -> DesignRuns:
    """With the costs that its model tells; a run without a model, or with one of a newer macaw, tells none."""
    with suppress(MacawError):
        config = MacawConfig.from_pretrained(model_folder(records[0].folder))
        training = parse_settings(dict(records[0].settings), str(records[0].folder)).training
        counts = counts_by_group(model_without_weights(config, training), training)
        shapes = config.feature_shapes
        soft = {name: float(soft_token_count(config, name, shapes[name])) for name in config.modalities}
        return DesignRuns(name, records, soft, sum(trained for trained, _ in counts.values()))
    return DesignRuns(name, records)

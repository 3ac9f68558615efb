"""Exports in this process: what a fresh process would do, without the seconds that it takes to start one."""

import tempfile
from pathlib import Path

from macaw_cli.basics.atomic_files import write_json
from macaw_cli.config.loading import open_workspace
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.export import stock_answers
from macaw_cli.export.exchange import read_answers, save_examples
from macaw_cli.export.export_report import REPORT_NAME, text_report
from macaw_cli.export.formats.registry import export_format
from macaw_cli.export.source import ExportSource


def written(root, form, model, folder):
    """A model in one format, unproved; the source is as `write` leaves it, its own answers known.

    Returns:
        The source, and the format.
    """
    kind = export_format(open_workspace(root, [f"export.format={form}"]).settings.export)
    source = ExportSource.load(open_workspace(root), model)
    assert kind.obstacles(source.model.config) == [] == kind.text_obstacles(source.processor.encoder)
    _ = source.expected
    folder.mkdir(parents=True)
    with quiet_transformers():
        kind.write(source, folder)
    write_json(folder / REPORT_NAME, {**text_report(source.processor.encoder), **kind.report()})
    return source, kind


def stock_answers_of(kind, source, folder):
    """What a stock class and its processor make of the source's examples."""
    with tempfile.TemporaryDirectory() as scratch, quiet_transformers():
        save_examples(Path(scratch), [source.examples[at] for at in kind.asked(source)])
        stock_answers.main(str(folder), scratch, kind.stock_class)
        return read_answers(Path(scratch))

"""Exports in this process: what a fresh process would do, without the seconds that it takes to start one."""

import tempfile
from pathlib import Path

import numpy as np
import pytest

from macaw_cli.basics.atomic_files import write_json
from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.loading import open_workspace
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.export.companions import Companions
from macaw_cli.export.export_report import REPORT_NAME, text_report
from macaw_cli.export.formats.registry import export_format
from macaw_cli.export.importing.run import import_any
from macaw_cli.export.proving import stock_answers
from macaw_cli.export.proving.exchange import read_answers, save_examples
from macaw_cli.export.run import export_model
from macaw_cli.export.source import ExportSource
from macaw_cli.model.processing import MacawProcessor
from macaw_cli.planning.export_targets import format_targets


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


def refused(root, form, model, words):
    """An export that is refused before any work.

    Returns:
        The model's encoder, and what the plan of a training says: format to obstacles.
    """
    before = sorted(root.iterdir())
    with pytest.raises(MismatchError, match=words):
        export_model(open_workspace(root, [f"export.format={form}"]), model)
    assert sorted(root.iterdir()) == before
    encoder = MacawProcessor.from_pretrained(model).encoder
    return encoder, {one.format: one.obstacles for one in format_targets(encoder)}


def stock_answers_of(kind, source, folder):
    """What a stock class and its processor make of the source's examples."""
    with tempfile.TemporaryDirectory() as scratch, quiet_transformers():
        save_examples(Path(scratch), [source.examples[at] for at in kind.asked(source)])
        stock_answers.main(str(folder), scratch, kind.stock_class)
        return read_answers(Path(scratch))


def same(source, answers):
    """Logits to 1e-5, and equal greedy tokens; BLIP-2's class is not asked the last example, which is text alone."""
    assert len(answers) in (len(source.expected), len(source.expected) - 1)
    for ours, theirs in zip(source.expected, answers, strict=False):
        found = theirs.logits[:, : ours.logits.shape[1]]
        assert np.abs(found - ours.logits).max() <= 1e-5 * np.abs(ours.logits).max()
        assert theirs.greedy.tolist() == ours.greedy.tolist() and len(ours.greedy) > 1


def imported_again(root, folder, out, source):
    """The folder as a model of macaw: ids, logits and answers of the source."""
    import_any(folder, "", None, out, Companions())
    again = ExportSource.load(open_workspace(root), out)
    assert again.processor.encoder.template == source.processor.encoder.template
    again.examples = source.examples
    same(source, again.expected)
    return again


def exported(root, tmp_path, form, model):
    """A model in one format, asked through the stock class, and imported again; returns the source of the import."""
    source, kind = written(root, form, model, tmp_path / "folder")
    same(source, stock_answers_of(kind, source, tmp_path / "folder"))
    return imported_again(root, tmp_path / "folder", tmp_path / "again", source)

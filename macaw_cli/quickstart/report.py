"""`report.html`: the table, its plot, and held-out media with their questions and answers to look at."""

from collections import defaultdict
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import read_jsonl
from macaw_cli.basics.figure_kinds import modality_of
from macaw_cli.config.loading import Workspace
from macaw_cli.evaluation.presentation import (
    COLUMNS,
    TEXT_COLUMNS,
    accuracy_height,
    draw_accuracies,
    table_rows,
    text_rows,
)
from macaw_cli.media.audio import load_audio
from macaw_cli.media.number_tables import read_table
from macaw_cli.reports.drawing import PALETTE, Plot, drawn
from macaw_cli.reports.page import EmbeddedFile, write_page
from macaw_cli.reports.tables import Table

MEDIA_SHOWN = 3
CURVES_PX = (360, 140)
SAMPLING_RATE_HZ = 16_000
MIME_TYPES = {".png": "image/png", ".wav": "audio/wav", ".mp4": "video/mp4"}

Example = tuple[list[EmbeddedFile], list[dict[str, Any]]]
"""Media that were asked about together, and the rows of answers.jsonl about them."""


def write_report(
    path: Path, workspace: Workspace, run: str, figures: dict[str, Any], control: dict[str, Any] | None = None
) -> None:
    """Write one page that needs no other file.

    Args:
        path: the page to write.
        workspace: the quickstart's workspace.
        run: name of the evaluated run.
        figures: its evaluation figures.
        control: those of the control with shuffled answers, where it was run.
    """
    answers = workspace.path(workspace.settings.training.runs) / run / "evaluation" / "answers.jsonl"
    plot = Plot(
        "accuracy",
        "Accuracy by kind of question",
        "Held-out accuracy with the real media, without media and with swapped media.",
        lambda figure: draw_accuracies(figure, figures),
        accuracy_height(figures),
    )
    write_page(
        path,
        "quickstart",
        title="macaw quickstart",
        tables=[
            Table("Held-out questions", COLUMNS, table_rows(figures)),
            Table("Answers without choices", TEXT_COLUMNS, text_rows(figures)),
        ],
        plots=drawn([plot]),
        control=Table("Control: trained with shuffled answers", COLUMNS, table_rows(control)) if control else None,
        groups=_examples(workspace, read_jsonl(answers)),
    )


def _examples(workspace: Workspace, answers: list[dict[str, Any]]) -> list[tuple[str, list[Example]]]:
    """The first examples of each modality, with seen and with unseen combinations."""
    groups: dict[str, dict[tuple[str, ...], list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in answers:
        if row["media"] and row["kind"]:
            group = modality_of(row["kind"], row) + (", unseen combinations" if "unseen" in row["tags"] else "")
            groups[group][tuple(row["media"])].append(row)
    return [
        (group, [(_media(workspace.root, media), rows) for media, rows in islice(examples.items(), MEDIA_SHOWN)])
        for group, examples in sorted(groups.items())
    ]


def _media(root: Path, sources: tuple[str, ...]) -> list[EmbeddedFile]:
    """The files, each one with sound after its spectrogram."""
    found = []
    for path in dict.fromkeys(root / source for source in sources):
        if path.suffix not in MIME_TYPES:
            found += [_curves(path)] if path.suffix in (".csv", ".npy") else []
            continue
        found += [] if path.suffix == ".png" else [_spectrogram(path)]
        found.append(EmbeddedFile(path.read_bytes(), path.name, MIME_TYPES[path.suffix]))
    return found


def _curves(path: Path) -> EmbeddedFile:
    """The columns of a table over its rows, all in one range."""
    import numpy as np
    from PIL import Image, ImageDraw

    table = read_table(path)
    width, height = CURVES_PX
    plot = Image.new("RGB", CURVES_PX, "white")
    low, high = np.nanmin(table.values), np.nanmax(table.values)
    across = np.linspace(2, width - 3, len(table.values))
    down = (height - 3) - (table.values - low) / ((high - low) or 1.0) * (height - 5)
    for column, colour in zip(down.T, cycle(PALETTE)):
        points = [(x, y) for x, y in zip(across, column, strict=True) if np.isfinite(y)]
        ImageDraw.Draw(plot).line(points, fill=colour, width=2)
    content = BytesIO()
    plot.save(content, "PNG")
    return EmbeddedFile(content.getvalue(), f"columns of {path.name}: {', '.join(table.names)}", size=CURVES_PX)


def _spectrogram(path: Path) -> EmbeddedFile:
    """The mel spectrogram of a sound or a video's soundtrack: time to the right, pitch upwards."""
    import librosa
    import numpy as np
    from matplotlib.image import imsave

    energy = librosa.feature.melspectrogram(y=load_audio(path, SAMPLING_RATE_HZ), sr=SAMPLING_RATE_HZ, n_mels=48)
    plot = BytesIO()
    imsave(plot, librosa.power_to_db(energy, ref=np.max), origin="lower", cmap="magma", format="png")
    return EmbeddedFile(plot.getvalue(), f"spectrogram of {path.name}", kind="spectrogram")

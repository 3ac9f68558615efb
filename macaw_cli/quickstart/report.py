"""`report.html`: the table, its picture, and held-out media with their questions and answers to look at."""

import base64
from collections import defaultdict
from collections.abc import Iterator
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import read_jsonl, write_text
from macaw_cli.config.loading import Workspace
from macaw_cli.evaluation.presentation import COLUMNS, table_rows
from macaw_cli.media.audio import load_audio

PER_KIND = 4
SAMPLING_RATE_HZ = 16_000
MIME_TYPES = {".png": "image/png", ".wav": "audio/wav", ".mp4": "video/mp4"}
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; white-space: pre; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1rem; }
.card { border: 1px solid #8884; border-radius: .5rem; padding: .7rem; }
.card img, .card video { width: 8rem; height: 8rem; image-rendering: pixelated; display: block; }
.card img.sound { width: 100%; height: 3rem; image-rendering: auto; }
.card audio { width: 100%; }
.right { color: #1b7f5f; } .wrong { color: #c0392b; }
img.wide { max-width: 100%; background: white; }
small { opacity: .75; }
"""
INTRODUCTION = """
<p>A small language model was taught to see, hear and watch a small world, in this folder. Every held-out question
was asked with its <b>real</b> media, with <b>none</b>, and with media <b>swapped</b> for another example's whose
answer differs. <i>Reliance</i> is real minus swapped, with its 95 % interval.</p>
"""
EXAMPLES_NOTE = """
<p>The first held-out questions of each kind. <small>The answer with swapped media should differ: it belongs to what
the model was shown instead.</small></p>
"""


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
    evaluation = workspace.path(workspace.settings.training.runs) / run / "evaluation"
    sections = [
        "<h1>macaw quickstart</h1>",
        INTRODUCTION,
        _table(figures),
        f'<img class="wide" alt="Accuracy per kind" src="{_data_uri(evaluation / "reliance.png")}">',
        *_control(control),
        "<h2>Look for yourself</h2>",
        EXAMPLES_NOTE,
        *_examples(workspace, read_jsonl(evaluation / "answers.jsonl")),
    ]
    page = f"<!doctype html><html lang=en><meta charset=utf-8><title>macaw quickstart</title><style>{STYLE}</style>"
    write_text(path, page + "\n".join(sections) + "</html>\n")


def _table(figures: dict[str, Any]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in COLUMNS)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table_rows(figures)
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _control(control: dict[str, Any] | None) -> Iterator[str]:
    if control is not None:
        yield "<h2>Control: trained with shuffled answers</h2>"
        yield "<p>Nothing can be learnt here, so it must end at chance.</p>"
        yield _table(control)


def _examples(workspace: Workspace, answers: list[dict[str, Any]]) -> Iterator[str]:
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in answers:
        if row["media"] and row["kind"]:
            by_kind[f"{row['kind']}, unseen combinations" if "unseen" in row["tags"] else row["kind"]].append(row)
    for kind, rows in sorted(by_kind.items()):
        yield f"<h3>{escape(kind)}</h3><div class=cards>"
        yield from (_card(workspace, row) for row in rows[:PER_KIND])
        yield "</div>"


def _card(workspace: Workspace, row: dict[str, Any]) -> str:
    question, expected = row["messages"][-2]["content"], row["messages"][-1]["content"]
    given = [
        f'<span class="{"right" if answer == expected else "wrong"}">{escape(answer)}</span>'
        f" <small>{escape(condition)}</small>"
        for condition, answer in row["answers"].items()
    ]
    media = "".join(_medium(workspace.root / source) for source in dict.fromkeys(row["media"]))
    return f"<div class=card>{media}<p>{escape(str(question))}</p>{'<br>'.join(given)}</div>"


def _medium(path: Path) -> str:
    uri = _data_uri(path)
    if path.suffix == ".png":
        return f'<img alt="{escape(path.name)}" src="{uri}">'
    if path.suffix == ".wav":
        return f'{_picture_of_sound(path)}<audio controls src="{uri}"></audio>'
    return f'<video controls loop src="{uri}"></video>{_picture_of_sound(path)}'


def _picture_of_sound(path: Path) -> str:
    """An image of the mel spectrogram of a sound or a film's soundtrack: time to the right, pitch upwards."""
    import librosa
    import numpy as np
    from matplotlib import pyplot

    energy = librosa.feature.melspectrogram(y=load_audio(path, SAMPLING_RATE_HZ), sr=SAMPLING_RATE_HZ, n_mels=48)
    picture = BytesIO()
    pyplot.imsave(picture, librosa.power_to_db(energy, ref=np.max), origin="lower", cmap="magma", format="png")
    return (
        f'<img class="sound" alt="spectrogram of {escape(path.name)}" src="{_base64("image/png", picture.getvalue())}">'
    )


def _data_uri(path: Path) -> str:
    return _base64(MIME_TYPES[path.suffix], path.read_bytes())


def _base64(mime_type: str, content: bytes) -> str:
    return f"data:{mime_type};base64,{base64.b64encode(content).decode()}"

"""`avsd:` dialogues about videos: `{"dialogs": [{"image_id", "dialog": [{"question", "answer"}, ...]}, ...]}`.

`image_id` is the key of a Charades video. An answer that the organisers kept back (`__UNDISCLOSED__`, in the test set)
ends its dialogue before that question.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.json_rows import Row, json_lists
from macaw_cli.basics.shown_text import shown
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.entry import Format, Options, each

LIST = ("dialogs",)
UNDISCLOSED = "__UNDISCLOSED__"
TURNS = ("multi", "single")


def read_avsd(path: Path, options: Options) -> Iterator[Row]:
    """Each dialogue as one conversation; with `turns=single` each question as one of its own.

    Raises:
        UsageError: `turns` is something else.
        InputError: the file is not JSON or has no `dialogs`.
    """
    if options.get("turns", TURNS[0]) not in TURNS:
        raise UsageError(f"avsd: `turns` is {' or '.join(TURNS)}, found {shown(options['turns'])}.", "Correct it.")
    return _rows(path, single=options.get("turns") == "single")


def _rows(path: Path, *, single: bool) -> Iterator[Row]:
    number = 0
    for _, place, dialogue in json_lists(path, LIST):
        for _, row in each(iter([(place, dialogue)]), from_avsd):
            rows = _apart(row) if single and isinstance(row, dict) else [row]
            for one in rows:
                number += 1
                yield number, one
    if not number:
        raise InputError(f"{path} has no dialogues under `dialogs`.", "Is it one of AVSD's files?")


def from_avsd(row: dict[str, Any]) -> dict[str, Any]:
    """One dialogue as a canonical row.

    Raises:
        InputError: a key is missing or has another form.
    """
    key, dialogue = row.get("image_id"), row.get("dialog")
    if not isinstance(key, str) or not key or not isinstance(dialogue, list):
        raise InputError(f"needs `image_id` and a list under `dialog`, found {sorted(row)}")
    messages: list[dict[str, str]] = []
    for turn in dialogue:
        question, answer = (turn.get(name) if isinstance(turn, dict) else None for name in ("question", "answer"))
        if not isinstance(question, str) or not isinstance(answer, str):
            raise InputError(f"a turn needs text under `question` and `answer`, found {shown(turn, 60)}")
        if answer == UNDISCLOSED:
            break
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    if not messages:
        raise InputError(f"the dialogue about {key} has no answer")
    kind = "multi-turn" if len(messages) > 2 else "question-answer"
    return {"id": key, "video": [f"{key}.mp4"], "kind": kind, "messages": messages}


def _apart(row: dict[str, Any]) -> list[dict[str, Any]]:
    messages = row["messages"]
    return [
        {**row, "id": f"{row['id']}-{place // 2 + 1}", "kind": "question-answer", "messages": messages[place:place + 2]}
        for place in range(0, len(messages), 2)
    ]  # fmt: skip


def _looks_like(file: Beginning) -> bool:
    return "dialogs" in file.members


AVSD = Format(
    name="avsd",
    summary="AVSD's dialogues about Charades videos, each one conversation of several turns",
    read=read_avsd,
    options={"turns": "`multi` (default), or `single` for one conversation per question, without the earlier ones"},
    looks_like=_looks_like,
)

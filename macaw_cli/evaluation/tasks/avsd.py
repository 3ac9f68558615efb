"""`avsd`: dialogues about videos, each answer given the turns before it."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import json_lists
from macaw_cli.config.tasks.avsd import AvsdSettings
from macaw_cli.evaluation.tasks.captioning import FIGURES, CaptionTask
from macaw_cli.evaluation.tasks.item import Item, Medium, Message, user_turn
from macaw_cli.evaluation.tasks.row_reading import texts_of
from macaw_cli.evaluation.tasks.task import About

UNDISCLOSED = "__UNDISCLOSED__"
"""In the place of an answer that the challenge kept to itself."""


class Avsd(CaptionTask[AvsdSettings]):
    """AVSD (Alamri et al., arXiv 1901.09107), as in the challenge DSTC7 (arXiv 1806.00525)."""

    about = About(
        what="dialogues of ten questions about a video, each answered after the turns before it",
        paper="Audio Visual Scene-Aware Dialog, arXiv 1901.09107",
        data="https://github.com/hudaAlamri/DSTC7-Audio-Visual-Scene-Aware-Dialog-AVSD-Challenge, videos:"
        " https://prior.allenai.org/projects/charades",
        licence="as published by the challenge; videos under the Allen Institute licence, not commercial",
        files="`path`: `test_set4DSTC7-AVSD.json` or another split; `references`: the file of disclosed answers;"
        " `media`: `Charades_v1_480/`",
        figures=f"{FIGURES}, as in the challenge; for all, and per turn",
    )
    modalities = ("video",)

    def items(self) -> Iterator[Item | InputError]:
        """Every question of every dialogue, or the last ones."""
        disclosed = self._disclosed()
        for _, number, dialogue in json_lists(self.path, ("dialogs",)):
            try:
                if isinstance(dialogue, InputError):
                    raise dialogue
                yield from self._turns(dialogue, disclosed)
            except InputError as error:
                yield InputError(f"{self.path.name}, dialogue {number}: {error.problem}")

    def _turns(self, dialogue: Any, disclosed: dict[str, list[str]]) -> list[Item]:
        (key,) = texts_of(dialogue, "image_id")
        video = self.medium("video", f"{key}.mp4", f"Charades_v1_480/{key}.mp4", f"Charades_v1/{key}.mp4")
        turns = [texts_of(turn, "question", "answer") for turn in dialogue.get("dialog") or ()]
        if not turns:
            raise InputError("needs `dialog`, a list of `question` and `answer`")
        asked = []
        for number, (_, answer) in enumerate(turns, start=1):
            last = number == len(turns)
            if self.settings.turns == "last" and not last:
                continue
            known = disclosed.get(key, []) if last else []
            references = known or [answer]
            if UNDISCLOSED in references:
                raise InputError(f"the answer of turn {number} is undisclosed: name the file of `references`")
            asked.append(self._item(key, number, turns[:number], video, references))
        return asked

    def _item(self, key: str, number: int, turns: list[list[str]], video: Medium, references: list[str]) -> Item:
        questions = [self.asked(question) for question, _ in turns]
        messages: list[Message] = list(user_turn(questions[0], (video,)))
        for (_, answer), question in zip(turns, questions[1:], strict=False):
            messages += [{"role": "assistant", "content": answer}, {"role": "user", "content": question}]
        return Item(
            id=f"{key}/{number}",
            messages=messages,
            media=(video,),
            references=tuple(references),
            cluster=key,
            groups={"turn": f"{number:02d}"},
        )

    def _disclosed(self) -> dict[str, list[str]]:
        """Last answers of the dialogues of each video."""
        if not self.settings.references:
            return {}
        file = self.path.parent / self.settings.references
        if not file.is_file():
            raise InputError(f"There is no file {file}.", "`references` names a file beside that of dialogues.")
        found: dict[str, list[str]] = defaultdict(list)
        for _, _, dialogue in json_lists(file, ("dialogs",)):
            turns = dialogue.get("dialog") if isinstance(dialogue, dict) else None
            if turns:
                found[str(dialogue.get("image_id"))] += texts_of(turns[-1], "answer")
        return found

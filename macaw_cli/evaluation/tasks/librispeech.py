"""`librispeech`: transcripts of speech, in the folders of LibriSpeech: `61/70968/61-70968.trans.txt` and its audio."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.file_names import is_there
from macaw_cli.basics.json_rows import text_lines
from macaw_cli.basics.shown_text import shown
from macaw_cli.config.tasks.librispeech import LibriSpeechSettings
from macaw_cli.evaluation.metrics.character_error_rate import character_error_rate
from macaw_cli.evaluation.metrics.normalised_word_error_rate import normalised_word_error_rate
from macaw_cli.evaluation.metrics.word_error_rate import word_error_rate
from macaw_cli.evaluation.tasks.item import Answered, Item, Medium, user_turn
from macaw_cli.evaluation.tasks.row_reading import items_of_rows
from macaw_cli.evaluation.tasks.task import About, Measured, Task

ENDING = ".trans.txt"
SUFFIXES = (".flac", ".wav", ".ogg", ".opus", ".mp3")


class LibriSpeech(Task[LibriSpeechSettings]):
    """LibriSpeech (Panayotov et al., ICASSP 2015)."""

    about = About(
        what="transcripts of read English speech; any folder of the same layout will do",
        paper="LibriSpeech: an ASR Corpus Based on Public Domain Audio Books, ICASSP 2015",
        data="https://www.openslr.org/12",
        licence="CC BY 4.0",
        files="`path`: a folder such as `test-clean/` or the one above it, with files `*.trans.txt` and beside them the"
        " audio",
        figures="word and character error rate of the whole corpus, lower is better, in lower case and without"
        " punctuation but apostrophes inside words; `wer_normalised` after Whisper's normalisation of English; for all,"
        " and per folder such as `test-other`",
    )
    modalities = ("audio",)
    score_name = "wer"
    higher_is_better = False

    def items(self) -> Iterator[Item | InputError]:
        """Every utterance of every transcript below the folder."""
        files = sorted(self.path.rglob(f"*{ENDING}")) if self.path.is_dir() else [self.path]
        if not files:
            raise InputError(f"{self.path} holds no file *{ENDING}.", "Name the folder of the transcripts.")
        for file in files:
            yield from items_of_rows(file, text_lines(file), partial(self._item, file))

    def score(self, answered: Answered) -> float:
        """The word error rate of one utterance."""
        return word_error_rate([(answered.item.reference, answered.text)])

    def measure(self, answers: Sequence[Answered]) -> Measured:
        """Error rates of all utterances together."""
        pairs = [(answered.item.reference, answered.text) for answered in answers]
        return {
            "wer": word_error_rate(pairs),
            "wer_normalised": normalised_word_error_rate(pairs),
            "cer": character_error_rate(pairs),
        }

    def _item(self, file: Path, line: Any) -> Item:
        key, _, text = line.strip().partition(" ")
        if not text.strip():
            raise InputError("needs the name of an utterance and its transcript")
        audio = self._audio(file, key)
        return Item(
            id=key,
            messages=user_turn(self.asked(self.settings.question), (audio,)),
            media=(audio,),
            references=(text.strip(),),
            groups={"set": self._set_of(file)},
        )

    def _audio(self, file: Path, key: str) -> Medium:
        for suffix in SUFFIXES if "/" not in key else ():
            beside = file.parent / f"{key}{suffix}"
            if is_there(beside):
                return Medium("audio", beside, name=beside.name)
        raise InputError(f"there is no audio file {shown(key)}.flac beside it")

    def _set_of(self, file: Path) -> str:
        """The folder above those of speaker and chapter, which are numbers."""
        named = [part for part in file.relative_to(self.path.parent).parts[:-1] if not part.isdecimal()]
        return named[-1] if named else self.path.name

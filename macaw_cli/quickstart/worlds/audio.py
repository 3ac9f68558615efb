"""Audio files of one sound at a pitch, some times in a row."""

from pathlib import Path

import numpy as np

from macaw_cli.quickstart import attributes, questions
from macaw_cli.quickstart.attributes import AudioContent
from macaw_cli.quickstart.audio import write_wav
from macaw_cli.quickstart.questions import Question
from macaw_cli.quickstart.worlds.world import World, dealt


class AudioWorld(World):
    """WAV files."""

    modality, suffix, bytes_per_file = "audio", "wav", 100_000
    sample = "What sound is it?"

    def contents(self, count: int, rng: np.random.Generator, *, unseen: bool) -> list[AudioContent]:
        """Every combination as often as any other."""
        return dealt([one for one in attributes.all_audio() if (one in attributes.UNSEEN_AUDIO) == unseen], count, rng)

    def write(self, path: Path, content: AudioContent, rng: np.random.Generator) -> None:
        """As WAV."""
        write_wav(path, content, rng)

    def ask(self, content: AudioContent, rng: np.random.Generator) -> list[Question]:
        """About sound, pitch and count."""
        return questions.ask_about_audio(content, rng)

    def ask_in_training(self, content: AudioContent, rng: np.random.Generator) -> list[Question]:
        """For its caption."""
        return [questions.ask_for_description(content, rng)]

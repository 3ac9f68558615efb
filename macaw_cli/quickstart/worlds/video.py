"""Videos of one moving shape with a soundtrack."""

from pathlib import Path

import numpy as np

from macaw_cli.quickstart import attributes, questions
from macaw_cli.quickstart.attributes import VideoContent
from macaw_cli.quickstart.questions import Question
from macaw_cli.quickstart.videos import write_video
from macaw_cli.quickstart.worlds.world import World, dealt


class VideoWorld(World):
    """MP4 files."""

    modality, suffix, bytes_per_file = "video", "mp4", 30_000
    sample = "Which way does the shape move?"

    def contents(self, count: int, rng: np.random.Generator, *, unseen: bool) -> list[VideoContent]:
        """Every way as often as any other; as many videos that beep as do not."""
        ways = [way for way in attributes.all_movements() if attributes.is_unseen_movement(*way) == unseen]
        movements = dealt(ways, count, rng)
        sounds = [sound for sound in attributes.all_audio() if sound not in attributes.UNSEEN_AUDIO]
        beeps = dealt([sound for sound in sounds if sound.sound == "beep"], (count + 1) // 2, rng)
        others = dealt([sound for sound in sounds if sound.sound != "beep"], count // 2, rng)
        heard = [*beeps, *others]
        order = rng.permutation(count)
        return [VideoContent(*movement, heard[place]) for movement, place in zip(movements, order, strict=True)]

    def write(self, path: Path, content: VideoContent, rng: np.random.Generator) -> None:
        """As MP4."""
        write_video(path, content, rng)

    def ask(self, content: VideoContent, rng: np.random.Generator) -> list[Question]:
        """About direction, shape, and what beeps."""
        return questions.ask_about_video(content, rng)

    def ask_in_training(self, content: VideoContent, rng: np.random.Generator) -> list[Question]:
        """For its caption."""
        return [questions.ask_for_description(content, rng)]

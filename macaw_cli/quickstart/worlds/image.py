"""Images of one coloured shape at a place."""

from pathlib import Path

import numpy as np

from macaw_cli.quickstart import attributes, questions
from macaw_cli.quickstart.attributes import ImageContent
from macaw_cli.quickstart.images import draw_image
from macaw_cli.quickstart.questions import Question
from macaw_cli.quickstart.worlds.world import World, dealt


class ImageWorld(World):
    """PNG files."""

    modality, suffix, bytes_per_file = "image", "png", 8_000
    sample = "What colour is the shape?"

    def contents(self, count: int, rng: np.random.Generator, *, unseen: bool) -> list[ImageContent]:
        """Every combination as often as any other."""
        things = [one for one in attributes.all_images() if (one in attributes.UNSEEN_IMAGES) == unseen]
        return dealt(things, count, rng)

    def write(self, path: Path, content: ImageContent, rng: np.random.Generator) -> None:
        """As PNG."""
        draw_image(content, rng).save(path)

    def ask(self, content: ImageContent, rng: np.random.Generator) -> list[Question]:
        """About colour, shape and place."""
        return questions.ask_about_image(content, rng)

    def ask_in_training(self, content: ImageContent, rng: np.random.Generator) -> list[Question]:
        """For its caption."""
        return [questions.ask_for_description(content, rng)]

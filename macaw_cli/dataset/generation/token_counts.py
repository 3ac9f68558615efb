"""How many tokens a text has: by the user's tokenizer, else estimated from its length."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.dataset.generation.request import Message
from macaw_cli.dataset.generation.shown_media import FRAMES

CHARACTERS_PER_TOKEN = 4.0
"""Of English text with the tokenizers of current models; other scripts are counted by their UTF-8 bytes."""
_PER_MESSAGE = 4
"""Tokens that the chat template adds to each message."""
PART_TOKENS = {"image_url": 300, "input_audio": 300}
"""About what an image of 512 pixels, or 30 s of audio, costs with the models that publish a rule."""
Counter = Callable[[str], int]


def counter(tokenizer: Path | None) -> Counter:
    """A function that counts the tokens of a text.

    Args:
        tokenizer: folder of a tokenizer; None is the estimate.

    Raises:
        InputError: the folder holds none.
    """
    if tokenizer is None:
        return estimated_tokens
    file = tokenizer / "tokenizer.json"
    if not file.is_file():
        raise InputError(f"{tokenizer} has no tokenizer.json.", "generation.tokenizer names a folder that has one.")
    import tokenizers

    try:
        with open_regular(file) as content:
            loaded = tokenizers.Tokenizer.from_str(content.read().decode())
    except Exception as error:  # the library raises bare exceptions
        raise InputError(f"{file} is not a tokenizer: {error}.", "Save it again with transformers.") from error
    return lambda text: len(loaded.encode(text, add_special_tokens=False).ids)


def estimated_tokens(text: str) -> int:
    """Tokens of a text, from its length in UTF-8 bytes."""
    return -(-len(text.encode("utf-8", "replace")) // int(CHARACTERS_PER_TOKEN))


def prompt_tokens(messages: list[Message], count: Counter) -> int:
    """Tokens of a whole prompt, media included."""
    return sum(_PER_MESSAGE + _content_tokens(message["content"], count) for message in messages)


def _content_tokens(content: Any, count: Counter) -> int:
    if isinstance(content, str):
        return count(content)
    return sum(count(part["text"]) if part["type"] == "text" else PART_TOKENS[part["type"]] for part in content)


def media_tokens(media: Mapping[str, Sequence[str]]) -> int:
    """About what the media of an item cost when they are sent along.

    Args:
        media: modality to names.
    """
    each = {"image": PART_TOKENS["image_url"], "video": FRAMES * PART_TOKENS["image_url"]}
    return sum(each.get(modality, PART_TOKENS["input_audio"]) * len(names) for modality, names in media.items())


def without_media(messages: list[Message]) -> str:
    """The messages as JSON for people to read, media replaced by their type."""
    shown = [{**message, "content": _readable(message["content"])} for message in messages]
    return json.dumps(shown, ensure_ascii=False)


def _readable(content: Any) -> Any:
    if isinstance(content, str):
        return content
    return [part if part["type"] == "text" else {"type": part["type"]} for part in content]

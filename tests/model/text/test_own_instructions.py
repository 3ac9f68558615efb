"""What is asked about each medium is the user's text beside it, and nothing that the template writes."""

import pytest

from macaw_cli.basics.errors import MismatchError
from macaw_cli.model.text.own_instructions import asked_about

IMAGE, VIDEO = {"type": "image"}, {"type": "video"}


def said(*contents):
    """A conversation: user and assistant in turn."""
    return [{"role": ("user", "assistant")[at % 2], "content": content} for at, content in enumerate(contents)]


def text(words):
    return {"type": "text", "text": words}


@pytest.mark.parametrize(
    ("messages", "media", "expected"),
    [
        (said("What?"), ["image"], {"image": ["What?"]}),
        (said("What?"), [], {}),
        (said("What?", "That.", "And now?"), ["image", "image"], {"image": ["What?", "What?"]}),
        (said("Hello", "Hi.", [IMAGE, text("What?")]), ["image", "image"], {"image": ["Hello", "What?"]}),
        (said([text("This "), IMAGE, text("or"), IMAGE]), ["image"] * 2, {"image": ["This  or"] * 2}),
        (said([text("What?"), text("\n\nContext")]), ["video"], {"video": ["What?\n\nContext"]}),
        (said([IMAGE, VIDEO]), ["image", "video"], {"image": [""], "video": [""]}),
        ([{"role": "system", "content": "Be kind."}, *said("What?")], ["image"], {"image": ["What?"]}),
        ([{"role": "assistant", "content": "Hello!"}, *said("What?")], ["image"], {"image": ["What?"]}),
        ([*said("One."), *said([IMAGE, text("Two.")])], ["image"], {"image": ["One.\nTwo."]}),
    ],
)  # fmt: skip
def test_a_medium_is_asked_about_with_the_texts_of_its_user_turn(messages, media, expected):
    assert asked_about(messages, media) == expected


def test_more_positions_than_media_are_told():
    with pytest.raises(MismatchError, match="2 positions for image"):
        asked_about(said([IMAGE, IMAGE, text("What?")]), ["image"])

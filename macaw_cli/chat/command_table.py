"""The commands that can be typed into the chat, with their help."""

from collections.abc import Iterable
from dataclasses import dataclass

from macaw_cli.modalities.table import TABLE


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        help: what it does, behind what it takes.
        takes: nothing, the path of a medium or of another file, an example, the name of a setting, or text.
        needed: an example of what it takes, where it cannot be left out.
    """

    help: str
    takes: str = ""
    needed: str = ""


COMMANDS = {
    "/image": Command("PATH [QUESTION]: attach an image to the next question", "medium", "cat.png"),
    "/audio": Command("PATH [QUESTION]: attach an audio file", "medium", "rain.wav"),
    "/video": Command("PATH [QUESTION]: attach a video, with its soundtrack if it has one", "medium", "birds.mp4"),
    **{
        f"/{row.name}": Command(f"PATH [QUESTION]: attach {row.name}", "medium", row.example)
        for row in TABLE.values()
        if not row.original
    },
    "/example": Command(
        "[PATH] QUESTION => ANSWER: show the model an example first", "example", "cat.png What is this? => A cat."
    ),
    "/blind": Command("answer the last question again without any media, beside the answer"),
    "/swap": Command("PATH: answer it with another medium in the place of the last one, likewise", "medium", "dog.png"),
    "/regenerate": Command("answer the last question again"),
    "/undo": Command("take back the last attachment or question"),
    "/reset": Command("forget the conversation and all attachments (also /clear)"),
    "/system": Command("[TEXT]: show or set the system prompt; none: remove it", "text"),
    "/set": Command("[NAME VALUE]: show or change settings, such as /set temperature 0.2", "setting"),
    "/info": Command("show the model, the length of the conversation and what is attached"),
    "/save": Command("FILE: write the conversation to a JSON file", "file", "conversation.json"),
    "/load": Command("FILE: go on with a saved conversation", "file", "conversation.json"),
    "/help": Command("show this list"),
    "/exit": Command("leave (so does Ctrl-D)"),
}
"""In the order in which `/help` shows them."""
ALIASES = {"/clear": "/reset"}
KEYS = {
    "Ctrl-C": "stop the answer",
    "Alt-Enter": 'begin another line, as does Enter between """ and """',
    "Ctrl-R": "search what was typed before",
    "Tab": "complete a command or a path",
}
_MORE = (
    "A file that is dropped into the line is attached. A pasted block stays one message.",
    "// at the start of a line asks a question that begins with a slash.",
)


def shown_commands(modalities: Iterable[str] = ()) -> dict[str, Command]:
    """The commands that are offered: of media beside image, audio and video only those of the model.

    Args:
        modalities: of the model.
    """
    hidden = {f"/{name}" for name, row in TABLE.items() if not row.original} - {f"/{name}" for name in modalities}
    return {name: command for name, command in COMMANDS.items() if name not in hidden}


def help_lines(modalities: Iterable[str] = ()) -> list[str]:
    """The text of `/help`.

    Args:
        modalities: of the model.
    """
    shown = shown_commands(modalities)
    width = max(map(len, shown)) + 1
    commands = [f"{name:{width}}{command.help}" for name, command in shown.items()]
    return [*commands, *(f"{key:{width}}{text}" for key, text in KEYS.items()), *_MORE]

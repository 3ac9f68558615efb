"""`PATH?key=value&key=value`: a path with options behind it, as sources and tasks are written."""

from urllib.parse import unquote

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.shown_text import shown


def path_and_options(text: str, example: str) -> tuple[str, dict[str, str]]:
    """The path before the first `?`, and the options behind it; `%26` in a value is an `&`.

    Args:
        text: as it was typed. Whether a file has that name, question mark included, is for the caller to find out.
        example: of a right text, for the message.

    Raises:
        UsageError: an option is not of that form, or is given twice.
    """
    name, mark, behind = text.partition("?")
    if not mark or not name:
        return text, {}
    options: dict[str, str] = {}
    for pair in behind.split("&"):
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise UsageError(
                f"Options are written key=value behind a path, found {shown(pair)} in {shown(text)}.",
                f"For example {example}. An & inside a value is written %26.",
            )
        if key in options:
            raise UsageError(f"The option {shown(key)} of {shown(name)} is given twice.", "Give it once.")
        options[key] = unquote(value)
    return name, options

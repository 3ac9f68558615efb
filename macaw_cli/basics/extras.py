"""How an optional package is installed, in the words of a hint."""


def to_install(extra: str) -> str:
    """The commands that install an extra: of the published package, and from a clone.

    Args:
        extra: its name in pyproject.toml.
    """
    return f"pip install 'macaw-cli[{extra}]', or in a clone: pip install -c constraints.txt '.[{extra}]'"

"""Numbers of things in messages: "1 shard", "2 shards", "12,000 files"."""


def counted(number: float, noun: str, plural: str = "") -> str:
    """The number, with commas between thousands, and the noun in its form.

    Args:
        number: of things.
        noun: in the singular.
        plural: where it is not the noun and an s.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"

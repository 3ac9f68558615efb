"""Which process of how many this is, read from the launcher's environment; works before torch is imported."""

import os


def rank() -> int:
    """This process's number, 0 without a launcher."""
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    """How many processes train together, 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """True in the one process that prints and writes."""
    return rank() == 0

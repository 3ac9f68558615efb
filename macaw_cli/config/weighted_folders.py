"""`FOLDER[:WEIGHT]`: a folder of training shards, and how often an epoch takes each of its conversations."""

import math
import re

from macaw_cli.basics.errors import UsageError

WEIGHT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
HEAVIEST = 1000.0
"""Beyond this a weight is a slip of the keyboard: an epoch would be planned until memory is full."""


def split_weight(text: str) -> tuple[str, float]:
    """Folder and weight; 1 where none is given. A last part that is not a number belongs to the folder's name.

    Raises:
        UsageError: no folder, or a weight that is not above 0 and at most 1000.
    """
    folder, colon, last = text.rpartition(":")
    if not colon or not WEIGHT.fullmatch(last):
        folder, last = text, "1"
    weight = float(last)
    if not folder:
        example = "For example: macaw train dataset other:0.5"
        raise UsageError(f"Expected a dataset as FOLDER[:WEIGHT], found {text!r}.", example)
    if not 0 < weight <= HEAVIEST or not math.isfinite(weight):
        raise UsageError(
            f"The weight of the dataset {folder} must be above 0 and at most {HEAVIEST:.0f}, found {last}.",
            "2 uses each conversation twice per epoch; 0.5 uses a different half of them in each epoch.",
        )
    return folder, weight

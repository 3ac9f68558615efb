"""How COCO names its images: by an id of twelve digits, with the split in front in the files of 2014 and 2015."""

import re

_NAME = re.compile(r"(?:COCO_(?:train|val|test)20\d\d_)?(\d{12})(\.\w+)")
_SPLITS = ("train2014", "val2014", "test2014", "test2015")


def coco_name(image_id: int | str) -> str:
    """The name of an image that is known by its id alone: `000000000009.jpg` for 9. Other ids are names already."""
    text = str(image_id)
    return f"{int(text):012d}.jpg" if text.isascii() and text.isdigit() and len(text) <= 12 else text


def coco_spellings(name: str) -> list[str]:
    """Every other name that the same image has in one of COCO's releases; none for a name that is not COCO's.

    Ids are unique among all splits, and the images of 2017 are those of 2014 under shorter names.
    """
    match = _NAME.fullmatch(name.rpartition("/")[2])
    if not match:
        return []
    bare = "".join(match.groups())
    return [other for other in (bare, *(f"COCO_{split}_{bare}" for split in _SPLITS)) if other != name]

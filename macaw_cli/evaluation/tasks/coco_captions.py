"""`coco-captions`: captions of COCO's images, as COCO publishes them or in Karpathy's splits."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import json_lists
from macaw_cli.config.tasks.coco_captions import CocoCaptionsSettings
from macaw_cli.evaluation.metrics.chair import Described, chair
from macaw_cli.evaluation.tasks.captioning import FIGURES, CaptionTask
from macaw_cli.evaluation.tasks.item import Answered, Item, user_turn
from macaw_cli.evaluation.tasks.row_reading import items_of_rows, texts_of
from macaw_cli.evaluation.tasks.task import About, Measured


class CocoCaptions(CaptionTask[CocoCaptionsSettings]):
    """COCO Captions (Chen et al., arXiv 1504.00325); CHAIR (Rohrbach et al., arXiv 1809.02156)."""

    about = About(
        what="captions of images, five references each, and objects that are named but not there",
        paper="COCO Captions, arXiv 1504.00325; CHAIR, arXiv 1809.02156",
        data="https://cocodataset.org, splits: https://cs.stanford.edu/people/karpathy/deepimagesent",
        licence="CC BY 4.0; images under their own terms",
        files="`path`: `captions_val2014.json` or `dataset_coco.json`; beside it `instances_val2014.json` for CHAIR;"
        " `media`: `val2014/`, or the folder above",
        figures=f"{FIGURES}; with instances CHAIRi and CHAIRs, lower is better",
    )

    def items(self) -> Iterator[Item | InputError]:
        """Every image that has captions, of one split where the file has several."""
        objects = self._objects()
        if _of_coco(self.path):
            return self._of_coco(objects)
        rows = ((number, row) for _, number, row in json_lists(self.path, ("images",)))
        return items_of_rows(self.path, rows, lambda row: self._of_split(row, objects))

    def measure(self, answers: Sequence[Answered]) -> Measured:
        """The figures of captions, and CHAIR where the objects are known."""
        figures = super().measure(answers)
        if not all("objects" in answered.item.facts for answered in answers):
            return figures
        found = chair([Described(one.item.facts["objects"], one.item.references, one.text) for one in answers])
        return {**figures, "chair_i": found.per_object, "chair_s": found.per_caption}

    def _of_coco(self, objects: dict[str, frozenset[str]] | None) -> Iterator[Item | InputError]:
        captions: dict[str, list[str]] = defaultdict(list)
        for _, _, row in json_lists(self.path, ("annotations",)):
            if isinstance(row, dict) and isinstance(row.get("caption"), str):
                captions[str(row.get("image_id"))].append(row["caption"])

        def item(row: Any) -> Item | None:
            key, file = texts_of(row, "id", "file_name")
            return self._item(key, captions[key], objects, file) if captions.get(key) else None

        images = ((number, row) for _, number, row in json_lists(self.path, ("images",)))
        return items_of_rows(self.path, images, item)

    def _of_split(self, row: Any, objects: dict[str, frozenset[str]] | None) -> Item | None:
        split, file = texts_of(row, "split", "filename")
        if split != self.settings.split:
            return None
        sentences = row.get("sentences") or ()
        captions = [texts_of(sentence, "raw")[0] for sentence in sentences]
        if not captions:
            raise InputError("needs `sentences`, each with `raw`")
        key = str(row.get("cocoid", row.get("imgid", file)))
        return self._item(key, captions, objects, file, f"{row.get('filepath', '')}/{file}".lstrip("/"))

    def _item(
        self, key: str, captions: Sequence[str], objects: dict[str, frozenset[str]] | None, *files: str
    ) -> Item:  # fmt: skip
        split = next((part for part in files[0].split("_") if part.startswith(("train20", "val20", "test20"))), "")
        image = self.medium("image", *files, *([f"{split}/{files[0]}"] if split else []))
        return Item(
            id=key,
            messages=user_turn(self.asked(self.settings.question), (image,)),
            media=(image,),
            references=tuple(captions),
            facts={} if objects is None else {"objects": objects.get(key, frozenset())},
        )

    def _objects(self) -> dict[str, frozenset[str]] | None:
        """Categories of each image's instances; None where no file tells them."""
        file = self._instances()
        if file is None:
            return None
        names: dict[int, str] = {}
        found: dict[str, set[int]] = defaultdict(set)
        for kind, _, row in json_lists(file, ("categories", "annotations")):
            if not isinstance(row, dict):
                continue
            if kind == "categories":
                names[row.get("id", -1)] = str(row.get("name"))
            else:
                found[str(row.get("image_id"))].add(row.get("category_id", -1))
        return {key: frozenset(names[one] for one in some if one in names) for key, some in found.items()}

    def _instances(self) -> Path | None:
        if not self.settings.instances:
            beside = self.path.with_name(self.path.name.replace("captions_", "instances_"))
            return beside if beside != self.path and beside.is_file() else None
        named = self.path.parent / self.settings.instances
        if not named.is_file():
            raise InputError(f"There is no file {named}.", "`instances` names a file beside that of captions.")
        return named


def _of_coco(path: Path) -> bool:
    """Whether the captions stand in `annotations`, as COCO publishes them."""
    if not path.is_file():
        raise InputError(f"{path} is a folder.", "Name the file of captions.")
    return next(json_lists(path, ("annotations",)), None) is not None

"""The texts of experts in a dataset: `experts.jsonl`, one row per medium and expert."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.basics.typed_files import iterate_objects
from macaw_cli.basics.typed_rows import OBJECT, TEXT, TEXTS, Fields, list_of, one_of
from macaw_cli.modalities.table import MODALITIES, Modality
from macaw_cli.shards.told_media import TextUse, ToldMedium
from macaw_cli.shards.training_rows import MediaRef

EXPERTS_NAME = "experts.jsonl"
TEXT_ROW = Fields({"expert": TEXT, "modality": one_of(MODALITIES), "key": TEXT, "text": TEXT})
"""A row of `experts.jsonl`."""
DESCRIBED = list_of(Fields({"name": TEXT, "modalities": TEXTS, "options": OBJECT, "fingerprint": OBJECT}))
"""The experts of a dataset, as its `dataset.json` and the configuration of a model describe them."""


class ExpertTexts:
    """The texts of one dataset as a model reads them.

    Args:
        folder: of the dataset.
        use: which of its experts are read, and how.
    """

    def __init__(self, folder: Path, use: TextUse) -> None:
        self.use = use
        places = {name: at for at, name in enumerate(use.names)}
        found: dict[tuple[Modality, str], dict[int, str]] = {}
        for row in iterate_objects(folder / EXPERTS_NAME, TEXT_ROW) if use.names else ():
            if row["expert"] in places:
                found.setdefault((row["modality"], row["key"]), {})[places[row["expert"]]] = row["text"]
        self._texts = {
            medium: use.text([texts[place] for place in sorted(texts)]) for medium, texts in found.items()
        }

    def whole(self, media: Sequence[MediaRef]) -> tuple[MediaRef, ...]:
        """All media of a conversation, each with what the experts say of it."""
        return tuple(
            replace(ref, text=self._texts.get((ref.modality, ref.key), ""), fed=ref.modality not in self.use.replaced)
            for ref in media
        )


def told(media: Sequence[MediaRef]) -> tuple[ToldMedium, ...]:
    """Those media of a conversation of which experts say something."""
    return tuple(
        ToldMedium(ref.modality, ref.key, ref.text, ref.soundtrack_of is not None) for ref in media if ref.text
    )


def fed(media: Sequence[MediaRef]) -> tuple[MediaRef, ...]:
    """Those media of which the model gets features; a soundtrack keeps its video where that is among them."""
    kept = [at for at, ref in enumerate(media) if ref.fed]
    new: dict[int | None, int] = {old: at for at, old in enumerate(kept)}
    videos = [new.get(media[at].soundtrack_of) for at in kept]
    return tuple(replace(media[at], text="", soundtrack_of=video) for at, video in zip(kept, videos, strict=True))


def text_use(
    described: Sequence[Mapping[str, Any]], names: Sequence[str] | None, where: str, *, instead: bool = False,
    max_words: int = 200, system: str = "",
) -> TextUse:
    """What is read of the experts of a dataset.

    Args:
        described: the experts that the dataset has.
        names: of those that are read; None reads all.
        where: what has them, for the message.
        instead: whether the media that they describe are not fed.
        max_words: most words of one text.
        system: system text of a conversation with told media.

    Raises:
        InputError: an expert is named that the dataset does not have.
    """
    known = {one["name"]: one for one in described}
    for name in names or ():
        if name not in known:
            raise InputError(
                f"`expert_texts.names` has {name}, but {where} holds texts of {', '.join(known) or 'no experts'}.",
                f"Build it with `macaw build-dataset --experts {name}`, or leave {name} out.",
            )
    chosen = tuple(known) if names is None else tuple(names)
    if not chosen:
        return TextUse()
    covered = frozenset(modality for name in chosen for modality in known[name]["modalities"])
    return TextUse(chosen, covered if instead else frozenset(), max_words, system)


def use_identity(use: TextUse) -> str:
    """A hash that changes with what is read and how."""
    return fingerprint([list(use.names), sorted(use.replaced), use.max_words, use.system])


def require_same_experts(
    trained: Iterable[Mapping[str, Any]], found: Iterable[Mapping[str, Any]], model: str, dataset: str
) -> None:
    """Refuse a dataset without the experts of a model, or with other ones of the same names.

    Args:
        trained: the experts that the model was trained with.
        found: those of the dataset.
        model: what messages call the model.
        dataset: what they call the dataset.

    Raises:
        MismatchError: with the name of the expert.
    """
    there = {one["name"]: one["fingerprint"] for one in found}
    for one in trained:
        name = one["name"]
        if name not in there:
            raise MismatchError(
                f"{model} was trained with the texts of the expert {name}, which {dataset} does not hold.",
                f"Build the dataset with `macaw build-dataset --experts {name}`.",
            )
        if there[name] != one["fingerprint"]:
            differing = next(key for key in {**there[name], **one["fingerprint"]}
                             if there[name].get(key) != one["fingerprint"].get(key))  # fmt: skip
            raise MismatchError(
                f"{model} was trained with another expert {name} than that of {dataset}: {differing} differs.",
                "Build the dataset with the options and the model of that expert.",
            )

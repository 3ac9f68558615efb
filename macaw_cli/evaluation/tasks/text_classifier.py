"""A text classifier of transformers, from a local folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.shown_text import shown
from macaw_cli.encoders.frozen import torch_device
from macaw_cli.encoders.pretrained import load_model_class, load_tokenizer
from macaw_cli.encoders.source import quiet_transformers, trouble_is_told

TOXIC_LABELS = ("toxic", "toxicity")
BATCH, DIGITS = 32, 6
LONGEST = 512
"""Most tokens of a text that are read, where the classifier does not say less."""


class TextClassifier:
    """Gives texts the probability of one label; a text is read once.

    Args:
        folder: of the classifier and its tokenizer.
        label: whose probability is wanted; empty means the one that is called `toxic` or `toxicity`.

    Raises:
        InputError: there is no such folder, no classifier in it, or it has no such label.
    """

    def __init__(self, folder: Path, label: str = "") -> None:
        from transformers import AutoModelForSequenceClassification

        if not folder.is_dir():
            raise InputError(
                f"There is no classifier at {folder}.", "Name its folder with the option classifier=FOLDER."
            )
        with trouble_is_told(folder), quiet_transformers():
            model, found = load_model_class(AutoModelForSequenceClassification, folder, output_loading_info=True)
        if missing := sorted(found["missing_keys"]):
            raise InputError(
                f"{folder} is no finished classifier: it has no weights for {missing[0]}.",
                "Name the folder of a model that was trained to classify text.",
            )
        self._model: Any = model.to(torch_device("auto")).eval()
        self._tokenizer: Any = load_tokenizer(folder)
        self._label = _place_of(label, dict(model.config.id2label), folder)
        self._known: dict[str, float] = {}

    def probabilities(self, texts: Sequence[str]) -> list[float]:
        """The probability of the label for each text: a sigmoid where labels do not exclude each other, else a softmax.

        Args:
            texts: any number.
        """
        unread = sorted({text for text in texts if text not in self._known}, key=len)
        for start in range(0, len(unread), BATCH):
            batch = unread[start : start + BATCH]
            self._known |= dict(zip(batch, self._read(batch), strict=True))
        return [self._known[text] for text in texts]

    @torch.inference_mode()
    def _read(self, texts: Sequence[str]) -> list[float]:
        longest = min(int(getattr(self._model.config, "max_position_embeddings", LONGEST)), LONGEST)
        rows = self._tokenizer(
            [text or " " for text in texts], padding=True, truncation=True, max_length=longest, return_tensors="pt"
        ).to(self._model.device)
        logits = self._model(input_ids=rows["input_ids"], attention_mask=rows["attention_mask"]).logits.float()
        several = self._model.config.problem_type == "multi_label_classification" or logits.shape[-1] == 1
        probabilities = logits.sigmoid() if several else logits.softmax(-1)
        return [round(float(value), DIGITS) for value in probabilities[:, self._label]]


def _place_of(label: str, labels: dict[int, str], folder: Path) -> int:
    wanted = (label.lower(),) if label else TOXIC_LABELS
    for place, name in labels.items():
        if name.lower() in wanted:
            return place
    if not label and len(labels) == 1:
        return next(iter(labels))
    named = ", ".join(shown(name) for name in labels.values())
    raise InputError(
        f"The classifier {folder} has no label {' or '.join(wanted)}; it has {named}.",
        "Name the one for toxic text with the option label=NAME.",
    )

"""What somebody does who has transformers and an exported folder: the folder's class, its processor, its template.

`python -m macaw_cli.export.proving.stock_answers FOLDER SCRATCH CLASS` is the fresh process of the proof of a stock
format. It knows nothing of macaw's models.
"""

import sys
from typing import Any

import transformers
from transformers import AutoProcessor

from macaw_cli.export.proving.answers import Answer, answered
from macaw_cli.export.proving.examples import ProofExample
from macaw_cli.export.proving.exchange import answer_all


def main(folder: str, scratch: str, class_name: str) -> None:
    """Answer the examples in `scratch`."""
    model = getattr(transformers, class_name).from_pretrained(folder).eval()
    processor = AutoProcessor.from_pretrained(folder)
    template = processor.chat_template or processor.tokenizer.chat_template

    def answer(example: ProofExample) -> Answer:
        inputs = processor.apply_chat_template(
            conversation(example), chat_template=template, add_generation_prompt=True, tokenize=True, return_dict=True,
            return_tensors="pt",
        )  # fmt: skip
        return answered(model, inputs.to(model.device, model.dtype))

    answer_all(scratch, answer)


def conversation(example: ProofExample) -> list[dict[str, Any]]:
    """The messages as stock processors take them: contents are parts, and media are in them."""
    media = [{"type": modality, modality: medium} for modality, medium in example.media]
    messages = []
    for message in example.messages:
        parts = message["content"]
        parts = [{"type": "text", "text": parts}] if isinstance(parts, str) else parts
        filled = [part if part["type"] == "text" else media.pop(0) for part in parts]
        messages.append({**message, "content": filled})
    first = next(message for message in messages if message["role"] == "user")
    first["content"] = [*media, *first["content"]]  # those without a position of their own
    return messages


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The tokenizer of a bridge that reads the instruction in other tokens than the LLM's: BERT's, of an InstructBLIP.

A model holds it as text, in the JSON form of the library `tokenizers`, in its configuration; see `saved_config`.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.modalities.table import Modality

if TYPE_CHECKING:
    from macaw_cli.model.configuration import MacawConfig

PROBE = "What is Unusual about this image? It's na\u00efve;  2\u00d73."
"""Letters of both cases, an accent, signs and white space: what tokenizers treat differently."""
ROLES = {
    "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]",
    "bos_token": "[DEC]",
}  # fmt: skip
"""What the tokenizers of BERT, and of published Q-Formers, call their special tokens."""


class InstructionTokenizer:
    """Text to ids, the special tokens around it included. One that the text spells stays text.

    Args:
        content: JSON of `tokenizers`.

    Raises:
        DamagedError: it describes no tokenizer.
    """

    def __init__(self, content: str) -> None:
        try:
            self._tokenizer = Tokenizer.from_str(content)
        except Exception as error:  # the library raises nothing narrower
            raise DamagedError(
                "The file with the tokenizer of the model's bridge describes none.", "Restore it from a copy."
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True

    @property
    def largest_id(self) -> int:
        """The largest id that it can give."""
        return max(self._tokenizer.get_vocab(with_added_tokens=True).values(), default=0)

    def ids(self, text: str) -> list[int]:
        """The ids of a text; of one that is too long those of its beginning or its end, as the tokenizer says."""
        found: list[int] = self._tokenizer.encode(text).ids
        return found


def instruction_tokenizer(config: "MacawConfig", modality: Modality) -> InstructionTokenizer | None:
    """The tokenizer of the bridge of a modality; None where the bridge reads ids of the LLM's, or no instruction."""
    content = config.instruction_tokenizers.get(modality)
    return None if content is None else _made(content)


@lru_cache(maxsize=8)
def _made(content: str) -> InstructionTokenizer:
    return InstructionTokenizer(content)


def saved_tokenizer(tokenizer: Any, longest: int) -> str:
    """A tokenizer of transformers in the form in which a model holds it.

    Args:
        tokenizer: of an encoder of text.
        longest: tokens of a text that are kept, special tokens included, on the tokenizer's `truncation_side`.

    Raises:
        InputError: it cannot be written as JSON, or does more than its JSON says.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        kept = Tokenizer.from_str(backend.to_str())
        kept.no_padding()
        kept.enable_truncation(longest, direction=tokenizer.truncation_side)
        content: str = kept.to_str()
        expected = tokenizer(PROBE, truncation=True, max_length=longest).input_ids
        if InstructionTokenizer(content).ids(PROBE) == expected:
            return content
    raise InputError(
        f"The Q-Former's tokenizer is of the type {type(tokenizer).__name__}, which macaw cannot keep in a model.",
        "Save it with a newer transformers, as a BertTokenizer, and try again.",
    )


def stock_tokenizer(content: str) -> Any:
    """A tokenizer of transformers of which `saved_tokenizer` makes the same content.

    Args:
        content: as a model holds it.

    Raises:
        DamagedError: it describes no tokenizer.
    """
    from transformers import PreTrainedTokenizerFast

    InstructionTokenizer(content)  # or an error
    made = Tokenizer.from_str(content)
    cut: dict[str, Any] = made.truncation or {}
    made.no_truncation()  # a call of the tokenizer says whether it truncates
    known = made.get_vocab(with_added_tokens=True)
    roles: dict[str, Any] = {role: token for role, token in ROLES.items() if token in known}
    if cut:
        roles |= {"truncation_side": cut["direction"], "model_max_length": cut["max_length"]}
    return PreTrainedTokenizerFast(tokenizer_object=made, **roles)

"""What a `generation_config.json` must hold, of whichever LLM: transformers takes its values as they stand."""

from pathlib import Path

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.regular_files import open_regular
from macaw_cli.basics.typed_rows import COUNT, FLAG, NUMBER, Fields, Kind, either, list_of

NAME = "generation_config.json"
_ID = Kind("a token id", int, range(-1, 1 << 31).__contains__)
"""Some models say -1 for none."""
_KIND = Fields(
    {},
    {"eos_token_id": either(_ID, list_of(_ID)), "bos_token_id": either(_ID, list_of(_ID)),
     "pad_token_id": either(_ID, list_of(_ID)), "do_sample": FLAG, "temperature": NUMBER, "top_p": NUMBER,
     "min_p": NUMBER, "typical_p": NUMBER, "repetition_penalty": NUMBER, "length_penalty": NUMBER, "top_k": COUNT,
     "max_length": COUNT, "max_new_tokens": COUNT, "min_length": COUNT, "min_new_tokens": COUNT, "num_beams": COUNT,
     "num_return_sequences": COUNT, "no_repeat_ngram_size": COUNT, "use_cache": FLAG, "output_attentions": FLAG,
     "output_hidden_states": FLAG, "output_scores": FLAG, "return_dict_in_generate": FLAG},
)  # fmt: skip


def require_usable_generation(folder: Path) -> None:
    """Check the file of a model folder, where it has one.

    Raises:
        InputError: a value is of another type than text can be generated with.
    """
    file = folder / NAME
    if not file.is_file():
        return
    with open_regular(file) as content:
        found = parse_json(content.read(), str(file))
    if not _KIND.holds(found):
        problem = f"{file} cannot be used: {_KIND.fault(found, '')}."
        raise InputError(problem, "Correct it, or delete it: then the defaults hold.")

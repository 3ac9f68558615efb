"""How an answer is generated, as a request says it: the same words in both APIs."""

import secrets
from typing import Any, get_args

from macaw_cli.inference.constraints import ConstraintName
from macaw_cli.inference.sampling import Sampling
from macaw_cli.serving.api_errors import ApiError
from macaw_cli.serving.requests.fields import Fields

KNOWN = frozenset(("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "seed"))
"""The last four but the seed are not OpenAI's; other open servers take them as well."""
_NUMBERS: dict[str, ConstraintName] = {name: name for name in get_args(ConstraintName)}
"""Type of a JSON schema to the constraint that keeps to it."""
_GREEDY_BELOW = 1e-3
"""A temperature that divides logits beyond what fp32 holds means the likeliest token."""
SEEDS = 1 << 63
"""Seeds of answers are below it."""


def sampling_of(fields: Fields) -> Sampling:
    """How tokens are chosen; what the request leaves open is as the model's `generation_config` says.

    Raises:
        ApiError: a value is out of its range.
    """
    temperature = fields.number("temperature", 0.0, 2.0)
    top_p = fields.number("top_p", 0.0, 1.0)
    top_k = fields.integer("top_k", -1)
    min_p = fields.number("min_p", 0.0, 1.0)
    penalty = fields.number("repetition_penalty", 0.01, 100.0)
    if top_p == 0 or (temperature is not None and temperature < _GREEDY_BELOW):
        return Sampling(temperature=0, repetition_penalty=penalty)
    likeliest = top_k if top_k is not None and top_k > 0 else None
    return Sampling(temperature=temperature, top_p=top_p, top_k=likeliest, min_p=min_p, repetition_penalty=penalty)


def constraint_of(found: Any, place: str) -> ConstraintName | None:
    """The form that an answer has: any text, or a number, as a JSON schema of the type `number` or `integer` says it.

    Args:
        found: the field's value.
        place: its name, such as `response_format`.

    Raises:
        ApiError: it is another form.
    """
    if found is None:
        return None
    fields = Fields(found, place)
    kind = fields.text("type")
    if kind == "text":
        return None
    if kind == "json_schema":
        inner = fields.get("json_schema")
        schema = inner.get("schema") if isinstance(inner, dict) else None
        if isinstance(schema, dict) and isinstance(schema.get("type"), str) and schema["type"] in _NUMBERS:
            return _NUMBERS[schema["type"]]
    told = "Answers are plain text, or with a JSON schema of the type number or integer a number."
    message = f"{place} is not supported by this server. {told}"
    raise ApiError(message, param=place, code="unsupported_parameter")


def seed_of(fields: Fields) -> int:
    """The seed of the first answer; one at random where the request names none.

    Raises:
        ApiError: it is no whole number of 64 bits.
    """
    seed = fields.integer("seed", -SEEDS, SEEDS - 1)
    return secrets.randbelow(SEEDS) if seed is None else seed % SEEDS

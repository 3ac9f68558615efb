"""What the settings of every task have."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from macaw_cli.basics.plain_names import is_plain_name

Condition = Literal["real", "none", "told", "swapped"]
Way = Literal["generated", "likeliest"]
SLOT = "{question}"


def _split(value: Any) -> Any:
    """A text of names with commas, as an option of `--task` holds it, is a list."""
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


def with_real(value: Sequence[Condition]) -> Sequence[Condition]:
    """The conditions as they are.

    Raises:
        ValueError: `real` is not among them, or one stands twice.
    """
    if "real" not in value or len(set(value)) < len(value):
        raise ValueError("must hold `real`, and each condition once")
    return value


def _has_slot(value: str) -> str:
    if SLOT not in value:
        raise ValueError(f"must hold {SLOT}, the place of the question")
    return value


def _is_title(value: str) -> str:
    if value and not is_plain_name(value):
        raise ValueError("must be a plain name, as a folder is called by it")
    return value


names = BeforeValidator(_split)
"""For a list that may be written as text with commas."""
Prompt = Annotated[str, AfterValidator(_has_slot)]
"""What the user turn says; a subclass says what `{question}` stands for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSettings:
    """One task; a subclass gives its field `name` the task's name as default, and adds options of its own."""

    name: str = ""
    # described here because pydantic finds the strings under fields only in the class that is asked for
    path: Annotated[str, Field(description="The published file, or the folder of the published files.")] = ""
    media: Annotated[
        str, Field(description="Folder of the media files; empty means the folder of `path`.")
    ] = ""
    title: Annotated[
        str, AfterValidator(_is_title),
        Field(description="Name of the results; needed where a task is given twice. Empty means the task's name."),
    ] = ""  # fmt: skip
    prompt: Annotated[
        Prompt, Field(description="What the user turn says; `{question}` is what the task asks.")
    ] = SLOT  # fmt: skip
    answer: Annotated[
        Way,
        Field(
            description="`generated`: the answer is what the model generates; `likeliest`: it is the likeliest choice,"
            " where a question has choices."
        ),
    ] = "generated"
    max_new_tokens: Annotated[int, Field(ge=1, description="Longest generated answer in tokens.")] = 16
    conditions: Annotated[
        tuple[Condition, ...], names, AfterValidator(with_real),
        Field(description="Under which the questions are asked, of `real`, `none`, `told`, `swapped`."),
    ] = ("real", "none", "swapped")  # fmt: skip
    limit: Annotated[
        int | None,
        Field(ge=1, description="Most questions of each kind; `null` means `evaluation.limit`. Also written `#N`."),
    ] = None

    PATHS: ClassVar[tuple[str, ...]] = ("path", "media")
    """The fields that are paths: a subclass with more of them names them all."""

    @property
    def called(self) -> str:
        """Name of the results."""
        return self.title or self.name

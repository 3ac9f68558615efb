"""What a family of checkpoints is: where its parts are, and what macaw calls them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from macaw_cli.basics.errors import InputError
from macaw_cli.config.bridges.entry import BridgeDesign
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.pretrained import load_config, load_model_class
from macaw_cli.encoders.source import trouble_is_told
from macaw_cli.export.companions import Companions
from macaw_cli.export.families.names import Pairs, ours_of, theirs_of
from macaw_cli.modalities.table import EncoderRole


@dataclass(frozen=True)
class Description:
    """A checkpoint in macaw's terms."""

    llm: Any
    """Configuration of the LLM."""
    encoder: Any
    """Configuration of the encoder."""
    settings: EncoderSettings
    """Which output of the encoder the bridge reads."""
    bridge: BridgeDesign
    """Settings of the bridge."""
    before: Sequence[int] = ()
    """Ids of the LLM's vocabulary in front of a medium's soft tokens."""
    after: Sequence[int] = ()
    """Ids behind them."""


@dataclass(frozen=True)
class Original:
    """What the files of a checkpoint hold."""

    weights: Mapping[str, Tensor]
    """By the names of `Family.names`."""
    generation: Any = None
    """The `GenerationConfig`, if there is one."""
    ignored: Sequence[str] = ()
    """Names in the files that the original does not use itself."""


class Family(ABC):
    """One family. All of macaw's have an encoder, a bridge and an LLM, and read one modality."""

    name: ClassVar[str]
    """As in `--from`."""
    model_types: ClassVar[tuple[str, ...]]
    """`model_type` of each config.json that it reads."""
    modality: ClassVar[EncoderRole]
    """What the checkpoints read besides text; also the role of their encoder."""
    class_name: ClassVar[str]
    """The class of transformers that holds a checkpoint."""
    names: ClassVar[Pairs]
    """Beginnings of the original's names, and what they are in a macaw model: for import and export alike."""
    unused: ClassVar[str] = r"(?!)"
    """Pattern of the original's names that the computation of logits does not need."""
    left_out: ClassVar[tuple[str, ...]] = ()
    """Beginnings of a macaw model's names that the original does not have and its logits do not need."""
    chat_template: ClassVar[str] = ""
    """For a folder whose tokenizer brings none; empty takes the Alpaca template."""
    begins_behind_media: ClassVar[bool] = False
    """Whether the token that begins a text stands behind the media instead of in front of everything."""
    line_behind_media: ClassVar[bool] = True
    """Whether a line ends between the media and the question."""
    options: ClassVar[tuple[str, ...]] = ()
    """Options of the command, beside the general ones, that it reads."""
    note: ClassVar[str] = ""
    """What is told after every import."""

    @classmethod
    def config(cls, folder: Path, companions: Companions) -> Any:
        """The configuration of the original.

        Args:
            folder: of the checkpoint.
            companions: models that it only names.
        """
        return load_config(folder)

    @classmethod
    @abstractmethod
    def describe(cls, config: Any, tokenizer: Any) -> Description:
        """The checkpoint in macaw's terms.

        Raises:
            InputError: it has a form that macaw cannot compute.
        """

    @classmethod
    def read(cls, folder: Path, config: Any) -> Original:
        """The weights, under the names that the class of transformers gives them, whatever they are in the files.

        Raises:
            InputError: weights are missing, damaged, or not in safetensors.
        """
        import transformers

        kind = getattr(transformers, cls.class_name)
        with trouble_is_told(folder):
            model, found = load_model_class(
                kind, folder, config=config, dtype="auto", output_loading_info=True, ignore_mismatched_sizes=True
            )
        require_shapes(folder, {name: (there, said) for name, there, said in found["mismatched_keys"]})
        require_all(folder, found["missing_keys"])
        return Original(model.state_dict(), getattr(model, "generation_config", None), sorted(found["unexpected_keys"]))

    @classmethod
    def completed(cls, weights: dict[str, Tensor], config: Any) -> dict[str, Tensor]:
        """The weights under macaw's names, with what the original leaves out because it is zero.

        Args:
            weights: under macaw's names.
            config: of the original.
        """
        del config
        return weights

    @classmethod
    def processor(cls, folder: Path, config: Any) -> Any:
        """What prepares media; None takes the encoder's way to find it in the folder."""
        return None

    @classmethod
    def instruction_tokenizer(cls, folder: Path) -> str:
        """The tokenizer in whose tokens the bridge reads the question, as JSON; empty where it reads none.

        Args:
            folder: of the checkpoint.
        """
        return ""

    @classmethod
    def renamed(cls, name: str, llm: str) -> str | None:
        """The macaw model's name of an original weight; None for one that the model does not need.

        Args:
            name: the original's.
            llm: what the LLM's class calls the LLM without its head.
        """
        return ours_of(cls.names, name, llm)

    @classmethod
    def original_name(cls, name: str, llm: str) -> str | None:
        """The original's name of a weight of the macaw model; None for one that the original does not have."""
        return theirs_of(cls.names, name, llm)


def require_shapes(folder: Path, wrong: Mapping[str, tuple[Sequence[int], Sequence[int]]]) -> None:
    """Refuse a checkpoint whose weights have other shapes than its config.json says.

    Args:
        folder: of the checkpoint.
        wrong: name of each such weight to its shape and the one that config.json asks for.

    Raises:
        InputError: with the first of them.
    """
    if wrong:
        name, (there, said) = min(wrong.items())
        more = f", and so on: {len(wrong)} in all" if len(wrong) > 1 else ""
        raise InputError(
            f"The weights in {folder} have other shapes than its config.json says: {name} is {tuple(there)}, and not "
            f"{tuple(said)}{more}.",
            "config.json and the weights are not of the same checkpoint. Download all of its files again.",
        )


def require_all(folder: Path, missing: Sequence[str]) -> None:
    """Refuse a checkpoint that lacks weights.

    Raises:
        InputError: with the names of the first ones.
    """
    if missing:
        first = ", ".join(sorted(missing)[:3]) + ("" if len(missing) <= 3 else f" and {len(missing) - 3} more")
        raise InputError(
            f"{folder} lacks weights that its config.json asks for: {first}.", "Download all of its files again."
        )


def refused(what: str, found: Any, expected: str) -> InputError:
    """The error for a form of a checkpoint that macaw cannot compute.

    Args:
        what: the key of config.json.
        found: its value.
        expected: what macaw can compute.
    """
    return InputError(f"The checkpoint has {what} = {found!r}; macaw can import {expected}.", "Choose another one.")


def token_id(tokenizer: Any, token: str) -> int:
    """The id of one token.

    Raises:
        InputError: the tokenizer does not have it.
    """
    found: int | None = tokenizer.get_vocab().get(token)
    if found is None:
        problem = f"The checkpoint's tokenizer lacks the token {token}."
        raise InputError(problem, "Download its tokenizer files again.")
    return found

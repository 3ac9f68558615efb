"""What the formats for classes of transformers have in common: one checkpoint that the class loads by itself.

The LLM's weights, the encoder's and the bridge's get the names that the class has for them, by the same table by which
its checkpoints are imported. Adapters are merged already: a model of macaw is saved so.
"""

from abc import abstractmethod
from copy import deepcopy
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from torch import Tensor

from macaw_cli.basics.errors import MismatchError, UsageError
from macaw_cli.config.exports.base import ExportSettings
from macaw_cli.export.export_report import AROUND
from macaw_cli.export.families.family import Family
from macaw_cli.export.formats.format import ExportFormat
from macaw_cli.export.formats.stock.card import stock_card, stock_snippet
from macaw_cli.export.formats.stock.folder_template import folder_template
from macaw_cli.export.formats.stock.llm_fit import llm_obstacles
from macaw_cli.export.formats.stock.media_tokens import MediaTokens, TokenNames, add_media_tokens, let_template_begin
from macaw_cli.export.formats.stock.weights import stock_weights
from macaw_cli.export.importing.published.names import summarised
from macaw_cli.export.model_card import figures_of
from macaw_cli.export.proving.answers import Answer
from macaw_cli.export.proving.exchange import answers_of_child
from macaw_cli.export.proving.proof import LIMITS, Proof, compare
from macaw_cli.export.source import ExportSource
from macaw_cli.model.bridges.registry import bridge_class
from macaw_cli.model.bridges.stock_loaders import StockLoader
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.model.text.rendering import render_chat

Options = TypeVar("Options", bound=ExportSettings)
QUESTION = "What is it?"


class StockExport(ExportFormat[Options]):
    """One class of transformers that reads one modality."""

    stock_class: ClassVar[str]
    family: ClassVar[type[Family]]
    """Its checkpoints, as they are imported: the table of names."""
    tokens: ClassVar[TokenNames]
    """What its processor finds in the text."""
    whole_llm: ClassVar[bool] = False
    """Whether the class holds the LLM's own class with its head; else a plain head stands beside the LLM."""

    always_media: ClassVar[bool] = False
    """Whether the class cannot be asked without a medium."""

    template_of_tokenizer: ClassVar[bool] = False
    """Whether the folder's processor is of a class that keeps no chat template, so that the tokenizer's is named."""

    def __init__(self, settings: Options) -> None:
        super().__init__(settings)
        self._around: dict[str, list[list[int]]] = {}

    def is_meant_for(self, config: MacawConfig) -> bool:
        """Where a bridge of the model is one that the class has."""
        return any(self._loader(config, modality) for modality in config.modalities)

    def obstacles(self, config: MacawConfig) -> list[str]:
        """Bridge, encoder and LLM have to be those that the class has, and there is nothing else."""
        modality = self.family.modality
        if modality not in config.modalities:
            return [f"{self.stock_class} reads {modality}, which the model was not trained on"]
        loader = self._loader(config, modality)
        if loader is None:
            design = config.bridge_settings(modality).name
            return [f"{self.stock_class} has no {modality} bridge of the design {design}"]
        told = loader.obstacles(config, modality)
        told += ["every example holds null features"] if config.null_features else []
        return told + ([] if self.whole_llm else llm_obstacles(config.text_config))

    def text_obstacles(self, encoder: ConversationEncoder) -> list[str]:
        """The tokenizer has to make the same tokens of a whole prompt as macaw makes of its parts."""
        modality = self.family.modality
        if encoder.template == "as_published" or modality not in encoder.config.modalities:
            return ["the model's template is as_published"] if encoder.template == "as_published" else []
        tokenizer = deepcopy(encoder.tokenizer)
        tokens = self._add_tokens(tokenizer, encoder.config)
        try:
            medium = (modality, encoder.config.feature_shapes[modality])
            ours = encoder.with_one_placeholder().prompt([{"role": "user", "content": QUESTION}], [medium])
            text = self._prepare(tokenizer, encoder, tokens)
        except UsageError as error:
            return [error.problem.rstrip(".")]
        media = {encoder.config.soft_token_ids[modality]: tokenizer.convert_tokens_to_ids(tokens.placeholder)}
        expected = [(media | tokens.place_of).get(one, one) for one in ours.input_ids]
        if told := self.prompt_obstacles(text):
            return told
        if tokens.ids(tokenizer, text) == expected:
            return []
        return ["the model's tokenizer makes other tokens of a prompt as a whole than of the text around a medium"]

    def prompt_obstacles(self, text: str) -> list[str]:
        """What about a prompt keeps the class from reading it as the model does, in a few words; none by default.

        Args:
            text: the question `QUESTION` about one medium, as the folder's chat template writes it.
        """
        del text
        return []

    def placeholders(self, config: MacawConfig) -> int:
        """How many placeholders the template writes for one medium: 1 where the processor writes the others.

        Args:
            config: of the model.
        """
        del config
        return 1

    def _add_tokens(self, tokenizer: Any, config: MacawConfig) -> MediaTokens:
        return add_media_tokens(tokenizer, config, self.family.modality, self.tokens, self.placeholders(config))

    def _prepare(self, tokenizer: Any, encoder: ConversationEncoder, tokens: MediaTokens) -> str:
        """Give a tokenizer the folder's chat template; returns a prompt as an example."""
        tokenizer.chat_template = folder_template(encoder, self.family.modality, tokens.written)
        parts = [{"type": self.family.modality}, {"type": "text", "text": QUESTION}]
        text = render_chat(tokenizer, [{"role": "user", "content": parts}], add_generation_prompt=True)
        if not tokens.in_front:
            let_template_begin(tokenizer, text)
        return text

    def write(self, source: ExportSource, folder: Path) -> None:
        """The checkpoint, its processor and its chat template."""
        import transformers

        prepares = source.attach_encoders()
        model, tokenizer = source.model, deepcopy(source.processor.tokenizer)
        tokens = self._add_tokens(tokenizer, model.config)
        self._prepare(tokenizer, source.processor.encoder, tokens)
        size = max(model.config.vocabulary_size, len(tokenizer))
        config = self.config(model, tokens, tokenizer)
        config.text_config.vocab_size = size
        kind = getattr(transformers, self.stock_class)
        weights = self.bridge_weights(model, stock_weights(self.family, model, tokens, size))
        made, found = kind.from_pretrained(
            None, trust_remote_code=False, config=config, state_dict=weights, dtype=model.dtype,
            output_loading_info=True,
        )  # fmt: skip
        self._require_all(found)
        made.generation_config = self._generation(source, tokens)
        made.save_pretrained(folder)
        processor = self.processor(prepares, tokenizer, model.config)
        processor.chat_template = tokenizer.chat_template
        processor.save_pretrained(folder)
        around = [tokenizer.convert_tokens_to_ids(list(side)) for side in (tokens.before, tokens.after)]
        self._around = {self.family.modality: around}

    @abstractmethod
    def config(self, model: Any, tokens: MediaTokens, tokenizer: Any) -> Any:
        """The class's configuration, its parts being copies.

        Args:
            model: with its encoder.
            tokens: of the medium.
            tokenizer: with these tokens.
        """

    @abstractmethod
    def processor(self, prepares: Any, tokenizer: Any, config: MacawConfig) -> Any:
        """The class's processor.

        Args:
            prepares: macaw's processor, with what prepares raw media.
            tokenizer: with the tokens of the medium.
            config: of the model, the encoder's inside.
        """

    def bridge_weights(self, model: Any, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights under the class's names, with what the model does not hold because it is zero or one."""
        del model
        return weights

    def prove(self, source: ExportSource, folder: Path) -> Proof:
        """Logits of the LLM's own tokens and greedy answers, from raw media, through the stock processor."""
        asked = self.asked(source)
        examples, own = [source.examples[at] for at in asked], [source.expected[at] for at in asked]
        answers = answers_of_child("macaw_cli.export.proving.stock_answers", folder, examples, [self.stock_class])
        known = min(len(source.processor.tokenizer), source.model.config.vocabulary_size)
        expected = [Answer(one.logits[:, :known], one.greedy) for one in own]
        return compare(expected, answers, examples, LIMITS[source.dtype], self.loader)

    def asked(self, source: ExportSource) -> list[int]:
        """Which of the examples the class can be asked."""
        return [at for at, one in enumerate(source.examples) if one.media or not self.always_media]

    def notes(self, source: ExportSource) -> list[str]:
        """Where the class cannot be asked without a medium."""
        del source
        return [f"The class needs {self.family.modality} in every question."] * self.always_media

    def card(self, source: ExportSource, name: str, proof: Proof) -> str:
        """README.md, with Python for somebody who has transformers alone."""
        parameters = sum(parameter.numel() for parameter in source.model.parameters())
        figures = figures_of(source.folder)
        snippet = stock_snippet(self.stock_class, self.family.modality, of_tokenizer=self.template_of_tokenizer)
        return stock_card(name, self.stock_class, source.model.config, parameters, proof, figures, snippet)

    def report(self) -> dict[str, Any]:
        """The ids around a medium, which an import needs to know again."""
        return {AROUND: self._around}

    def next_command(self, folder: Path) -> list[str]:
        """It can be looked at, and be imported again."""
        return ["inspect", str(folder)]

    def _loader(self, config: MacawConfig, modality: Any) -> StockLoader | None:
        known = bridge_class(config.bridge_settings(modality).name).stock_loaders
        return next(
            (one for one in known if one.name == self.stock_class and one.modality == modality), None
        )

    def _generation(self, source: ExportSource, tokens: MediaTokens) -> Any:
        """The model's, which never writes the new tokens."""
        settings = deepcopy(source.model.generation_config)
        never = sorted({*(settings.suppress_tokens or ()), *tokens.added.values()})
        settings.suppress_tokens = never or None
        return settings

    def _require_all(self, found: Any) -> None:
        wrong = [*found["missing_keys"], *found["unexpected_keys"], *(name for name, *_ in found["mismatched_keys"])]
        if wrong:
            raise MismatchError(
                f"{self.loader} is not filled by the model's weights: {summarised(sorted(wrong))}.",
                "Nothing was exported. Please report this.",
            )


def copied(config: Any) -> Any:
    """A part's configuration without where it came from."""
    plain = deepcopy(config)
    plain._name_or_path = ""
    return plain


def unequal(problem: str) -> MismatchError:
    """The error for a model that the class would compute otherwise, which only its encoder's configuration tells."""
    return MismatchError(problem, "Nothing was exported. Choose another format: --format hf takes every model.")

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
from macaw_cli.export.answers import Answer
from macaw_cli.export.exchange import answers_of_child
from macaw_cli.export.export_report import AROUND
from macaw_cli.export.families.family import Family
from macaw_cli.export.family_import import base_name
from macaw_cli.export.formats.format import ExportFormat
from macaw_cli.export.formats.stock.card import stock_card
from macaw_cli.export.formats.stock.folder_template import folder_template
from macaw_cli.export.formats.stock.llm_fit import llm_obstacles
from macaw_cli.export.formats.stock.media_tokens import (
    MediaTokens,
    TokenNames,
    add_media_tokens,
    embedding_scale,
    with_rows,
)
from macaw_cli.export.proof import LIMITS, Proof, compare
from macaw_cli.export.published_names import summarised
from macaw_cli.export.source import ExportSource
from macaw_cli.model.bridges.registry import bridge_class
from macaw_cli.model.bridges.stock_loaders import StockLoader
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.model.text.rendering import render_chat

Options = TypeVar("Options", bound=ExportSettings)
HEAD = "language_model.lm_head.weight"
BEGIN_END = "fusion.begin_end_embeddings.weight"
NOT_CARRIED = (BEGIN_END, "fusion.null_features_")
"""Weights of a model of macaw that have no place of their own: the first become rows of the embedding matrix."""


class StockExport(ExportFormat[Options]):
    """One class of transformers that reads one modality."""

    stock_class: ClassVar[str]
    family: ClassVar[type[Family]]
    """Its checkpoints, as they are imported: the table of names."""
    tokens: ClassVar[TokenNames]
    """What its processor finds in the text."""
    whole_llm: ClassVar[bool] = False
    """Whether the class holds the LLM's own class with its head; else a plain head stands beside the LLM."""

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
            return [f"it reads {modality}, which the model does not"]
        loader = self._loader(config, modality)
        if loader is None:
            return [f"it has no bridge of the design {config.bridge_settings(modality).name}"]
        told = loader.obstacles(config, modality)
        told += ["every example holds null features"] if config.null_features else []
        return told + ([] if self.whole_llm else llm_obstacles(config.text_config))

    def text_obstacles(self, encoder: ConversationEncoder) -> list[str]:
        """The tokenizer has to make the same tokens of a whole prompt as macaw makes of its parts."""
        modality = self.family.modality
        if encoder.template == "as_published" or modality not in encoder.config.modalities:
            return ["its template is as_published"] if encoder.template == "as_published" else []
        tokenizer = deepcopy(encoder.tokenizer)
        tokens = add_media_tokens(tokenizer, encoder.config, modality, self.tokens)
        question = {"role": "user", "content": "What is it?"}
        asked = {"role": "user", "content": [{"type": modality}, {"type": "text", "text": question["content"]}]}
        try:
            template = self.template(encoder, tokens)
            medium = (modality, encoder.config.feature_shapes[modality])
            ours = encoder.with_one_placeholder().prompt([question], [medium])
            tokenizer.chat_template = template
            text = render_chat(tokenizer, [asked], add_generation_prompt=True)
        except UsageError as error:
            return [error.problem.rstrip(".")]
        media = {encoder.config.soft_token_ids[modality]: tokenizer.convert_tokens_to_ids(tokens.placeholder)}
        expected = [(media | tokens.place_of).get(one, one) for one in ours.input_ids]
        begins = tokenizer.bos_token is not None and text.startswith(tokenizer.bos_token)  # as stock processors decide
        if tokenizer(text, add_special_tokens=not begins).input_ids == expected:
            return []
        return ["its tokenizer makes other tokens of a prompt as a whole than of the text around a medium"]

    def template(self, encoder: ConversationEncoder, tokens: MediaTokens) -> str:
        """The chat template of the folder."""
        return folder_template(encoder, self.family.modality, tokens.written)

    def write(self, source: ExportSource, folder: Path) -> None:
        """The checkpoint, its processor and its chat template."""
        import transformers

        prepares = source.attach_encoders()
        model, tokenizer = source.model, deepcopy(source.processor.tokenizer)
        tokens = add_media_tokens(tokenizer, model.config, self.family.modality, self.tokens)
        template = self.template(source.processor.encoder, tokens)
        size = max(model.config.vocabulary_size, len(tokenizer))
        config = self.config(model.config, tokens, tokenizer)
        config.text_config.vocab_size = size
        kind = getattr(transformers, self.stock_class)
        weights = self.weights(model, tokens, size)
        made, found = kind.from_pretrained(
            None, trust_remote_code=False, config=config, state_dict=weights, dtype=model.dtype,
            output_loading_info=True,
        )  # fmt: skip
        self._require_all(found)
        made.generation_config = self._generation(source, tokens)
        made.save_pretrained(folder)
        tokenizer.chat_template = template
        processor = self.processor(prepares, tokenizer, model.config)
        processor.chat_template = template
        processor.save_pretrained(folder)
        around = [tokenizer.convert_tokens_to_ids(list(side)) for side in (tokens.before, tokens.after)]
        self._around = {self.family.modality: around}

    @abstractmethod
    def config(self, config: MacawConfig, tokens: MediaTokens, tokenizer: Any) -> Any:
        """The class's configuration, its parts being copies.

        Args:
            config: of the model, the encoder's inside.
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

    def weights(self, model: Any, tokens: MediaTokens, size: int) -> dict[str, Tensor]:
        """All weights under the class's names.

        Args:
            model: with its encoder.
            tokens: new ids become rows.
            size: rows of the embedding matrix.

        Raises:
            MismatchError: the class has no place for one.
        """
        llm = base_name(model.config.text_config)
        ours = dict(model.state_dict())
        embeddings = next(name for name, one in ours.items() if one.data_ptr() == model.embedding_matrix.data_ptr())
        ours[embeddings] = self._embeddings(model, tokens, size)
        head = model.get_output_embeddings()
        tied = head.weight.data_ptr() == model.embedding_matrix.data_ptr()
        ours[HEAD] = ours[embeddings] if tied else with_rows(head.weight.detach(), size)
        left_out = (*NOT_CARRIED, *self.family.left_out)
        renamed = {name: self.family.original_name(name, llm) for name in ours if not name.startswith(left_out)}
        if lost := [name for name, theirs in renamed.items() if theirs is None]:
            raise MismatchError(
                f"{self.loader} has no place for {summarised(lost)}.", "Nothing was exported. Please report this."
            )
        return self.bridge_weights(model, {theirs: ours[name] for name, theirs in renamed.items() if theirs})

    def prove(self, source: ExportSource, folder: Path) -> Proof:
        """Logits of the LLM's own tokens and greedy answers, from raw media, through the stock processor."""
        answers = answers_of_child("macaw_cli.export.stock_answers", folder, source.examples, [self.stock_class])
        known = min(len(source.processor.tokenizer), source.model.config.vocabulary_size)
        expected = [Answer(one.logits[:, :known], one.greedy) for one in source.expected]
        return compare(expected, answers, source.examples, LIMITS[source.dtype], self.loader)

    def card(self, source: ExportSource, name: str, proof: Proof) -> str:
        """README.md, with Python for somebody who has transformers alone."""
        parameters = sum(parameter.numel() for parameter in source.model.parameters())
        return stock_card(name, self.stock_class, source.model.config, parameters, proof)

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

    def _embeddings(self, model: Any, tokens: MediaTokens, size: int) -> Tensor:
        """(size, D): the LLM's, and the begin and end tokens as rows."""
        matrix = with_rows(model.embedding_matrix.detach(), size)
        if tokens.place_of:
            first = min(identity for pair in model.config.begin_end_ids.values() for identity in pair)
            scale = embedding_scale(model.get_input_embeddings())
            for ours, theirs in tokens.place_of.items():
                matrix[theirs] = model.fusion.begin_end_embeddings.weight.detach()[ours - first] / scale
        return matrix

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

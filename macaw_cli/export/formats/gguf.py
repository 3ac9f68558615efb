"""`gguf`: the LLM for llama.cpp and what is built on it, and where llama.cpp knows the bridge an `mmproj` beside it."""

from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from macaw_cli.basics.atomic_files import write_text
from macaw_cli.basics.errors import MismatchError, MissingDependencyError
from macaw_cli.basics.extras import to_install
from macaw_cli.config.exports.gguf import GgufExportSettings
from macaw_cli.export.formats.format import ExportFormat
from macaw_cli.export.gguf.architectures import ARCHITECTURES, llm_obstacles
from macaw_cli.export.gguf.card import gguf_card
from macaw_cli.export.gguf.carried import carried, losses
from macaw_cli.export.gguf.chat_templates import chat_template, rendered
from macaw_cli.export.gguf.file_writing import write_gguf
from macaw_cli.export.gguf.language_model import llm_keys, llm_tensors
from macaw_cli.export.gguf.modelfile import modelfile, stop_texts, turns_of
from macaw_cli.export.gguf.projector_writing import write_projectors
from macaw_cli.export.gguf.projectors.projector import Projector
from macaw_cli.export.gguf.proof import GgufProof
from macaw_cli.export.gguf.proving import Written, prove_gguf, sequences_of
from macaw_cli.export.gguf.vocabulary import BEGINS, tokenizer_obstacles, vocabulary
from macaw_cli.export.proving.proof import Proof
from macaw_cli.export.source import ExportSource
from macaw_cli.modalities.table import begin_end
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.model.text.surroundings import around_media

QUESTION = [{"role": "user", "content": "?"}]
MODELFILE = "Modelfile"
BYTES = {"f32": 4, "f16": 2, "q8_0": 34 / 32}
"""Per number."""


class GgufExport(ExportFormat[GgufExportSettings]):
    """One or two GGUF files and a Modelfile."""

    loader = "llama.cpp"
    takes = "LLMs of the types llama (SmolLM2), mistral, qwen2, qwen3; media where llama.cpp knows the bridge"

    def __init__(self, settings: GgufExportSettings) -> None:
        super().__init__(settings)
        self.written: Written | None = None
        self._notes: list[str] = []
        self._left = ""

    def obstacles(self, config: MacawConfig) -> list[str]:
        """An LLM that is not known, media that every example needs, and with `media: needed` those that are lost."""
        told = llm_obstacles(config.text_config)
        if config.null_features:
            told.append("the model reads media in every example, and GGUF has no media of zeros")
        if self.settings.media == "needed":
            told += [f"{name}: {reason}" for name, reasons in losses(config).items() for reason in reasons]
        return told

    def text_obstacles(self, encoder: ConversationEncoder) -> list[str]:
        """A tokenizer that llama.cpp has not."""
        return tokenizer_obstacles(encoder.tokenizer)

    def losses(self, config: MacawConfig) -> dict[str, list[str]]:
        """Modalities that llama.cpp does not take, with the reasons."""
        if self.settings.media == "never":
            return {name: ["export.media is never"] for name in config.modalities}
        return dict(losses(config))

    def weight_bytes(self, source: ExportSource) -> int:
        """Of the LLM in the file's number format, and of encoder and bridge as they are."""
        llm = list(source.model.language_model.parameters())
        written = int(sum(parameter.numel() for parameter in llm) * BYTES[self.settings.weights])
        rest: int = source.weight_bytes() - sum(one.numel() * one.element_size() for one in llm)
        return written + max(0, rest)

    def require_parts(self, folder: Path) -> None:
        """Refuse to begin without the package gguf."""
        del folder
        require_gguf()

    def write(self, source: ExportSource, folder: Path) -> None:
        """The LLM with its tokenizer and template, the projector, and the Modelfile."""
        config, weights = source.model.config, self.settings.weights
        kind = self._kind(source)
        projector = None if kind is None else kind(config, source.model, source.encoders.encoder(kind.modality))
        self.written = self._write_llm(source, folder, projector)
        if projector is not None:
            number_format = "f32" if weights == "f32" else "f16"
            write_projectors(folder / self.written.projector, [projector], number_format, self._name(source))
        write_text(folder / MODELFILE, self._modelfile(source))

    def prove(self, source: ExportSource, folder: Path) -> Proof:
        """Logits and greedy tokens by transformers' reader, and by llama.cpp where it is installed."""
        assert self.written is not None
        return prove_gguf(source, sequences_of(source), folder, self.written)

    def card(self, source: ExportSource, name: str, proof: Proof) -> str:
        """README.md: how to run it."""
        assert self.written is not None and isinstance(proof, GgufProof)
        return gguf_card(source.model.config, name, self.written, proof, self.notes(source))

    def notes(self, source: ExportSource) -> list[str]:
        """What is left out, and what llama.cpp does otherwise."""
        left = [
            f"No {name} in it: {'; '.join(reasons)}." for name, reasons in self.losses(source.model.config).items()
        ]
        return [*left, *filter(None, [self._left]), *self._notes]

    def report(self) -> dict[str, Any]:
        """What the folder holds."""
        assert self.written is not None
        told = asdict(self.written)
        return {name: told[name] for name in ("llm", "projector", "modality", "weights")}

    def _kind(self, source: ExportSource) -> type[Projector] | None:
        """What carries media, unless an answer follows at once behind them.

        Raises:
            MismatchError: it does, and media are needed.
        """
        kind = None if self.settings.media == "never" else carried(source.model.config)
        if kind is None or not _ends_with_medium(source, kind):
            return kind
        problem = "in the template plain an answer follows its medium at once, and llama.cpp begins answers after text"
        if self.settings.media == "needed":
            hint = "Train with another template, or leave media out: --set export.media=never."
            raise MismatchError(f"No {kind.modality} can be in it: {problem}.", hint)
        self._left = f"No {kind.modality} in it: {problem}."
        return None

    def _write_llm(self, source: ExportSource, folder: Path, projector: Projector | None) -> Written:
        model, tokenizer, weights = source.model, source.processor.tokenizer, self.settings.weights
        config = model.config
        names, more, moved = added_tokens(source, projector)
        before, after = texts_around(source, projector, names)
        template = chat_template(tokenizer, source.processor.encoder.template, before, after)
        words = vocabulary(tokenizer, config.vocabulary_size, names)
        first = tokenizer.bos_token or ""
        # llama.cpp adds it to every text, and what a template begins with is added no second time
        begins = words.keys[BEGINS] and rendered(tokenizer, template, QUESTION).startswith(first)
        keys = {
            "general.type": "model", "general.name": self._name(source),
            **llm_keys(config.text_config, config.vocabulary_size + len(names)), **words.keys, BEGINS: begins,
            "tokenizer.chat_template": template,
        }  # fmt: skip
        ends = source.processor.encoder.stop_ids() - {tokenizer.eos_token_id}
        if ends:
            keys["tokenizer.ggml.eot_token_id"] = int(min(ends))
        self._notes = [*words.notes, *(type(projector).notes() if projector else [])]
        if source.processor.encoder.template == "as_published":
            self._notes.append("The chat template is Alpaca's, without the deviations of the published script.")
        written = Written(weights, f"model-{weights}.gguf", template, bool(begins))
        if projector is not None:
            number_format = "f32" if weights == "f32" else "f16"
            written = Written(
                weights, written.llm, template, written.begins, f"mmproj-{number_format}.gguf", projector.modality,
                projector.brings_ends, moved,
            )  # fmt: skip
        tensors = llm_tensors(config.text_config, model.language_model.state_dict(), more)
        write_gguf(folder / written.llm, ARCHITECTURES[config.text_config.model_type].name, keys, tensors, weights)
        return written

    def _modelfile(self, source: ExportSource) -> str:
        assert self.written is not None
        written, tokenizer = self.written, source.processor.tokenizer
        first = tokenizer.bos_token or "" if written.begins else ""
        turns = turns_of(lambda messages: rendered(tokenizer, written.template, messages).removeprefix(first))
        stops = tokenizer.convert_ids_to_tokens(sorted(source.processor.encoder.stop_ids()))
        carries = written.brings_ends or not written.moved
        if written.projector and not carries:
            self._notes.append(
                "Ollama puts no begin and end tokens around media, so that its Modelfile has the LLM alone; llama.cpp's"
                " own programs and LM Studio take both files."
            )
        return modelfile(written.llm, written.projector if carries else "", turns, stop_texts(stops))

    @staticmethod
    def _name(source: ExportSource) -> str:
        return source.folder.resolve().parent.name or "macaw"


def _ends_with_medium(source: ExportSource, kind: type[Projector]) -> bool:
    """Whether nothing stands between a medium and the answer that llama.cpp would read as text."""
    behind = around_media(source.model.config, kind.modality)[1]
    return source.processor.encoder.template == "plain" and (kind.brings_ends or not behind)


def require_gguf() -> None:
    """Refuse to begin without the package.

    Raises:
        MissingDependencyError: it is not installed.
    """
    if find_spec("gguf") is None:
        raise MissingDependencyError(
            "--format gguf needs the package gguf.", to_install("gguf")
        )


@torch.inference_mode()
def added_tokens(
    source: ExportSource, projector: Projector | None
) -> tuple[list[str], torch.Tensor | None, dict[int, int]]:
    """Begin and end token as further tokens of the LLM's, where they are none and the projector does not bring them.

    Returns:
        Their texts, their embeddings (2, D) or None, and ids in the model to ids in the file.
    """
    config = source.model.config
    if projector is None or projector.brings_ends or not config.begin_end_outside:
        return [], None, {}
    pair = config.begin_end_ids[projector.modality]
    embeds = source.model.fusion.embed_text(torch.tensor([pair]), source.model.get_input_embeddings())[0]
    moved = {identity: config.vocabulary_size + place for place, identity in enumerate(pair)}
    return list(begin_end(projector.modality)), embeds, moved


def texts_around(source: ExportSource, projector: Projector | None, names: list[str]) -> tuple[str, str]:
    """What the chat template writes before and after a medium."""
    if projector is None or projector.brings_ends:
        return "", ""
    if names:
        return names[0], names[1]
    before, after = around_media(source.model.config, projector.modality)
    decode = source.processor.tokenizer.decode
    return decode(before), decode(after)

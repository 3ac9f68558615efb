"""`llm`: the LLM as any program loads it, and beside it what makes embeddings of media, for a server that takes them.

The folder is an ordinary causal LLM with its tokenizer and chat template. The subfolder `media` holds encoders,
bridges, begin and end tokens and the LLM's input embeddings: it may go to another machine than the LLM.
"""

import copy
from pathlib import Path

from macaw_cli.basics.atomic_files import write_text
from macaw_cli.config.exports.llm import LlmExportSettings
from macaw_cli.export.formats.format import ExportFormat
from macaw_cli.export.llm_files import CLIENT, client_text, llm_card
from macaw_cli.export.proving.answers import ends_of
from macaw_cli.export.proving.exchange import answers_of_child
from macaw_cli.export.proving.proof import LIMITS, Proof, compare
from macaw_cli.export.source import ExportSource
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.folder import save_model
from macaw_cli.model.media_embedder import BESIDE_LLM, MediaEmbedder, why_not_elsewhere
from macaw_cli.model.text.answer_ends import answer_ends
from macaw_cli.model.text.stock_template import stock_chat_template

BACKEND = "http://localhost:8000/v1"
"""Where vLLM serves if nothing else is said."""
PORT = "8001"
"""For the server before it, whose own default is vLLM's as well."""


class LlmExport(ExportFormat[LlmExportSettings]):
    """A stock LLM, and its `MediaEmbedder`."""

    loader = "AutoModelForCausalLM of transformers"
    takes = "models without an injection whose LLM reads embeddings as wide as its layers"

    def obstacles(self, config: MacawConfig) -> list[str]:
        """What needs macaw in the same program as the LLM."""
        return why_not_elsewhere(config)

    def weight_bytes(self, source: ExportSource) -> int:
        """Those of the model with its encoders, and the LLM's embeddings once more."""
        matrix = source.model.embedding_matrix
        return source.weight_bytes() + int(matrix.numel() * matrix.element_size())

    def write(self, source: ExportSource, folder: Path) -> None:
        """The LLM with tokenizer and chat template, what embeds media, and a client."""
        processor = source.attach_encoders()
        save_model(MediaEmbedder.of(source.model), processor, folder / BESIDE_LLM)
        llm = source.model.language_model
        llm.generation_config = copy.deepcopy(source.model.generation_config)
        llm.generation_config.eos_token_id = sorted(answer_ends(source.model, processor.encoder)) or None
        llm.save_pretrained(folder)
        tokenizer = copy.deepcopy(processor.tokenizer)
        tokenizer.chat_template = stock_chat_template(processor.encoder)
        tokenizer.save_pretrained(folder)
        write_text(folder / CLIENT, client_text(source.model.config.modalities))

    def prove(self, source: ExportSource, folder: Path) -> Proof:
        """Logits and greedy tokens of the stock class, which is given embeddings of raw media."""
        ends = [str(token) for token in ends_of(source.model)]
        answers = answers_of_child("macaw_cli.export.proving.llm_answers", folder, source.examples, ends)
        return compare(source.expected, answers, source.examples, LIMITS[source.dtype], self.loader)

    def card(self, source: ExportSource, name: str, proof: Proof) -> str:
        """README.md."""
        has_chats = stock_chat_template(source.processor.encoder) is not None
        return llm_card(name, source.model.config, proof, has_chats=has_chats)

    def notes(self, source: ExportSource) -> list[str]:
        """How the LLM is served."""
        del source
        return ["vLLM serves it: vllm serve FOLDER --enable-prompt-embeds. client.py shows what it is sent."]

    def next_command(self, folder: Path) -> list[str]:
        """The server that looks at media for it."""
        return ["serve", str(folder), "--backend", BACKEND, "--port", PORT]

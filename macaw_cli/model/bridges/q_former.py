"""`q-former`: learned queries through a small BERT that reads the features, and the instruction if wanted.

Sources: BLIP-2 (arXiv 2301.12597, section 3.1), InstructBLIP (arXiv 2305.06500, section 2.3: `instruction: true`; a
video frame by frame), InternLM-XComposer (arXiv 2309.15112, section 3.1: `tokens: 64`), SALMONN (arXiv 2310.13289,
section 3.1: `window`, `tail: drop`) and Granite Speech (`GraniteSpeechEncoderProjector` of transformers: `tokens: 3,
window: 15, layers: 2, cross_attention_every: 1, feature_norm: false`). `norm: false` is the published form.

What deviates: the originals start from bert-base-uncased, this one from random weights, at 768 channels as large as
BERT's own; a narrow LLM gets a narrow Q-Former. The instruction comes as ids of the LLM's tokenizer, so its embeddings
are a table over the LLM's vocabulary, and it has no [CLS] and [SEP]. An imported InstructBLIP brings BERT's tokenizer
with it, whose ids of the user's text are read as in the original.

Letters: M media, S sequences of each, B of all, N feature tokens, C channels, Q queries, L text tokens, W width of a
query, D the LLM's embedding size.
"""

from collections.abc import Sequence
from math import ceil, prod
from typing import TYPE_CHECKING, Literal, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.basics.errors import MismatchError
from macaw_cli.modalities.table import Modality
from macaw_cli.model.blocks.attention import heads_of
from macaw_cli.model.blocks.costs import QueryLayers
from macaw_cli.model.blocks.media_batch import batched
from macaw_cli.model.blocks.q_former import POSITIONS, QFormer, TextEmbeddings
from macaw_cli.model.bridges.bridge import BridgeContext, Need
from macaw_cli.model.bridges.queried import QueriedBridge, sequence_tokens
from macaw_cli.model.bridges.stock_loaders import StockLoader
from macaw_cli.model.device_copies import on_device
from macaw_cli.model.instruction_tokenizer import instruction_tokenizer

if TYPE_CHECKING:
    from macaw_cli.config.bridges.q_former import QFormerBridgeSettings
    from macaw_cli.model.configuration import MacawConfig

WIDTH = 768
"""The published W."""


class QFormerBridge(QueriedBridge):
    """(N, C) -> LayerNorm -> read by the queries (Q, W) beside the instruction (L, W) -> Linear -> (Q, D).

    Args:
        channels: C.
        hidden_size: D.
        settings: of this design.
        vocabulary: rows of the embeddings of the instruction.
        largest_id: that an instruction may hold, at most.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    stock_loaders = (
        StockLoader(
            "Blip2ForConditionalGeneration", "image", ("Blip2VisionModel",),
            {"feature_norm": False, "norm": False, "instruction": False, "window": None},
            {"cls": "keep", "post_layernorm": True},
        ),
        StockLoader(
            "InstructBlipForConditionalGeneration", "image", ("InstructBlipVisionModel",),
            {"feature_norm": False, "norm": False, "instruction": True, "instruction_length": POSITIONS,
             "window": None},
            {"cls": "keep", "post_layernorm": True}, own_tokenizer=True,
        ),
    )  # fmt: skip

    def __init__(
        self, channels: int, hidden_size: int, settings: "QFormerBridgeSettings", *, vocabulary: int = 1,
        largest_id: int = 0, unit: float = 0.02,
    ) -> None:  # fmt: skip
        super().__init__(channels, hidden_size, per_frame=settings.per_frame, norm=settings.norm, unit=unit)
        self.width = width = settings.hidden or min(WIDTH, hidden_size)
        self.needs = frozenset[Need]({"instruction"} if settings.instruction else ())
        self.settings, self.largest_id = settings, largest_id
        self.feature_norm = nn.LayerNorm(channels) if settings.feature_norm else None
        self.queries = nn.Parameter(0.02 * torch.randn(settings.tokens, width))
        self.text = TextEmbeddings(vocabulary, width) if settings.instruction else None
        self.q_former = self.new_q_former("read" if settings.instruction else "none")
        self.projection = nn.Linear(width, hidden_size)

    def new_q_former(self, text: Literal["none", "read", "returned"]) -> QFormer:
        """A new Q-Former of this bridge's sizes.

        Args:
            text: see `QFormer`.
        """
        settings, width = self.settings, self.width
        return QFormer(
            width, self.channels, layers=settings.layers, heads=heads_of("the queries", width, settings.heads),
            inner=settings.inner or 4 * width, every=settings.cross_attention_every, dropout=settings.dropout,
            text=text,
        )  # fmt: skip

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`.

        Raises:
            UsageError: the heads do not divide W.
        """
        settings = cast("QFormerBridgeSettings", config.bridge_settings(modality))
        rows, own = config.vocabulary_size, instruction_tokenizer(config, modality)
        return cls(
            config.feature_shapes[modality][-1], config.embedding_size, settings,
            largest_id=own.largest_id if own else rows - 1, vocabulary=settings.vocabulary or rows,
            unit=config.initial_embedding_std,
        )  # fmt: skip

    @classmethod
    def needed(cls, config: "MacawConfig", modality: Modality) -> frozenset[Need]:
        """The instruction, where the settings say so."""
        settings = cast("QFormerBridgeSettings", config.bridge_settings(modality))
        return frozenset({"instruction"} if settings.instruction else ())

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """Q for every sequence, which is an image, an audio file, a video or a frame; or for every window of it."""
        settings = cast("QFormerBridgeSettings", config.bridge_settings(modality))
        once = QueriedBridge.soft_tokens(config, modality, shape)
        return once * _windows(shape[-2] if settings.per_frame else prod(shape[:-1]), settings)

    def initialise(self) -> None:
        """Queries start as N(0, 0.02)."""
        init.normal_(self.queries, std=0.02)

    @staticmethod
    def extra_memory(config: "MacawConfig", modality: Modality, soft_tokens: int, value_bytes: int) -> float:
        """Memory of the layers."""
        settings = cast("QFormerBridgeSettings", config.bridge_settings(modality))
        return _cost(config, modality).values() * soft_tokens / settings.tokens * value_bytes

    @staticmethod
    def extra_operations(config: "MacawConfig", modality: Modality, soft_tokens: int) -> float:
        """Operations of the layers."""
        settings = cast("QFormerBridgeSettings", config.bridge_settings(modality))
        return _cost(config, modality).operations() * soft_tokens / settings.tokens

    def sequences(self, medium: Tensor) -> Tensor:
        """What the queries read at a time of one medium (N, C) or (F, N, C): (S, N, C), also windows."""
        sequences, window = super().sequences(medium), self.settings.window
        if window is None:
            return sequences
        length = _windows(sequences.shape[1], self.settings) * window
        filled = F.pad(sequences, (0, 0, 0, max(length - sequences.shape[1], 0)))[:, :length]
        return filled.reshape(-1, window, self.channels)

    def soft(self, media: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """Soft tokens of all media, computed in one batch: (K, D)."""
        if self.feature_norm is not None:
            rows = self.feature_norm(torch.cat([medium.flatten(0, -2) for medium in media]))
            lengths = [prod(medium.shape[:-1]) for medium in media]
            media = [one.view(medium.shape) for one, medium in zip(rows.split(lengths), media, strict=True)]
        groups = [self.sequences(medium) for medium in media]
        features, feature_mask = batched(groups)
        queries = self.queries.to(features.dtype).expand(len(features), -1, -1)
        text, mask = self._instructions(context.instructions, [len(group) for group in groups], queries)
        found, _ = self.q_former(queries, features, text=text, mask=mask, feature_mask=feature_mask)
        soft: Tensor = self.projection(found)
        return soft.flatten(0, 1)

    def _instructions(
        self, instructions: Sequence[Tensor], counts: Sequence[int], queries: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        """The embedded instruction of every sequence, (B, L, W), and (B, Q + L) true for queries and text."""
        if self.text is None:
            return None, None
        given = [one[-self.settings.instruction_length :] for one in instructions]
        nothing = torch.zeros(0, dtype=torch.int64, device=queries.device)
        given += [nothing] * (len(counts) - len(given))  # null features belong to no example
        ids = nn.utils.rnn.pad_sequence(given, batch_first=True)
        ids = F.pad(ids, (0, 1)) if ids.shape[1] == 0 else ids  # the text parts run in every step, on every rank
        rows = self.text.words.num_embeddings
        if self.largest_id >= rows and ids.numel() and int(ids.max()) >= rows:
            raise MismatchError(
                f"An instruction holds the id {int(ids.max())}, but the Q-Former embeds only {rows} words.",
                "Set bridge.vocabulary to null and train, or give ids of the tokenizer whose vocabulary this is.",
            )
        lengths = on_device([len(one) for one in given], queries.device)
        real = torch.arange(ids.shape[1], device=queries.device) < lengths[:, None]
        owners = on_device([medium for medium, count in enumerate(counts) for _ in range(count)], queries.device)
        mask = F.pad(real[owners], (queries.shape[1], 0), value=True)
        return self.text(ids)[owners].to(queries.dtype), mask


def _windows(tokens: int, settings: "QFormerBridgeSettings") -> int:
    """How many windows a sequence of so many feature tokens has."""
    if settings.window is None:
        return 1
    return ceil(tokens / settings.window) if settings.tail == "pad" else max(tokens // settings.window, 1)


def _cost(config: "MacawConfig", modality: Modality) -> QueryLayers:
    settings = cast("QFormerBridgeSettings", config.bridge_settings(modality))
    width, channels = settings.hidden or min(WIDTH, config.embedding_size), config.feature_shapes[modality][-1]
    text = settings.instruction_length if settings.instruction else 0
    return QueryLayers(
        layers=settings.layers, reading=ceil(settings.layers / settings.cross_attention_every),
        queries=settings.tokens + text, tokens=settings.window or sequence_tokens(config, modality), width=width,
        channels=channels, inner=width, feed_forward=settings.inner or 4 * width, among_queries=True,
    )  # fmt: skip

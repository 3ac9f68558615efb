"""Examples of the paper's mix as macaw's own training reads them, with features made up on the spot."""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
import torch
from paper_mix import MEDIA, Example
from published_training import IGNORED, ORDER, TEXT_TOKENS, PublishedBatch

from macaw_cli.modalities.table import MODALITIES
from macaw_cli.model.bridges.registry import soft_token_count
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.shards.training_rows import ConversationRow, MediaRef
from macaw_cli.training.data.batches import Batch, SequenceReader
from macaw_cli.training.data.epoch_plan import plan_epoch
from macaw_cli.training.data.tokenised import TokenisedConversations

SHAPES = {"image": (196, 512), "audio": (1500, 512), "video": (6, 196, 512)}
"""What CLIP ViT-B/16 and Whisper base make of one medium."""
BEGIN, PAD = 1, 0


class MadeUpFeatures:
    """Stands for a dataset: every medium of a modality has the same random features."""

    def __init__(self, shapes: Mapping[str, Sequence[int]], seed: int = 0) -> None:
        generator = np.random.default_rng(seed)
        self._arrays = {name: generator.normal(size=shape).astype(np.float16) for name, shape in shapes.items()}

    def features(self, ref: MediaRef) -> np.ndarray:
        """A copy, as reading makes one."""
        return self._arrays[ref.modality].copy()


def balanced(mix: Sequence[Example], count: int, seed: int = 0) -> list[Example]:
    """`count` examples, a third of each kind, the kinds in turn."""
    generator = np.random.default_rng(seed)
    kinds = [[one for one in mix if one.kind == kind] for kind in MEDIA]
    drawn = [[group[number] for number in generator.permutation(len(group))[: count // 3]] for group in kinds]
    return [example for turn in zip(*drawn, strict=True) for example in turn]


def tokenised(examples: Sequence[Example], config: MacawConfig, seed: int = 0) -> TokenisedConversations:
    """The examples as ids: media blocks, then random text of their lengths."""
    generator = np.random.default_rng(seed)
    ids, supervised = [], []
    for example in examples:
        block = media_block(example, config)
        text = generator.integers(3, config.vocabulary_size - 10, example.text - 1)
        ids.append(np.concatenate([[BEGIN], block, text]).astype(np.int32))
        supervised.append(np.arange(len(ids[-1])) >= len(ids[-1]) - example.response)
    return TokenisedConversations(
        numbers=np.arange(len(ids)),
        ends=np.cumsum([len(one) for one in ids]),
        supervised_counts=np.array([example.response for example in examples]),
        media_counts=np.array([[name in MEDIA[one.kind] for name in MODALITIES] for one in examples], dtype=int),
        input_ids=np.concatenate(ids),
        supervised=np.concatenate(supervised),
        skipped=0,
    )


def media_block(example: Example, config: MacawConfig) -> list[int]:
    """Tags and placeholders of an example's media; a null-media model gets blocks for the absent ones as well."""
    block: list[int] = []
    for name in ORDER:
        present = name in MEDIA[example.kind]
        if present or config.null_features:
            opening, closing = config.begin_end_ids[name]
            token = (config.soft_token_ids if present else config.null_token_ids)[name]
            block += [opening, *[token] * soft_token_count(config, name, config.feature_shapes[name]), closing]
    return block


def conversation_rows(examples: Sequence[Example], shapes: Mapping[str, Sequence[int]]) -> list[ConversationRow]:
    """The examples as the index of a dataset lists them."""
    return [
        ConversationRow(
            id=str(number), split="train", kind=example.kind, choices=None, tags=(), sample="", shard="", offset=0,
            nbytes=0,
            media=tuple(
                MediaRef(name, str(number), tuple(shapes[name]), "float16", "", 0, 2 * prod(shapes[name]))
                for name in MEDIA[example.kind]
            ),
        )
        for number, example in enumerate(examples)
    ]  # fmt: skip


def sequences(
    examples: Sequence[Example], config: MacawConfig, budget: int, dtype: torch.dtype, device: torch.device
) -> list[Batch]:
    """The examples packed by the real epoch plan and read by the real reader."""
    tokens = tokenised(examples, config)
    steps = plan_epoch(
        tokens.lengths.tolist(), tokens.supervised_counts.tolist(), seed=0, epoch=0, token_budget=budget,
        global_batch_size=-(-int(tokens.lengths.sum()) // budget),
    )  # fmt: skip
    rows = conversation_rows(examples, config.feature_shapes)
    reader = SequenceReader(MadeUpFeatures(config.feature_shapes), rows, tokens, dtype, device, config)
    return [reader.read(sequence) for step in steps for sequence in step.sequences if sequence]


def padded_rows(examples: Sequence[Example], config: MacawConfig, dtype: torch.dtype) -> dict[str, object]:
    """Inputs of one forward pass with one example per row, its text cut and padded to 256 tokens."""
    cut = [Example(one.kind, min(one.prompt, 255), min(one.response, TEXT_TOKENS - min(one.prompt, 255)))
           for one in examples]  # fmt: skip
    tokens = tokenised(cut, config)
    blocks = max(len(media_block(one, config)) for one in cut)
    ids = torch.full((len(cut), TEXT_TOKENS + blocks), PAD)
    labels, mask = torch.full_like(ids, IGNORED), torch.zeros_like(ids)
    for number in range(len(cut)):
        own_ids, own_labels = tokens.conversation(number)
        ids[number, : len(own_ids)] = torch.from_numpy(own_ids)
        labels[number, : len(own_ids)] = torch.from_numpy(own_labels)
        mask[number, : len(own_ids)] = 1
    made = MadeUpFeatures(config.feature_shapes)
    refs = [ref for row in conversation_rows(cut, config.feature_shapes) for ref in row.media]
    media = {
        f"{name}_features": [torch.from_numpy(made.features(ref)).to(dtype) for ref in refs if ref.modality == name]
        for name in config.feature_shapes
    }
    return {"input_ids": ids, "labels": labels, "attention_mask": mask, **{k: v for k, v in media.items() if v}}


def published_batch(examples: Sequence[Example], vocabulary: int, dtype: torch.dtype) -> PublishedBatch:
    """The examples as the published code batches them."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(3, vocabulary - 10, (len(examples), TEXT_TOKENS), generator=generator)
    places = torch.arange(TEXT_TOKENS)
    ends = torch.tensor([min(one.text, TEXT_TOKENS) for one in examples])[:, None]
    starts = torch.tensor([min(one.prompt, TEXT_TOKENS - 1) for one in examples])[:, None]
    mask = (places < ends).long()
    ids[:, 0] = BEGIN
    labels = torch.where((places >= starts) & (places < ends), ids, IGNORED)
    made = MadeUpFeatures(SHAPES)
    media = {
        name: torch.from_numpy(np.stack([made.features(row_ref(name)) for _ in examples])).to(dtype) for name in ORDER
    }
    return PublishedBatch(ids.masked_fill(mask == 0, PAD), mask, labels, media)


def row_ref(modality: str) -> MediaRef:
    """A reference to the one medium of that modality that there is."""
    return MediaRef(modality, "", SHAPES[modality], "float16", "", 0, 2 * prod(SHAPES[modality]))

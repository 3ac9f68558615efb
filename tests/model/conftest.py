"""Tiny Macaw models from configuration objects, with every bridge."""


import pytest
import tiny_macaw
import torch
from transformers import LlamaConfig

from macaw_cli.config.bridges.designs import design
from macaw_cli.config.bridges.table import BUILT_IN
from macaw_cli.config.injections.none import NoInjectionSettings
from macaw_cli.modalities.table import MODALITIES
from macaw_cli.model.bridges.grid import GridBridge
from macaw_cli.model.bridges.registry import bridge_class
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.injections.registry import placeholder_count
from macaw_cli.model.modeling import MacawForConditionalGeneration

SHAPES = {"image": (10, 16), "audio": (30, 12), "video": (3, 10, 16)}

ON_GRIDS = {row.name for row in BUILT_IN if issubclass(bridge_class(row.name), GridBridge)}
"""Designs whose images and frames are square grids of tokens."""


def shapes_of(name):
    """Shapes that a design can take."""
    return {**SHAPES, "image": (9, 16), "video": (3, 9, 16)} if name in ON_GRIDS else SHAPES


def llm_config(**changes):
    sizes = dict(vocab_size=60, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4)
    return LlamaConfig(**{**sizes, "num_key_value_heads": 2, "max_position_embeddings": 256, **changes})


def make_config(
    bridge="macaw", *, llm=None, null_features=False, shapes=None, injection=None, surrounding_ids=None, **settings
):
    own = {"heads": 4, "image_tokens": 3, "dropout": 0.0} if bridge == "macaw" else {}
    settings = design(bridge, **{**own, **settings}) if isinstance(bridge, str) else bridge
    return MacawConfig.for_llm(llm or llm_config(), settings, shapes or SHAPES, null_features=null_features,
                               injection=injection or NoInjectionSettings(), surrounding_ids=surrounding_ids or {})


def make_model(bridge="macaw", *, seed=0, llm=None, **settings):
    torch.manual_seed(seed)
    return MacawForConditionalGeneration.build(make_config(bridge, llm=llm, **settings), None).eval()


def sequence(config, *pieces):
    """Ids of a row: numbers stand for themselves, a modality for its whole block."""
    ids = []
    for piece in pieces:
        if piece in MODALITIES:
            opening, closing = config.begin_end_ids[piece]
            count = placeholder_count(config, piece, config.feature_shapes[piece])
            ids += [opening, *[config.soft_token_ids[piece]] * count, closing]
        else:
            ids.append(piece)
    return ids


@pytest.fixture
def tiny():
    """The helpers of this file, for tests that make their own models."""

    class Helpers:
        shapes = SHAPES
        llm_config = staticmethod(llm_config)
        config = staticmethod(make_config)
        model = staticmethod(make_model)
        sequence = staticmethod(sequence)

        on_grids = ON_GRIDS

        shapes_of = staticmethod(shapes_of)

        @staticmethod
        def features(modality, count=1, seed=0):
            generator = torch.Generator().manual_seed(seed)
            return [torch.randn(SHAPES[modality], generator=generator) for _ in range(count)]

    return Helpers


@pytest.fixture
def tokenizer():
    return tiny_macaw.byte_tokenizer()

"""BLIP-2: EVA-CLIP, a Q-Former, OPT or another LLM that is no encoder-decoder (arXiv 2301.12597)."""

from typing import Any, ClassVar

from torch import Tensor

from macaw_cli.config.bridges.q_former import QFormerBridgeSettings
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.export.families.family import Description, Family, refused
from macaw_cli.export.families.names import Pairs

BRIDGE = "fusion.bridges.image."
QUERIES = f"{BRIDGE}queries"
Q_FORMER = (
    ("qformer.encoder.layer.*.attention.attention.", f"{BRIDGE}q_former.layers.*.self_attention."),
    ("qformer.encoder.layer.*.attention.output.dense.", f"{BRIDGE}q_former.layers.*.self_attention.out."),
    ("qformer.encoder.layer.*.attention.output.LayerNorm.", f"{BRIDGE}q_former.layers.*.self_norm."),
    ("qformer.encoder.layer.*.crossattention.attention.", f"{BRIDGE}q_former.layers.*.cross_attention."),
    ("qformer.encoder.layer.*.crossattention.output.dense.",
     f"{BRIDGE}q_former.layers.*.cross_attention.out."),
    ("qformer.encoder.layer.*.crossattention.output.LayerNorm.",
     f"{BRIDGE}q_former.layers.*.cross_norm."),
    ("qformer.encoder.layer.*.intermediate_query.dense.", f"{BRIDGE}q_former.layers.*.query_part.rise."),
    ("qformer.encoder.layer.*.output_query.dense.", f"{BRIDGE}q_former.layers.*.query_part.fall."),
    ("qformer.encoder.layer.*.output_query.LayerNorm.", f"{BRIDGE}q_former.layers.*.query_norm."),
    ("qformer.layernorm.", f"{BRIDGE}q_former.norm."),
    ("query_tokens", QUERIES),
    ("language_projection.", f"{BRIDGE}projection."),
)  # fmt: skip
"""Names of the Q-Former and what belongs to it."""


class Blip2(Family):
    """Checkpoints of `Blip2ForConditionalGeneration` whose LLM is no encoder-decoder."""

    name = "blip2"
    model_types: ClassVar[tuple[str, ...]] = ("blip-2", "blip_2")
    modality = "image"
    class_name = "Blip2ForConditionalGeneration"
    begins_behind_media = True
    names: ClassVar[Pairs] = (("vision_model.", "image_encoder."), *Q_FORMER, ("language_model.", "language_model."))
    chat_template = (
        "{% for message in messages %}{% if message.role == 'assistant' %}{{ ' ' + message.content + eos_token }}"
        "{% else %}{{ message.content }}{% endif %}{% endfor %}"
    )

    @classmethod
    def describe(cls, config: Any, tokenizer: Any) -> Description:
        """All tokens of the tower behind its norm; the token that begins a text stands behind the image."""
        settings = EncoderSettings(cls="keep", post_layernorm=True, projection=False)
        bridge = q_former_settings(config)
        first = tokenizer.bos_token_id
        after = [] if first is None else [first]
        return Description(config.text_config, config.vision_config, settings, bridge, after=after)

    @classmethod
    def completed(cls, weights: dict[str, Tensor], config: Any) -> dict[str, Tensor]:
        """The queries without their leading dimension."""
        return weights | {QUERIES: weights[QUERIES][0]}


def q_former_settings(config: Any) -> QFormerBridgeSettings:
    """The settings of the bridge that computes what a Q-Former computes, which reads no instruction.

    Raises:
        InputError: it has a form that macaw cannot compute.
    """
    former = config.qformer_config
    if former.hidden_act != "gelu":
        raise refused("qformer_config.hidden_act", former.hidden_act, "Q-Formers with gelu")
    return QFormerBridgeSettings(
        tokens=config.num_query_tokens, hidden=former.hidden_size, layers=former.num_hidden_layers,
        heads=former.num_attention_heads, inner=former.intermediate_size,
        cross_attention_every=former.cross_attention_frequency, feature_norm=False, norm=False,
    )  # fmt: skip

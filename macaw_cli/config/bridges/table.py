"""Every bridge, those of macaw and those that other packages add.

A bridge of macaw is a file of settings in this folder, a file in `model/bridges/` and a row of `BUILT_IN`. Another
package adds one by an entry point in the group `macaw.bridges` that names a `BridgeEntry`: see docs/own-parts.md.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.bridges.affine import AffineBridgeSettings
from macaw_cli.config.bridges.align import AlignBridgeSettings
from macaw_cli.config.bridges.attention_pool import AttentionPoolBridgeSettings
from macaw_cli.config.bridges.avg_pool import AvgPoolBridgeSettings
from macaw_cli.config.bridges.c_abstractor import CAbstractorBridgeSettings
from macaw_cli.config.bridges.entry import BridgeDesign, BridgeEntry
from macaw_cli.config.bridges.frame_stack import FrameStackBridgeSettings
from macaw_cli.config.bridges.latent_cross_attention import LatentCrossAttentionBridgeSettings
from macaw_cli.config.bridges.ldp import LdpBridgeSettings
from macaw_cli.config.bridges.linear import LinearBridgeSettings
from macaw_cli.config.bridges.macaw import MacawBridgeSettings
from macaw_cli.config.bridges.mlp import MlpBridgeSettings
from macaw_cli.config.bridges.patch import PatchBridgeSettings
from macaw_cli.config.bridges.patch_merge import PatchMergeBridgeSettings
from macaw_cli.config.bridges.pixel_shuffle import PixelShuffleBridgeSettings
from macaw_cli.config.bridges.pooled import PooledBridgeSettings
from macaw_cli.config.bridges.q_former import QFormerBridgeSettings
from macaw_cli.config.bridges.query_decoder import QueryDecoderBridgeSettings
from macaw_cli.config.bridges.resampler import ResamplerBridgeSettings
from macaw_cli.config.bridges.token_packer import TokenPackerBridgeSettings
from macaw_cli.config.bridges.ultravox import UltravoxBridgeSettings
from macaw_cli.config.bridges.upm import UpmBridgeSettings
from macaw_cli.config.bridges.visual_vocabulary import VisualVocabularyBridgeSettings
from macaw_cli.config.design_entries import with_plug_ins
from macaw_cli.modalities.table import TABLE as MODALITIES_TABLE

GROUP = "macaw.bridges"
"""The group of entry points."""
BUILT_IN = (
    BridgeEntry(AffineBridgeSettings, "macaw_cli.model.bridges.affine:AffineBridge"),
    BridgeEntry(AlignBridgeSettings, "macaw_cli.model.bridges.align:AlignBridge"),
    BridgeEntry(AttentionPoolBridgeSettings, "macaw_cli.model.bridges.attention_pool:AttentionPoolBridge"),
    BridgeEntry(AvgPoolBridgeSettings, "macaw_cli.model.bridges.avg_pool:AvgPoolBridge"),
    BridgeEntry(CAbstractorBridgeSettings, "macaw_cli.model.bridges.c_abstractor:CAbstractorBridge"),
    BridgeEntry(FrameStackBridgeSettings, "macaw_cli.model.bridges.frame_stack:FrameStackBridge"),
    BridgeEntry(
        LatentCrossAttentionBridgeSettings,
        "macaw_cli.model.bridges.latent_cross_attention:LatentCrossAttentionBridge",
    ),
    BridgeEntry(LdpBridgeSettings, "macaw_cli.model.bridges.ldp:LdpBridge"),
    BridgeEntry(LinearBridgeSettings, "macaw_cli.model.bridges.linear:LinearBridge"),
    BridgeEntry(MacawBridgeSettings, "macaw_cli.model.bridges.macaw:MacawBridge"),
    BridgeEntry(MlpBridgeSettings, "macaw_cli.model.bridges.mlp:MlpBridge"),
    BridgeEntry(PatchBridgeSettings, "macaw_cli.model.bridges.patch:PatchBridge"),
    BridgeEntry(PatchMergeBridgeSettings, "macaw_cli.model.bridges.patch_merge:PatchMergeBridge"),
    BridgeEntry(PixelShuffleBridgeSettings, "macaw_cli.model.bridges.pixel_shuffle:PixelShuffleBridge"),
    BridgeEntry(PooledBridgeSettings, "macaw_cli.model.bridges.pooled:PooledBridge"),
    BridgeEntry(QFormerBridgeSettings, "macaw_cli.model.bridges.q_former:QFormerBridge"),
    BridgeEntry(QueryDecoderBridgeSettings, "macaw_cli.model.bridges.query_decoder:QueryDecoderBridge"),
    BridgeEntry(ResamplerBridgeSettings, "macaw_cli.model.bridges.resampler:ResamplerBridge"),
    BridgeEntry(TokenPackerBridgeSettings, "macaw_cli.model.bridges.token_packer:TokenPackerBridge"),
    BridgeEntry(UltravoxBridgeSettings, "macaw_cli.model.bridges.ultravox:UltravoxBridge"),
    BridgeEntry(UpmBridgeSettings, "macaw_cli.model.bridges.upm:UpmBridge"),
    BridgeEntry(VisualVocabularyBridgeSettings, "macaw_cli.model.bridges.visual_vocabulary:VisualVocabularyBridge"),
)
_RESERVED = tuple(name for name, row in MODALITIES_TABLE.items() if row.original)

TABLE, PACKAGES = with_plug_ins(GROUP, BridgeEntry, "a bridge", BUILT_IN, reserved=_RESERVED)
"""The rows by name, and the package of each row that is not macaw's."""
DESIGNS: Mapping[str, type[BridgeDesign]] = MappingProxyType({name: row.settings for name, row in TABLE.items()})
"""Name to settings."""
DEFAULT = "macaw"
"""The design where none is named."""


def default_design(name: str = DEFAULT, options: Iterable[tuple[str, Any]] = ()) -> BridgeDesign:
    """The settings where nothing is chosen.

    Args:
        name: the default of a modality.
        options: its own defaults of the design's settings.

    Raises:
        UsageError: a package has added a modality with a default that no design is called.
    """
    if name not in DESIGNS:
        raise UsageError(f"A modality has the default bridge {name}, which there is not.", "Repair its package.")
    return DESIGNS[name](**dict(options))

"""The configuration of a Macaw model: the LLM's own, the bridge's, and where media stand in `input_ids`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, field, replace
from types import MappingProxyType
from typing import Any, Self

from transformers import AutoConfig, PretrainedConfig
from transformers.configuration_utils import SubConfigSpec

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.bridges.designs import BridgeSettings, read_bridge, saved_bridge
from macaw_cli.config.bridges.entry import BridgeDesign
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.config.injections.designs import read_injection
from macaw_cli.config.injections.entry import InjectionDesign
from macaw_cli.config.injections.none import NoInjectionSettings
from macaw_cli.config.saved_settings import saved_settings
from macaw_cli.config.view_settings import ViewSettings, view_class
from macaw_cli.encoders.views import View, view_of
from macaw_cli.modalities.table import ENCODER_OF, MODALITIES, Modality, named_in, require_known, token_ids
from macaw_cli.model.earlier_bridges import require_unchanged_bridges, with_windows
from macaw_cli.model.saved_config import CheckedConfig

FORMAT_VERSION = 3
"""In 2, windows and heads of an imported checkpoint stood beside the settings of its bridge. In 1, the default form of
the `macaw` bridge had no input norm, a linear projection and more alignment heads."""
EMBEDDING_SIZES = ("word_embed_proj_dim", "embedding_size", "hidden_size")
"""What configurations call the width of an LLM's embeddings, the exceptions first."""


class MacawConfig(CheckedConfig):
    """Everything that is needed to build the model without weights.

    Ids from the LLM's vocabulary size V upwards stand for media in `input_ids` and own no row of the LLM's matrix and
    no logit: see `macaw_cli.modalities.table.token_ids`.
    """

    model_type = "macaw"
    # each row names the type that is meant when a sub-configuration has none
    sub_configs_defaults = {  # noqa: RUF012 - read by transformers as a class attribute without annotation
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="llama"),
        "image_encoder_config": SubConfigSpec(config_class=AutoConfig, model_type="clip_vision_model", optional=True),
        "audio_encoder_config": SubConfigSpec(config_class=AutoConfig, model_type="whisper", optional=True),
    }

    text_config: dict[str, Any] | PretrainedConfig | None = None
    """Configuration of the LLM."""
    image_encoder_config: dict[str, Any] | PretrainedConfig | None = None
    """Configuration of the image encoder, when it is part of the model."""
    audio_encoder_config: dict[str, Any] | PretrainedConfig | None = None
    """Configuration of the audio encoder, when it is part of the model."""
    bridge: dict[str, Any] = field(default_factory=dict)
    """Settings of one design, or of one per modality under the modality's name; absent ones have their defaults."""
    injection: dict[str, Any] = field(default_factory=dict)
    """Settings of the injection; empty where there is none."""
    feature_shapes: dict[str, list[int]] = field(default_factory=dict)
    """Modality to the shape of one medium's features, [N, C] or for video [F, N, C], as the bridge reads them: after
    the view; only these have a bridge."""
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Modality to the fields of its `AudioView` or `ImageView`; absent ones have their defaults."""
    expert_texts: dict[str, Any] = field(default_factory=dict)
    """What the model reads of experts' texts: `experts` as a dataset describes them, `media` kept or replaced,
    `max_words` and `system`; empty where it reads none."""
    encoders: dict[str, dict[str, Any]] = field(default_factory=dict)
    """`image` and `audio` to the fields of `EncoderSettings`; `model` is a hub id or relative to the model folder."""
    fingerprints: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Modality to the encoder fingerprint of the features that the model was trained on."""
    soft_token_ids: dict[str, int] = field(default_factory=dict)
    """Modality to the id that stands for one soft token."""
    begin_end_ids: dict[str, list[int]] = field(default_factory=dict)
    """Modality to the ids of its begin and end token."""
    null_token_ids: dict[str, int] = field(default_factory=dict)
    """Modality to the id that stands for one soft token of an absent medium (`null_features`)."""
    surrounding_ids: dict[str, list[list[int]]] = field(default_factory=dict)
    """Instead of begin and end tokens, as in other families: modality to the LLM's ids before and after a medium."""
    line_behind_media: bool = True
    """Whether media without a place of their own stand on a line of their own in a chat template."""
    null_features: bool = False
    """As published: all three blocks in every example, absent media being the encoders' features of zeros."""
    format_version: int = FORMAT_VERSION
    """Version of the model folder."""

    def __post_init__(self, **kwargs: Any) -> None:
        """Fill in the ids above the vocabulary and refuse a folder that this macaw cannot read.

        Raises:
            MismatchError: the format version is newer than this program's, or 1 with a bridge whose form has changed;
                or a package that adds one of its modalities is not installed.
        """
        windows, heads = kwargs.pop("conv", {}), kwargs.pop("align_heads", None)  # of format version 2
        self.begin_end_ids = self.begin_end_ids or kwargs.pop("tag_ids", {})  # earlier names of both
        self.null_features = self.null_features or kwargs.pop("null_media", False)
        super().__post_init__(**kwargs)
        if self.format_version > FORMAT_VERSION:
            raise MismatchError(
                f"The model has format version {self.format_version}; this macaw reads only up to {FORMAT_VERSION}.",
                f"Install a macaw that reads version {self.format_version}: pip install --upgrade macaw-cli.",
            )
        if self.format_version < FORMAT_VERSION:
            require_unchanged_bridges(self)
            self.bridge = with_windows(self, windows, heads)
            self.format_version = FORMAT_VERSION  # saving writes the current format
        if self.null_features and self.injection:
            raise MismatchError("A model that reads null features cannot have an injection.", "Leave one out.")
        require_known(self.feature_shapes, "The model", self.fingerprints)
        ids = token_ids(self.vocabulary_size, named_in(self.feature_shapes))
        self.soft_token_ids = self.soft_token_ids or ids.soft
        self.begin_end_ids = self.begin_end_ids or ({} if self.surrounding_ids else ids.begin_end)
        self.null_token_ids = self.null_token_ids or ids.null
        self.tie_word_embeddings = getattr(self.text_config, "tie_word_embeddings", False)

    @classmethod
    def for_llm(  # noqa: PLR0913 - what a model is made of
        cls,
        llm_config: PretrainedConfig,
        bridge: BridgeSettings,
        feature_shapes: Mapping[Modality, Sequence[int]],
        encoders: Mapping[str, EncoderSettings] | None = None,
        fingerprints: Mapping[Modality, dict[str, Any]] | None = None,
        *,
        injection: InjectionDesign = NoInjectionSettings(),  # noqa: B008 - frozen
        views: ViewSettings = ViewSettings(),  # noqa: B008 - frozen
        null_features: bool = False,
        surrounding_ids: Mapping[Modality, Sequence[Sequence[int]]] = MappingProxyType({}),
    ) -> Self:
        """The configuration of a new model.

        Args:
            llm_config: configuration of any causal LLM of transformers.
            bridge: settings of one design, or of one per modality.
            feature_shapes: shape of one medium's features after the view, (N, C) or (F, N, C), for every modality to
                be bridged.
            encoders: settings of the `image` and the `audio` encoder.
            injection: settings of the injection.
            fingerprints: encoder fingerprint per modality.
            views: what is done to features when they are read.
            null_features: give every example all three media, as published.
            surrounding_ids: modality to the ids before and after a medium, instead of begin and end tokens.
        """
        return cls(
            text_config=llm_config,
            bridge=saved_bridge(bridge, feature_shapes),
            injection={} if injection == NoInjectionSettings() else asdict(injection),
            feature_shapes={name: list(feature_shapes[name]) for name in MODALITIES if name in feature_shapes},
            encoders={name: asdict(settings) for name, settings in (encoders or {}).items()},
            fingerprints=dict(fingerprints or {}),
            views={
                name: asdict(views.of(name))
                for name in MODALITIES
                if name in feature_shapes and views.of(name) != ViewSettings().of(name)
            },
            null_features=null_features,
            surrounding_ids={name: [list(ids) for ids in both] for name, both in surrounding_ids.items()},
        )

    def bridge_settings(self, modality: Modality) -> BridgeDesign:
        """Settings of one modality's bridge.

        Raises:
            MismatchError: a newer macaw saved the model, with a design or an option that this one does not have.
        """
        return read_bridge(self.bridge, modality)

    @property
    def injection_settings(self) -> InjectionDesign:
        """Settings of the injection.

        Raises:
            MismatchError: a newer macaw saved the model, with a design or an option that this one does not have.
        """
        return read_injection(self.injection)

    def encoder_settings(self, modality: Modality) -> EncoderSettings:
        """Settings of the encoder that makes the features of `modality`, which has one."""
        return saved_settings(EncoderSettings, self.encoders.get(ENCODER_OF[modality], {}), "its encoder")

    @property
    def view_settings(self) -> ViewSettings:
        """The views as the dataclass."""
        saved = {name: self.views[name] for name in MODALITIES if name in self.views}
        made: Any = {name: saved_settings(view_class(name), one, f"the view of {name}") for name, one in saved.items()}
        return replace(ViewSettings(), **made)

    def raw_view(self, modality: Modality) -> View:
        """What is done to features that the encoder has just made: padding is dropped, then the view."""
        return view_of(modality, self.view_settings, self.fingerprints.get(modality, {}), raw=True)

    def encoder_config(self, modality: Modality) -> PretrainedConfig | None:
        """Configuration of the encoder inside the model; None where it is not inside, or there is none."""
        return getattr(self, f"{ENCODER_OF[modality]}_encoder_config") if modality in ENCODER_OF else None

    @property
    def video_frames(self) -> int:
        """Frames that are taken of a video."""
        return int(self.fingerprints.get("video", {}).get("frames") or self.feature_shapes["video"][0])

    @property
    def pool_frames(self) -> int | None:
        """Frames to which those of a video are averaged down; None keeps all."""
        pooled: int | None = self.fingerprints.get("video", {}).get("pool_frames")
        return pooled

    @property
    def audio_windows(self) -> int:
        """Windows of the audio encoder's length that are heard of an audio file at most."""
        return int(self.fingerprints.get("audio", {}).get("audio_windows", 1))

    @property
    def vocabulary_size(self) -> int:
        """V: rows of the LLM's embedding matrix; ids from here on stand for media."""
        return int(self.text_config.vocab_size)  # type: ignore[union-attr]

    @property
    def embedding_size(self) -> int:
        """D: the width of the LLM's embeddings; its hidden size, unless its embeddings are narrower than its layers."""
        widths = (getattr(self.text_config, name, None) for name in EMBEDDING_SIZES)
        return next(hidden_size for hidden_size in widths if isinstance(hidden_size, int))

    @property
    def initial_embedding_std(self) -> float:
        """Standard deviation that the LLM's own random embeddings have."""
        return float(getattr(self.text_config, "initializer_range", 0.02))

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The bridged modalities, in the order of their blocks."""
        return tuple(name for name in MODALITIES if name in self.feature_shapes)

    @property
    def placed_modalities(self) -> tuple[Modality, ...]:
        """Those that have ids: they may be more than the bridged ones, and fewer than the table has now."""
        return tuple(name for name in MODALITIES if name in self.soft_token_ids)

    @property
    def last_media_id(self) -> int:
        """The largest id that stands for media."""
        pairs = [identity for pair in self.begin_end_ids.values() for identity in pair]
        return max([*self.soft_token_ids.values(), *pairs, *self.null_token_ids.values()])

    @property
    def begin_end_outside(self) -> bool:
        """Whether begin and end tokens have an embedding of their own; in a published checkpoint the LLM's has them."""
        pairs = self.begin_end_ids.values()
        return bool(pairs) and all(identity >= self.vocabulary_size for pair in pairs for identity in pair)

    def text_identity(self) -> dict[str, Any]:
        """All that decides how a conversation becomes ids, but for the number of placeholders of each medium."""
        names = ["soft_token_ids", "begin_end_ids", "null_token_ids", "null_features", "surrounding_ids", "modalities"]
        return {name: getattr(self, name) for name in names + ["line_behind_media"] * (not self.line_behind_media)}

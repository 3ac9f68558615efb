"""Settings of `macaw extract-features`: which encoders, which of their outputs, and how the work is done."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from macaw_cli.config.setting_types import Texts, named
from macaw_cli.modalities.table import TABLE, EncoderRole, Modality

Precision = Literal["auto", "fp32", "tf32", "bf16", "fp16"]


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderSettings:
    """Which frozen encoder, and which of its outputs becomes the stored feature."""

    model: str = ""
    """Folder or hub id of the encoder, such as `openai/clip-vit-base-patch16`."""
    revision: str = ""
    """Hub revision; empty means the newest."""
    layer: int | Annotated[tuple[int, ...], Field(min_length=1)] = -1
    """Which hidden state is taken: -1 is the last one, -2 the one before (as in LLaVA). Of several, such as
    `[4, 8, 12]`, the tokens stand one after another."""
    cls: Literal["drop", "keep", "only"] = "drop"
    """What happens to the class token, where the encoder has one."""
    post_layernorm: bool = False
    """Whether the vision tower's final layer norm is applied to every token."""
    projection: bool = True
    """Whether the encoder's own projection (CLIP's `visual_projection`) is applied, where it has one."""
    l2: bool = False
    """Whether each token is divided by its L2 norm."""
    pool: Annotated[str, Field(pattern=r"^(mean|head|[1-9]\d*(x[1-9]\d*)?)?$")] = ""
    """Tokens averaged down: `mean` to one, `14x14` over an image's grid, `500` over the time of audio; `head` is
    SigLIP's own attention pooling to one; empty: not."""
    image_size: Annotated[int, Field(ge=1)] | None = None
    """Side in pixels at which images are encoded, the position embeddings interpolated; `null` is the encoder's own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesSettings:
    """What the series of a store have in common."""

    channels: Annotated[int, Field(ge=1)] = 1
    """Columns of numbers that every file has; dates and other text are left out."""
    longest: Annotated[int, Field(ge=1, le=65536)] = 1024
    """Most steps of a file; a longer one is rejected."""

    @property
    def shape(self) -> tuple[int, int]:
        """(tokens of the longest medium, channels)."""
        return self.longest, self.channels


@dataclass(frozen=True, kw_only=True, slots=True)
class FmriSettings:
    """What the fMRI vectors of a store have in common."""

    voxels: Annotated[int, Field(ge=1, le=1 << 20)] = 15724
    """Numbers of a vector; the default is that of the first subject of NSD, as OneLLM takes it."""

    @property
    def shape(self) -> tuple[int, int]:
        """(tokens, channels): one token that holds all voxels."""
        return 1, self.voxels


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureSettings:
    """`macaw extract-features`: media files to feature shards."""

    sources: Texts = ()
    """Files, folders, patterns or JSONL manifests to read."""
    out: str = "features"
    """Folder of the feature store."""
    image_encoder: Annotated[EncoderSettings, named("model")] = EncoderSettings()
    """Encoder of images and video frames."""
    audio_encoder: Annotated[EncoderSettings, named("model")] = EncoderSettings(projection=False)
    """Encoder of audio files and soundtracks."""
    series: SeriesSettings = SeriesSettings()
    """What series have in common."""
    fmri: FmriSettings = FmriSettings()
    """What fMRI vectors have in common."""
    frames: Annotated[int, Field(ge=1)] = 6
    """Frames taken from a video, at evenly spaced times."""
    pool_frames: Annotated[int, Field(ge=1)] | None = None
    """Frames that are stored of a video: those taken are averaged down to so many; `null` stores all."""
    audio_windows: Annotated[int, Field(ge=1)] = 1
    """Windows of the audio encoder's own length (Whisper: 30 s) that are encoded of long audio, one after another."""
    audio_padding: Literal["drop", "keep"] = "drop"
    """Tokens beyond the end of the audio, where the audio encoder pads all audio to a window (Whisper: 30 s, 1500
    tokens): `drop` stores only the tokens before the end, `keep` the whole window, as published checkpoints expect."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the encoders run."""
    precision: Precision = "auto"
    """Number format of the encoders' computation; `auto` is that of the store, in a new one tf32 on a GPU and fp32 on
    a CPU. Features are always stored as fp16."""
    batch_size: Annotated[int, Field(ge=1)] | None = None
    """Media (or frames) per encoder call; `null` takes what is fast: 8 on a CPU, 64 on a GPU."""
    shard_items: Annotated[int, Field(ge=1)] = 512
    """Media per shard."""
    workers: Annotated[int, Field(ge=1)] | None = None
    """Decoder processes; `null` takes one per core."""
    engine: Literal["local", "ray"] = "local"
    """Where the work runs: on this machine, or as Ray Data actors over a cluster."""
    video_decoder: Literal["pyav", "decord"] = "pyav"
    """Decoder of video files; `decord` serves where it gives the same frames, and PyAV takes the rest."""
    decode_timeout_s: Annotated[float, Field(gt=0)] = 60.0
    """Seconds after which the decoding of one file is given up and its process ended."""
    decode_memory_mib: Annotated[int, Field(ge=512)] = 4096
    """Memory that one decoder process may have, in MiB; a file that needs more is rejected."""
    max_reject_ratio: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of unreadable inputs above which the command ends with exit code 1."""

    def encoder_of(self, role: EncoderRole) -> EncoderSettings:
        """The settings of one of the encoders."""
        found: EncoderSettings = getattr(self, f"{role}_encoder")
        return found

    def shapes(self) -> dict[Modality, tuple[int, int]]:
        """(tokens of the longest medium, channels) of each modality without an encoder."""
        found = {name: row.feature_shape for name, row in TABLE.items() if row.feature_shape is not None}
        return found | {name: getattr(self, name).shape for name in found if TABLE[name].sized}

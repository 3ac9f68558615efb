"""`macaw`: a few soft tokens per medium, aligned to the LLM's embedding matrix by attention.

Source: Macaw-LLM (arXiv 2306.09093, section 3.2) and its code. The default form is macaw's own.

Letters: B media, N feature tokens, C channels, K soft tokens of all media, V rows and D columns of the matrix.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from macaw_cli.basics.errors import UsageError
from macaw_cli.modalities.table import TABLE, Modality
from macaw_cli.model.alignment import folding_is_cheaper, operations
from macaw_cli.model.bridges.attention import AlignmentAttention, SelfAttention
from macaw_cli.model.bridges.bridge import Bridge, BridgeContext
from macaw_cli.model.bridges.calibrated_norm import root_mean_square
from macaw_cli.model.bridges.convolution import WindowConvolution
from macaw_cli.model.bridges.windows import solve_windows, window_count

if TYPE_CHECKING:
    from macaw_cli.config.bridges.macaw import MacawBridgeSettings
    from macaw_cli.model.configuration import MacawConfig


class MacawBridge(Bridge):
    """Convolution over windows of feature tokens, projection to D, attention to the embedding matrix.

    Two variants. `paper` is the published form (arXiv 2306.09093, section 3.2), for its checkpoints. It learns slowly:
    at the start the attention over thousands of small, similar rows is almost uniform, so every medium becomes nearly
    the same vector. The default form (`residual=True`) changes this:
    - features are normalised, and the projection is an MLP: with a nonlinearity it learns faster;
    - what enters an attention is added to what leaves it, so the features reach the LLM from the first step;
    - soft tokens are brought to RMS 1 and the matrix is divided by its own RMS before they meet, so that the attention
      has scores of order 1 instead of 1e-4 and is not uniform at the start;
    - the alignment has one head, which costs a fraction: each soft token is moved towards one mixture of words;
    - the result is multiplied by the matrix's RMS: soft tokens enter the LLM as large as its own words. Larger ones
      would drown what its first layers add to the residual stream, smaller ones would be drowned by it.

    Args:
        channels: C.
        hidden_size: D, a multiple of `align_heads`.
        kernel: feature tokens per window.
        stride: feature tokens from one window to the next.
        heads: of the video self-attention, which divides C.
        align_heads: of the alignment.
        dropout: of the attention weights while training.
        over_time: whether a self-attention over all tokens comes first (video).
        residual: the default form; False is the published one.
        unit: RMS of the embedding matrix; `calibrate` measures it.
    """

    needs = frozenset({"embedding_matrix"})
    embedding_rms: Tensor

    def __init__(  # noqa: PLR0913 - sizes are keywords
        self, channels: int, hidden_size: int, kernel: int, stride: int, *,
        heads: int, align_heads: int, dropout: float, over_time: bool, residual: bool, unit: float = 0.02,
    ) -> None:  # fmt: skip
        super().__init__()
        self.residual = residual
        self.initial_rms = unit
        self.input_norm = nn.LayerNorm(channels) if residual else None
        self.self_attention = SelfAttention(channels, heads, dropout) if over_time else None
        self.convolution = WindowConvolution(channels, channels, kernel, stride)
        self.projection = _mlp(channels, hidden_size) if residual else nn.Linear(channels, hidden_size)
        self.alignment = AlignmentAttention(hidden_size, align_heads, dropout)
        if residual:
            self.register_buffer("embedding_rms", torch.tensor(unit))

    @classmethod
    def from_config(cls, config: "MacawConfig", modality: Modality) -> Self:
        """A bridge with initial weights for the sizes in `config`.

        Raises:
            UsageError: the heads do not divide D or, for video, C.
        """
        settings = cast("MacawBridgeSettings", config.bridge_settings(modality))
        channels = config.feature_shapes[modality][-1]
        hidden_size, over_time = config.embedding_size, TABLE[modality].feature_rank == 3
        residual = settings.variant == "default"
        align_heads = settings.heads_of_alignment()
        _require_divisible("the LLM's hidden size", hidden_size, "alignment_heads", align_heads)
        if over_time:
            _require_divisible("the number of channels of video features", channels, "heads", settings.heads)
        kernel, stride = windows_of(config, modality)
        return cls(
            channels, hidden_size, kernel, stride, heads=settings.heads, align_heads=align_heads,
            dropout=settings.dropout, over_time=over_time, residual=residual, unit=config.initial_embedding_std,
        )  # fmt: skip

    @staticmethod
    def soft_tokens(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
        """Windows of the convolution over all tokens of the medium, frames one after the other.

        Longer media than `config.feature_shapes` says make more soft tokens, shorter ones fewer, but at least one: what
        is shorter than one window is filled with zeros.
        """
        kernel, stride = windows_of(config, modality)
        return window_count(max(prod(shape[:-1]), kernel), kernel, stride)

    def smallest_input(self) -> tuple[int, int]:
        """(kernel, C): one window."""
        return self.convolution.kernel_size[0], self.convolution.in_channels

    @torch.no_grad()
    def calibrate(self, embedding_matrix: Tensor) -> None:
        """Measure the RMS of a pretrained embedding matrix (V, D), once, when the model is built."""
        if self.residual:
            self.embedding_rms.fill_(root_mean_square(embedding_matrix))

    def initialise(self) -> None:
        """Windows start as the mean of their tokens, and the alignment adds nothing until it has learned what to add.

        The published form starts as torch's layers do.
        """
        if self.residual:
            init.constant_(self.embedding_rms, self.initial_rms)
            init.copy_(self.convolution.weight, _mean_of_window(self.convolution))
            init.zeros_(self.convolution.bias)
            init.zeros_(self.alignment.out_proj.weight)

    @staticmethod
    def extra_memory(config: "MacawConfig", modality: Modality, soft_tokens: int, value_bytes: int) -> float:
        """Memory of the alignment: its scores and probabilities, or the projected matrix."""
        heads = cast("MacawBridgeSettings", config.bridge_settings(modality)).heads_of_alignment()
        rows, hidden_size = config.vocabulary_size, config.embedding_size
        if folding_is_cheaper(soft_tokens, rows, hidden_size, heads):
            return soft_tokens * heads * rows * (2 * value_bytes + 2 * 4)
        return rows * hidden_size * 4 * value_bytes

    @staticmethod
    def extra_operations(config: "MacawConfig", modality: Modality, soft_tokens: int) -> float:
        """Operations of the alignment, its query and output projections included."""
        heads = cast("MacawBridgeSettings", config.bridge_settings(modality)).heads_of_alignment()
        return operations(soft_tokens, config.vocabulary_size, config.embedding_size, heads) if soft_tokens else 0.0

    def forward(self, features: Sequence[Tensor], context: BridgeContext) -> Tensor:
        """Soft tokens (K, D) of all media, one after the other."""
        kernel, stride = self.convolution.kernel_size[0], self.convolution.stride[0]
        media = [_filled(medium.flatten(0, -2), kernel) for medium in features]
        lengths = [medium.shape[0] for medium in media]
        tokens = nn.utils.rnn.pad_sequence(media, batch_first=True)
        if self.input_norm is not None:
            tokens = self.input_norm(tokens)
        if self.self_attention is not None:
            tokens = tokens + _kept_sinusoid(tokens.shape[1], tokens.shape[2], tokens.device, tokens.dtype)
            attended = self.self_attention(tokens, lengths)
            tokens = tokens + attended if self.residual else attended
        windows = self.convolution(tokens)
        counts = [window_count(length, kernel, stride) for length in lengths]
        soft: Tensor = self.projection(torch.cat([row[:count] for row, count in zip(windows, counts, strict=True)]))
        if not self.residual:
            return self.alignment(soft, context.embedding_matrix)  # type: ignore[no-any-return]
        soft = F.rms_norm(soft, soft.shape[-1:])
        aligned: Tensor = self.alignment(soft, context.embedding_matrix, self.embedding_rms)
        return (soft + aligned) * self.embedding_rms


def windows_of(config: "MacawConfig", modality: Modality) -> tuple[int, int]:
    """Kernel and stride of a modality: as the settings say, else from the wanted number of soft tokens."""
    settings = cast("MacawBridgeSettings", config.bridge_settings(modality))
    if settings.windows is not None:
        kernel, stride = settings.windows
        return kernel, stride
    available = prod(config.feature_shapes[modality][:-1])  # fewer soft tokens where there are fewer feature tokens
    wanted = getattr(settings, f"{modality}_tokens", None)  # a modality of another package has no key of its own
    return solve_windows(available, wanted or min(TABLE[modality].default_soft_tokens, available))


def _mean_of_window(convolution: nn.Conv1d) -> Tensor:
    """The weight of a convolution that averages its window, channel by channel."""
    channels, _, kernel = convolution.weight.shape
    identity = torch.eye(channels, device=convolution.weight.device, dtype=convolution.weight.dtype)
    return (identity / kernel)[:, :, None].expand(-1, -1, kernel)


def _mlp(channels: int, hidden_size: int) -> nn.Module:
    return nn.Sequential(nn.Linear(channels, hidden_size), nn.GELU(), nn.Linear(hidden_size, hidden_size))


def _filled(tokens: Tensor, kernel: int) -> Tensor:
    """The tokens (N, C) of one medium, followed by zeros up to one window."""
    count = tokens.shape[0]  # not `len`, of which an export to ONNX makes a constant
    return F.pad(tokens, (0, 0, 0, kernel - count)) if count < kernel else tokens


def sinusoid(positions: int, channels: int) -> Tensor:
    """The published code's fixed position code, (positions, channels) fp32.

    Its frequencies are `10000^(-4k/C)`, not the usual `10000^(-2k/C)`: the exponent is doubled there.
    """
    pairs = torch.arange((channels + 1) // 2, dtype=torch.float32)
    angles = torch.arange(positions, dtype=torch.float32)[:, None] * 10000.0 ** (-4 * pairs / channels)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :channels]


@lru_cache(maxsize=16)
def _kept_sinusoid(positions: int, channels: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """`sinusoid` where it is used; it is made on the CPU, and a GPU would be waited for each time it is copied."""
    with torch.inference_mode(False):  # what is made in inference mode cannot be used in training
        return sinusoid(positions, channels).to(device, dtype)


def _require_divisible(what: str, size: int, key: str, heads: int) -> None:
    if size % heads:
        raise UsageError(
            f"{what[0].upper()}{what[1:]}, {size}, is not a multiple of the {heads} heads (bridge.{key}).",
            f"Set bridge.{key} to a divisor of {size}.",
        )

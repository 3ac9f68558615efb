"""How many windows a strided convolution makes, and which kernel and stride make a wanted number."""

from macaw_cli.basics.errors import UsageError

PUBLISHED = {(196, 5): (48, 36), (1500, 6): (240, 220), (1176, 39): (36, 30)}
"""(feature tokens, soft tokens) to (kernel, stride), as the published model has them for image, audio and video."""


def window_count(tokens: int, kernel: int, stride: int) -> int:
    """Windows of a convolution without padding over `tokens` positions; 0 when the kernel does not fit once."""
    return (tokens - kernel) // stride + 1 if tokens >= kernel else 0


def solve_windows(tokens: int, wanted: int) -> tuple[int, int]:
    """Kernel and stride that turn `tokens` positions into exactly `wanted` windows.

    Outside the published sizes the stride is the largest whole share and the kernel reaches to the last position, so
    every feature token is seen, and neighbouring windows overlap by less than `wanted` positions.

    Args:
        tokens: feature tokens N, at least 1.
        wanted: soft tokens K, at least 1.

    Raises:
        UsageError: more windows are wanted than there are positions.
    """
    if wanted > tokens:
        raise UsageError(
            f"{wanted} soft tokens cannot be made from {tokens} feature tokens.",
            f"Set bridge.image_tokens, bridge.audio_tokens or bridge.video_tokens to {tokens} or less.",
        )
    if (tokens, wanted) in PUBLISHED:
        return PUBLISHED[tokens, wanted]
    stride = tokens // wanted
    return tokens - (wanted - 1) * stride, stride

"""Limits on media of strangers, checked by what a file says of itself before it is decoded, and by what comes out."""

from dataclasses import dataclass

from macaw_cli.basics.errors import InputError


class TooLarge(InputError):
    """A medium that is larger or longer than the limits allow."""


@dataclass(frozen=True, kw_only=True)
class SizeLimits:
    """What a medium may have at most.

    Attributes:
        pixels: of an image, or of a frame of a video.
        frames: of a video file, however few of them are used.
        seconds: of audio and video.
    """

    pixels: int
    frames: int
    seconds: float

    def require_pixels(self, path: str, width: int, height: int) -> None:
        """Refuse an image or a frame.

        Raises:
            TooLarge: it has too many pixels.
        """
        if width * height > self.pixels:
            found, most = width * height / 1e6, self.pixels / 1e6
            raise TooLarge(f"{path} has {width} x {height} pixels ({found:.1f} million; at most {most:g} are taken).")

    def require_frames(self, path: str, count: int) -> None:
        """Refuse a video.

        Raises:
            TooLarge: it has too many frames.
        """
        if count > self.frames:
            raise TooLarge(f"{path} has {count} frames; at most {self.frames} are taken.")

    def require_seconds(self, path: str, seconds: float) -> None:
        """Refuse audio or a video.

        Raises:
            TooLarge: it is too long.
        """
        if seconds > self.seconds:
            raise TooLarge(f"{path} is {seconds:.1f} s long; at most {self.seconds:g} s are taken.")

"""The error of a file without audio, which a video may be."""

from macaw_cli.basics.errors import InputError


class NoAudio(InputError):
    """A file has no audio, none in the clip that was asked for, or none that can be used.

    Reading it again gives the same: a decoder that was lost and a file above a limit are other errors.
    """

"""`msvd-qa`: questions about the videos of MSVD, which are named in a file of their own."""

from functools import cached_property

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.json_rows import text_lines
from macaw_cli.config.tasks.msvd_qa import MsvdQaSettings
from macaw_cli.evaluation.tasks.task import About
from macaw_cli.evaluation.tasks.video_qa import FIGURES, VideoQa

MAPPING = "youtube_mapping.txt"


class MsvdQa(VideoQa[MsvdQaSettings]):
    """MSVD-QA (Xu et al. 2017, ACM Multimedia)."""

    about = About(
        what="questions about short videos, answered with one word",
        paper="Video Question Answering via Gradually Refined Attention, ACM Multimedia 2017",
        data="https://github.com/xudejing/video-question-answering, videos:"
        " https://www.cs.utexas.edu/~ml/clamp/videoDescription",
        licence="MIT, that of the repository; videos under their own terms",
        files="`path`: `test_qa.json`, beside it `youtube_mapping.txt`; `media`:"
        " `YouTubeClips/` or `video/`, with clips called as on YouTube or as `vid1.avi`",
        figures=FIGURES,
    )

    def files_of(self, video: int) -> tuple[str, ...]:
        """A video is called as on YouTube; `youtube_mapping.txt` says how."""
        names = [name for name in (self._mapping.get(f"vid{video}"), f"vid{video}") if name]
        folders = ("", "video/", "YouTubeClips/")
        return tuple(f"{folder}{name}{suffix}" for name in names for folder in folders for suffix in (".avi", ".mp4"))

    @cached_property
    def _mapping(self) -> dict[str, str]:
        """`vid1` and the like to the name of the clip; nothing where the file is missing."""
        file = self.path.with_name(MAPPING)
        pairs = (line.split() for _, line in text_lines(file)) if file.is_file() else ()
        found = {}
        for pair in pairs:
            if len(pair) != 2:
                raise InputError(f"{file} has a line that is no pair of names: {' '.join(pair)[:60]}.")
            found[pair[1]] = pair[0]
        return found

"""`msrvtt-qa`: questions about the videos of MSR-VTT."""

from macaw_cli.config.tasks.msrvtt_qa import MsrvttQaSettings
from macaw_cli.evaluation.tasks.task import About
from macaw_cli.evaluation.tasks.video_qa import FIGURES, VideoQa


class MsrvttQa(VideoQa[MsrvttQaSettings]):
    """MSRVTT-QA (Xu et al. 2017, ACM Multimedia)."""

    about = About(
        what="questions about videos of the web, answered with one word",
        paper="Video Question Answering via Gradually Refined Attention, ACM Multimedia 2017",
        data="https://github.com/xudejing/video-question-answering, videos: MSR-VTT",
        licence="MIT, that of the repository; videos under their own terms",
        files="`path`: `test_qa.json`; `media`: the folder of `video7010.mp4` and others",
        figures=FIGURES,
    )

    def files_of(self, video: int) -> tuple[str, ...]:
        """`video7010.mp4`, also in a folder of its split."""
        name = f"video{video}.mp4"
        return name, *(f"{folder}/{name}" for folder in ("video", "videos", "TestVideo", "all"))

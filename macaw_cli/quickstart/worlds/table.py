"""The worlds that there are; a world's place in the table is part of the seeds of its files."""

from collections.abc import Iterable

from macaw_cli.basics.errors import UsageError
from macaw_cli.quickstart.worlds.audio import AudioWorld
from macaw_cli.quickstart.worlds.depth import DepthWorld
from macaw_cli.quickstart.worlds.fmri import FmriWorld
from macaw_cli.quickstart.worlds.image import ImageWorld
from macaw_cli.quickstart.worlds.imu import ImuWorld
from macaw_cli.quickstart.worlds.normal import NormalWorld
from macaw_cli.quickstart.worlds.points import PointsWorld
from macaw_cli.quickstart.worlds.series import SeriesWorld
from macaw_cli.quickstart.worlds.video import VideoWorld
from macaw_cli.quickstart.worlds.world import World

WORLDS: tuple[World, ...] = (
    ImageWorld(), AudioWorld(), VideoWorld(), SeriesWorld(), ImuWorld(), DepthWorld(), NormalWorld(), PointsWorld(),
    FmriWorld(),
)  # fmt: skip
BY_MODALITY = {world.modality: world for world in WORLDS}


def worlds_of(modalities: Iterable[str]) -> list[World]:
    """The worlds of these modalities, in the order of the table.

    Raises:
        UsageError: there is none of one of them.
    """
    wanted = list(modalities)
    for name in wanted:
        if name not in BY_MODALITY:
            raise UsageError(f"The quickstart has no world of {name}.", f"Choose among {', '.join(BY_MODALITY)}.")
    return [world for world in WORLDS if world.modality in wanted]

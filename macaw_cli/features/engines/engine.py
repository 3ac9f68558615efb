"""What every engine promises, and the one of a single process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from macaw_cli.basics.console import Advance
from macaw_cli.config.feature_settings import FeatureSettings
from macaw_cli.features.journal import Job
from macaw_cli.features.pipeline import Pipeline
from macaw_cli.features.shard_rows import JobResult
from macaw_cli.media.decoder_pool import DecoderPool

if TYPE_CHECKING:
    from macaw_cli.features.encoding import Encoders

Done = Callable[[JobResult], None]


class Engine(Protocol):
    """Does jobs; the shards have the same bytes whichever engine does them."""

    def run(self, jobs: Iterator[Job], done: Done, advance: Advance) -> dict[str, float]:
        """Do `jobs`, asking for each only when somebody is free to begin it.

        Args:
            jobs: written down in the journal before they come out of here.
            done: called with the result of every job, in the order of `jobs`.
            advance: tells the progress.

        Returns:
            Seconds per stage (see `clock`), the mean over all encoders.

        Raises:
            MacawError: the work cannot go on; what was finished has been handed to `done`.
        """


class LocalEngine:
    """One encoder in this process, its decoders in theirs."""

    def __init__(self, encoders: "Encoders", folder: Path, settings: FeatureSettings) -> None:
        self._encoders, self._folder, self._settings = encoders, folder, settings

    def run(self, jobs: Iterator[Job], done: Done, advance: Advance) -> dict[str, float]:
        """See `Engine`."""
        settings = self._settings
        with DecoderPool(settings.workers, settings.decode_timeout_s, settings.decode_memory_mib) as pool:
            pipeline = Pipeline(self._encoders, self._folder, pool, done, advance)
            pipeline.run(jobs)
            return pipeline.clock.seconds

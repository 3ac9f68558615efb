"""What a worker is told so that it works exactly as this process would, and how jobs travel to it: plain JSON."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from macaw_cli.basics.disk import disk_full_is_told
from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.basics.fingerprints import fingerprint
from macaw_cli.basics.locks import LOCK_NAME
from macaw_cli.basics.yaml_text import parse_yaml
from macaw_cli.config.loading import Workspace, parse_settings, settings_yaml
from macaw_cli.features.journal import Job
from macaw_cli.features.pipeline import Pipeline
from macaw_cli.features.shard_rows import JobResult
from macaw_cli.media.decoder_pool import DecoderPool
from macaw_cli.modalities.table import Modality

if TYPE_CHECKING:
    from macaw_cli.features.encoding import Encoders


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """Everything about an extraction but its jobs.

    Attributes:
        root: folder of the workspace.
        settings: as YAML; `features.device` and `features.workers` are the worker's own.
        folder: of the feature store.
        holder: content of the store's lock file: whoever reads the same sees the same folder.
        modalities: of the sources.
        digests: the fingerprint of the encoders of each modality.
        threads: of torch on the CPU, on which the last bits of a feature depend.
    """

    root: str
    settings: str
    folder: str
    holder: str
    modalities: list[Modality]
    digests: dict[Modality, str]
    threads: int

    def for_worker(self, device: Literal["auto", "cpu", "cuda"], decoders: int | None) -> "WorkOrder":
        """The same work on `device` with so many decoder processes, None: one per core."""
        workspace = self.workspace()
        features = replace(workspace.settings.features, device=device, workers=decoders)
        return replace(self, settings=settings_yaml(replace(workspace.settings, features=features)))

    def workspace(self) -> Workspace:
        """The workspace with the settings of the order."""
        return Workspace(Path(self.root), parse_settings(parse_yaml(self.settings, "the work order"), "the work order"))

    def load(self) -> "Encoders":
        """Load the encoders, sure that they are those of the store.

        Raises:
            InputError: the store cannot be seen from here, or an encoder cannot be loaded.
            MismatchError: the encoders here are others.
        """
        self._require_same_folder()
        import torch

        from macaw_cli.features.encoding import load_encoders

        torch.set_num_threads(self.threads)
        encoders = load_encoders(self.workspace(), set(self.modalities))
        for modality, digest in self.digests.items():
            if (found := fingerprint(encoders.fingerprints[modality])) != digest:
                raise MismatchError(
                    f"The {modality} encoder on {_host()} has fingerprint {found}, but the one here has {digest}.",
                    "Give every machine the same encoder, best in a shared folder.",
                )
        return encoders

    def run(
        self,
        encoders: "Encoders",
        jobs: Iterator[Job | None],
        done: Callable[[JobResult], None],
        advance: Callable[[int, dict[str, float]], None],
    ) -> None:
        """Do `jobs`; `advance` gets the number of media and the seconds per stage so far."""
        settings = self.workspace().settings.features
        with (
            disk_full_is_told(Path(self.folder)),
            DecoderPool(settings.workers, settings.decode_timeout_s, settings.decode_memory_mib) as pool,
        ):

            def tell(count: int, note: str = "", fewer: int = 0) -> None:
                advance(count, pipeline.clock.seconds)

            pipeline = Pipeline(encoders, Path(self.folder), pool, done, tell)
            pipeline.run(jobs)

    def _require_same_folder(self) -> None:
        try:
            holder = (Path(self.folder) / LOCK_NAME).read_text(encoding="utf-8", errors="replace")
        except OSError:
            holder = ""
        if holder != self.holder:
            raise InputError(
                f"{_host()} does not see the feature store {self.folder}.",
                "Put workspace, media and store into a folder that all machines share under the same path.",
            )


def work_order(workspace: Workspace, folder: Path, encoders: "Encoders", modalities: set[Modality]) -> WorkOrder:
    """The order for the work that this process is about to do; it holds the lock of `folder`."""
    import torch

    digests = {modality: fingerprint(found) for modality, found in encoders.fingerprints.items()}
    holder = (folder / LOCK_NAME).read_text(encoding="utf-8")
    settings = settings_yaml(workspace.settings)
    root, threads = str(workspace.root.absolute()), torch.get_num_threads()
    return WorkOrder(root, settings, str(folder.absolute()), holder, sorted(modalities), digests, threads)


def job_text(job: Job) -> str:
    """A job for another process: the journal's row and what only this run knows of its items."""
    return json.dumps({**job.row(), "items": [asdict(item) for item in job.items]})


def job_of(text: str) -> Job:
    """Back from `job_text`."""
    return Job.from_row(json.loads(text))


def _host() -> str:
    return f"The process {os.getpid()} on {os.uname().nodename}"

"""From `--gpus` and `features.engine` to the engine that does the work."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import ResourceError, UsageError
from macaw_cli.basics.threads import usable_cores
from macaw_cli.config.feature_settings import FeatureSettings
from macaw_cli.config.loading import Workspace
from macaw_cli.features.engines.engine import Engine, LocalEngine
from macaw_cli.features.engines.work_order import work_order
from macaw_cli.modalities.table import Modality

if TYPE_CHECKING:
    from macaw_cli.features.encoding import Encoders


def works_elsewhere(settings: FeatureSettings, gpus: int | None) -> bool:
    """Whether other processes encode, so that this one leaves the GPUs to them.

    Raises:
        UsageError: GPUs were asked for, and not to be used.
        ResourceError: this machine has fewer.
        MissingDependencyError: Ray is not installed.
    """
    if gpus is not None and gpus > 1 and settings.device == "cpu":
        raise UsageError(f"`--gpus {gpus}` requested, but features.device is cpu.", "Leave one of them out.")
    if settings.engine == "ray":
        from macaw_cli.features.engines.ray_cluster import require_ray

        require_ray()
        return True
    return len(gpu_devices(gpus or 1)) > 1


def gpu_devices(gpus: int) -> list[str]:
    """The devices of as many workers; none when the work is for this process alone.

    Raises:
        ResourceError: this machine has fewer.
    """
    if gpus <= 1:
        return []
    import torch

    found = torch.cuda.device_count()
    if gpus > found:
        hint = f"Use `--gpus {found}`, or leave --gpus out."
        raise ResourceError(f"`--gpus {gpus}` requested, but only {counted(found, 'GPU')} found.", hint)
    return [f"cuda:{number}" for number in range(gpus)]


def on_cpu(workspace: Workspace) -> Workspace:
    """The workspace with encoders that take no memory of a GPU."""
    features = replace(workspace.settings.features, device="cpu")
    return Workspace(workspace.root, replace(workspace.settings, features=features))


def choose_engine(
    workspace: Workspace, folder: Path, encoders: "Encoders", modalities: set[Modality], gpus: int | None
) -> Engine:
    """The engine for a store whose lock this process holds."""
    settings = workspace.settings.features
    if settings.engine == "ray":
        from macaw_cli.features.engines.ray_engine import RayEngine

        return RayEngine(work_order(workspace, folder, encoders, modalities), settings, gpus)
    if devices := gpu_devices(gpus or 1):
        from macaw_cli.features.engines.worker_engine import WorkerEngine

        decoders = max(1, (settings.workers or usable_cores()) // len(devices))
        return WorkerEngine(work_order(workspace, folder, encoders, modalities), devices, decoders)
    return LocalEngine(encoders, folder, settings)

"""Doctor's look at the machine and the workspace: cores, memory, disk, hub cache, the models that are named."""

import importlib.util
import platform
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.file_download import repo_folder_name

from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.memory import CONTROL_GROUP, machine_bytes
from macaw_cli.basics.threads import usable_cores
from macaw_cli.config.loading import Workspace
from macaw_cli.inspection.checks import Check
from macaw_cli.inspection.packages import REINSTALL

LITTLE_MEMORY = 4 * 2**30
LITTLE_DISK = 5 * 2**30
TIKTOKEN = "tiktoken.model"
"""The one `.model` that sentencepiece does not read."""


def system() -> Check:
    """Operating system and processor."""
    return Check("platform", "ok", f"{platform.system()} {platform.release()} on {platform.machine()}")


def cpu() -> Check:
    """Cores that this process may use, a container's limit included."""
    cores = float(usable_cores())
    quota, _, period = _cgroup("cpu.max").partition(" ")
    if quota.isdigit() and period.strip().isdigit():
        cores = min(cores, int(quota) / int(period))
    return Check("cpu", "ok", f"{cores:g} cores")


def memory() -> Check:
    """Memory of the machine, a container's limit included."""
    total = machine_bytes()
    if total < LITTLE_MEMORY:
        return Check("memory", "warn", human_bytes(total), "The quickstart takes up to 4 GiB; close other programs.")
    return Check("memory", "ok", human_bytes(total))


def workspace_folder(workspace: Workspace) -> Check:
    """Whether the workspace can be written, and how much room its disk has."""
    try:
        with tempfile.NamedTemporaryFile(dir=workspace.root, prefix=".macaw-doctor-"):
            pass
    except OSError as error:
        return Check("workspace", "missing", f"{workspace.root} cannot be written ({error.strerror})",
                     "Change its permissions, or work in a folder of your own.")  # fmt: skip
    free = shutil.disk_usage(workspace.root).free
    detail = f"{workspace.root} can be written, {human_bytes(free)} free"
    if free < LITTLE_DISK:
        return Check("workspace", "warn", detail, "Features and checkpoints are large: free some space.")
    return Check("workspace", "ok", detail)


def hub_cache() -> Check:
    """Where hub models are kept, and whether the network may be tried."""
    cache = Path(constants.HF_HUB_CACHE)
    count = len(list(cache.glob("models--*"))) if cache.is_dir() else 0
    offline = "offline (HF_HUB_OFFLINE is set)" if constants.HF_HUB_OFFLINE else "downloads allowed"
    return Check("hub", "ok", f"{cache}, {count} models, {offline}")


def named_models(workspace: Workspace) -> Iterator[Check]:
    """Each model that `macaw.yaml` names: a folder, in the cache, still to be downloaded, or out of reach.

    An encoder that cannot be had is a note: whoever has no files of its kind, or features already, needs none.
    """
    features = workspace.settings.features
    encoders = {"image encoder": features.image_encoder.model, "audio encoder": features.audio_encoder.model}
    for role, name in encoders.items():
        if name:
            check = _named_model(role, name, workspace)
            hint = f"Needed only to extract features with it. {check.hint}"
            yield replace(check, status="warn", hint=hint) if check.status == "missing" else check
    if workspace.settings.llm:
        yield _named_model("llm", workspace.settings.llm, workspace)


def _named_model(role: str, name: str, workspace: Workspace) -> Check:
    folder = workspace.path(name)
    if (folder / "config.json").is_file():
        return _tokenizer_of(folder) if role == "llm" else Check(role, "ok", str(folder))
    if folder.is_dir():
        return Check(role, "missing", f"{folder} has no config.json", "Name a folder in the transformers format.")
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        return Check(role, "missing", f"there is no folder {folder}", "Correct the path in macaw.yaml.")
    if Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=name, repo_type="model")).is_dir():
        return Check(role, "ok", f"{name}, in the hub cache")
    if constants.HF_HUB_OFFLINE:
        return Check(role, "missing", f"{name} is neither a folder here nor in the hub cache",
                     f"Unset HF_HUB_OFFLINE, or download it elsewhere: hf download {name}")  # fmt: skip
    return Check(role, "warn", f"{name} will be downloaded on first use", f"To download it now: hf download {name}")


def _tokenizer_of(folder: Path) -> Check:
    """An LLM's folder, whose tokenizer may need a package."""
    names = {file.name for file in folder.iterdir()}
    models = {name for name in names if name.endswith(".model") and name != TIKTOKEN}
    others = {name for name in names if name.startswith(("tokenizer.json", "vocab", "tekken", TIKTOKEN))}
    if models and not others and importlib.util.find_spec("sentencepiece") is None:
        return Check("llm", "missing", f"the {min(models)} in {folder} needs the package sentencepiece", REINSTALL)
    return Check("llm", "ok", str(folder))


def _cgroup(name: str) -> str:
    file = CONTROL_GROUP / name
    return file.read_text() if file.is_file() else ""

"""Doctor's look at the Python packages: are they there, and do they import?"""

import importlib.metadata
import shutil
import sys

from packaging.requirements import Requirement

from macaw_cli.basics import child
from macaw_cli.inspection.checks import PROBE_TIMEOUT_S, Check, Probe, failed, package_probe

DISTRIBUTION = "macaw-cli"
REINSTALL = "pip install -c constraints.txt . in macaw's folder installs every package it needs."
CUDA_DEVICES = (
    "[torch.version.cuda] + [[torch.cuda.get_device_name(i), torch.cuda.get_device_properties(i).total_memory]"
    " for i in range(torch.cuda.device_count())]"
)


def declared() -> Check:
    """Every package that macaw declares, in a version that it was built for."""
    try:
        requirements = [Requirement(line) for line in importlib.metadata.requires(DISTRIBUTION) or []]
    except importlib.metadata.PackageNotFoundError:
        return Check("packages", "warn", f"{DISTRIBUTION} is not installed; only its source is here", REINSTALL)
    needed = [item for item in requirements if item.marker is None or item.marker.evaluate({"extra": ""})]
    absent = [item.name for item in needed if _version(item.name) is None]
    if absent:
        return Check("packages", "missing", f"{', '.join(absent)} not installed", REINSTALL)
    others = [f"{item} (found {_version(item.name)})" for item in needed
              if not item.specifier.contains(_version(item.name) or "", prereleases=True)]  # fmt: skip
    if others:
        return Check("packages", "warn", f"untested versions; required: {', '.join(others)}", REINSTALL)
    return Check("packages", "ok", f"all {len(needed)} that macaw declares")


def python() -> Check:
    """Python 3.11 to 3.13 is what macaw is built for."""
    version = ".".join(map(str, sys.version_info[:3]))
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Check("python", "missing", version, "Use Python 3.11, 3.12 or 3.13.")
    return Check("python", "ok", f"{version} ({sys.executable})")


def torch_and_gpus() -> list[Check]:
    """The torch build and the CUDA devices that it sees."""
    seen = package_probe("torch", CUDA_DEVICES)
    if seen.problem:
        return [failed("torch", seen, REINSTALL)]
    version, (cuda, *devices) = seen.answer
    build = f"{version}, built for {'CUDA ' + cuda if cuda else 'the CPU'}"
    return [Check("torch", "ok", build), _gpus(cuda, devices)]


def transformers() -> Check:
    """Transformers, with the model classes that macaw builds on."""
    seen = package_probe("transformers", "str([transformers.CLIPVisionModelWithProjection, transformers.WhisperModel])")
    return _needed("transformers", seen)


def deepspeed() -> Check:
    """DeepSpeed trains; it exists for Linux only."""
    if sys.platform != "linux":
        return Check("deepspeed", "warn", "not available for this platform",
                     "Training needs Linux. All other commands work here.")  # fmt: skip
    # unset, DeepSpeed would look for a compiler and warn about the accelerator that it guesses
    seen = package_probe("deepspeed", environment={"DS_ACCELERATOR": "cuda" if shutil.which("nvidia-smi") else "cpu"})
    return _needed("deepspeed", seen)


def webdataset() -> Check:
    """WebDataset writes the shards."""
    seen = package_probe("webdataset")
    return _needed("webdataset", seen)


def compiler() -> Check:
    """A C++ compiler, which nothing needs."""
    found = next((name for name in ("c++", "g++", "clang++") if shutil.which(name)), None)
    if found:
        return Check("compiler", "ok", f"{shutil.which(found)} (not needed)")
    return Check("compiler", "ok", "not found and not needed; only DeepSpeed's offloaded Adam would be faster with one")


def ffmpeg() -> Check:
    """The ffmpeg binary, which nothing needs."""
    found = shutil.which("ffmpeg")
    return Check(
        "ffmpeg",
        "ok",
        f"{found} (not needed)" if found else "not found and not needed: PyAV includes its own",
    )


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _needed(name: str, seen: Probe) -> Check:
    return Check(name, "ok", seen.answer[0]) if seen.answer else failed(name, seen, REINSTALL)


def _gpus(cuda: str | None, devices: list[tuple[str, int]]) -> Check:
    if devices:
        names = ", ".join(f"{name} ({memory / 2**30:.0f} GiB)" for name, memory in devices)
        return Check("gpu", "ok", f"{len(devices)}: {names}")
    if not shutil.which("nvidia-smi"):
        return Check("gpu", "ok", "none; everything runs on the CPU, which suits small models only")
    if cuda is None:
        return Check("gpu", "warn", "an NVIDIA driver is installed, but this torch is built for the CPU",
                     "Install torch from the public index (pip install torch==2.13.0) to use the GPU.")  # fmt: skip
    driver = child.run(["nvidia-smi", "-L"], timeout_s=PROBE_TIMEOUT_S)
    return Check("gpu", "warn", f"torch finds none; nvidia-smi says: {driver.out.strip() or 'nothing'}",
                 "Check CUDA_VISIBLE_DEVICES, and whether the driver is new enough for this torch.")  # fmt: skip

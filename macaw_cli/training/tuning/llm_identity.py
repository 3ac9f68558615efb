"""Which LLM a run began with, cheaply: its configuration, and samples of its weights instead of gigabytes of them."""

import hashlib
from pathlib import Path
from typing import Any

from macaw_cli.basics.fingerprints import fingerprint

NOT_THE_MODEL = ("_name_or_path", "transformers_version")
"""Entries of a configuration that differ between equal models: where it was loaded from, and by what."""
SAMPLES, SAMPLE_BYTES = 64, 4096
"""Fine-tuning changes nearly every value, so a few places of each file tell one model from another."""


def llm_identity(source: str, config: Any) -> str:
    """16 hex digits that change with the LLM; equal wherever the same LLM lies.

    Args:
        source: folder or hub id.
        config: its transformers configuration, which knows the hub's revision.
    """
    about = {name: value for name, value in config.to_dict().items() if name not in NOT_THE_MODEL}
    folder = Path(source)
    files = [file for form in ("*.safetensors", "*.bin") for file in sorted(folder.glob(form))]
    weights: Any = {file.name: _sampled(file) for file in files} or getattr(config, "_commit_hash", None)
    return fingerprint({"config": about, "weights": weights})


def _sampled(file: Path) -> str:
    """Size and evenly spaced samples of a file, the first and the last bytes among them."""
    size = file.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with file.open("rb") as content:
        for number in range(SAMPLES):
            content.seek(number * max(size - SAMPLE_BYTES, 0) // (SAMPLES - 1))
            digest.update(content.read(SAMPLE_BYTES))
    return digest.hexdigest()

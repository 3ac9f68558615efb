"""A real dataset on the paper's mix: feature shards full of noise, joined with conversations by macaw itself."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from paper_mix import MEDIA, Example
from training_examples import SHAPES

from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.dataset.build import build_dataset
from macaw_cli.shards.tar_writer import write_shard

SUFFIX = {"image": "png", "audio": "wav", "video": "mp4"}


def make_dataset(folder: Path, mix: Sequence[Example], *, images: int, videos: int) -> None:
    """Write `features/`, `questions.jsonl` and `dataset/` into `folder`; conversation n is example n of the mix.

    Args:
        folder: an empty one.
        mix: the examples.
        images: different images among which the questions are shared out.
        videos: different videos with audio, in the same way.
    """
    counts = {"image": images, "audio": videos, "video": videos}
    make_store(folder / "features", counts)
    (folder / "questions.jsonl").write_text(
        "".join(json.dumps(question(number, example, counts)) + "\n" for number, example in enumerate(mix))
    )
    tree = {"dataset": {"sources": ["jsonl:questions.jsonl"], "val_fraction": 0.0}}
    build_dataset(Workspace(folder, parse_settings(tree, "benchmark")))


def question(number: int, example: Example, counts: dict[str, int]) -> dict[str, object]:
    """One conversation; what it says does not matter here."""
    media = {name: [f"{name}/{number % counts[name]}.{SUFFIX[name]}"] for name in MEDIA[example.kind]}
    messages = [{"role": "user", "content": f"Question {number}?"}, {"role": "assistant", "content": "An answer."}]
    return {"id": str(number), "kind": example.kind, "messages": messages, "audio": [], **media}


def make_store(folder: Path, counts: dict[str, int]) -> None:
    """A feature store with that many media of each modality."""
    folder.mkdir(parents=True)
    rows: list[dict[str, object]] = []
    for modality, count in counts.items():
        paths = [f"{modality}/{number}.{SUFFIX[modality]}" for number in range(count)]
        keys = {hashlib.sha256(path.encode()).hexdigest()[:32]: path for path in paths}
        shard = f"{modality}-000000.tar"
        written = write_shard(folder / shard, samples(modality, list(keys)))
        for key, path in keys.items():
            member = written.members[f"{key}.npy"]
            rows.append({
                "path": path, "key": key, "modality": modality, "shard": shard, "offset": member.offset,
                "bytes": member.nbytes, "meta": {}, "shape": list(SHAPES[modality]), "dtype": "float16",
            })  # fmt: skip
        rows.append({"shard": shard, "bytes": written.nbytes, "sha256": written.sha256, "items": count})
    prints = {name: {"model": "noise", "layer": -1, "weights": name} for name in counts}
    (folder / "store.json").write_text(json.dumps({"format_version": 1, "fingerprints": prints}))
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def samples(modality: str, keys: Sequence[str]) -> Iterator[dict[str, object]]:
    """Noise that no file system can compress away."""
    generator = np.random.default_rng(0)
    for key in keys:
        array = generator.standard_normal(SHAPES[modality], dtype=np.float32).astype(np.float16)
        yield {"__key__": key, "npy": array, "json": {"sha256": key}}

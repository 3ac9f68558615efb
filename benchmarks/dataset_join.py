"""Joining conversations with features: speed against `cp` of the same bytes, and peak memory for ten times the rows.

    python benchmarks/dataset_join.py          # 150,000 conversations on 20,000 media, 196 x 512 numbers each
    python benchmarks/dataset_join.py --tokens 64 --channels 256 --times 10 --repeats 1    # memory: 1,500,000 rows too

The speed is that of `macaw build-dataset` from an empty folder, all its processes and the import of its libraries
included, and of `cp` of the finished dataset followed by `sync`, one after the other on the same disk; the build, too,
has its files on the disk when it ends. Both read files that are in the page cache where it is large enough. The memory
is that of all processes together (PSS).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from measuring import cores, measure

from macaw_cli.shards.tar_writer import write_shard

SHARD_MEDIA = 500
SENTENCE = "a man in red shirt is walking with two small dogs near the old house while it rains on green grass"
WORDS = SENTENCE.split()
FINGERPRINT = {"model": "benchmark", "layer": -1}


def main() -> None:
    """Measure and print one JSON object."""
    options = parse()
    folder = Path(tempfile.mkdtemp(prefix="macaw-join-", dir=options.dir))
    try:
        write_store(folder / "features", options.media, (options.tokens, options.channels))
        counts = [options.conversations, *([options.times * options.conversations] if options.times else [])]
        report = {"cores": cores(), "media": options.media, "shape": [options.tokens, options.channels], "builds": []}
        for count in counts:
            report["builds"].append(build(folder, count, options))
        if options.times:
            few, many = report["builds"]
            report["memory_ratio"] = round(many["peak_mib"] / few["peak_mib"], 3)
        print(json.dumps(report, indent=2))
    finally:
        shutil.rmtree(folder)


def build(folder: Path, count: int, options: argparse.Namespace) -> dict[str, object]:
    """One build of `count` conversations and one copy of what came out."""
    write_conversations(folder / "c.jsonl", count, options.media)
    out = folder / "dataset"
    command = [sys.executable, "-m", "macaw_cli", "build-dataset", "--source", "jsonl:c.jsonl", "--out", str(out)]
    workers = f"dataset: {{workers: {options.workers}}}\n" if options.workers else ""
    (folder / "macaw.yaml").write_text(f"version: 1\n{workers}")
    ratios, run, seconds, nbytes = [], None, 0.0, 0
    for _ in range(options.repeats):
        shutil.rmtree(out, ignore_errors=True)
        os.sync()
        run = measure(command, folder)
        nbytes = sum(path.stat().st_size for path in out.iterdir())
        seconds = copy(out, folder / "copy")
        ratios.append(seconds / run.wall_s)
    assert run is not None
    return {
        "conversations": count, "bytes": nbytes, "build_s": round(run.wall_s, 2), "cpu_s": round(run.cpu_s, 2),
        "cp_s": round(seconds, 2), "ratio_to_cp": [round(ratio, 3) for ratio in ratios],
        "peak_mib": round(run.peak_bytes / 2**20),
    }  # fmt: skip


def copy(source: Path, target: Path) -> float:
    """Seconds that `cp` and `sync` take."""
    began = time.monotonic()
    subprocess.run(["cp", "-r", source, target], check=True)
    os.sync()
    seconds = time.monotonic() - began
    shutil.rmtree(target)
    os.sync()
    return seconds


def write_store(folder: Path, media: int, shape: tuple[int, int]) -> None:
    """A feature store of random features."""
    folder.mkdir()
    random = np.random.default_rng(0)
    rows = []
    for first in range(0, media, SHARD_MEDIA):
        keys = [f"{number:032x}" for number in range(first, min(first + SHARD_MEDIA, media))]
        shard = f"image-{first // SHARD_MEDIA:06d}.tar"
        samples = [("null", np.zeros(shape, np.float16))] if not first else []
        samples += [(key, random.standard_normal(shape, np.float32).astype(np.float16)) for key in keys]
        written = write_shard(
            folder / shard, ({"__key__": key, "npy": array, "json": {"sha256": key}} for key, array in samples)
        )
        for key, _ in samples:
            member = written.members[f"{key}.npy"]
            path = "" if key == "null" else f"images/{int(key, 16):08d}.jpg"
            rows.append({"path": path, "key": key, "modality": "image", "shard": shard, "offset": member.offset,
                         "bytes": member.nbytes, "shape": list(shape), "dtype": "float16", "meta": {}})  # fmt: skip
        rows.append({"shard": shard, "bytes": written.nbytes, "sha256": written.sha256, "items": len(samples)})
    (folder / "store.json").write_text(json.dumps({"format_version": 1, "fingerprints": {"image": FINGERPRINT}}))
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_conversations(path: Path, count: int, media: int) -> None:
    """Questions of 10 and answers of 16 words, as in the paper's data, each about a random medium."""
    random = np.random.default_rng(1)
    with path.open("w") as file:
        for number, medium in enumerate(random.integers(0, media, count)):
            words = [WORDS[place] for place in random.integers(0, len(WORDS), 26)]
            messages = [{"role": "user", "content": f"{' '.join(words[:10])}?"},
                        {"role": "assistant", "content": f"{' '.join(words[10:])}."}]  # fmt: skip
            row = {"id": f"q{number}", "image": [f"images/{medium:08d}.jpg"], "messages": messages, "kind": "question"}
            file.write(json.dumps(row) + "\n")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=150_000)
    parser.add_argument("--media", type=int, default=20_000)
    parser.add_argument("--tokens", type=int, default=196)
    parser.add_argument("--channels", type=int, default=512)
    parser.add_argument("--times", type=int, default=0, help="also build this many times the conversations")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, help="processes that write; otherwise the default")
    parser.add_argument("--dir", help="where to work, on the disk that is measured")
    return parser.parse_args()


if __name__ == "__main__":
    main()

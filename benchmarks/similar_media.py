"""How long the leak check takes, and how much memory: reading mean features, and the nearest of many media.

    python benchmarks/similar_media.py [--media 20000] [--channels 1024]

The features read are those of a store of 2,000 media of 577 tokens; the nearest are sought among random mean features,
half of them near one of the others.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from macaw_cli.dataset.feature_join import FeatureStores, Medium
from macaw_cli.dataset.similar_media import mean_features, nearest
from macaw_cli.shards.tar_writer import write_shard

STORED, TOKENS = 2000, 577


def nearest_of_many(media: int, channels: int) -> dict[str, Any]:
    """Seconds of media x media cosines, peak memory, and the share of planted near media that is found."""
    draw = np.random.default_rng(0)
    of = draw.standard_normal((media, channels), np.float32).astype(np.float16)
    among = draw.standard_normal((media, channels), np.float32).astype(np.float16)
    among[: media // 2] = of[: media // 2] + 0.1 * among[: media // 2]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    places, cosines = nearest(of, among)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = (places[: media // 2] == np.arange(media // 2)) & (cosines[: media // 2] >= 0.95)
    return {
        "seconds": round(seconds, 1), "GFLOP/s": round(2 * media**2 * channels / seconds / 1e9, 1),
        "MB of the mean features": round((of.nbytes + among.nbytes) / 1e6), "MB beyond": round((peak - before) / 1e3),
        "found": float(found.mean()), "others": int((cosines[media // 2 :] >= 0.95).sum()),
    }  # fmt: skip


def reading(channels: int) -> dict[str, Any]:
    """Media per second whose mean features are read, and the share of the store's bytes that is read for it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        array = np.zeros((TOKENS, channels), np.float16)
        keys = [f"{number:032x}" for number in range(STORED)]
        written = write_shard(folder / "image-000000.tar", ({"__key__": key, "npy": array} for key in keys))
        rows = [
            {"path": f"{key}.png", "key": key, "modality": "image", "shard": written.path.name,
             "offset": written.members[f"{key}.npy"].offset, "bytes": written.members[f"{key}.npy"].nbytes,
             "shape": [TOKENS, channels], "dtype": "float16", "meta": {}}
            for key in keys
        ]  # fmt: skip
        rows.append({"shard": written.path.name, "bytes": written.nbytes, "sha256": written.sha256, "items": STORED})
        (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "store.json").write_text(json.dumps({"format_version": 1, "fingerprints": {"image": {"model": "x"}}}))
        stores = FeatureStores([folder])
        media = [Medium(0, row) for row in stores.stores[0].rows()]
        started = time.perf_counter()
        mean_features(media, stores, lambda count, name: None)
        seconds = time.perf_counter() - started
        return {"media per second": round(STORED / seconds), "share read": round(32 / TOKENS, 3)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--media", type=int, default=20_000)
    parser.add_argument("--channels", type=int, default=1024)
    given = parser.parse_args()
    print(json.dumps({"nearest": nearest_of_many(given.media, given.channels), "reading": reading(given.channels)}))

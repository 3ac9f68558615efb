"""Peak memory of `macaw extract-features` for some images and for ten times as many, in one run.

    python benchmarks/extraction_memory.py              # 2,000 and 20,000 images of 64 pixels; some minutes
    python benchmarks/extraction_memory.py --images 200

The memory is that of all processes together (PSS). A small CLIP, so that the store and its lists weigh as much as
they ever do beside the encoder.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from measuring import measure
from sample_media import make_clip, make_images

TIMES = 10


def main() -> None:
    """Measure and print one JSON object."""
    options = parse()
    folder = Path(tempfile.mkdtemp(prefix="macaw-memory-"))
    make_clip(folder / "clip", layers=1, width=64, patch=32)
    make_images(folder / "images", TIMES * options.images, (64, 64))
    (folder / "macaw.yaml").write_text("version: 1\nfeatures:\n  image_encoder: clip\n")
    few, many = (extract(folder, count) for count in (options.images, TIMES * options.images))
    again = extract(folder, TIMES * options.images, fresh=False)
    report = {
        "images": [options.images, TIMES * options.images],
        "peak_mib": [round(run.peak_bytes / 2**20) for run in (few, many)],
        "ratio": round(many.peak_bytes / few.peak_bytes, 3),
        "images_per_s": round(TIMES * options.images / many.wall_s, 1),
        "second_run_s": round(again.wall_s, 1),
        "second_run_peak_mib": round(again.peak_bytes / 2**20),
    }
    print(json.dumps(report, indent=2))
    shutil.rmtree(folder)


def extract(folder: Path, count: int, *, fresh: bool = True):
    """One extraction of the first `count` images."""
    if fresh:
        shutil.rmtree(folder / "features", ignore_errors=True)
    command = [sys.executable, "-m", "macaw_cli", "extract-features", "images", "--limit", str(count), "--json"]
    return measure(command, folder)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    return parser.parse_args()


if __name__ == "__main__":
    main()

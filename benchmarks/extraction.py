"""`macaw extract-features` against the bare work, and against a DataLoader loop, side by side in one run.

    python benchmarks/extraction.py                  # 500 images, 100 audio files, 50 videos: 20 minutes on 2 cores
    python benchmarks/extraction.py --images 40 --audio 8 --videos 6 --repeats 1

*Bare* decodes each file and runs the encoder over it, in one process, and throws the result away: CPU seconds that
nothing can avoid. *Loop* is what clip-retrieval does: a torch DataLoader with worker processes decodes, CLIP's pooled
embeddings are collected in memory and saved at the end. All encoders have random weights of published sizes.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from measuring import Measured, cores, measure
from sample_media import make_audio, make_clip, make_images, make_videos, make_whisper

HERE = Path(__file__).parent
BATCHES = {"cpu": 8, "cuda": 64}
"""What macaw takes by itself; the bare work and the loop get the same."""
LOOP_BATCH = 32
"""The loop is also measured with this one, as larger batches are usual there."""


def main() -> None:
    """Measure and print one JSON object."""
    options = parse()
    folder = Path(options.folder or tempfile.mkdtemp(prefix="macaw-extraction-"))
    prepare(folder, options)
    report = {"cores": cores(), "batch": batch_of(options)}
    for kind in ("images", "audio", "videos"):
        if count := getattr(options, kind):
            report[kind] = against_bare(folder, kind, count, options)
    if options.images:
        report["loop"] = against_loop(folder, options)
    print(json.dumps(report, indent=2))
    if not options.folder:
        shutil.rmtree(folder)


def prepare(folder: Path, options: argparse.Namespace) -> None:
    """The media and the encoders, unless they are there."""
    makers = {"images": make_images, "audio": make_audio, "videos": make_videos}
    for kind, make in makers.items():
        if not (folder / kind).exists():
            make(folder / kind, getattr(options, kind))
    if not (folder / "clip").exists():
        make_clip(folder / "clip")
        make_whisper(folder / "whisper")
    encoders = "  image_encoder: clip\n  audio_encoder: whisper\n"
    (folder / "macaw.yaml").write_text(f"version: 1\nfeatures:\n{encoders}  device: {options.device}\n")


def against_bare(folder: Path, kind: str, count: int, options: argparse.Namespace) -> dict[str, object]:
    """CPU seconds per item of macaw and of the bare work, alternating."""
    bare, ours = [], []
    for _ in range(options.repeats):
        command = [sys.executable, str(HERE / "bare_extraction.py"), kind, str(batch_of(options)), options.device]
        bare.append(measure(command, folder))
        ours.append(extract(folder, kind))
    bare_s, ours_s = best(bare), best(ours)
    return {
        "items": count, "bare_cpu_s_per_item": round(bare_s / count, 4),
        "macaw_cpu_s_per_item": round(ours_s / count, 4),
        "ratio": round(ours_s / bare_s, 3), "bare_wall_s": round(min(run.wall_s for run in bare), 1),
        "macaw_wall_s": round(min(run.wall_s for run in ours), 1), "bare": json.loads(bare[-1].stdout),
    }  # fmt: skip


def against_loop(folder: Path, options: argparse.Namespace) -> dict[str, object]:
    """Images per second and peak memory of macaw and of the DataLoader loop, alternating; process start included."""
    batches = {batch_of(options): [], LOOP_BATCH: []}
    ours = []
    for _ in range(options.repeats):
        for batch, runs in batches.items():
            command = [sys.executable, str(HERE / "loader_loop.py"), str(cores()), str(batch), options.device]
            runs.append(measure(command, folder))
        ours.append(extract(folder, "images"))
    return {"macaw": speed(ours, options.images)} | {
        f"loop, batches of {batch}": speed(runs, options.images) | {
            "throughput_ratio": round(fastest(runs) / fastest(ours), 3),
            "memory_ratio": round(peak(ours) / peak(runs), 3),
        }
        for batch, runs in batches.items()
    }  # fmt: skip


def speed(runs: list[Measured], images: int) -> dict[str, float]:
    """Images per second of the fastest run, and the median of the peaks."""
    return {"images_per_s": round(images / fastest(runs), 2), "peak_mib": round(peak(runs) / 2**20)}


def fastest(runs: list[Measured]) -> float:
    """Seconds of the fastest run."""
    return min(run.wall_s for run in runs)


def peak(runs: list[Measured]) -> float:
    """Median of the peaks in bytes."""
    return statistics.median(run.peak_bytes for run in runs)


def extract(folder: Path, kind: str) -> Measured:
    """One whole extraction into a fresh store."""
    store = folder / f"features-{kind}"
    shutil.rmtree(store, ignore_errors=True)
    return measure([sys.executable, "-m", "macaw_cli", "extract-features", kind, "--out", str(store), "--json"], folder)


def batch_of(options: argparse.Namespace) -> int:
    """Inputs per encoder call."""
    import torch

    return BATCHES["cuda" if options.device != "cpu" and torch.cuda.is_available() else "cpu"]


def best(runs: list[Measured]) -> float:
    """The fewest CPU seconds of several runs: everything above is the machine's doing."""
    return min(run.cpu_s for run in runs)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--audio", type=int, default=100)
    parser.add_argument("--videos", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--folder", help="keep media and encoders there for the next run")
    return parser.parse_args()


if __name__ == "__main__":
    main()

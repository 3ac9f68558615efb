"""`macaw extract-features` against the bare work, and against a DataLoader loop, side by side in one run.

    python benchmarks/extraction.py                  # 500 photos, 100 sounds, 50 films: about 20 minutes on two cores
    python benchmarks/extraction.py --photos 40 --sounds 8 --films 6 --repeats 1

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
from sample_media import make_clip, make_films, make_photos, make_sounds, make_whisper

HERE = Path(__file__).parent
BATCH = 32


def main() -> None:
    """Measure and print one JSON object."""
    options = parse()
    folder = Path(options.folder or tempfile.mkdtemp(prefix="macaw-extraction-"))
    prepare(folder, options)
    report = {"cores": cores(), "batch": BATCH}
    for kind in ("photos", "sounds", "films"):
        if count := getattr(options, kind):
            report[kind] = against_bare(folder, kind, count, options)
    if options.photos:
        report["loop"] = against_loop(folder, options)
    print(json.dumps(report, indent=2))
    if not options.folder:
        shutil.rmtree(folder)


def prepare(folder: Path, options: argparse.Namespace) -> None:
    """The media and the encoders, unless they are there."""
    makers = {"photos": make_photos, "sounds": make_sounds, "films": make_films}
    for kind, make in makers.items():
        if not (folder / kind).exists():
            make(folder / kind, getattr(options, kind))
    if not (folder / "clip").exists():
        make_clip(folder / "clip")
        make_whisper(folder / "whisper")
    lines = ["version: 1", "features:", "  image_encoder: clip", "  audio_encoder: whisper", f"  batch_size: {BATCH}"]
    (folder / "macaw.yaml").write_text("\n".join([*lines, f"  device: {options.device}", ""]))


def against_bare(folder: Path, kind: str, count: int, options: argparse.Namespace) -> dict[str, object]:
    """CPU seconds per item of macaw and of the bare work, alternating."""
    bare, ours = [], []
    for _ in range(options.repeats):
        bare.append(measure([sys.executable, str(HERE / "bare_extraction.py"), kind, options.device], folder))
        ours.append(extract(folder, kind))
    bare_s, ours_s = best(bare), best(ours)
    return {
        "items": count, "bare_cpu_s_per_item": round(bare_s / count, 4),
        "macaw_cpu_s_per_item": round(ours_s / count, 4),
        "ratio": round(ours_s / bare_s, 3), "bare_wall_s": round(min(run.wall_s for run in bare), 1),
        "macaw_wall_s": round(min(run.wall_s for run in ours), 1), "bare": json.loads(bare[-1].stdout),
    }  # fmt: skip


def against_loop(folder: Path, options: argparse.Namespace) -> dict[str, object]:
    """Photos per second and peak memory of macaw and of the DataLoader loop, alternating; process start included."""
    loop, ours = [], []
    for _ in range(options.repeats):
        loop.append(measure([sys.executable, str(HERE / "loader_loop.py"), str(cores()), options.device], folder))
        ours.append(extract(folder, "photos"))
    loop_s, ours_s = (min(run.wall_s for run in runs) for runs in (loop, ours))
    return {
        "loop_photos_per_s": round(options.photos / loop_s, 2), "macaw_photos_per_s": round(options.photos / ours_s, 2),
        "throughput_ratio": round(loop_s / ours_s, 3),
        "loop_peak_mib": round(statistics.median(run.peak_bytes for run in loop) / 2**20),
        "macaw_peak_mib": round(statistics.median(run.peak_bytes for run in ours) / 2**20),
    }  # fmt: skip


def extract(folder: Path, kind: str) -> Measured:
    """One whole extraction into a fresh store."""
    store = folder / f"features-{kind}"
    shutil.rmtree(store, ignore_errors=True)
    return measure([sys.executable, "-m", "macaw_cli", "extract-features", kind, "--out", str(store), "--json"], folder)


def best(runs: list[Measured]) -> float:
    """The fewest CPU seconds of several runs: everything above is the machine's doing."""
    return min(run.cpu_s for run in runs)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--sounds", type=int, default=100)
    parser.add_argument("--films", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--folder", help="keep media and encoders there for the next run")
    return parser.parse_args()


if __name__ == "__main__":
    main()

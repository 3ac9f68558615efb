"""A training step of macaw against the published way and a linear bridge, side by side in one run.

    python benchmarks/training_step.py                            # a Llama of 100 M parameters on a CPU: minutes
    python benchmarks/training_step.py --only macaw,published --repeats 3
    python benchmarks/training_step.py --device cuda --llm 1b     # and: --llm 7b --lora

Examples are those of `paper_mix.json`, a third each of text, image and video questions, features made up. A step is
forward, backward and its share of an AdamW update, one for every 12 examples as the published recipe has per GPU, for
all alike. Variants take turns; of `--repeats` the fastest counts. `factors` says how much slower macaw becomes when one
thing is undone: packing, leaving out absent media, folding the alignment, logits at supervised positions only.
"""

import argparse
import gc
import json
import sys
import time

import torch
from training_counting import dense_peak, flops_of_training, parameters_of, synchronise, utilisation
from training_update import Update
from training_variants import LLMS, Variant, Variants

PER_UPDATE = 12
WARM_UP_STEPS, MEASURED_STEPS = 10, 10
FACTORS = {
    "packing": "without packing", "absent media": "with null media", "folding": "without folding",
    "loss at supervised positions": "with all logits",
}  # fmt: skip
BASELINES = ("published", "linear", "linear with as many soft tokens")


def main() -> None:
    """Measure and print one JSON object."""
    options = parse()
    torch.manual_seed(0)
    variants = Variants(options)
    names = options.only.split(",") if options.only else list(variants.makers)
    measured = {name: [] for name in names}
    measure(variants.makers["macaw"](), options)  # the first passes of a process ask for memory and choose kernels
    for repeat in range(options.repeats + (options.device == "cuda")):
        for name in names:
            found = measure(variants.makers[name](), options)
            if repeat or options.device == "cpu":  # a GPU's first run chooses kernels and fills caches
                measured[name].append(found)
            print(f"{name}: {found['examples_per_second']} examples/s", file=sys.stderr)
            release(options)
    best = {name: min(runs, key=lambda run: run["seconds_per_example"]) for name, runs in measured.items()}
    report = {
        "device": device_name(options), "threads": torch.get_num_threads(), "llm": options.llm, "lora": options.lora,
        "llm_parameters": parameters_of(variants.llm), "repeats": options.repeats, "clock": options.clock,
        "dropout": options.dropout,
        "sequence_length": options.sequence_length, "rows": options.rows, "variants": best, **ratios(best),
    }  # fmt: skip
    if options.device == "cuda":
        report["utilisation"] = sustained(variants.macaw(), options)
    print(json.dumps(report, indent=2))


def measure(variant: Variant, options: argparse.Namespace) -> dict[str, float]:
    """Seconds per example of one variant, an update's share included, and on a GPU its peak memory."""
    update = Update(variant.model)
    resting = reset_peak(options)
    started = now(options)
    for loss in variant.losses:
        loss().backward()
    spent = now(options) - started
    started = now(options)
    update.step()
    updated = now(options) - started
    seconds = spent / variant.examples + updated / PER_UPDATE
    found = {
        "examples": variant.examples, "tokens": variant.tokens, "passes": len(variant.losses),
        "seconds_of_passes": round(spent, 3), "seconds_of_update": round(updated, 3), "seconds_per_example": seconds,
        "examples_per_second": round(1 / seconds, 4),
    }  # fmt: skip
    if options.device == "cuda":
        peak = torch.cuda.max_memory_allocated()
        found |= {"peak_bytes": peak, "peak_bytes_above_the_weights": peak - resting}
    return found


def ratios(best: dict[str, dict[str, float]]) -> dict[str, object]:
    """The speed of macaw over each baseline's, and over its own with one thing undone."""
    if "macaw" not in best:
        return {}
    ours = best["macaw"]

    def faster(name: str) -> float:
        return round(best[name]["seconds_per_example"] / ours["seconds_per_example"], 2)

    found: dict[str, object] = {
        "times_faster_than": {name: faster(name) for name in BASELINES if name in best},
        "factors": {what: faster(name) for what, name in FACTORS.items() if name in best},
    }
    if "peak_bytes" in ours and "published" in best:
        found["peak_memory_ratio"] = round(ours["peak_bytes"] / best["published"]["peak_bytes"], 3)
    return found


def sustained(variant: Variant, options: argparse.Namespace) -> dict[str, float]:
    """How much of the GPU's dense peak training uses, updates included, after steps that do not count."""
    update = Update(variant.model)
    for step in range(WARM_UP_STEPS + MEASURED_STEPS):
        if step == WARM_UP_STEPS:
            started = now(options)
        for loss in variant.losses:
            loss().backward()
        update.step()
    seconds = (now(options) - started) / MEASURED_STEPS
    peak = dense_peak(torch.device(options.device), next(variant.model.parameters()).dtype)
    return utilisation(flops_of_training(variant.model, variant.batches), seconds, peak)


def reset_peak(options: argparse.Namespace) -> int:
    """Bytes in use before a step; the peak counts from here."""
    if options.device != "cuda":
        return 0
    torch.cuda.reset_peak_memory_stats()
    return torch.cuda.memory_allocated()


def release(options: argparse.Namespace) -> None:
    """Give back what the last variant held."""
    gc.collect()
    if options.device == "cuda":
        torch.cuda.empty_cache()


def now(options: argparse.Namespace) -> float:
    """Seconds, when everything that was asked for is done."""
    synchronise(torch.device(options.device))
    return time.process_time() if options.clock == "cpu" else time.perf_counter()


def device_name(options: argparse.Namespace) -> str:
    """What computes."""
    return torch.cuda.get_device_name() if options.device == "cuda" else "cpu"


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--llm", default="100m", choices=list(LLMS))
    parser.add_argument("--lora", action="store_true", help="freeze the LLM and train a LoRA adapter")
    parser.add_argument("--sequence-length", type=int, help="default: 2048 on a CPU, 4096 on a GPU")
    parser.add_argument("--examples", type=int, help="of one step of sequences; default: 18 on a CPU, 144 on a GPU")
    parser.add_argument("--rows", type=int, default=4, help="examples of a padded batch: the published micro-batch")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.1, help="of macaw's bridge; the published way keeps its 0.1")
    parser.add_argument("--clock", default="wall", choices=["wall", "cpu"],
                        help="cpu: seconds of all threads, for a machine that others use as well")  # fmt: skip
    parser.add_argument("--only", help="variants, comma-separated")
    options = parser.parse_args()
    on_gpu = options.device == "cuda"
    options.sequence_length = options.sequence_length or (4096 if on_gpu else 2048)
    options.examples = options.examples or (144 if on_gpu else 18)
    return options


if __name__ == "__main__":
    main()

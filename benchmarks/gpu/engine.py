"""Whole optimizer steps through macaw's engine: reader, DeepSpeed, clipping and update included."""

import argparse
import time
from types import SimpleNamespace

import training_variants
from results import ON_GPU, Part
from timing import now, peak_gib, release
from training_examples import MadeUpFeatures, balanced, conversation_rows, tokenised
from training_variants import Variants

from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.model.packing.attention_choice import no_cudnn_attention
from macaw_cli.training.data.batches import SequenceReader
from macaw_cli.training.data.epoch_plan import plan_epoch
from macaw_cli.training.data.reader import read_ahead
from macaw_cli.training.processes import Processes
from macaw_cli.training.reporting.mfu import peak_of, work_counter
from macaw_cli.training.steps.deepspeed_setup import process_group
from macaw_cli.training.steps.engine import TrainingEngine
from macaw_cli.training.steps.step import train_step
from macaw_cli.training.steps.step_clock import StepClock
from macaw_cli.training.steps.stop_signals import StopRequest
from macaw_cli.training.tuning.parameter_groups import freeze

DEVICE = "cuda" if ON_GPU else "cpu"
TOKENS, EXAMPLES = (4096, 576) if ON_GPU else (256, 9)
WARM_UP, MEASURED = (2, 3) if ON_GPU else (0, 1)


def main() -> None:
    """ZeRO stages 0 and 2, or one stage with adapters."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--llm", default="1b" if ON_GPU else "tiny")
    parser.add_argument("--lora", action="store_true")
    options = parser.parse_args()
    if not ON_GPU:
        training_variants.VOCABULARY = 1000
    part = Part("engine" + "-lora" * options.lora)
    size = {"dropout": 0.1 * ON_GPU, "rows": 4, "examples": 3, "sequence_length": TOKENS}
    varied = Variants(SimpleNamespace(llm=options.llm, lora=options.lora, device=DEVICE, **size))
    for stage in (0,) if options.lora or not ON_GPU else (0, 2):
        with part.trying(f"zero {stage}"), no_cudnn_attention():
            part.put(f"zero {stage}", steps_per_second(varied, stage))
        release()


def steps_per_second(varied: Variants, zero_stage: int) -> dict[str, object]:
    """Times of a few steps after a warm-up, by phase, and the utilisation that macaw itself reports."""
    model = varied._model("macaw")
    count = 8 if ON_GPU else 1
    settings = TrainingSettings(
        precision="bf16" if ON_GPU else "fp32", device=DEVICE,
        global_batch_size=count, zero_stage=zero_stage, sequence_length=TOKENS,
    )  # fmt: skip
    freeze(model, settings.train)
    examples = balanced(varied.mix, EXAMPLES)
    tokens, rows = tokenised(examples, model.config), conversation_rows(examples, model.config.feature_shapes)
    lengths = tokens.lengths.tolist()
    planned = plan_epoch(
        lengths, tokens.supervised_counts.tolist(), seed=0, epoch=0, token_budget=TOKENS, global_batch_size=count
    )
    steps = [planned[number % len(planned)] for number in range(WARM_UP + MEASURED)]
    processes = Processes(1, DEVICE)
    seconds, phases = [], {}
    with process_group(processes):
        engine = TrainingEngine(model, settings, processes)
        engine.train()
        reader = SequenceReader(
            MadeUpFeatures(model.config.feature_shapes), rows, tokens, varied.dtype, engine.device, model.config
        )
        began = time.perf_counter()
        reader.read(steps[0].sequences[0])
        read = time.perf_counter() - began
        planned = [sequence for step in steps for sequence in step.sequences]
        batches = read_ahead(reader, planned, processes.reader_threads)
        clock, stop = StepClock(engine.device), StopRequest()
        for number, step in enumerate(steps):
            began = now()
            clock.start()
            result = train_step(
                engine, step, batches, dict.fromkeys(settings.train, 1e-6), seed=0, step=number, stop=stop, clock=clock
            )
            seconds.append(now() - began)
            for phase, spent in clock.collect(wait=True).items():
                phases[phase] = round(phases.get(phase, 0.0) + (number >= WARM_UP) * spent, 4)
        batches.close()
        work = work_counter(model, lengths, 1, rows)
        engine.close()
    spent, measured = sum(seconds[WARM_UP:]), steps[WARM_UP:]
    peak = peak_of(engine.device) if ON_GPU else None
    return {
        "step_s": [round(one, 4) for one in seconds], "phases_s": phases, "loss": result.loss,
        "tokens_per_s": round(sum(step.tokens for step in measured) / spent), "read_s_per_sequence": round(read, 4),
        "mfu": round(sum(work(step).flops for step in measured) / spent / peak, 4) if peak else None,
        "peak_gib": peak_gib(),
    }  # fmt: skip


if __name__ == "__main__":
    main()

"""`macaw train --plan`: what a training would do and what it needs."""

from typing import Any

from macaw_cli.basics.console import print_table, result
from macaw_cli.basics.disk import human_bytes
from macaw_cli.config.settings import Settings
from macaw_cli.training.epoch_plan import PlannedStep, padding_share
from macaw_cli.training.materials import Materials
from macaw_cli.training.parameter_groups import parameter_counts
from macaw_cli.training.processes import Processes

BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}


def print_plan(
    materials: Materials, model: Any, steps: list[PlannedStep], settings: Settings, processes: Processes
) -> None:
    """What the training would do and what it needs.

    Args:
        materials: the inputs.
        model: built without weights (on the `meta` device), the frozen part marked.
        steps: the plan of the whole run.
        settings: all settings.
        processes: how many, on what.
    """
    training = settings.training
    lengths = materials.tokens.lengths.tolist()
    counts = parameter_counts(model)
    trained, frozen = (sum(pair[side] for pair in counts.values()) for side in (0, 1))
    memory = memory_per_process(trained, frozen, settings, processes.count, model.config.text_config)
    packs = sum(1 for step in steps for pack in step.packs if pack)
    tokens, learnt = sum(step.tokens for step in steps), sum(step.supervised_tokens for step in steps)
    skipped = materials.tokens.skipped
    rows = [
        ["conversations", f"{len(materials.tokens)} ({skipped} without a response token are left out)"],
        ["steps", f"{len(steps)} (about {len(steps) / training.epochs:.0f} an epoch)"],
        ["packs", f"{packs}, {training.packs_per_step} a step over {processes.count} {processes.device} process(es)"],
        ["tokens", f"{tokens:,}, {learnt:,} of them learnt"],
        ["padding", f"{padding_share(steps, lengths, processes.count):.2%}"],
        *[[f"{name} parameters", f"{on:,} trained, {off:,} frozen"] for name, (on, off) in counts.items()],
        *[[f"memory: {name}", human_bytes(size)] for name, size in memory.items()],
        ["memory per process, about", human_bytes(sum(memory.values()))],
        ["checkpoint, each", human_bytes(checkpoint_bytes(trained, frozen, settings))],
    ]
    print_table("Training plan", ["what", "how much"], rows)
    result("Next: macaw train")


def memory_per_process(trained: int, frozen: int, settings: Settings, count: int, llm: Any) -> dict[str, float]:
    """Bytes of weights, gradients, optimizer state and activations of one process, roughly.

    Args:
        trained: values that are trained.
        frozen: values that are not.
        settings: precision, ZeRO stage and pack size hold.
        count: number of processes.
        llm: configuration of the LLM.
    """
    training = settings.training
    size, stage = BYTES[training.precision], training.zero_stage
    # Adam keeps two fp32 values for each trained one, and a master copy where training is in 16 bits
    state = 8 + (4 if size == 2 else 0)
    shared_from = {"weights": 3, "gradients": 2, "optimizer": 1}
    share = {name: count if stage >= least else 1 for name, least in shared_from.items()}
    # about 34 values of the hidden size per token and layer without flash kernels' savings; 2 with checkpointing
    per_layer = 2 if training.gradient_checkpointing else 34
    activations = training.pack_tokens * llm.hidden_size * llm.num_hidden_layers * per_layer * size
    return {
        "weights": (trained + frozen) * size / share["weights"],
        "gradients": trained * size / share["gradients"],
        "optimizer": trained * state / share["optimizer"],
        "activations": activations,
    }


def checkpoint_bytes(trained: int, frozen: int, settings: Settings) -> int:
    """Size of one checkpoint of all ranks."""
    size = BYTES[settings.training.precision]
    kept = trained + frozen if "llm" in settings.training.train else trained
    return kept * size + trained * (8 + (4 if size == 2 or settings.training.zero_stage else 0))


def bytes_to_write(model: Any, settings: Settings) -> int:
    """Room for the checkpoints that are kept, the one that is being written, and the model."""
    counts = parameter_counts(model).values()
    trained, frozen = sum(on for on, _ in counts), sum(off for _, off in counts)
    checkpoints = checkpoint_bytes(trained, frozen, settings) * (settings.training.keep_checkpoints + 1)
    return checkpoints + 4 * (trained + frozen)

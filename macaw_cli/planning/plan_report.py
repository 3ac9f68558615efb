"""`macaw train --plan`: what a training would do and what it needs, as a table or as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from macaw_cli.basics.console import print_table, result, result_json, say
from macaw_cli.basics.counts import counted
from macaw_cli.basics.disk import human_bytes
from macaw_cli.config.loading import Workspace
from macaw_cli.model.bridges.registry import soft_token_count
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.planning.export_targets import export_lines, export_targets, format_targets
from macaw_cli.planning.machine_memory import machine_memory
from macaw_cli.planning.memory_estimate import total
from macaw_cli.planning.memory_verdict import Verdict, judge
from macaw_cli.planning.plan_time import ExpectedTime, expected_time
from macaw_cli.planning.stand_in_llm import with_reachable_llm
from macaw_cli.planning.training_plan import StagePlan, TrainingPlan, make_plan
from macaw_cli.reports.wording import duration
from macaw_cli.shards.dataset_lock import read_lock
from macaw_cli.training.processes import Processes
from macaw_cli.training.reporting.next_command import command_to_train
from macaw_cli.training.schedule.objective_checks import require_possible_objectives, require_possible_plan
from macaw_cli.training.schedule.stages import plan_stages, tell_swapped, with_swaps
from macaw_cli.training.schedule.step_advice import step_warnings
from macaw_cli.training.schedule.unused_settings import tell_unused
from macaw_cli.training.training_inputs import dataset_folders, prepare, tell_skipped
from macaw_cli.training.tuning.model_setup import model_without_weights


def show_plan(workspace: Workspace, processes: Processes, *, as_json: bool = False) -> None:
    """Plan the training, print that, then measure three steps where that can be done here; nothing is trained.

    Args:
        workspace: its settings hold.
        processes: as the training would have them; they need not be here.
        as_json: one JSON object instead of a table.

    Raises:
        InputError: no usable dataset or LLM.
        MismatchError: encoders that differ.
        UsageError: settings that cannot be.
    """
    for folder in dataset_folders(workspace).values():
        read_lock(folder)  # whoever has no dataset yet need not wait for the hub to hear so
    with with_reachable_llm(workspace) as (planned, stands_in):
        inputs = prepare(planned)
        require_possible_objectives(inputs.config, planned.settings.training)
        tell_skipped(inputs)
        tell_unused(inputs, planned.settings.training)
        stages = plan_stages(inputs, planned.settings)
        require_possible_plan(inputs, stages)
        inputs = with_swaps(inputs, stages)
        tell_swapped(stages)
        model = model_without_weights(inputs.config, planned.settings.training)
        plan = make_plan(inputs, model, stages, processes, planned.settings.dataset.out)
        formats, targets = format_targets(inputs.encoder), export_targets(inputs.config)
        machine = machine_memory(processes.device)
        fullest = plan.stages.index(plan.fullest)
        verdict = judge(plan.fullest, stages[fullest].settings, processes, machine)
        warnings = step_warnings(inputs, stages, processes.count, planned.settings.training.max_steps)
        if stands_in:
            say(stands_in)
        if not as_json:  # measuring takes a while: what is known is told before it
            rows = [*_rows(plan, verdict, processes), *_bridge_rows(inputs.config)]
            print_table("Training plan", ["what", "how much"], rows)
            for line in export_lines(formats, targets):
                result(line)
        for warning in warnings:
            say(f"Warning: {warning.text}")
        time = expected_time(planned, inputs, stages, plan, processes, machine)
    if as_json:
        result_json(
            {
                **_as_json(plan, verdict, time, processes, stands_in),
                "warnings": [one.as_json() for one in warnings],
                "exports": {
                    "formats": [one.as_json() for one in formats],
                    "loaders": [target.as_json() for target in targets],
                },
            }
        )
        return
    print_table("Time", ["what", "how much"], list(_time_rows(time)))
    result(f"Next: {command_to_train(processes)}")


def _rows(plan: TrainingPlan, verdict: Verdict, processes: Processes) -> Iterator[list[str]]:
    left_out = f" ({plan.skipped:,} without a response token left out)" if plan.skipped else ""
    yield ["conversations", f"{plan.conversations:,}{left_out}"]
    yield ["processes", f"{processes.count} x {processes.device}, {plan.global_batch_size} packed sequences per step"]
    for stage in plan.stages:
        prefix = f"{stage.name}: " if stage.name else ""
        yield from ([prefix + name, text] for name, text in _stage_rows(stage))
    fullest = plan.fullest
    for place, what in (("device", "memory"), ("host", "CPU memory")):
        for name, size in fullest.memory[place].items():  # type: ignore[index]
            yield [f"{what}: {name}", human_bytes(size)]
        if fullest.memory[place]:  # type: ignore[index]
            yield [f"{what} per process, about", human_bytes(total(fullest.memory, place))]  # type: ignore[arg-type]
    yield ["memory", verdict.text]
    yield ["checkpoint, each", f"{human_bytes(plan.checkpoint_bytes)}; with the model at most "
           f"{human_bytes(plan.disk_bytes)} on disk"]  # fmt: skip


def _bridge_rows(config: MacawConfig) -> Iterator[list[str]]:
    """The design of each modality, also of those that the settings leave at their default."""
    for name in config.modalities:
        count = soft_token_count(config, name, config.feature_shapes[name])
        tokens = f"{counted(count, 'soft token')} of the usual {name}"
        yield [f"{name} bridge", f"{config.bridge_settings(name).name}, {tokens}"]


def _time_rows(time: ExpectedTime | str) -> Iterator[list[str]]:
    if isinstance(time, str):
        yield ["time", f"not measured: {time}"]
        return
    for one in time.measured:
        yield from _measured_rows(one)
    yield ["time, about", f"{duration(time.total)}: steps {duration(time.steps)}, validation "
           f"{duration(time.validation)}, checkpoints {duration(time.checkpoints)}"]  # fmt: skip


def _stage_rows(stage: StagePlan) -> Iterator[tuple[str, str]]:
    for folder, (count, weight) in stage.datasets.items():
        if len(stage.datasets) > 1 or weight != 1:
            yield f"dataset {folder}", f"{counted(count, 'conversation')}, weight {weight:g}"
    if stage.objective == "media-text":
        yield "objective", f"media-text, without the LLM: {stage.pairs:.1f} pairs per packed sequence"
    yield "steps", f"{stage.steps:,} ({stage.steps_per_epoch:,.0f} per epoch)"
    yield "examples", f"{stage.examples:,}, {stage.examples / stage.steps:.1f} a step"
    if stage.swapped:
        yield "swap negatives", f"{stage.swapped:,} of the examples"
    yield "tokens", f"{stage.tokens:,}, {stage.supervised_tokens:,} of them supervised"
    yield "padding", f"{stage.padding:.2%}"
    for name, (trained, frozen) in stage.parameters.items():
        yield f"{name} parameters", f"{trained:,} trained, {frozen:,} frozen"


def _measured_rows(one: Any) -> Iterator[list[str]]:
    prefix = f"{one.stage}: " if one.stage else ""
    for number, step in enumerate(one.steps, start=1):
        parts = ", ".join(f"{phase} {seconds:.3f}" for phase, seconds in step.seconds.items())
        whole = sum(step.seconds.values())
        yield [f"{prefix}measured step {number}", f"{whole:.3f} s, {step.tokens:,} tokens: {parts}"]
    if one.peak_bytes is not None:
        yield [f"{prefix}measured peak memory", human_bytes(one.peak_bytes)]


def _as_json(
    plan: TrainingPlan, verdict: Verdict, time: ExpectedTime | str, processes: Processes, stands_in: str
) -> dict[str, Any]:
    measured = None if isinstance(time, str) else time
    return {
        "conversations": plan.conversations,
        "skipped": plan.skipped,
        "steps": plan.steps,
        "processes": {"count": processes.count, "device": processes.device},
        "stages": [_stage_json(stage) for stage in plan.stages],
        "memory": {"fits": verdict.fits, "verdict": verdict.text, **plan.fullest.memory},
        "checkpoint_bytes": plan.checkpoint_bytes,
        "disk_bytes": plan.disk_bytes,
        "seconds": measured and {
            "total": measured.total, "steps": measured.steps, "validation": measured.validation,
            "checkpoints": measured.checkpoints,
        },
        "measured": measured and [asdict(one) for one in measured.measured],
        "no_time": time if isinstance(time, str) else None,
        "note": stands_in or None,
    }  # fmt: skip


def _stage_json(stage: StagePlan) -> dict[str, Any]:
    names = ("name", "objective", "pairs", "steps", "steps_per_epoch", "examples", "swapped", "tokens",
             "supervised_tokens", "padding", "memory")
    return {
        **{name: getattr(stage, name) for name in names},
        "datasets": [
            {"folder": folder, "conversations": count, "weight": weight}
            for folder, (count, weight) in stage.datasets.items()
        ],
        "parameters": {name: {"trained": on, "frozen": off} for name, (on, off) in stage.parameters.items()},
    }

"""The end of a run: the model folder, the summary that marks the run as finished, then its report."""

import time
from dataclasses import asdict
from typing import Any

import torch

from macaw_cli.basics import distributed
from macaw_cli.basics.disk import disk_full_is_told
from macaw_cli.config.run_files import metrics_rows
from macaw_cli.config.settings import Settings
from macaw_cli.config.stages import peak_bridge_rate
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.evaluation.figures.remedies import circumstances_of
from macaw_cli.evaluation.figures.silence import padding_share
from macaw_cli.evaluation.figures.verdict import verdicts
from macaw_cli.evaluation.questions.conditions import examples_per_modality
from macaw_cli.model.folder import save_model
from macaw_cli.model.processing import MacawProcessor
from macaw_cli.training.job import TrainingJob, TrainingReport, write_summary
from macaw_cli.training.reporting.final_report import draw_report
from macaw_cli.training.run_folder import RunFolder
from macaw_cli.training.steps.engine import TrainingEngine
from macaw_cli.training.training_inputs import TrainingInputs
from macaw_cli.training.tuning.adapters import AdapterFiles, add_adapter, has_adapter, merge_adapter
from macaw_cli.training.tuning.llm_source import llm_name
from macaw_cli.training.tuning.model_config import encoders_seen_from, texts_seen_from


def finish_run(
    job: TrainingJob, inputs: TrainingInputs, engine: TrainingEngine, steps: int, started: float
) -> TrainingReport:
    """Save the model and write the summary; every rank must call it.

    Args:
        job: what was trained.
        inputs: tokenizer and encoders that belong to the model.
        engine: the trained model.
        steps: steps of the run.
        started: `time.monotonic()` when this process began to train.

    Raises:
        ResourceError: the disk is full; the last checkpoint is kept.
    """
    weights = engine.gathered_weights()
    hint = "Free some space and run `macaw train --resume`: it writes the model."
    with disk_full_is_told(job.run.path, hint):
        if distributed.is_main():
            _save(job, inputs, engine.model, weights)
        report = _report(job.run, steps, time.monotonic() - started, inputs, job.workspace.settings.training)
        if distributed.is_main():
            write_summary(job.run, report)
    if distributed.is_main() and job.workspace.settings.training.report:
        draw_report(job.run.path)
    return report


def _report(
    run: RunFolder, steps: int, seconds: float, inputs: TrainingInputs, training: TrainingSettings
) -> TrainingReport:
    rows = list(metrics_rows(run.metrics_file)) if distributed.is_main() else []
    losses = [row["loss"] for row in rows if row.get("loss") is not None]
    validations = [row["validation"] for row in rows if "validation" in row]
    return TrainingReport(
        run=run.path.name,
        steps=steps,
        loss=losses[-1] if losses else None,
        validation=validations[-1] if validations else None,
        seconds=round(seconds, 1),
        skipped=inputs.tokens.skipped,
        skipped_steps=sum(row.get("skipped", 0) for row in rows),
        swapped=sum(row.get("swapped", 0) for row in rows),
        verdict=_verdict(rows, validations, inputs, training),
    )


def _verdict(
    rows: list[dict[str, Any]], validations: list[dict[str, Any]], inputs: TrainingInputs, training: TrainingSettings
) -> dict[str, dict[str, Any]]:
    if not validations:
        return {}
    trimmed = inputs.config.view_settings.trims_audio
    own = inputs.rows[: len(inputs.tokens)]  # behind them stand the swapped examples
    padding = padding_share(own, inputs.config.fingerprints, trimmed=trimmed)
    stages = [asdict(stage) for stage in training.stages]
    known = circumstances_of(rows, examples_per_modality(own), padding, stages, peak_bridge_rate(training))
    return verdicts(validations[-1], known)


def _whole_model(split: Any, weights: dict[str, Any], settings: Settings) -> Any:
    """The model that ZeRO-3 has split, around its gathered weights: nothing is initialised, nothing copied.

    What no checkpoint holds, such as rotary frequencies, stays without values: the model is only for saving.
    """
    with torch.device("meta"):
        whole = type(split)(split.config)
        add_adapter(whole.language_model, settings.training.adapter, settings.seed, llm_name(settings))
    whole.load_state_dict(weights, assign=True)
    whole.tie_weights()
    whole.generation_config = split.generation_config
    return whole.to(split.dtype)


def _save(job: TrainingJob, inputs: TrainingInputs, model: Any, weights: dict[str, Any] | None) -> None:
    """Write the model folder, an adapter beside the weights and in them.

    Weights that ZeRO-3 has split are put into a whole model first.
    """
    settings = job.workspace.settings
    model.config.encoders = encoders_seen_from(job.workspace, inputs.config, job.run.model)
    model.config.expert_texts = texts_seen_from(job.workspace, inputs.config, job.run.model)
    if weights is not None:
        model = _whole_model(model, weights, settings)
    adapter = None
    if has_adapter(model.language_model):
        adapter = AdapterFiles.of(model.language_model)
        merge_adapter(model.language_model)
    tokens = settings.training.max_length
    processor = MacawProcessor(inputs.tokenizer, model.config, inputs.encoder.template, tokens)
    with quiet_transformers():
        save_model(model, processor, job.run.model, beside=adapter.write if adapter else None)

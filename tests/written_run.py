"""The files of a run, written by hand with every key that a training writes (`sys.path` holds this folder)."""

import json

from macaw_cli.config.loading import parse_settings, settings_yaml

MEASURED = {"n": 8, "none": 0.25, "chance": 0.25}


def write_run(
    folder, *, steps=60, finished=True, old=False, free=False, loss=2.0, stages=("bridge", "tune"), **training
):
    """A run of two stages with two validations.

    Args:
        folder: its folder, made here.
        steps: how far it came.
        finished: whether it has a summary.
        old: leave out the keys that older versions did not write.
        free: ask about a second modality, whose answers have no choices; write a verdict.
        loss: at the first step.
        stages: names of the two stages.
        training: settings of the run.
    """
    folder.mkdir(parents=True)
    tree = {"llm": "models/llm", "training": {"epochs": 2.0, **training}}
    (folder / "settings.yaml").write_text(settings_yaml(parse_settings(tree, "test")))
    rows = [_row(step, loss * 0.97**step, stages[step > 30], old) for step in range(2, steps + 1, 2)]
    rows += [{"step": step, "validation": _validation(step, loss, free)} for step in (30, 60) if step <= steps]
    rows.sort(key=lambda row: row["step"])
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    versions = {"version": 1, "macaw": "0.1.0", "python": "3.11.7", "packages": {"torch": "2.13.0"},
                "command": ["macaw", "train"], "identity": {"dataset": "ab" * 32}}  # fmt: skip
    (folder / "versions.json").write_text(json.dumps(versions))
    if finished:
        summary = {"version": 1, "run": folder.name, "seconds": 9.5} | ({"verdict": VERDICT} if free else {})
        (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def _row(step, loss, stage, old):
    row = {
        "step": step, "loss": loss, "learning_rate": 1e-3, "gradient_norm": 2.0 / step, "examples": 10, "tokens": 500,
        "seconds": {"load": 0.01, "forward": 0.04, "backward": 0.04, "optimizer": 0.01},
    }  # fmt: skip
    if old:
        return row
    row["seconds"]["checkpoint"] = 0.0
    groups = {"bridge": 1e-3, "llm": 2e-5} if step > 30 else {"bridge": 1e-3}
    norms = {group: 1.0 / step for group in groups}
    row |= {"padding": 0.5 if step == 2 else 0.0, "memory": 2**20 * step}
    return row | {"stage": stage, "learning_rates": groups, "gradient_norms": norms, "skipped": int(step == 4)}


VERDICT = {
    "video": {"category": "not_used", "text": "video: the model does <not> use its video.", "remedies": ["Try <this>."]}
}


def _validation(step, loss, free):
    seen = MEASURED | {"real": 0.9, "swapped": 0.1, "reliance": 0.8 if step > 30 else 0.4, "ci95": [0.3, 0.9]}
    unpaired = MEASURED | {"real": 0.9, "swapped": None, "reliance": None, "ci95": None}
    modalities, kinds = {"image": seen, "audio": seen}, {"image/colour": seen, "image/shape": unpaired, "audio": seen}
    if free:
        nothing = dict.fromkeys(("real", "none", "told", "swapped", "chance", "reliance", "ci95", "retention"))
        told = nothing | {"n": 8, "with_choices": 0, "gap": 0.1, "gap_ci95": [0.0, 0.2],
                          "preference": 0.62, "preference_ci95": [0.41, 0.79]}  # fmt: skip
        modalities["video"] = told
        kinds |= {"what happens": told | {"modality": "video"}, "image/who": told | {"modality": "video"}}
    return {"loss": loss * 0.98**step, "modalities": modalities, "kinds": kinds, "text": unpaired}

"""Runs with answers, written by hand (`sys.path` holds this folder)."""

import json

from written_run import write_run

from macaw_cli.config.loading import parse_settings, settings_yaml


def write_compared_run(folder, *, bridge="mlp", seed=0, right=(1, 1, 1, 0), dataset="ab" * 32, limit=None, **training):
    """A finished run with the answers of `macaw evaluate`: half of the questions about images, half about audio.

    Args:
        folder: its folder.
        bridge: its design.
        seed: of the run.
        right: 1 or 0 for each question.
        dataset: hash of what it was trained on and asked of.
        limit: questions per kind it was asked.
        training: its settings.
    """
    write_run(folder, **training)
    tree = {"llm": "models/llm", "seed": seed, "bridge": bridge, "training": {"epochs": 2.0, **training}}
    (folder / "settings.yaml").write_text(settings_yaml(parse_settings(tree, "test")))
    versions = json.loads((folder / "versions.json").read_text())
    (folder / "versions.json").write_text(json.dumps(versions | {"identity": {"dataset": dataset}}))
    (folder / "evaluation").mkdir()
    modalities = ["image" if 2 * number < len(right) else "audio" for number in range(len(right))]
    rows = [_row(number, bool(one), modalities[number]) for number, one in enumerate(right)]
    (folder / "evaluation/answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = {"dataset": dataset, "limit": limit, "generate": 32}
    (folder / "evaluation/figures.json").write_text(json.dumps({"version": 2, "asked": asked}))
    return folder


def _row(number, right, modality):
    return {
        "id": f"q{number}", "kind": f"{modality}/colour", "modality": modality, "tags": [],
        "right": {"real": right, "swapped": False}, "likelihood": {"real": -1.0, "swapped": -2.0}, "answer_tokens": 2,
    }  # fmt: skip

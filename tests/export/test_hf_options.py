"""What can be chosen of an export to transformers: number format, adapter; and what it takes from the run."""

import json
import os
import signal
import subprocess
import sys

import pytest
import tiny_macaw
import torch
from safetensors.torch import load_file

from macaw_cli.basics.errors import InputError, Interrupted, UsageError
from macaw_cli.config.loading import open_workspace
from macaw_cli.export.formats.hf import HfExport
from macaw_cli.export.formats.registry import export_format
from macaw_cli.export.model_card import evaluation_section, figures_of
from macaw_cli.export.proving.examples import proof_examples
from macaw_cli.export.proving.real_media import real_media
from macaw_cli.export.run import export_model
from macaw_cli.export.source import ExportSource


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tiny_macaw.make_workspace(tmp_path_factory.mktemp("options"))


def test_an_export_in_bf16_is_the_model_in_bf16_with_its_encoders_in_fp32(root):
    done = export_model(open_workspace(root, ["export.dtype=bfloat16", "export.out=half"]), root / "runs/tiny")
    assert done.proof.limit == 3e-2 and done.proof.greedy_same == done.proof.greedy_tokens
    weights = load_file(done.out / "model.safetensors")
    kinds = {name.partition(".")[0]: one.dtype for name, one in weights.items()}
    assert kinds["language_model"] == kinds["fusion"] == torch.bfloat16
    assert kinds["image_encoder"] == kinds["audio_encoder"] == torch.float32


def adapter_of(root, model):
    """An adapter beside a model, as PEFT saves one."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    llm = get_peft_model(
        AutoModelForCausalLM.from_pretrained(root / "models/llm"), LoraConfig(target_modules=["q_proj"])
    )
    llm.save_pretrained(model / "adapter")
    return llm


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")
def test_the_adapter_of_the_training_is_kept_beside_the_model_as_peft_loads_it(root, tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = tiny_macaw.make_model(root, "adapted")
    adapted = adapter_of(root, model)
    kind = export_format(open_workspace(root, ["export.keep_adapters=true"]).settings.export)
    source = ExportSource.load(open_workspace(root), model)
    (tmp_path / "out").mkdir()
    kind.write(source, tmp_path / "out")
    llm = AutoModelForCausalLM.from_pretrained(root / "models/llm")
    again = PeftModel.from_pretrained(llm, tmp_path / "out/adapter")
    ids = torch.tensor([[5, 6, 7]])
    assert torch.equal(again(ids).logits, adapted.eval()(ids).logits)
    for told in ((tmp_path / "out/adapter/README.md").read_text(), *kind.notes(source)):
        assert str(root / "models/llm") in told and "twice" in told


def test_an_adapter_that_is_not_there_cannot_be_kept(root):
    (root / "runs/tiny/model/model.safetensors").rename(root / "weights")  # nothing is read before
    with pytest.raises(InputError, match="adapter"):
        export_model(open_workspace(root, ["export.keep_adapters=true", "export.out=none"]), root / "runs/tiny")
    (root / "weights").rename(root / "runs/tiny/model/model.safetensors")
    assert not (root / "none").exists()


def test_an_export_that_is_stopped_leaves_nothing_behind(root, monkeypatch):
    monkeypatch.setattr(HfExport, "prove", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted) as stopped:
        export_model(open_workspace(root, ["export.out=parts/stopped"]), root / "runs/tiny")
    assert stopped.value.exit_code == 143
    assert list((root / "parts").iterdir()) == []


def test_an_option_of_another_format_is_an_unknown_key(root):
    with pytest.raises(UsageError, match="keep_adapters"):
        open_workspace(root, ["export.format=llava", "export.keep_adapters=true"])


FIGURES = {
    "modalities": {"image": {
        "n": 12, "with_choices": 12, "real": 0.75, "none": 0.25, "told": 0.25, "swapped": 0.125, "chance": 0.5,
        "paired": 12, "reliance": 0.625, "ci95": [0.5, 0.75], "retention": 0.3, "gap": 1.0, "gap_ci95": [0.5, 1.5],
        "preference": 1.0, "preference_ci95": [0.9, 1.0], "preference_n": 12, "non_finite": 0,
    }}, "kinds": {},
}  # fmt: skip


def test_the_card_has_the_table_of_the_runs_evaluation(root):
    model = tiny_macaw.make_model(root, "measured")
    assert figures_of(model) == {} and evaluation_section({}) == ""
    (model.parent / "settings.yaml").write_text("version: 1\n")
    (model.parent / "evaluation").mkdir()
    (model.parent / "evaluation/figures.json").write_text(json.dumps(FIGURES))
    table = evaluation_section(figures_of(model))
    [row] = [line for line in table.splitlines() if line.startswith("| image")]
    assert "0.75" in row and "12" in row and "## Evaluation" in table


def test_the_card_has_no_rows_without_figures_and_the_metrics_of_answers_without_choices():
    free = {name: None for name in FIGURES["modalities"]["image"]} | {
        "n": 200, "generated": 200, "metrics": {"exact_match": {"real": 0.5, "none": 0.25}},
    }  # fmt: skip
    table = evaluation_section({**FIGURES, "kinds": {**FIGURES["kinds"], "text/repeat": free}})
    rows = [line for line in table.splitlines() if line.startswith("| text/repeat")]
    assert len(rows) == 1
    assert "exact match" in rows[0] and "0.50" in rows[0]


def test_the_proof_has_media_of_the_workspace_where_its_stores_name_files_that_are_there(root):
    workspace = open_workspace(root, [])
    model = ExportSource.load(workspace, root / "runs/tiny/model").model
    assert list(real_media(workspace, model.config, 16_000)) == []
    command = [sys.executable, "-m", "macaw_cli", "extract-features", "media"]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    found = list(real_media(workspace, model.config, 16_000))
    assert {modality for _, modality, _ in found} == {"image", "audio", "video"}
    examples = proof_examples(model.config, 16_000, found)
    assert {one.origin for one in examples} >= {"noise", "beep.wav", "film.mp4"}

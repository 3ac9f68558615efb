"""`--format llm`: a stock LLM gives the source's answers from embeddings, and the client asks it through a server."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import tiny_macaw
from prompt_embeds_server import prompt_embeds_server

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.config.bridges.q_former import QFormerBridgeSettings
from macaw_cli.config.injections.gated_cross_attention import GatedCrossAttentionSettings
from macaw_cli.config.loading import open_workspace
from macaw_cli.export.run import export_model
from macaw_cli.model.folder import load_model


def exported(root, name, model=None):
    return export_model(open_workspace(root, ["export=llm", f"export.out={name}"]), model)


@pytest.fixture
def copy(workspace_folder, tmp_path):
    """A copy of the workspace, to which a test may add models."""
    return shutil.copytree(workspace_folder, tmp_path / "copy", ignore=shutil.ignore_patterns("stock"))


@pytest.fixture(scope="module")
def export(workspace_folder):
    return exported(workspace_folder, "stock")


def test_the_stock_class_gives_the_sources_logits_and_tokens(export):
    proof = export.proof
    assert proof.loader == "AutoModelForCausalLM of transformers"
    assert proof.modalities == ("image", "audio", "video")
    assert proof.largest_difference == 0.0
    assert proof.greedy_same == proof.greedy_tokens >= 20


def test_nothing_in_the_folder_needs_macaw_but_the_media(export):
    config = json.loads((export.out / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"] and "macaw" not in json.dumps(config)
    names = {file.relative_to(export.out).as_posix() for file in export.out.rglob("*") if file.is_file()}
    assert {
        "README.md", "chat_template.jinja", "client.py", "config.json", "export_report.json", "generation_config.json",
        "media/config.json", "media/model.safetensors", "media/processor_config.json", "model.safetensors",
        "tokenizer.json", "tokenizer_config.json",
    } <= names  # fmt: skip
    assert str(export.out.parent) not in (export.out / "media/config.json").read_text()


def test_the_llm_stops_where_the_model_stops(export):
    assert json.loads((export.out / "generation_config.json").read_text())["eos_token_id"] == [1]


def test_a_plain_program_writes_the_models_prompts(export, workspace_folder):
    """Nothing of macaw is imported there."""
    lines = (
        "from transformers import AutoTokenizer",
        f"tokenizer = AutoTokenizer.from_pretrained({str(export.out)!r})",
        "messages = [{'role': 'user', 'content': 'What is red?'}]",
        "text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)",
        "print(tokenizer(text, add_special_tokens=False).input_ids)",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    _, processor = load_model(workspace_folder / "runs/tiny")
    assert json.loads(done.stdout) == processor("What is red?")["input_ids"][0].tolist()


def test_the_client_gets_the_models_answer_from_a_server_of_the_llm(export, workspace_folder):
    media = workspace_folder / "media"
    with prompt_embeds_server(export.out) as (url, _):
        done = subprocess.run(
            [sys.executable, "client.py", "What is this?", str(media / "red.png"), str(media / "beep.wav")],
            cwd=export.out, capture_output=True, text=True, check=False,
            env={**os.environ, "BACKEND_URL": url, "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"[a-z]+", done.stdout.strip())
    assert len((export.out / "client.py").read_text().splitlines()) < 45


def test_a_bridge_that_reads_the_question_works_from_outside_the_llm(copy):
    design = QFormerBridgeSettings(name="q-former", tokens=3, layers=1, instruction=True, heads=2, hidden=16)
    folder = tiny_macaw.make_model(copy, "asking", bridge=design)
    proof = exported(copy, "asking-stock", folder).proof
    assert proof.largest_difference <= 1e-6 and proof.greedy_same == proof.greedy_tokens


def test_an_injection_is_refused_with_its_name(copy):
    gated = GatedCrossAttentionSettings(name="gated-cross-attention", every=1, heads=2, head_dim=8)
    folder = tiny_macaw.make_model(copy, "gated", injection=gated)
    with pytest.raises(MismatchError, match="gated-cross-attention"):
        exported(copy, "gated-stock", folder)
    assert not (copy / "gated-stock").exists()


def test_the_exported_llm_is_no_model_of_macaws(export):
    with pytest.raises(InputError, match="llama"):
        load_model(export.out)

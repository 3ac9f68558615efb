"""Attacks that a review found, on the real command line."""

import json
import os
import subprocess
import sys

import pytest

SECRETS = ("hunter2", "SECRETc")
ROW = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
URL = "s3://me:hunter2@bucket/x?token=SECRETc"


def macaw(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "macaw_cli", *words], cwd=cwd, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize(
    "words",
    [("chat", URL, "--prompt", "x"), ("build-dataset", "--source", f"jsonl:{URL}"), ("init", URL),
     ("build-dataset", "--source", "jsonl:t.jsonl", "--out", URL), ("inspect", URL.replace("://", ":/"))],
)  # fmt: skip
def test_a_url_where_a_path_is_needed_is_refused_without_its_secrets(tmp_path, words):
    (tmp_path / "t.jsonl").write_text(json.dumps(ROW) + "\n")
    done = macaw(*words, cwd=tmp_path)
    assert done.returncode in (1, 2) and "Traceback" not in done.stderr
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)
    assert not [path for path in tmp_path.iterdir() if ":" in path.name]


@pytest.mark.parametrize(
    "text",
    ["seed: 1" + ":1" * 200_000, "seed: 0x" + "f" * 5000, "seed: 0xffffffffffffffffffff",
     'dataset: {sources: ["jsonl:a\\0b"]}'],
    ids=["sexagesimal", "hexadecimal", "larger than 63 bits", "NUL"],
)  # fmt: skip
def test_odd_values_of_a_macaw_yaml_are_refused_at_once(tmp_path, text):
    (tmp_path / "macaw.yaml").write_text(text)
    done = macaw("build-dataset", "--plan", cwd=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr


def test_a_macaw_yaml_that_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "macaw.yaml")
    done = macaw("build-dataset", "--plan", cwd=tmp_path)
    assert (done.returncode, "pipe" in done.stderr) == (2, True), done.stderr


def test_init_into_a_link_to_nothing_is_refused(tmp_path):
    (tmp_path / "link").symlink_to("nowhere")
    done = macaw("init", "link", cwd=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr


def test_a_current_folder_that_was_deleted_is_told(tmp_path):
    (tmp_path / "gone").mkdir()
    program = "import os; os.rmdir('../gone'); from macaw_cli.main import cli; cli()"
    done = subprocess.run([sys.executable, "-c", program, "build-dataset", "--plan"], cwd=tmp_path / "gone",
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr


def test_a_link_in_an_own_dataset_is_found_before_anything_is_removed(tmp_path):
    (tmp_path / "t.jsonl").write_text(json.dumps(ROW) + "\n")
    (tmp_path / "other").write_text("mine")
    assert macaw("build-dataset", "--source", "jsonl:t.jsonl", "--out", "d", cwd=tmp_path).returncode == 0
    (tmp_path / "d" / "index.jsonl").unlink()
    (tmp_path / "d" / "index.jsonl").symlink_to("../other")
    (tmp_path / "t.jsonl").write_text((json.dumps(ROW) + "\n") * 2)
    done = macaw("build-dataset", "--source", "jsonl:t.jsonl", "--out", "d", cwd=tmp_path)
    assert done.returncode == 1 and "index.jsonl" in done.stderr
    assert (tmp_path / "d" / "dataset.json").exists() and (tmp_path / "other").read_text() == "mine"


def test_a_model_that_names_an_attention_kernel_of_the_hub_is_refused(tmp_path):
    from transformers import LlamaConfig, LlamaForCausalLM

    from macaw_cli.basics.errors import InputError
    from macaw_cli.encoders.pretrained import load_causal_lm

    sizes = {"vocab_size": 8, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    LlamaForCausalLM(LlamaConfig(num_attention_heads=2, **sizes)).save_pretrained(tmp_path)
    content = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**content, "attn_implementation": "someone/kernel"}))
    with pytest.raises(InputError, match="someone/kernel"):
        load_causal_lm(tmp_path)

"""`macaw import-checkpoint`, run as a user runs it."""

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

from macaw_cli.config.bridges.designs import BridgePerModality
from macaw_cli.config.bridges.macaw import MacawBridgeSettings
from macaw_cli.export.importing.published.names import published_name
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.modeling import MacawForConditionalGeneration

LLAMA = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 12}
CONV = {"image": [5, 4], "audio": [7, 3], "video": [6, 5]}
CONFIG = {"n_frames": 2, "attention_heads": 2, "align_heads": 4, "conv": CONV, "llama": LLAMA}


def macaw(folder, *arguments):
    command = [sys.executable, "-m", "macaw_cli", "import-checkpoint", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A folder with `published.safetensors`, which lacks the video self-attention like the real one."""
    from transformers import LlamaConfig

    folder = tmp_path_factory.mktemp("workspace")
    bridges = {name: MacawBridgeSettings(variant="paper", windows=tuple(CONV[name]), heads=2) for name in CONV}
    config = MacawConfig.for_llm(
        LlamaConfig(vocab_size=40, hidden_size=16, **LLAMA), BridgePerModality(**bridges),
        {"image": (21, 8), "audio": (30, 8), "video": (2, 9, 8)}, null_features=True,
    )  # fmt: skip
    config.begin_end_ids = {"image": [33, 34], "audio": [35, 36], "video": [37, 38]}
    torch.manual_seed(0)
    model = MacawForConditionalGeneration(config)
    weights = {
        published_name(name): tensor
        for name, tensor in model.state_dict().items()
        if not name.startswith(("fusion.null_features", "fusion.bridges.video.self_attention"))
    }
    save_file(weights, folder / "published.safetensors", {"config": json.dumps(CONFIG)})
    return folder


def test_the_folder_is_written_and_what_was_missing_is_told(workspace):
    done = macaw(workspace, "published.safetensors", "--out", "model")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Wrote model. Next: macaw inspect model\n"
    assert "Missing from the file and initialised at random: video_long_self_attention.* (6)." in done.stderr
    assert "Video needs training" in done.stderr
    written = {path.name for path in (workspace / "model").iterdir()}
    assert {"config.json", "model.safetensors"} <= written
    model = MacawForConditionalGeneration.from_pretrained(workspace / "model").eval()
    media = {"image_features": torch.randn(1, 21, 8), "audio_features": torch.randn(1, 30, 8)}
    media["video_features"] = torch.randn(1, 2, 9, 8)
    assert model(input_ids=torch.tensor([[1, 5, 6]]), **media).logits.shape[-1] == 40


def test_a_wrong_path_is_one_message_and_exit_code_1(workspace):
    done = macaw(workspace, "nowhere.bin")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: There is no nowhere.bin.")
    assert "Traceback" not in done.stderr


def test_a_configuration_file_overrides_and_is_checked(workspace):
    (workspace / "wrong.json").write_text(json.dumps({**CONFIG, "hidden_size": 99}))
    done = macaw(workspace, "published.safetensors", "--config", "wrong.json", "--out", "other")
    assert done.returncode == 1
    assert "`hidden_size` in wrong.json is 99, but the checkpoint has llm.model.embed_tokens" in done.stderr
    assert not (workspace / "other").exists()


def test_a_checkpoint_of_another_family_is_told_imported_and_followed_by_the_next_command(tmp_path):
    import tiny_checkpoints

    tiny_checkpoints.llava(tmp_path / "llava")
    done = macaw(tmp_path, "llava", "--out", "model", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["out"] == "model" and told["from"] == "llava" and told["weights"] == 80
    assert "--from llava" in done.stderr and "80 weights" in done.stderr
    assert (tmp_path / "model" / "processor_config.json").is_file()
    wrong = macaw(tmp_path, "model", "--out", "other", "--json")
    assert wrong.returncode == 1 and "already" in json.loads(wrong.stdout)["error"]["message"]

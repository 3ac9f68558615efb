"""A bridge and an image encoder, each from an installed package of its own, through every command."""

import json
from pathlib import Path

import pytest
import tiny_macaw
import torch
import yaml
from installed_packages import install, macaw, python, write_metadata
from PIL import Image

HERE = Path(__file__).parent
BRIDGE = HERE / "macaw-mean-pool"
ENCODER = HERE.parents[1] / "encoders" / "macaw-vit-msn"
SETTINGS = {
    "llm": "models/llm",
    "bridge": {"name": "mean-pool", "tokens": 3},
    "features": {
        "sources": ["media"], "workers": 1,
        "image_encoder": {"model": "models/vit", "projection": False}, "audio_encoder": "models/whisper",
    },
    "dataset": {"sources": ["jsonl:questions.jsonl"], "val_fraction": 0.3},
    "training": {
        "name": "mean-pool", "max_steps": 2, "sequence_length": 512, "global_batch_size": 2, "max_length": 256,
        "precision": "fp32", "device": "cpu", "learning_rate": 1e-3, "evaluate_every": None, "report": False,
    },
    "chat": {"max_new_tokens": 4},
}  # fmt: skip


def make_vit(folder):
    from transformers import ViTImageProcessorPil, ViTMSNConfig, ViTMSNModel

    torch.manual_seed(0)
    tower = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 40}
    ViTMSNModel(ViTMSNConfig(**tower, image_size=32, patch_size=8)).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)


def make_workspace(folder):
    tiny_macaw.make_models(folder / "models")
    tiny_macaw.make_media(folder / "media")
    make_vit(folder / "models" / "vit")
    rows = []
    for number, name in enumerate(["red.png", "beep.wav", "blue.png", "black.png", "grey.png", "copy.wav"]):
        if name in ("black.png", "grey.png"):
            Image.new("RGB", (40, 30), (20 * number,) * 3).save(folder / "media" / name)
        answers = ["low", "high"]
        talk = [{"role": "user", "content": "What is it?"}, {"role": "assistant", "content": answers[number % 2]}]
        row = {"id": str(number), "audio" if name.endswith("wav") else "image": name, "choices": answers}
        rows.append(row | {"messages": talk, "split": "train" if number < 2 else "val"})
    beep = bytearray((folder / "media" / "beep.wav").read_bytes())
    beep[-9] ^= 64
    (folder / "media" / "copy.wav").write_bytes(beep)
    (folder / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "macaw.yaml").write_text(yaml.safe_dump(SETTINGS))


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder to import from in which both packages are installed, as pip leaves them."""
    place = tmp_path_factory.mktemp("site-packages")
    install(ENCODER, place)
    return install(BRIDGE, place)


@pytest.fixture(scope="module")
def trained(installed, tmp_path_factory):
    """A workspace in which all commands have run, and what each of them did."""
    folder = tmp_path_factory.mktemp("mean-pool")
    make_workspace(folder)
    question = ["--image", "media/red.png", "--audio", "media/beep.wav", "--prompt", "What is it?", "--json"]
    commands = {
        "extract-features": ["extract-features", "--json"],
        "build-dataset": ["build-dataset"],
        "plan": ["train", "--plan", "--json"],
        "train": ["train", "--json"],
        "evaluate": ["evaluate", "--json"],
        "chat": ["chat", *question],
        "inspect": ["inspect", "runs/mean-pool", "--json"],
        "export": ["export", "--json"],
        "exported": ["chat", "exported", *question],
    }
    done = macaw(folder, *commands.values(), places=[installed])
    assert [row["code"] for row in done] == [0] * len(commands), next(row for row in done if row["code"])
    told = {name: row["out"] for name, row in zip(commands, done, strict=True)}
    return folder, {name: json.loads(out) if out.startswith("{") else out for name, out in told.items()}


def test_the_encoder_of_a_package_makes_the_features(trained):
    folder, told = trained
    store = json.loads((folder / "features" / "store.json").read_text())
    assert store["fingerprints"]["image"]["architecture"] == "ViTMSNModel"
    assert told["extract-features"]["made"]["image"] == 4


def test_the_bridge_of_a_package_is_planned_trained_saved_and_loaded_with_its_own_settings(trained):
    folder, told = trained
    config = json.loads((folder / "runs/mean-pool/model/config.json").read_text())
    assert config["bridge"] == {"name": "mean-pool", "tokens": 3}
    assert yaml.safe_load((folder / "runs/mean-pool/settings.yaml").read_text())["bridge"] == config["bridge"]
    assert told["train"]["steps"] == 2
    assert told["chat"]["usage"]["soft_tokens"] == {"image": 3, "audio": 3}
    assert {told["evaluate"]["modalities"][name]["real"] is None for name in ("image", "audio")} == {False}


def test_an_export_has_both_and_answers_the_same(trained):
    folder, told = trained
    assert told["exported"]["answer"] == told["chat"]["answer"] != ""
    assert set(told["export"]["proof"]["modalities"]) >= {"image", "audio"}
    assert "pip install macaw-cli macaw-mean-pool macaw-vit-msn" in (folder / "exported" / "README.md").read_text()


def test_what_was_made_with_a_package_needs_it_and_says_so(trained, tmp_path):
    folder, _ = trained
    talk, set_up, encoded = macaw(
        tmp_path,
        ["chat", str(folder / "runs/mean-pool"), "--prompt", "What is it?"],
        ["train", "--config", str(folder), "--plan"],
        ["extract-features", "--config", str(folder), "--out", "other", "--set", "bridge=macaw"],
    )
    assert talk["error"] == "MismatchError"
    assert set_up["error"] == "UsageError"
    assert encoded["error"] == "UsageError"
    assert "mean-pool" in talk["problem"]
    assert "`bridge.name`" in set_up["problem"]
    assert "vit_msn" in encoded["problem"]
    assert all("package" in row["problem"] + row["hint"] for row in (talk, set_up, encoded))


def test_settings_of_a_package_are_checked_without_torch(installed, tmp_path):
    done = python(SETTINGS_ALONE, tmp_path, installed)
    assert done.returncode == 0, done.stderr


SETTINGS_ALONE = """
import sys
from macaw_cli.basics.errors import UsageError
from macaw_cli.config.bridges.designs import design_of
from macaw_cli.config.loading import parse_settings, settings_yaml
settings = parse_settings({"bridge": {"image": {"name": "mean-pool", "tokens": 9}, "audio": "mean-pool"}}, "test")
assert design_of(settings.bridge, "image").tokens == 9 and design_of(settings.bridge, "audio").tokens == 4
assert "tokens: 9" in settings_yaml(settings)
wrong = {"token": "unknown key `bridge.token` (did you mean `bridge.tokens`", "stride": "unknown key `bridge.stride`"}
for name, told in wrong.items():
    try:
        parse_settings({"bridge": {"name": "mean-pool", name: 2}}, "test")
    except UsageError as error:
        assert told in str(error), error
    else:
        raise AssertionError(name)
assert not {"torch", "numpy", "transformers"} & set(sys.modules), "settings need no heavy package"
"""

HEAD = """
from dataclasses import dataclass
from macaw_cli.config.bridges.entry import BridgeEntry
@dataclass(frozen=True)
class Options:
    name: str = "odd"
"""


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("ROW = 'odd'", "a str"),
        (f"{HEAD}\nROW = BridgeEntry(dict, 'odd:Odd')", "not a dataclass"),
        (f"{HEAD}\nROW = BridgeEntry(Options, 'odd')", "'odd'"),
        (f"{HEAD.replace(chr(34) + 'odd' + chr(34), repr('linear'))}\nROW = BridgeEntry(Options, 'odd:Odd')", "linear"),
        (f"{HEAD}    image: int = 3\nROW = BridgeEntry(Options, 'odd:Odd')", "image"),
        (f"{HEAD.replace(' = ' + chr(34) + 'odd' + chr(34), '')}\nROW = BridgeEntry(Options, 'odd:Odd')", "`name`"),
        (f"{HEAD}    size: 'Nowhere' = 3\nROW = BridgeEntry(Options, 'odd:Odd')", "Nowhere"),
    ],
)
def test_a_package_whose_bridge_cannot_be_used_is_named(code, told, tmp_path):
    (tmp_path / "odd.py").write_text(f"{code}\n")
    write_metadata(tmp_path, "odd-package", "1.0", {"macaw.bridges": {"odd": "odd:ROW"}})
    helped, described = macaw(tmp_path, ["--help"], ["init", "here"], places=[tmp_path])
    assert helped["code"] == 0
    assert (described["code"], described["error"]) == (2, "UsageError")
    assert "odd-package" in described["problem"]
    assert told in described["problem"]


@pytest.mark.parametrize(("place", "told"), [("odd:Missing", "odd:Missing"), ("odd:Options", "odd:Options")])
def test_a_package_whose_module_cannot_be_used_is_named(place, told, trained, tmp_path):
    (tmp_path / "odd.py").write_text(f"{HEAD}\nROW = BridgeEntry(Options, '{place}')\n")
    write_metadata(tmp_path, "odd-package", "1.0", {"macaw.bridges": {"odd": "odd:ROW"}})
    (refused,) = macaw(
        tmp_path, ["train", "--config", str(trained[0]), "--plan", "--bridge", "odd"], places=[tmp_path]
    )
    assert (refused["code"], refused["error"]) == (2, "UsageError")
    assert "odd-package" in refused["problem"]
    assert told in refused["problem"]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("Odd = 'odd'", "odd"),
        ("from macaw_cli.encoders.image_encoder import ImageEncoder as Odd", "ImageEncoder"),
        ("from macaw_cli.encoders.dinov2 import Dinov2Encoder\nclass Odd(Dinov2Encoder): pass", "model_types"),
        (
            "from macaw_cli.encoders.dinov2 import Dinov2Encoder\nclass Odd(Dinov2Encoder): model_types = 'clip',",
            "clip",
        ),
    ],
)
def test_a_package_whose_encoder_cannot_be_used_is_named(code, told, trained, tmp_path):
    (tmp_path / "odd.py").write_text(f"{code}\n")
    write_metadata(tmp_path, "odd-package", "1.0", {"macaw.encoders": {"odd": "odd:Odd"}})
    (refused,) = macaw(
        tmp_path, ["extract-features", "--config", str(trained[0]), "--set", "bridge=macaw"], places=[tmp_path]
    )
    assert (refused["code"], refused["error"]) == (2, "UsageError")
    assert "odd-package" in refused["problem"]
    assert told in refused["problem"]


def test_the_documentation_shows_these_packages_as_they_are():
    page = (HERE.parents[2] / "docs" / "own-parts.md").read_text()
    shown = ["macaw_mean_pool/__init__.py", "macaw_mean_pool/bridge.py"]
    assert all((BRIDGE / name).read_text().strip() in page for name in shown)
    assert (ENCODER / "macaw_vit_msn.py").read_text().strip() in page
    for folder in (BRIDGE, ENCODER):
        entry = (folder / "pyproject.toml").read_text().partition("[project.entry-points")[2].partition("\n\n")[0]
        assert f"[project.entry-points{entry}" in page

"""A fourth modality, `gaze`, from an installed package of its own, through every command."""

import json
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import tiny_macaw
import yaml
from installed_packages import install, macaw, python, write_metadata

HERE = Path(__file__).parent
SOURCE = HERE / "macaw-gaze"
KINDS = {"rises": lambda x: x, "falls": lambda x: -x, "waves": lambda x: np.sin(9 * x)}
SETTINGS = {
    "llm": "models/llm",
    "bridge": {"gaze": {"name": "patch", "length": 4, "stride": 2}, "image": "linear"},
    "features": {"sources": ["media"], "image_encoder": "models/clip", "workers": 1},
    "dataset": {"sources": ["jsonl:questions.jsonl"], "val_fraction": 0.3},
    "training": {
        "name": "gaze", "max_steps": 4, "sequence_length": 512, "global_batch_size": 2, "max_length": 256,
        "precision": "fp32", "device": "cpu", "learning_rate": 1e-3, "evaluate_every": None, "report": False,
    },
    "chat": {"max_new_tokens": 4},
}  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder to import from in which the package is installed, as pip leaves it."""
    return install(SOURCE, tmp_path_factory.mktemp("site-packages"))


def make_workspace(folder):
    """Models, two images, and CSV and NumPy files of three kinds, with questions about them."""
    tiny_macaw.make_models(folder / "models")
    tiny_macaw.make_media(folder / "media")
    for name in ("beep.wav", "film.mp4", "silent.mp4"):
        (folder / "media" / name).unlink()
    rows = []
    for number in range(18):
        kind = list(KINDS)[number % 3]
        x = np.linspace(0, 1, 5 + number % 4)
        values = np.stack([x, KINDS[kind](x) + 0.01 * number], axis=1)
        path = folder / "media" / f"{number:02}.{'npy' if number % 2 else 'csv'}"
        np.save(path, values) if number % 2 else np.savetxt(path, values, delimiter=",")
        talk = [{"role": "user", "content": "How does it go?"}, {"role": "assistant", "content": kind}]
        row = {"id": path.stem, "gaze": [path.name], "kind": "gaze/shape", "choices": list(KINDS)}
        rows.append(row | {"messages": talk})
    for number, (name, colour) in enumerate({"red.png": "red", "blue.png": "noise"}.items()):
        talk = [{"role": "user", "content": "Which colour?"}, {"role": "assistant", "content": colour}]
        rows.append({"id": f"i{number}", "image": name, "split": "train", "messages": talk})
    (folder / "media" / "broken.csv").write_text("1,2\n3\n")
    (folder / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "macaw.yaml").write_text(yaml.safe_dump(SETTINGS))


@pytest.fixture(scope="module")
def trained(installed, tmp_path_factory):
    """A workspace in which all commands have run, and what each of them did."""
    folder = tmp_path_factory.mktemp("gaze")
    make_workspace(folder)
    names = ("extract-features", "build-dataset", "train", "evaluate", "chat", "export", "inspect", "exported")
    done = macaw(
        folder,
        ["extract-features", "--json", "--set", "features.max_reject_ratio=0.1"],
        ["build-dataset"],
        ["train", "--json"],
        ["evaluate", "--json"],
        ["chat", "--media", "media/00.csv", "--prompt", "How does it go?", "--json"],
        ["export", "--json"],
        ["inspect", "features", "--json"],
        ["chat", "exported", "--media", "media/00.csv", "--prompt", "How does it go?", "--json"],
        places=[installed],
    )
    assert [row["code"] for row in done] == [0] * len(names), done
    told = {name: row["out"] for name, row in zip(names, done, strict=True)}
    return folder, {name: json.loads(out) if out.startswith("{") else out for name, out in told.items()}


def test_the_decoder_of_the_package_makes_the_features_and_a_broken_file_is_a_reject(trained):
    folder, told = trained
    assert told["extract-features"]["made"] == {"image": 2, "gaze": 18}
    (reject,) = told["extract-features"]["rejects"]
    assert (reject["modality"], reject["path"]) == ("gaze", "media/broken.csv")
    store = json.loads((folder / "features" / "store.json").read_text())
    assert store["fingerprints"]["gaze"] == {"model": "macaw_gaze:decode", "revision": "1", "shape": [512, 2]}
    assert (folder / "features" / "gaze-000000.tar").is_file()


def test_training_and_evaluation_treat_it_like_the_others(trained):
    folder, told = trained
    config = json.loads((folder / "runs/gaze/model/config.json").read_text())
    assert config["feature_shapes"]["gaze"][1] == 2
    assert config["bridge"]["gaze"]["name"] == "patch"
    measured = told["evaluate"]["modalities"]["gaze"]
    assert measured["n"] >= 4
    assert {measured[name] is None for name in ("real", "none", "told", "swapped", "reliance")} == {False}
    assert set(told["evaluate"]["kinds"]) == {"gaze/shape"}


def test_chat_takes_a_file_of_it_and_an_export_answers_the_same(trained):
    _, told = trained
    assert told["chat"]["attachments"] == [{"path": "media/00.csv", "modality": "gaze", "soft_tokens": 6}]
    assert told["chat"]["usage"]["soft_tokens"] == {"gaze": 6}
    assert told["exported"]["answer"] == told["chat"]["answer"]
    assert set(told["export"]["proof"]["modalities"]) == {"image", "gaze"}


def test_what_was_made_with_the_modality_needs_its_package_and_says_so(trained, tmp_path):
    folder, _ = trained
    missing = macaw(
        tmp_path,
        ["chat", str(folder / "runs/gaze"), "--prompt", "How does it go?"],
        ["inspect", str(folder / "features")],
        ["inspect", str(folder / "dataset")],
    )
    assert [(row["code"], row["error"]) for row in missing] == [(1, "MismatchError")] * 3
    assert all("gaze" in row["problem"] and "macaw_gaze:decode" in row["hint"] for row in missing)


def test_token_ids_stand_in_the_model_whatever_is_installed_later(trained, installed, tmp_path):
    """A model with the modality has ids for it; one made without the package keeps its own ids and answers."""
    folder, _ = trained
    config = json.loads((folder / "runs/gaze/model/config.json").read_text())
    first = config["text_config"]["vocab_size"]
    pairs = chain.from_iterable(config["begin_end_ids"].values())
    ids = [*config["soft_token_ids"].values(), *pairs, *config["null_token_ids"].values()]
    assert sorted(ids) == list(range(first, first + 16))
    tiny_macaw.make_workspace(tmp_path)
    saved = (tmp_path / "runs/tiny/model/config.json").read_bytes()
    (tmp_path / "gaze.csv").write_text("1,2\n")
    media = ["--image", "media/red.png", "--audio", "media/beep.wav"]
    question = ["chat", "runs/tiny", *media, "--prompt", "What?", "--json"]
    (without,) = macaw(tmp_path, question)
    answered, refused = macaw(
        tmp_path, question, ["chat", "runs/tiny", "--media", "gaze.csv", "--prompt", "What?"], places=[installed]
    )
    told = [json.loads(row["out"]) for row in (without, answered)]
    assert told[0]["answer"] == told[1]["answer"] != ""
    assert told[0]["usage"] == told[1]["usage"]
    assert refused["error"] == "InputError"
    assert "gaze" in refused["problem"]
    again = python(LOADED_AND_SAVED, tmp_path, installed)
    assert again.returncode == 0, again.stderr
    assert ids_in(tmp_path / "again/config.json") == ids_in(tmp_path / "runs/tiny/model/config.json")
    assert (tmp_path / "runs/tiny/model/config.json").read_bytes() == saved


LOADED_AND_SAVED = """
from macaw_cli.model.configuration import MacawConfig
config = MacawConfig.from_pretrained("runs/tiny/model")
assert "gaze" not in config.soft_token_ids
config.save_pretrained("again")
new = MacawConfig.for_llm(config.text_config, config.bridge_settings("image"), {"image": (16, 24)})
assert new.soft_token_ids == config.soft_token_ids and new.begin_end_ids == config.begin_end_ids
"""


def ids_in(file):
    config = json.loads(file.read_text())
    return {name: config[name] for name in ("soft_token_ids", "begin_end_ids", "null_token_ids")}


def test_settings_of_the_modality_are_checked_without_torch_and_absent_where_nothing_is_set(installed, tmp_path):
    done = python(SETTINGS_ALONE, tmp_path, installed)
    assert done.returncode == 0, done.stderr


SETTINGS_ALONE = """
import sys
from macaw_cli.basics.errors import UsageError
from macaw_cli.config.bridges.designs import design_of
from macaw_cli.config.loading import parse_settings, settings_yaml
settings = parse_settings({"bridge": {"gaze": "linear"}, "views": {"gaze": {"pool": 2}}}, "test")
assert design_of(settings.bridge, "gaze").name == "linear" and design_of(settings.bridge, "image").name == "macaw"
assert "gaze" in settings_yaml(settings)
assert "gaze" not in settings_yaml(parse_settings({"bridge": {"image": "mlp"}}, "test"))
for wrong in ({"bridge": {"gaz": "linear"}}, {"views": {"gaze": {"trim": True}}}):
    try:
        parse_settings(wrong, "test")
    except UsageError as error:
        assert "gaze" in str(error), error
    else:
        raise AssertionError(wrong)
assert not {"torch", "numpy", "transformers"} & set(sys.modules), "settings need no heavy package"
"""


@pytest.mark.parametrize("fault", ["raise RuntimeError('no licence')", "GAZE = 'gaze'", "GAZE.extensions = 1"])
def test_a_package_that_cannot_be_used_is_named(fault, tmp_path):
    (tmp_path / "faulty.py").write_text(f"{fault}\n")
    write_metadata(tmp_path, "faulty-package", "1.0", {"macaw.modalities": {"gaze": "faulty:GAZE"}})
    helped, described = macaw(tmp_path, ["--help"], ["inspect", "."], places=[tmp_path])
    assert helped["code"] == 0
    assert (described["code"], described["error"]) == (2, "UsageError")
    assert "faulty-package" in described["problem"]


def test_the_documentation_shows_this_package_as_it_is():
    page = (HERE.parents[1] / "docs" / "own-parts.md").read_text()
    for name in ("macaw_gaze.py", "pyproject.toml"):
        assert (SOURCE / name).read_text().strip() in page

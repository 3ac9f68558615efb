"""From macaw.yaml and --set to settings: what is accepted, and how mistakes are told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from macaw_cli.basics.errors import MismatchError, UsageError
from macaw_cli.commands.shared_options import model_from_here, place_from_here, source_from_here, workspace_of
from macaw_cli.config.loading import (
    Workspace,
    known_keys,
    open_workspace,
    parse_settings,
    settings_yaml,
)
from macaw_cli.config.overrides import apply_override
from macaw_cli.config.settings import Settings


def opened(folder, text, *overrides):
    (folder / "macaw.yaml").write_text(text, encoding="utf-8")
    return open_workspace(folder, overrides).settings


def mistake(folder, text, *overrides):
    with pytest.raises(UsageError) as told:
        opened(folder, text, *overrides)
    assert told.value.exit_code == 2
    return told.value.problem


def test_without_a_file_the_defaults_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workspace = open_workspace()
    assert workspace == Workspace(tmp_path, Settings())


def test_the_file_of_the_current_folder_is_found_and_paths_are_relative_to_it(tmp_path, monkeypatch):
    (tmp_path / "macaw.yaml").write_text("seed: 7\n")
    monkeypatch.chdir(tmp_path)
    assert open_workspace().settings.seed == 7
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    for given_as in (Path(".."), Path("../macaw.yaml"), tmp_path):
        workspace = open_workspace(given_as)
        assert workspace.settings.seed == 7
        assert workspace.path("x/y").resolve() == tmp_path / "x" / "y"
    assert open_workspace(tmp_path).path("/x") == Path("/x")
    assert open_workspace(Path("../macaw.yaml")).path("../runs/x") == tmp_path.parent / "runs" / "x"


def test_an_llm_that_was_typed_beside_a_model_to_start_from_is_refused(tmp_path):
    start = "training.start_from=m-llava"
    assert "m-llava" in mistake(tmp_path, "llm: models/llama\n", start, "llm=other")
    assert "other" in mistake(tmp_path, "training: {start_from: m-llava}\n", "llm=other")
    with pytest.raises(UsageError, match="--llm"):
        open_workspace(tmp_path, [start], options={'llm="other"': "--llm"})
    assert opened(tmp_path, "llm: models/llama\n", start).llm == "models/llama"
    assert opened(tmp_path, "training: {start_from: m-llava}\n", "llm=other", "training.start_from=").llm == "other"


def test_a_url_is_a_place_and_no_path(tmp_path):
    workspace = Workspace(tmp_path, Settings())
    assert workspace.place("s3://bucket//a") == "s3://bucket//a" and workspace.model_source("hf://a/b") == "hf://a/b"
    assert workspace.place("a") == str(tmp_path / "a") and workspace.path("file:///a/b") == Path("/a/b")
    with pytest.raises(UsageError, match="s3://bucket/a is a URL"):
        workspace.path("s3://bucket/a")


def test_urls_that_are_typed_stay_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert place_from_here("s3://bucket/a") == "s3://bucket/a" and place_from_here("file:///a") == Path("/a")
    assert place_from_here("a") == Path("a") and place_from_here(None) is None
    assert source_from_here("gs://a/*.png") == "gs://a/*.png" and source_from_here("a/*.png") == f"{tmp_path}/a/*.png"
    settings = workspace_of(None, None, features__out=place_from_here("s3://bucket/a")).settings
    assert settings.features.out == "s3://bucket/a"


def test_a_model_is_a_folder_of_the_workspace_or_a_hub_id(tmp_path):
    (tmp_path / "models" / "clip").mkdir(parents=True)
    workspace = Workspace(tmp_path, Settings())
    assert workspace.model_source("models/clip") == str(tmp_path / "models" / "clip")
    assert workspace.model_source("openai/clip") == "openai/clip"
    assert workspace.model_source("") == ""


@pytest.mark.parametrize("text", ["", "# only a comment\n", "training:\nbridge:\nllm:\n", "version: 1\n"])
def test_an_empty_file_and_empty_sections_mean_the_defaults(tmp_path, text):
    assert opened(tmp_path, text) == Settings()


def test_a_section_may_be_given_by_its_name_and_a_list_by_one_text(tmp_path):
    text = "bridge: linear\nfeatures: {image_encoder: a/b, sources: media}\ndataset: {sources: 'jsonl:c.jsonl'}\n"
    settings = opened(tmp_path, text)
    assert (settings.bridge.name, settings.features.image_encoder.model) == ("linear", "a/b")
    assert settings.features.sources == ("media",)
    assert settings.dataset.sources == ("jsonl:c.jsonl",)
    assert settings.features.audio_encoder.projection is False


def test_a_number_where_text_belongs_is_its_text(tmp_path):
    assert opened(tmp_path, "training: {name: 2024}\nllm: 7\n").training.name == "2024"


def test_the_file_is_utf8_whatever_the_locale_says(tmp_path):
    (tmp_path / "macaw.yaml").write_text("training: {name: caf\xe9}\n", encoding="utf-8")
    code = "from macaw_cli.config.loading import *; assert open_workspace().settings.training.name == 'caf\\xe9'"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("trainig: {epochs: 1}", "unknown key `trainig` (did you mean `training`"),
        ("training: {lerning_rate: 1}", "unknown key `training.lerning_rate` (did you mean `training.learning_rate`"),
        ("features: {image_encoder: {layers: 2}}", "unknown key `features.image_encoder.layers` (did you mean"),
        ("learning_rate: 1", "(did you mean `training.learning_rate`"),
        ("xyzzy: 1", "unknown key `xyzzy`."),
        ("training: {epochs: many}", "`training.epochs`: input should be a valid number"),
        ("training: {epochs: 0}", "`training.epochs`: input should be greater than 0, found 0"),
        ("training: {epochs: .inf}", "`training.epochs`: input should be a finite number"),
        ("training: {max_steps: 0}", "`training.max_steps`: input should be greater than or equal to 1"),
        ("bridge: lineer", "found 'lineer' (did you mean `linear`"),
        ("bridge: {image_tokens: 0}", "`bridge.image_tokens`: input should be greater"),
        ("training: 3", "`training`: must be a section of `key: value` lines, found 3"),
        ("features: {image_encoder: 3}", "`features.image_encoder`: must be a section"),
        ("dataset: {sources: {a: 1}}", "`dataset.sources`: must be a list, found {'a': 1}"),
        ("dataset: {sources: [[1]]}", "`dataset.sources.0`: must be text, found [1]"),
        ("seed: -1", "`seed`: input should be greater than or equal to 0"),
        ("1: 2", "`1`: keys should be strings"),
        ("- 1", "must hold `key: value` lines, found list"),
        ("just text", "must hold `key: value` lines, found str"),
        ("a: [", "is not valid YAML"),
        ("\ttab: 1", "is not valid YAML"),
        ("seed: 1\nseed: 2", "`seed` appears twice"),
        ("training:\n  epochs: 1\nseed: 1\ntraining:\n  max_steps: 2", "`training` appears twice"),
        ("training: {epochs: 1, epochs: 2}", "`epochs` appears twice"),
        ("training: {name: !!python/object:os.system x}", "is not valid YAML"),
    ],
)
def test_a_mistake_is_told_with_its_dotted_key(tmp_path, text, expected):
    told = mistake(tmp_path, text)
    assert expected in told
    assert str(tmp_path / "macaw.yaml") in told


def test_all_mistakes_are_told_at_once(tmp_path):
    told = mistake(tmp_path, "training: {epochs: many, warmup: 1}\nseed: x\n")
    assert all(key in told for key in ("`training.epochs`", "`training.warmup`", "`seed`"))


def test_a_file_in_another_encoding_is_told(tmp_path):
    (tmp_path / "macaw.yaml").write_bytes("training: {name: caf\xe9}".encode("latin-1"))
    with pytest.raises(UsageError, match="not valid YAML"):
        open_workspace(tmp_path)


def test_a_missing_file_is_told(tmp_path):
    for given_as in (tmp_path, tmp_path / "other.yaml"):
        with pytest.raises(UsageError, match="There is no"):
            open_workspace(given_as)


def test_a_newer_version_is_refused(tmp_path):
    with pytest.raises(MismatchError, match="format version 2"):
        opened(tmp_path, "version: 2\nkey_of_the_future: 1\n")


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("learning_rate=3e-5", "learning_rate", 3e-5), ("learning_rate=1E3", "learning_rate", 1000.0),
        ("max_steps=1e3", "max_steps", 1000), ("max_steps=null", "max_steps", None), ("offload=true", "offload", True),
        ("name=2024", "name", "2024"), ("name='1e5'", "name", "1e5"), ("name=nan", "name", "nan"),
        ("name=a=b", "name", "a=b"), ("name=", "name", ""),
    ],
)  # fmt: skip
def test_an_override_is_read_as_a_person_means_it(tmp_path, override, key, value):
    assert getattr(opened(tmp_path, "training: {epochs: 2, name: x}", f"training.{override}").training, key) == value


@pytest.mark.parametrize(
    ("text", "override", "name", "dropout"),
    [("bridge: macaw", "bridge.dropout=0.5", "macaw", 0.5), ("bridge: {dropout: 0.2}", "bridge=macaw", "macaw", 0.2),
     ("", "bridge=macaw", "macaw", 0.0), ("bridge: {dropout: 0.2}", "bridge.name=macaw", "macaw", 0.2),
     ("bridge: {name: linear}", "bridge={dropout: 0.3}", "macaw", 0.3)],
)  # fmt: skip
def test_an_override_of_a_section_keeps_the_rest_of_it(tmp_path, text, override, name, dropout):
    bridge = opened(tmp_path, text, override).bridge
    assert (bridge.name, bridge.dropout) == (name, dropout)


def test_an_override_below_the_short_form_of_an_encoder_keeps_the_model(tmp_path):
    settings = opened(tmp_path, "features: {image_encoder: a/b}", "features.image_encoder.layer=-2")
    assert settings.features.image_encoder.model == "a/b"
    assert settings.features.image_encoder.layer == -2


@pytest.mark.parametrize(
    ("text", "override", "kind", "rank"),
    [("adapter: lora", "adapter.rank=8", "lora", 8), ("adapter: {rank: 8}", "adapter=dora", "dora", 8),
     ("adapter: lora", "adapter=dora", "dora", 16), ("", "adapter.kind=lora", "lora", 16)],
)  # fmt: skip
def test_an_override_of_an_adapter_keeps_the_rest_of_it(tmp_path, text, override, kind, rank):
    adapter = opened(tmp_path, f"training: {{{text}}}", f"training.{override}").training.adapter
    assert (adapter.kind, adapter.rank) == (kind, rank)


def test_a_mistake_is_told_where_it_was_typed(tmp_path):
    right, wrong = "training: {max_steps: 3}\nseed: 1", "training: {max_steps: 3}\nseed: x"
    assert mistake(tmp_path, right, "training.max_steps=0").startswith(
        "In --set training.max_steps=0: `training.max_steps`: input should be greater"
    )
    told = mistake(tmp_path, wrong, "training.max_steps=0")
    assert f"In {tmp_path / 'macaw.yaml'}: `seed`" in told and "In --set training.max_steps=0: `tr" in told
    told = mistake(tmp_path, right, "training.model_from=best")
    assert told == (
        f"In --set training.model_from=best, together with {tmp_path / 'macaw.yaml'}: "
        "`training`: training.model_from=best needs training.keep_best=true."
    )


def test_a_mistake_in_an_option_names_the_option(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["macaw", "train", "--max-steps=0", "--run", "../evil"])
    with pytest.raises(UsageError) as told:
        workspace_of(None, None, training__name="../evil", training__max_steps=0)
    assert "In --run: `training.name`: must be the name of one folder: no `/`" in told.value.problem
    assert "In --max-steps: `training.max_steps`: input should be greater" in told.value.problem
    assert "macaw init" not in told.value.hint and "--help" in told.value.hint


def test_options_that_do_not_go_together_are_told_without_a_file_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["macaw", "evaluate", "--shots", "2", "--permutations", "6", "--limit", "0"])
    with pytest.raises(UsageError) as told:
        workspace_of(None, None, evaluation__shots=2, evaluation__permutations=6)
    assert told.value.problem.startswith("In --shots, --permutations: `evaluation`: ")
    assert "macaw init" not in told.value.hint
    (tmp_path / "macaw.yaml").write_text("seed: 1\n")
    with pytest.raises(UsageError) as told:
        workspace_of(None, None, evaluation__shots=2, evaluation__permutations=6, evaluation__limit=3)
    assert told.value.problem.startswith("In --shots, --permutations: `evaluation`: ")
    with pytest.raises(UsageError) as told:
        workspace_of(None, None, evaluation__permutations=6)
    assert told.value.problem.startswith("In --permutations, together with macaw.yaml: `evaluation`: ")
    (tmp_path / "macaw.yaml").write_text("seed: x\n")
    with pytest.raises(UsageError) as told:
        workspace_of(None, None, evaluation__limit=0)
    assert "macaw init" in told.value.hint


@pytest.mark.parametrize(
    "override",
    ["training.epochs", "=3", "training.name=[", "training.name=a: b: c", "", ".seed=1", "training..epochs=3"],
)
def test_an_override_of_another_form_is_told(tmp_path, override):
    assert "--set takes" in mistake(tmp_path, "", override)


@pytest.mark.parametrize(("override", "key"), [("training.epoch=3", "training.epoch"), ("a.b=1", "a"),
                                               ("training.epochs.x=3", "training.epochs")])  # fmt: skip
def test_an_override_of_an_unknown_key_is_told(tmp_path, override, key):
    assert f"`{key}`" in mistake(tmp_path, "", override)


def test_options_of_a_command_come_last_and_their_text_stays_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "macaw.yaml").write_text("dataset: {out: a}\n")
    given = {"dataset__out": Path("2024"), "dataset__sources": ["jsonl:a: b#3"], "training__max_steps": None}
    settings = workspace_of(tmp_path, ["dataset.out=c", "training.max_steps=4"], **given).settings
    assert (settings.dataset.out, settings.dataset.sources) == ("2024", ("jsonl:a: b#3",))
    assert settings.training.max_steps == 4
    assert workspace_of(tmp_path, None, dataset__out=Path("1e5")).settings.dataset.out == "1e5"


def test_typed_paths_start_in_the_current_folder_and_those_of_the_file_in_its_own(tmp_path, monkeypatch):
    workspace, here, elsewhere = (tmp_path / name for name in ("workspace", "here", "elsewhere"))
    for folder in (workspace, here / "llm", elsewhere):
        folder.mkdir(parents=True)
    (workspace / "macaw.yaml").write_text("dataset: {out: data, features: store}\nllm: llama\n")
    monkeypatch.chdir(here)
    config = Path("../workspace/macaw.yaml")
    typed = {"dataset__out": Path("out"), "evaluation__data": elsewhere, "llm": model_from_here("llm")}
    opened_there = workspace_of(config, None, **typed)
    settings = opened_there.settings
    assert opened_there.path(settings.dataset.out).resolve() == here / "out"
    assert opened_there.path(settings.dataset.features[0]).resolve() == workspace / "store"
    assert Path(opened_there.model_source(settings.llm)).resolve() == here / "llm"
    assert settings.evaluation.data == str(elsewhere)
    inside = workspace_of(config, None, dataset__out=workspace / "new").settings
    assert inside.dataset.out == "new", "so that the workspace can be moved"
    assert (model_from_here("openai/clip"), model_from_here(None)) == ("openai/clip", None)
    assert model_from_here("./absent") == str(here / "absent"), "an error should name the place that was meant"


def test_settings_written_as_yaml_read_back_to_the_same(tmp_path):
    text = "bridge: linear\nseed: 3\ndataset: {sources: ['jsonl:a'], val_fraction: 0.3}\ntraining: {name: '1e5'}\n"
    settings = opened(tmp_path, text)
    assert opened(tmp_path, settings_yaml(settings)) == settings
    assert opened(tmp_path, settings_yaml(Settings())) == Settings()


def test_every_key_is_known_with_its_section():
    keys = list(known_keys())
    assert {"seed", "training", "training.learning_rate", "features.image_encoder.layer", "bridge.variant"} <= set(keys)
    assert len(keys) == len(set(keys))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "x", ""]), inner, max_size=3),
    max_leaves=6,
)


@given(key=st.sampled_from([*known_keys(), "bridge.x", "x", "seed.y"]), value=VALUES)
def test_whatever_stands_under_a_key_is_accepted_or_told_as_wrong_usage(key, value):
    tree = {}
    for part in reversed(key.split(".")):
        value = {part: value}
        tree = value
    try:
        settings = parse_settings(tree, "a test")
    except UsageError as error:
        assert "In a test" in error.problem
    else:
        assert parse_settings(yaml.safe_load(settings_yaml(settings)), "again") == settings


OVERRIDES = st.from_regex(r"(training|bridge|seed|dataset)(\.[a-z]{1,8})?=.{0,8}", fullmatch=True)


@given(override=st.text(max_size=20) | OVERRIDES)
def test_whatever_is_set_is_accepted_or_told_as_wrong_usage(override):
    tree = {"bridge": "linear", "seed": 3}
    try:
        apply_override(tree, override)
        parse_settings(tree, "a test")
    except UsageError as error:
        assert error.problem


@pytest.mark.timeout(60)
def test_absurdly_long_and_many_unknown_keys_are_told_briefly(tmp_path):
    """Comparing each with every known key would take minutes."""
    for text in (f"? {'k' * 100_000}\n: 1\n", "".join(f"k{number}: 1\n" for number in range(5_000)),
                 f"bridge:\n  ? {'k' * 100_000}\n  : 1\n", f"bridge: {{name: {'k' * 100_000}}}\n"):  # fmt: skip
        assert 0 < len(mistake(tmp_path, text)) < 10_000

"""Voxtral's class: models with stacked frames on Whisper become its checkpoints, and its checkpoints become models."""

import pytest
import tiny_checkpoints
import tiny_llms
import tiny_macaw
import tiny_stock_models
import torch
from exporting import exported, written
from transformers import AutoProcessor, ClapProcessor

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.config.bridges.designs import design
from macaw_cli.config.loading import open_workspace
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.export.families.registry import family
from macaw_cli.export.formats.registry import every_format
from macaw_cli.export.formats.stock.card import stock_snippet
from macaw_cli.export.importing.family_import import import_family
from macaw_cli.export.run import export_model
from macaw_cli.model.folder import load_model
from macaw_cli.model.processing import MacawProcessor
from macaw_cli.planning.export_targets import format_targets

BRIDGE = {"stride": 4, "hidden": 32, "bias": False, "norm": False}
HOW = {
    "modalities": ("audio",), "audio_encoder": "whisper4", "drop_padding": False,
    "audio_settings": {"projection": False}, "bridge": design("frame-stack", **BRIDGE),
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A workspace with a Whisper of usual proportions, and one of others."""
    folder = tiny_macaw.make_workspace(tmp_path_factory.mktemp("voxtral"))
    tiny_stock_models.whisper(folder / "models/whisper4")
    tiny_stock_models.whisper(folder / "models/whisper2", inner=48)
    return folder


@pytest.mark.parametrize("template", ["alpaca", "plain"])
def test_a_model_with_stacked_frames_is_voxtral_and_again_a_model_of_macaw(root, tmp_path, template):
    exported(root, tmp_path, "voxtral", tiny_macaw.make_model(root, "model", template=template, **HOW))
    assert isinstance(AutoProcessor.from_pretrained(tmp_path / "folder"), ClapProcessor)


def test_the_snippet_of_the_readme_answers_with_transformers_alone(root, tmp_path, monkeypatch, capsys):
    written(root, "voxtral", tiny_macaw.make_model(root, "model", **HOW), tmp_path / "folder")
    monkeypatch.chdir(tmp_path / "folder")
    with quiet_transformers():
        exec(stock_snippet("VoxtralForConditionalGeneration", "audio", of_tokenizer=True), {})
    assert capsys.readouterr().out.strip().isalpha()


def test_a_head_that_is_tied_to_the_embeddings_is_written_on_its_own(root, tmp_path):
    llm = tiny_llms.make("llama-tied", root / "models/tied", tiny_macaw.byte_tokenizer())
    exported(root, tmp_path, "voxtral", tiny_macaw.make_model(root, "model", llm=llm.name, **HOW))


def test_an_imported_checkpoint_gives_the_originals_logits_and_is_exported_to_its_own_class(root, tmp_path):
    original, processor = tiny_stock_models.voxtral(tmp_path / "original")
    report = import_family(family("voxtral"), tmp_path / "original", tmp_path / "own")
    assert report.ignored == () and "30 s" in report.note
    model, ours = load_model(tmp_path / "own")
    audio = tiny_checkpoints.waveform(0.7)
    text = "[BEGIN_AUDIO]" + "[AUDIO]" * 25 + "What is it?"
    inputs = processor(text=text, audio=audio, sampling_rate=16000, return_tensors="pt")
    ids, placeholder = inputs.input_ids.reshape(1, -1), model.config.soft_token_ids["audio"]
    prompt = ours("What is it?", audio=[audio])
    with torch.no_grad():
        expected = original(input_ids=ids, input_features=inputs.input_features).logits
        found = model(
            input_ids=torch.where(ids == original.config.audio_token_id, placeholder, ids),
            input_features=prompt.input_features,
        ).logits
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
    first = prompt.input_ids[0].tolist().index(placeholder)
    assert processor.tokenizer.convert_ids_to_tokens(prompt.input_ids[0, first - 1].item()) == "[BEGIN_AUDIO]"
    exported(root, tmp_path, "voxtral", tmp_path / "own")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"drop_padding": True}, "audio_padding"),
        ({"audio_windows": 2}, "audio_windows"),
        ({"bridge": design("frame-stack", **BRIDGE | {"hidden": None})}, "bridge.hidden must be 32"),
        ({"bridge": design("frame-stack", **BRIDGE | {"stride": 5})}, "bridge.stride"),
        ({"bridge": design("frame-stack", **BRIDGE | {"bias": True})}, "bridge.bias"),
        ({"bridge": design("frame-stack", **BRIDGE | {"activation": "relu"})}, "bridge.activation"),
        ({"bridge": design("frame-stack", **BRIDGE | {"norm": True})}, "bridge.norm"),
        ({"audio_encoder": "wav2vec2"}, "WhisperEncoder"),
        ({"modalities": ("image", "audio")}, "no image"),
        ({"bridge": "mlp"}, "design mlp"),
    ],
)
def test_what_voxtral_cannot_have_is_told_before_any_work_as_the_plan_says(root, how, words):
    if how.get("audio_encoder"):
        from tiny_encoders import make

        make("wav2vec2", root / "models/wav2vec2")
    model = tiny_macaw.make_model(root, "refused", **{**HOW, **how})
    with pytest.raises(MismatchError, match=words):
        export_model(open_workspace(root, ["export.format=voxtral"]), model)
    told = {one.format: one.obstacles for one in format_targets(MacawProcessor.from_pretrained(model).encoder)}
    assert "voxtral" not in told or any(words in one for one in told["voxtral"])


def test_the_plan_names_voxtral_where_it_takes_the_model(root):
    model = tiny_macaw.make_model(root, "model", **HOW)
    told = {one.format: one.obstacles for one in format_targets(MacawProcessor.from_pretrained(model).encoder)}
    assert told["voxtral"] == () and every_format()["voxtral"].stock_class == "VoxtralForConditionalGeneration"


def test_a_whisper_of_other_proportions_is_told_when_its_sizes_are_known(root, tmp_path):
    model = tiny_macaw.make_model(root, "model", **{**HOW, "audio_encoder": "whisper2"})
    with pytest.raises(MismatchError, match="48"):
        written(root, "voxtral", model, tmp_path / "folder")


def test_a_voxtral_that_cannot_be_imported_is_one_message(tmp_path):
    import json

    tiny_stock_models.voxtral(tmp_path / "original")
    file = tmp_path / "original/config.json"
    content = json.loads(file.read_text())
    for changes, words in (({"projector_hidden_act": "relu"}, "projector_hidden_act"),
                           ({"audio_config": content["audio_config"] | {"intermediate_size": 50}}, "50")):  # fmt: skip
        file.write_text(json.dumps(content | changes))
        with pytest.raises(InputError, match=words):
            import_family(family("voxtral"), tmp_path / "original", tmp_path / "out")

"""GLM-ASR's class: models with stacked frames on its tower become its checkpoints, and its checkpoints models."""

import json

import pytest
import tiny_checkpoints
import tiny_macaw
import tiny_stock_models
import torch
from exporting import exported, same, stock_answers_of, written

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.config.bridges.designs import design
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.config.loading import open_workspace
from macaw_cli.encoders.loading import load_audio_encoder
from macaw_cli.export.families.registry import family
from macaw_cli.export.importing.family_import import import_family
from macaw_cli.export.proving.examples import ProofExample
from macaw_cli.export.run import export_model
from macaw_cli.export.source import ExportSource
from macaw_cli.model.folder import load_model
from macaw_cli.model.processing import MacawProcessor
from macaw_cli.planning.export_targets import format_targets

BRIDGE = {"stride": 4, "remainder": "drop", "norm": False}
WHOLE = {"projection": False}
HOW = {
    "modalities": ("audio",), "audio_encoder": "glm_asr", "audio_settings": WHOLE,
    "bridge": design("frame-stack", **BRIDGE),
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A workspace with the encoder of a GLM-ASR, and one of other proportions."""
    folder = tiny_macaw.make_workspace(tmp_path_factory.mktemp("glm-asr"))
    tiny_stock_models.glm_asr(folder / "models/glm_asr")
    tiny_stock_models.glm_asr(folder / "models/narrow", inner=48)
    return folder


@pytest.mark.parametrize("template", ["alpaca", "plain"])
def test_a_model_with_stacked_frames_is_glm_asr_and_again_a_model_of_macaw(root, tmp_path, template):
    exported(root, tmp_path, "glm-asr", tiny_macaw.make_model(root, "model", template=template, **HOW))


@pytest.mark.parametrize("windows", [1, 2])
@pytest.mark.parametrize("seconds", [0.31, 1.9, 2.6, 5.0])
def test_audio_of_every_length_has_the_same_logits(root, tmp_path, seconds, windows, monkeypatch):
    model = tiny_macaw.make_model(root, "model", **HOW, audio_windows=windows)
    heard = (ProofExample(({"role": "user", "content": "What?"},), (("audio", tiny_checkpoints.waveform(seconds)),)),)
    load = ExportSource.load.__func__
    monkeypatch.setattr(ExportSource, "load", classmethod(lambda *given: _with_examples(load(*given), heard)))
    source, kind = written(root, "glm-asr", model, tmp_path / "folder")
    same(source, stock_answers_of(kind, source, tmp_path / "folder"))


def _with_examples(source, examples):
    source.examples = examples
    return source


@pytest.mark.parametrize("text", [{}, {"tie_word_embeddings": True}])
def test_an_imported_checkpoint_gives_the_originals_logits_and_is_exported_to_its_own_class(root, tmp_path, text):
    original, processor = tiny_stock_models.glm_asr(tmp_path / "original", **text)
    report = import_family(family("glm-asr"), tmp_path / "original", tmp_path / "own")
    assert report.ignored == () and "30 s" in report.note
    model, ours = load_model(tmp_path / "own")
    audio = tiny_checkpoints.waveform(0.73)
    inputs = processor(text="<|begin_of_audio|><|pad|><|end_of_audio|>What is it?", audio=audio)
    placeholder = model.config.soft_token_ids["audio"]
    prompt = ours("What is it?", audio=[audio])
    ids = torch.where(inputs.input_ids == original.config.audio_token_id, placeholder, inputs.input_ids)
    with torch.no_grad():
        expected = original(**inputs).logits
        found = model(input_ids=ids, input_features=prompt.input_features).logits
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
    block = ids[0].tolist()[1:] if ids[0, 0] == processor.tokenizer.bos_token_id else ids[0].tolist()
    block = block[: block.index(processor.tokenizer.convert_tokens_to_ids("<|end_of_audio|>")) + 1]
    own = prompt.input_ids[0].tolist()
    assert any(own[at : at + len(block)] == block for at in range(len(own)))
    exported(root, tmp_path, "glm-asr", tmp_path / "own")


def test_the_tower_extracts_features_from_the_whole_checkpoint_and_from_any_layer(root, tmp_path):
    import_family(family("glm-asr"), root / "models/glm_asr", tmp_path / "own")
    model, _ = load_model(tmp_path / "own")
    encoder = load_audio_encoder(EncoderSettings(**WHOLE), str(root / "models/glm_asr"), "cpu")
    assert {**encoder.fingerprint, "model": ""} == {**model.config.fingerprints["audio"], "model": ""}
    prepared = encoder.prepare([tiny_checkpoints.waveform(0.5), tiny_checkpoints.waveform(1.0)])
    assert [len(one) for one in encoder.encode(prepared)] == [25, 50]
    with torch.no_grad():
        states = encoder.model(prepared[:, :-1], output_hidden_states=True).hidden_states
    earlier = load_audio_encoder(EncoderSettings(**WHOLE, layer=-2), str(root / "models/glm_asr"), "cpu")
    torch.testing.assert_close(earlier.encode(prepared)[0], states[-2][0, :25])


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"audio_encoder": "whisper"}, "GlmAsrEncoder"),
        ({"audio_settings": {**WHOLE, "layer": -2}}, "layer"),
        ({"bridge": design("frame-stack", **BRIDGE | {"stride": 5})}, "bridge.stride"),
        ({"bridge": design("frame-stack", **BRIDGE | {"hidden": 32})}, "bridge.hidden must be null or 64"),
        ({"bridge": design("frame-stack", **BRIDGE | {"remainder": "fill"})}, "bridge.remainder"),
        ({"bridge": design("frame-stack", **BRIDGE | {"bias": False})}, "bridge.bias"),
        ({"bridge": design("frame-stack", **BRIDGE | {"norm": True})}, "bridge.norm"),
        ({"modalities": ("image", "audio")}, "no image"),
        ({"bridge": "mlp"}, "design mlp"),
    ],
)
def test_what_glm_asr_cannot_have_is_told_before_any_work_as_the_plan_says(root, how, words):
    model = tiny_macaw.make_model(root, "refused", **{**HOW, **how})
    with pytest.raises(MismatchError, match=words):
        export_model(open_workspace(root, ["export.format=glm-asr"]), model)
    told = {one.format: one.obstacles for one in format_targets(MacawProcessor.from_pretrained(model).encoder)}
    assert any(words in one for one in told.get("glm-asr", [words]))


def test_a_tower_of_other_proportions_is_told_when_its_sizes_are_known(root, tmp_path):
    model = tiny_macaw.make_model(root, "model", **{**HOW, "audio_encoder": "narrow"})
    with pytest.raises(MismatchError, match="48"):
        written(root, "glm-asr", model, tmp_path / "folder")
    with pytest.raises(InputError, match="48"):
        import_family(family("glm-asr"), root / "models/narrow", tmp_path / "out")


def test_a_glm_asr_with_another_activation_is_one_message(tmp_path):
    tiny_stock_models.glm_asr(tmp_path / "original")
    file = tmp_path / "original/config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"projector_hidden_act": "relu"}))
    with pytest.raises(InputError, match="projector_hidden_act"):
        import_family(family("glm-asr"), tmp_path / "original", tmp_path / "out")

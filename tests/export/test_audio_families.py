"""Imported checkpoints that hear give the original's logits from waveforms."""

import json

import pytest
import tiny_checkpoints
import torch
from safetensors.torch import load_file, save_file
from transformers import WhisperFeatureExtractor

from macaw_cli.basics.errors import InputError, MacawError
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.loading import load_audio_encoder
from macaw_cli.export.companions import Companions
from macaw_cli.export.families.registry import family
from macaw_cli.export.importing.family_import import import_family
from macaw_cli.model.folder import load_model
from macaw_cli.planning.export_targets import export_targets

QUESTION = "What is it?"


def relative(found, expected):
    """Largest difference, relative to the largest value."""
    return ((found - expected).abs().max() / expected.abs().max()).item()


@pytest.fixture(scope="module")
def qwen(tmp_path_factory):
    """The original, its processor, ours, and the folder of both."""
    folder = tmp_path_factory.mktemp("qwen2-audio")
    original, processor = tiny_checkpoints.qwen2_audio(folder / "original")
    report = import_family(family("qwen2-audio"), folder / "original", folder / "out")
    assert report.ignored == ()
    return original, processor, *load_model(folder / "out"), folder


@pytest.mark.parametrize("seconds", [(0.7,), (2.0,), (0.31, 1.903), (2.6,)])
def test_qwen2_audio_gives_the_originals_logits_from_waveforms(qwen, seconds):
    original, processor, model, ours, _ = qwen
    audio = [tiny_checkpoints.waveform(length, seed) for seed, length in enumerate(seconds)]
    heard = "".join(f"Audio {at + 1}: <|audio_bos|><|AUDIO|><|audio_eos|>\n" for at in range(len(audio)))
    text = f"<|im_start|>user\n{heard}{QUESTION}<|im_end|>\n<|im_start|>assistant\n"
    inputs = processor(text=text, audio=audio, sampling_rate=16000, return_tensors="pt")
    placeholder = model.config.soft_token_ids["audio"]
    ids = torch.where(inputs.input_ids == original.config.audio_token_id, placeholder, inputs.input_ids)
    prompt = ours(QUESTION, audio=audio)
    with torch.no_grad():
        expected = original(**inputs).logits
        found = model(input_ids=ids, input_features=prompt.input_features).logits
    assert relative(found, expected) <= 1e-5
    assert (prompt.input_ids == placeholder).sum() == (ids == placeholder).sum()


def test_the_imported_bridge_can_be_taken_back_by_the_class_of_the_original(qwen):
    _, _, model, *_ = qwen
    targets = {one.loader: one.obstacles for one in export_targets(model.config) if "Llava" not in one.loader}
    assert targets == {"Qwen2AudioForConditionalGeneration": ()}


def test_in_a_prompt_the_llms_own_tokens_stand_around_audio(qwen):
    _, processor, model, ours, _ = qwen
    ids = ours(QUESTION, audio=[tiny_checkpoints.waveform(0.5)]).input_ids[0].tolist()
    first, last = ids.index(model.config.soft_token_ids["audio"]), ids[::-1].index(model.config.soft_token_ids["audio"])
    names = processor.tokenizer.convert_tokens_to_ids(["<|audio_bos|>", "<|audio_eos|>"])
    assert [ids[first - 1], ids[len(ids) - last]] == names


def test_the_tower_of_a_whole_qwen2_audio_extracts_features_with_the_fingerprint_of_the_imported_model(qwen):
    _, _, model, ours, folder = qwen
    encoder = load_audio_encoder(EncoderSettings(projection=False), str(folder / "original"), "cpu")
    free = {"model"}
    expected = {name: value for name, value in model.config.fingerprints["audio"].items() if name not in free}
    assert {name: value for name, value in encoder.fingerprint.items() if name not in free} == expected
    audio = tiny_checkpoints.waveform(0.9)
    [features] = encoder.encode(encoder.prepare([audio]))
    prepared = ours(QUESTION, audio=[audio])
    with torch.no_grad():
        found = [
            model(input_ids=prepared.input_ids, **given).logits
            for given in ({"audio_features": [features]}, {"input_features": prepared.input_features})
        ]
    assert torch.equal(*found)


def test_qwen2_audios_tower_has_one_layer_to_take(qwen):
    *_, folder = qwen
    with pytest.raises(MacawError, match=r"features\.audio_encoder\.layer"):
        load_audio_encoder(EncoderSettings(projection=False, layer=-2), str(folder / "original"), "cpu")


@torch.no_grad()
def difference_from_ultravox(original, model, ours, seconds):
    audio = tiny_checkpoints.waveform(seconds)
    mel = WhisperFeatureExtractor(feature_size=16)(
        audio, sampling_rate=16000, padding="longest", pad_to_multiple_of=160, truncation=False, return_tensors="pt"
    ).input_features[0]
    soft = original.soft_tokens(mel)
    text = original.llm.get_input_embeddings()(torch.tensor([[5, 6, 7, 8]]))
    expected = original.llm(inputs_embeds=torch.cat([text[:, :2], soft[None], text[:, 2:]], dim=1)).logits
    places = [model.config.soft_token_ids["audio"]] * len(soft)
    heard = ours(QUESTION, audio=[audio]).input_features
    return relative(model(input_ids=torch.tensor([[5, 6, *places, 7, 8]]), input_features=heard).logits, expected)


@pytest.mark.parametrize("in_middle", [True, False], ids=["0.5", "0.4"])
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "parts named"])
def test_ultravox_gives_the_published_logits_from_waveforms(in_middle, whole, tmp_path):
    original, _ = tiny_checkpoints.ultravox(tmp_path / "original", in_middle=in_middle, whole=whole)
    report = import_family(family("ultravox"), tmp_path / "original", tmp_path / "out")
    model, ours = load_model(tmp_path / "out")
    assert max(difference_from_ultravox(original, model, ours, seconds) for seconds in (0.7, 1.239)) <= 1e-5
    assert [one.obstacles for one in export_targets(model.config)] == [()]
    assert report.ignored == () and "30 s" in " ".join(report.lines())


def test_parts_of_ultravox_can_be_named_by_the_user(tmp_path):
    original, _ = tiny_checkpoints.ultravox(tmp_path / "original", whole=False)
    file = tmp_path / "original" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"audio_model_id": "nowhere/a", "text_model_id": None}))
    parts = Companions(audio_encoder=str(tmp_path / "whisper"), llm=str(tmp_path / "llm"))
    import_family(family("ultravox"), tmp_path / "original", tmp_path / "out", parts)
    assert difference_from_ultravox(original, *load_model(tmp_path / "out"), 0.7) <= 1e-5


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"projector_act": "gelu"}, "projector_act"),
        ({"audio_latency_block_size": 100}, "audio_latency_block_size"),
        ({"audio_config": {"model_type": "wav2vec2"}}, "wav2vec2"),
        ({"text_config": None}, "--llm"),
        ({"stack_factor": 8}, "other shapes"),
    ],
)
def test_an_ultravox_that_cannot_be_imported_is_one_message(changes, words, tmp_path):
    tiny_checkpoints.ultravox(tmp_path / "original")
    file = tmp_path / "original" / "config.json"
    content = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))
    with pytest.raises(InputError, match=words):
        import_family(family("ultravox"), tmp_path / "original", tmp_path / "out")


def test_an_ultravox_without_the_weights_of_its_encoder_says_how_to_name_it(tmp_path):
    tiny_checkpoints.ultravox(tmp_path / "original")
    file = tmp_path / "original" / "model.safetensors"
    weights = {name: one for name, one in load_file(file).items() if not name.startswith("audio_tower.")}
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(InputError, match="--audio-encoder"):
        import_family(family("ultravox"), tmp_path / "original", tmp_path / "out")

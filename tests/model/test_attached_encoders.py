import numpy as np
import pytest
import tiny_encoders
import tiny_macaw
import torch
from PIL import Image
from transformers import LlamaConfig

from macaw_cli.basics.errors import MismatchError
from macaw_cli.config.bridges.linear import LinearBridgeSettings
from macaw_cli.config.bridges.macaw import MacawBridgeSettings
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.config.view_settings import AudioView, ViewSettings
from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder
from macaw_cli.encoders.selection import pool_frames
from macaw_cli.model.attached_encoders import attach
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.folder import load_model, save_model
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.processing import MacawProcessor

ENCODERS = {"image": EncoderSettings(), "audio": EncoderSettings(projection=False)}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny_macaw.make_models(folder)
    image = load_image_encoder(ENCODERS["image"], str(folder / "clip"), "cpu")
    audio = load_audio_encoder(ENCODERS["audio"], str(folder / "whisper"), "cpu")
    tokenizer = tiny_macaw.byte_tokenizer()
    shapes = {"image": image.feature_shape, "audio": audio.feature_shape, "video": (3, *image.feature_shape)}
    llm = tiny_macaw.tiny_llm(tokenizer).config
    config = MacawConfig.for_llm(llm, MacawBridgeSettings(heads=2, image_tokens=4), shapes, ENCODERS)
    model = MacawForConditionalGeneration.build(config, None).eval()
    attach(model, image.model, audio.model)
    processor = MacawProcessor(
        tokenizer, config, image_processor=image.processor, feature_extractor=audio.processor
    )
    return model, processor, image, audio


@pytest.fixture(scope="module")
def media():
    dice = np.random.default_rng(0)
    picture = Image.fromarray(dice.integers(0, 256, (40, 30, 3), np.uint8))
    film = dice.integers(0, 256, (3, 40, 30, 3), np.uint8)
    return picture, film, dice.standard_normal(16_000).astype(np.float32)


def test_raw_media_give_the_logits_of_their_stored_features(world, media):
    model, processor, image, audio = world
    picture, film, sound = media
    raw = processor("What?", images=[picture], videos=[film], audio=[sound])
    frames = [Image.fromarray(frame) for frame in film]
    stored = {
        "image_features": image.encode(image.prepare([picture])),
        "video_features": image.encode(image.prepare(frames))[None],
        "audio_features": audio.encode(audio.prepare([sound])),
    }
    with torch.no_grad():
        found = model(**raw).logits
        expected = model(input_ids=raw["input_ids"], attention_mask=raw["attention_mask"], **stored).logits
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_the_folder_holds_the_encoders_and_gives_the_same_logits(world, media, tmp_path):
    model, processor, _, _ = world
    save_model(model, processor, tmp_path / "model")
    reloaded, its_processor = load_model(tmp_path / "model")
    parts = [{"type": "image", "image": media[0]}, {"type": "text", "text": "Hm?"}]
    conversation = [{"role": "user", "content": parts}]
    given, again = processor.apply_chat_template(conversation), its_processor.apply_chat_template(conversation)
    assert torch.equal(given["pixel_values"], again["pixel_values"])
    with torch.no_grad():
        assert torch.equal(model(**given).logits, reloaded(**again).logits)
    assert not any(p.requires_grad for p in reloaded.image_encoder.parameters())
    assert not any("encoder" in name for group in reloaded.trainable_groups().values() for name in group)


def test_raw_input_without_an_encoder_is_told(tiny):
    model = tiny.model()
    ids = torch.tensor([tiny.sequence(model.config, 1, "image", 5)])
    with pytest.raises(MismatchError, match="holds no image encoder"):
        model(input_ids=ids, pixel_values=torch.zeros(1, 3, 8, 8))


def test_a_medium_given_both_ways_is_told(tiny):
    model = tiny.model()
    ids = torch.tensor([tiny.sequence(model.config, 1, "image", 5)])
    with pytest.raises(MismatchError, match=r"pixel_values.*image_features"):
        model(input_ids=ids, pixel_values=torch.zeros(1, 3, 8, 8), image_features=tiny.features("image"))


@pytest.mark.parametrize(("image_kind", "audio_kind"), [
    ("siglip", "wav2vec2"), ("siglip2", "wav2vec2_bert"), ("dinov2", "hubert"), ("clip", "whisper128"),
])  # fmt: skip
def test_any_encoders_inside_see_and_hear_as_they_do_outside(image_kind, audio_kind, tmp_path):
    """Images of two proportions, long and short audio in windows, a video whose frames are pooled; saved too."""
    image = load_image_encoder(EncoderSettings(), str(tiny_encoders.make(image_kind, tmp_path / "image")), "cpu")
    audio = load_audio_encoder(EncoderSettings(), str(tiny_encoders.make(audio_kind, tmp_path / "audio")), "cpu")
    prints = {
        "image": image.fingerprint, "video": {**image.fingerprint, "frames": 4, "pool_frames": 2},
        "audio": {**audio.fingerprint, "audio_windows": 2},
    }  # fmt: skip
    shapes = {"image": image.feature_shape, "audio": audio.feature_shape, "video": (2, *image.feature_shape)}
    tokenizer = tiny_macaw.byte_tokenizer()
    llm = LlamaConfig(vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                      num_attention_heads=2, max_position_embeddings=4096)  # fmt: skip
    encoders = {"image": EncoderSettings(), "audio": EncoderSettings()}
    config = MacawConfig.for_llm(llm, LinearBridgeSettings(), shapes, encoders, prints)
    model = MacawForConditionalGeneration.build(config, None).eval()
    attach(model, image.model, audio.model)
    processor = MacawProcessor(
        tokenizer, config, image_processor=image.processor, feature_extractor=audio.processor
    )
    save_model(model, processor, tmp_path / "model")
    model, processor = load_model(tmp_path / "model")

    dice = np.random.default_rng(0)
    pictures = [Image.fromarray(dice.integers(0, 256, (*size, 3), np.uint8)) for size in ((40, 70), (33, 30))]
    film = dice.integers(0, 256, (4, 40, 30, 3), np.uint8)
    seconds = audio.max_seconds
    sounds = [dice.standard_normal(round(part * 16_000)).astype(np.float32) for part in (seconds + 0.5, 0.4)]
    raw = processor("What?", images=pictures, videos=[film], audio=sounds)
    windows = [sounds[0][: round(seconds * 16_000)], sounds[0][round(seconds * 16_000) :]]
    frames = pool_frames(image.encode(image.prepare([Image.fromarray(frame) for frame in film])), 2)
    stored = {
        "image_features": [image.encode(image.prepare([one]))[0] for one in pictures],
        "video_features": [frames],
        "audio_features": [
            torch.cat([audio.encode(audio.prepare([one]))[0] for one in windows]),
            audio.encode(audio.prepare([sounds[1]]))[0],
        ],
    }
    with torch.no_grad():
        found = model(**raw).logits
        expected = model(input_ids=raw["input_ids"], attention_mask=raw["attention_mask"], **stored).logits
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5)
    again = processor("What?", image_features=stored["image_features"], video_features=[frames],
                      audio_features=stored["audio_features"])  # fmt: skip
    assert torch.equal(again["input_ids"], raw["input_ids"])


@pytest.mark.parametrize("heard", [{"audio_padding": "drop"}, {}])
def test_only_what_was_heard_of_raw_audio_files_is_read_and_answered(tmp_path, heard):
    """Dropped at extraction, or trimmed by the view: short audio files and one of two windows, whatever the batch."""
    audio = load_audio_encoder(EncoderSettings(), str(tiny_encoders.make("whisper", tmp_path / "audio")), "cpu")
    tokenizer = tiny_macaw.byte_tokenizer()
    prints = {"audio": {**audio.fingerprint, "audio_windows": 2, **heard}}
    views = ViewSettings(audio=AudioView(trim=not heard, pool=2))
    config = MacawConfig.for_llm(
        tiny_macaw.tiny_llm(tokenizer).config, LinearBridgeSettings(), {"audio": (50, 32)},
        {"audio": EncoderSettings()}, prints, views=views,
    )  # fmt: skip
    model = MacawForConditionalGeneration.build(config, None).eval()
    attach(model, None, audio.model)
    processor = MacawProcessor(tokenizer, config, feature_extractor=audio.processor)
    save_model(model, processor, tmp_path / "model")
    model, processor = load_model(tmp_path / "model")
    dice = np.random.default_rng(0)
    lengths = [11_200, 40_000, 1]
    sounds = [dice.standard_normal(length).astype(np.float32) for length in lengths]
    raw = processor(["What?"] * 3, audio=[[sound] for sound in sounds])
    assert raw["audio_lengths"].tolist() == lengths
    stored = []
    for sound, tokens in zip(sounds, (35, 125, 1), strict=True):
        windows = [sound[:32_000], sound[32_000:]][: 1 + (len(sound) > 32_000)]
        whole = torch.cat([audio.encode(audio.prepare([one]))[0] for one in windows])
        pairs = whole[:tokens].split(2)
        stored.append(torch.stack([pair.mean(0) for pair in pairs]))
    assert [len(one) for one in stored] == [18, 63, 1]
    given = processor(["What?"] * 3, audio_features=[[one] for one in stored])
    assert torch.equal(raw["input_ids"], given["input_ids"])
    with torch.no_grad():
        found, expected = model(**raw).logits, model(**given).logits
        assert (found - expected).abs().max() < 1e-4 * expected.abs().max()
        assert torch.equal(*(model.generate(**one, max_new_tokens=3, do_sample=False) for one in (raw, given)))
    with pytest.raises(MismatchError, match=r"3.*0.*audio_lengths"):
        model(**{name: value for name, value in raw.items() if name != "audio_lengths"})


def test_videos_of_different_lengths_go_through_together(world):
    model, processor, image, _ = world
    films = [np.random.default_rng(frames).integers(0, 256, (frames, 40, 30, 3), np.uint8) for frames in (2, 3)]
    raw = processor("What?", videos=films)
    stored = [image.encode(image.prepare([Image.fromarray(frame) for frame in film])) for film in films]
    with torch.no_grad():
        found = model(**raw).logits
        expected = model(**processor("What?", video_features=stored)).logits
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5)

"""The shipped checkpoints: ordinary transformers folders that load without a warning and know the world."""

import logging

import numpy as np
import pytest
import torch
from transformers import (
    AutoTokenizer,
    CLIPVisionModelWithProjection,
    LlamaForCausalLM,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperModel,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from macaw_cli.quickstart import attributes
from macaw_cli.quickstart.attributes import ImageContent
from macaw_cli.quickstart.audio import synthesize
from macaw_cli.quickstart.checkpoints import SHIPPED, copy_checkpoints
from macaw_cli.quickstart.images import draw_image
from macaw_cli.quickstart.pretraining.llama_texts import every_text
from macaw_cli.quickstart.questions import describe_audio

MEGABYTE = 1_000_000


@pytest.fixture(autouse=True)
def no_warning_is_logged(caplog):
    """Unused or newly made weights, and tokenizer trouble, would be told by transformers' logger."""
    logger = logging.getLogger("transformers")
    logger.addHandler(caplog.handler)
    yield
    logger.removeHandler(caplog.handler)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_they_are_small_and_hold_no_pickle():
    files = [file for file in SHIPPED.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} <= {".json", ".safetensors", ".jinja"}
    assert sum(file.stat().st_size for file in files) < 5 * MEGABYTE


def test_copies_are_equal_and_a_second_copy_replaces_the_first(tmp_path):
    copy_checkpoints(tmp_path)
    (tmp_path / "clip" / "config.json").write_text("{}")
    copy_checkpoints(tmp_path)
    for file in SHIPPED.rglob("*.*"):
        assert (tmp_path / file.relative_to(SHIPPED)).read_bytes() == file.read_bytes()


def test_patch_tokens_of_equal_things_are_closer_than_those_of_different_ones():
    tower = CLIPVisionModelWithProjection.from_pretrained(SHIPPED / "clip").eval()
    processor = CLIPImageProcessorPil.from_pretrained(SHIPPED / "clip")
    rng = np.random.default_rng(0)
    shown = [("red", "circle", "left")]
    shown += [("red", "square", "left"), ("blue", "circle", "left"), ("red", "circle", "right")]
    kinds = [ImageContent(*content) for content in shown]
    images = [draw_image(kind, rng) for kind in kinds for _ in range(8)]
    with torch.no_grad():
        hidden = tower.vision_model(processor(images, return_tensors="pt").pixel_values).last_hidden_state[:, 1:]
        features = torch.nn.functional.normalize(tower.visual_projection(hidden).mean(dim=1), dim=-1)
    centres = torch.nn.functional.normalize(features.view(4, 8, -1).mean(dim=1), dim=-1)
    nearest = (features @ centres.T).argmax(dim=1)
    assert hidden.shape == (32, 64, 64)
    assert (nearest == torch.arange(4).repeat_interleave(8)).float().mean() > 0.9


def test_whisper_writes_what_it_hears_also_where_it_never_heard_that_combination():
    model = WhisperForConditionalGeneration.from_pretrained(SHIPPED / "whisper").eval()
    extractor = WhisperFeatureExtractor.from_pretrained(SHIPPED / "whisper")
    tokenizer = AutoTokenizer.from_pretrained(SHIPPED / "whisper")
    sounds = [*attributes.all_audio()[::4], *sorted(attributes.UNSEEN_AUDIO, key=str)]
    rng = np.random.default_rng(0)
    features = extractor([synthesize(sound, 16000, rng) for sound in sounds], sampling_rate=16000, return_tensors="pt")
    tokens = torch.full((len(sounds), 1), tokenizer.bos_token_id)
    with torch.no_grad():
        for _ in range(4):
            logits = model(input_features=features.input_features, decoder_input_ids=tokens).logits
            tokens = torch.cat([tokens, logits[:, -1:].argmax(dim=-1)], dim=1)
    written = tokenizer.batch_decode(tokens, skip_special_tokens=True)
    right = [text == describe_audio(sound) for text, sound in zip(written, sounds, strict=True)]
    assert sum(right) / len(right) > 0.9


def test_whispers_encoder_loads_alone_and_gives_100_tokens_for_two_seconds():
    encoder = WhisperModel.from_pretrained(SHIPPED / "whisper").encoder.eval()
    with torch.no_grad():
        assert encoder(torch.zeros(1, 40, 200)).last_hidden_state.shape == (1, 100, 64)


def test_llama_answers_from_a_description():
    tokenizer = AutoTokenizer.from_pretrained(SHIPPED / "llama")
    model = LlamaForCausalLM.from_pretrained(SHIPPED / "llama").float().eval()
    asked = {"a red circle at the left What colour is the shape?": "red", "three low beeps Count the sounds.": "three",
             "What is the opposite of hot?": "cold"}
    for question, answer in asked.items():
        prompt = tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, return_tensors="pt", return_dict=True)
        written = model.generate(**prompt, max_new_tokens=8, do_sample=False)[0, prompt["input_ids"].shape[1] :]
        assert tokenizer.decode(written, skip_special_tokens=True) == answer


def test_the_tokenizer_gives_every_text_back_and_knows_answers_as_one_token():
    tokenizer = AutoTokenizer.from_pretrained(SHIPPED / "llama")
    for text in [*every_text()[::50], "Grüße \N{GRINNING FACE} <image>\n\tx", "### Response:"]:
        assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text
    assert tokenizer("red")["input_ids"] == [tokenizer.bos_token_id, tokenizer.convert_tokens_to_ids("red")]
    answers = (*attributes.COLOURS, *attributes.SHAPES, *attributes.PLACES, *attributes.SOUNDS, *attributes.PITCHES,
               *attributes.COUNTS, *attributes.DIRECTIONS, "yes", "no")
    assert all(len(tokenizer(answer, add_special_tokens=False)["input_ids"]) == 1 for answer in answers)

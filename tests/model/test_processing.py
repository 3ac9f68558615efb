import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

import macaw_cli.auto  # noqa: F401 - registers the Auto classes
from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.processing import MacawProcessor


@pytest.fixture
def model(tiny, tokenizer):
    return tiny.model(llm=tiny.llm_config(vocab_size=len(tokenizer), max_position_embeddings=512))


@pytest.fixture
def processor(model, tokenizer):
    return MacawProcessor(tokenizer, model.config)


def test_a_batch_of_questions_with_stored_features_generates_what_each_gives_alone(tiny, model, processor):
    images = [one.numpy() for one in tiny.features("image", 2)]
    texts = ["A red cat?", [{"role": "user", "content": [{"type": "text", "text": "See "}, {"type": "image"}]}]]
    options = {"max_new_tokens": 4, "do_sample": False, "eos_token_id": None}

    def answers(batch):
        return processor.batch_decode(model.generate(**batch, **options)[:, batch["input_ids"].shape[1] :], False)

    together = answers(processor(texts, image_features=[images[:1], images[1:]]))
    pairs = zip(texts, images, strict=True)
    assert together == [answers(processor(text, image_features=[one]))[0] for text, one in pairs]


def test_decoding_leaves_placeholders_out(tiny, processor):
    ids = processor("Hello?", image_features=[np.zeros((10, 16), np.float16)])["input_ids"][0]
    assert processor.decode(ids).endswith("### Instruction:\nHello?\n\n### Response:\n")
    assert processor.decode(ids, skip_special_tokens=False).startswith("<s>Below")


def test_raw_media_without_encoders_are_told(processor):
    with pytest.raises(MismatchError, match="encoder"):
        processor("What?", images=[np.zeros((8, 8, 3), np.uint8)])


def test_asking_for_a_prompt_as_text_is_told(processor):
    with pytest.raises(InputError, match="as text"):
        processor.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False)


def test_saving_and_loading_keeps_template_and_ids(tokenizer, model, tmp_path):
    processor = MacawProcessor(tokenizer, model.config, "as_published", 128)
    processor.save_pretrained(tmp_path)
    reloaded = MacawProcessor.from_pretrained(tmp_path)
    assert (reloaded.encoder.template, reloaded.encoder.max_length) == ("as_published", 128)
    assert torch.equal(reloaded("What?")["input_ids"], processor("What?")["input_ids"])


def test_a_folder_without_processor_is_told(tmp_path):
    with pytest.raises(InputError, match=r"processor_config\.json"):
        MacawProcessor.from_pretrained(tmp_path)


def test_the_auto_classes_find_model_config_and_processor(model, processor, tmp_path):
    with quiet_transformers():
        model.save_pretrained(tmp_path)
        processor.save_pretrained(tmp_path)
        assert isinstance(AutoConfig.from_pretrained(tmp_path), MacawConfig)
        assert isinstance(AutoProcessor.from_pretrained(tmp_path), MacawProcessor)
        assert isinstance(AutoModelForImageTextToText.from_pretrained(tmp_path), MacawForConditionalGeneration)

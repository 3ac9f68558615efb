"""An imported InstructBLIP gives the original's prompts, logits and answers, from pixels and text."""

import json
import shutil

import pytest
import tiny_checkpoints
import torch

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.export.families.registry import family
from macaw_cli.export.importing.family_import import import_family
from macaw_cli.inference.attachments import Attachment
from macaw_cli.inference.conversation_cache import ConversationCache
from macaw_cli.inference.conversations import conversation_request
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.sampling import GREEDY
from macaw_cli.model.folder import load_model
from macaw_cli.model.media_embedder import MediaEmbedder

QUESTIONS = ["What is it?", "How many noises?\nIt is the SAME, 2!", "", "many " * 600 + "noises"]
"""The last one is longer than the Q-Former reads."""


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The original with its processor, and the imported model with its own."""
    folder = tmp_path_factory.mktemp("instructblip")
    original = tiny_checkpoints.instructblip(folder / "original")
    report = import_family(family("instructblip"), folder / "original", folder / "out")
    assert report.ignored == ()
    return folder, original, load_model(folder / "out")


def inputs_of(both, question, number=3):
    """What the original reads of an image and a question, and what the imported model reads."""
    _, (_, processor), (_, our_processor) = both
    image = tiny_checkpoints.image(number, (70, 50))
    asked = processor(text=question, images=image, return_tensors="pt")
    cut = processor.qformer_tokenizer(question, truncation=True, max_length=512, return_tensors="pt")
    asked |= {"qformer_input_ids": cut.input_ids, "qformer_attention_mask": cut.attention_mask}
    return asked, our_processor(question, images=[image])


def relative(found, expected):
    return ((found - expected).abs().max() / expected.abs().max()).item()


@pytest.mark.parametrize("question", QUESTIONS, ids=["short", "lines", "empty", "long"])
@torch.no_grad()
def test_prompt_and_logits_are_the_originals_from_pixels_and_text(question, both):
    _, (original, _), (ours, _) = both
    asked, found = inputs_of(both, question)
    token = original.config.image_token_id
    expected_ids = torch.where(asked["input_ids"] == token, ours.config.soft_token_ids["image"], asked["input_ids"])
    assert found.input_ids.tolist() == expected_ids.tolist()
    assert found.image_instructions[0].tolist() == asked["qformer_input_ids"][0].tolist()
    assert torch.equal(found.pixel_values, asked["pixel_values"])
    assert relative(ours(**found).logits, original(**asked).logits) <= 1e-5


@torch.no_grad()
def test_the_question_reaches_the_q_former(both):
    _, _, (ours, _) = both
    _, found = inputs_of(both, QUESTIONS[0])
    _, other = inputs_of(both, QUESTIONS[1])
    found["image_instructions"], before = other["image_instructions"], ours(**found).logits
    assert relative(ours(**found).logits, before) > 1e-3


@torch.no_grad()
def test_questions_of_a_batch_are_read_as_each_alone(both):
    _, _, (ours, our_processor) = both
    texts, images = QUESTIONS[:3], [[tiny_checkpoints.image(number)] for number in range(3)]
    together = ours(**our_processor(texts, images=images)).logits
    for number, text in enumerate(texts):
        alone = ours(**our_processor(text, images=images[number])).logits[0]
        assert relative(together[number, -len(alone) :], alone) <= 1e-5


@pytest.mark.parametrize("question", QUESTIONS[:2], ids=["short", "lines"])
def test_answers_are_the_originals_in_python_and_from_the_engine(question, both):
    _, (original, _), (ours, _) = both
    asked, found = inputs_of(both, question)
    limits = {"max_new_tokens": 6, "do_sample": False}
    expected = original.generate(**asked, **limits)[0][-6:].tolist()
    assert ours.generate(**found, **limits)[0, found.input_ids.shape[1] :].tolist() == expected
    tokens, _ = engine_tokens(both, [{"role": "user", "content": question}], [found.pixel_values])
    assert tokens == expected[: len(tokens)] and len(tokens) >= 5


def engine_tokens(both, messages, pixels, cache=None):
    """The tokens of the next answer as chat and server get it, and how many of the prompt were cached."""
    _, _, (ours, our_processor) = both
    with torch.no_grad():
        states = [ours.image_encoder(one).last_hidden_state[0].numpy() for one in pixels]
    attached = [Attachment("a.png", "image", one, soft_tokens=5) for one in states]
    limits = {"sampling": GREEDY, "max_new_tokens": 6, "cache": cache}
    request = conversation_request(ours, our_processor.encoder, messages, attached, **limits)
    *events, end = Engine.of(ours, our_processor.encoder).generate([request])
    return [event.token for event in events], end.reused_tokens


def test_a_later_turn_with_an_image_of_its_own_is_answered_from_the_cache_as_without(both):
    pixels = [inputs_of(both, "What is it?", number)[1].pixel_values for number in range(2)]
    talk = [{"role": "user", "content": "What is it?"}]
    cache = ConversationCache()
    engine_tokens(both, talk, pixels[:1], cache)
    later = [{"type": "image"}, {"type": "text", "text": "How many?"}]
    talk += [{"role": "assistant", "content": "noise"}, {"role": "user", "content": later}]
    found, reused = engine_tokens(both, talk, pixels, cache)
    assert reused > 5 and found == engine_tokens(both, talk, pixels)[0]
    other = [{"role": "user", "content": "How many noises?"}, *talk[1:]]
    assert engine_tokens(both, other, pixels, cache)[1] == 0  # the same image, asked about with another question


def test_what_the_llm_reads_can_be_made_without_its_layers(both):
    folder, _, (ours, _) = both
    _, found = inputs_of(both, QUESTIONS[0])
    embedder, _ = MediaEmbedder.load(folder / "out")
    with torch.no_grad():
        whole = ours.fuse_inputs(**{name: value for name, value in found.items() if name != "attention_mask"})
    assert torch.equal(embedder.prompt_embeds(found), whole.inputs_embeds[0])


def test_a_model_that_is_not_given_the_question_says_so(both):
    _, _, (ours, _) = both
    _, found = inputs_of(both, QUESTIONS[0])
    del found["image_instructions"]
    with pytest.raises(MismatchError, match="image_instructions"):
        ours(**found)


def damaged(both, tmp_path, **former):
    folder = shutil.copytree(both[0] / "original", tmp_path / "copy")
    content = json.loads((folder / "config.json").read_text())
    content["qformer_config"] |= former
    (folder / "config.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("former", "words"), [({"max_position_embeddings": 64}, "64"), ({"hidden_act": "relu"}, "relu")]
)
def test_a_q_former_that_cannot_be_computed_is_one_message(former, words, both, tmp_path):
    with pytest.raises(InputError, match=words):
        import_family(family("instructblip"), damaged(both, tmp_path, **former), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_without_the_q_formers_tokenizer_is_one_message(both, tmp_path):
    folder = damaged(both, tmp_path)
    shutil.rmtree(folder / "qformer_tokenizer")
    with pytest.raises(InputError, match="qformer_tokenizer"):
        import_family(family("instructblip"), folder, tmp_path / "out")


def test_an_instructblip_with_an_encoder_decoder_is_one_message(tmp_path):
    from transformers import T5Config

    sizes = {"vocab_size": 960, "d_model": 16, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2}
    tiny_checkpoints.instructblip(tmp_path / "original", T5Config(**sizes))
    with pytest.raises(InputError, match="t5"):
        import_family(family("instructblip"), tmp_path / "original", tmp_path / "out")

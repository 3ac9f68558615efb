"""Turns and their media, with a real tiny model."""

import shutil

import numpy as np
import pytest
import tiny_macaw
import torch
from transformers import GenerationConfig

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.chat.session import ChatSession
from macaw_cli.chat.telling import timing_line
from macaw_cli.chat.turns import Turn, messages_of
from macaw_cli.config.injections.gated_cross_attention import GatedCrossAttentionSettings
from macaw_cli.config.settings import ChatSettings
from macaw_cli.inference.attachments import Attachment
from macaw_cli.model.folder import load_model

SETTINGS = ChatSettings(max_new_tokens=8)


@pytest.fixture(scope="module")
def loaded(workspace_folder):
    return load_model(workspace_folder / "runs/tiny")


@pytest.fixture
def session(loaded):
    model, processor = loaded
    return ChatSession(model, processor.encoder, SETTINGS)


def medium(config, modality, seed, *, soundtrack=False):
    features = np.random.default_rng(seed).normal(size=config.feature_shapes[modality]).astype(np.float32)
    return Attachment(f"{seed}.bin", modality, features, 1, soundtrack=soundtrack)


def said(pieces):
    return "".join(pieces)


def test_the_answer_equals_that_of_the_models_own_generate(loaded, session):
    model, processor = loaded
    image, audio = medium(model.config, "image", 1), medium(model.config, "audio", 2)
    session.attach([audio])
    session.attach([image])
    features = {"image_features": [image.features], "audio_features": [audio.features]}
    inputs = processor("What is it?", **features)
    output = model.generate(**inputs, max_new_tokens=8, do_sample=False)
    assert said(session.ask("What is it?")) == processor.decode(output[0, inputs["input_ids"].shape[1] :])


def test_the_answer_depends_on_the_image_and_blind_leaves_it_out(loaded, session):
    model, processor = loaded
    bare = said(ChatSession(model, processor.encoder, SETTINGS).ask("What is it?"))
    session.attach([medium(model.config, "image", 1)])
    seen = said(session.ask("What is it?"))
    assert seen != bare
    assert said(session.ask_blind()) == bare
    assert [turn.answer for turn in session.turns] == [seen]


def test_earlier_turns_and_their_media_stay_in_the_conversation(loaded, session):
    model, _ = loaded
    session.attach([medium(model.config, "image", 1)])
    said(session.ask("What is it?"))
    first = session.answer.prompt_tokens
    session.attach([medium(model.config, "audio", 2)])
    said(session.ask("And this?"))
    assert session.answer.prompt_tokens > first
    assert [len(turn.attachments) for turn in session.turns] == [1, 1]
    assert session.pending == []


def test_clear_forgets_turns_and_attachments(loaded, session):
    model, _ = loaded
    fresh = said(session.ask("Who are you?"))
    session.attach([medium(model.config, "image", 1)])
    session.clear()
    assert said(session.ask("Who are you?")) == fresh


def test_an_answer_that_is_stopped_is_kept_as_far_as_it_came(session):
    pieces = session.ask("Tell me")
    heard = next(pieces)
    pieces.close()
    assert session.turns[0].answer == heard
    assert session.answer.ending == "cancelled"


def test_blind_before_any_question_is_told(session):
    with pytest.raises(InputError, match="No question"):
        said(session.ask_blind())


def test_a_conversation_that_is_too_long_is_told_and_changes_nothing(loaded, session):
    model, _ = loaded
    session.attach([medium(model.config, "image", 1)])
    with pytest.raises(InputError, match=r"768.*/reset"):
        said(session.ask("why " * 300))
    assert session.turns == []
    assert len(session.pending) == 1


def test_a_soundtrack_stands_before_other_audio_files_as_in_the_training_data(loaded, session):
    config = loaded[0].config
    video, track = medium(config, "video", 1), medium(config, "audio", 2, soundtrack=True)
    session.attach([video, track])
    session.attach([medium(config, "audio", 3), medium(config, "image", 4)])
    said(session.ask("What?"))
    kept = session.turns[0].attachments
    assert [(item.modality, item.soundtrack) for item in kept] == [
        ("image", False), ("audio", True), ("audio", False), ("video", False)]  # fmt: skip


def test_soft_tokens_are_counted_for_each_kind_of_media(loaded, session):
    model, _ = loaded
    session.attach([medium(model.config, "image", 1), medium(model.config, "image", 2)])
    session.attach([medium(model.config, "audio", 3), medium(model.config, "audio", 4, soundtrack=True)])
    said(session.ask("What is it?"))
    assert session.answer.soft_tokens == {"image": 2 * 16, "audio": 100, "soundtrack": 100}
    assert f"[{session.answer.prompt_tokens} (image 32, soundtrack 100, audio 100) + " in timing_line(session.answer)
    session.clear()
    said(session.ask("And now?"))
    assert session.answer.soft_tokens == {} and "(" not in timing_line(session.answer)


@pytest.mark.filterwarnings("ignore:Passing .* will apply")
def test_the_models_own_generation_config_decides_penalties_and_ends(loaded, session):
    model, processor = loaded
    image, before = medium(model.config, "image", 1), model.generation_config
    session.attach([image])
    plain = said(session.ask("What is it?"))
    inputs = processor("What is it?", image_features=[image.features])
    tokens = model.generate(**inputs, max_new_tokens=8, do_sample=False)[0, inputs["input_ids"].shape[1] :].tolist()
    try:
        model.generation_config = GenerationConfig(repetition_penalty=5.0)
        expected = model.generate(**inputs, max_new_tokens=8)[0, inputs["input_ids"].shape[1] :]
        session.clear()
        session.attach([image])
        assert said(session.ask("What is it?")) == processor.decode(expected) != plain
        model.generation_config = GenerationConfig(eos_token_id=[299, tokens[2]])
        session.clear()
        session.attach([image])
        said(session.ask("What is it?"))
        assert session.answer.ending == "end" and session.answer.completion_tokens == tokens.index(tokens[2])
    finally:
        model.generation_config = before


def test_with_an_injection_a_medium_takes_one_token_of_the_prompt(workspace_folder, tmp_path):
    shutil.copytree(workspace_folder / "models", tmp_path / "models")
    gated = GatedCrossAttentionSettings(name="gated-cross-attention", every=1, heads=2, head_dim=8)
    model, processor = load_model(tiny_macaw.make_model(tmp_path, "injected", injection=gated))
    prompts = []
    for count in (0, 2):
        session = ChatSession(model, processor.encoder, SETTINGS)
        session.attach([medium(model.config, "image", number) for number in range(count)])
        said(session.ask("What is it?"))
        prompts.append(session.answer.prompt_tokens)
    assert session.answer.soft_tokens == {"image": 2}
    assert prompts[1] - prompts[0] == 2 * 3  # with its begin and its end token


def test_media_of_the_first_turn_have_no_position_and_later_ones_have():
    image = Attachment("a.png", "image", np.zeros((2, 3), np.float32), 2)
    messages = messages_of([Turn("One?", (image,), "Yes."), Turn("Two?", (image,))], system="Be kind.")
    assert messages == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Two?"}]},
    ]


def test_an_error_from_the_model_changes_nothing(loaded, session):
    wrong = Attachment("wrong.png", "image", np.zeros((16, 23), np.float32), 16)
    session.attach([wrong])
    with pytest.raises(MismatchError, match="24 channels, found 23"):
        said(session.ask("What?"))
    assert session.turns == []
    assert torch.is_grad_enabled()


def test_an_empty_answer_keeps_its_turn():
    turns = [Turn("a?", answer=""), Turn("b?")]
    assert [(one["role"], one["content"]) for one in messages_of(turns)] == [
        ("user", "a?"), ("assistant", ""), ("user", "b?"),
    ]  # fmt: skip

"""Questions in Python: files and keywords in, answers out, one or many, whole or in pieces."""

import re

import pytest

from macaw_cli import Engine, MacawForConditionalGeneration
from macaw_cli.basics.errors import InputError, MismatchError, ResourceError, UsageError
from macaw_cli.inference.requests import GenerationRequest
from macaw_cli.model.folder import load_model


@pytest.fixture(scope="module")
def engine(workspace_folder):
    return Engine.from_pretrained(workspace_folder / "runs/tiny")


@pytest.fixture
def media(workspace_folder):
    return workspace_folder / "media"


def test_an_answer_is_that_of_the_models_own_generate(engine, workspace_folder, media):
    model, processor = load_model(workspace_folder / "runs/tiny")
    (attached,) = engine._reader.attacher.attach(media / "blue.png", "image")
    inputs = processor("What is it?", image_features=[attached.features])
    output = model.generate(**inputs, max_new_tokens=8, do_sample=False)
    expected = processor.decode(output[0, inputs["input_ids"].shape[1] :])
    assert engine.answer("What is it?", image=media / "blue.png", max_new_tokens=8) == expected
    assert engine.answer("What is it?", max_new_tokens=8) != expected


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_a_run_and_a_model_folder_are_loaded(workspace_folder, device):
    for folder in ("runs/tiny", "runs/tiny/model"):
        engine = Engine.from_pretrained(str(workspace_folder / folder), device=device, workspace=workspace_folder)
        assert isinstance(engine.model, MacawForConditionalGeneration)


def test_a_folder_without_a_model_and_a_gpu_that_is_not_there_are_told(tmp_path, workspace_folder, monkeypatch):
    with pytest.raises(InputError, match=re.escape(str(tmp_path))):
        Engine.from_pretrained(tmp_path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ResourceError):
        Engine.from_pretrained(workspace_folder / "runs/tiny", device="cuda")


def test_pieces_are_the_answer_and_the_rest_is_not_generated(engine, media):
    options = {"image": str(media / "red.png"), "max_new_tokens": 8}
    whole = engine.answer("What?", **options)
    assert "".join(engine.stream("What?", **options)) == whole
    pieces = engine.stream("What?", **options)
    first = next(pieces)
    pieces.close()
    assert whole.startswith(first) and list(pieces) == []


def test_many_questions_get_the_answers_of_each_alone(engine, media):
    questions = [
        {"question": "What?", "image": media / "red.png"},
        "Who?",
        {"question": "What is heard?", "audio": [media / "beep.wav"], "max_new_tokens": 3},
        {"question": "What happens?", "video": media / "film.mp4", "image": [media / "red.png", media / "blue.png"]},
        {"question": [{"role": "user", "content": "Who?"}], "system": "Be brief."},
    ] * 8
    every = {"max_new_tokens": 6, "temperature": 0}
    expected = [
        engine.answer(one, **every) if isinstance(one, str)
        else engine.answer(one["question"], **{**every, **{name: one[name] for name in one if name != "question"}})
        for one in questions[:5]
    ]  # fmt: skip
    assert engine.answer_all(questions, **every) == expected * 8
    assert len({*expected}) == 5
    assert engine.answer_all([]) == []


def test_sampling_keywords_act_and_a_seed_repeats_an_answer(engine):
    options = {"temperature": 3.0, "top_k": 20, "max_new_tokens": 12}
    answers = [engine.answer("Who?", seed=seed, **options) for seed in (1, 1, 2)]
    assert answers[0] == answers[1] != answers[2]
    greedy = engine.answer("Who?", temperature=0, max_new_tokens=12)
    assert engine.answer("Who?", temperature=0, top_p=0.5, max_new_tokens=12) == greedy
    assert engine.answer("Who?", stop=greedy[3], max_new_tokens=12) == greedy[: greedy.index(greedy[3])]
    assert engine.answer("Who?", stop=["~", greedy[2]], max_new_tokens=12) == greedy[: greedy.index(greedy[2])]


def test_media_of_messages_stand_where_their_parts_say_or_before_everything(engine, media):
    image, options = {"type": "image"}, {"image": media / "red.png", "max_new_tokens": 8}
    plain = engine.answer("What?", **options)
    for parts in ([image, {"type": "text", "text": "What?"}], [{"type": "text", "text": "What?"}, image]):
        assert engine.answer([{"role": "user", "content": parts}], **options) == plain
    turns = [{"role": "user", "content": "Hm?"}, {"role": "assistant", "content": "A"}]
    later = [*turns, {"role": "user", "content": [image, {"type": "text", "text": "What?"}]}]
    unplaced = [*turns, {"role": "user", "content": "What?"}]
    assert engine.answer(later, **options) != engine.answer(unplaced, **options)


@pytest.mark.parametrize(
    ("said", "error", "named"),
    [
        ({"imag": "red.png"}, UsageError, "image"),
        ({"image": "none.png"}, InputError, r"none\.png"),
        ({"max_new_tokens": 10_000}, InputError, "10000|768"),
        ({"max_new_tokens": 0}, ValueError, "max_new_tokens"),
        ({"temperature": -1}, ValueError, "temperature"),
        ({"top_p": 0}, ValueError, "top_p"),
        ({"top_k": 0}, ValueError, "top_k"),
        ({"min_p": 2}, ValueError, "min_p"),
        ({"repetition_penalty": 0}, ValueError, "repetition_penalty"),
        ({"no_repeat_ngram_size": -1}, ValueError, "no_repeat_ngram_size"),
    ],
)
def test_what_cannot_be_asked_is_told(engine, said, error, named):
    with pytest.raises(error, match=named):
        engine.answer("What?", **said)


def test_media_that_do_not_fit_and_questions_without_text_are_told(engine, media):
    with pytest.raises(MismatchError):
        engine.answer([{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}] * 2}])
    with pytest.raises(UsageError, match="question"):
        engine.answer_all([{"image": media / "red.png"}])
    with pytest.raises(InputError, match=r"none\.png"):
        engine.answer_all(["Who?", {"question": "What?", "image": "none.png"}])


def test_an_engine_of_parts_says_what_it_lacks(engine, media):
    with pytest.raises(UsageError, match="from_pretrained"):
        Engine(engine.model, engine.tokenizer, frozenset()).answer("What?")
    bare = Engine.of(engine.model, engine._reader.encoder)
    assert bare.answer("Who?", max_new_tokens=5) == engine.answer("Who?", max_new_tokens=5)
    with pytest.raises(UsageError, match="from_pretrained"):
        bare.answer("What?", image=media / "red.png")
    assert len(list(bare.generate([GenerationRequest(prompt=[3, 4], max_new_tokens=2)]))) == 3

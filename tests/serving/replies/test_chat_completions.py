"""`POST /v1/chat/completions` as the real `openai` client uses it."""

import math

import openai
import pytest

from macaw_cli.inference.attachments import Attacher
from macaw_cli.inference.conversations import conversation_request
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.sampling import GREEDY
from macaw_cli.model.folder import load_model
from macaw_cli.model.model_encoders import ModelEncoders

TEXT = {"type": "text", "text": "What is this?"}


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def ask(client):
    def asked(content="What is this?", *earlier, **options):
        options = {"max_tokens": 8, "temperature": 0, "model": "tiny", **options}
        messages = [*earlier, {"role": "user", "content": content}]
        return client.chat.completions.create(messages=messages, **options)

    return asked


@pytest.fixture(scope="module")
def engine_answer(workspace_folder):
    """The answer of the engine in this process, with media of the first turn as `macaw chat` places them."""
    from macaw_cli.config.loading import open_workspace

    folder = workspace_folder / "runs/tiny/model"
    model, processor = load_model(folder)
    attacher = Attacher(model.config, ModelEncoders(model, processor, folder, open_workspace(workspace_folder)))

    def answer(question, **media):
        files = [(workspace_folder / "media" / name, modality) for modality, name in media.items()]
        attached = [one for file, modality in files for one in attacher.attach(file, modality)]
        messages = [{"role": "user", "content": question}]
        request = conversation_request(
            model, processor.encoder, messages, attached, max_new_tokens=8, sampling=GREEDY
        )
        return list(Engine.of(model, processor.encoder).generate([request]))[-1].text

    return answer


def text_of(answer):
    return answer.choices[0].message.content


def tokens_of(answer, modality):
    return answer.usage.prompt_tokens_details.to_dict()[f"{modality}_tokens"]


def test_a_question_is_answered_with_its_tokens_counted(ask, engine_answer):
    answer = ask()
    assert text_of(answer) == engine_answer("What is this?")
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 8
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 8


def test_a_stream_says_the_same_as_the_whole_answer(ask):
    chunks = list(ask(stream=True, stream_options={"include_usage": True}))
    whole = ask()
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == text_of(whole)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_without_include_usage_no_chunk_has_it(ask):
    assert all(chunk.usage is None and chunk.choices for chunk in ask(stream=True))


PARTS = {
    "image_url": ("image", "red.png", lambda url, data: {"image_url": {"url": url, "detail": "auto"}}),
    "input_image": ("image", "red.png", lambda url, data: {"image_url": url}),
    "input_audio": ("audio", "beep.wav", lambda url, data: {"input_audio": {"data": data, "format": "wav"}}),
    "audio_url": ("audio", "beep.wav", lambda url, data: {"audio_url": {"url": url}}),
    "video_url": ("video", "film.mp4", lambda url, data: {"video_url": {"url": url}}),
    "input_video": ("video", "film.mp4", lambda url, data: {"input_video": {"data": data}}),
}


@pytest.mark.parametrize("kind", PARTS)
def test_every_kind_of_part_reaches_the_model_as_in_the_chat(ask, engine_answer, data_url, kind):
    modality, name, part = PARTS[kind]
    url = data_url(name)
    answer = ask([{"type": kind, **part(url, url.partition(",")[2])}, TEXT])
    assert text_of(answer) == engine_answer("What is this?", **{modality: name})
    assert text_of(answer) != text_of(ask())
    assert tokens_of(answer, modality) > 0


def test_media_behind_the_text_count_as_before_it_and_those_between_texts_keep_their_place(ask, data_url):
    image = {"type": "image_url", "image_url": {"url": data_url("red.png")}}
    assert text_of(ask([image, TEXT])) == text_of(ask([TEXT, image]))
    between = ask([{"type": "text", "text": "What"}, image, {"type": "text", "text": "is this?"}])
    assert tokens_of(between, "image") == 16


def test_several_images_as_frames_of_a_video_are_images(ask, data_url):
    urls = [data_url(name, "image/jpeg") for name in ("red.png", "blue.png")]
    frames = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    answer = ask([*frames, TEXT])
    assert tokens_of(answer, "image") == 32
    attachments = answer.model_extra["macaw"]["attachments"]
    told = [(one["part"], one["modality"], one["soft_tokens"]) for one in attachments]
    assert told == [(0, "image", 16), (1, "image", 16)]
    assert all("path" not in one for one in attachments)


def test_a_video_brings_its_soundtrack(ask, data_url):
    answer = ask([{"type": "video_url", "video_url": {"url": data_url("film.mp4")}}, TEXT])
    told = [(one["part"], one["modality"]) for one in answer.model_extra["macaw"]["attachments"]]
    assert told == [(0, "video"), (0, "audio")]


def test_a_conversation_goes_on_with_media_in_every_turn(ask, data_url):
    image = {"type": "image_url", "image_url": {"url": data_url("red.png")}}
    earlier = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [image, TEXT]},
        {"role": "assistant", "content": [{"type": "text", "text": "a square"}]},
    ]
    answer = ask([image, {"type": "text", "text": "And this?"}], *earlier)
    assert tokens_of(answer, "image") == 32


def test_the_next_turn_of_a_conversation_costs_its_own_tokens_alone(ask):
    first = text_of(ask("Tell me of the sea and of the ships that sail on it."))
    earlier = [
        {"role": "user", "content": "Tell me of the sea and of the ships that sail on it."},
        {"role": "assistant", "content": first},
    ]
    usage = ask("More.", *earlier).usage
    assert usage.prompt_tokens_details.cached_tokens > 50


def test_a_seed_repeats_several_answers_that_differ(ask):
    drawn = [
        [choice.message.content for choice in ask(n=3, seed=seed, temperature=1.5).choices] for seed in (7, 7, 8)
    ]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]
    assert len(set(drawn[0])) == 3


def test_several_answers_stream_side_by_side(ask):
    whole = ask(n=2, seed=7, temperature=1.5)
    texts = {0: "", 1: ""}
    ends = {}
    for chunk in ask(n=2, seed=7, temperature=1.5, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            ends |= {choice.index: choice.finish_reason} if choice.finish_reason else {}
    assert texts == {choice.index: choice.message.content for choice in whole.choices}
    assert ends == {0: "length", 1: "length"}


def test_a_stop_string_ends_the_answer_before_it(ask):
    whole = text_of(ask())
    answer = ask(stop=[whole[3:5], "never"])
    assert text_of(answer) == whole[: whole.index(whole[3:5])]
    assert answer.choices[0].finish_reason == "stop"


def test_the_newer_limit_counts_where_both_are_given_and_too_long_ones_are_cut(ask):
    assert ask(max_tokens=8, max_completion_tokens=3).usage.completion_tokens == 3
    assert ask(max_tokens=1_000_000).usage.total_tokens <= 768


def test_probabilities_are_those_of_the_likeliest_tokens(ask):
    answer = ask(logprobs=True, top_logprobs=3)
    content = answer.choices[0].logprobs.content
    assert "".join(token.token for token in content) == text_of(answer)
    assert len(content) == 8
    for token in content:
        top = [one.logprob for one in token.top_logprobs]
        assert top == sorted(top, reverse=True)
        assert (token.token, token.logprob) == (token.top_logprobs[0].token, token.top_logprobs[0].logprob)
        assert bytes(token.bytes).decode() == token.token
        assert math.exp(token.logprob) <= 1
    streamed = [token for chunk in ask(logprobs=True, top_logprobs=3, stream=True) for token in _logprobs(chunk)]
    assert streamed == content


def _logprobs(chunk):
    logprobs = chunk.choices[0].logprobs
    return logprobs.content if logprobs else []


def test_fields_that_change_nothing_are_taken_and_those_that_would_are_refused(ask):
    assert ask(user="me", metadata={"a": "b"}, store=True, frequency_penalty=0, logit_bias={}, n=1, top_p=1)
    assert ask(extra_body={"top_k": 5, "repetition_penalty": 1.1, "min_p": 0.1}, response_format={"type": "text"})
    for field in (
        {"tools": [{"type": "function", "function": {"name": "f"}}]}, {"frequency_penalty": 0.5},
        {"response_format": {"type": "json_object"}}, {"modalities": ["text", "audio"]}, {"logit_bias": {"5": 1}},
    ):  # fmt: skip
        with pytest.raises(openai.BadRequestError) as told:
            ask(**field)
        assert told.value.code == "unsupported_parameter"
        assert told.value.param == next(iter(field))
    with pytest.raises(openai.BadRequestError) as told:
        ask(extra_body={"temprature": 1})
    assert (told.value.code, told.value.param) == ("unknown_parameter", "temprature")


def test_another_model_is_not_found_and_a_conversation_that_is_too_long_is_told(ask):
    with pytest.raises(openai.NotFoundError) as told:
        ask(model="another")
    assert told.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as told:
        ask("word " * 1000)
    assert told.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError) as told:
        list(ask("word " * 1000, stream=True))
    assert told.value.code == "context_length_exceeded"


def test_models_are_listed_with_what_the_page_needs_to_know(client):
    (model,) = client.models.list()
    assert (model.id, client.models.retrieve("tiny").id) == ("tiny", "tiny")
    assert model.model_extra["modalities"] == ["image", "audio", "video"]
    assert ".png" in model.model_extra["extensions"]["image"]
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("a/b")



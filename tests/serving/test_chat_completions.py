"""`POST /v1/chat/completions` as the real `openai` client uses it."""

import base64

import openai
import pytest

QUESTION = [{"role": "user", "content": "What is this?"}]
MODEL = "tiny"


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def ask(client):
    def asked(content="What is this?", **options):
        options = {"max_tokens": 8, "temperature": 0, "model": MODEL, **options}
        return client.chat.completions.create(messages=[{"role": "user", "content": content}], **options)

    return asked


def data_url(path, kind="application/octet-stream"):
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def test_a_question_is_answered_with_its_tokens_counted(ask):
    answer = ask()
    assert len(answer.choices[0].message.content) == 8
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 8
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 8


def test_a_stream_says_the_same_as_the_whole_answer(ask):
    chunks = list(ask(stream=True, stream_options={"include_usage": True}))
    whole = ask()
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage


def test_an_image_changes_the_answer(ask, workspace_folder):
    image = {"type": "image_url", "image_url": {"url": data_url(workspace_folder / "media/red.png", "image/png")}}
    seen = ask([image, {"type": "text", "text": "What is this?"}])
    assert seen.choices[0].message.content != ask().choices[0].message.content
    assert seen.usage.prompt_tokens_details.image_tokens == 16


def test_another_model_is_not_found(ask):
    with pytest.raises(openai.NotFoundError) as told:
        ask(model="another")
    assert told.value.code == "model_not_found"

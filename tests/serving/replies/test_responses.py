"""`POST /v1/responses` as the real `openai` client uses it."""

import openai
import pytest


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def ask(client):
    def asked(content="What is this?", **options):
        options = {"max_output_tokens": 8, "temperature": 0, "model": "tiny", **options}
        return client.responses.create(input=content, **options)

    return asked


def test_a_text_is_answered_as_by_the_other_api(ask, client):
    answer = ask()
    other = client.chat.completions.create(
        model="tiny", max_tokens=8, temperature=0, messages=[{"role": "user", "content": "What is this?"}]
    )
    assert answer.output_text == other.choices[0].message.content
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (other.usage.prompt_tokens, 8)
    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == "max_output_tokens"


def test_instructions_come_first(ask):
    assert ask(instructions="Be brief." * 30).usage.input_tokens > ask().usage.input_tokens + 100
    assert ask(instructions="Be brief.").instructions == "Be brief."


def test_images_and_audio_are_seen_and_heard(ask, data_url):
    text = {"type": "input_text", "text": "What is this?"}
    image = {"type": "input_image", "image_url": data_url("red.png"), "detail": "auto"}
    audio = {"type": "input_audio", "input_audio": {"data": data_url("beep.wav").partition(",")[2], "format": "wav"}}
    for part in (image, audio):
        assert ask([{"role": "user", "content": [part, text]}]).output_text != ask().output_text


def test_the_output_of_one_turn_can_be_given_to_the_next(ask):
    first = ask()
    items = [{"role": "user", "content": "What is this?"}, *first.output, {"role": "user", "content": "And this?"}]
    assert ask([item if isinstance(item, dict) else item.to_dict() for item in items]).output_text


def test_events_come_in_openais_order_and_end_with_the_whole_answer(client, ask):
    whole = ask()
    events = list(ask(stream=True))
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
    ]  # fmt: skip
    assert kinds[-4:] == [
        "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.incomplete",
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole.output_text
    assert events[-1].response.output_text == whole.output_text
    assert events[-1].response.usage.total_tokens == whole.usage.total_tokens


def test_the_clients_own_helper_for_streams_follows_an_answer(client):
    with client.responses.stream(model="tiny", input="What?", temperature=0, max_output_tokens=5) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
    assert text == client.responses.create(model="tiny", input="What?", temperature=0, max_output_tokens=5).output_text


def test_probabilities_come_where_they_are_asked_for(ask):
    answer = ask(include=["message.output_text.logprobs"], top_logprobs=2)
    tokens = answer.output[0].content[0].logprobs
    assert "".join(token.token for token in tokens) == answer.output_text
    assert all(len(token.top_logprobs) == 2 for token in tokens)


@pytest.mark.parametrize("field", [
    {"previous_response_id": "resp_1"}, {"tools": [{"type": "web_search"}]}, {"background": True},
    {"text": {"format": {"type": "json_object"}}}, {"include": ["reasoning.encrypted_content"]},
])  # fmt: skip
def test_what_the_server_does_not_have_is_refused(ask, field):
    with pytest.raises(openai.BadRequestError) as told:
        ask(**field)
    assert told.value.code == "unsupported_parameter"

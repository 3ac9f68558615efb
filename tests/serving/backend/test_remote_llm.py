"""Answers of another server's LLM, which is sent embeddings as a stock vLLM takes them."""

import base64
import io

import openai
import pytest
import torch
from prompt_embeds_server import prompt_embeds_server
from transformers import AutoTokenizer

from macaw_cli.basics.errors import InputError, MismatchError, UsageError
from macaw_cli.config.backend_settings import BackendSettings
from macaw_cli.config.loading import open_workspace
from macaw_cli.model.folder import load_model
from macaw_cli.model.text.stock_template import stock_chat_template
from macaw_cli.serving.run import service_of

MODEL = "tiny"
WORDS = [{"type": "text", "text": "What is this?"}]


@pytest.fixture(scope="module")
def llm_folder(workspace_folder, tmp_path_factory):
    """The LLM alone, with a chat template, as it leaves macaw."""
    folder = tmp_path_factory.mktemp("stock")
    model, processor = load_model(workspace_folder / "runs/tiny")
    model.language_model.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(workspace_folder / "models/llm")
    tokenizer.chat_template = stock_chat_template(processor.encoder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def backend(llm_folder):
    with prompt_embeds_server(llm_folder) as (url, behaviour):
        yield url, behaviour


@pytest.fixture
def own_backend(llm_folder):
    """A backend of the test's own, which may be made to fail."""
    with prompt_embeds_server(llm_folder) as (url, behaviour):
        yield url, behaviour


@pytest.fixture(scope="module")
def remote(make_server, backend):
    with make_server(backend=BackendSettings(url=backend[0])) as server, client_of(server) as client:
        yield client


@pytest.fixture(scope="module")
def local(server):
    with client_of(server) as client:
        yield client


def client_of(server, **options):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, **options)


def ask(client, content=WORDS, before=(), **options):
    options = {"max_tokens": 8, "temperature": 0, "model": MODEL, **options}
    return client.chat.completions.create(messages=[*before, {"role": "user", "content": content}], **options)


def part(path, modality):
    kind = {"image": "image/png", "audio": "audio/wav", "video": "video/mp4"}[modality]
    url = f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    return {"type": f"{modality}_url", f"{modality}_url": {"url": url}}


@pytest.fixture(scope="module")
def media(workspace_folder):
    files = {"image": "red.png", "audio": "beep.wav", "video": "silent.mp4"}
    return {name: part(workspace_folder / "media" / file, name) for name, file in files.items()}


def conversations(media):
    answered = [{"role": "user", "content": [media["image"], *WORDS]}, {"role": "assistant", "content": "red"}]
    yield "text", WORDS, []
    for name, medium in media.items():
        yield name, [medium, *WORDS], []
    yield "between texts", [*WORDS, media["image"], {"type": "text", "text": " And "}, media["audio"]], []
    yield "two images", [media["image"], media["image"], *WORDS], []
    yield "a second turn", [media["video"], {"type": "text", "text": "And this?"}], answered
    yield "a system prompt", WORDS, [{"role": "system", "content": "Be brief."}]
    yield "control tokens", [{"type": "text", "text": "What is </s> and <s>?"}], []
    yield "the reserved token", [{"type": "text", "text": "What is <prompt_embeds>?"}, media["image"]], []


def counted(answer):
    """Usage without what either server has read before."""
    usage = answer.usage.model_dump()
    usage["prompt_tokens_details"].pop("cached_tokens")
    return usage


def test_answers_are_those_of_the_model_itself(remote, local, media):
    for name, content, before in conversations(media):
        expected, found = ask(local, content, before), ask(remote, content, before)
        assert found.choices[0].message.content == expected.choices[0].message.content, name
        assert found.choices[0].finish_reason == expected.choices[0].finish_reason
        assert counted(found) == counted(expected), name


@pytest.mark.parametrize("prompts", ["chat", "completions"])
def test_each_form_of_prompts_gives_the_same_answer(make_server, backend, local, media, prompts):
    content = [media["image"], *WORDS]
    with make_server(backend=BackendSettings(url=backend[0], prompts=prompts)) as server, client_of(server) as client:
        found = ask(client, content)
    path, body = backend[1].asked[-1]
    assert path == f"/v1/{'chat/' * (prompts == 'chat')}completions"
    assert found.choices[0].message.content == ask(local, content).choices[0].message.content
    assert body["model"] == "stock" and body["max_tokens"] == 8 and body["temperature"] == 0


def test_a_chat_has_the_medium_with_its_begin_and_end_between_the_texts(remote, backend, media):
    ask(remote, [*WORDS, media["image"], *WORDS])
    path, body = backend[1].asked[-1]
    before, medium, after = body["messages"][0]["content"]
    assert path == "/v1/chat/completions" and before == after == WORDS[0] and medium["type"] == "prompt_embeds"
    embeds = torch.load(io.BytesIO(base64.b64decode(medium["data"])), weights_only=True)
    assert embeds.shape == (1 + 16 + 1, 32) and embeds.dtype == torch.float32


def test_text_that_spells_a_control_token_is_sent_as_embeddings(remote, backend):
    ask(remote, "What is </s>?")
    assert backend[1].asked[-1][0] == "/v1/completions"


def test_a_stream_comes_in_pieces_with_the_backends_usage(remote, local):
    chunks = list(ask(remote, stream=True, stream_options={"include_usage": True}))
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    expected = ask(local)
    assert "".join(texts) == expected.choices[0].message.content and len(texts) > 1
    assert chunks[-1].usage.completion_tokens == expected.usage.completion_tokens


def test_a_form_of_answers_reaches_the_backend_as_a_json_schema(remote, backend):
    form = {"type": "json_schema", "json_schema": {"name": "integer", "schema": {"type": "integer"}}}
    ask(remote, response_format=form)
    assert backend[1].asked[-1][1]["response_format"] == form


def test_sampling_options_reach_the_backend_as_they_were_given(remote, backend):
    ask(remote, temperature=0.7, top_p=0.9, seed=3, stop=["x"], extra_body={"top_k": 5, "min_p": 0.1})
    body = backend[1].asked[-1][1]
    sent = {name: body.get(name) for name in ("temperature", "top_p", "seed", "stop", "top_k", "min_p")}
    assert sent == {"temperature": 0.7, "top_p": 0.9, "seed": 3, "stop": ["x"], "top_k": 5, "min_p": 0.1}
    assert "repetition_penalty" not in body


def test_a_model_that_answers_greedily_does_so_there_unless_it_is_told_otherwise(remote, backend):
    ask(remote, temperature=openai.omit)
    assert backend[1].asked[-1][1]["temperature"] == 0


def test_what_the_backend_says_of_its_error_reaches_no_client(make_server, own_backend):
    url, behaviour = own_backend
    with make_server(backend=BackendSettings(url=url)) as server, client_of(server) as client:
        for status in (400, 401, 404, 429, 500, 503):
            behaviour.fails_with = status
            for stream in (False, True):
                with pytest.raises(openai.InternalServerError) as told:
                    ask(client, stream=stream)
                assert told.value.status_code == 502 and told.value.body["code"] == "backend_error"
                assert "secret" not in str(told.value)
        behaviour.fails_with = 0
        assert ask(client).choices[0].message.content


def test_a_connection_that_breaks_off_is_an_error_and_no_short_answer(make_server, own_backend):
    url, behaviour = own_backend
    with make_server(backend=BackendSettings(url=url)) as server, client_of(server) as client:
        behaviour.breaks_after = 1
        with pytest.raises(openai.InternalServerError) as told:
            ask(client)
        assert told.value.status_code == 502
        with pytest.raises(openai.APIError):
            list(ask(client, stream=True))


def test_a_backend_that_is_gone_is_told(make_server, llm_folder):
    with prompt_embeds_server(llm_folder) as (url, _):
        started = make_server(backend=BackendSettings(url=url))
    with started as server, client_of(server) as client, pytest.raises(openai.InternalServerError) as told:
        ask(client)
    assert told.value.status_code == 502


def test_a_silent_backend_is_given_up(make_server, own_backend):
    import threading

    url, behaviour = own_backend
    settings = BackendSettings(url=url, timeout_s=0.3, prompts="completions")
    with make_server(backend=settings) as server, client_of(server) as client:
        behaviour.silent = threading.Event()
        with pytest.raises(openai.InternalServerError) as told:
            ask(client)
        behaviour.silent.set()
    assert told.value.status_code == 504 and told.value.body["code"] == "backend_timeout"


def test_the_backend_hears_that_a_client_has_left(make_server, own_backend):
    url, behaviour = own_backend
    with make_server(backend=BackendSettings(url=url)) as server, client_of(server) as client:
        stream = ask(client, stream=True, max_tokens=700)
        next(iter(stream))
        stream.close()
        assert behaviour.stopped.wait(10)
        assert ask(client).choices[0].message.content


def test_the_key_comes_from_the_environment(make_server, llm_folder, monkeypatch):
    with prompt_embeds_server(llm_folder, key="backend-key") as (url, _):
        with pytest.raises(InputError, match="MACAW_BACKEND_KEY"):
            make_server(backend=BackendSettings(url=url))
        monkeypatch.setenv("MACAW_BACKEND_KEY", "backend-key")
        with make_server(backend=BackendSettings(url=url)) as server, client_of(server) as client:
            assert ask(client).choices[0].message.content


def test_an_older_backend_is_sent_whole_prompts(make_server, llm_folder, media):
    with prompt_embeds_server(llm_folder, takes_chats=False) as (url, behaviour):
        with make_server(backend=BackendSettings(url=url)) as server, client_of(server) as client:
            ask(client, [media["image"], *WORDS])
        assert behaviour.asked[-1][0] == "/v1/completions"
        with pytest.raises(MismatchError, match="prompts=auto"):
            make_server(backend=BackendSettings(url=url, prompts="chat"))


def test_a_backend_that_cannot_be_used_is_told_before_anything_is_served(make_server, llm_folder):
    with prompt_embeds_server(llm_folder, takes_embeds=False) as (url, _):
        with pytest.raises(MismatchError, match="--enable-prompt-embeds"):
            make_server(backend=BackendSettings(url=url))
        with pytest.raises(InputError, match="/v1"):
            make_server(backend=BackendSettings(url=url.removesuffix("/v1") + "/v2"))
    with pytest.raises(InputError, match="does not answer"):
        make_server(backend=BackendSettings(url=url))
    for wrong in ("localhost:8001", "ftp://localhost/v1", "http://user:secret@localhost/v1", "http://localhost:x/v1"):
        with pytest.raises(UsageError, match="http://localhost:8001/v1") as told:
            make_server(backend=BackendSettings(url=wrong))
        assert "secret" not in str(told.value)


def test_an_exported_llm_is_not_served_alone(workspace_folder, tmp_path):
    (tmp_path / "llm/media").mkdir(parents=True)
    with pytest.raises(UsageError, match="--backend"):
        service_of(open_workspace(workspace_folder), tmp_path / "llm")


def test_many_clients_are_answered_at_once_and_alike(remote, local, media):
    from concurrent.futures import ThreadPoolExecutor

    contents = [WORDS, [media["image"], *WORDS], [media["audio"], *WORDS]] * 4
    expected = {number: ask(local, content).choices[0].message.content for number, content in enumerate(contents[:3])}
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda content: ask(remote, content).choices[0].message.content, contents))
    assert found == [expected[number % 3] for number in range(len(contents))]


def test_nothing_of_a_request_is_ever_unpickled():
    """`torch.load` would run what a client sends; this server only sends."""
    import pathlib

    import macaw_cli.serving

    for file in pathlib.Path(macaw_cli.serving.__path__[0]).glob("**/*.py"):
        text = file.read_text()
        assert not any(word in text for word in ("torch.load(", "pickle.", "np.load(")), file.name

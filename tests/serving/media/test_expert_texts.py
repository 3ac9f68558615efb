"""A server on a model that reads experts' texts: it makes them of what clients send, as Engine does."""

import asyncio
import base64

import pytest
import tiny_macaw
from prompt_embeds_server import prompt_embeds_server

from macaw_cli.basics.errors import InputError
from macaw_cli.config.backend_settings import BackendSettings
from macaw_cli.config.loading import open_workspace
from macaw_cli.inference.engine import Engine
from macaw_cli.model.folder import load_model
from macaw_cli.model.text.stock_template import stock_chat_template
from macaw_cli.serving.answers.answering import Question
from macaw_cli.serving.answers.question_requests import request_of
from macaw_cli.serving.requests.content_parts import MediaLimits, read_messages
from macaw_cli.serving.run import service_of

KINDS = {"image": "image/png", "audio": "audio/wav", "video": "video/mp4"}
FILES = {"image": "red.png", "audio": "blue.wav", "video": "film.mp4"}
QUESTION = {"type": "text", "text": "What is it?"}


def part(path, modality):
    url = f"data:{KINDS[modality]};base64,{base64.b64encode(path.read_bytes()).decode()}"
    return {"type": f"{modality}_url", f"{modality}_url": {"url": url}}


def parts(root, *modalities):
    return [*(part(root / "media" / FILES[name], name) for name in modalities), QUESTION]


def read(service, messages):
    """The conversation as the server's service reads it."""
    limits = MediaLimits(9, 1 << 20, service.modalities)
    return asyncio.run(service.media.read(read_messages(messages, "messages", limits)))


@pytest.fixture(scope="module", params=["beside", "instead"])
def run(request):
    return request.param


@pytest.fixture(scope="module")
def engine(told_workspace, run):
    return Engine.from_pretrained(told_workspace / "runs" / run, device="cpu", workspace=told_workspace)


@pytest.fixture(scope="module")
def told_server(make_server, told_workspace, run):
    model, limits = told_workspace / "runs" / run, {"max_media_seconds": 6}
    with make_server(model=model, model_name="tiny", device="cpu", **limits) as started:
        yield started


@pytest.mark.parametrize("modality", FILES)
def test_the_answer_is_that_of_the_engine(told_server, engine, told_workspace, modality):
    answer = told_server.chat(parts(told_workspace, modality), max_tokens=8)
    assert answer.status == 200
    media = {modality: told_workspace / "media" / FILES[modality]}
    assert answer.json["choices"][0]["message"]["content"] == engine.answer("What is it?", **media, max_new_tokens=8)
    request = engine._reader.request("What is it?", media)
    assert answer.json["usage"]["prompt_tokens"] == len(request.prompt)
    attached = engine._reader.attacher.attach(media[modality], modality)
    assert [one["text"] for one in answer.json["macaw"]["attachments"]] == [one.text for one in attached]


def test_several_media_make_the_ids_that_the_engine_reads(told_server, engine, told_workspace):
    content = parts(told_workspace, *FILES)
    conversation = read(told_server.service, [{"role": "user", "content": content}])
    question = Question(messages=conversation.messages, attachments=conversation.attachments)
    made = request_of(engine._reader.model, engine._reader.encoder, question, 8)
    media = {name: told_workspace / "media" / file for name, file in FILES.items()}
    assert made.prompt == engine._reader.request("What is it?", media).prompt


def test_media_in_a_later_turn_are_told_there(told_server, engine, told_workspace):
    earlier = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
    later = {"role": "user", "content": parts(told_workspace, "audio")}
    body = {"model": "tiny", "messages": [*earlier, later], "max_tokens": 2}
    assert told_server.call("POST", "/v1/chat/completions", body).status == 200
    service = told_server.service
    conversation = read(service, [*earlier, later])
    (medium,) = conversation.attachments
    question = Question(messages=conversation.messages, attachments=conversation.attachments)
    prompt = request_of(engine._reader.model, engine._reader.encoder, question, 2).prompt
    text = engine.tokenizer.decode([one for one in prompt if one < engine._reader.model.config.vocabulary_size])
    assert text.count(medium.text) == 1
    assert text.index("Hello") < text.index("Hi") < text.index(medium.text) < text.index("What is it?")


def test_a_soundtrack_whose_decoder_was_lost_is_asked_for_again(told_server, told_workspace, tmp_path, monkeypatch):
    decoders = told_server.service.media._decoders
    whole = decoders.decode

    async def lost(request):
        if request["modality"] == "audio":
            raise InputError(f"{request['name']} cannot be decoded: its decoder was ended.")
        return await whole(request)

    film = tmp_path / "film.mp4"  # another file than any that the server has seen
    film.write_bytes((told_workspace / "media/film.mp4").read_bytes() + b"\0\0\0\x08free")
    with monkeypatch.context() as patch:
        patch.setattr(decoders, "decode", lost)
        refused = told_server.chat([part(film, "video"), QUESTION])
    assert refused.status == 400 and refused.error["code"] == "invalid_media"
    answer = told_server.chat([part(film, "video"), QUESTION], max_tokens=2)
    assert [one["modality"] for one in answer.json["macaw"]["attachments"]] == ["video", "audio"]


def test_a_video_whose_soundtrack_alone_is_too_long_is_told_so(told_server, tmp_path):
    tiny_macaw.make_video(tmp_path / "long.mp4", with_audio=True, audio_seconds=8)
    refused = told_server.chat([part(tmp_path / "long.mp4", "video"), QUESTION])
    assert refused.status == 400 and refused.error["code"] == "media_too_large"


def test_the_texts_of_a_file_are_made_once(told_server, told_workspace):
    encoded = 'macaw_media_seconds_count{stage="encode"}'
    first = told_server.chat(parts(told_workspace, "audio")).json
    count = told_server.figure(encoded)
    again = told_server.chat(parts(told_workspace, "audio")).json
    assert again["macaw"] == first["macaw"]
    assert told_server.figure(encoded) == count


def test_the_model_says_which_media_it_can_be_told(told_server):
    (model,) = told_server.call("GET", "/v1/models").json["data"]
    assert model["modalities"] == ["image", "audio", "video"]


def test_limits_hold_for_what_experts_read(told_server, told_workspace, tmp_path):
    import soundfile

    soundfile.write(tmp_path / "long.wav", [0.0] * 16_000 * 7, 16_000)
    refused = told_server.chat([part(tmp_path / "long.wav", "audio"), QUESTION])
    assert refused.status == 400 and refused.error["code"] == "media_too_large"
    (tmp_path / "broken.mp4").write_bytes((told_workspace / "media/film.mp4").read_bytes()[:200])
    (tmp_path / "broken.png").write_bytes(b"nothing")
    for name, modality in (("broken.mp4", "video"), ("broken.png", "image"), ("broken.png", "audio")):
        refused = told_server.chat([part(tmp_path / name, modality), QUESTION])
        assert refused.status == 400 and refused.error["code"] == "invalid_media"


def test_another_experts_model_is_told_before_the_server_listens(told_workspace, tmp_path):
    import shutil

    import tiny_experts

    from macaw_cli.basics.errors import MismatchError

    copy = shutil.copytree(told_workspace, tmp_path / "copy")
    shutil.rmtree(copy / "models/clip")
    tiny_experts.make_clip(copy / "models/clip", seed=1)
    with pytest.raises(MismatchError, match="tags"):
        service_of(open_workspace(copy), copy / "runs/instead")


def test_another_server_that_runs_the_llm_is_sent_the_texts(make_server, told_workspace, tmp_path):
    model, processor = load_model(told_workspace / "runs/beside/model")
    model.language_model.save_pretrained(tmp_path / "llm")
    processor.tokenizer.chat_template = stock_chat_template(processor.encoder)
    processor.tokenizer.save_pretrained(tmp_path / "llm")
    engine = Engine.from_pretrained(told_workspace / "runs/beside", device="cpu", workspace=told_workspace)
    with prompt_embeds_server(tmp_path / "llm") as (url, _):
        options = {"model": told_workspace / "runs/beside", "model_name": "tiny", "device": "cpu"}
        with make_server(backend=BackendSettings(url=url), **options) as server:
            for modality, name in FILES.items():
                answer = server.chat(parts(told_workspace, modality), max_tokens=8).json
                media = {modality: told_workspace / "media" / name}
                assert answer["choices"][0]["message"]["content"] == engine.answer("What is it?", **media,
                                                                                   max_new_tokens=8)  # fmt: skip

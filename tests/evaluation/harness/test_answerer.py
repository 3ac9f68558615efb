"""Requests of evaluation harnesses: media in every form, many answers at once, likelihoods; without a harness."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from macaw_cli import Engine
from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.evaluation.harness.answerer import Asked, HarnessAnswerer, known_device, sampling_of
from macaw_cli.inference.media_forms import as_floats
from macaw_cli.inference.sampling import Sampling
from macaw_cli.media.decoding import decode

OPTIONS = {"max_new_tokens": 8, "do_sample": False, "temperature": 0}


@pytest.fixture(scope="module")
def answerer(workspace_folder):
    made = HarnessAnswerer(str(workspace_folder / "runs/tiny"), rows=3, workspace=str(workspace_folder), device="cpu")
    yield made
    made.close()


@pytest.fixture(scope="module")
def engine(workspace_folder):
    return Engine.from_pretrained(workspace_folder / "runs/tiny", workspace=workspace_folder)


@pytest.fixture(scope="module")
def media(workspace_folder):
    folder = workspace_folder / "media"
    named = {"image": "red.png", "audio": "beep.wav"}
    return {name: folder / file for name, file in named.items()} | {"video": next(folder.glob("*.mp4"))}


def user(*parts, text="What is it?"):
    return [{"role": "user", "content": [*parts, {"type": "text", "text": text}]}]


def answers(answerer, *conversations, **options):
    asked = [Asked(messages, OPTIONS | options) for messages in conversations]
    found = dict(answerer.answers(asked))
    return [found[number] for number in range(len(asked))]


@pytest.mark.parametrize("modality", ["image", "audio", "video"])
def test_an_answer_is_that_of_the_engine_to_the_same_file(answerer, engine, media, modality):
    part = {"type": modality, "url": str(media[modality])}
    (told,) = answers(answerer, user(part))
    assert told.text == engine.answer("What is it?", max_new_tokens=8, temperature=0, **{modality: media[modality]})
    assert told.text != engine.answer("What is it?", max_new_tokens=8, temperature=0)
    assert told.prompt_tokens > told.completion_tokens > 0


def test_media_in_memory_are_read_as_their_files(answerer, media):
    samples, rate = soundfile.read(media["audio"], dtype="float32")
    image = Image.open(media["image"])
    forms = [
        ("image", media["image"], image), ("image", media["image"], {"bytes": media["image"].read_bytes()}),
        ("audio", media["audio"], {"array": samples, "sampling_rate": rate}),
        ("audio", media["audio"], {"path": str(media["audio"]), "array": None}),
        ("audio", media["audio"], Decoder(samples, rate)),
        ("audio", media["audio"], {"array": np.round(samples * 32767).astype(np.int16), "sampling_rate": rate}),
    ]  # fmt: skip
    for modality, file, medium in forms:
        expected = answerer._media.attach(file, modality)[0]
        (found,) = answerer._media.attach(medium, "video")  # a harness calls samples a video
        assert found.modality == modality
        np.testing.assert_allclose(found.features, expected.features, atol=2e-3)


def test_eight_bit_samples_are_silent_in_the_middle_of_their_range():
    samples = np.array([0, 128, 192], np.uint8)
    np.testing.assert_array_equal(as_floats(samples), [-1.0, 0.0, 0.5])
    np.testing.assert_array_equal(as_floats(np.array([-(2**15), 0, 2**14], np.int16)), [-1.0, 0.0, 0.5])


class Decoder:
    """As `datasets` hands over audio."""

    def __init__(self, samples, rate):
        self.samples, self.rate = samples, rate

    def get_all_samples(self):
        return Samples(self.samples[None].repeat(2, axis=0), self.rate)


class Samples:
    def __init__(self, data, sample_rate):
        self.data, self.sample_rate = data, sample_rate


def test_frames_are_a_video_and_times_cut_one(answerer, media):
    (request,) = answerer._media._attacher.decodings(media["video"], "video")
    _, arrays = decode(request)
    whole = answerer._media.attach(str(media["video"]), "video")[0]
    frames = [Image.fromarray(frame) for frame in arrays["video"]]
    for given in (frames, arrays["video"]):
        (found,) = answerer._media.attach(given)
        np.testing.assert_allclose(found.features, whole.features, atol=2e-3)
    cut = answerer._media.attach({"url": str(media["video"]), "video_start": 0.0, "video_end": 0.1}, "video")[0]
    assert not np.allclose(cut.features, whole.features, atol=2e-3)


def test_many_are_answered_together_as_each_alone_and_a_wrong_one_has_its_error(answerer, media):
    image = {"type": "image", "url": str(media["image"])}
    missing = {"type": "image", "url": "nowhere.png"}
    asked = [user(image), user(), user(image, text="Where?"), user(missing), user(text="Why?")]
    together = answers(answerer, *asked)
    alone = [answers(answerer, one)[0] for one in asked]
    assert together == alone
    assert "nowhere.png" in together[3].error
    assert not any(told.error for told in (*together[:3], together[4]))


def test_an_answer_ends_at_until_and_at_the_end_of_the_context(answerer, media):
    (whole,) = answers(answerer, user())
    (cut,) = answers(answerer, user(), until=whole.text[3])
    assert cut.text == whole.text[: whole.text.index(whole.text[3])]
    (long,) = answers(answerer, user(text="a" * 600), max_new_tokens=5000)
    assert not long.error
    (too_long,) = answers(answerer, user(text="a" * 900))
    assert re.search(r"\d+ tokens.* 768 ", too_long.error)


def test_the_likelihood_of_an_answer_is_that_of_its_tokens_and_greedy_tells_the_generated_one(answerer, media):
    image = {"type": "image", "url": str(media["image"])}
    (told,) = answers(answerer, user(image))
    seen, blind = (answerer.log_likelihood(messages, "red") for messages in (user(image), user()))
    assert seen[0] != blind[0]
    assert seen[0] < 0
    assert not seen[1]
    better = answerer.log_likelihood(user(image), told.text)[0] / 9
    assert better > seen[0] / 4


def test_a_system_prompt_is_that_of_the_task_where_it_has_one(workspace_folder):
    made = HarnessAnswerer(str(workspace_folder / "runs/tiny"), workspace=str(workspace_folder), system="Be brief.")
    own = [{"role": "system", "content": [{"type": "text", "text": "Be long."}]}, *user()]
    messages = [[one["content"] for one in made._conversation(asked)[0] if one["role"] == "system"]
                for asked in (user(), own)]  # fmt: skip
    assert messages == [["Be brief."], ["Be long."]]
    made.close()


@pytest.mark.parametrize(("options", "sampling"), [
    ({}, Sampling(temperature=0)), ({"do_sample": True, "top_p": 0.9}, Sampling(temperature=1.0, top_p=0.9)),
    ({"temperature": 0.7}, Sampling(temperature=0.7)), ({"temperature": 0, "do_sample": True}, Sampling(temperature=0)),
    ({"temperature": 0.2, "do_sample": False}, Sampling(temperature=0)),
])  # fmt: skip
def test_options_of_tasks_are_those_of_transformers(options, sampling):
    assert sampling_of(options) == sampling


def test_what_cannot_be_is_refused(workspace_folder, tmp_path, answerer):
    with pytest.raises(UsageError, match="top_p"):
        sampling_of({"do_sample": True, "top_p": 7})
    with pytest.raises(InputError, match=re.escape(str(tmp_path))):
        HarnessAnswerer(str(tmp_path))
    with pytest.raises(UsageError, match="object"):
        answerer._media.attach(object())
    with pytest.raises(UsageError, match="colour"):
        answerer._media.attach({"colour": 1})
    with pytest.raises(InputError, match=r"https://example\.org/cat\.png"):
        answerer._media.attach({"url": "https://example.org/cat.png"}, "image")


def test_devices_are_named_as_harnesses_do(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert [known_device(name) for name in ("cuda:0", "cpu", None, "mps")] == ["auto", "cpu", "auto", "auto"]


def test_the_entry_point_of_the_package_can_be_loaded():
    import tomllib
    from importlib.metadata import EntryPoint

    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    ((name, value),) = project["entry-points"]["lmms_eval.models"].items()
    assert name == "macaw"
    assert callable(EntryPoint(name, value, "lmms_eval.models").load())

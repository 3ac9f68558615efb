"""A model trained with experts' texts: evaluation and chat give it the same texts, and nothing else may answer."""

import json
import shutil
from contextlib import closing
from functools import partial

import pytest
import tiny_experts

from macaw_cli.basics.errors import InputError, MismatchError, UsageError
from macaw_cli.chat.session import ChatSession
from macaw_cli.chat.telling import attachment_line
from macaw_cli.config.chat_settings import ChatSettings
from macaw_cli.config.loading import open_workspace
from macaw_cli.dataset.build import build_dataset
from macaw_cli.evaluation.harness.answerer import Asked, HarnessAnswerer
from macaw_cli.evaluation.run import evaluate_folder
from macaw_cli.export.run import export_model
from macaw_cli.inference.attachments import Attacher
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.expert_texts import ModelExperts
from macaw_cli.inference.file_reading import outcome_of
from macaw_cli.inference.given_media import GivenMedia
from macaw_cli.media.no_audio import NoAudio
from macaw_cli.media.size_limits import TooLarge
from macaw_cli.media.video import decode_apart
from macaw_cli.model.folder import load_model
from macaw_cli.model.model_encoders import ModelEncoders
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.training.run import train


@pytest.fixture(scope="module")
def root(told_workspace, tmp_path_factory):
    return shutil.copytree(told_workspace, tmp_path_factory.mktemp("told") / "workspace")


def attacher_of(root, run):
    folder, workspace = root / "runs" / run / "model", open_workspace(root)
    model, processor = load_model(folder)
    experts = ModelExperts.of(model.config, folder, workspace, "cpu")
    return model, processor, Attacher(model.config, ModelEncoders(model, processor, folder, workspace), experts)


def told(root):
    rows = [json.loads(line) for line in (root / "dataset/experts.jsonl").read_text().splitlines()]
    return {(row["modality"], row["key"]): row["text"] for row in rows}


def test_attached_files_get_the_texts_of_the_dataset(root):
    model, _, attacher = attacher_of(root, "beside")
    dataset, texts = TrainingDataset(root / "dataset"), told(root)
    for split in ("train", "val"):
        for row in dataset.conversations(split):
            attached = attacher.attach(root / row.media[0].source, row.media[-1].modality)
            assert {one.modality: one.text for one in attached} == {
                ref.modality: texts[ref.modality, ref.key] for ref in row.media
            }
            assert all(one.fed and one.soft_tokens for one in attached)
    assert set(model.config.modalities) == {"image", "audio", "video"}


def test_a_model_that_reads_texts_alone_has_no_bridges_and_is_fed_nothing(root):
    model, _, attacher = attacher_of(root, "instead")
    assert model.config.modalities == ()
    attached = attacher.attach(root / "media/film.mp4", "video")
    assert [(one.modality, one.soundtrack, one.fed, one.soft_tokens) for one in attached] == [
        ("video", False, False, 0), ("audio", True, False, 0),
    ]  # fmt: skip
    assert attached[1].text.startswith("Transcript: ") and all(len(one.text.split()) <= 4 for one in attached)
    assert repr(attached[0].text) in attachment_line(attached[0])
    assert attached[0].as_json()["text"] == attached[0].text


def test_a_chat_sends_the_text_that_training_saw(root):
    from macaw_cli.training.data.seen_example import seen_conversation

    for run, system in (("beside", "Answer from the texts."), ("instead", "")):
        model, processor, attacher = attacher_of(root, run)
        seen = seen_conversation(open_workspace(root), root / "dataset", "video-film", str(root / "runs" / run))
        ids, labels = seen.examples[0]
        session = ChatSession(model, processor.encoder, ChatSettings(max_new_tokens=4), 0)
        session.attach(attacher.attach(root / "media/film.mp4", "video"))
        assert list(session.ask("What is it?")) is not None
        prompt = [one for one, label in zip(ids, labels, strict=True) if label == -100]
        assert session.answer.prompt_tokens == len(prompt)
        text = processor.tokenizer.decode([one for one in prompt if one < model.config.vocabulary_size])
        assert "Transcript: " in text and "Second 0: " in text and system in text
        assert list(session.ask_blind()) is not None


def test_the_engine_of_python_makes_the_texts_too(root):
    engine = Engine.from_pretrained(root / "runs/instead", device="cpu", workspace=root)
    assert isinstance(engine.answer("What is it?", audio=root / "media/red.wav", max_new_tokens=3), str)


def test_frames_in_memory_and_clips_are_told_too(root):
    import numpy as np

    reader = Engine.from_pretrained(root / "runs/instead", device="cpu", workspace=root)._reader
    (frames,) = reader._attached({"video": np.zeros((9, 32, 32, 3), np.uint8)})
    assert (frames.modality, frames.fed) == ("video", False) and frames.text.startswith("Second 0: ")
    with closing(GivenMedia(reader.attacher)) as given:
        video, track = given.attach({"path": root / "media/film.mp4", "video_start": 0.1, "video_end": 0.4})
    assert video.text.startswith("Second 0: ") and track.text.startswith("Transcript: ")


def hearing_attacher(root):
    """Of a model that reads the transcripts of videos and nothing else of them."""
    model, processor, _ = attacher_of(root, "instead")
    config = type(model.config).from_dict(model.config.to_dict())
    config.expert_texts = {**config.expert_texts, "experts": config.expert_texts["experts"][:1]}
    folder, workspace = root / "runs/instead/model", open_workspace(root)
    return Attacher(config, ModelEncoders(model, processor, folder, workspace),
                    ModelExperts.of(config, folder, workspace, "cpu"))  # fmt: skip


def test_a_video_of_which_the_model_reads_nothing_is_refused(root):
    hears = hearing_attacher(root)
    assert hears.modalities == ["audio", "video"]
    assert [one.modality for one in hears.attach(root / "media/film.mp4", "video")] == ["audio"]
    with pytest.raises(NoAudio, match=r"silent\.mp4") as raised:
        hears.attach(root / "media/silent.mp4", "video")
    assert raised.value.hint


def test_what_is_wrong_with_a_video_that_is_only_heard_is_told_itself(root, tmp_path):
    (tmp_path / "broken.mp4").write_bytes((root / "media/film.mp4").read_bytes()[:200])
    with pytest.raises(InputError, match=r"broken\.mp4") as raised:
        hearing_attacher(root).attach(tmp_path / "broken.mp4", "video")
    assert not isinstance(raised.value, NoAudio)


@pytest.mark.parametrize("error", [InputError, TooLarge])
def test_a_soundtrack_whose_decoder_was_lost_or_that_is_too_long_is_no_missing_one(root, error):
    _, _, attacher = attacher_of(root, "instead")
    file = root / "media/film.mp4"

    def read(request, failure):
        if request["modality"] == "audio":
            raise failure
        return decode_apart(request)

    def attached(failure):
        return attacher.encode(file, "video", [outcome_of(partial(read, one, failure)) for one in requests])

    requests = attacher.decodings(file, "video")
    assert [one["modality"] for one in requests] == ["video", "audio"]
    with pytest.raises(error, match="film"):
        attached(error(f"{file} failed."))
    assert [one.modality for one in attached(NoAudio(f"{file} failed."))] == ["video"]


def test_a_harness_gives_the_texts_too(root):
    answerer = HarnessAnswerer(str(root / "runs/instead"), device="cpu", workspace=str(root))
    with closing(answerer):
        content = [{"type": "image", "url": str(root / "media/red.png")}, {"type": "text", "text": "What is it?"}]
        asked = Asked([{"role": "user", "content": content}], {"max_new_tokens": 6, "do_sample": False})
        ((_, told),) = answerer.answers([asked])
    engine = Engine.from_pretrained(root / "runs/instead", device="cpu", workspace=root)
    assert told.text == engine.answer("What is it?", image=root / "media/red.png", max_new_tokens=6)


def test_evaluation_swaps_and_removes_texts_with_their_media(root):
    workspace = open_workspace(root)
    figures = evaluate_folder(workspace, root / "runs/instead")
    rows = [json.loads(line) for line in (root / "runs/instead/evaluation/answers.jsonl").read_text().splitlines()]
    assert rows and all(row["told"] for row in rows) and {row["modality"] for row in rows} != {"text"}
    assert any(row["likelihood"]["real"] != row["likelihood"]["none"] for row in rows)
    assert figures["asked"]["dataset"] == TrainingDataset(root / "dataset").hash


def test_a_dataset_without_the_texts_is_refused(root, tmp_path):
    workspace = open_workspace(root, [f"dataset.out={tmp_path}/plain"])
    build_dataset(workspace)
    with pytest.raises(MismatchError, match="transcript"):
        evaluate_folder(open_workspace(root, [f"evaluation.data={tmp_path}/plain"]), root / "runs/instead")
    other = json.dumps([{"name": "transcript", "windows": 1}, tiny_experts.EXPERTS[1]])
    build_dataset(open_workspace(root, [f"dataset.out={tmp_path}/other", f"dataset.experts={other}"]))
    with pytest.raises(MismatchError, match="windows differs"):
        evaluate_folder(open_workspace(root, [f"evaluation.data={tmp_path}/other"]), root / "runs/instead")


def test_what_makes_no_texts_refuses_the_model(root):
    with pytest.raises(MismatchError, match=r"llm.*transcript, tags"):
        export_model(open_workspace(root, ["export.format=llm"]), root / "runs/beside")
    _, processor, attacher = attacher_of(root, "beside")
    with pytest.raises(MismatchError, match="experts' texts"):
        processor("What is it?", image_features=[attacher.attach(root / "media/red.png", "image")[0].features])


def test_another_model_in_the_place_of_the_experts_is_refused(root, tmp_path):
    copy = shutil.copytree(root, tmp_path / "copy")
    shutil.rmtree(copy / "models/clip")
    tiny_experts.make_clip(copy / "models/clip", seed=1)
    _, _, attacher = attacher_of(copy, "instead")
    with pytest.raises(MismatchError, match=r"tags.*weights"):
        attacher.attach(copy / "media/red.png", "image")
    shutil.rmtree(copy / "models/clip")
    _, _, attacher = attacher_of(copy, "instead")
    with pytest.raises(InputError, match="tags"):
        attacher.attach(copy / "media/red.png", "image")


def test_an_expert_of_datasets_alone_is_told_before_a_chat(root):
    model, _, _ = attacher_of(root, "instead")
    config = type(model.config).from_dict(model.config.to_dict())
    config.expert_texts = {"experts": [{"name": "nearest-caption", "modalities": ["image"], "options": {},
                                        "fingerprint": {}}]}  # fmt: skip
    with pytest.raises(InputError, match="nearest-caption"):
        ModelExperts.of(config, root, open_workspace(root), "cpu")


def test_media_are_not_swapped_in_training_where_their_texts_would_stay(root):
    with pytest.raises(UsageError, match="swap_negatives"):
        train(open_workspace(root, ["training.name=swapped", "training.swap_negatives=0.5"]))


def test_a_run_continues_with_the_same_texts_only(root):
    with pytest.raises(MismatchError, match=r"expert_texts.max_words"):
        train(open_workspace(root, ["training.name=beside", "expert_texts.system=Answer from the texts.",
                                    "expert_texts.max_words=9"]), resume=True)  # fmt: skip

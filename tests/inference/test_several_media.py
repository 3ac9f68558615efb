"""Several media in any turn: the prompt and the order of the features are the same in a dataset, in the chat, in Python
and in a server's request."""

import shutil
from itertools import product

import numpy as np
import pytest
import torch
from tiny_macaw import make_model

from macaw_cli import Engine
from macaw_cli.basics.atomic_files import write_jsonl
from macaw_cli.chat.turns import Turn, media_of, messages_of
from macaw_cli.config.loading import open_workspace
from macaw_cli.dataset.build import build_dataset
from macaw_cli.evaluation.asking.scoring import features_of, prompt_of
from macaw_cli.evaluation.evaluate import evaluate_model, figures_of
from macaw_cli.evaluation.questions.conditions import Asked, asked_per_medium
from macaw_cli.evaluation.questions.held_out import HeldOut
from macaw_cli.features.extract import extract
from macaw_cli.inference.conversations import conversation_request, in_training_order
from macaw_cli.inspection.dataset_text import write_conversations
from macaw_cli.modalities.table import MODALITIES
from macaw_cli.model.folder import load_model
from macaw_cli.serving.media.conversation import conversation_of
from macaw_cli.serving.requests.content_parts import Medium, Message
from macaw_cli.shards.training_dataset import TrainingDataset
from macaw_cli.training.data.batches import SequenceReader
from macaw_cli.training.data.swapped_tokens import runs_of
from macaw_cli.training.data.tokenised import example_rows
from macaw_cli.training.data.tokenising import encode_rows

FILES = {"image": ["red.png", "blue.png"], "audio": ["beep.wav"], "video": ["film.mp4", "silent.mp4"]}
OF = {name: modality for modality, names in FILES.items() for name in names}
TURNS = {
    "two images in one question": [(["red.png", "blue.png"], "Same?")],
    "the same image twice": [(["red.png", "red.png"], "Same?")],
    "an image in every turn": [(["red.png"], "What?"), (["blue.png"], "And now?"), (["red.png"], "And now?")],
    "nothing, then two": [([], "Hello"), (["blue.png", "red.png"], "Which?")],
    "all of them at once": [(["red.png", "beep.wav", "film.mp4"], "What?")],
    "a soundtrack with its video in its turn": [(["beep.wav"], "Loud?"), (["film.mp4"], "Louder?"), ([], "Sure?")],
    "the same video twice": [(["film.mp4"], "What?"), ([], "Sure?"), (["beep.wav", "film.mp4"], "The same?")],
    "videos in two turns": [(["film.mp4"], "What?"), (["silent.mp4"], "And now?")],
}


def row(turns, *, placed_first):
    """A conversation as a dataset has it; media of later turns have a place, those of the first one may have one."""
    content = {modality: [] for modality in MODALITIES}
    messages = []
    for number, (names, question) in enumerate(turns):
        for name in names:
            content[OF[name]].append(f"media/{name}")
        parts = [{"type": OF[name]} for name in names] if number or placed_first else []
        text = [*parts, {"type": "text", "text": question}] if parts else question
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": f"answer {number}"}]
    return {**{name: found for name, found in content.items() if found}, "messages": messages}


def compared():
    """Both images with both, whose answers change with either of them."""
    for first, second in product(FILES["image"], repeat=2):
        answer = "yes" if first == second else "no"
        messages = [{"role": "user", "content": "Same?"}, {"role": "assistant", "content": answer}]
        yield {"id": f"{first} {second}", "kind": "same", "choices": ["yes", "no"], "split": "val",
               "image": [f"media/{first}", f"media/{second}"], "messages": messages}  # fmt: skip


@pytest.fixture(scope="module")
def engine(workspace_folder):
    engine = Engine.from_pretrained(workspace_folder / "runs/tiny")
    engine._reader.encoder.max_length = engine.model.config.get_text_config().max_position_embeddings
    return engine


@pytest.fixture(scope="module")
def dataset(workspace_folder, tmp_path_factory):
    """Every conversation, with places in the first turn and without; and once more after being written as text."""
    root = tmp_path_factory.mktemp("several")
    for name in ("media", "models"):
        shutil.copytree(workspace_folder / name, root / name)
    shutil.copy(workspace_folder / "macaw.yaml", root)
    rows = [
        {"id": f"{name}{' (placed)' * placed}", "split": "val", **row(turns, placed_first=placed)}
        for name, turns in TURNS.items() for placed in (False, True)
    ]  # fmt: skip
    write_jsonl(root / "rows.jsonl", [*rows, *compared()])
    space = open_workspace(root, ['dataset.sources=["jsonl:rows.jsonl"]', 'dataset.leak_check="off"'])
    extract(space, ["media"])
    build_dataset(space)
    write_conversations(root / "dataset", root / "again.jsonl")
    again = open_workspace(root, ['dataset.sources=["jsonl:again.jsonl"]', 'dataset.leak_check="off"', "dataset.out=b"])
    build_dataset(again)
    return [TrainingDataset(root / "dataset"), TrainingDataset(root / "b")]


def stored(dataset, name, encoder):
    """Ids of the last question's prompt as training has them, and the features in order."""
    rows = [one for one in dataset.conversations("val") if one.id == name]
    tokens = encode_rows(dataset, rows, encoder)
    ids, labels = tokens.conversation(0)
    media = {name: [dataset.features(ref) for ref in rows[0].media if ref.modality == name] for name in MODALITIES}
    return ids[: runs_of(labels != -100)[-1][0]].tolist(), media


def answered(turns):
    """Turns of a chat, whose last question waits."""
    return [answer if number < len(turns) - 1 else None for number, answer in
            enumerate(f"answer {number}" for number in range(len(turns)))]  # fmt: skip


def in_chat(engine, turns, media):
    attach = engine._reader.attacher.attach
    asked = []
    for (names, question), said in zip(turns, answered(turns), strict=True):
        attached = [one for name in names for one in attach(media / name, OF[name])]
        asked.append(Turn(question, tuple(in_training_order(attached)), said))
    return conversation_request(engine.model, engine._reader.encoder, messages_of(asked), media_of(asked))


def in_python(engine, turns, media):
    messages = row(turns, placed_first=True)["messages"][:-1]
    files = {modality: [media / name for names, _ in turns for name in names if OF[name] == modality]
             for modality in MODALITIES}  # fmt: skip
    return engine._reader.request(messages, {name: found for name, found in files.items() if found})


def in_a_request(engine, turns, media):
    attach = engine._reader.attacher.attach
    messages, found = [], {}
    for (names, question), said in zip(turns, answered(turns), strict=True):
        parts = [Medium(OF[name], b"", "", name) for name in names]
        found |= {id(part): attach(media / part.place, part.modality) for part in parts}
        messages.append(Message("user", (*parts, question)))
        messages += [Message("assistant", (said,))] if said else []
    asked = conversation_of(messages, found)
    return conversation_request(engine.model, engine._reader.encoder, asked.messages, asked.attachments)


@pytest.mark.parametrize("asked", [in_chat, in_python, in_a_request])
@pytest.mark.parametrize("name", TURNS)
def test_what_is_asked_is_what_was_trained(engine, dataset, workspace_folder, name, asked):
    request = asked(engine, TURNS[name], workspace_folder / "media")
    for written in dataset:
        for label in (name, f"{name} (placed)"):
            ids, features = stored(written, label, engine._reader.encoder)
            assert list(request.prompt) == ids
            for modality, found in features.items():
                given = request.features.get(f"{modality}_features", [])
                assert len(given) == len(found)
                for one, other in zip(given, found, strict=True):
                    np.testing.assert_allclose(one.numpy(), other, atol=2e-2)


@pytest.mark.parametrize("bridge", ["linear", "macaw", "q-former", "resampler"])
def test_packed_in_one_sequence_each_conversation_has_the_loss_that_it_has_alone(dataset, bridge):
    folder = make_model(dataset[0].folder.parent, bridge, bridge=bridge)
    model, processor = load_model(folder)
    rows = dataset[0].conversations("val")
    tokens = encode_rows(dataset[0], rows, processor.encoder)
    reader = SequenceReader(dataset[0], example_rows(rows, tokens), tokens, torch.float32, config=model.config)

    def loss(examples):
        with torch.inference_mode():
            return model.eval()(**reader.read(examples).inputs(torch.device("cpu")), num_supervised=1).loss.item()

    chosen = [number for number, of in enumerate(tokens.numbers) if not rows[of].id.endswith("(placed)")][:7]
    assert loss(chosen) == pytest.approx(sum(loss([one]) for one in chosen), rel=1e-5)


def test_an_evaluation_swaps_each_image_for_the_one_that_changes_the_answer(engine, dataset):
    questions = evaluate_model(engine.model, engine._reader.encoder, dataset[0])
    given = {question.row.id: question.answers for question in questions if question.row.kind == "same"}
    for first, second in product(FILES["image"], repeat=2):
        other = {"red.png": "blue.png", "blue.png": "red.png"}
        answers = given[f"{first} {second}"]
        assert answers["swapped_1"] == given[f"{other[first]} {second}"]["real"]
        assert answers["swapped_2"] == given[f"{first} {other[second]}"]["real"]
    measured = figures_of("m", questions)["kinds"]["same"]["per_medium"]
    assert [(seen["paired"], seen["contrary"]) for seen in measured.values()] == [(4, 4), (4, 4)]


def test_one_medium_alone_is_swapped_with_its_features(engine, dataset):
    space, encoder = dataset[0], engine._reader.encoder
    (asked,) = [one for one in space.conversations("val") if one.id == "two images in one question"]
    twice = next(one for one in space.conversations("val") if one.id == "the same image twice")
    (item,) = asked_per_medium(0, asked, [None, (twice.media, True)])
    assert [ref.source for ref in item.media] == ["media/red.png", "media/red.png"]
    question = HeldOut(asked, space.messages(asked))
    prompt = prompt_of(item, question, encoder)
    assert prompt.input_ids == prompt_of(Asked(0, "real", asked.media), question, encoder).input_ids
    first, second = features_of(item.media, space, engine.model)["image_features"]
    assert torch.equal(first, second)


@pytest.mark.parametrize("name", TURNS)
def test_what_is_evaluated_is_what_was_trained(engine, dataset, name):
    encoder = engine._reader.encoder
    for label in (name, f"{name} (placed)"):
        ids, _ = stored(dataset[0], label, encoder)
        (found,) = [one for one in dataset[0].conversations("val") if one.id == label]
        question = HeldOut(found, dataset[0].messages(found))
        assert prompt_of(Asked(0, "real", found.media), question, encoder).input_ids == ids

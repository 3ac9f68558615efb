"""One conversation as a training sees it."""

import json

import pytest
import tiny_macaw

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.loading import open_workspace
from macaw_cli.model.losses import IGNORED
from macaw_cli.training.data.seen_example import nearest_ids, seen_conversation
from macaw_cli.training.reporting.shown_example import show_example


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    from macaw_cli.dataset.build import build_dataset
    from macaw_cli.features.extract import extract

    root = tiny_macaw.make_workspace(tmp_path_factory.mktemp("seen"))
    turn = [{"role": "user", "content": "What is [[this]]?"}, {"role": "assistant", "content": "red"}]
    rows = [{"id": "red-1", "image": ["red.png"], "messages": turn, "split": "train"}]
    (root / "talk.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    workspace = open_workspace(root, ["dataset.sources=[jsonl:talk.jsonl]", "features.max_reject_ratio=1"])
    extract(workspace, [str(root / "media")])
    build_dataset(workspace)
    return root


def test_it_is_what_the_training_reads(root):
    from macaw_cli.training.training_inputs import prepare

    workspace = open_workspace(root, ["dataset.sources=[jsonl:talk.jsonl]"])
    seen = seen_conversation(workspace, root / "dataset", "red-1")
    ids, labels = prepare(workspace).tokens.conversation(0)
    assert seen.examples == [(ids.tolist(), labels.tolist())]
    assert "".join(one.text for one in seen.segments[0] if one.supervised) == "red</s>"
    assert sum(one.tokens for one in seen.segments[0]) == len(ids)
    assert [one.text for one in seen.segments[0] if one.modality] == ["<image>", "", "</image>"]


def test_it_is_shown_with_brackets_in_a_pipe_and_as_json(root, capsys):
    seen = seen_conversation(open_workspace(root, []), root / "dataset", "red-1")
    show_example(seen, as_json=False)
    shown = capsys.readouterr().out
    assert "[[red</s>]]" in shown and "soft tokens)</image>" in shown
    show_example(seen, as_json=True)
    (example,) = json.loads(capsys.readouterr().out)["examples"]
    assert example["supervised"] == sum(label != IGNORED for label in example["labels"]) == 4


def test_a_trained_model_is_asked_with_its_own_template(root):
    workspace = open_workspace(root, ["llm="])
    seen = seen_conversation(workspace, root / "dataset", "red-1", str(root / "runs/tiny"))
    assert seen.model.endswith("runs/tiny/model") and seen.examples


def test_one_that_is_cut_is_left_out(root, capsys):
    seen = seen_conversation(open_workspace(root, ["training.max_length=20"]), root / "dataset", "red-1")
    show_example(seen, as_json=False)
    assert seen.examples == [] and "max_length=20" in capsys.readouterr().out


def test_without_an_llm_and_with_a_wrong_id_it_is_told(root):
    with pytest.raises(UsageError, match="`llm` is not set"):
        seen_conversation(open_workspace(root, ["llm="]), root / "dataset", "red-1")
    with pytest.raises(InputError, match="'red-2'") as caught:
        seen_conversation(open_workspace(root, []), root / "dataset", "red-2")
    assert "red-1" in caught.value.hint


def test_the_nearest_ids_are_found_among_many():
    ids = [f"item-{number:06d}" for number in range(50_000)]
    assert "item-012345" in nearest_ids("item-01234", ids)
    assert nearest_ids("x" * 300, ids) == []

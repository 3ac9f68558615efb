"""Every format on good and bad rows, read from real files."""

import json
import os
from pathlib import Path

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.fingerprints import sha256_file
from macaw_cli.basics.json_rows import json_rows
from macaw_cli.dataset.conversations import Origin, checked_conversation
from macaw_cli.dataset.formats.alpaca import from_alpaca
from macaw_cli.dataset.formats.canonical import from_canonical
from macaw_cli.dataset.formats.llava import from_llava
from macaw_cli.dataset.unread_keys import UnreadKeys

HERE = Origin(0, "rows.jsonl", 7)
USER, ANSWER = {"role": "user", "content": "What is it?"}, {"role": "assistant", "content": "A cat."}


CONVERT = {"jsonl": from_canonical, "alpaca": from_alpaca, "llava": from_llava}


def converted(name, row):
    return checked_conversation(CONVERT[name](row), HERE)


@pytest.mark.parametrize(
    "text",
    ['[{"a": 1}, {"a": 2}]', '{"data": [{"a": 1}, {"a": 2}]}', '{"data": [\n{"a": 1},\n{"a": 2}]}',
     '{"a": 1}\n{"a": 2}\n',
     '\ufeff{"a": 1}\r\n\r\n{"a": 2}', '\n  [\n{"a": 1},\n{"a": 2}\n]\n'],
)  # fmt: skip
def test_rows_are_found_however_the_file_lists_them(tmp_path, text):
    file = tmp_path / "rows.json"
    file.write_text(text, encoding="utf-8")
    assert [row for _, row in json_rows(file)] == [{"a": 1}, {"a": 2}]


def test_a_line_separator_inside_a_text_does_not_split_the_row(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"a": "x\u2028y\x85z"}\n', encoding="utf-8")
    assert list(json_rows(file)) == [(1, {"a": "x\u2028y\x85z"})]


@pytest.mark.parametrize("first", ["not json", '{"a": 1'])
def test_one_bad_line_is_a_reject_with_its_number_and_the_others_are_read(tmp_path, first):
    file = tmp_path / "rows.jsonl"
    file.write_text(f'{first}\n{{"a": 2}}\n')
    (number, error), good = json_rows(file)
    assert number == 1
    assert isinstance(error, InputError)
    assert "not valid JSON" in error.problem
    assert good == (2, {"a": 2})


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"hello\nworld\n", "not JSON"), (b'[{"a": 1}, {"a"', "not valid JSON"), (b"", "empty"), (b" \n", "empty"),
     (b'{"a":\n1}', "no list of rows"), (b"\xff\xfe\x00{", "not UTF-8"), (b"[1, 2", "not valid JSON")],
)  # fmt: skip
def test_a_file_that_is_no_such_list_is_told_by_name(tmp_path, content, reason):
    file = tmp_path / "rows.json"
    file.write_bytes(content)
    with pytest.raises(InputError, match=reason) as told:
        list(json_rows(file))
    assert str(file) in told.value.problem


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    with pytest.raises(InputError, match="There is no file"):
        json_rows(tmp_path / "nothing.json")
    with pytest.raises(InputError, match="is a folder"):
        json_rows(tmp_path)


def test_canonical_rows_keep_their_extra_keys():
    found = converted("jsonl", {"id": 3, "image": "a.jpg", "messages": [USER, ANSWER], "tags": ["unseen"], "weight": 2})
    assert (found.id, found.media["image"], found.extra) == ("3", ("a.jpg",), {"tags": ["unseen"], "weight": 2})


def test_a_row_without_id_is_named_by_file_and_row():
    assert converted("jsonl", {"messages": [USER, ANSWER]}).id == "rows.jsonl:7"


def test_text_parts_of_an_answer_become_text():
    answer = {"role": "assistant", "content": [{"type": "text", "text": "A "}, {"type": "text", "text": "cat."}]}
    assert converted("jsonl", {"messages": [USER, answer]}).messages[-1]["content"] == "A cat."


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": []}, "must be a list of messages"),
        ({"messages": [USER]}, "must take turns"),
        ({"messages": [ANSWER]}, "must take turns"),
        ({"messages": [USER, ANSWER, USER]}, "must take turns"),
        ({"messages": [USER, USER, ANSWER]}, "must take turns"),
        ({"messages": [{"role": "system", "content": "x"}]}, "must take turns"),
        ({"messages": [USER, ANSWER, {"role": "system", "content": "x"}]}, "only be the first"),
        ({"messages": [USER, {"role": "robot", "content": "x"}]}, "needs a role"),
        ({"messages": ["hi", ANSWER]}, "needs a role"),
        ({"messages": [USER, {"role": "assistant", "content": "  "}]}, "an answer, is empty"),
        ({"messages": [{"role": "user", "content": " "}, ANSWER]}, "a question, is empty"),
        ({"messages": [{"role": "user", "content": 3}, ANSWER]}, "must be text or a list"),
        ({"messages": [{"role": "user", "content": [{"type": "smell"}]}, ANSWER]}, "neither text nor"),
        ({"messages": [{"role": "user", "content": [{"type": "image", "url": "x"}]}, ANSWER]}, "holds only its type"),
        ({"messages": [USER, {"role": "assistant", "content": [{"type": "image"}]}]}, "only user messages"),
        ({"messages": [USER, ANSWER], "image": 3}, "`image` must be a file name"),
        ({"messages": [USER, ANSWER], "image": ["a", ""]}, "`image` must be a file name"),
        ({"messages": [USER, ANSWER], "kind": ""}, "`kind` must be text"),
        ({"messages": [USER, ANSWER], "split": "test"}, "`split` must be train or val"),
        ({"messages": [USER, ANSWER], "choices": "ab"}, "must be a list of texts"),
        ({"messages": [USER, ANSWER], "choices": ["A cat."]}, "two or more"),
        ({"messages": [USER, ANSWER], "choices": ["A cat.", "A cat."]}, "two or more"),
        ({"messages": [USER, ANSWER], "choices": ["A dog.", "A cow."]}, "not among its `choices`"),
        ({"messages": [USER, ANSWER], "id": 1.5}, "`id` must be"),
        ({"messages": [USER, {"role": "assistant", "content": "\ud800"}]}, "lone surrogate"),
        ({"conversations": []}, "read this file as llava:"),
        ({"instruction": "x", "output": "y"}, "read this file as alpaca:"),
    ],
)
def test_a_bad_row_is_told_with_its_reason(row, reason):
    with pytest.raises(InputError, match=reason):
        converted("jsonl", row)


def test_a_question_may_be_an_image_alone():
    assert converted("jsonl", {"image": "a.jpg", "messages": [{"role": "user", "content": ""}, ANSWER]}).messages


def test_alpaca_keeps_instruction_and_input_apart():
    found = converted("alpaca", {"instruction": "Add.", "input": "1 and 2", "output": "3"})
    assert found.messages[0]["content"] == [{"type": "text", "text": "Add."}, {"type": "text", "text": "\n\n1 and 2"}]
    plain = converted("alpaca", {"instruction": "Hello?", "input": "", "output": "Hi."})
    assert plain.messages == [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hi."}]


@pytest.mark.parametrize(
    ("name", "modality", "file"),
    [("COCO_train2014_000000000009.jpg", "image", "COCO_train2014_000000000009.jpg"), ("0A8CF", "video", "0A8CF.mp4")],
)
def test_the_id_of_a_published_row_names_its_medium(name, modality, file):
    found = converted("alpaca", {"id": name, "instruction": "What?", "response": "That."})
    assert found.media[modality] == (file,)
    assert sum(map(len, found.media.values())) == 1


@pytest.mark.parametrize("row", [{"output": "y"}, {"instruction": "x"}, {"instruction": 1, "output": "y"}, {}])
def test_an_alpaca_row_without_its_texts_is_told(row):
    with pytest.raises(InputError, match="needs text under"):
        converted("alpaca", row)


def turns(*values):
    return [{"from": ("human", "gpt")[number % 2], "value": value} for number, value in enumerate(values)]


def test_llava_placeholders_become_parts_where_they_stand():
    row = {"id": "x", "image": ["a.jpg", "b.jpg"], "conversations": turns("<image>\nLike\n<image> this?", "Yes.")}
    found = converted("llava", row)
    assert found.media["image"] == ("a.jpg", "b.jpg")
    assert found.messages[0]["content"] == [
        {"type": "image"}, {"type": "text", "text": "Like"}, {"type": "image"}, {"type": "text", "text": " this?"}
    ]  # fmt: skip


def test_llava_drops_an_answer_before_the_first_question_and_a_question_after_the_last_answer():
    row = {"conversations": [{"from": "gpt", "value": "Hi"}, *turns("Who?", "Me.", "Why?")]}
    assert [message["content"] for message in converted("llava", row).messages] == ["Who?", "Me."]


@pytest.mark.parametrize(
    "conversations", [None, [{"from": "cat", "value": "x"}], [{"from": "gpt"}], ["x"], [], {}, "x", 3,
                      [{"from": [], "value": "x"}], [{"from": {}, "value": "x"}], [{"from": "human", "value": []}],
                      [[{"from": "human", "value": "x"}]], [None]],
)  # fmt: skip
def test_llava_turns_that_are_none_are_told(conversations):
    with pytest.raises(InputError):
        converted("llava", {"conversations": conversations})


def test_the_shared_caption_file_reads_as_alpaca(pytestconfig):
    file = pytestconfig.rootpath.parent / "shared/annotations/coco_gpt4_qa_30x3.jsonl"
    if not file.exists():
        pytest.skip("the shared annotations are not here")
    found = [converted("alpaca", row) for _, row in json_rows(file)]
    assert len(found) == 90
    assert all(conversation.media["image"] for conversation in found)
    assert json.dumps(found[0].extra) == '{"type": "conv"}'


@pytest.mark.parametrize("key", ["images", "Image", "video_path", "audios"])
def test_a_misspelt_medium_is_not_taken_for_an_extra_key(key):
    with pytest.raises(InputError, match=f"unknown key `{key}`: list media under"):
        checked_conversation(
            {key: ["a.png"], "messages": [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "x"}]},
            HERE,
        )


def test_a_pipe_or_a_device_as_a_source_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "rows.jsonl")
    for path, kind in ((tmp_path / "rows.jsonl", "a pipe"), (Path("/dev/zero"), "a device")):
        with pytest.raises(InputError, match=f"is {kind}"):
            json_rows(path)
        with pytest.raises(InputError, match=f"is {kind}"):
            sha256_file(path)


DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000


@pytest.mark.parametrize("value", [[], {}, None, 3, True, "nobody"])
def test_a_turn_of_a_wrong_type_is_a_reject_and_the_rest_is_taken(tmp_path, build, value):
    good = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
    bad = [{"from": value, "value": "q"}, good[1]]
    rows = [{"id": "bad", "conversations": bad}, {"id": "good", "conversations": good}]
    (tmp_path / "c.json").write_text(json.dumps(rows))
    assert [build("llava:c.json").info["sources"][0][key] for key in ("train", "rejected")] == [1, 1]


def test_a_row_that_is_a_hundred_thousand_levels_deep_is_a_reject(tmp_path, build):
    good = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    (tmp_path / "c.jsonl").write_text(DEEP + "\n" + json.dumps(good) + "\n")
    assert [build("jsonl:c.jsonl").info["sources"][0][key] for key in ("train", "rejected")] == [1, 1]


def test_alpaca_rows_bring_their_system_prompt_and_history():
    row = {"instruction": "And doubled?", "output": "8", "system": "Numbers only.", "history": [["2+2?", "4"]]}
    talk = converted("alpaca", row)
    assert [(one["role"], one["content"]) for one in talk.messages] == [
        ("system", "Numbers only."), ("user", "2+2?"), ("assistant", "4"), ("user", "And doubled?"), ("assistant", "8"),
    ]  # fmt: skip
    assert talk.extra == {}


@pytest.mark.parametrize("history", ["text", [["a"]], [["a", 1]], {"a": "b"}])
def test_an_alpaca_history_of_another_form_is_a_reject(history):
    with pytest.raises(InputError, match="`history` must be a list of"):
        converted("alpaca", {"instruction": "a", "output": "b", "history": history})


def test_a_sharegpt_row_has_its_system_prompt_under_a_key_or_as_its_first_turn():
    turns = [{"from": "human", "value": "2+2?"}, {"from": "gpt", "value": "4"}]
    keyed = converted("llava", {"system": "Numbers only.", "conversations": turns})
    first = converted("llava", {"conversations": [{"from": "system", "value": "Numbers only."}, *turns]})
    assert keyed.messages == first.messages
    assert [one["role"] for one in keyed.messages] == ["system", "user", "assistant"]
    assert keyed.extra == {}
    with pytest.raises(InputError, match="one system prompt under `system` and another"):
        converted("llava", {"system": "Words.", "conversations": [{"from": "system", "value": "Numbers."}, *turns]})
    with pytest.raises(InputError, match="`system` must be text"):
        converted("llava", {"system": ["a"], "conversations": turns})


def unread_of(rows):
    unread = UnreadKeys()
    for row in rows:
        unread.add(converted("alpaca", row))
    return unread.warning()


def test_keys_with_text_that_nothing_reads_are_counted():
    rows = [
        {"instruction": "a", "output": "b", "tools": "[]", "tags": ["x"], "score": 3, "notes": {"en": "why"}},
        {"instruction": "a", "output": "b", "tools": "[]", "notes": "  "},
    ]
    told = unread_of(rows)
    assert "tools (2)" in told and "notes (1)" in told
    assert "tags" not in told and "score" not in told
    assert unread_of([{"instruction": "a", "output": "b"}]) == ""


@pytest.mark.parametrize(
    "bad", ["[" * 100_000 + "]" * 100_000, '{"a":' * 500 + "1" + "}" * 500, "nonsense", '{"a": "x",, "b": "],["}'],
    ids=["a list of 100,000 levels", "an object of 500", "a word", "a comma too many"],
)  # fmt: skip
def test_one_bad_row_of_a_list_is_a_reject_and_the_others_are_read(tmp_path, bad):
    file = tmp_path / "rows.json"
    file.write_text('[\n {"a": "1],[\\""}, ' + bad + ',\n {"a": [2, {"b": 3}]}\n]\n')
    first, (number, error), last = json_rows(file)
    assert (first, last) == ((1, {"a": '1],["'}), (3, {"a": [2, {"b": 3}]}))
    assert number == 2 and isinstance(error, InputError) and len(str(error)) < 300

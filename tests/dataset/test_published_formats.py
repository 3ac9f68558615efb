"""Every format, read from a file as it is published: one row of the table each, and what is wrong in such files."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from fake_store import load_source

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Settings
from macaw_cli.dataset.formats import registry
from macaw_cli.dataset.formats.beginning import Beginning
from macaw_cli.dataset.formats.entry import Format, of_json
from macaw_cli.dataset.rejects import Reject
from macaw_cli.dataset.source_specs import parse_sources

TURNS = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A cat."}]
CHAT = [{"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///m/a%20b.jpg"}},
                                     {"type": "text", "text": "What?"}]},
        {"role": "assistant", "content": "A cat."}]  # fmt: skip
QUESTIONS = {"info": {}, "task_type": "Open-Ended", "questions": [
    {"image_id": 9, "question": "Is it a cat?", "question_id": 9000},
    {"image_id": 9, "question": "How many?", "question_id": 9001},
    {"image_id": 9, "question": "Unanswered?", "question_id": 9002}]}  # fmt: skip
ANSWERS = {"annotations": [
    {"question_id": 9000, "image_id": 9, "answer_type": "yes/no", "multiple_choice_answer": "yes",
     "answers": [{"answer": text} for text in ["no"] * 4 + ["yes"] * 6]},
    {"question_id": 9001, "image_id": 9, "answer_type": "number", "answers": [{"answer": "2"}] * 10}]}  # fmt: skip
CHARADES = ('id,subject,scene,quality,relevance,verified,script,objects,descriptions,actions,length\n'
            '46GP8,HR43,Kitchen,6,7,Yes,"A person cooks, then eats.",food,A man cooks.;A man eats.,c092 1 2,24.83\n')
DIALOGS = {"type": "train", "dialogs": [
    {"image_id": "7UPGT", "caption": "c", "summary": "s", "dialog": [
        {"question": "Who?", "answer": "A man."}, {"question": "Where?", "answer": "At home."}]},
    {"image_id": "8UPGT", "dialog": [{"question": "Who?", "answer": "__UNDISCLOSED__"}]}]}  # fmt: skip
PROBLEM = {"question": "Which?", "choices": ["west", "east"], "answer": 1, "hint": "", "image": "image.png",
           "split": "train", "lecture": "l", "solution": "s"}
MACAW = {"data": [{"id": "COCO_train2014_000000000009.jpg", "instruction": "What?", "response": "A cat."},
                  {"id": "46GP8", "instruction": "What?", "response": "A man."}]}  # fmt: skip


def vqa(folder):
    (folder / "v2_mscoco_val2014_annotations.json").write_text(json.dumps(ANSWERS))
    (folder / "v2_mscoco_train2014_annotations.json").write_text("{}")


CASES = [
    # format, file name, content, options, expected (id, media, texts, kind, choices) of each good row, rejected rows
    ("llava", "l.json", [{"id": "1", "image": "a.jpg", "conversations": TURNS}], "",
     [("1", {"image": ("a.jpg",)}, ["<image>What?", "A cat."], None, None)], 0),
    ("sharegpt", "s.json", [{"images": ["a.jpg"], "videos": [], "conversations": TURNS},
                            {"conversations": [TURNS[0], {"from": "function_call", "value": "{}"}]}], "",
     [("s.json:1", {"image": ("a.jpg",)}, ["<image>What?", "A cat."], None, None)], 1),
    ("openai", "o.jsonl", {"messages": CHAT}, "",
     [("o.jsonl:1", {"image": ("/m/a b.jpg",)}, ["Be brief.", "<image>What?", "A cat."], None, None)], 0),
    ("macaw-llm", "coco.json", MACAW, "",
     [("COCO_train2014_000000000009.jpg", {"image": ("COCO_train2014_000000000009.jpg",)}, ["What?", "A cat."], None,
       None), ("46GP8", {"video": ("46GP8.mp4",)}, ["What?", "A man."], None, None)], 0),
    ("coco-vqa", "v2_OpenEnded_mscoco_val2014_questions.json", QUESTIONS, "",
     [("9000", {"image": ("COCO_val2014_000000000009.jpg",)}, ["Is it a cat?", "yes"], "yes-no", ["yes", "no"]),
      ("9001", {"image": ("COCO_val2014_000000000009.jpg",)}, ["How many?", "2"], "counting", None)], 1),
    ("charades", "Charades_v1_train.csv", CHARADES, "?text=script",
     [("46GP8", {"video": ("46GP8.mp4",)}, [None, "A person cooks, then eats."], "description", None)], 0),
    ("avsd", "train_set4DSTC7-AVSD.json", DIALOGS, "",
     [("7UPGT", {"video": ("7UPGT.mp4",)}, ["Who?", "A man.", "Where?", "At home."], "multi-turn", None)], 1),
    ("avsd", "a.json", DIALOGS, "?turns=single",
     [("7UPGT-1", {"video": ("7UPGT.mp4",)}, ["Who?", "A man."], "question-answer", None),
      ("7UPGT-2", {"video": ("7UPGT.mp4",)}, ["Where?", "At home."], "question-answer", None)], 1),
    ("scienceqa", "problems.json", {"4": PROBLEM, "5": {**PROBLEM, "split": "test"}, "6": {**PROBLEM, "answer": 2}},
     "", [("4", {"image": ("train/4/image.png",)},
       ["Question: Which?\nContext: N/A\nOptions: (A) west (B) east\nAnswer:", "B"], "multiple-choice",
       ["A", "B"])], 1),
    ("csv", "labels.csv", "\ufefffile,label,n\r\na.png,cat,1\r\nb.png,dog,2\r\n,dog\r\nc.png,,3\r\n",
     "?image=file&answer=label&question=What is it?&choices=cat|dog",
     [("labels.csv:1", {"image": ("a.png",)}, ["What is it?", "cat"], None, ["cat", "dog"]),
      ("labels.csv:2", {"image": ("b.png",)}, ["What is it?", "dog"], None, ["cat", "dog"])], 2),
    ("csv", "plain.tsv", "question\tanswer\timage\tkind\nWho?\tA \"man\".\ta.png\twho\n".replace('"', ""), "",
     [("plain.tsv:1", {"image": ("a.png",)}, ["Who?", "A man."], "who", None)], 0),
    ("csv", "alpaca.csv", "instruction,output\nAdd.,3\n", "", [("alpaca.csv:1", {}, ["Add.", "3"], None, None)], 0),
]  # fmt: skip


def write(path, content):
    if isinstance(content, str):
        path.write_bytes(content.encode())
    elif path.suffix == ".jsonl":
        path.write_text(json.dumps(content) + "\n")
    else:
        path.write_text(json.dumps(content))


@pytest.fixture
def load(tmp_path):
    def run(spec):
        (source,) = parse_sources([spec], Workspace(tmp_path, Settings()))
        return load_source(source, 0, tmp_path)

    return run


def texts(conversation):
    for message in conversation.messages:
        content = message["content"]
        yield content if isinstance(content, str) else "".join(
            part["text"] if part["type"] == "text" else f"<{part['type']}>" for part in content
        )


@pytest.mark.parametrize(
    ("name", "file", "content", "options", "expected", "rejected"), CASES, ids=[f"{one[0]} {one[1]}" for one in CASES]
)
def test_a_published_file_is_read(tmp_path, load, name, file, content, options, expected, rejected):
    vqa(tmp_path)
    write(tmp_path / file, content)
    taken, rejects = load(f"{name}:{file}{options}")
    assert len(rejects) == rejected
    for found, (key, media, said, kind, choices) in zip(taken, expected, strict=True):
        assert (found.id, found.kind, found.choices) == (key, kind, choices)
        assert {modality: names for modality, names in found.media.items() if names} == media
        assert [text if wanted else None for text, wanted in zip(texts(found), said, strict=True)] == said


@pytest.mark.parametrize(("name", "file", "content"), [case[:3] for case in CASES if case[4] and case[1] != "a.json"],
                         ids=[case[1] for case in CASES if case[1] != "a.json"])  # fmt: skip
def test_the_format_of_a_published_file_is_guessed_and_said(tmp_path, capsys, name, file, content):
    vqa(tmp_path)
    write(tmp_path / file, content)
    (source,) = parse_sources([file], Workspace(tmp_path, Settings()))
    assert source.format == name
    assert f"{file} is read as {name}" in capsys.readouterr().err


def test_every_format_of_the_registry_has_a_row_here_or_a_test_of_its_own():
    tested = {case[0] for case in CASES} | {"jsonl", "alpaca", "coco-captions", "parquet", "hf"}
    assert tested == {one.name for one in registry.BUILT_IN}


def test_a_file_of_no_known_or_of_several_formats_is_refused_with_the_candidates(tmp_path, monkeypatch):
    (tmp_path / "x.json").write_text('[{"a": 1}]')
    with pytest.raises(UsageError, match="recognised"):
        parse_sources(["x.json"], Workspace(tmp_path, Settings()))
    (tmp_path / "l.json").write_text(json.dumps([{"image": "a.jpg", "conversations": TURNS, "captions": ["x"]}]))
    with pytest.raises(UsageError, match="jsonl or llava"):
        parse_sources(["l.json"], Workspace(tmp_path, Settings()))


@pytest.mark.parametrize(("spec", "values"), [
    ("csv:l.csv?imge=file", ("imge", "image")), ("jsonl:l.csv?image=file", ("jsonl", "image")),
    ("csv:l.csv?image", ("image",)), ("csv:l.csv?image=a&image=b", ("twice",)), ("csv:l.csv?=a", ("=a",)),
])  # fmt: skip
def test_an_unknown_option_is_told_with_the_nearest_names(tmp_path, spec, values):
    with pytest.raises(UsageError) as told:
        parse_sources([spec], Workspace(tmp_path, Settings()))
    assert all(value in str(told.value) for value in values)


@pytest.mark.parametrize("spec", ["avsd:a.json?turns=three", "charades:a.csv?text=x", "scienceqa:p.json?split=dev"])
def test_an_impossible_value_of_an_option_is_told(load, spec):
    with pytest.raises(UsageError):
        load(spec)


def test_a_name_with_a_question_mark_is_a_file_where_it_is_there(tmp_path):
    (tmp_path / "a?b=c").write_text("{}")
    (source,) = parse_sources(["jsonl:a?b=c"], Workspace(tmp_path, Settings()))
    assert source.name == "a?b=c" and not source.options
    (source,) = parse_sources(["csv:t.csv?question=What%26?&answer=a#1#5"], Workspace(tmp_path, Settings()))
    assert source.options == {"question": "What&?", "answer": "a#1"} and source.count == 5


@pytest.mark.parametrize(("content", "options", "values"), [
    ("file,label\na,b\n", "?image=fil&answer=label&question=Q", ("fil", "file, label")),
    ("file,label\na,b\n", "?image=file", ("answer", "file, label")), ("answer\na\n", "", ("question",)),
    ("a,a\n1,2\n", "", ("twice",)), ("", "", ("empty",)), ("answer,question\n\"a\"b,c\n", "", ("line 2",)),
    (b"answer,question\n\xff,b\n", "", ("UTF-8",)),
])  # fmt: skip
def test_a_table_with_other_columns_is_told_in_one_line(tmp_path, load, content, options, values):
    (tmp_path / "t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as told:
        load(f"csv:t.csv{options}")
    assert "t.csv" in str(told.value) and all(value in str(told.value) for value in values)


@pytest.mark.parametrize("part", [
    {"type": "image_url", "image_url": {"url": "https://a/b.jpg"}}, {"type": "image_url", "image_url": "data:x"},
    {"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}}, {"type": "image_url", "image_url": {}},
    {"type": "refusal"}, "text",
])  # fmt: skip
def test_media_that_are_no_local_files_are_a_reject(tmp_path, load, part):
    write(tmp_path / "o.jsonl", {"messages": [{"role": "user", "content": [part]}, CHAT[2]]})
    taken, rejects = load("openai:o.jsonl")
    assert not taken and isinstance(rejects[0], Reject)


@pytest.mark.parametrize("messages", [
    [{"role": "tool", "content": "x"}], [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [{}]}],
    [], None, ["x"], [{"role": "cat", "content": "x"}], [{"role": "user", "content": None}],
])  # fmt: skip
def test_chats_that_call_tools_or_are_none_are_a_reject(tmp_path, load, messages):
    write(tmp_path / "o.jsonl", {"messages": messages})
    assert [len(one) for one in load("openai:o.jsonl")] == [0, 1]


def test_the_partner_of_a_vqa_file_is_found_from_either_side_or_named(tmp_path, load):
    vqa(tmp_path)
    write(tmp_path / "v2_OpenEnded_mscoco_val2014_questions.json", QUESTIONS)
    assert len(load("coco-vqa:v2_mscoco_val2014_annotations.json")[0]) == 2
    write(tmp_path / "q.json", QUESTIONS)
    with pytest.raises(InputError, match=r"annotations=FILE"):
        load("coco-vqa:q.json")
    assert len(load("coco-vqa:q.json?annotations=v2_mscoco_val2014_annotations.json")[0]) == 2
    with pytest.raises(InputError, match="no file"):
        load("coco-vqa:q.json?annotations=other.json")


def parquet_rows(path, rows):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa

    parquet.write_table(pa.Table.from_pylist(rows), path)


def test_parquet_is_read_by_columns_and_as_a_known_format(tmp_path, load):
    parquet_rows(tmp_path / "t.parquet", [{"f": "a.png", "n": number, "c": ["x", "y"]} for number in range(700)])
    taken, rejects = load("parquet:t.parquet?image=f&answer=n&question=How many?")
    assert len(taken) == 700 and not rejects
    assert taken[3].messages[1]["content"] == "3" and taken[3].media["image"] == ("a.png",)
    assert load("parquet:t.parquet?image=f&caption=c")[0][0].kind == "description"
    chat = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Me."}]
    parquet_rows(tmp_path / "m.parquet", [{"messages": chat, "kind": None}])
    assert load("parquet:m.parquet")[0][0].messages == chat
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "t.parquet").read_bytes()[:-20])
    for name in ("cut.parquet", "none.parquet"):
        with pytest.raises(InputError, match=name):
            load(f"parquet:{name}?image=f&caption=c")


NAN = float("nan")


@pytest.mark.parametrize(("beside", "taken"), [
    ({"when": datetime(2026, 1, 2, tzinfo=UTC), "day": date(2026, 1, 2), "price": Decimal("1.50")}, 1),
    ({"score": NAN}, 1), ({"score": float("inf")}, 0), ({"thumbnail": b"\xff\xd8"}, 0),
])  # fmt: skip
def test_values_of_tables_that_json_does_not_have_are_text_or_a_reject(tmp_path, load, beside, taken):
    chat = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Me."}]
    parquet_rows(tmp_path / "t.parquet", [{"messages": chat, **beside}])
    for count in ("", "#1"):
        found, rejects = load(f"parquet:t.parquet{count}")
        assert (len(found), len(rejects)) == (taken, 1 - taken)
    if "price" in beside:
        assert found[0].extra["price"] == "1.50" and found[0].extra["day"] == "2026-01-02"


@pytest.mark.parametrize(("answer", "said"), [(float("inf"), None), (date(2026, 1, 2), "2026-01-02"), (7.0, "7")])
def test_an_answer_of_a_table_is_written_out_or_a_reject(tmp_path, load, answer, said):
    parquet_rows(tmp_path / "t.parquet", [{"question": "When?", "answer": answer}])
    found, rejects = load("parquet:t.parquet")
    assert [one.messages[-1]["content"] for one in found] == [said] * (said is not None) and len(rejects) == (not said)


def test_a_table_with_a_column_twice_is_refused(tmp_path, load):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa

    parquet.write_table(pa.table([["q"], ["a"], ["b"]], names=["question", "answer", "answer"]), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="'answer' twice"):
        load("parquet:t.parquet")


@pytest.mark.parametrize("url", ["file://[bad/a.png", "http://[::1", "//[/a.png://"])
def test_a_url_in_a_chat_that_is_none_is_a_reject(tmp_path, load, url):
    part = {"type": "image_url", "image_url": {"url": url}}
    messages = [{"role": "user", "content": [part]}, {"role": "assistant", "content": "A cat."}]
    write(tmp_path / "o.jsonl", {"messages": messages})
    assert [len(one) for one in load("openai:o.jsonl")] == [0, 1]


def test_a_saved_dataset_is_read_without_decoding_its_images(tmp_path, load):
    datasets = pytest.importorskip("datasets")
    from hashlib import sha256

    rows = [{"picture": {"bytes": b"not an image", "path": "a.png"}, "label": "cat"}] * 3
    features = datasets.Features({"picture": datasets.Image(), "label": datasets.Value("string")})
    one = datasets.Dataset.from_list(rows, features=features)
    datasets.DatasetDict({"train": one, "test": one.select([0])}).save_to_disk(tmp_path / "saved")
    options = "?image=picture&answer=label&question=What?"
    taken, _ = load(f"hf:saved{options}")
    assert len(taken) == 3 and taken[0].media["image"] == (sha256(b"not an image").hexdigest()[:32],)
    assert len(load(f"hf:saved:test{options}#5")[0]) == 1
    with pytest.raises(InputError, match="train, test"):
        load(f"hf:saved:dev{options}")
    one.to_parquet(tmp_path / "folder" / "data.parquet") if (tmp_path / "folder").mkdir() is None else None
    assert len(load(f"hf:folder{options}")[0]) == 3


def test_a_dataset_that_cannot_be_read_is_told(tmp_path, load):
    pytest.importorskip("datasets")
    (tmp_path / "empty").mkdir()
    for name in ("empty", "nobody/nothing"):
        with pytest.raises(InputError, match=name):
            load(f"hf:{name}?answer=a&question=b")


@pytest.mark.parametrize(("name", "content", "taken", "rejected"), [
    ("a.jsonl", '\ufeff{"messages": M}\r\n\r\n{"messages": M}\r\n', 2, 0),
    ("a.jsonl", '{"messages": M, "score": NaN}\n{"messages": M}\n', 1, 1),
    ("a.json", '[{"messages": M},\n{"messages": M,},\n{"messages": M}]', 2, 1),
    ("a.jsonl", '{"messages": L}\n', 1, 0),
    ("a.jsonl", '{"image": "a.png", "captions": []}\n{"image": "a.png", "captions": [" "]}\n{"messages": M}\n', 1, 2),
])  # fmt: skip
def test_bad_input_is_read_or_rejected_never_a_crash(tmp_path, load, name, content, taken, rejected):
    pair = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Me."}]
    long = [pair[0], {"role": "assistant", "content": "word " * 20_000}]
    (tmp_path / name).write_bytes(content.replace("M", json.dumps(pair)).replace("L", json.dumps(long)).encode())
    found = load(f"jsonl:{name}")
    assert [len(one) for one in found] == [taken, rejected]
    if name == "a.json":
        assert "broken JSON at line 2" in found[1][0].reason


def test_a_long_field_of_a_table_is_read(tmp_path, load):
    (tmp_path / "t.csv").write_text("question,answer\nWho?," + "word " * 100_000 + "\n")
    assert len(load("csv:t.csv")[0]) == 1




def test_another_package_adds_a_format_by_an_entry_point(tmp_path, monkeypatch):
    ours = Format(name="otters", summary="rows of otters", read=of_json(lambda row: row))
    monkeypatch.setattr(registry, "plug_ins", lambda group: [("macaw-otters", ours)])
    assert list(registry.with_plug_ins())[-1] == "otters"
    for wrong in (3, Format(name="jsonl", summary="", read=ours.read)):
        monkeypatch.setattr(registry, "plug_ins", lambda group, wrong=wrong: [("macaw-otters", wrong)])
        with pytest.raises(UsageError, match="macaw-otters"):
            registry.with_plug_ins()


def test_guessing_never_fails_on_any_beginning(tmp_path):
    bare = Beginning(Path("x"), "", frozenset(), {})
    for row in ({}, {"messages": 3}, {"messages": [3]}, {"conversations": None}, {"captions": 0}):
        for one in registry.BUILT_IN:
            if one.looks_like:
                one.looks_like(Beginning(bare.path, ".json", bare.members, row))

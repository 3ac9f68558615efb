"""`README.md` of a dataset: written with it, replaced with it, and never in the place of a person's own."""

from fake_store import question, write_rows

from macaw_cli.reports.dataset_card import dataset_card, is_own_card
from macaw_cli.shards.dataset_lock import read_lock


def rows(tmp_path, count):
    write_rows(tmp_path / "a.jsonl", [question(f"images/{number}.png") for number in range(count)])


def test_the_card_is_a_function_of_the_lock(tmp_path, store, build):
    rows(tmp_path, 4)
    build("jsonl:a.jsonl")
    card = (tmp_path / "dataset/README.md").read_bytes()
    assert is_own_card(card) and card == dataset_card(read_lock(tmp_path / "dataset"))
    assert b"| image/what | 4 | 4 | 3.0 | 3.0 |" in card


def test_words_are_counted_by_source_kind_and_media(tmp_path, store, build):
    text = [{"role": "user", "content": "one two"}, {"role": "assistant", "content": "one"}]
    write_rows(tmp_path / "a.jsonl", [question("videos/0.mp4", "video"), question("videos/3.mp4", "video")])
    write_rows(tmp_path / "b.jsonl", [{"id": "t", "messages": text + text}, question("images/0.png", kind="k"),
                                      {**question("images/1.png"), "audio": ["audio/0.wav"]}])  # fmt: skip
    build("jsonl:a.jsonl", "jsonl:b.jsonl")
    lock = read_lock(tmp_path / "dataset")
    found = {name: [*one.values()] for name, one in lock["texts"]["media"].items()}
    assert found == {"video": [2, 2, 6, 6], "text": [1, 2, 4, 2], "image": [1, 1, 3, 3], "image+audio": [1, 1, 3, 3]}
    assert lock["texts"]["kinds"]["(no kind)"]["turns"] == 2
    assert [[*source["texts"].values()] for source in lock["sources"]] == [[2, 2, 6, 6], [3, 4, 10, 8]]


def test_another_build_replaces_the_card_that_nobody_has_touched(tmp_path, store, build):
    rows(tmp_path, 4)
    build("jsonl:a.jsonl")
    rows(tmp_path, 5)
    build("jsonl:a.jsonl")
    assert b"| image/what | 5 |" in (tmp_path / "dataset/README.md").read_bytes()


def test_a_card_that_somebody_edited_stays_and_is_told(tmp_path, store, build, capsys):
    rows(tmp_path, 4)
    build("jsonl:a.jsonl")
    edited = (tmp_path / "dataset/README.md").read_bytes().replace(b"license: unknown", b"license: mit")
    (tmp_path / "dataset/README.md").write_bytes(edited)
    rows(tmp_path, 5)
    build("jsonl:a.jsonl")
    assert (tmp_path / "dataset/README.md").read_bytes() == edited
    assert "README.md is a file that was written or changed by somebody" in capsys.readouterr().err
    assert build("jsonl:a.jsonl").up_to_date


def test_a_link_in_its_place_is_left_alone(tmp_path, store, build, capsys):
    rows(tmp_path, 4)
    build("jsonl:a.jsonl")
    (tmp_path / "mine.md").write_text("mine")
    (tmp_path / "dataset/README.md").unlink()
    (tmp_path / "dataset/README.md").symlink_to(tmp_path / "mine.md")
    rows(tmp_path, 5)
    build("jsonl:a.jsonl")
    assert (tmp_path / "mine.md").read_text() == "mine" and "a link" in capsys.readouterr().err


def test_a_source_of_several_files_names_each_with_its_hash(tmp_path, store, build):
    from datasets import Dataset

    Dataset.from_dict({"q": ["What?"], "a": ["That."]}).save_to_disk(str(tmp_path / "saved"))
    build("hf:saved?question=q&answer=a", max_reject_ratio=1.0)
    (source,) = read_lock(tmp_path / "dataset")["sources"]
    assert all((tmp_path / name).is_file() for name in source["files"])
    assert len(source["files"]) >= 3

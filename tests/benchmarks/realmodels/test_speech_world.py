"""What is said and asked: the same every time, with words and voices held out."""

import pytest

SIZES = {"train": 60, "heldout": 30}


def test_equal_seeds_say_and_ask_the_same_and_the_first_question_is_the_known_one():
    from speech_world import plan_utterances

    once, again = plan_utterances(SIZES), plan_utterances(SIZES)
    assert once == again
    assert once != plan_utterances(SIZES, seed=2)
    assert once[1]["train"][0] == {
        "id": "train-0-0", "audio": ["wav/train/00000.wav"], "kind": "word/seen", "split": "train",
        "messages": [
            {"role": "user", "content": "What word is spoken?"}, {"role": "assistant", "content": "pink"}
        ],
        "choices": ["bread", "carpet", "mirror", "pink", "rocket", "sixteen", "two", "window"],
    }  # fmt: skip


def test_held_out_words_and_voices_are_in_no_training_audio():
    from speech_world import HELD_OUT_VOICES, SEEN, TRAINING_VOICES, UNSEEN, plan_utterances

    utterances, rows = plan_utterances({"train": 400, "heldout": 90})
    training = [said for said in utterances if said.name.startswith("train")]
    assert not {word for said in training for word in said.text.split()} & set(UNSEEN)
    assert not set(UNSEEN) & set(SEEN)
    assert not set(TRAINING_VOICES) & set(HELD_OUT_VOICES)
    assert {said.voice for said in utterances[400:]} == set(HELD_OUT_VOICES)
    unseen = [row for row in rows["heldout"] if row["kind"] == "word/unseen"]
    assert len(unseen) == 30
    assert all(set(row["choices"]) <= set(UNSEEN) for row in unseen)


def test_every_answer_is_among_the_choices():
    from speech_world import plan_utterances

    asked = [row for rows in plan_utterances(SIZES)[1].values() for row in rows if "choices" in row]
    assert asked
    assert all(row["messages"][1]["content"] in row["choices"] for row in asked)


def test_without_the_speech_programs_their_names_and_the_way_to_install_them_are_told(monkeypatch, tmp_path):
    from speech_world import make_world

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"espeak-ng.*apt-get.*espeak-ng"):
        make_world(tmp_path / "world", 1, 1)
    assert not (tmp_path / "world").exists()

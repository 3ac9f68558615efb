import pytest

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.model.text.templates import alpaca_pieces, alpaca_prompt, joined, unplaced_media

WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
    "response that appropriately completes the request.\n\n### Instruction:\nAdd them.\n\n### Input:\n1 and 2\n\n"
    "### Response:"
)
WITHOUT_INPUT = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\nSing.\n\n### Response:"
)


def text_and_media(pieces):
    return [piece.text if piece.modality is None else f"<{piece.modality}>" for piece in joined(pieces)]


def test_the_alpaca_prompts_are_exact():
    assert alpaca_prompt("Add them.", "1 and 2") == WITH_INPUT
    assert alpaca_prompt("Sing.") == WITHOUT_INPUT


def test_a_question_becomes_the_prompt_and_its_answer_is_supervised_with_an_end():
    pieces = joined(alpaca_pieces([{"role": "user", "content": "Sing."}, {"role": "assistant", "content": "La."}], []))
    assert [(piece.text, piece.supervised, piece.ends) for piece in pieces] == [
        (WITHOUT_INPUT + "\n", False, False), ("La.", True, True),
    ]  # fmt: skip


def test_two_text_parts_are_instruction_and_input():
    parts = [{"type": "text", "text": "Add them."}, {"type": "text", "text": "\n\n1 and 2"}]
    assert text_and_media(alpaca_pieces([{"role": "user", "content": parts}], [])) == [WITH_INPUT + "\n"]


def test_media_without_position_stand_first_and_those_with_one_keep_it():
    parts = [{"type": "text", "text": "What is "}, {"type": "image"}, {"type": "text", "text": "?"}]
    texts = text_and_media(alpaca_pieces([{"role": "user", "content": parts}], ["audio", "video"]))
    assert texts[:2] == ["<audio>", "<video>"]
    assert texts[2].endswith("### Instruction:\nWhat is ")
    assert texts[3:] == ["<image>", "?\n\n### Response:\n"]


def test_later_turns_repeat_the_headings_without_the_preamble():
    turns = [("user", "Sing."), ("assistant", "La."), ("user", "More."), ("assistant", "Lala.")]
    texts = text_and_media(alpaca_pieces([{"role": role, "content": text} for role, text in turns], []))
    assert texts == [WITHOUT_INPUT + "\n", "La.", "\n\n### Instruction:\nMore.\n\n### Response:\n", "Lala."]


def test_a_system_message_stands_in_the_preambles_place():
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Sing."}]
    assert text_and_media(alpaca_pieces(messages, []))[0].startswith("Be kind.\n\n### Instruction:\nSing.")


def test_the_last_of_several_media_are_those_with_a_position():
    messages = [{"role": "user", "content": [{"type": "audio"}, {"type": "text", "text": "?"}]}]
    assert unplaced_media(messages, ["video", "audio", "audio"]) == ["audio", "video"]


def test_more_positions_than_media_are_told():
    with pytest.raises(MismatchError, match=r"1.*0"):
        unplaced_media([{"role": "user", "content": [{"type": "image"}]}], [])


def test_an_unknown_part_is_told():
    with pytest.raises(InputError, match="part of type 'smell'"):
        unplaced_media([{"role": "user", "content": [{"type": "smell"}]}], [])

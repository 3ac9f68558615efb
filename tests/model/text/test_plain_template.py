"""The plain template: `<image>caption` and a line end, the loss on both."""

from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.model.text.plain_template import plain_pieces
from macaw_cli.model.text.templates import joined


def told(pieces):
    return [(f"<{piece.modality}>" if piece.modality else piece.text, piece.supervised) for piece in joined(pieces)]


def turns(*texts):
    return [{"role": ("user", "assistant")[number % 2], "content": text} for number, text in enumerate(texts)]


def test_a_caption_stands_behind_its_image_and_nothing_else():
    system = {"role": "system", "content": "Be brief."}
    expected = [("<image>", False), ("A cat.", True), ("\n", True)]
    assert told(plain_pieces([system, *turns("Describe it.", "A cat.")], ["image"])) == expected
    placed = [{"type": "text", "text": "Describe "}, {"type": "image"}]
    assert told(plain_pieces(turns(placed, "A cat."), [])) == expected
    assert told(plain_pieces(turns("Describe it."), ["image"])) == expected[:1]


def test_other_questions_have_lines_of_their_own():
    assert told(plain_pieces(turns("One?", "1", "Two?", "2"), ["audio"])) == [
        ("<audio>", False), ("1", True), ("\n", True), ("Two?\n", False), ("2", True), ("\n", True),
    ]  # fmt: skip
    assert told(plain_pieces(turns("Say it.", "It."), [])) == [("Say it.\n", False), ("It.", True), ("\n", True)]


def test_ids_labels_and_stops_are_those_of_the_caption_and_its_end(workspace):
    from macaw_cli.training.training_inputs import prepare

    inputs = prepare(workspace(template="plain"))
    encoder, tokenizer = inputs.encoder, inputs.tokenizer
    assert isinstance(encoder, ConversationEncoder) and encoder.template == "plain"
    row = next(row for row in inputs.rows if row.media)
    media = [(ref.modality, ref.shape) for ref in row.media]
    encoded = encoder.encode(turns("What?", "red"), media)
    ends = tokenizer("\n", add_special_tokens=False)["input_ids"]
    answer = tokenizer("red", add_special_tokens=False)["input_ids"]
    assert [label for label in encoded.labels if label != -100] == answer + ends
    prompt = encoder.prompt(turns("What?"), media)
    assert encoded.input_ids == prompt.input_ids + answer + ends
    assert prompt.input_ids[0] == tokenizer.bos_token_id
    assert encoder.response_ids("red") == answer + ends
    assert ends[-1] in encoder.stop_ids()

"""A stage has a template of its own: its conversations are encoded in it, and the model is asked in the last one."""

from macaw_cli.model.folder import load_model
from macaw_cli.training.data.tokenised import example_rows
from macaw_cli.training.run import train
from macaw_cli.training.schedule.stages import plan_stages, with_swaps
from macaw_cli.training.training_inputs import prepare

STAGES = [
    {"name": "captions", "template": "plain", "swap_negatives": 0.5, "max_steps": 1},
    {"name": "talk", "template": "chat", "swap_negatives": 0.5, "max_steps": 1},
]


def test_each_stage_reads_the_same_conversations_in_its_template(workspace):
    space = workspace(stages=STAGES)
    inputs = prepare(space)
    assert inputs.encoder.template == "chat"
    plain, chat = inputs.ranges["", "plain"], inputs.ranges["", "chat"]
    assert len(plain) == len(chat) > 0 and plain.stop == chat.start
    rows = example_rows(inputs.dataset.conversations("train"), inputs.tokens)
    for one, other in zip(plain, chat, strict=True):
        assert rows[one] == rows[other]
        ids, labels = inputs.tokens.conversation(one)
        media = [(ref.modality, ref.shape) for ref in rows[one].media]
        encoded = inputs.encoders["plain"].encode(inputs.dataset.messages(rows[one]), media)
        assert (ids.tolist(), labels.tolist()) == (encoded.input_ids, encoded.labels)
    first, second = plan_stages(inputs, space.settings)
    trained = {example for step in first.steps for sequence in step.sequences for example in sequence}
    assert {example for example in trained if example < len(inputs.tokens)} <= set(plain)
    assert {swap.example for swap in second.swaps} <= set(chat)
    swapped = with_swaps(inputs, [first, second])
    for number, swap in enumerate([*first.swaps, *second.swaps], start=len(inputs.tokens)):
        ids, labels = swapped.tokens.conversation(number)
        ending = "\n" if swap.example in plain else inputs.tokenizer.eos_token
        learnt = inputs.tokenizer.decode(labels[labels != -100])
        assert learnt.endswith(ending) and swapped.tokens.lengths[number] == len(ids)


def test_the_model_keeps_the_template_of_the_last_stage(workspace):
    space = workspace(stages=STAGES)
    assert train(space).steps == 2
    _, processor = load_model(space.root / "runs" / "linear-1" / "model")
    assert processor.encoder.template == "chat"

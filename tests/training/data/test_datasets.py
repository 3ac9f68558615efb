"""Trainings on several datasets: planned and trained on as one, each with its weight, each stage with its own."""

from collections import Counter
from dataclasses import replace

import pytest

from macaw_cli.basics.errors import InputError, MismatchError, UsageError
from macaw_cli.config.weighted_folders import split_weight
from macaw_cli.training.run import train
from macaw_cli.training.schedule.stage_plan import plan_stage
from macaw_cli.training.schedule.stages import plan_stages
from macaw_cli.training.training_inputs import prepare


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two datasets of one set of encoders."""
    from tiny_world import make_world

    worlds = [make_world(tmp_path_factory.mktemp(name)) for name in ("one", "two")]
    return [str(world / "dataset") for world in worlds]


def times_taken(steps):
    return Counter(example for step in steps for sequence in step.sequences for example in sequence)


def test_a_weight_of_two_takes_each_conversation_twice_an_epoch_and_a_half_takes_half(workspace, folders):
    one, two = folders
    space = workspace(datasets=[f"{one}:2", f"{two}:0.5"], epochs=2, max_steps=None)
    inputs = prepare(space)
    assert len(inputs.tokens) == len(inputs.rows) == 120
    taken = times_taken(plan_stage(inputs, space.settings.training, 0))
    assert {taken[example] for example in range(60)} == {4}
    assert {taken[example] for example in range(60, 120)} == {1}


def test_conversations_and_their_rows_are_those_of_their_dataset(workspace, folders):
    inputs = prepare(workspace(datasets=folders))
    alone = prepare(workspace("alone", datasets=folders[1:]))
    for number in (0, 17, 59):
        assert inputs.rows[60 + number].id == alone.rows[number].id
        assert inputs.rows[60 + number].dataset == 1
        both = inputs.tokens.conversation(60 + number), alone.tokens.conversation(number)
        for ours, theirs in zip(*both, strict=True):
            assert ours.tolist() == theirs.tolist()
    counts = inputs.tokens.supervised_counts
    assert counts.tolist() == [int((inputs.tokens.conversation(n)[1] != -100).sum()) for n in range(120)]


def test_one_dataset_of_weight_one_is_planned_as_the_one_of_the_settings(workspace, folders):
    space = workspace(datasets=folders[:1])
    plain = replace(space.settings.training, datasets=())
    inputs = prepare(space)
    same = prepare(replace(space, settings=replace(space.settings, training=plain)))
    assert plan_stage(inputs, space.settings.training, 3) == plan_stage(same, plain, 3)


def test_a_training_on_two_datasets_runs_validates_on_both_and_continues(workspace, folders):
    space = workspace(datasets=[folders[0], f"{folders[1]}:1.5"], max_steps=3)
    report = train(space)
    assert report.steps == 3
    held_out = prepare(space).dataset.conversations("val")
    assert {row.dataset for row in held_out} == {0, 1}
    assert report.validation["overall"]["n"] > 0


def test_other_weights_do_not_continue_a_run(workspace, folders):
    from macaw_cli.training.checkpoints.resume_checks import require_same_settings
    from macaw_cli.training.run_folder import choose_run

    first, other = (workspace(datasets=[folders[0], f"{folders[1]}:{weight}"]) for weight in (1, 2))
    run = choose_run(first, resume=False).folder
    with pytest.raises(MismatchError, match=r"training\.datasets was"):
        require_same_settings(run, other.settings)


def test_stages_have_datasets_of_their_own(workspace, folders):
    stages = [{"name": "a", "datasets": [folders[1]]}, {"name": "b", "datasets": [f"{folders[0]}:0.5", folders[1]]}]
    space = workspace(stages=stages, epochs=1, max_steps=None)
    first, second = plan_stages(prepare(space), space.settings)
    numbers = prepare(space).ranges[folders[1], "alpaca"]
    assert set(times_taken(first.steps)) == set(numbers)
    assert sum(times_taken(second.steps).values()) == 60 + 30


def test_max_steps_counts_over_all_stages(workspace, folders):
    stages = [{"name": "a", "max_steps": 3}, {"name": "b"}, {"name": "c"}]
    space = workspace(stages=stages, max_steps=5, global_batch_size=1)
    planned = plan_stages(prepare(space), space.settings)
    assert [(stage.name, len(stage.steps)) for stage in planned] == [("a", 3), ("b", 2)]


@pytest.mark.parametrize("epochs", [0.25, 0.5, 1, 1.5, 2.75])
def test_fractions_of_an_epoch_are_exact(workspace, epochs):
    space = workspace(epochs=epochs, max_steps=None, global_batch_size=1, sequence_length=256)
    inputs = prepare(space)
    per_epoch = len(plan_stage(inputs, replace(space.settings.training, epochs=1.0), 0))
    steps = plan_stage(inputs, space.settings.training, 0)
    assert len(steps) == pytest.approx(epochs * per_epoch, abs=1)
    assert steps == plan_stage(inputs, replace(space.settings.training, epochs=3.0), 0)[: len(steps)]


def test_a_dataset_named_twice_is_refused(workspace, folders):
    space = workspace(datasets=[folders[0], f"{folders[0]}:2"])
    with pytest.raises(UsageError, match="is named twice"):
        plan_stages(prepare(space), space.settings)


def test_weights_that_leave_nothing_are_refused(workspace, folders):
    space = workspace(datasets=[f"{folders[0]}:0.001"], epochs=1)
    with pytest.raises(UsageError, match=r"0\.001 leave no conversations"):
        plan_stages(prepare(space), space.settings)


def test_a_missing_dataset_among_several_is_named(workspace, folders, tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        prepare(workspace(datasets=[folders[0], str(tmp_path / "nowhere:2")]))


@pytest.mark.parametrize("text", [":2", "data:0", "data:-1", "data:1e9"])
def test_impossible_weights_are_refused(text):
    with pytest.raises(UsageError):
        split_weight(text)


def test_a_colon_without_a_number_belongs_to_the_folder():
    assert split_weight("disk:data") == ("disk:data", 1.0)
    assert split_weight("disk:data:.5") == ("disk:data", 0.5)
    assert split_weight("data:1e-1") == ("data", 0.1)

"""The epoch plan: every conversation once, the same steps for every number of ranks, hardly any padding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macaw_cli.basics.errors import UsageError
from macaw_cli.training.data.epoch_plan import (
    PlannedStep,
    pack_best_fit,
    padding_share,
    plan_epoch,
    plan_hash,
    require_divisible,
)

LENGTHS = st.lists(st.integers(1, 64), min_size=1, max_size=300)


def plan(lengths, *, seed=0, epoch=0, budget=64, sequences=4) -> list[PlannedStep]:
    halves = [n // 2 for n in lengths]
    return plan_epoch(lengths, halves, seed=seed, epoch=epoch, token_budget=budget, global_batch_size=sequences)


@settings(max_examples=60)
@given(lengths=LENGTHS, sequences=st.integers(1, 8), seed=st.integers(0, 5), epoch=st.integers(0, 3))
def test_every_conversation_is_planned_exactly_once_within_the_budget(lengths, sequences, seed, epoch):
    steps = plan(lengths, seed=seed, epoch=epoch, sequences=sequences)
    assert sorted(e for step in steps for sequence in step.sequences for e in sequence) == list(range(len(lengths)))
    assert all(sum(lengths[e] for e in sequence) <= 64 for step in steps for sequence in step.sequences)
    assert sum(step.tokens for step in steps) == sum(lengths)
    assert sum(step.supervised_tokens for step in steps) == sum(n // 2 for n in lengths)


@settings(max_examples=40)
@given(lengths=LENGTHS, world_size=st.sampled_from([1, 2, 4, 8]))
def test_all_ranks_have_the_same_number_of_packed_sequences_in_every_step(lengths, world_size):
    for step in plan(lengths, sequences=8):
        shares = [step.sequences_of(rank, world_size) for rank in range(world_size)]
        assert {len(share) for share in shares} == {8 // world_size}
        assert sorted(sequence for share in shares for sequence in share) == sorted(step.sequences)


def test_a_plan_depends_on_seed_and_epoch_alone():
    lengths = [5 + n % 40 for n in range(500)]
    assert plan_hash(plan(lengths)) == plan_hash(plan(lengths))
    assert plan_hash(plan(lengths)) != plan_hash(plan(lengths, epoch=1))
    assert plan_hash(plan(lengths)) != plan_hash(plan(lengths, seed=1))


@settings(max_examples=25)
@given(
    seed=st.integers(0, 1000),
    spread=st.floats(0.0, 1.2),
    budget=st.sampled_from([512, 1024, 2048, 4096]),
    sequences=st.sampled_from([8, 16]),
)
def test_padding_stays_below_one_percent_at_1_2_and_8_ranks(seed, spread, budget, sequences):
    drawn = np.random.default_rng(seed).lognormal(np.log(90), spread, 3000)
    lengths = drawn.clip(20, budget // 2).astype(int).tolist()
    steps = plan(lengths, seed=seed, budget=budget, sequences=sequences)
    assert max(padding_share(steps, lengths, world_size) for world_size in (1, 2, 8)) < 0.01


def test_a_step_is_a_fair_sample_of_long_and_short_conversations():
    lengths = np.random.default_rng(0).lognormal(np.log(90), 0.5, 9000).clip(20, 256).astype(int).tolist()
    steps = plan(lengths, budget=512, sequences=8)[:-2]
    examples = np.array([step.examples for step in steps])
    assert examples.std() < 0.2 * examples.mean()


@pytest.mark.parametrize(("budget", "sequences"), [(440, 24), (2048, 8), (2048, 1)])
def test_a_step_is_as_fair_a_sample_as_a_shuffled_batch(budget, sequences):
    """Spread of lengths and supervised tokens inside a step, and of the share of a kind between steps."""
    rng = np.random.default_rng(1)
    count = 3000
    kinds = rng.integers(0, 3, count)
    text = rng.lognormal(np.log(90), 0.5, count).clip(20, 400).astype(int)
    lengths = np.array([0, 6, 40])[kinds] + text  # text, image and video
    supervised = (text * rng.uniform(0.1, 0.9, count)).astype(int)
    planned, drawn = [], []
    for epoch in range(30):
        steps = plan_epoch(
            lengths.tolist(), supervised.tolist(), seed=0, epoch=epoch, token_budget=budget, global_batch_size=sequences
        )
        planned += [[example for sequence in step.sequences for example in sequence] for step in steps]
        order, start = rng.permutation(count), 0
        for step in steps:
            drawn.append(order[start : start + step.examples])
            start += step.examples

    def spreads(batches):
        inside = [np.mean([values[batch].std() for batch in batches]) for values in (lengths, supervised)]
        return np.array([*inside, np.std([np.mean(kinds[batch] == 1) for batch in batches])])

    assert spreads(planned) == pytest.approx(spreads(drawn), rel=0.05)


def test_conversations_of_one_length_do_not_come_together():
    """Answers of two and of three tokens, as in a set of spoken words: no step has answers of one length only."""
    answers = [2 + number % 2 for number in range(600)]
    steps = plan_epoch([30 + n for n in answers], answers, seed=0, epoch=0, token_budget=512, global_batch_size=1)
    assert all(len({answers[example] for example in step.sequences[0]}) == 2 for step in steps)


def test_packed_sequences_are_full_to_the_brim():
    lengths = [20 + (n * 7919) % 180 for n in range(3000)]
    steps = plan(lengths, budget=2048, sequences=8)
    assert len(steps) <= -(-sum(lengths) // (8 * 2048)) + 1


def test_best_fit_takes_the_fullest_pack_that_has_room():
    assert pack_best_fit([0, 1, 2, 3], [6, 5, 4, 3], 10) == [(0, 2), (1, 3)]


def test_the_last_step_is_never_nearly_empty():
    steps = plan([10] * 61, budget=30, sequences=1)
    assert len(steps) == 21
    assert min(len(step.sequences[0]) for step in steps) == 2


def test_fewer_conversations_than_packed_sequences_leave_empty_packs():
    (step,) = plan([10, 10, 10], sequences=8)
    assert [len(sequence) for sequence in step.sequences].count(0) == 5
    assert step.examples == 3


def test_a_conversation_longer_than_the_budget_stands_alone():
    steps = plan([100, 5], budget=64, sequences=2)
    assert sorted(sequence for step in steps for sequence in step.sequences) == [(0,), (1,)]


def test_order_within_an_epoch_does_not_follow_length():
    lengths = list(range(1, 65)) * 40
    firsts = [max(lengths[e] for e in step.sequences[0]) for step in plan(lengths, sequences=2)]
    assert firsts != sorted(firsts, reverse=True)


def test_a_number_of_processes_that_does_not_divide_the_packed_sequences_is_refused_with_a_way_out():
    with pytest.raises(UsageError, match=r"global_batch_size.*8.*3.*global_batch_size=9"):
        require_divisible(8, 3)
    require_divisible(8, 4)

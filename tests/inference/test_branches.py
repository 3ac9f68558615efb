import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, MambaConfig

from macaw_cli.inference.branches import BranchRow, apart, branch_batch, branch_scores, plain_batch

VOCABULARY = 50


@pytest.fixture(scope="module")
def llm() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, initializer_range=0.5,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def alone(llm: LlamaForCausalLM, prompt: list[int], branch: list[int]) -> tuple[float, bool]:
    logits = llm(torch.tensor([prompt + branch])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
    tokens = torch.tensor(branch)
    return logits.gather(-1, tokens[:, None]).sum().item(), bool((logits.argmax(-1) == tokens).all())


def scored(llm, rows, batch):
    logits = llm(**batch.inputs(llm.device), logits_to_keep=batch.keep, use_cache=False).logits
    scores = branch_scores(rows, batch, logits)
    return [[(score.log_probability, score.greedy) for score in row] for row in scores]


def together(llm, rows: list[BranchRow]) -> list[list[tuple[float, bool]]]:
    return scored(llm, rows, branch_batch(rows))


tokens = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=6)


@settings(max_examples=25)
@given(st.lists(st.tuples(tokens, st.lists(tokens, min_size=1, max_size=4)), min_size=1, max_size=4))
def test_branches_in_one_row_score_as_each_does_alone(llm, rows):
    with torch.inference_mode():
        shared = together(llm, [BranchRow(prompt, branches) for prompt, branches in rows])
        for (prompt, branches), scores in zip(rows, shared, strict=True):
            for branch, (log_probability, greedy) in zip(branches, scores, strict=True):
                expected, expected_greedy = alone(llm, prompt, branch)
                assert log_probability == pytest.approx(expected, rel=1e-4, abs=1e-4)
                assert greedy == expected_greedy


@settings(max_examples=15)
@given(st.lists(st.tuples(tokens, tokens, tokens, st.lists(tokens, min_size=1, max_size=3)), min_size=1, max_size=3))
def test_answers_inside_a_prompt_score_as_each_does_behind_what_comes_before_it(llm, rows):
    laid = [
        BranchRow(first + answer + then, branches, spans=((len(first), len(first) + len(answer)),))
        for first, answer, then, branches in rows
    ]
    with torch.inference_mode():
        shared, plain = together(llm, laid), scored(llm, apart(laid), plain_batch(apart(laid)))
        of_rows = iter(plain)
        for (first, answer, _, branches), row, scores in zip(rows, laid, shared, strict=True):
            expected = [*(alone(llm, row.prompt, branch) for branch in branches), alone(llm, first, answer)]
            lone = [next(of_rows) for _ in branches]
            for found in (scores, [*(own[0] for own in lone), *lone[0][1:]]):
                (likely, greedy), (wanted, wanted_greedy) = zip(*found, strict=True), zip(*expected, strict=True)
                assert likely == pytest.approx(wanted, rel=1e-4, abs=1e-4)
                assert greedy == wanted_greedy


def test_an_answer_is_greedy_only_when_its_end_is_too(llm):
    with torch.inference_mode():
        prompt = [3, 1, 4]
        answer = llm.generate(
            torch.tensor([prompt]), max_new_tokens=4, do_sample=False, eos_token_id=None, pad_token_id=0,
            attention_mask=torch.ones(1, 3, dtype=torch.long),
        )[0, 3:].tolist()  # fmt: skip
        wrong_end = [*answer[:-1], (answer[-1] + 1) % VOCABULARY]
        scores = together(llm, [BranchRow(prompt, [answer, wrong_end])])[0]
    assert [greedy for _, greedy in scores] == [True, False]


def test_each_branch_in_a_row_of_its_own_suits_an_llm_that_carries_a_state(llm):
    torch.manual_seed(0)
    mamba = AutoModelForCausalLM.from_config(
        MambaConfig(vocab_size=VOCABULARY, hidden_size=32, state_size=4, num_hidden_layers=2, initializer_range=0.5)
    ).eval()
    rows = [BranchRow([3, 1, 4], [[5, 6], [7]]), BranchRow([2, 7], [[1, 8, 2, 8], [9, 9]])]
    for one in (llm, mamba):
        with torch.inference_mode():
            found = scored(one, apart(rows), plain_batch(apart(rows)))
            expected = [alone(one, row.prompt, branch) for row in rows for branch in row.branches]
        assert [score for ((score, _),) in found] == [pytest.approx(score, rel=1e-4, abs=1e-4) for score, _ in expected]
        assert [greedy for ((_, greedy),) in found] == [greedy for _, greedy in expected]

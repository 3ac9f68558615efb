import pytest
from hypothesis import given
from hypothesis import strategies as st

from macaw_cli.basics.errors import UsageError
from macaw_cli.model.bridges.windows import solve_windows, window_count


@pytest.mark.parametrize(
    ("tokens", "wanted", "published"), [(196, 5, (48, 36)), (1500, 6, (240, 220)), (1176, 39, (36, 30))]
)
def test_the_published_sizes_give_the_published_windows(tokens, wanted, published):
    assert solve_windows(tokens, wanted) == published
    assert window_count(tokens, *published) == wanted


@given(st.integers(1, 3000), st.data())
def test_every_possible_number_of_windows_is_met_exactly_and_no_token_lies_between_windows(tokens, data):
    wanted = data.draw(st.integers(1, tokens))
    kernel, stride = solve_windows(tokens, wanted)
    assert window_count(tokens, kernel, stride) == wanted
    assert stride >= 1
    assert kernel >= stride or wanted == 1


@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 100))
def test_windows_are_counted_as_torch_counts_them(tokens, kernel, stride):
    expected = len(range(0, tokens - kernel + 1, stride))
    assert window_count(tokens, kernel, stride) == expected


@given(st.integers(1, 100), st.integers(1, 100))
def test_more_windows_than_tokens_are_refused_with_both_numbers(tokens, more):
    with pytest.raises(UsageError, match=f"{tokens + more} .* {tokens} "):
        solve_windows(tokens, tokens + more)

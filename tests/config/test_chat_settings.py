"""Settings of `macaw chat` that contradict each other."""

import pytest

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.loading import parse_settings


@pytest.mark.parametrize("option", [{"top_p": 0.9}, {"top_k": 5}, {"min_p": 0.1}])
def test_an_option_of_sampling_is_refused_with_greedy_decoding(option):
    (name,) = option
    with pytest.raises(UsageError, match=rf"chat.temperature=0.*chat.{name}"):
        parse_settings({"chat": {"temperature": 0, **option}}, "test")
    assert getattr(parse_settings({"chat": {"temperature": 0.7, **option}}, "test").chat, name) == option[name]

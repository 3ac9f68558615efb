"""What is told of a quickstart that one of its commands has ended."""

import sys

import pytest

from macaw_cli.quickstart.run import QuickstartStopped


@pytest.mark.parametrize("code", [1, 129, 130, 143])
def test_a_command_that_ends_names_the_quickstart_as_it_was_typed_to_go_on(code, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["macaw", "quickstart", "my world", "--modalities", "series"])
    stopped = QuickstartStopped("train", code)
    assert stopped.exit_code == code
    assert "`macaw quickstart 'my world' --modalities series` continues" in stopped.hint
    assert ("exit code" in stopped.problem) == (code == 1)

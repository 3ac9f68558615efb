"""Commands to type: a shell takes them apart into just the words that were meant."""

import os
import subprocess
from pathlib import Path

import pytest

from macaw_cli.basics.shell_words import to_type

HOSTILE = ["plain", "two words", "$(touch x)`id`;&|", "it's", 'a"b', "-rf", "new\nline", "a\x1b[31mb\\'c", "caf\udce9",
           "ö猫", "\u202eabc", "\x9b5m", "*", "~", ""]  # fmt: skip


@pytest.mark.parametrize("word", HOSTILE)
def test_bash_reads_back_just_this_word(word, tmp_path):
    line = to_type("printf", "%s", word)
    told = subprocess.run(["bash", "-c", line], capture_output=True, check=True, cwd=tmp_path)
    assert told.stdout == os.fsencode(word)
    assert line.isprintable() and list(tmp_path.iterdir()) == []


def test_a_path_that_begins_with_a_hyphen_is_no_option():
    assert to_type("macaw", "chat", Path("-rf")) == "macaw chat ./-rf"
    assert to_type("macaw", "--resume", Path("a b")) == "macaw --resume 'a b'"

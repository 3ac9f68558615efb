"""Markdown of answers in a terminal: all text is there, and a growing answer is cut into blocks that stay."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from macaw_cli.basics.markdown_text import markdown, split_blocks

ANSWER = """\
# Title

One *word* and
a second line.

1. first
2. second

| a | b |
|---|---|
| 1 | 2 |

```python
print(1)

print(2)
```

> said
"""


def drawn(text, width=60):
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(markdown(text))
    return out.getvalue()


def test_marks_are_drawn_and_line_breaks_stay():
    assert "One word and\na second line." in "\n".join(line.rstrip() for line in drawn(ANSWER).splitlines())
    assert "print(2)" in drawn(ANSWER) and "*word*" not in drawn(ANSWER)


@pytest.mark.parametrize("text", ["<think>why</think>", "<image>", "a <b>c</b> &", "<!-- x -->", "[1] and :cat:"])
def test_what_looks_like_html_or_markup_is_text(text):
    assert text in drawn(text)


def test_the_target_of_a_link_is_shown_and_never_hidden():
    out = io.StringIO()
    Console(file=out, width=80, force_terminal=True).print(markdown("[bank](https://evil.example/x)"))
    assert "https://evil.example/x" in out.getvalue()
    assert "\x1b]8" not in out.getvalue()


def test_all_but_the_last_block_are_finished():
    assert split_blocks("one\ntwo\n\nthree") == ("one\ntwo\n\n", "three")
    assert split_blocks("one\n") == ("", "one\n")
    assert split_blocks("") == ("", "")
    assert split_blocks("a\n\n```\nb\n\nc") == ("a\n\n", "```\nb\n\nc")
    assert split_blocks("- a\n\n- b") == ("", "- a\n\n- b")


@pytest.mark.parametrize("size", [1, 3, 7])
def test_blocks_that_were_finished_early_are_those_of_the_whole(size):
    finished, rest = [], ""
    for at in range(0, len(ANSWER), size):
        done, rest = split_blocks(rest + ANSWER[at : at + size])
        finished.append(done)
    assert "".join(finished) + rest == ANSWER
    apart = [drawn(block).strip("\n") for block in [*finished, rest] if block.strip()]
    assert [line for block in apart for line in block.splitlines() if line.strip()] == [
        line for line in drawn(ANSWER).splitlines() if line.strip()
    ]


@given(st.text(alphabet="ab`*_#-1.>|[]()<>\n \\~", max_size=80))
def test_no_text_is_lost_between_blocks(text):
    done, rest = split_blocks(text)
    assert done + rest == text
    drawn(text)

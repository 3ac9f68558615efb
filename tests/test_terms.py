"""The project writes the field's terms; words that stood in their place do not return."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OF_THE_WORLD = "macaw_cli/quickstart/"  # its questions, sounds and captions are data that the tiny LLM was trained on
IN_DATA = ("filters/content_words.py", "filters/refusals.py")  # words of other people's conversations
INSTEAD = {
    r"pack_tokens|packs_per_step|packs?(?=\b|_)": ("packed sequence, sequence_length, global_batch_size", (
        "LENGTH.pack", "bitsandbytes packs", "pack_best_fit", "Pack every",
    )),
    r"films?": ("video", (OF_THE_WORLD,)),
    r"pictures?": ("image; of a figure: plot", (OF_THE_WORLD, "<picture>", "</picture>", *IN_DATA)),
    r"sounds?": ("audio", (
        OF_THE_WORLD, "speech, music and other sound", "Environmental Sound Classification", *IN_DATA,
    )),
    r"null[ _]media": ("null features", ("kwargs.pop", "FLAG")),  # the key of earlier model folders
    r"tag_ids": ("begin_end_ids", ("kwargs.pop", "FLAG", "published/config.py")),  # of earlier and of published models
    r"learnt": ("supervised, of tokens and answers; learned", ("nothing can be learnt",)),
    r"no numbers|is no number": ("NaN or infinite, non-finite", ()),
    r"isolat\w+": ("block-diagonal attention", (
        "no-build-isolation", '"isolated"', '"Isolated"', "unicode-bidi", "isolation_level=None",
    )),
}  # fmt: skip
"""A pattern of whole words, what to write, and parts of a path or line where the word means something else."""
FILES = [
    path for path in sorted((ROOT / "macaw_cli").rglob("*"))
    if path.suffix in {".py", ".jinja", ".yaml"}
]  # fmt: skip


@pytest.mark.parametrize("pattern", INSTEAD)
def test_no_earlier_word_stands_for_a_term(pattern):
    write, meant_otherwise = INSTEAD[pattern]
    word = re.compile(rf"(?<![A-Za-z])({pattern})(?![A-Za-z])", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in FILES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if word.search(line) and not any(part in f"{path.relative_to(ROOT)}: {line}" for part in meant_otherwise)
    ]
    assert found == [], f"write {write}"

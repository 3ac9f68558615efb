"""The table of modalities: what follows from it, and that nobody else lists them."""

import ast
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import macaw_cli
from macaw_cli.modalities.table import BUILT_IN, TABLE, named_in, token_ids

PACKAGE = Path(macaw_cli.__file__).parent
COLLECTIONS = (ast.Tuple, ast.List, ast.Set)
FIXED = (
    "quickstart/", "export/importing/published/config.py", "export/model_card.py", "reports/dataset_card.py",
    "dataset/generation/",
    "dataset/descriptions.py", "dataset/formats/llava.py", "export/formats/stock/card.py", "export/gguf/",
    "export/llm_files.py", "export/onnx/folder.py", "evaluation/harness/", "config/experts/table.py",
)  # fmt: skip
"""The quickstart's world, Macaw-LLM's checkpoints and LLaVA's format have these three, whatever is added; a model card
and questions about a caption have words for them, and one for all others; a hosted LLM is shown these alone; programs
of others, for which an export is written or which ask a model, know some of them, and so does an expert."""


@given(st.integers(1, 10**6), st.lists(st.text("abc", min_size=1), unique=True))
def test_every_id_stands_for_one_thing_and_all_lie_behind_the_vocabulary(vocabulary, names):
    ids = token_ids(vocabulary, names)
    every = [*ids.soft.values(), *(one for pair in ids.begin_end.values() for one in pair), *ids.null.values()]
    assert sorted(every) == list(range(vocabulary, vocabulary + 4 * len(names)))


def test_the_ids_of_saved_models_stay_as_they_are():
    assert named_in([]) == ["image", "audio", "video"]
    assert named_in(["series"]) == ["image", "audio", "video", "series"]
    ids = token_ids(100, named_in(["audio"]))
    assert ids.soft == {"image": 100, "audio": 101, "video": 102}
    assert ids.null == {"image": 109, "audio": 110, "video": 111}
    assert ids.begin_end == {"image": [103, 104], "audio": [105, 106], "video": [107, 108]}


def test_an_extension_belongs_to_one_modality():
    every = [extension for row in TABLE.values() for extension in row.extensions]
    assert len(every) == len(set(every))
    assert all(extension == extension.lower() and extension.startswith(".") for extension in every)


def test_nobody_else_lists_modalities():
    """A list or a mapping of several of them would have to be found and changed when the table grows."""
    found = []
    for file in PACKAGE.rglob("*.py"):
        place = str(file.relative_to(PACKAGE))
        if "modalities" in file.parts or place.startswith(FIXED):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            listed = node.elts if isinstance(node, COLLECTIONS) else node.keys if isinstance(node, ast.Dict) else ()
            named = {one.value for one in listed if isinstance(one, ast.Constant)} & {row.name for row in BUILT_IN}
            if len(named) > 1:
                found.append(f"{place}:{node.lineno}")
    assert found == []


def test_one_medium_is_told_in_the_singular():
    told = {row.name: row.singular for row in BUILT_IN}
    assert told["audio"] == "audio file"
    assert all(row.plural in (row.singular, f"{row.singular}s") for row in BUILT_IN)

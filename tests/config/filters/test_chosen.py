"""`dataset.filters`: filters by name or with options, checked without numpy."""

import subprocess
import sys

import pytest
import yaml

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.filters.caption_words import CaptionWordsSettings
from macaw_cli.config.filters.length import LengthSettings
from macaw_cli.config.filters.table import TABLE
from macaw_cli.config.loading import parse_settings, settings_yaml

NEEDS = {"blind-answerable": {"model": "llm"}}


def chosen(filters):
    return parse_settings({"dataset": {"filters": filters}}, "").dataset.filters


@pytest.mark.parametrize("name", TABLE)
def test_a_filter_is_chosen_by_its_name_with_its_defaults(name):
    options = NEEDS.get(name, {})
    assert chosen([{"name": name, **options}]) == (TABLE[name].settings(**options),)
    assert TABLE[name].name == name


def test_names_and_options_mix_in_the_order_given_and_one_needs_no_brackets():
    assert chosen(["length", {"name": "caption-words", "as_published": True}]) == (
        LengthSettings(),
        CaptionWordsSettings(as_published=True),
    )
    assert chosen("length") == chosen({"name": "length"}) == chosen(["length"])
    assert chosen([]) == ()


def test_written_settings_read_back_to_the_same():
    settings = parse_settings({"dataset": {"filters": ["length", {"name": "near-duplicates", "threshold": 0.9}]}}, "")
    assert parse_settings(yaml.safe_load(settings_yaml(settings)), "") == settings


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        (["lenght"], ("`dataset.filters.0.name`", "did you mean `length`")),
        (["length", {"name": "refusals", "negations": True}], ("unknown key `dataset.filters.1.negations`", "phrases")),
        ([{"name": "length", "max_answer_word": 3}], ("`dataset.filters.0.max_answer_word`", "max_answer_words")),
        ([{"min_answer_words": 3}], ("`dataset.filters.0.name`", "found None")),
        ([3], ("`dataset.filters.0.name`", "found 3")),
        (["length", "refusals", {"name": "length"}], ("`dataset.filters`", "length twice")),
        (["blind-answerable"], ("`dataset.filters.0`", "needs `model`")),
        ([{"name": "length", "min_answer_words": -1}], ("`dataset.filters.0.min_answer_words`", "found -1")),
        ([{"name": "length", "min_answer_words": 2000}], ("`dataset.filters.0`", "2000", "1024")),
        ([{"name": "language", "language": "English"}], ("`dataset.filters.0.language`", "English")),
    ],
)
def test_what_is_wrong_is_told_with_its_key(filters, told):
    with pytest.raises(UsageError) as caught:
        chosen(filters)
    assert all(part in caught.value.problem for part in told)


def test_the_settings_of_filters_import_neither_numpy_nor_torch():
    code = (
        "import sys; from macaw_cli.config.loading import parse_settings;"
        "parse_settings({'dataset': {'filters': ['length']}}, '');"
        "print([name for name in ('numpy', 'torch', 'datasketch', 'py3langid') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

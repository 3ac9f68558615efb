"""The `generation_config.json` of a model folder, checked before text is generated with it."""

import json

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.encoders.generation_file import NAME, require_usable_generation


@pytest.mark.parametrize(
    "content",
    [{}, {"eos_token_id": 2}, {"eos_token_id": [2, 3], "pad_token_id": -1, "temperature": None, "top_k": 50},
     {"do_sample": True, "temperature": 0.6, "top_p": 0.9, "anything": ["else"]}],
)  # fmt: skip
def test_what_models_bring_is_taken(tmp_path, content):
    (tmp_path / NAME).write_text(json.dumps(content))
    require_usable_generation(tmp_path)


def test_a_folder_without_one_or_a_hub_id_is_no_trouble(tmp_path):
    require_usable_generation(tmp_path)
    require_usable_generation(tmp_path / "owner" / "name")


@pytest.mark.parametrize(
    ("content", "named"),
    [([], "JSON object"), ({"eos_token_id": "x"}, "eos_token_id"), ({"eos_token_id": [10**30]}, "eos_token_id"),
     ({"temperature": "hot"}, "temperature"), ({"top_k": 0.5}, "top_k"),
     ({"output_hidden_states": "x"}, "output_hidden"), ({"do_sample": "yes"}, "do_sample")],
)  # fmt: skip
def test_a_value_of_another_type_is_told_with_its_key(tmp_path, content, named):
    (tmp_path / NAME).write_text(json.dumps(content))
    with pytest.raises(InputError, match=NAME) as told:
        require_usable_generation(tmp_path)
    assert named in told.value.problem
    (tmp_path / NAME).write_text("[" * 100_000)
    with pytest.raises(InputError, match=NAME):
        require_usable_generation(tmp_path)

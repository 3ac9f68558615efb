"""A bridge's own tokenizer: what its processor makes of a text, kept beside the configuration of the model."""

import json

import pytest
import tiny_checkpoints
from transformers import AutoConfig, LlamaConfig

import macaw_cli.auto  # noqa: F401 - registers the configuration
from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.config.bridges.q_former import QFormerBridgeSettings
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.instruction_tokenizer import (
    InstructionTokenizer,
    instruction_tokenizer,
    saved_tokenizer,
    stock_tokenizer,
)

FILE = "image_instruction_tokenizer.json"


@pytest.fixture(scope="module")
def bert():
    return tiny_checkpoints.bert_tokenizer()


@pytest.fixture
def config(bert):
    """Of a model whose bridge for images has a tokenizer of its own."""
    llm = LlamaConfig(vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=12)
    bridge = QFormerBridgeSettings(layers=2, heads=2, instruction=True, vocabulary=len(bert))
    made = MacawConfig.for_llm(llm, bridge, {"image": (5, 8), "audio": (6, 8)})
    made.instruction_tokenizers = {"image": saved_tokenizer(bert, 512)}
    return made


@pytest.mark.parametrize("text", ["What is it?", "", "  How MANY\n noises, \u00e9!", "what " * 700])
@pytest.mark.parametrize("longest", [512, 7])
def test_the_ids_are_those_of_the_tokenizer_that_it_was_made_of(text, longest, bert):
    expected = bert(text, truncation=True, max_length=longest).input_ids
    assert InstructionTokenizer(saved_tokenizer(bert, longest)).ids(text) == expected


@pytest.mark.parametrize("longest", [512, 7])
def test_a_tokenizer_of_transformers_is_made_of_it_that_gives_it_again(longest, bert):
    content = saved_tokenizer(bert, longest)
    made = stock_tokenizer(content)
    assert saved_tokenizer(made, longest) == content
    assert made.special_tokens_map == bert.special_tokens_map and made.truncation_side == "left"
    with pytest.raises(DamagedError):
        stock_tokenizer("{}")


def test_a_special_token_that_the_text_spells_stays_text(bert):
    found = InstructionTokenizer(saved_tokenizer(bert, 512)).ids("what [SEP] is [DEC]")
    special = {bert.cls_token_id, bert.sep_token_id, bert.bos_token_id}
    assert [one for one in found if one in special] == [bert.cls_token_id, bert.sep_token_id]
    assert found[0] == bert.cls_token_id and found[-1] == bert.sep_token_id


def test_it_stands_in_a_file_beside_the_configuration(config, tmp_path):
    config.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["instruction_tokenizers"] == {"image": FILE}
    for found in (MacawConfig.from_pretrained(tmp_path), AutoConfig.from_pretrained(tmp_path)):
        own = instruction_tokenizer(found, "image")
        assert own.ids("What is it?") == instruction_tokenizer(config, "image").ids("What is it?")
        assert instruction_tokenizer(found, "audio") is None
    config.instruction_tokenizers = {}
    config.save_pretrained(tmp_path / "without")
    assert "instruction_tokenizers" not in json.loads((tmp_path / "without" / "config.json").read_text())
    assert MacawConfig.from_pretrained(tmp_path / "without").instruction_tokenizers == {}


@pytest.mark.parametrize("content", ["{}", '{"model": {"type": "WordPiece"}}', "[]", "no JSON"])
def test_a_damaged_file_is_one_message(content, config, tmp_path):
    config.save_pretrained(tmp_path)
    (tmp_path / FILE).write_text(content)
    with pytest.raises(DamagedError):
        instruction_tokenizer(MacawConfig.from_pretrained(tmp_path), "image")


def test_a_missing_file_is_named(config, tmp_path):
    config.save_pretrained(tmp_path)
    (tmp_path / FILE).unlink()
    with pytest.raises(InputError, match=FILE):
        MacawConfig.from_pretrained(tmp_path)


@pytest.mark.parametrize("name", ["../outside.json", "/etc/passwd", 3, ""])
def test_a_name_that_leads_elsewhere_is_refused(name, config, tmp_path):
    config.save_pretrained(tmp_path)
    content = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**content, "instruction_tokenizers": {"image": name}}))
    with pytest.raises(DamagedError):
        MacawConfig.from_pretrained(tmp_path)


def test_a_tokenizer_that_is_no_json_cannot_be_kept():
    with pytest.raises(InputError, match="object"):
        saved_tokenizer(object(), 512)

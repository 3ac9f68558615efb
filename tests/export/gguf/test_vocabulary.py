"""llama.cpp splits text into the same tokens as the tokenizer that a GGUF file was made from."""

import json
import unicodedata

import pytest
import tiny_gguf
from llama_cpp_child import needs_llama_cpp, run
from tiny_checkpoints import tokenizer
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from macaw_cli.basics.errors import MismatchError
from macaw_cli.export.gguf.pre_tokenizers import PRE_TOKENIZERS, pre_tokenizer_of
from macaw_cli.export.gguf.vocabulary import TokenType, tokenizer_obstacles, vocabulary

NASTY = [
    "", " ", "  ", "a", " a", "a ", "  lead and  double  spaces ", "\n", "\n\n\n", "a\n\n\nb \t c\r\n\r\n  \r x",
    "naïve café 日本語のテキスト 中文字符 한국어 😀👩‍👩‍👧‍👦 🇩🇪 ﷺ ½ ² Ⅷ \U0001d518\U0001d52b\U0001d526",
    "don't WE'LL I'm I'M they'Ve 'tis rock'n'roll o'clock", "x=1;y+=2//z /* */ a->b::c #!/bin/sh",
    "0 1 12 123 1234 12345678901234567890 3.14 1,000,000 ١٢٣ ⅔", "@x $y %z ^&*()_+{}|:\"<>?", "\u0660",
    "\u00a0nb\u2028ls\u200bzw\u3000wide \ufefffeff", "مرحبا بالعالم हिन्दी ไทย עברית Ελληνικά Кириллица", "a" * 300,
    "CamelCaseWords snake_case_words SHOUTING mixedUPlower ÀÉÎ àéî ǅ ŉ ß ẞ", "\x01\x7f\x1b[31m", "<s>",
    "</s> <|user|>", "<|user|>\nWhat is it?\n<|assistant|>\n", "https://example.org/a?b=c&d=%20#e me@example.org",
    "▁ underscores ▁▁ _ __", "....... ----- !!!??? ---a-b- ..a", "tab\tafter\t\ttabs",
    "e\u0301 combining a\u0308\u0323", "\u0378 unassigned",
]  # fmt: skip
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False)
TEXTS = NASTY * 3 + ["the quick brown fox jumps over the lazy dog, doesn't it? 2024 1999 123"] * 20


def trained(pre, *, whole_words=False, normalizer=None):
    """A byte-level tokenizer with a pre-tokenizer of its own, trained on the texts that it is tried on."""
    made = Tokenizer(models.BPE(ignore_merges=whole_words))
    made.pre_tokenizer = pre
    if normalizer is not None:
        made.normalizer = normalizer
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=["<pad>", "<s>", "</s>", "<|user|>", "<|assistant|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
    )  # fmt: skip
    made.train_from_iterator(TEXTS, trainer)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


def of_way(way):
    """The pre-tokenizer of a row of the table."""
    steps = []
    for kind, *more in way:
        if kind == "split":
            steps.append(pre_tokenizers.Split(Regex(more[0]), "isolated"))
        elif kind == "digits":
            steps.append(pre_tokenizers.Digits(individual_digits=True))
        else:
            steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=more == ["words"]))
    return steps[0] if len(steps) == 1 else pre_tokenizers.Sequence(steps)


def sentencepiece(*, before=True):
    """As converted from sentencepiece: BPE over characters and bytes, with marks for spaces."""
    made = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    steps = [normalizers.Prepend("▁")] if before else []
    made.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")])
    special = ["<unk>", "<s>", "</s>", "<|user|>", "<|assistant|>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=special, show_progress=False)
    made.train_from_iterator([text for text in TEXTS if text.isascii()], trainer)
    described = json.loads(made.to_str())
    described["added_tokens"] = described["added_tokens"][:5]
    made = Tokenizer.from_str(json.dumps(described))
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def has_marks(text):
    return any(unicodedata.category(one).startswith("M") for one in text)


def written(folder, words):
    """A file of a tiny LLM with these tokens."""
    model, _ = tiny_gguf.llm("llama", rows=len(words) + 3)
    return tiny_gguf.write(folder / "model.gguf", model, words)


def assert_equal_tokens(path, words, texts=NASTY):
    found = run(path, *(("ids", [text], {"special": True}) for text in texts))
    expected = [words(text).input_ids for text in texts]
    assert dict(zip(texts, found, strict=True)) == dict(zip(texts, expected, strict=True))


@needs_llama_cpp
@pytest.mark.parametrize("known", PRE_TOKENIZERS, ids=lambda known: known.name)
def test_each_way_of_splitting_is_llama_cpps(known, tmp_path):
    words = trained(of_way(known.way), whole_words=known.whole_words)
    assert pre_tokenizer_of(json.loads(words.backend_tokenizer.to_str())) is known
    texts = [text for text in NASTY if not known.differs or not has_marks(text)]
    assert_equal_tokens(written(tmp_path, words), words, texts)


@needs_llama_cpp
@pytest.mark.parametrize("before", [True, False])
def test_a_sentencepiece_tokenizer_is_llama_cpps(before, tmp_path):
    words = sentencepiece(before=before)
    assert_equal_tokens(written(tmp_path, words), words)


@needs_llama_cpp
def test_the_quickstarts_tokenizer_is_llama_cpps(tmp_path):
    words = tokenizer()
    assert_equal_tokens(written(tmp_path, words), words)


@needs_llama_cpp
def test_a_control_token_that_a_user_types_can_stay_text(tmp_path):
    words = tokenizer()
    spelled, meant = run(
        written(tmp_path, words), ("ids", ["</s>"], {"beginning": False}),
        ("ids", ["</s>"], {"beginning": False, "special": True}),
    )  # fmt: skip
    assert meant == [words.eos_token_id]
    assert words.eos_token_id not in spelled


def test_added_tokens_say_whether_they_control():
    words = tokenizer("<|tool|>")
    words.add_tokens([AddedToken("unsplit", normalized=False)])
    keys = vocabulary(words, len(words) + 2).keys
    kinds = dict(zip(keys["tokenizer.ggml.tokens"], keys["tokenizer.ggml.token_type"], strict=True))
    assert kinds["<|tool|>"] == TokenType.CONTROL
    assert (kinds["unsplit"], kinds["a"]) == (TokenType.USER_DEFINED, TokenType.NORMAL)
    assert list(kinds.values())[-2:] == [TokenType.UNUSED] * 2


def test_what_llama_cpp_splits_otherwise_is_told():
    known = next(known for known in PRE_TOKENIZERS if known.differs)
    assert known.differs in vocabulary(trained(of_way(known.way), whole_words=known.whole_words), 800).notes[0]


def test_unicode_normalization_is_told():
    way = next(known.way for known in PRE_TOKENIZERS if known.name == "qwen2")
    found = vocabulary(trained(of_way(way), normalizer=normalizers.NFC()), 800)
    assert found.keys["tokenizer.ggml.pre"] == "qwen2"
    assert len(found.notes) == 1 and "NFC" in found.notes[0]


@pytest.mark.parametrize(
    "pre",
    [
        pre_tokenizers.ByteLevel(add_prefix_space=True),
        pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), BYTES]),
    ],
)
def test_a_way_of_splitting_that_llama_cpp_lacks_is_refused(pre):
    words = trained(pre)
    assert "splits text" in tokenizer_obstacles(words)[0]
    with pytest.raises(MismatchError, match="splits text"):
        vocabulary(words, 800)


def test_a_tokenizer_of_whole_words_is_refused():
    made = Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a"))
    assert "WordLevel" in tokenizer_obstacles(PreTrainedTokenizerFast(tokenizer_object=made))[0]


def test_a_tokenizer_with_more_ids_than_the_llm_has_rows_is_refused():
    with pytest.raises(MismatchError, match="100 rows"):
        vocabulary(tokenizer(), 100)

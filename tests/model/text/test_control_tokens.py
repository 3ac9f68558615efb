"""Text to ids: a control token is one only where it is meant, whatever the kind of tokenizer."""

import pickle

import pytest
import tiny_macaw
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from macaw_cli.model.text.control_tokens import TextEncoder

WORDS = ["the cat says <s> and </s> or <|end|> twice", "a b c < > | / end s"] * 3
SPECIAL = ["<unk>", "<s>", "</s>", "<|end|>"]
NAMED = dict(unk_token="<unk>", bos_token="<s>", eos_token="</s>", additional_special_tokens=["<|end|>"])


def bytes_with_words():
    tokenizer = tiny_macaw.byte_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|end|>"]})
    tokenizer.add_tokens(["<think>", "   ", "kubernetes"])
    return tokenizer


def unigram():
    """SentencePiece's kind, whose vocabulary holds the control tokens as pieces with the best score."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    tokenizer.train_from_iterator(
        WORDS, trainers.UnigramTrainer(vocab_size=60, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **NAMED)


def llama_like():
    """A merged vocabulary behind a normalizer that puts a space before every text."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    trainer = trainers.BpeTrainer(vocab_size=80, special_tokens=SPECIAL, show_progress=False)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.train_from_iterator(WORDS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **NAMED)


def whole_words():
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.train_from_iterator(WORDS, trainers.WordLevelTrainer(special_tokens=SPECIAL, show_progress=False))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **NAMED)


KINDS = {"bytes": bytes_with_words, "unigram": unigram, "llama": llama_like, "words": whole_words}


@pytest.mark.parametrize("kind", KINDS)
def test_what_text_spells_is_text_and_what_is_meant_is_not(kind):
    tokenizer = KINDS[kind]()
    encoder = TextEncoder(tokenizer)
    end, controls = tokenizer.convert_tokens_to_ids("<|end|>"), set(encoder.ids_of.values()) - {tokenizer.unk_token_id}
    text = "the <|end|> says </s> and <s> <|end|>"
    assert controls.isdisjoint(encoder.ids(text))
    last = len(text) - len("<|end|>")
    ids = encoder.ids(text, [(last, len(text))])
    assert ids[-1] == end and controls.isdisjoint(ids[:-1])
    if kind != "words":
        assert tokenizer.decode(ids[:-1]).split() == text[:last].split()


@pytest.mark.parametrize("kind", KINDS)
def test_text_without_control_tokens_has_the_tokenizers_own_ids(kind):
    tokenizer = KINDS[kind]()
    encoder = TextEncoder(tokenizer)
    for text in ("the cat says", "", "a < b | c > end"):
        assert encoder.ids(text) == tokenizer(text, add_special_tokens=False).input_ids
    text = "the cat<|end|>\nsays </s>"
    assert encoder.ids(text, encoder.spelled(text)) == tokenizer(text, add_special_tokens=False).input_ids


def test_truncation_and_padding_that_a_tokenizer_file_names_are_not_used():
    tokenizer, text = tiny_macaw.byte_tokenizer(), "one two three"
    plain = tokenizer(text, add_special_tokens=False).input_ids
    tokenizer.backend_tokenizer.enable_truncation(4)
    assert TextEncoder(tokenizer).ids(text) == plain
    tokenizer.backend_tokenizer.enable_padding(length=64)
    assert TextEncoder(tokenizer).ids(text) == plain


def test_a_tokenizer_that_changes_texts_first_is_called_itself():
    class Lowering(PreTrainedTokenizerFast):
        def _encode_plus(self, text, *args, **options):
            return super()._encode_plus(text.lower(), *args, **options)

    tokenizer = Lowering(tokenizer_object=tiny_macaw.byte_tokenizer().backend_tokenizer, eos_token="</s>")
    assert TextEncoder(tokenizer).ids("ONE") == tiny_macaw.byte_tokenizer()("one", add_special_tokens=False).input_ids


def test_meant_and_spelled_tokens_have_the_ids_that_their_surroundings_give_them():
    tokenizer = llama_like()
    encoder = TextEncoder(tokenizer)
    text = "the cat</s> says </s>"
    meant = tokenizer("the cat</s>", add_special_tokens=False).input_ids
    assert encoder.ids(text, [(7, 11)])[: len(meant)] == meant


def test_added_words_and_white_space_are_text():
    tokenizer = bytes_with_words()
    encoder = TextEncoder(tokenizer)
    assert set(encoder.ids_of) == {"<s>", "</s>", "<|end|>", "<think>"}
    assert tokenizer.convert_tokens_to_ids("kubernetes") in encoder.ids("a kubernetes </s>   b")


def test_names_of_the_twin_are_no_control_tokens_in_text():
    tokenizer = bytes_with_words()
    encoder = TextEncoder(tokenizer)
    text = "\U000ffffd\U000f0001\U000ffffd</s>\U000f0001"
    assert tokenizer.decode(encoder.ids(text)) == text
    assert 1 not in encoder.ids(text)


def test_a_tokenizer_without_a_twin_is_given_pieces(monkeypatch):
    tokenizer = bytes_with_words()
    encoder = TextEncoder(tokenizer)
    monkeypatch.setattr("macaw_cli.model.text.control_tokens._twin", lambda *_: None)
    text = "a</s>b<think>c<|end|>"
    ids = encoder.ids(text, [(len(text) - 7, len(text))])
    assert tokenizer.decode(ids) == text
    assert [one for one in ids if one in encoder.ids_of.values()] == [tokenizer.convert_tokens_to_ids("<|end|>")]


def test_an_encoder_travels_to_other_processes():
    encoder = TextEncoder(bytes_with_words())
    ids = encoder.ids("</s>")
    assert pickle.loads(pickle.dumps(encoder)).ids("</s>") == ids

"""The word-level tokenizer of the captions, for CLIP's text tower and Whisper's decoder."""

from collections.abc import Iterable

from tokenizers import Tokenizer, pre_tokenizers, processors
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

START, END, PAD, UNKNOWN = "<|startoftext|>", "<|endoftext|>", "<|pad|>", "<|unknown|>"


def caption_tokenizer(captions: Iterable[str]) -> PreTrainedTokenizerFast:
    """A tokenizer with one token per word of `captions`; it puts START before and END after a text."""
    words = sorted({word for caption in captions for word in caption.split()})
    vocabulary = {token: number for number, token in enumerate([PAD, START, END, UNKNOWN, *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, vocabulary[START]), (END, vocabulary[END])])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=START, eos_token=END, pad_token=PAD,
                                   unk_token=UNKNOWN)

"""The lengths of 3,000 examples that stand for the paper's mix: a third each of text, image and video questions.

    python benchmarks/paper_mix.py          # writes paper_mix.json again, byte for byte

Means in words are published; the shape around them is an assumption: log-normal. Those of images and videos are the
paper's data files' (10.1 and 10.2 words asked, 15.7 and 14.9 answered). Alpaca's are not in its paper: 10 words asked,
44 answered, and 15 words of input in two of five examples fit the published files, which hold 367 characters of
instruction, input and output per example. A word is 4/3 LLaMA tokens. The template's tokens are counted, not assumed:
LLaMA's tokenizer makes 34 of Alpaca's text without and 51 with an input, and one of the line break before an answer.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

HERE = Path(__file__).parent
FILE = HERE / "paper_mix.json"
SEED, PER_KIND, MAX_TOKENS = 0, 1000, 512
Kind = Literal["text", "image", "video"]
MEDIA: dict[Kind, tuple[str, ...]] = {"text": (), "image": ("image",), "video": ("audio", "video")}
SOFT_TOKENS = {"image": 5, "audio": 6, "video": 39}
TAGS = 2

TOKENS_PER_WORD = 4 / 3
WORDS = {"text": (10.0, 44.0), "image": (10.1, 15.7), "video": (10.2, 14.9)}
"""Kind to mean words of the instruction and of the response."""
SPREAD = {"text": (0.5, 0.9), "image": (0.35, 0.55), "video": (0.35, 0.55)}
"""Standard deviation of the words' logarithm."""
INPUT_SHARE, INPUT_WORDS, INPUT_SPREAD = 0.4, 15.0, 1.0
TEMPLATE, TEMPLATE_WITH_INPUT, BEGIN, END = 35, 52, 1, 1


@dataclass(frozen=True)
class Example:
    """One conversation: its kind and the tokens of its text."""

    kind: Kind
    prompt: int
    """With the beginning-of-text token and the template, without media."""
    response: int
    """With the end token."""

    @property
    def text(self) -> int:
        """All tokens but those of media."""
        return self.prompt + self.response

    @property
    def length(self) -> int:
        """All tokens, with the macaw bridge's soft tokens and their tags."""
        return self.text + sum(SOFT_TOKENS[medium] + TAGS for medium in MEDIA[self.kind])


def load_mix() -> list[Example]:
    """The committed examples, kind after kind."""
    content = json.loads(FILE.read_text())
    return [
        Example(kind, prompt, response)
        for kind, columns in content["examples"].items()
        for prompt, response in zip(columns["prompt"], columns["response"], strict=True)
    ]


def main() -> None:
    """Draw the lengths and write them."""
    generator = np.random.default_rng(SEED)
    examples = {kind: draw(generator, kind) for kind in MEDIA}
    lines = ",\n".join(f'  "{kind}": {json.dumps(columns)}' for kind, columns in examples.items())
    FILE.write_text(f'{{"seed": {SEED}, "examples": {{\n{lines}\n}}}}\n')
    mix = load_mix()
    print(json.dumps({kind: summary([one for one in mix if one.kind == kind]) for kind in MEDIA}, indent=2))


def draw(generator: np.random.Generator, kind: Kind) -> dict[str, list[int]]:
    """Prompt and response tokens of `PER_KIND` examples; what does not fit `MAX_TOKENS` loses its end."""
    asked, answered = (
        words(generator, mean, spread) for mean, spread in zip(WORDS[kind], SPREAD[kind], strict=True)
    )
    prompt = BEGIN + TEMPLATE + tokens(asked)
    if kind == "text":
        given = generator.random(PER_KIND) < INPUT_SHARE
        more = TEMPLATE_WITH_INPUT - TEMPLATE + tokens(words(generator, INPUT_WORDS, INPUT_SPREAD))
        prompt = np.minimum(prompt + np.where(given, more, 0), MAX_TOKENS // 2)
    response = np.minimum(tokens(answered) + END, MAX_TOKENS - prompt)
    return {"prompt": prompt.tolist(), "response": response.tolist()}


def words(generator: np.random.Generator, mean: float, spread: float) -> np.ndarray:
    """`PER_KIND` log-normal numbers of words with that mean, at least one each."""
    return generator.lognormal(np.log(mean) - spread**2 / 2, spread, PER_KIND).clip(1)


def tokens(count: np.ndarray) -> np.ndarray:
    """Words to whole tokens."""
    return np.rint(count * TOKENS_PER_WORD).astype(int)


def summary(examples: list[Example]) -> dict[str, float]:
    """What the drawn lengths come to."""
    lengths = [one.length for one in examples]
    return {
        "examples": len(examples), "mean_tokens": round(float(np.mean(lengths)), 1),
        "mean_response_tokens": round(float(np.mean([one.response for one in examples])), 1),
        "longest": max(lengths), "text_over_256": sum(one.text > 256 for one in examples),
    }  # fmt: skip


if __name__ == "__main__":
    main()

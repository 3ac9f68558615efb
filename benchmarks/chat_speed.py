"""Answers of macaw's engine against plain `generate` of transformers with the same LLM, side by side in one run.

    python benchmarks/chat_speed.py                         # the tiny Llama that ships with the package
    python benchmarks/chat_speed.py --llm models/smollm2    # any folder of a causal LLM with its tokenizer
    python benchmarks/chat_speed.py --model runs/quickstart # also the start of `macaw chat --prompt` with this model

Both sides take a text or an image's soft tokens and a question, and answer greedily with as many tokens; the plain
side gets the same number of prompt tokens. `first token` is from the question to its first token, templates and
tokenizer included. A turn of a conversation reads its own tokens alone: the tenth is compared with the second. The
start is compared with a process that imports torch and transformers and loads the same LLM. CPU seconds (`--device
cuda`: seconds) of one thread, medians of rounds in turns; of the start the fastest.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from measuring import measure
from transformers import AutoConfig, AutoTokenizer

from macaw_cli.config.bridges.linear import LinearBridgeSettings
from macaw_cli.config.injections.none import NoInjectionSettings
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.inference.attachments import Attachment
from macaw_cli.inference.conversation_cache import ConversationCache
from macaw_cli.inference.conversations import conversation_request
from macaw_cli.inference.engine import Engine
from macaw_cli.inference.requests import GenerationRequest, TokenEvent
from macaw_cli.inference.sampling import GREEDY
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.folder import load_model
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.positions import stated_positions
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.quickstart.checkpoints import SHIPPED

FEATURES = (49, 512)
QUESTION = "What can be seen at the left of the large house, and which colors does it have? "
GOALS = {"first token": 1.15, "seconds per token": 1 / 0.95, "tenth turn": 1.2, "start": 1.3}
"""Largest ratio of macaw to what it is compared with."""
PLAIN_START = """
import sys, torch, transformers
transformers.AutoTokenizer.from_pretrained(sys.argv[1])
transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype="auto")
"""


class Sides:
    """The same LLM in macaw and alone."""

    def __init__(self, llm: str, device: str) -> None:
        config = MacawConfig.for_llm(
            AutoConfig.from_pretrained(llm), LinearBridgeSettings(), {"image": FEATURES},
            injection=NoInjectionSettings(),
        )  # fmt: skip
        self.tokenizer = AutoTokenizer.from_pretrained(llm)
        self.model = MacawForConditionalGeneration.build(config, llm).to(device).eval()
        template = "chat" if self.tokenizer.chat_template else "plain"
        self.encoder = ConversationEncoder(self.tokenizer, config, template)
        self.engine = Engine(self.model, self.tokenizer, frozenset())
        self.device = device

    def request(self, question: str, images: int, tokens: int) -> GenerationRequest:
        """A question with so many images, encoded."""
        features = torch.randn(FEATURES, generator=torch.Generator().manual_seed(0)).numpy()
        media = [Attachment("a.png", "image", features, FEATURES[0])] * images
        messages = [{"role": "user", "content": question}]
        return conversation_request(
            self.model, self.encoder, messages, media, max_new_tokens=tokens, sampling=GREEDY
        )  # fmt: skip

    def most(self, tokens: int) -> int:
        """How often the question fits into the LLM's positions, at most 20 times."""
        room = stated_positions(self.model.config) - tokens - 50
        return min(20, room // len(self.tokenizer(QUESTION).input_ids))

    def ours(self, question: str, images: int, tokens: int) -> tuple[float, float]:
        """Seconds to the first token, and per token after it."""
        began = self.now()
        times = [
            self.now() for event in self.engine.generate([self.request(question, images, tokens)])
            if isinstance(event, TokenEvent)
        ]  # fmt: skip
        return times[0] - began, (times[-1] - times[0]) / (len(times) - 1)

    def plain(self, question: str, length: int, tokens: int) -> tuple[float, float]:
        """The same of `generate`, for a prompt of so many tokens."""
        times: list[float] = []
        began = self.now()
        asked = self.tokenizer(question).input_ids
        ids = torch.tensor([(asked * (length // len(asked) + 1))[:length]], device=self.device)
        streamed = Times(self.now, times)
        options = {"max_new_tokens": tokens, "min_new_tokens": tokens, "do_sample": False, "pad_token_id": 0}
        self.model.language_model.generate(ids, attention_mask=torch.ones_like(ids), streamer=streamed, **options)
        return times[0] - began, (times[-1] - times[0]) / (len(times) - 1)

    def turns(self, count: int, tokens: int) -> list[float]:
        """Seconds that each turn of a conversation takes; all are as long."""
        cache, messages, took = ConversationCache(), [], []
        for _ in range(count):
            messages.append({"role": "user", "content": "What is it?"})
            began = self.now()
            request = conversation_request(
                self.model, self.encoder, messages, (), max_new_tokens=tokens, sampling=GREEDY, cache=cache
            )  # fmt: skip
            for _event in self.engine.generate([request]):
                pass
            took.append(self.now() - began)
            messages.append({"role": "assistant", "content": "It is a house."})
        return took

    def now(self) -> float:
        """Seconds of this process's CPU, or of the clock where a GPU computes."""
        if self.device == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()


class Times:
    """A streamer of transformers that notes when a token comes."""

    def __init__(self, now: Callable[[], float], times: list[float]) -> None:
        self._now, self._times, self._has_prompt = now, times, False

    def put(self, _tokens: Any) -> None:
        """One more token; the first call brings the prompt."""
        if self._has_prompt:
            self._times.append(self._now())
        self._has_prompt = True

    def end(self) -> None:
        """Nothing more comes."""


def answers(sides: Sides, rounds: int, tokens: int) -> Iterator[tuple[str, str, float, float]]:
    """What was measured, of what, and the medians of both sides."""
    for name, question, images in (
        ("a text", QUESTION, 0), ("a long text", QUESTION * sides.most(tokens), 0), ("an image and a text", QUESTION, 1)
    ):  # fmt: skip
        length = len(sides.request(question, images, 1).prompt)
        found: dict[str, list[tuple[float, float]]] = {"ours": [], "plain": []}
        for turn in range(rounds + 1):
            one = sides.ours(question, images, tokens), sides.plain(question, length, tokens)
            if turn:
                found["ours"].append(one[0])
                found["plain"].append(one[1])
        medians = {side: [statistics.median(part) for part in zip(*some, strict=True)] for side, some in found.items()}
        for place, goal in enumerate(("first token", "seconds per token")):
            yield goal, f"{name}, {length} tokens", medians["ours"][place], medians["plain"][place]


def starts(model: Path, rounds: int) -> tuple[float, float]:
    """CPU seconds of `macaw chat --prompt` of one token, and of importing and loading the same LLM."""
    ours = [sys.executable, "-m", "macaw_cli", "chat", str(model.absolute()), "--prompt", "Hm?"]
    took: dict[str, list[float]] = {"ours": [], "plain": []}
    with tempfile.TemporaryDirectory() as folder:
        loaded, processor = load_model(model)
        loaded.language_model.save_pretrained(folder)
        processor.tokenizer.save_pretrained(folder)
        del loaded
        for _ in range(rounds):
            took["ours"].append(measure([*ours, "--set", "chat.max_new_tokens=1"], Path(folder)).cpu_s)
            took["plain"].append(measure([sys.executable, "-c", PLAIN_START, folder], Path(folder)).cpu_s)
    return min(took["ours"]), min(took["plain"])


def main() -> int:
    """Print a line per comparison; 1 if one costs more than its goal."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--llm", default=str(SHIPPED / "llama"))
    options.add_argument("--model", type=Path)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--tokens", type=int, default=64)
    options.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    given = options.parse_args()
    torch.set_num_threads(1)
    with quiet_transformers():
        sides = Sides(given.llm, given.device)
    missed = 0
    lines = list(answers(sides, given.rounds, given.tokens))
    turns = [sides.turns(10, 16) for _ in range(given.rounds + 1)][1:]
    second, tenth = (statistics.median(took[place] for took in turns) for place in (1, 9))
    lines.append(("tenth turn", "against the second", tenth, second))
    if given.model is not None:
        lines.append(("start", f"of macaw chat --prompt, {given.model}", *starts(given.model, given.rounds)))
    for goal, what, ours, plain in lines:
        missed += ours / plain > GOALS[goal]
        ratio = f"ratio {ours / plain:.2f} (goal {GOALS[goal]:.2f})"
        print(f"{goal:18}{what:44}{1000 * ours:9.2f} ms{1000 * plain:9.2f} ms   {ratio}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())

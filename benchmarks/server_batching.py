"""Tokens per second of continuous batching against one request at a time, side by side in one run.

    python benchmarks/server_batching.py                          # the tiny Llama that ships with the package
    python benchmarks/server_batching.py --llm models/smollm2 [--device cuda] [--requests 32]

Requests are questions of several lengths, half of them with an image's features, answered greedily with different
numbers of tokens. One side answers them one after the other, the other side with `ContinuousBatch`, where they come two
per step. CPU seconds (`--device cuda`: seconds) of one thread, the faster of two rounds in turns. The goal is 4 times
as many tokens per second; answers have to be the same.
"""

import argparse
import random
import sys

import torch
from chat_speed import FEATURES, Sides

from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.inference.continuous import ContinuousBatch
from macaw_cli.inference.requests import GenerationRequest, TokenEvent
from macaw_cli.quickstart.checkpoints import SHIPPED

GOAL = 4.0
TEXT = "What is this red house at left of a small tree and which color has the man who walks there now"


def requests_of(sides: Sides, count: int, tokens: int) -> list[GenerationRequest]:
    """Questions with and without an image."""
    draw = random.Random(0)
    found = []
    for number in range(count):
        question = " ".join(draw.choices(TEXT.split(), k=draw.randrange(4, 40)))
        found.append(sides.request(question, number % 2, draw.randrange(tokens // 2, tokens + 1)))
    return found


def alone(sides: Sides, requests: list[GenerationRequest]) -> tuple[list[list[int]], float]:
    """Tokens of each answer, one after the other, and seconds."""
    began = sides.now()
    found = [
        [event.token for event in sides.engine.generate([one]) if isinstance(event, TokenEvent)] for one in requests
    ]
    return found, sides.now() - began


def together(sides: Sides, requests: list[GenerationRequest]) -> tuple[list[list[int]], float]:
    """The same in one batch, which they join two at a time."""
    began = sides.now()
    batch, waiting = ContinuousBatch(sides.engine, rows=32), list(requests)
    found: list[list[int]] = [[] for _ in requests]
    while waiting or not batch.idle:
        for one in waiting[:2]:
            batch.add(one)
        waiting = waiting[2:]
        for event in batch.step():
            if isinstance(event, TokenEvent):
                found[event.number].append(event.token)
    return found, sides.now() - began


def main() -> int:
    """Print both speeds; 1 if the batch is slower than its goal, or answers differ."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--llm", default=str(SHIPPED / "llama"))
    options.add_argument("--requests", type=int, default=32)
    options.add_argument("--tokens", type=int, default=64)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    given = options.parse_args()
    torch.set_num_threads(1)
    with quiet_transformers():
        sides = Sides(given.llm, given.device)
    requests = requests_of(sides, given.requests, given.tokens)
    alone(sides, requests[:2])
    one, many = [], []
    for _ in range(given.rounds):
        expected, seconds = alone(sides, requests)
        one.append(seconds)
        found, seconds = together(sides, requests)
        many.append(seconds)
    count = sum(map(len, expected))
    differ = sum(left != right for left, right in zip(expected, found, strict=True))
    ratio = min(one) / min(many)
    print(f"{given.requests} requests, {count} tokens, {FEATURES[0]} soft tokens per image")
    print(f"one at a time {count / min(one):9.1f} tokens/s")
    print(f"together      {count / min(many):9.1f} tokens/s   ratio {ratio:.2f} (goal {GOAL:.1f})")
    print(f"{differ} answers differ")
    return int(ratio < GOAL or differ > 0)


if __name__ == "__main__":
    sys.exit(main())

"""The baseline to beat: the loop that a practitioner writes in an afternoon, without macaw.

    python benchmarks/realmodels/hand_loop.py --llm models/smollm2 --features features --world world --rows rows.jsonl

A frozen LLM; Whisper features from macaw's store, trimmed to the sound's length and stacked; LayerNorm and an MLP
(`--plain`: the MLP alone); padded batches; AdamW with warm-up and a cosine. Prints one JSON object: accuracy with real,
without and with swapped audio per kind of question, the losses, and the seconds.
"""

import argparse
import io
import json
import random
import sys
import tarfile
import time
import wave
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer

FRAMES_PER_SECOND = 50  # of Whisper's encoder
NO_LABEL = -100


def read_features(store, world, rows, stack):
    """Features of every sound in `rows`, trimmed and stacked: file name to (soft tokens, channels x stack)."""
    arrays = {}
    for shard in sorted(store.glob("*.tar")):
        with tarfile.open(shard) as tar:
            arrays |= {m.name.partition(".")[0]: tar.extractfile(m).read() for m in tar if m.name.endswith(".npy")}
    manifest = [json.loads(line) for line in (store / "manifest.jsonl").read_text().splitlines()]
    key_of = {"/".join(row["path"].split("/")[-2:]): row["key"] for row in manifest if row.get("path")}
    found = {}
    for name in {row["audio"][0] for row in rows}:
        with wave.open(str(world / name)) as sound:
            frames = int(np.ceil(sound.getnframes() / sound.getframerate() * FRAMES_PER_SECOND))
        array = np.load(io.BytesIO(arrays[key_of["/".join(name.split("/")[-2:])]])).astype(np.float32)[:frames]
        array = np.pad(array, ((0, -len(array) % stack), (0, 0)))
        found[name] = torch.tensor(array.reshape(len(array) // stack, -1))
    return found


class HandLoop:
    """A frozen LLM and the bridge that is trained."""

    def __init__(self, llm, channels, plain):
        self.tokenizer = AutoTokenizer.from_pretrained(llm)
        self.llm = AutoModelForCausalLM.from_pretrained(llm).float().eval().requires_grad_(False)
        self.embed = self.llm.get_input_embeddings()
        width, size = self.embed.weight.shape[1], float(self.embed.weight.pow(2).mean().sqrt())
        if plain:
            self.bridge = nn.Sequential(nn.Linear(channels, width), nn.GELU(), nn.Linear(width, width))
        else:
            mlp = nn.Linear(channels, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
            self.bridge = nn.Sequential(nn.LayerNorm(channels), *mlp, nn.LayerNorm(width))
            nn.init.constant_(self.bridge[-1].weight, size)  # soft tokens as large as word embeddings

    def ids(self, text):
        """Token ids of a text."""
        return self.tokenizer(text, add_special_tokens=False).input_ids

    def sequence(self, row, answer, sound):
        """Input embeddings and labels of one conversation; `sound` is None for a prompt without one."""
        head, tail = self.ids("<|im_start|>user\n"), self.ids(f"\n{question(row)}<|im_end|>\n<|im_start|>assistant\n")
        labels = self.ids(f"{answer}<|im_end|>")
        soft = [] if sound is None else [self.bridge(sound)]
        parts = [self.embed(torch.tensor(head)), *soft, self.embed(torch.tensor(tail + labels))]
        embeddings = torch.cat(parts)
        return embeddings, torch.tensor([NO_LABEL] * (len(embeddings) - len(labels)) + labels)

    def log_likelihoods(self, sequences):
        """Log-likelihood of every label of a padded batch, and the mask (batch, length - 1) of where they stand."""
        embeddings, labels = zip(*sequences, strict=True)
        inputs = nn.utils.rnn.pad_sequence(embeddings, batch_first=True)
        targets = nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=NO_LABEL)[:, 1:]
        lengths = torch.tensor([len(part) for part in labels])
        mask = (torch.arange(inputs.shape[1]) < lengths[:, None]).long()
        hidden = self.llm.model(inputs_embeds=inputs, attention_mask=mask).last_hidden_state[:, :-1]
        placed = targets != NO_LABEL
        return -nn.functional.cross_entropy(self.llm.lm_head(hidden[placed]), targets[placed], reduction="none"), placed

    @torch.no_grad()
    def is_right(self, row, sound):
        """Whether the likeliest of a question's choices is its answer."""
        likelihoods, placed = self.log_likelihoods([self.sequence(row, choice, sound) for choice in row["choices"]])
        sums = torch.zeros(placed.shape).masked_scatter_(placed, likelihoods).sum(1)
        return row["choices"][int(sums.argmax())] == answer(row)


def question(row):
    """The question of a row."""
    return row["messages"][0]["content"]


def answer(row):
    """The answer of a row."""
    return row["messages"][1]["content"]


def train(loop, rows, sounds, options):
    """Train the bridge; yields (examples seen, loss) of every step."""
    steps = options.max_steps or int(options.epochs * len(rows) / options.batch)
    optimizer = torch.optim.AdamW(loop.bridge.parameters(), options.learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / max(1, steps // 20)) * 0.5 * (1 + np.cos(np.pi * step / steps))
    )
    draw, order = random.Random(options.seed), []
    for step in range(steps):
        while len(order) < options.batch:
            order += draw.sample(rows, len(rows))
        batch, order = order[: options.batch], order[options.batch :]
        sequences = [loop.sequence(row, answer(row), sounds[row["audio"][0]]) for row in batch]
        loss = -loop.log_likelihoods(sequences)[0].mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(loop.bridge.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 10 == 9:
            print(f"step {step + 1}/{steps} loss {loss.item():.3f}", file=sys.stderr, flush=True)
        yield (step + 1) * options.batch, loss.item()


def swap_partner(row, rows, seed):
    """A question of the same kind with another answer, which is among the choices of `row` where one exists."""
    others = [other for other in rows if other["kind"] == row["kind"] and answer(other) != answer(row)]
    among = [other for other in others if answer(other) in row["choices"]]
    return random.Random(seed).choice(among or others) if others else None


def evaluate(loop, rows, sounds):
    """Accuracy under each condition per kind of question."""
    right = {}
    for number, row in enumerate(rows):
        partner = swap_partner(row, rows, number)
        conditions = {"real": sounds[row["audio"][0]], "none": None}
        conditions |= {"swapped": sounds[partner["audio"][0]]} if partner else {}
        for name, sound in conditions.items():
            right.setdefault(row["kind"], {}).setdefault(name, []).append(loop.is_right(row, sound))
    return {
        kind: {"n": len(found["real"]), **{name: round(float(np.mean(values)), 4) for name, values in found.items()}}
        for kind, found in sorted(right.items())
    }


def main():
    """Train, evaluate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llm", required=True)
    parser.add_argument("--features", type=Path, required=True, help="macaw's feature store")
    parser.add_argument("--world", type=Path, required=True, help="folder that the rows' sounds are relative to")
    parser.add_argument("--rows", type=Path, required=True, help="conversations in macaw's own format")
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--max-steps", type=int)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--stack", type=int, default=4, help="features per soft token")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="Linear, GELU, Linear")
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.rows.read_text().splitlines()]
    training = [row for row in rows if row["split"] == "train"]
    held_out = [row for row in rows if row["split"] == "val" and "choices" in row]
    sounds = read_features(options.features, options.world, rows, options.stack)
    torch.manual_seed(options.seed)
    loop = HandLoop(options.llm, next(iter(sounds.values())).shape[1], options.plain)
    began = time.monotonic()
    curve = list(train(loop, training, sounds, options))
    trained = time.monotonic()
    kinds = evaluate(loop, held_out, sounds)
    seconds = {"train_s": round(trained - began, 1), "evaluate_s": round(time.monotonic() - trained, 1)}
    print(json.dumps({"kinds": kinds, "curve": curve, **seconds}))


if __name__ == "__main__":
    main()

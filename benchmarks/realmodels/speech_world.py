"""Make a small world of spoken English: sounds, and questions about them in macaw's own format.

    sudo apt-get install espeak-ng flite
    python benchmarks/realmodels/speech_world.py world

Words, numbers, colours and sentences are spoken by 20 synthetic voices at three speeds. Held out are 4 other voices,
and 30 words that are in no training file, not even inside a sentence. Written are `wav/train` and `wav/heldout`
(16 kHz, mono, no longer than what is said), `train.jsonl`, `heldout.jsonl` (split `val`), `alpaca.json` (text without
sounds), and, last, `utterances.json` (text, voice, speed and seconds of every sound). Equal sizes give equal questions.
"""

import argparse
import itertools
import json
import math
import random
import shutil
import subprocess
import sys
import wave
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import resample_poly

SEED, HERTZ = 1, 16000
TRAINING_SOUNDS, HELD_OUT_SOUNDS = 1500, 260


def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


COLOURS = words("red green blue yellow purple white black orange pink brown")
NUMBERS = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
ANIMALS = words("dog cat horse cow sheep lion tiger monkey rabbit mouse snake eagle chicken elephant dolphin")
THINGS = words(
    "table chair window door bottle hammer pencil camera guitar pillow ladder carpet basket candle mirror bicycle "
    "rocket wallet blanket kettle"
)
COMMANDS = words("stop go left right up down open close start begin forward backward follow listen repeat")
FOODS = words("apple banana bread butter cheese coffee honey lemon onion pepper potato sugar tomato water pizza")
PLACES = words("kitchen garden school market station hospital library church bakery airport bathroom museum")
VERBS = words("sleeps runs jumps waits sings eats hides plays")
SEEN = COLOURS + NUMBERS + ANIMALS + THINGS + COMMANDS + FOODS
UNSEEN = words(
    "zebra turtle parrot giraffe pigeon donkey scissors umbrella trumpet lantern necklace laptop shovel curtain "
    "bracelet spinach mushroom chocolate pineapple cucumber theatre village factory castle harbour silver violet "
    "thirty hundred continue"
)

Voice = tuple[str, str, str]
"""Program, voice, and espeak-ng's variant of it."""
AMERICAN = ("m1", "m3", "m5", "m7", "f1", "f3", "f5", "andy", "belinda")
TRAINING_VOICES: list[Voice] = [
    *(("espeak", "en-us", variant) for variant in AMERICAN),
    *(("espeak", "en", variant) for variant in ("m2", "m4", "f2", "f4")),
    ("espeak", "en-gb-x-rp", "m6"),
    ("espeak", "en-gb-scotland", "m8"),
    ("espeak", "en-029", "steph"),
    *(("flite", voice, "") for voice in ("slt", "awb", "kal16", "kal")),
]
HELD_OUT_VOICES: list[Voice] = [
    ("flite", "rms", ""),
    ("espeak", "en-us", "linda"),
    ("espeak", "en", "paul"),
    ("espeak", "en-gb-x-gbclan", "travis"),
]
SPEEDS = {"slow": 0.72, "normal": 1.0, "fast": 1.45}
PITCHES = (35, 45, 55, 65)


@dataclass(frozen=True)
class Utterance:
    """What is said, by whom, how, and into which file below `wav`."""

    name: str
    kind: str
    text: str
    facts: dict[str, str]
    voice: Voice
    speed: str
    pitch: int
    unseen: bool


def plan_utterances(sizes: dict[str, int], seed: int = SEED) -> tuple[list[Utterance], dict[str, list[dict[str, Any]]]]:
    """Everything that is said and asked, before any sound is made.

    Args:
        sizes: number of sounds of `train` and `heldout`.
        seed: fixes everything.

    Returns:
        The utterances, and the rows of macaw's own format per split.
    """
    draw = random.Random(seed)
    utterances, rows = [], {}
    for split, count in sizes.items():
        rows[split] = []
        for number in range(count):
            unseen = split == "heldout" and number % 3 == 0
            kind, text, facts = draw_text(draw, unseen=unseen)
            voice = draw.choice(TRAINING_VOICES if split == "train" else HELD_OUT_VOICES)
            name, speed, pitch = f"{split}/{number:05d}", draw.choice(list(SPEEDS)), draw.choice(PITCHES)
            utterance = Utterance(name, kind, text, facts, voice, speed, pitch, unseen)
            utterances.append(utterance)
            rows[split] += [_row(utterance, at, asked) for at, asked in enumerate(questions(draw, utterance))]
    return utterances, rows


def draw_text(draw: random.Random, *, unseen: bool) -> tuple[str, str, dict[str, str]]:
    """Kind, text, and what else is asked about it."""
    if unseen:
        return "word", draw.choice(UNSEEN), {}
    kind = draw.choices(["word", "number", "colour", "sentence"], [4, 2, 1.5, 2.5])[0]
    if kind in ("word", "number"):
        return kind, draw.choice(SEEN if kind == "word" else NUMBERS), {}
    lists = (COLOURS, ANIMALS, PLACES, VERBS, NUMBERS[2:], THINGS)
    colour, animal, place, verb, number, thing = (draw.choice(words) for words in lists)
    if kind == "colour":
        return kind, f"the {thing} is {colour}", {"colour": colour}
    first, second = f"the {animal} {verb} in the {place}", f"{number} {thing}s are in the {place}"
    return kind, draw.choice([first, second, f"put the {thing} next to the {animal}"]), {}


Asked = tuple[str, str, str, Sequence[str] | None]
"""Kind, question, answer, and the choices where there are any."""


def questions(draw: random.Random, said: Utterance) -> list[Asked]:
    """One or two questions about an utterance."""
    choices = sorted({said.text, *draw.sample(UNSEEN if said.unseen else SEEN, 7)})
    group = "unseen" if said.unseen else "seen"
    transcript: Asked = ("transcribe", "Transcribe.", said.text, None)
    found: list[Asked] = {
        "word": [(f"word/{group}", "What word is spoken?", said.text, choices)],
        "number": [("number", "Which number is spoken?", said.text, NUMBERS)],
        "colour": [("colour", "Which colour is named?", said.facts.get("colour", ""), COLOURS), transcript],
        "sentence": [transcript],
    }[said.kind]
    if said.kind != "colour":
        if said.speed != "normal" and draw.random() < 0.5:
            found.append(("speed", "Is the speaker fast or slow?", said.speed, ["fast", "slow"]))
        elif said.kind == "word":
            found.append((f"transcribe-word/{group}", "Transcribe.", said.text, None))
    return found


def _row(said: Utterance, number: int, asked: Asked) -> dict[str, Any]:
    kind, question, answer, choices = asked
    split, _, sound = said.name.partition("/")
    row: dict[str, Any] = {
        "id": f"{split}-{int(sound)}-{number}",
        "audio": [f"wav/{said.name}.wav"],
        "kind": kind,
        "split": "train" if split == "train" else "val",
        "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
    }
    return row | ({"choices": list(choices)} if choices else {})


def text_rows() -> list[dict[str, str]]:
    """Instructions without sounds, in Alpaca's format."""
    rows = [
        {"instruction": f"Name the number after {number}.", "input": "", "output": after}
        for number, after in itertools.pairwise(NUMBERS)
    ]
    rows += [{"instruction": "Spell the word.", "input": word, "output": "-".join(word.upper())} for word in SEEN]
    return rows + [{"instruction": "Repeat the word.", "input": word, "output": word} for word in SEEN]


def speak(said: Utterance, folder: Path) -> float:
    """Write `folder/<name>.wav`; returns its seconds."""
    path, raw = folder / f"{said.name}.wav", folder / f"{said.name}.raw.wav"
    subprocess.run(_command(said, raw), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with wave.open(str(raw)) as file:
        hertz, samples = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), np.int16)
    raw.unlink()
    samples = _cut_to_speech(samples.astype(np.float64), hertz)
    divisor = math.gcd(hertz, HERTZ)
    samples = resample_poly(samples, HERTZ // divisor, hertz // divisor) if hertz != HERTZ else samples
    samples = samples / max(1.0, np.abs(samples).max()) * 16000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(HERTZ)
        file.writeframes(samples.astype(np.int16).tobytes())
    return len(samples) / HERTZ


def _command(said: Utterance, path: Path) -> list[str]:
    (program, voice, variant), rate = said.voice, SPEEDS[said.speed]
    if program == "flite":
        stretch = f"duration_stretch={1 / rate:.2f}"
        return ["flite", "-voice", voice, "--setf", stretch, "-t", said.text, "-o", str(path)]
    speed, pitch = str(int(165 * rate)), str(said.pitch)
    return ["espeak-ng", "-v", f"{voice}+{variant}", "-s", speed, "-p", pitch, "-w", str(path), said.text]


def _cut_to_speech(samples: np.ndarray, hertz: int) -> np.ndarray:
    loud = np.flatnonzero(np.abs(samples) > 200)
    return samples[max(0, loud[0] - hertz // 20) : loud[-1] + hertz // 10] if len(loud) else samples


def make_world(out: Path, training: int = TRAINING_SOUNDS, held_out: int = HELD_OUT_SOUNDS) -> None:
    """Write the world to `out`, unless it is there."""
    if (out / "utterances.json").exists():
        return
    missing = [name for name in ("espeak-ng", "flite") if shutil.which(name) is None]
    if missing:
        sys.exit(f"{' and '.join(missing)} not found. Install: sudo apt-get install espeak-ng flite")
    utterances, rows = plan_utterances({"train": training, "heldout": held_out})
    for split, asked in rows.items():
        (out / "wav" / split).mkdir(parents=True, exist_ok=True)
        (out / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    (out / "alpaca.json").write_text(json.dumps(text_rows(), indent=1))
    with ThreadPoolExecutor() as pool:
        seconds = list(pool.map(lambda said: speak(said, out / "wav"), utterances))
    facts = {
        said.name: {"text": said.text, "voice": "-".join(said.voice), "speed": said.speed, "seconds": round(length, 3)}
        for said, length in zip(utterances, seconds, strict=True)
    }
    (out / "utterances.json").write_text(json.dumps(facts, indent=1))
    print(f"Wrote {len(utterances)} sounds to {out}, {np.mean(seconds):.2f} s on average", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the world")
    parser.add_argument("--training", type=int, default=TRAINING_SOUNDS, help="number of training sounds")
    parser.add_argument("--held-out", type=int, default=HELD_OUT_SOUNDS, help="number of held-out sounds")
    arguments = parser.parse_args()
    make_world(arguments.out, arguments.training, arguments.held_out)

"""Generation against a real HTTP server: nothing lost, nothing paid twice, and as fast as a bare loop.

    python benchmarks/generation.py [--items 10000] [--kills 10] [--only speed|trouble|money]

- speed: requests/s of `build-dataset --generate`'s loop and of a bare asyncio loop over the openai client, in turn, at
  64 requests at a time and replies after 200 ms (goal: ratio >= 0.95); CPU per request and memory at the beginning and
  the end; seconds after a burst of 429s until the rate is back (goal: 5 s).
- trouble: a server that misbehaves, and a run that is killed again and again: every item has its examples or a reject
  with a reason, no example twice, no request of the ledger sent again, and the bytes of an undisturbed run.
- money: the plan's likely cost after a probe of 20 against the actual cost (goal: within 15 %), and a cap.

Exit code 1 if a goal is missed. `--items` also sizes the speed test.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import read_json, read_jsonl
from macaw_cli.config.loading import open_workspace
from macaw_cli.dataset.conversations import Origin
from macaw_cli.dataset.generation.estimate import estimates
from macaw_cli.dataset.generation.generate import generate, opened_ledger, probe
from macaw_cli.dataset.generation.generator import Generator, make_generator
from macaw_cli.dataset.generation.request import SCHEMA
from macaw_cli.dataset.items import Item

HERE = Path(__file__).parent
AT_A_TIME = 64
BURST_AT_S, BURST_S = 6.0, 3.0
"""When the 429s begin, which leaves time to start, and for how long they last."""
GOAL_RATE, GOAL_COST, GOAL_BACK_S = 0.95, 0.15, 5.0
THINGS = ("dog", "violin", "red car", "woman with an umbrella", "train", "bowl of soup", "kite", "lighthouse")
PRICES = "prices={m: {input: 0.15, output: 0.6}}"


def items(count: int) -> list[Item]:
    """Images with five captions each."""
    drawn = random.Random(0)
    return [
        Item(
            id=f"{number:012d}", origin=Origin(0, "captions.json", number + 1),
            media={"image": (f"{number:012d}.jpg",)},
            captions=tuple(
                f"A {drawn.choice(THINGS)} near a {drawn.choice(THINGS)}, seen from place {number}." for _ in range(5)
            ),
        )
        for number in range(count)
    ]  # fmt: skip


@contextmanager
def server(*words: str) -> Iterator[str]:
    """Start the server; yields its address."""
    command = [sys.executable, str(HERE / "generation_server.py"), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def counts(address: str) -> dict[str, int]:
    """What the server has counted."""
    with urllib.request.urlopen(address.removesuffix("/v1") + "/counts") as reply:
        found: dict[str, int] = json.load(reply)
    return found


def generator_of(folder: Path, address: str, count: int, *settings: str) -> Generator:
    """A generator in a workspace of its own."""
    folder.mkdir(exist_ok=True)
    (folder / "macaw.yaml").write_text("version: 1\n")
    words = [f"generation.{one}" for one in (f"endpoint={address}", "model=m", PRICES, *settings)]
    return make_generator(open_workspace(folder, words), items(count))


def ours(folder: Path, address: str, count: int) -> tuple[float, float]:
    """Requests/s, and CPU seconds per request."""
    generator = generator_of(folder, address, count, f"concurrency={AT_A_TIME}")
    cpu = time.process_time()
    report = generate(generator, folder / "generated", [], lambda row: "", seed=0)
    return count / float(report["run"]["seconds"]), (time.process_time() - cpu) / count


def bare(folder: Path, address: str, count: int) -> tuple[float, float]:
    """The same requests by the shortest loop that one would write."""
    import openai

    generator = generator_of(folder, address, count)
    prompts = [generator.request_at(generator.queues[0], number).messages for number in range(count)]

    async def run() -> None:
        client = openai.AsyncOpenAI(base_url=address, api_key="none", max_retries=0)
        places = asyncio.Semaphore(AT_A_TIME)
        replies: list[str | None] = []

        async def one(messages: Any) -> None:
            async with places:
                reply = await client.chat.completions.create(
                    model="m", messages=messages, max_completion_tokens=2048, response_format=SCHEMA
                )
                replies.append(reply.choices[0].message.content)

        await asyncio.gather(*map(one, prompts))
        await client.close()

    started, cpu = time.perf_counter(), time.process_time()
    asyncio.run(run())
    return count / (time.perf_counter() - started), (time.process_time() - cpu) / count


def seconds_until_back(folder: Path, address: str) -> float:
    """Seconds after 3 s of nothing but 429 until replies come at 0.9 of the rate before."""
    answered: list[tuple[float, int]] = []
    begun = time.monotonic()
    over = begun + BURST_AT_S + BURST_S

    def watch() -> None:
        told = False
        while time.monotonic() < over + 10:
            if not told and time.monotonic() >= begun + BURST_AT_S:
                urllib.request.urlopen(f"{address.removesuffix('/v1')}/burst?seconds={BURST_S}").close()
                told = True
            answered.append((time.monotonic(), counts(address)["answered"]))
            time.sleep(0.25)

    watcher = threading.Thread(target=watch)
    watcher.start()
    generator = generator_of(folder, address, 6000, f"concurrency={AT_A_TIME}")
    generate(generator, folder / "generated", [], lambda row: "", seed=0)
    watcher.join()
    rates = [
        (later, (more - fewer) / (later - earlier))
        for (earlier, fewer), (later, more) in zip(answered, answered[4:], strict=False)
    ]
    before = max(rate for moment, rate in rates if moment < begun + BURST_AT_S)
    return next((moment - over for moment, rate in rates if moment > over and rate >= 0.9 * before), float("inf"))


def memory_mb() -> float:
    """Resident memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def speed(root: Path, count: int) -> bool:
    """Rates side by side, CPU and memory."""
    with server("--seconds", "0.2") as address:
        ours(root / "warm", address, 200)
        before = memory_mb()
        short = min(2000, count)
        pairs = [(bare(root / f"bare{n}", address, short), ours(root / f"ours{n}", address, short)) for n in range(3)]
        for (bare_rate, bare_cpu), (rate, cpu) in pairs:
            print(
                f"bare loop {bare_rate:.0f} requests/s, {bare_cpu * 1e3:.2f} ms of CPU each;"
                f" macaw {rate:.0f} requests/s, {cpu * 1e3:.2f} ms; ratio {rate / bare_rate:.3f}"
            )
        ratio = sorted(rate / bare_rate for (bare_rate, _), (rate, _) in pairs)[1]
        middle = memory_mb()
        rate, cpu = ours(root / "long", address, count)
        after = memory_mb()
        back = seconds_until_back(root / "burst", address)
    print(f"after {BURST_S:.0f} s of 429, the rate is back after {back:.1f} s (goal: {GOAL_BACK_S:.0f} s)")
    first = pairs[0][1][1]
    print(f"{count:,}: {rate:.0f} requests/s, {cpu * 1e3:.2f} ms of CPU each (first {short:,}: {first * 1e3:.2f})")
    print(f"memory: {before:.0f} MB before, {middle:.0f} MB after {3 * short:,}, {after:.0f} MB after {count:,} more")
    print(f"ratio {ratio:.3f} (goal >= {GOAL_RATE})")
    return ratio >= GOAL_RATE and back <= GOAL_BACK_S


def start(folder: Path, address: str, count: int) -> "subprocess.Popen[bytes]":
    """A generation in a process that can be killed."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[4])\nfrom pathlib import Path\nimport generation\n"
        "folder = Path(sys.argv[1])\n"
        "made = generation.generator_of(folder, sys.argv[2], int(sys.argv[3]), 'timeout_s=5')\n"
        "generation.generate(made, folder / 'generated', [], lambda row: '', seed=0)\n"
    )
    words = [sys.executable, "-c", code, str(folder), address, str(count), str(HERE)]
    return subprocess.Popen(words, env={**os.environ, "PYTHONPATH": str(HERE.parent)}, stderr=subprocess.DEVNULL)


def kept(folder: Path) -> int:
    """Replies in the ledger."""
    file = folder / "generated" / "ledger.sqlite"
    if not file.is_file():
        return 0
    database = sqlite3.connect(file)
    try:
        found: int = database.execute("SELECT COUNT(*) FROM replies").fetchone()[0]
    except sqlite3.OperationalError:
        found = 0
    database.close()
    return found


def trouble(root: Path, count: int, kills: int) -> bool:
    """Killed again and again against a server that misbehaves."""
    killed, undisturbed = root / "killed", root / "undisturbed"
    drawn = random.Random(1)
    with server("--seconds", "0.05", "--trouble") as address:
        for number in range(1, kills + 1):
            process = start(killed, address, count)
            wanted, deadline = number * count // (kills + 1), time.monotonic() + 300
            while kept(killed) < wanted and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.2)
            time.sleep(drawn.random())
            process.send_signal(signal.SIGKILL)
            process.wait()
        while start(killed, address, count).wait() != 0:
            print("a run failed")
            return False
        seen = counts(address)
    with server("--seconds", "0", "--trouble") as address:
        start(undisturbed, address, count).wait()
    first, second = killed / "generated", undisturbed / "generated"
    files = ("conversations.jsonl", "rejects.jsonl")
    same = all((first / name).read_bytes() == (second / name).read_bytes() for name in files)
    rows, rejects = read_jsonl(first / "conversations.jsonl"), read_jsonl(first / "rejects.jsonl")
    ids = [row["id"] for row in rows]
    told = {row["id"].split("/")[0] for row in rows} | {row["id"] for row in rejects if row["reason"]}
    report = read_json(first / "generation.json")
    print(
        f"{count:,} items, {kills} kills: {len(rows):,} examples, {len(rejects):,} rejects, {len(told):,} items"
        " accounted for"
    )
    print(f"outcomes: {report['generator']['kinds']['question-answer']['outcomes']}")
    bound = kills * 2 * AT_A_TIME
    print(f"examples twice: {len(ids) - len(set(ids))}; same bytes as undisturbed: {same}")
    print(f"replies sent twice by the server: {seen['twice']} (those under way at {kills} kills: at most {bound})")
    return same and len(ids) == len(set(ids)) and len(told) == count and seen["twice"] <= bound


def money(root: Path, count: int) -> bool:
    """The plan after a probe against what was spent, and the cap."""
    with server("--seconds", "0.02") as address:
        planned = generator_of(root / "money", address, count)
        probe(planned, root / "money" / "generated", 20)
        with opened_ledger(root / "money" / "generated") as ledger:
            planned.expectation.learn_from(ledger)
        likely = sum(kind.likely for kind in estimates(planned))
        fresh = sum(kind.likely for kind in estimates(generator_of(root / "fresh", address, count)))
        made = generator_of(root / "money", address, count)
        actual = generate(made, root / "money" / "generated", [], lambda row: "", seed=0)
        cost = actual["ledger"]["cost"]
        cap = cost / 3
        capped = generator_of(root / "capped", address, count, f"max_cost={cap}")
        spent = generate(capped, root / "capped" / "generated", [], lambda row: "", seed=0)["ledger"]["cost"]
    one = cost / count
    off = likely / cost - 1
    print(f"likely ${likely:.4f} after a probe of 20 (${fresh:.4f} without), actual ${cost:.4f}: {off:+.1%}")
    print(f"cap ${cap:.4f}, spent ${spent:.4f}; those under way cost at most ${2 * AT_A_TIME * one:.4f}")
    return abs(off) <= GOAL_COST and spent <= cap + AT_A_TIME * one


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--only", choices=("speed", "trouble", "money"))
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="macaw-generation-"))
    try:
        tests = {
            "speed": lambda: speed(root, options.items),
            "trouble": lambda: trouble(root, options.items, options.kills),
            "money": lambda: money(root, min(options.items, 1000)),
        }
        results = [run() for name, run in tests.items() if options.only in (None, name)]
    finally:
        shutil.rmtree(root)
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()

"""How many requests a server answers at once: 32 clients against one, media mixed; answers compared, memory watched.

    python benchmarks/serving.py [--workspace DIR] [--requests 500] [--clients 32] [--tokens 32] [--long 2000]

Without a workspace: a tiny one with random weights, whose answers never end before their limit. Each phase has a server
process of its own, so that no cache of one helps the other. Prints one line per phase and the ratios, and exits with 1
where an answer differs or a request fails.
"""

import argparse
import asyncio
import base64
import io
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from benchmarks.measuring import tree_of  # noqa: E402 - found through the line above

QUESTIONS = ("What is this?", "Describe it in one sentence, please.", "What do you see and hear, and why?", "Colour?")
SETTLED = 400
"""Requests after which memory is measured first: `SMALL_CACHES` are full by then."""
SMALL_CACHES = ("serve.cached_prompt_megabytes=64", "serve.cached_media_megabytes=16")


def main() -> None:
    """Measure, print, compare."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--workspace", type=Path)
    options.add_argument("--requests", type=int, default=500)
    options.add_argument("--clients", type=int, default=32)
    options.add_argument("--tokens", type=int, default=32)
    options.add_argument("--layers", type=int, default=8, help="of the tiny workspace's LLM")
    options.add_argument("--long", type=int, default=2000)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = asked.workspace or tiny_workspace(Path(folder) / "workspace", asked.layers)
        bodies = [body(number, workspace, asked.tokens) for number in range(asked.requests)]
        alone, alone_s, alone_cpu = phase(workspace, bodies, 1)
        together, together_s, together_cpu = phase(workspace, bodies, asked.clients)
        same = sum(one == other for one, other in zip(alone, together, strict=True))
        failed = sum(isinstance(one, int) for one in (*alone, *together))
        print(f"one at a time: {len(bodies) / alone_s:.2f} requests/s, {alone_cpu / len(bodies):.3f} CPU s each")
        print(f"{asked.clients} clients: {len(bodies) / together_s:.2f} requests/s, "
              f"{together_cpu / len(bodies):.3f} CPU s each")  # fmt: skip
        print(f"throughput {alone_s / together_s:.2f} x, per CPU second {alone_cpu / together_cpu:.2f} x")
        print(f"equal answers: {same} of {len(bodies)}; failed requests: {failed}")
        flat = memory(workspace, asked) if asked.long else True
        sys.exit(not (same == len(bodies) and not failed and flat))


def phase(workspace: Path, bodies: Sequence[dict[str, Any]], clients: int) -> tuple[list[str | int], float, float]:
    """Answers of a server of its own, seconds, and CPU seconds of the server with its decoders.

    Where other work shares the cores, CPU seconds say more than the clock does.
    """
    with serving(workspace) as (url, process):
        asyncio.run(answers(url, bodies[:2], 1))
        before = cpu_seconds(process.pid)
        told, seconds = asyncio.run(answers(url, bodies, clients))
        return told, seconds, cpu_seconds(process.pid) - before


def cpu_seconds(pid: int) -> float:
    """User and system seconds of a process and its children."""
    ticks = 0
    for one in tree_of(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(workspace: Path, asked: argparse.Namespace) -> bool:
    """Whether the memory of the server's processes is flat over many requests."""
    bodies = [body(number, workspace, asked.tokens) for number in range(asked.long)]
    with serving(workspace, *SMALL_CACHES) as (url, process):
        asyncio.run(answers(url, bodies[:SETTLED], asked.clients))
        before = resident(process.pid)
        rest = bodies[SETTLED:]
        told, _ = asyncio.run(answers(url, rest, asked.clients))
        after = resident(process.pid)
    failed = sum(isinstance(one, int) for one in told)
    print(f"memory after {SETTLED} requests: {before / 1e6:.0f} MB; after {asked.long}: {after / 1e6:.0f} MB; "
          f"failed requests: {failed}")  # fmt: skip
    return not failed and after < 1.1 * before


def resident(pid: int) -> int:
    """Resident memory of a process and its children, in bytes."""
    pages = 0
    for one in tree_of(pid):
        try:
            pages += int(Path(f"/proc/{one}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE")


async def answers(url: str, bodies: Sequence[dict[str, Any]], clients: int) -> tuple[list[str | int], float]:
    """The text of every answer, or its HTTP status where it failed; and the seconds for all."""
    found: list[str | int] = [0] * len(bodies)
    waiting = iter(enumerate(bodies))
    timeout = aiohttp.ClientTimeout(total=600)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=clients), timeout=timeout) as session:

        async def client() -> None:
            for number, one in waiting:
                async with session.post(f"{url}/v1/chat/completions", json=one) as response:
                    told = await response.json()
                    whole = response.status == 200
                    found[number] = told["choices"][0]["message"]["content"] if whole else response.status

        began = time.monotonic()
        await asyncio.gather(*(client() for _ in range(clients)))
        return found, time.monotonic() - began


def body(number: int, workspace: Path, tokens: int) -> dict[str, Any]:
    """A request with some media; the same number gives the same request."""
    dice = random.Random(number)
    videos = sorted((workspace / "media").rglob("*.mp4"))[:20]
    made = {"image": image, "audio": audio, "video": lambda _: dice.choice(videos).read_bytes()}
    kinds = dice.choice([(), ("image",), ("audio",), ("image", "audio"), ("video",), ("image",), ("audio",)])
    parts = [
        {"type": f"{kind}_url", f"{kind}_url": {"url": f"data:;base64,{base64.b64encode(made[kind](number)).decode()}"}}
        for kind in kinds
    ]
    content = [*parts, {"type": "text", "text": f"{dice.choice(QUESTIONS)} ({number})"}]
    message = {"role": "user", "content": content}
    return {"model": "served", "messages": [message], "temperature": 0, "max_tokens": tokens}


def image(seed: int) -> bytes:
    """A PNG of coloured blocks."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(blocks).resize((320, 240), 0).save(out, "PNG")
    return out.getvalue()


def audio(seed: int) -> bytes:
    """One second of a tone, as a WAV."""
    tone = np.sin(np.arange(16_000) * (0.05 + seed % 97 / 200)) * 12_000
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(tone.astype(np.int16).tobytes())
    return out.getvalue()


@contextmanager
def serving(workspace: Path, *settings: str) -> Any:
    """A server in a process of its own: its address and the process."""
    command = [sys.executable, "-m", "macaw_cli", "serve", "--port", "0"]
    for setting in ("serve.model_name=served", *settings):
        command += ["--set", setting]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, cwd=workspace, stderr=log, env=environment)
        try:
            yield _address(process, log), process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _address(process: "subprocess.Popen[bytes]", log: Any) -> str:
    while process.poll() is None:
        log.seek(0)
        if found := re.search(r"http://[\d.]+:\d+", log.read()):
            return found[0]
        time.sleep(0.2)
    log.seek(0)
    sys.exit(log.read())


def tiny_workspace(root: Path, layers: int) -> Path:
    """A workspace with a model of random weights, its LLM larger than that of the tests."""
    import tiny_macaw
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    root.mkdir()
    tiny_macaw.make_workspace(root)
    tokenizer = tiny_macaw.byte_tokenizer()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=256, intermediate_size=1024, num_hidden_layers=layers,
        num_attention_heads=8, max_position_embeddings=768, initializer_range=0.1,
        bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(root / "models/llm")
    tiny_macaw.make_model(root, "served")
    (root / "runs/served/settings.yaml").write_text(tiny_macaw.SETTINGS)
    return root


if __name__ == "__main__":
    main()

"""Real commands on a tiny workspace, several at a time: precisions, ZeRO stages, adapters, resume, evaluate, chat."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
import yaml
from results import ON_GPU, OUT, Part
from tiny_world import make_world, settings_tree
from transformers import LlamaConfig, LlamaForCausalLM

AT_ONCE, LIMIT_S = (7, 110) if ON_GPU else (1, 150)
WARNED = re.compile(r"[Ww]arn|NCCL|deprecat")
Command = list[str]


def main() -> None:
    """Run all chains of commands."""
    part = Part("commands")
    root = Path(tempfile.mkdtemp(prefix="macaw-commands-"))
    try:
        world = make_world(root / "world")
        grouped_heads(world / "llm")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for name, found in pool.map(lambda item: (item[0], run_chain(*item, world, root)), chains().items()):
                part.put(name, found)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def chains() -> dict[str, tuple[dict, list[Command]]]:
    """By name: the settings of the training that differ, and the commands to type one after another."""
    base = {"device": "cuda" if ON_GPU else "cpu", "precision": "bf16", "evaluate_every": 3, "max_steps": 6}
    train = ["train", *(["--gpus", "1"] if ON_GPU else [])]
    ask = [["evaluate", "--json"], ["chat", "--prompt", "Say red", "--json"]]
    if not ON_GPU:
        return {"bf16": (base | {"evaluate_every": None}, [train])}
    fp16 = {"precision": "fp16", "max_steps": 30}
    return {
        "bf16": (base, [train, *ask]),
        "plan": (base, [[*train, "--plan", "--json"]]),
        "fp16": (base | fp16, [train, *ask]),
        "fp32": (base | {"precision": "fp32"}, [train]),
        "deterministic": (base | {"bridge": "macaw", "deterministic": True}, [train]),
        "zero 1": (base | {"zero_stage": 1}, [train]),
        "zero 2": (base | {"zero_stage": 2}, [train]),
        "zero 2 in fp16": (base | fp16 | {"zero_stage": 2}, [train]),
        "zero 3": (base | {"zero_stage": 3}, [train, ["evaluate", "--json"]]),
        "zero 2, offload": (base | {"zero_stage": 2, "offload": True}, [train]),
        "zero 3, offload": (base | {"zero_stage": 3, "offload": True}, [train]),
        "lora": (base | {"adapter": {"kind": "lora"}}, [train, *ask]),
        "checkpointing": (base | {"gradient_checkpointing": True}, [train]),
        "compile": (base | {"compile": True}, [train]),
        "attention flex": (base | {"attention": "flex"}, [train]),
        "on the cpu": (base | {"device": "cpu", "precision": "fp32"}, [["train"]]),
        "doctor": (base, [["doctor"]]),
    }


def run_chain(name: str, chain: tuple[dict, list[Command]], world: Path, root: Path) -> dict[str, object]:
    """Type the commands of one chain in a workspace of its own; the first that fails ends it."""
    training, commands = dict(chain[0]), chain[1]
    folder = root / re.sub(r"\W+", "-", name)
    folder.mkdir()
    tree = settings_tree(bridge=training.pop("bridge", "linear"), **training)
    tree["llm"], tree["dataset"]["out"] = str(world / "llm"), str(world / "dataset")
    (folder / "macaw.yaml").write_text(yaml.safe_dump(tree))
    told = []
    for words in commands:
        told.append(run_command(name, words, folder))
        if told[-1]["exit"]:
            break
    rows = [json.loads(line) for file in folder.glob("runs/*/metrics.jsonl") for line in file.open()]
    losses = [round(row["loss"], 4) for row in rows if row.get("loss") is not None]
    memory = max((row.get("memory") or 0 for row in rows), default=None)
    return {"losses": losses[:6], "memory": memory, "commands": told}


def run_command(name: str, words: Command, folder: Path) -> dict[str, object]:
    """One command: how it ended, how long it took, what it warned of; all that it said goes to `commands.txt`."""
    began = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "macaw_cli", *words], cwd=folder, capture_output=True, text=True, timeout=LIMIT_S,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        code, out, err = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        code, out, err = "timeout", "", ""
    told = {"command": " ".join(words), "exit": code, "seconds": round(time.monotonic() - began, 1)}
    warned = sorted({line.strip()[:200] for line in err.splitlines() if WARNED.search(line)})
    told |= {"warnings": warned[:8]} if warned else {}
    told |= {"stdout": out[-1500:], "stderr": err[-2500:]} if code else {}
    with (OUT / "commands.txt").open("a") as log:
        log.write(f"##### {name}: {' '.join(words)} -> {code}\n{out[-3000:]}\n{err[-6000:]}\n")
    return told


def grouped_heads(folder: Path) -> None:
    """An LLM with heads in two groups, in bf16 as published ones are."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=258, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=1024, bos_token_id=256, eos_token_id=257,
    )  # fmt: skip
    LlamaForCausalLM(config).bfloat16().save_pretrained(folder)


if __name__ == "__main__":
    main()
